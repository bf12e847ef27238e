"""Rules on the words of a reply: how many, which, in what case and language, what it begins and ends with.

    present("The quick fox", words=["fox"])               # "": nothing is wrong
    content("so so so so", min_distinct=3)                # "1 distinct words, fewer than 3"

Each function gives what is wrong, or an empty text. Texts of the rule are taken literally; patterns are for `regex`.
"""

import re
from collections import Counter
from typing import Literal

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.convert import printable
from verigym.verifiers.format import counting
from verigym.verifiers.format.language import language_fault
from verigym.verifiers.format.language_words import STOP_WORDS

_EDGES = "\"'“”‘’`*_.,;:!?()[]"
_SMALL_WORD = re.compile(
    r"an?|the|and|but|or|nor|for|so|yet|at|by|in|of|on|to|up|as|if|is|it|via|with|from", re.IGNORECASE
)


def characters(text: str, *, min: int | None = None, max: int | None = None, exact: int | None = None) -> str:
    """How many characters, without the blanks around the reply."""
    return counting.amount(len(text.strip()), "characters", min, max, exact)


def words(text: str, *, min: int | None = None, max: int | None = None, exact: int | None = None) -> str:
    """How many words."""
    return counting.amount(len(counting.words(text)), "words", min, max, exact)


def sentences(
    text: str,
    *,
    min: int | None = None,
    max: int | None = None,
    exact: int | None = None,
    words: list[int] | None = None,
    starts: list[str] | None = None,
) -> str:
    """How many sentences; words: how many words each has, in order; starts: the letters that they begin with."""
    found = counting.sentences(text)
    for fault in (_lengths(found, words), _starts(found, starts, "sentence")):
        if fault:
            return fault
    if (min, max, exact) == (None, None, None) and (words or starts):
        return ""
    return counting.amount(len(found), "sentences", min, max, exact)


def paragraphs(text: str, *, min: int | None = None, max: int | None = None, exact: int | None = None) -> str:
    """How many paragraphs: blocks between blank lines."""
    return counting.amount(len(counting.paragraphs(text)), "paragraphs", min, max, exact)


def lines(
    text: str,
    *,
    min: int | None = None,
    max: int | None = None,
    exact: int | None = None,
    starts: list[str] | None = None,
    min_words: int = 0,
) -> str:
    """How many lines that are not blank; starts: what they begin with, in order, whatever the case (an acrostic);
    min_words: what each line holds at least."""
    found = counting.lines(text)
    for number, line in enumerate(found, 1):
        if len(counting.words(line)) < min_words:
            return f"line {number} has fewer than {min_words} words"
    if fault := _starts(found, starts, "line"):
        return fault
    if (min, max, exact) == (None, None, None) and (starts or min_words):
        return ""
    return counting.amount(len(found), "lines", min, max, exact)


def _lengths(found: list[str], wanted: list[int] | None) -> str:
    if wanted is None:
        return ""
    if len(found) != len(wanted):
        return f"{len(found)} sentences, not {len(wanted)}"
    for number, (sentence, count) in enumerate(zip(found, wanted, strict=True), 1):
        if len(counting.words(sentence)) != count:
            return f"sentence {number} has {len(counting.words(sentence))} words, not {count}"
    return ""


def _starts(found: list[str], wanted: list[str] | None, what: str) -> str:
    if wanted is None:
        return ""
    if len(found) != len(wanted):
        return f"{len(found)} {what}s, not {len(wanted)}"
    for number, (one, start) in enumerate(zip(found, wanted, strict=True), 1):
        if not one.lstrip(_EDGES + " ").casefold().startswith(start.casefold()):
            return f"{what} {number} does not begin with {printable(start)!r}"
    return ""


def content(
    text: str, *, min_words: int = 0, min_distinct: int = 0, max_share: int = 100, language: str | None = None
) -> str:
    """Enough to be more than filler: so many words, so many distinct ones, none of them (but the commonest words of the
    language, English by default) more than `max_share` percent of all."""
    found = [word.strip(_EDGES).casefold() for word in counting.words(text)]
    if len(found) < min_words:
        return f"{len(found)} words, fewer than {min_words}"
    counts = Counter(found)
    if len(counts) < min_distinct:
        return f"{len(counts)} distinct words, fewer than {min_distinct}"
    stop = STOP_WORDS.get(language or "en", frozenset())
    word, count = next(((w, n) for w, n in counts.most_common() if w not in stop), ("", 0))
    if count > 1 and count * 100 > max_share * len(found):
        return f"the word {printable(word)!r} is {count} of {len(found)} words"
    return ""


