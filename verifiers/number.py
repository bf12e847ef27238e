r"""A number equal to a number, as exact rationals.

    number(r"So \boxed{\$1{,}250.50}", "1250.5").correct        # True

What counts as a written number stands in `rational.py`; nothing is computed, and nothing is rounded unless asked for.
"""

import re
from fractions import Fraction
from typing import Any

from verigym.verifiers.answers import WrongAnswer, text_answer
from verigym.verifiers.convert import printable
from verigym.verifiers.extract import alone
from verigym.verifiers.extract import extract as find
from verigym.verifiers.rational import MAX_TEXT, Number, read_number, tidy
from verigym.verifiers.verdict import Verdict

_CURRENCY = re.compile(r"^([+-]?)\s*(?:[$€£¥]|US\$)\s*|\s*[$€£¥]$")
_UNIT = re.compile(
    r"\s*(?:\\(?:text|mathrm|textrm|mbox)\s*\{\s*)?([A-Za-z]{1,20}(?:[ ./][A-Za-z]{1,20}){0,2})\s*\.?\s*\}?$"
)
_NO_UNIT = frozenset(
    ["not", "or", "and", "no", "is", "wrong", "maybe", "either", "nan", "inf", "infinity", "e", "x", "i"]
)
_SIDES = 8


def number(
    reply: str,
    answer: Any,
    *,
    extract: str = "marked",
    strict: bool = True,
    tolerance: float = 0.0,
    units: bool = True,
) -> Verdict:
    """Whether the extracted number is the answer.

    answer     a number or its text ("1,250", "3/4", "12%", r"\\frac34")
    tolerance  allowed relative difference (0.01 is one percent of the answer); 0 compares exact rationals
    units      a currency sign in front and a unit of up to three words behind the number are ignored

    `0.5`, `1/2`, `50%` and `5e-1` are one number. `25%` also answers 25, when the answer has no percent sign and is
    above 1: a percent sign is then a unit. `17*3` is no number, so a sum cannot be answered by repeating it; in `17*3 =
    51` every side that is a number must be the answer. Raises ValueError when `answer` is no number or `tolerance` is
    out of range.
    """
    gold = read_number(text_answer(answer, "number"))
    if gold is None:
        raise WrongAnswer(f"number: answer {printable(str(answer))!r} is not a number")
    if not 0.0 <= tolerance < 1.0:
        raise ValueError(f"tolerance={tolerance} must be at least 0 and below 1")
    found = find(reply, extract, strict)
    if found.text is None:
        return Verdict.malformed(found.reason)
    got = written(found.text, units)
    shown = printable(found.text)
    if got is None:
        return Verdict.malformed(f"{shown!r} is not a number", found.text)
    margin = abs(gold.value) * Fraction(tolerance)
    if abs(got.value - gold.value) <= margin or same_percent(gold, got):
        return Verdict.right(f"{shown} is {printable(str(answer))}", found.text)
    return Verdict.wrong(f"got {shown}, expected {printable(str(answer))}", found.text)


def written(text: str, units: bool) -> Number | None:
    """The one number that an extracted answer writes, maybe as the end of an equation, or None."""
    if len(text) > MAX_TEXT:
        return None
    sides = [bare(side, units) for side in alone(text).split("=")]
    if len(sides) > _SIDES:
        return None
    read = [read_number(side) for side in sides]
    numbers = {one for one in read if one is not None}
    return read[-1] if len(numbers) == 1 else None


def bare(text: str, units: bool) -> str:
    """`text` without a currency sign in front and a unit behind."""
    text = tidy(alone(text)).removesuffix(".").strip()
    if not units:
        return text
    text = _CURRENCY.sub(r"\1", text)
    match = _UNIT.search(text)
    if match and match.start() > 0 and not _NO_UNIT & set(re.split(r"[ ./]", match[1].lower())):
        text = text[: match.start()]
    return text.strip()


def same_percent(gold: Number, got: Number) -> bool:
    """Whether `got` is the gold number with a percent sign as its unit."""
    return got.percent and not gold.percent and abs(gold.value) > 1 and got.value * 100 == gold.value
