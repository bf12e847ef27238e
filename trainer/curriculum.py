"""Which levels to draw problems from: in fixed shares, up and down a staircase, or where there is most to learn.

    kind = parse(("staircase", "up=0.8", "window=4"))
    state = kind.learn(kind.start(3), 3, [Outcome(0, (1.0, 1.0, 1.0, 1.0))])
    kind.shares(state, 3)                   # (0.2, 0.8, 0.0)

A kind is settings alone. What it has learned is a small record of plain data, made anew from the groups of a step, so
it lies in a checkpoint and the same steps give the same shares, bit for bit. Levels are places here, 0 for the first
and easiest; `course.py` gives them their numbers and draws.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, Protocol

State = Mapping[str, Any]
"""What a curriculum has learned: plain JSON data."""

LONGEST_WAIT = 16
"""Windows that a staircase stays on a level at most before it climbs again after a fall."""


@dataclass(frozen=True)
class Outcome:
    """How the scored rollouts of one problem went. place: of its level; values: 1 for right and 0 for wrong, or, where
    no verifier rules, the reward within [0, 1]."""

    place: int
    values: tuple[float, ...]


class Kind(Protocol):
    """One way to choose levels. `n` is the number of levels."""

    def start(self, n: int) -> State:
        """What is known before the first step."""

    def shares(self, state: State, n: int) -> tuple[float, ...]:
        """The share of each level in the next step; they add up to 1."""

    def learn(self, state: State, n: int, outcomes: Sequence[Outcome]) -> State:
        """What is known after a step with these outcomes, in the order in which their problems were drawn."""


@dataclass(frozen=True)
class Fixed:
    """The same shares in every step. weights: level and weight, as in `fixed 1=0.2 2=0.8`; without any, the levels of
    --level in turn."""

    weights: tuple[tuple[int, float], ...] = ()

    def start(self, n: int) -> State:
        """Nothing: there is nothing to learn."""
        return {}

    def shares(self, state: State, n: int) -> tuple[float, ...]:
        """The weights, scaled to add up to 1; equal ones where there are none."""
        weights = [weight for _, weight in self.weights] or [1.0] * n
        return tuple(weight / math.fsum(weights) for weight in weights)

    def learn(self, state: State, n: int, outcomes: Sequence[Outcome]) -> State:
        """The state as it was."""
        return state


@dataclass(frozen=True)
class Staircase:
    """One level up when it is mastered, one down when it is too hard (the up-down rule of psychophysics, Levitt 1971).

    The pass rate is that of the last `window` scored rollouts at the current level since it was entered; nothing is
    decided before there are so many. Where the next level is far too hard, the rule alone would spend every other step
    on it: so each fall from a level doubles the rollouts that must come before it is tried again, up to 16 windows,
    until it is held. State: `place` of the current level, `recent` values of its rollouts, how many were `seen` since
    it was entered, the place it `fell` from (-1 for none) and the windows to `wait` before that is tried again.
    """

    up: float = 0.8
    """pass rate from which the next level is taken"""
    down: float = 0.1
    """pass rate up to which the level before is taken"""
    window: int = 64
    """scored rollouts that a decision looks back on"""
    review: float = 0.2
    """share of problems from the easier levels, equally, so that none is forgotten"""

    def __post_init__(self) -> None:
        _require(0 <= self.down < self.up <= 1, f"down={self.down:g} up={self.up:g}: wanted 0 <= down < up <= 1")
        _require(self.window >= 1, f"window={self.window} is too small; set window to 1 or more")
        _require(0 <= self.review < 0.5, f"review={self.review:g}: wanted a share from 0 to below 0.5")

    def start(self, n: int) -> State:
        """On the first level."""
        return {"place": 0, "recent": [], "seen": 0, "fell": -1, "wait": 1}

    def shares(self, state: State, n: int) -> tuple[float, ...]:
        """`review` on the levels below, the rest on the current one."""
        place = state["place"]
        below = self.review / place if place else 0.0
        return (below,) * place + (1.0 - below * place,) + (0.0,) * (n - place - 1)

    def learn(self, state: State, n: int, outcomes: Sequence[Outcome]) -> State:
        """One step up, one down, or none, by the pass rate at the current level."""
        place, fell, wait = state["place"], state["fell"], state["wait"]
        new = [value for outcome in outcomes if outcome.place == place for value in outcome.values]
        recent, seen = [*state["recent"], *new][-self.window :], state["seen"] + len(new)
        if len(recent) == self.window:
            rate = math.fsum(recent) / self.window
            if rate <= self.down and place > 0:
                wait = min(LONGEST_WAIT, 2 * wait) if place == fell else 2
                return {"place": place - 1, "recent": [], "seen": 0, "fell": place, "wait": wait}
            if place == fell:
                fell, wait = -1, 1
            if rate >= self.up and place < n - 1 and (place + 1 != fell or seen >= wait * self.window):
                return {"place": place + 1, "recent": [], "seen": 0, "fell": fell, "wait": wait}
        return {"place": place, "recent": recent, "seen": seen, "fell": fell, "wait": wait}


@dataclass(frozen=True)
class Bandit:
    """More problems from the levels that teach more (arXiv:1704.03003), by a softmax over what groups showed lately.

    The signal of a group is 0 where all its rollouts fare alike. `variance` is 4 p (1 - p) of its pass rate p, without
    bias from the group's size, 1 at p = 1/2 (the learnability of arXiv:2408.15099); `mixed` is 1 where they differ at
    all. A level of which little is known counts as if it taught half of the most, so it is tried. State, for each
    level: `seen` groups and the sum of their `signal`, both fading by `decay` a step.
    """

    signal: str = "variance"
    """what a group teaches: variance or mixed"""
    decay: float = 0.9
    """what is known of a level fades by this factor each step"""
    temperature: float = 0.25
    """difference of signals, as a share of the largest one, that changes the odds of two levels by the factor e"""
    floor: float = 0.05
    """least share of every level"""

    def __post_init__(self) -> None:
        choices = tuple(_SIGNALS)
        _require(
            self.signal in choices, f"signal={self.signal!r} is not known; {_nearest(self.signal, choices, 'signals')}"
        )
        _require(0 <= self.decay < 1, f"decay={self.decay:g}: wanted 0 <= decay < 1")
        _require(0 < self.temperature < math.inf, f"temperature={self.temperature:g}: wanted a positive number")
        _require(0 <= self.floor <= 0.5, f"floor={self.floor:g}: wanted a share from 0 to 0.5")

    def start(self, n: int) -> State:
        """Nothing seen of any level. Raises ValueError where `n` levels cannot have a share of `floor` each."""
        _require(
            n * self.floor <= 1,
            f"floor={self.floor:g} for each of {n} levels is more than there is; set floor to {1 / n:.3g} or less",
        )
        return {"seen": [0.0] * n, "signal": [0.0] * n}

    def shares(self, state: State, n: int) -> tuple[float, ...]:
        """`floor` for each level, and what is left by exp(estimate / (largest estimate * temperature)): while hardly
        any reply is right, a small signal counts as much as a large one does later."""
        estimates = self.estimates(state)
        odds = [math.exp((estimate / max(estimates) - 1.0) / self.temperature) for estimate in estimates]
        total = math.fsum(odds)
        return tuple(self.floor + (1.0 - n * self.floor) * one / total for one in odds)

    def estimates(self, state: State) -> list[float]:
        """The signal of each level, from 0 to 1: its faded mean, with one group of signal 1/2 added."""
        return [(total + 0.5) / (seen + 1.0) for seen, total in zip(state["seen"], state["signal"], strict=True)]

    def learn(self, state: State, n: int, outcomes: Sequence[Outcome]) -> State:
        """Fades what was known and adds the step's groups; a group of one shows nothing."""
        seen = [self.decay * value for value in state["seen"]]
        signal = [self.decay * value for value in state["signal"]]
        for outcome in outcomes:
            if len(outcome.values) > 1:
                seen[outcome.place] += 1.0
                signal[outcome.place] += _SIGNALS[self.signal](outcome.values)
        return {"seen": seen, "signal": signal}


