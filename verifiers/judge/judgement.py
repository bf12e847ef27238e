"""Reading a judgement: one strict form, and nothing is guessed from free text.

    read_scores('{"reason": "right", "score": 7}', [10], form="json", nonce="", single=True)        # ([7], "right")

What is not of the form raises Unreadable; a judge that cannot say it costs its vote, never the reply.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

LONGEST = 65_536
"""characters of a judgement that are read"""
_BLOCK = re.compile(r"```(?:json)?[ \t]*\n(.*)\n[ \t]*```", re.DOTALL)
_NUMBER = re.compile(r"0|[1-9][0-9]{0,5}")


class Unreadable(ValueError):
    """A judgement that is not of the form that was asked for."""


def read_scores(text: str, most: Sequence[int], *, form: str, nonce: str, single: bool) -> tuple[list[int], str]:
    """The scores, each from 0 to its `most`, and the judge's reason. single: asked for as one score."""
    if form == "json":
        key = "score" if single else "scores"
        record = _record(text, key)
        scores, reason = [record[key]] if single else record[key], record["reason"]
    else:
        inside, reason = _tagged(text, nonce)
        pieces = [piece.strip() for piece in inside.split(",")]
        scores = [int(piece) if _NUMBER.fullmatch(piece) else None for piece in pieces]
    if not isinstance(scores, list) or len(scores) != len(most):
        raise Unreadable(f"{len(most)} scores were asked for")
    for score, highest in zip(scores, most, strict=True):
        if isinstance(score, bool) or not isinstance(score, int) or not 0 <= score <= highest:
            raise Unreadable(f"a score is no whole number from 0 to {highest}")
    return scores, reason


def read_choice(text: str, *, form: str, nonce: str) -> tuple[str, str]:
    """A, B or tie, and the judge's reason."""
    if form == "json":
        record = _record(text, "better")
        choice, reason = record["better"], record["reason"]
    else:
        choice, reason = _tagged(text, nonce)
    if choice not in ("A", "B", "tie"):
        raise Unreadable("the better one is none of A, B and tie")
    return choice, reason


def _record(text: str, key: str) -> dict[str, Any]:
    """The JSON object that is all of the judgement, maybe in a code block, with the reason and one more key."""
    body = _spoken(text)
    block = _BLOCK.fullmatch(body)
    try:
        # strict=False: models write line breaks inside texts
        record = json.loads(
            block[1] if block else body, strict=False, object_pairs_hook=_once, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as failure:
        raise Unreadable(f"it is not one JSON object ({type(failure).__name__})") from None
    if not isinstance(record, dict) or set(record) != {"reason", key} or not isinstance(record["reason"], str):
        raise Unreadable(f'it is not {{"reason": text, {key!r}: ...}}')
    return record


def _tagged(text: str, nonce: str) -> tuple[str, str]:
    """What the tag of the last line holds, and what stands before it."""
    body = _spoken(text)
    opening, closing = f"<verdict-{nonce}>", f"</verdict-{nonce}>"
    before, _, last = body.rpartition("\n")
    if body.count(opening) != 1 or body.count(closing) != 1:
        raise Unreadable("it does not hold the verdict tag exactly once")
    last = last.strip()
    if not (last.startswith(opening) and last.endswith(closing)):
        raise Unreadable("its last line is not the verdict tag alone")
    return last[len(opening) : -len(closing)].strip(), before.strip()


def _spoken(text: str) -> str:
    """What a judge says after its own reasoning."""
    if len(text) > LONGEST:
        raise Unreadable(f"it has {len(text)} characters; at most {LONGEST} are read")
    opened, closed = text.rfind("<think>"), text.rfind("</think>")
    if opened > closed:
        raise Unreadable("its reasoning is not closed")
    return (text[closed + len("</think>") :] if closed >= 0 else text).strip()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a key stands twice")
    return record


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")
