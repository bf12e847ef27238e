r"""A number equal to a number, as exact rationals; with a unit where the answer has one.

    number(r"So \boxed{\$1{,}250.50}", "1250.5").correct                                # True
    number("<answer>3200 m</answer>", {"value": "3.2", "unit": "km"}).correct           # True

What counts as a written number stands in `rational.py`, what counts as a unit in `units.py`. Nothing is computed but
conversions, and nothing is rounded unless asked for. NaN, infinity and what has more than 1,000 digits are no numbers.
"""

import math
import re
from fractions import Fraction
from typing import Any

from verigym.verifiers.answers import WrongAnswer, field, text_answer
from verigym.verifiers.commit import committed
from verigym.verifiers.convert import printable
from verigym.verifiers.extract import alone
from verigym.verifiers.rational import MAX_TEXT, Number, read_number, tidy
from verigym.verifiers.units import Quantity, Unit, convert, dimension, read_quantity, read_unit
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
    absolute: float = 0.0,
    digits: int = 0,
    units: bool = True,
    missing_unit: str = "accept",
) -> Verdict:
    """Whether the extracted number is the answer.

    answer        a number or its text ("1,250", "3/4", "12%", r"\\frac34"), or with a unit {"value": "3.2", "unit":
                  "km"}
    tolerance     allowed relative difference (0.01 is one percent of the answer); 0 compares exact rationals
    absolute      allowed difference, in the answer's own unit
    digits        how many significant digits of the answer count: the difference may be half a unit of the last of them
    units         where the answer has no unit: a currency sign in front and a unit of up to three words behind the
                  number are ignored
    missing_unit  where the answer has a unit and the reply has none: "accept" takes the number in the answer's unit,
                  "refuse" finds it malformed

    The widest of the three margins counts. `0.5`, `1/2`, `50%` and `5e-1` are one number. `25%` also answers 25, when
    the answer has no percent sign and is above 1: a percent sign is then a unit. `17*3` is no number, so a sum cannot
    be answered by repeating it; in `17*3 = 51` every side that is a number must be the answer. With a unit, `3200 m`
    answers 3.2 km; a unit of another dimension is wrong, and one that `units.py` does not know malformed. Raises
    ValueError when `answer` is no number, its unit is not known, or an option is out of range.
    """
    gold, unit = _gold(answer)
    margin = _margin(gold.value, tolerance, absolute, digits)
    if missing_unit not in ("accept", "refuse"):
        raise ValueError(f"missing_unit={missing_unit!r} must be 'accept' or 'refuse'")
    texts, reason = committed(reply, extract, strict)
    if not texts:
        return Verdict.malformed(reason)
    text = ", ".join(texts)
    if unit is not None:
        wanted = printable(f"{answer['value']} {answer['unit']}")
        return _with_unit(text, Quantity(gold.value, unit), margin, wanted, missing_unit == "refuse")
    got, shown, wanted = written(text, units), printable(text), printable(str(answer))
    if got is None:
        return Verdict.malformed(f"{shown!r} is not a number", text)
    if abs(got.value - gold.value) <= margin or same_percent(gold, got):
        return Verdict.right(f"{shown} is {wanted}", text)
    return Verdict.wrong(f"got {shown}, expected {wanted}", text)


def _with_unit(text: str, gold: Quantity, margin: Fraction, wanted: str, needed: bool) -> Verdict:
    """The verdict against a quantity, `wanted` as it is shown; needed: a reply without a unit is malformed."""
    unit, shown, got = gold.unit, printable(text), measured(text)
    assert unit is not None
    if got is None:
        return Verdict.malformed(f"{shown!r} is not a number with a unit that is known", text)
    if got.unit is None and needed:
        return Verdict.malformed(f"{shown!r} has no unit", text)
    value = convert(got, unit)
    if value is None and got.unit is not None:
        return Verdict.wrong(f"{shown} is of {dimension(got.unit)}, expected {dimension(unit)}", text)
    if value is not None and abs(value - gold.value) <= margin:
        return Verdict.right(f"{shown} is {wanted}", text)
    return Verdict.wrong(f"got {shown}, expected {wanted}", text)


def measured(text: str) -> Quantity | None:
    """The one quantity that an extracted answer writes, maybe as the end of an equation, or None."""
    if len(text) > MAX_TEXT:
        return None
    sides = alone(text).split("=")
    if len(sides) > _SIDES:
        return None
    read = [read_quantity(side) for side in sides]
    quantities = [one for one in read if one is not None]
    if read[-1] is None:
        return None
    last = read[-1]
    same = all(one == last or (last.unit and one.unit and convert(one, last.unit) == last.value) for one in quantities)
    return last if same else None


def _gold(answer: Any) -> tuple[Number, Unit | None]:
    """The answer's number, and its unit where it has one. Raises WrongAnswer."""
    unit = None
    value = answer
    if isinstance(answer, dict) and answer.keys() & {"value", "unit"}:
        name = field(answer, "unit", str, "number")
        unit = read_unit(name)
        if unit is None:
            raise WrongAnswer(f"number: answer['unit'] {printable(name)!r} is not a unit that units.py knows")
        if "value" not in answer:
            raise WrongAnswer("number: answer has no field 'value' beside its 'unit'")
        value = answer["value"]
    gold = read_number(text_answer(value, "number"))
    if gold is None:
        raise WrongAnswer(f"number: answer {printable(str(value))!r} is not a number")
    return gold, unit


def _margin(gold: Fraction, tolerance: float, absolute: float, digits: int) -> Fraction:
    """How far from the answer is still right. Raises ValueError for an option out of range."""
    if not 0.0 <= tolerance < 1.0:
        raise ValueError(f"tolerance={tolerance} must be at least 0 and below 1")
    if not (absolute >= 0.0 and math.isfinite(absolute)):
        raise ValueError(f"absolute={absolute} must be at least 0 and finite")
    if not 0 <= digits <= 100:
        raise ValueError(f"digits={digits} must be from 0 (all count) to 100")
    margins = [abs(gold) * Fraction(tolerance), Fraction(absolute)]
    if digits and gold:
        margins.append(Fraction(10) ** (magnitude(gold) - digits + 1) / 2)
    return max(margins)


def magnitude(value: Fraction) -> int:
    """The exponent of ten of the first significant digit: 2 for 314, -2 for 0.025."""
    above, below = abs(value.numerator), value.denominator
    exponent = math.floor((above.bit_length() - below.bit_length()) * math.log10(2)) - 1
    while Fraction(10) ** (exponent + 1) * below <= above:
        exponent += 1
    return exponent


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
