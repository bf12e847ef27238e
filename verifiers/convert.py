"""Turning what a grader returns into a `Verdict`, and a `Verdict` into bytes and back.

A grader may return a `Verdict`, a bool or a number. The bytes are JSON, because they travel from a worker that met
untrusted text to a process that must not unpickle it: `from_wire` bounds size and nesting before it parses.

    as_verdict(True).correct      # True
"""

import json
import math
import re
import traceback
from numbers import Real
from pathlib import Path
from typing import Any

from verigym.verifiers.verdict import Status, Verdict

WIRE_LIMIT = 256 * 1024
"""bytes of the longest result a worker may send"""
_REASON_LIMIT, _EXTRACTED_LIMIT, _PARTS_LIMIT = 500, 2000, 64
_JSON_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


def printable(text: str, limit: int = 80) -> str:
    """`text` on one line and at most `limit` characters, without lone surrogates or control characters: fit for a
    log."""
    cut = text if len(text) <= limit else text[: limit - 3] + "..."
    whole = cut.encode("utf-8", "replace").decode("utf-8")
    return "".join(c if c.isprintable() else " " for c in whole)


def as_verdict(value: Any) -> Verdict:
    """The verdict that a grader's return value stands for.

    True and False are right and wrong. A number is a reward: 1 counts as correct, another number in [0, 1) as partial
    credit and not correct, and beyond [0, 1] nothing is said of correctness (`correct=None`). NaN, infinities and
    anything else are the grader's fault: `Verdict.error`.
    """
    if isinstance(value, Verdict):
        return value
    item = getattr(value, "item", None)
    if callable(item):  # a numpy or torch scalar
        try:
            value = item()
        except (ValueError, RuntimeError, TypeError):
            return Verdict.error(f"the grader returned a {type(value).__name__} of more than one element")
    if isinstance(value, bool):
        return Verdict.right("the grader said so") if value else Verdict.wrong("the grader said so")
    if not isinstance(value, Real):
        return Verdict.error(f"the grader returned {type(value).__name__}; return a Verdict, a bool or a number")
    try:
        reward = float(value)
    except (OverflowError, ValueError):
        return Verdict.error("the grader returned a number too large for a reward")
    if not math.isfinite(reward):
        return Verdict.error(f"the grader returned {reward}; a reward must be finite")
    correct = (reward == 1.0) if 0.0 <= reward <= 1.0 else None
    return Verdict(reward, correct, Status.OK, f"the grader gave {reward:g}")


def describe(failure: BaseException) -> str:
    """One line: the exception, its message and where it was raised."""
    where = traceback.extract_tb(failure.__traceback__)
    place = f" ({Path(where[-1].filename).name}:{where[-1].lineno})" if where else ""
    try:
        message = str(failure)
    except Exception as second:  # a grader's exception may fail to print itself
        message = f"unprintable, {type(second).__name__}"
    return f"{type(failure).__name__}: {message}{place}"


def to_wire(verdict: Verdict) -> dict[str, Any]:
    """`verdict` as plain JSON values, long texts cut."""
    parts = list(verdict.parts.items())[:_PARTS_LIMIT]
    return {
        "reward": verdict.reward,
        "correct": verdict.correct,
        "status": str(verdict.status),
        "reason": printable(str(verdict.reason), _REASON_LIMIT),
        "parts": {printable(str(name)): float(worth) for name, worth in parts},
        "extracted": None if verdict.extracted is None else printable(str(verdict.extracted), _EXTRACTED_LIMIT),
    }


def parse_wire(data: bytes) -> dict[str, Any]:
    """The JSON object in `data`. Raises ValueError when it is too long, nested more than three deep, or not an object.

    Nesting is counted before parsing, so that no input makes the parser recurse.
    """
    if len(data) > WIRE_LIMIT:
        raise ValueError(f"a frame of {len(data)} bytes; at most {WIRE_LIMIT} are read")
    bare = _JSON_STRING.sub(b"", data)
    if b"[" in bare or bare.count(b"{") > 3:
        raise ValueError("a frame that is not a flat record")
    try:
        value = json.loads(data, parse_constant=_refuse_constant)
    except UnicodeDecodeError as failure:
        raise ValueError(f"a frame that is not UTF-8: {failure}") from None
    if not isinstance(value, dict):
        raise ValueError(f"a frame that is a {type(value).__name__}, not a record")
    return value


def from_wire(record: Any) -> Verdict:
    """The verdict that `to_wire` wrote. Raises ValueError when a field is missing or of the wrong type."""
    try:
        correct, extracted, parts = record["correct"], record["extracted"], record["parts"]
        if correct not in (True, False, None) or not (extracted is None or isinstance(extracted, str)):
            raise ValueError("a verdict with fields of the wrong type")
        worths = {str(name): float(worth) for name, worth in parts.items()}
        return Verdict(
            float(record["reward"]), correct, Status(record["status"]), str(record["reason"]), worths, extracted
        )
    except (KeyError, TypeError, AttributeError) as failure:
        raise ValueError(f"not a verdict: {type(failure).__name__} {failure}") from None


def _refuse_constant(name: str) -> float:
    raise ValueError(f"a verdict must hold finite numbers, got {name}")
