"""Requests and replies as bytes, between a trainer and a host of `verigym serve`: JSON of plain lists, nothing pickled.

    unpack_requests(pack_requests(items, sampling), vocabulary=100, context=512) == (items, sampling)

Both directions read what somebody else wrote: they give records or raise ValueError, never more. Log-probs survive to
the last bit.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from verigym.trainer.engines.engine import Completion, Request, Sampling, refuse_unservable

PROTOCOL = 1
"""moves with every change of what travels"""
MAX_BODY = 256 << 20
"""bytes of a body that holds no weights"""
MOST_TOKENS = 1 << 22
"""of one reply"""
FINISHES = ("stop", "length", "abort")


def pack(record: Any) -> bytes:
    """A record of plain values."""
    return json.dumps(record, separators=(",", ":")).encode()


def unpack(data: bytes, kinds: dict[str, type | tuple[type, ...]]) -> dict[str, Any]:
    """The record in `data`, with the fields `kinds` and no others. Raises ValueError."""
    try:
        record = json.loads(data)
    except (UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"no JSON: {type(error).__name__}") from error
    if type(record) is not dict or record.keys() != kinds.keys():
        raise ValueError(f"no record of {', '.join(kinds)}")
    for name, kind in kinds.items():
        if isinstance(record[name], bool) or not isinstance(record[name], kind):
            raise ValueError(f"{name} is of a wrong type")
    return record


def pack_requests(items: Sequence[tuple[int, Request]], sampling: Sampling) -> bytes:
    """Requests with their tickets; a prompt that several have is sent once."""
    prompts: dict[tuple[int, ...], int] = {}
    rows = [
        (ticket, prompts.setdefault(r.prompt_ids, len(prompts)), r.seed, r.max_new_tokens, r.start)
        for ticket, r in items
    ]
    return pack({"sampling": asdict(sampling), "prompts": list(prompts), "requests": rows})


def unpack_requests(data: bytes, *, vocabulary: int, context: int) -> tuple[list[tuple[int, Request]], Sampling]:
    """The requests in `data`, which an engine of this vocabulary and context can serve. Raises ValueError."""
    record = unpack(data, {"sampling": dict, "prompts": list, "requests": list})
    sampling = _sampling(record["sampling"])
    prompts = [tuple(_whole(id_, vocabulary) for id_ in _list(prompt)) for prompt in record["prompts"]]
    items = []
    for row in record["requests"]:
        if len(_list(row)) != 5:
            raise ValueError("a request that is not five values")
        ticket, place, seed, limit, start = row
        request = Request(
            prompts[_whole(place, len(prompts))],
            _whole(seed, 1 << 64),
            None if limit is None else _whole(limit, MOST_TOKENS, least=1),
            _whole(start, MOST_TOKENS),
        )
        if len(request.prompt_ids) > context:
            raise ValueError(f"a request of {len(request.prompt_ids)} tokens, and the model's context is {context}")
        items.append((_whole(ticket, 1 << 62), request))
    refuse_unservable([request for _, request in items], vocabulary)
    return items, sampling


def pack_done(done: Sequence[tuple[int, Completion]], *, leaving: bool) -> bytes:
    """Replies with their tickets, and whether the host is about to end."""
    rows = [(ticket, c.token_ids, c.logps, c.finish, c.version) for ticket, c in done]
    return pack({"leaving": int(leaving), "done": rows})


def unpack_done(data: bytes) -> tuple[list[tuple[int, Completion]], bool]:
    """The replies in `data`, and whether their host is about to end. Raises ValueError."""
    record = unpack(data, {"leaving": int, "done": list})
    done = []
    for row in record["done"]:
        if len(_list(row)) != 5:
            raise ValueError("a reply that is not five values")
        ticket, ids, logps, finish, version = row
        token_ids = tuple(_whole(id_, 1 << 32) for id_ in _list(ids))
        numbers = tuple(float(_number(logp)) for logp in _list(logps))
        if len(token_ids) != len(numbers) or finish not in FINISHES:
            raise ValueError("a reply whose parts do not fit together")
        done.append(
            (_whole(ticket, 1 << 62), Completion(token_ids, numbers, finish, _whole(version, 1 << 62, least=-1)))
        )
    return done, bool(record["leaving"])


def _sampling(record: dict[str, Any]) -> Sampling:
    if record.keys() != asdict(Sampling(1)).keys():
        raise ValueError("a sampling that is not one of this version")
    found = Sampling(
        max_new_tokens=_whole(record["max_new_tokens"], MOST_TOKENS, least=1),
        temperature=float(_number(record["temperature"])),
        top_p=float(_number(record["top_p"])),
        top_k=_whole(record["top_k"], 1 << 31),
        stop_ids=tuple(_whole(id_, 1 << 31) for id_ in _list(record["stop_ids"])),
        stop=tuple(_list(record["stop"])),
    )
    if not (math.isfinite(found.temperature) and found.temperature >= 0 and 0 < found.top_p <= 1):
        raise ValueError(f"temperature={found.temperature} top_p={found.top_p} samples nothing")
    if not all(type(text) is str and text for text in found.stop):
        raise ValueError("a stop string that is none")
    return found


def _list(value: Any) -> list[Any]:
    if type(value) is not list:
        raise ValueError("something that should be a list")
    return value


def _whole(value: Any, below: int, *, least: int = 0) -> int:
    if type(value) is not int or not least <= value < below:
        raise ValueError(f"a number out of range: {str(value)[:40]}")
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float):
        raise ValueError(f"no number: {str(value)[:40]}")
    return value
