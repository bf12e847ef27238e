"""Composed verifiers as plain data: what `compose.py` puts together, by names, so that rows and settings can say it.

    spec = {"gated": {"format": {"verifier": "format", "options": {"style": "r1"}}, "math": "math"}}
    verify("compose", "<think>2+2</think><answer>4</answer>", "4", spec=spec).parts       # {"format": 1.0, "math": 1.0}

A spec, or its JSON text, is one of

    "math"                                                              a verifier's name
    {"verifier": "math", "options": {...}, "answer": "value"}           with options, on one field of the answer
    {"weighted": {"form": [0.1, SPEC], "math": [0.9, SPEC]}, "correct": "math"}
    {"gated": {"form": SPEC, "math": SPEC}}                             the second only for what is right by the first
    {"first_of": {"math": SPEC, "judge": SPEC}}                         the first that is right decides
    {"clipped": SPEC, "low": 0, "high": 1}
    {"repetition": SPEC, "weight": 0.2, "n": 3}                         less for words that the reply repeats

Names are chosen freely and become `parts`, those of inner specs as `outer.inner`. Shaping by length is not here: a
verifier sees text, and lengths are tokens (`--reward` of `verigym train`).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from verigym.verifiers import shaping
from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.compose import Grader, clipped, first_of, gated, weighted
from verigym.verifiers.table import POOLED, SANDBOXED, THREADED, VERIFIERS, check_options, verify
from verigym.verifiers.verdict import Verdict

WAITING = 64
"""composed replies that may wait for their parts at once"""

Spec = str | Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """A composition, as JSON text, with what it is to grade."""

    spec: str
    reply: str
    answer: Any
    lane: str = "compose"
    most: int = WAITING


def compose(reply: str, answer: Any, *, spec: Spec | None = None) -> "Verdict | Plan":
    """What a composition of verifiers says of `reply`; a plan for a thread where a part of it must be waited for.

    answer  what every part is given, or a dict of which each part is given the field that it names
    spec    the composition, in the forms above

    Raises ValueError for a spec that cannot be meant, and WrongAnswer for an `answer` that a part cannot take.
    """
    if not spec:
        raise ValueError('compose needs spec, such as spec={"gated": {"format": "format", "math": "math"}}')
    try:
        text = spec if isinstance(spec, str) else json.dumps(spec)
    except (TypeError, ValueError) as failure:
        raise ValueError(f"compose: spec must be plain data: {failure}") from None
    grader, waits = _built(text, None)
    return Plan(text, reply, answer) if waits else grader(reply, answer)


def run(plan: Plan, deadline_s: float | None) -> Verdict:
    """The verdict of a plan. deadline_s: wall seconds for each part, as in `verify`."""
    return _built(plan.spec, deadline_s)[0](plan.reply, plan.answer)


def parts_of(spec: Spec) -> set[str]:
    """The names of the verifiers in a composition. Raises ValueError for one that cannot be meant."""
    names: list[str] = []
    build(_read(spec) if isinstance(spec, str) else spec, leaves=names)
    return set(names)


@lru_cache(maxsize=256)
def _built(text: str, deadline_s: float | None) -> tuple[Grader, bool]:
    """The grader of a spec's JSON text, or of a name, and whether any part of it may have to be waited for."""
    leaves: list[str] = []
    grader = build(_read(text), deadline_s=deadline_s, leaves=leaves)
    return grader, any(name in table for name in leaves for table in (POOLED, SANDBOXED, THREADED))


