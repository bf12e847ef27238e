"""JSON as it must be: one value, nothing behind it, no name twice, no NaN, not nested beyond reason.

    read_json('{"a": [1, 2]}')                       # ({"a": [1, 2]}, "")
    read_json('{"a": 1, "a": 2}')                    # (None, "the name 'a' stands twice in one object")

Python's own parser does the parsing, behind checks that it does not make: it takes the last of two equal names, NaN,
Infinity and 1e999, and runs out of stack on a thousand brackets. Numbers have at most 1,000 digits.
"""

import json
import math
import re
from collections import Counter
from typing import Any

from verigym.verifiers.convert import printable

MAX_DEPTH = 64
MAX_DIGITS = 1000
_MARK = re.compile(r'\\.|["\[\]{}]', re.DOTALL)
_FENCED = re.compile(r"```[ \t]*(?:json)?[ \t]*\n?", re.IGNORECASE)


class NotJson(ValueError):
    """The text is no JSON as it must be; the message says why."""


def read_json(text: str) -> tuple[Any, str]:
    """The value and an empty text, or None and what is wrong. White space around the value is allowed."""
    if fault := _too_deep(text):
        return None, fault
    try:
        value = _DECODER.decode(text.strip(" \t\r\n"))
    except json.JSONDecodeError as failure:
        return None, f"not JSON: {failure.msg} at line {failure.lineno}, column {failure.colno}"
    except NotJson as failure:
        return None, str(failure)
    if (half := _half_character(value)) is not None:
        return None, f"the text {printable(half)!r} holds half a character (a lone surrogate)"
    return value, ""


def unfenced(text: str) -> str:
    """What stands in the block, when `text` is one block of ``` or ```json; `text` itself otherwise."""
    text = text.strip()
    opening = _FENCED.match(text)
    if opening is None or not text.endswith("```") or len(text) < opening.end() + 3:
        return text
    inside = text[opening.end() : -3]
    return text if "```" in inside else inside


def _too_deep(text: str) -> str:
    depth = deepest = 0
    within = False
    for mark in _MARK.finditer(text):
        if mark.group() == '"':
            within = not within
        elif not within and mark.group() in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif not within and mark.group() in "]}":
            depth -= 1
    return f"nested {deepest} deep; at most {MAX_DEPTH} are read" if deepest > MAX_DEPTH else ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = next(name for name, number in Counter(name for name, _ in pairs).items() if number > 1)
        raise NotJson(f"the name {printable(twice)!r} stands twice in one object")
    return made


def _half_character(value: Any) -> str | None:
    """A text within `value` that holds a lone surrogate, or None."""
    if isinstance(value, str):
        return value if not value.isascii() and any("\ud800" <= one <= "\udfff" for one in value) else None
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return next((found for one in inner if (found := _half_character(one)) is not None), None)


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise NotJson(f"a number of {len(digits)} digits; at most {MAX_DIGITS} are read")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if len(digits) > MAX_DIGITS or not math.isfinite(value):
        raise NotJson(f"the number {printable(digits, 30)} is beyond a float")
    return value


def _constant(name: str) -> Any:
    raise NotJson(f"{name} is no JSON number")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant)
