"""What is decided without their scorer: stricter comparisons, each for the fault that it mends.

    number_list("['1', '2']", {"oracle": "['1', '2']", "metadata": {}})        # True

A check gets the answer's text (stripped, not empty, not equal to the gold answer, at most 16,384 characters) and what
the problem holds. It gives True or False, a text where the answer has not the wanted form, or None where their scorer
may look at it. It never raises and is linear, or nearly so, in the text.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from verigym.verifiers.expression import expression

Check = Callable[[str, Mapping[str, Any]], bool | str | None]

NUMBER = r"[+-]?(?=[\d.])[\d,]{0,60}(?:\.\d{0,60})?(?:[eE][+-]?\d{1,3})?"
"""a decimal number whose value is cheap to compute"""
PLAIN = r"[+-]?(?=[\d.])\d{0,30}(?:\.\d{0,30})?"
"""the same without thousands commas and powers of ten"""
_NUMBER = re.compile(NUMBER, re.ASCII)
_FRACTION = re.compile(r"\d{1,18}/\d{1,18}", re.ASCII)
NAMES = frozenset(
    "C E pi exp log ln sqrt sin cos tan sec csc cot asin acos atan sinh cosh tanh asinh acosh atanh Abs".split()  # noqa: SIM905
)
"""what an antiderivative may be written with, besides its variable"""
_ALGEBRA = re.compile(r"\s*(?:(\d{1,80}(?:\.\d{1,12})?)(?![\w.])|([A-Za-z]\w{0,5})(?!\w)|(\*\*|[-+*/()]))", re.ASCII)
MAX_ALGEBRA = 8000
MAX_POWER = 200


def exact(text: str, entry: Mapping[str, Any]) -> bool:
    """The gold answer alone is right; the text is another one."""
    return False


def no_case(text: str, entry: Mapping[str, Any]) -> bool:
    """Equal but for upper and lower case."""
    return text.lower() == entry["oracle"].strip().lower()


def no_case_no_space(text: str, entry: Mapping[str, Any]) -> bool:
    """Equal but for case and white space."""
    return _tight(text) == _tight(entry["oracle"])


def words(text: str, entry: Mapping[str, Any]) -> bool:
    """The same words in the same order, but for case."""
    return text.lower().split() == entry["oracle"].lower().split()


def cells(text: str, entry: Mapping[str, Any]) -> bool:
    """The same rows of the same cells, however they are spaced."""
    return [row.split() for row in text.splitlines()] == [row.split() for row in entry["oracle"].strip().splitlines()]


def lines(text: str, entry: Mapping[str, Any]) -> bool:
    """The same lines, but for what trails."""
    return [row.rstrip() for row in text.splitlines()] == [row.rstrip() for row in entry["oracle"].strip().splitlines()]


def whole(text: str, entry: Mapping[str, Any]) -> bool | str:
    """The same whole number."""
    value = _whole(text)
    return "a whole number is wanted" if value is None else value == int(entry["oracle"])


def number(text: str, entry: Mapping[str, Any]) -> bool | str:
    """One number, with `$`, `%` and thousands commas at most, equal to the gold answer as a decimal."""
    value = _decimal(text.removeprefix("$").removesuffix("%").strip())
    return "one number is wanted" if value is None else value == _decimal(entry["oracle"])


def near_number(text: str, entry: Mapping[str, Any]) -> bool | str:
    """One number, at most 0.01 from the gold answer: theirs, without what else `float` takes for one."""
    value, gold = _decimal(text), _decimal(entry["oracle"])
    if value is None or gold is None:
        return "one number is wanted"
    return abs(value - gold) < Decimal("0.01")


def number_list(text: str, entry: Mapping[str, Any]) -> bool | str:
    """A list of the same numbers in the same order. Theirs lets each be off by 1, and takes NaN for anything."""
    found = _json(text.replace("'", '"'))
    if not isinstance(found, list):
        return "a list of numbers is wanted"
    values = [_decimal(str(one)) for one in found]
    gold = json.loads(entry["oracle"].replace("'", '"'))
    return None not in values and values == [_decimal(one) for one in gold]


def probability(text: str, entry: Mapping[str, Any]) -> bool | str:
    """A decimal or a fraction, within 0.01 % of the probability. Theirs takes 0 for everything up to 0.0001."""
    value: Fraction | None = None
    if _FRACTION.fullmatch(text) and int(text.partition("/")[2]):
        value = Fraction(text)
    elif (decimal := _decimal(text)) is not None:
        value = Fraction(decimal)
    if value is None:
        return "a decimal or a fraction is wanted"
    rational = entry["metadata"]["rational"]
    gold = Fraction(rational["numerator"], rational["denominator"])
    return abs(value - gold) <= gold / 10_000


def calendar(text: str, entry: Mapping[str, Any]) -> bool:
    """Whole numbers by value, yes and no without case. Theirs gives any number more than 1 where the answer is -1."""
    gold = entry["oracle"]
    if _whole(gold) is not None:
        return _whole(text) == _whole(gold)
    return gold.lower() in ("yes", "no") and text.lower() == gold.lower()


def grid(text: str, entry: Mapping[str, Any]) -> bool | str:
    """A JSON list of lists, equal in every cell and in size. Theirs does not look beyond the size of the gold one."""
    found = _json(text)
    if not isinstance(found, list):
        return "a JSON list is wanted"
    return _same(found, json.loads(entry["oracle"]))


def same_json(text: str, entry: Mapping[str, Any]) -> bool | str:
    """JSON of the same value, whatever the order of keys and the spacing."""
    found = _json(text)
    return "JSON is wanted" if found is None else _same(found, json.loads(entry["oracle"]))


def any_json(text: str, entry: Mapping[str, Any]) -> str | None:
    """JSON, which their scorer then simulates or compares."""
    return "JSON is wanted" if _json(text) is None else None


def matrix(text: str, entry: Mapping[str, Any]) -> bool | str:
    """Rows of numbers that agree to two decimals. Theirs lets each be off by 1 %."""
    rows = [[_decimal(one) for one in row.split()] for row in text.splitlines()]
    gold = [[Decimal(one) for one in row.split()] for row in entry["oracle"].strip().splitlines()]
    if [len(row) for row in rows] != [len(row) for row in gold]:
        return False
    if any(one is None for row in rows for one in row):
        return "rows of numbers are wanted"
    return all(
        abs(one - other) <= Decimal("0.0051")
        for row, theirs in zip(rows, gold, strict=True)
        for one, other in zip(row, theirs, strict=True)
        if one is not None
    )


def sorted_words(text: str, entry: Mapping[str, Any]) -> bool:
    """The words of the list, in order, between commas."""
    return [word.strip() for word in text.split(",")] == entry["metadata"]["sorted_words"]


def palindrome(text: str, entry: Mapping[str, Any]) -> bool:
    """Any palindrome of exactly the given letters."""
    letters = text.lower()
    return letters == letters[::-1] and sorted(letters) == sorted(entry["metadata"]["letters"])


def queens(text: str, entry: Mapping[str, Any]) -> bool:
    """A board that is one of the solutions. Theirs evaluates the answer as Python."""
    board = "\n".join(" ".join(row.split()) for row in text.splitlines())
    return board in entry["metadata"]["valid_answers"]


def target(text: str, entry: Mapping[str, Any]) -> bool | str:
    """Arithmetic with each given number once that gives the target, by our own parser and exact. Theirs evaluates the
    answer as Python; the one of 24 takes any four numbers, and cuts 24.9 down to 24."""
    metadata = entry["metadata"]
    problem = {"numbers": metadata["numbers"], "target": metadata.get("target", 24), "operators": "+-*/"}
    verdict = expression(text, problem, extract="whole")
    return verdict.reason if verdict.status == "malformed" else bool(verdict.correct)


def polynomial(text: str, entry: Mapping[str, Any]) -> str | None:
    """Closed vocabulary before their scorer, which evaluates the answer as Python: numbers, the variables, + - * / **
    and brackets."""
    return _algebra(text, frozenset(str(one) for one in entry["metadata"]["variables"]))


def antiderivative(text: str, entry: Mapping[str, Any]) -> str | None:
    """As `polynomial`, with the usual functions by name, and no unevaluated integral."""
    return _algebra(text, NAMES | {str(entry["metadata"]["variable"])})


def once_each(text: str, entry: Mapping[str, Any]) -> bool | None:
    """No letter is given two digits: theirs takes the last."""
    letters = [pair.partition("=")[0].strip() for pair in text.split(",")]
    return False if len(set(letters)) < len(letters) else None


def duration(text: str, entry: Mapping[str, Any]) -> str | None:
    """The form that the question asks for. Theirs reads the first number, and skips what follows."""
    kind = entry["metadata"]["task_type"]
    for start, pattern, wanted in _DURATIONS:
        if kind.startswith(start):
            return None if pattern.fullmatch(text) else f"{wanted} is wanted"
    return None


_DURATIONS = tuple(
    (start, re.compile(pattern, re.ASCII), wanted)
    for start, pattern, wanted in (
        ("datetime", r"-?\d{1,9} days?, \d{1,2}:\d\d(:\d\d)?", "a number of days and a time"),
        ("date", r"-?\d{1,9}( days?)?", "a number of days"),
        ("time", r"\d{1,6}:\d\d(:\d\d(\.\d{1,6})?)?", "a time"),
    )
)


def roles(text: str, entry: Mapping[str, Any]) -> str | None:
    """Names and roles and nothing else: theirs skips all other words, `or` and `not` among them."""
    metadata = entry["metadata"]
    known = {str(name).lower() for name in metadata["names"]} | {"is", "a", "an", "and"}
    known |= {str(role).lower() for role in metadata["knight_knave_terms"].values()}
    for word in re.findall(r"[^\s.,()]+", text.lower()):
        if word not in known:
            return f"{word[:20]!r} is neither a name nor a role"
    return None


OPENING: tuple[Check, ...] = (any_json, polynomial, antiderivative, once_each, roles, duration)
"""The checks that leave something to their scorer"""


def _algebra(text: str, names: frozenset[str]) -> str | None:
    """What has no place in an algebraic expression, or would make it dear to compute; None where all is well."""
    if len(text) > MAX_ALGEBRA:
        return f"an expression of {len(text)} characters; at most {MAX_ALGEBRA} are read"
    open_ = [_Bracket()]
    at, after, inside = 0, "", 1  # inside: the highest power in what the last bracket held
    while at < len(text):
        match = _ALGEBRA.match(text, at)
        if match is None:
            return f"{text[at : at + 10].strip()!r} has no place in an expression"
        digits, name, mark = match.groups()
        at = match.end()
        if name and name not in names:
            return f"the name {name!r} has no place in this expression"
        if mark == "(":
            open_.append(_Bracket(exponent=after == "**" or open_[-1].exponent))
        elif mark == ")" and len(open_) > 1:
            inside = open_.pop().power
            open_[-1].power = max(open_[-1].power, inside)
        elif mark == "**":
            if open_[-1].exponent or open_[-1].raised:
                return "a power in an exponent"
            open_[-1].raised, open_[-1].base = True, inside if after == ")" else 1
        elif mark:
            open_[-1].raised = False if after != "**" else open_[-1].raised
        if digits and (fault := open_[-1].count(digits, after == "**")):
            return fault
        after = "**" if after == "**" and mark in ("-", "+") else mark or "a"
    return None


@dataclass
class _Bracket:
    """An open bracket. exponent: it stands in one; power: the highest in it, those of its brackets multiplied; raised:
    there was a `**` since the last + - * /; base: the highest power in what that one raises."""

    exponent: bool = False
    power: int = 1
    raised: bool = False
    base: int = 1
    numbers: int = 0

    def count(self, digits: str, is_power: bool) -> str:
        """Take a number in; what is too large about it, if anything."""
        size = float(digits)
        if self.exponent:
            self.numbers += 1
            return "an exponent that is too large" if size > MAX_POWER or self.numbers > 3 else ""
        if is_power:
            self.power = max(self.power, self.base * max(1, int(size)))
            return f"a power of {self.power}; at most {MAX_POWER} is read" if self.power > MAX_POWER else ""
        return ""


def _tight(text: str) -> str:
    return "".join(text.split()).lower()


def _whole(text: str) -> int | None:
    text = text.strip()
    return int(text) if re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII) else None


def _decimal(text: str) -> Decimal | None:
    text = text.strip()
    if not _NUMBER.fullmatch(text) or not any(one.isdigit() for one in text.partition("e")[0]):
        return None
    return Decimal(text.replace(",", ""))


def _json(text: str) -> Any:
    """What the text says in JSON; None where it is none, holds NaN or infinities, or is nested too deep."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: `true` is not 1, and 1.0 is 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    return type(one) in (int, float, str, type(None)) and bool(one == other)
