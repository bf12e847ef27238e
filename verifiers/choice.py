r"""Multiple choice: the option that was picked, by its letter or by its text.

    choice("The answer is **(B)**.", {"choice": "B", "options": ["3", "5"]}).correct          # True
    choice("<answer>A, C</answer>", {"choice": ["A", "C"], "options": [...]}).correct         # True

A single answer is one committed pick: "A or B" and "A, B" are never right. Nothing is guessed: a letter must stand
alone, or before the text of its own option.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from verigym.verifiers.answers import WrongAnswer, field
from verigym.verifiers.convert import printable
from verigym.verifiers.reading import items, label, plain, short, unbracketed
from verigym.verifiers.text import squeeze
from verigym.verifiers.verdict import Verdict

_PREFIX = re.compile(
    r"(?:the )?(?:correct )?(?:options?|choices?|answers?)\b(?:\s+(?:is|are)\b)?\s*:?\s*", re.IGNORECASE
)
_LETTERED = re.compile(r"\(?\s*([A-Za-z])\s*(?:\)\s*[.:]?|[.:-]|(?=\())\s*(\S.*)?", re.DOTALL)
_WAVERING = frozenset(["or", "and", "either", "not", "no", "nor", "maybe", "but"])
_TOGETHER = re.compile(r"[A-Z]{2,26}")
CREDITS = ("exact", "partial")
MAX_PICKS = 52


@dataclass(frozen=True)
class _Question:
    """right: the right letters; letters: all of them; texts: each option as it is compared, none where only letters
    are known."""

    right: Sequence[str]
    letters: str
    texts: Sequence[str]


def choice(
    reply: str,
    answer: Any,
    *,
    extract: str = "marked",
    strict: bool = True,
    count: int = 26,
    ignore_case: bool = False,
    credit: str = "exact",
) -> Verdict:
    """Whether the reply picks the right option, or all right ones and no other.

    answer       "B", or {"choice": "B", "options": ["text of A", "text of B", ...]}; for several right ones
                 {"choice": ["A", "C"], ...}. Letters go from A on in the order of the options
    count        how many options there are where the answer does not list them
    ignore_case  "b" is B too; otherwise a small letter is no option (texts of options never care for case)
    credit       "partial": where several are right, the share of the right options picked minus the share of the wrong
                 ones picked, never below 0, so that picking all of them earns nothing

    Read: `B`, `(B)`, `B.`, `option B`, `B) text`, the text itself, bold or in `\\text{}`; several picks with commas,
    semicolons, lines or "and" between them, or letters alone as `AC`. Raises ValueError when `answer` or an option is
    out of range.
    """
    if credit not in CREDITS:
        raise ValueError(f"choice has no credit {credit!r}; there are {', '.join(CREDITS)}")
    if not 2 <= count <= 26:
        raise ValueError(f"choice: count={count} must be from 2 to 26 options")
    question = _question(answer, count)
    text, verdict = short(reply, extract, strict)
    if verdict:
        return verdict
    picks, fault = _picks(text, question, ignore_case)
    if fault:
        return Verdict.malformed(fault, text)
    wanted, got = "".join(question.right), "".join(sorted(picks))
    if got == wanted:
        return Verdict.right(f"picked {got}", text)
    if len(wanted) == 1 and len(got) > 1:
        return Verdict.wrong(f"{len(got)} picks, {', '.join(got)}, where one is asked for", text)
    reason = f"picked {', '.join(got)}, expected {', '.join(wanted)}"
    if credit == "exact" or len(wanted) == 1:
        return Verdict.wrong(reason, text)
    hits = len(set(got) & set(wanted))
    others = max(1, len(question.letters) - len(wanted))
    share = hits / len(wanted) - (len(got) - hits) / others
    return Verdict.wrong(f"{reason}: {hits} right, {len(got) - hits} wrong", text, reward=max(0.0, share))


def _picks(text: str, question: _Question, ignore_case: bool) -> tuple[set[str], str]:
    """The letters picked, and what is wrong."""
    whole = label(text)
    one, fault = _pick(whole, question, ignore_case)
    if one:
        return {one}, ""
    pieces = items(text)
    if len(pieces) == 1:
        bare = unbracketed(_PREFIX.sub("", whole, count=1)).removesuffix(".")
        bare = bare.upper() if ignore_case else bare
        if not _TOGETHER.fullmatch(bare.replace(" ", "")):
            return set(), fault
        pieces = list(bare.replace(" ", ""))
    if len(pieces) > MAX_PICKS:
        return set(), f"{len(pieces)} picks; at most {MAX_PICKS} are read"
    picked: set[str] = set()
    for piece in pieces:
        one, fault = _pick(piece, question, ignore_case)
        if not one:
            return set(), fault
        picked.add(one)
    return picked, ""


def _pick(text: str, question: _Question, ignore_case: bool) -> tuple[str, str]:
    """The letter that one pick names, and what is wrong."""
    shown = printable(text)
    bare = squeeze(_PREFIX.sub("", text, count=1)).strip("*_`'\"")
    bare = unbracketed(bare.removesuffix(".").removesuffix(")") if _LETTERED.fullmatch(bare[:4]) else bare)
    bare = bare.strip("( ")
    if len(bare) == 1 and bare.isascii() and bare.isalpha():
        letter = bare.upper() if ignore_case else bare
        if letter in question.letters:
            return letter, ""
    for form in (text, bare):
        if _text(form) in question.texts:
            return question.letters[question.texts.index(_text(form))], ""
    if len(bare) == 1 and bare.isascii() and bare.isalpha():
        return "", f"{bare!r} is no option: the options are {question.letters[0]} to {question.letters[-1]}"
    if lettered := _LETTERED.fullmatch(squeeze(_PREFIX.sub("", text, count=1))):
        letter = lettered[1].upper() if ignore_case else lettered[1]
        rest = _text(unbracketed(lettered[2] or ""))
        if letter in question.letters and question.texts and rest == question.texts[question.letters.index(letter)]:
            return letter, ""
        if letter in question.letters and rest in question.texts:
            other = question.letters[question.texts.index(rest)]
            return "", f"the letter {letter} with the text of {other}"
        if letter in question.letters and not question.texts and _one_text(lettered[2] or ""):
            return letter, ""
    return "", f"{shown!r} is not an option"


def _one_text(text: str) -> bool:
    """Whether a text behind a letter, where no texts are known, names no other letter and does not waver."""
    words = re.split(r"[^A-Za-z]+", text)
    return not any((len(word) == 1 and word.isupper()) or word.casefold() in _WAVERING for word in words)


def _text(text: str) -> str:
    return plain(label(text)).removesuffix(".").strip()


def _question(answer: Any, count: int) -> _Question:
    """The answer in one form. Raises WrongAnswer."""
    chosen = answer.get("choice") if isinstance(answer, dict) else answer
    options = answer.get("options") if isinstance(answer, dict) else None
    if options is not None:
        options = field(answer, "options", list, "choice")
        if not 2 <= len(options) <= 26 or not all(isinstance(option, str) and option.strip() for option in options):
            raise WrongAnswer("choice: answer['options'] must be from 2 to 26 texts")
    texts = [_text(option) for option in options or ()]
    if len(set(texts)) < len(texts):
        raise WrongAnswer("choice: answer['options'] holds a text twice")
    letters = ascii_uppercase[: len(texts) or count]
    right: list[Any] = chosen if isinstance(chosen, list) else [chosen]
    if not right or not all(isinstance(one, str) and len(one) == 1 and one in letters for one in right):
        raise WrongAnswer(
            f"choice: answer must be a letter from {letters[0]} to {letters[-1]}, or a dict with 'choice' and "
            f"'options', got {printable(str(answer))}"
        )
    return _Question(sorted(set(right)), letters, texts)