def language(text: str, *, code: str, every_paragraph: bool = False) -> str:
    """The language of the reply, by its ISO 639-1 code; every_paragraph: of each paragraph of five words or more."""
    if fault := language_fault(text, code):
        return fault
    if every_paragraph:
        for number, paragraph in enumerate(counting.paragraphs(text), 1):
            if len(counting.words(paragraph)) >= 5 and (fault := language_fault(paragraph, code)):
                return f"paragraph {number}: {fault}"
    return ""


def case(text: str, *, style: Literal["upper", "lower", "title", "sentence"]) -> str:
    """Letters in one case. title: every word but the small ones begins with a capital letter; sentence: every sentence
    does."""
    if not any(map(str.isalpha, text)):
        return "no letters"
    if style in ("upper", "lower"):
        wrong = next((one for one in text if (one.islower() if style == "upper" else one.isupper())), "")
        return f"{printable(wrong)!r} is not {style} case" if wrong else ""
    if style == "sentence":
        units = counting.sentences(text)
    else:
        units = [word for word in counting.words(text) if not _SMALL_WORD.fullmatch(word.strip(_EDGES))]
    for unit in units:
        first = next((one for one in unit if one.isalnum()), "")
        if first.islower():
            return f"{printable(unit, 40)!r} does not begin with a capital letter"
    return ""


def capital_words(text: str, *, min: int | None = None, max: int | None = None, exact: int | None = None) -> str:
    """How many words without a lower-case letter."""
    return counting.amount(len(counting.capital_words(text)), "words in capitals", min, max, exact)


def present(text: str, *, words: list[str], ignore_case: bool = True, whole: bool = True) -> str:
    """Every one of these words or phrases is there; whole: as whole words."""
    for word in words:
        if not occurrences(text, word, ignore_case, whole):
            return f"{printable(word)!r} is missing"
    return ""


def absent(text: str, *, words: list[str], ignore_case: bool = True, whole: bool = True) -> str:
    """None of these words or phrases is there."""
    for word in words:
        if occurrences(text, word, ignore_case, whole):
            return f"{printable(word)!r} is there"
    return ""


def frequency(
    text: str,
    *,
    word: str,
    min: int | None = None,
    max: int | None = None,
    exact: int | None = None,
    ignore_case: bool = True,
    whole: bool = True,
) -> str:
    """How often a word or phrase occurs."""
    count = occurrences(text, word, ignore_case, whole)
    return counting.amount(count, f"times {printable(word, 40)!r}", min, max, exact)


def occurrences(text: str, word: str, ignore_case: bool = True, whole: bool = True) -> int:
    """How often `word`, taken literally, stands in `text` without overlaps. Raises WrongAnswer for an empty word."""
    if not word:
        raise WrongAnswer("a rule on words holds an empty word")
    pattern = re.escape(word)
    if whole:
        pattern = rf"(?<!\w){pattern}(?!\w)"
    return len(re.findall(pattern, text, re.IGNORECASE if ignore_case else 0))


def starts_with(text: str, *, text_: str, ignore_case: bool = False) -> str:
    """What the reply begins with, behind blanks."""
    begun = text.lstrip()[: len(text_)]
    same = begun.casefold() == text_.casefold() if ignore_case else begun == text_
    return "" if same else f"it begins with {printable(begun, 40)!r}, not {printable(text_, 40)!r}"


def ends_with(text: str, *, text_: str, ignore_case: bool = False) -> str:
    """What the reply ends with, before blanks."""
    end = text.rstrip()[-len(text_) :] if text_ else ""
    same = end.casefold() == text_.casefold() if ignore_case else end == text_
    return "" if same else f"it ends with {printable(end, 40)!r}, not {printable(text_, 40)!r}"


def quoted(text: str) -> str:
    """The whole reply stands between double quotation marks."""
    text = text.strip()
    closed = len(text) > 2 and (text[0], text[-1]) in (('"', '"'), ("“", "”"))
    return "" if closed and text[1:-1].strip() else "it does not stand between double quotation marks"