def _read(text: str) -> Any:
    """A spec from its JSON text, or a name as it is."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except ValueError as failure:
        raise ValueError(f"compose: spec is not JSON: {failure}") from None


def build(spec: Any, *, deadline_s: float | None = None, leaves: list[str] | None = None, at: str = "spec") -> Grader:
    """The grader that a spec stands for. leaves: is given the names of the verifiers in it; at: where we are, for
    messages. Raises ValueError."""
    if isinstance(spec, str):
        spec = {"verifier": spec}
    kind = _kind(spec, at)
    if kind == "verifier":
        return _leaf(spec, deadline_s, leaves, at)

    def inner(part: Any, name: str) -> Grader:
        return build(part, deadline_s=deadline_s, leaves=leaves, at=f"{at}.{name}")

    return NODES[kind][0](spec, inner, at)


def _leaf(spec: Mapping[str, Any], deadline_s: float | None, leaves: list[str] | None, at: str) -> Grader:
    name, options, field = spec["verifier"], spec.get("options", {}), spec.get("answer")
    known = [one for one in VERIFIERS if one != "compose"]
    if name not in known:
        raise ValueError(f"compose: {at}: no verifier {name!r}{_near(name, known)}; they are {', '.join(known)}")
    if not isinstance(options, Mapping):
        raise ValueError(f"compose: {at}: options must be a dict, got {type(options).__name__}")
    check_options(name, options)
    if leaves is not None:
        leaves.append(name)

    def grade(reply: str, answer: Any) -> Verdict:
        if field is not None:
            if not isinstance(answer, Mapping) or field not in answer:
                raise WrongAnswer(f"compose: {at} is given the field {field!r} of the answer, which has none")
            answer = answer[field]
        return verify(name, reply, answer, deadline_s=deadline_s, **options)

    return grade


def _weighted(spec: Mapping[str, Any], inner: Callable[[Any, str], Grader], at: str) -> Grader:
    parts = _named(spec, "weighted", at)
    for name, pair in parts.items():
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2 or not _is_number(pair[0]):
            raise ValueError(f"compose: {at}: weighted.{name} must be [weight, spec], got {pair!r}")
    if not isinstance(spec.get("correct"), str):
        raise ValueError(f'compose: {at}: weighted needs "correct": the part that says what is right')
    return weighted({name: (float(pair[0]), inner(pair[1], name)) for name, pair in parts.items()}, spec["correct"])


def _gated(spec: Mapping[str, Any], inner: Callable[[Any, str], Grader], at: str) -> Grader:
    parts = _named(spec, "gated", at)
    if len(parts) != 2:
        raise ValueError(f"compose: {at}: gated holds two parts, the gate first, got {len(parts)}")
    (gate_name, gate), (name, behind) = parts.items()
    return gated(gate_name, inner(gate, gate_name), name, inner(behind, name))


def _first_of(spec: Mapping[str, Any], inner: Callable[[Any, str], Grader], at: str) -> Grader:
    return first_of([(name, inner(part, name)) for name, part in _named(spec, "first_of", at).items()])


def _clipped(spec: Mapping[str, Any], inner: Callable[[Any, str], Grader], at: str) -> Grader:
    low, high = (_number(spec, name, default, at) for name, default in (("low", 0.0), ("high", 1.0)))
    return clipped(inner(spec["clipped"], "clipped"), low, high)


def _repetition(spec: Mapping[str, Any], inner: Callable[[Any, str], Grader], at: str) -> Grader:
    grader, weight, n = inner(spec["repetition"], "repetition"), _number(spec, "weight", None, at), spec.get("n", 3)
    if isinstance(n, bool) or not isinstance(n, int):
        raise ValueError(f"compose: {at}: n={n!r} must be a whole number")
    shaping.repetition(Verdict.wrong(""), (), weight=weight, n=n)  # numbers are checked before any reply is seen
    return lambda reply, answer: shaping.repetition(grader(reply, answer), reply.split(), weight=weight, n=n)


NODES: Mapping[
    str, tuple[Callable[[Mapping[str, Any], Callable[[Any, str], Grader], str], Grader], tuple[str, ...]]
] = {
    "weighted": (_weighted, ("correct",)),
    "gated": (_gated, ()),
    "first_of": (_first_of, ()),
    "clipped": (_clipped, ("low", "high")),
    "repetition": (_repetition, ("weight", "n")),
}
"""key that says what a spec is -> (what makes its grader, further keys)"""


def _kind(spec: Any, at: str) -> str:
    """The one key that says what a spec is. Raises ValueError."""
    if not isinstance(spec, Mapping):
        raise ValueError(f"compose: {at} must be a verifier's name or a dict, got {type(spec).__name__}")
    kinds = ["verifier", *NODES]
    found = [key for key in spec if key in kinds]
    if len(found) != 1:
        first = next((str(key) for key in spec if key not in kinds), "")
        raise ValueError(f"compose: {at} must hold one of {', '.join(kinds)}{_near(first, kinds) if not found else ''}")
    known = [found[0], *(("options", "answer") if found[0] == "verifier" else NODES[found[0]][1])]
    for key in spec:
        if key not in known:
            raise ValueError(
                f"compose: {at} has no key {key!r}{_near(str(key), known)}; it may hold {', '.join(known)}"
            )
    return found[0]


def _named(spec: Mapping[str, Any], kind: str, at: str) -> Mapping[str, Any]:
    parts = spec[kind]
    if not isinstance(parts, Mapping) or not parts or not all(isinstance(name, str) and name for name in parts):
        raise ValueError(f"compose: {at}: {kind} must be a dict of names to specs")
    return parts


def _number(spec: Mapping[str, Any], name: str, default: float | None, at: str) -> float:
    value = spec.get(name, default)
    if not _is_number(value):
        raise ValueError(f"compose: {at}: {name}={value!r} must be a number")
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _near(name: str, known: Sequence[str]) -> str:
    found = get_close_matches(name, known, 1, 0.5)
    return f" (did you mean {found[0]!r}?)" if found else ""