def _variance(values: Sequence[float]) -> float:
    """4 times the unbiased sample variance: of 0s and 1s its expectation is 4 p (1 - p)."""
    mean = math.fsum(values) / len(values)
    return 4.0 * math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def _mixed(values: Sequence[float]) -> float:
    return float(max(values) - min(values) > 1e-6)


_SIGNALS = {"variance": _variance, "mixed": _mixed}

KINDS: Mapping[str, type] = {"fixed": Fixed, "staircase": Staircase, "bandit": Bandit}
"""The curricula by name."""


def parse(words: Sequence[str]) -> Kind:
    """The curriculum that words such as ("staircase", "up=0.8") describe; no words are `fixed`. Raises ValueError with
    the nearest name."""
    name, *options = " ".join(words).split() or ["fixed"]
    if name not in KINDS:
        raise ValueError(f"curriculum={name!r} is not known; {_nearest(name, KINDS, 'curricula')}")
    given: dict[str, str] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not equals:
            raise ValueError(f"curriculum {name}: {option!r} is not key=value; write {_example(name)}")
        if key in given:
            raise ValueError(f"curriculum {name}: {key} is given twice; keep one")
        given[key] = value
    try:
        return _fixed(given) if name == "fixed" else _made(name, given)
    except ValueError as error:
        raise ValueError(f"curriculum {name}: {error}") from error


def _made(name: str, given: Mapping[str, str]) -> Kind:
    """The kind with its options, each read as the type of its field."""
    types = {one.name: type(one.default) for one in fields(KINDS[name])}
    for key in given:
        _require(key in types, f"no option {key!r}; {_nearest(key, types, 'options')}")
    made: Kind = KINDS[name](**{key: _read(key, value, types[key]) for key, value in given.items()})
    return made


def _fixed(given: Mapping[str, str]) -> Fixed:
    for key, value in given.items():
        _require(key.isascii() and key.isdigit(), f"{key!r} is not a level; write {_example('fixed')}")
        weight = _read(key, value, float)
        _require(0 < weight < math.inf, f"the weight {key}={value} is not a positive number; leave the level out")
    return Fixed(tuple((int(key), float(value)) for key, value in given.items()))


def _read(key: str, value: str, kind: type) -> Any:
    try:
        return kind(value)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise ValueError(f"{key}={value} does not fit; wanted: {wanted}") from None


def _example(name: str) -> str:
    return "--curriculum fixed 1=0.2 2=0.8" if name == "fixed" else f"--curriculum {name} {_first(KINDS[name])}"


def _first(kind: type) -> str:
    one = fields(kind)[0]
    return f"{one.name}={one.default}"


def _nearest(name: str, known: Any, what: str) -> str:
    close = get_close_matches(name, list(known), 1)
    return f"did you mean {close[0]!r}?" if close else f"the {what} are {', '.join(known)}"


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)
