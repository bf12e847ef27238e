"""Counting what a person would count: words, sentences, paragraphs, lines, capital words.

    len(words("Well-known, isn't it?"))                         # 3
    sentences("Dr. Smith left at 5 p.m. today. Why?")           # ["Dr. Smith left at 5 p.m. today.", "Why?"]

Own rules, the same on every machine, in linear time; no model is downloaded. A sentence ends at `.`, `!`, `?`, or a
full stop of another script; never at the end of a line alone, so a heading belongs to the sentence behind it.
"""

import re

from verigym.verifiers.answers import WrongAnswer

_DASHES = re.compile(r"[—–]|--+")
_ITEM = re.compile(r"^[ \t]*[0-9]{1,9}[.)](?=[ \t])", re.MULTILINE)
_ONE_A_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
"""Kana and Chinese characters: written without blanks, each counts as one word"""
_LETTER = re.compile(r"[^\W_]")
_RUN = re.compile(r"\w+")
_CAPITAL = re.compile(r"\w+(?:[-'’.&/]\w+)*")
_END = re.compile(
    r"(?<![.!?…])[.!?…]++[\"'”’)\]*_»]*+(?=\s|$)"  # only the first mark of a run is a start: linear on "....."
    r"|[。！？।॥؟۔]++[\"”’」』)\]*_]*+"
)
_BEFORE = re.compile(r"(?:^|[\s(\[\"'“‘*_])([^\s(\[\"'“‘*_]{1,24})$")
_MARKER = re.compile(r"(?:^|\n)[ \t>*_#-]{0,12}(?:[0-9]{1,3}|[A-Za-z])$")
_INITIALS = re.compile(r"[A-Z](?:\.[A-Z]){0,5}")
_TITLE = re.compile(
    r"mrs?|ms|mx|dr|prof|st|rev|hon|gen|col|maj|capt|lt|sgt|gov|sen|rep|pres|messrs|mt|vs?|cf|e\.g|i\.e|viz|approx|al",
    re.IGNORECASE,
)
"""abbreviations that something follows: a full stop behind them never ends a sentence"""
_BEFORE_NUMBER = re.compile(
    r"nos?|figs?|eqs?|sec|chs?|vol|pp?|ca|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec", re.IGNORECASE
)
"""abbreviations that a number follows: a full stop between them and a digit ends nothing"""
_MAYBE = re.compile(r"etc|inc|ltd|corp|co|jr|sr|dept|est|approx|min|max|(?:[a-z]\.){1,4}[a-z]", re.IGNORECASE)
"""abbreviations that may end a sentence: they do unless a lower-case letter follows"""


def words(text: str) -> list[str]:
    """The words: runs without blanks that hold a letter or digit, so that "isn't", "well-known" and "3.14" are one
    each; a Chinese character or kana is a word; the number of a list's item is none."""
    found: list[str] = []
    for run in _DASHES.sub(" ", _ITEM.sub("", text)).split():
        parts = [run]
        if not run.isascii():
            found += _ONE_A_WORD.findall(run)
            parts = _ONE_A_WORD.sub(" ", run).split()
        found += [part for part in parts if _LETTER.search(part)]
    return found


def word_runs(text: str) -> list[str]:
    r"""Runs of letters, digits and underscores (`\w+`), as the reference checker of IFEval counts words: "isn't" is
    two."""
    return _RUN.findall(text)


def capital_words(text: str) -> list[str]:
    """The words without a lower-case letter, such as "I", "NASA" and "WELL-KNOWN"."""
    return [word for word in _CAPITAL.findall(text) if word.isupper()]


def sentences(text: str) -> list[str]:
    """The sentences, in order, each with what ends it. Text without a letter or digit is none."""
    found, begun = [], 0
    for end in _END.finditer(text):
        if _ends(text, end):
            found.append(text[begun : end.end()].strip())
            begun = end.end()
    found.append(text[begun:].strip())
    return [sentence for sentence in found if _LETTER.search(sentence)]


def _ends(text: str, end: re.Match[str]) -> bool:
    """Whether a mark ends a sentence: not behind an abbreviation, an initial or the number of a list's item, and an
    ellipsis not before a lower-case letter. Text without capitals has sentences too, so their case decides only there
    and behind what may be an abbreviation."""
    if end.group()[0] in "。！？।॥؟۔" or "!" in end.group() or "?" in end.group():
        return True
    following = _next_letter(text, end.end())
    if end.group()[0] != "." or end.group().startswith(".."):
        return not following.islower()
    before = text[max(0, end.start() - 40) : end.start()]
    if _MARKER.search(before):
        return False
    found = _BEFORE.search(before)
    word = found[1] if found else ""
    if _TITLE.fullmatch(word) or (_INITIALS.fullmatch(word) and word != "I"):
        return False
    if _BEFORE_NUMBER.fullmatch(word) and following.isdigit():
        return False
    return not (following.islower() and _MAYBE.fullmatch(word))


def _next_letter(text: str, at: int) -> str:
    while at < len(text) and text[at].isspace():
        at += 1
    return text[at : at + 1]


def paragraphs(text: str) -> list[str]:
    """The blocks of text between blank lines."""
    found: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip():
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return ["\n".join(block) for block in found if block]


def lines(text: str) -> list[str]:
    """The lines that are not blank."""
    return [line for line in text.splitlines() if line.strip()]


def amount(count: int, what: str, min: int | None, max: int | None, exact: int | None) -> str:
    """What is wrong with a count, or an empty text. Raises WrongAnswer where no bound is given."""
    if min is None and max is None and exact is None:
        raise WrongAnswer(f"a rule that counts {what} needs min, max or exact")
    if exact is not None and count != exact:
        return f"{count} {what}, not {exact}"
    if min is not None and count < min:
        return f"{count} {what}, fewer than {min}"
    if max is not None and count > max:
        return f"{count} {what}, more than {max}"
    return ""


def check_bounds(where: str, min: int | None = None, max: int | None = None, exact: int | None = None) -> None:
    """Raises WrongAnswer for bounds that no count can meet, or of which one says nothing."""
    if any(bound is not None and bound < 0 for bound in (min, max, exact)):
        raise WrongAnswer(f"{where}: min, max and exact must be at least 0")
    if exact is not None and (min is not None or max is not None):
        raise WrongAnswer(f"{where}: exact={exact} stands beside min or max; give one or the other")
    if min is not None and max is not None and min > max:
        raise WrongAnswer(f"{where}: min={min} is above max={max}")
