"""The levels of a run's problems: what its curriculum says, for the levels of its environment.

    course = open_course(run.problems, task, seed=0)
    plan = course.plan(state)                       # which level each problem of the next step has
    stream.planned(plan).take(24, cursor)
    state = course.learn(state, rollouts)           # plain data, kept in the checkpoint

A plan holds for a whole step, whatever the number of rounds of dynamic sampling; levels change between steps only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from verigym.tasks.supply import Task, UnknownName
from verigym.trainer.config import ConfigError, Problems, require
from verigym.trainer.curriculum import Fixed, Kind, Outcome, State, parse
from verigym.trainer.rollout import Rollout
from verigym.trainer.seeds import sample_seed

GOLDEN = 0x9E3779B97F4A7C15
"""2**64 over the golden ratio: the multiples of it, modulo 2**64, fill the circle evenly from the first one on."""


@dataclass(frozen=True)
class Plan:
    """The level of each problem of a step. offset: of the sequence, from the run's seed."""

    levels: tuple[int, ...]
    shares: tuple[float, ...]
    offset: int

    def level(self, cursor: int) -> int:
        """The level of the problem at a place in the stream: levels come in their shares over any stretch of places,
        within about one problem, and not in a fixed turn."""
        point = (cursor * GOLDEN + self.offset) % 2**64 / 2**64
        below = 0.0
        for level, share in zip(self.levels, self.shares, strict=True):
            below += share
            if share and point < below:
                return level
        return max(level for level, share in zip(self.levels, self.shares, strict=True) if share)


@dataclass(frozen=True)
class Course:
    """A curriculum over the levels of a run, the easiest first. several: whether problems of several levels are met."""

    kind: Kind
    levels: tuple[int, ...]
    several: bool
    seed: int

    def plan(self, state: State) -> Plan | None:
        """The levels of the next step; None where they are taken in turn. Raises ConfigError for a state of other
        levels."""
        if isinstance(self.kind, Fixed) and not self.kind.weights:
            return None
        return Plan(self.levels, self.shares(state), sample_seed(self.seed, "level"))

    def shares(self, state: State) -> tuple[float, ...]:
        """The share of each level in the next step."""
        return self.kind.shares(self._known(state), len(self.levels))

    def learn(self, state: State, rollouts: Sequence[Rollout]) -> State:
        """What is known after a step with these rollouts, in any order."""
        places = {level: place for place, level in enumerate(self.levels)}
        seen = [Outcome(places[level], values) for level, values in by_group(rollouts) if level in places]
        return self.kind.learn(self._known(state), len(self.levels), seen)

    def metrics(self, state: State, rollouts: Sequence[Rollout]) -> dict[str, Any]:
        """What a step's line says of levels; nothing where there is one. `state` is that before the step.

        level    the current one of a curriculum that moves: that with the largest share
        levels   by level: its `share` in the plan, the `groups` drawn, and the `pass` rate of their scored rollouts
        """
        if not self.several:
            return {}
        seen: dict[int, list[tuple[float, ...]]] = {level: [] for level in self.levels}
        for level, values in by_group(rollouts):
            seen.setdefault(level, []).append(values)
        shares = self._shares_by_level(state)
        levels = {}
        for level, groups in sorted(seen.items()):
            scored = [value for group in groups for value in group]
            levels[str(level)] = {
                "share": shares.get(level),
                "groups": len(groups),
                "pass": sum(scored) / len(scored) if scored else None,
            }
        current = {} if isinstance(self.kind, Fixed) else {"level": max(shares, key=lambda level: shares[level])}
        return {**current, "levels": levels}

    def _shares_by_level(self, state: State) -> dict[int, float]:
        found: dict[int, float] = {}
        for level, share in zip(self.levels, self.shares(state), strict=True):
            found[level] = found.get(level, 0.0) + share
        return found

    def _known(self, state: State) -> State:
        n, start = len(self.levels), self.kind.start(len(self.levels))
        if not state:
            return start
        if state.keys() != start.keys() or len(state.get("signal", self.levels)) != n or state.get("place", 0) >= n:
            raise ConfigError(
                f"the checkpoint's curriculum does not fit levels {_list(self.levels)}: the environment's levels have "
                "changed since; start another run"
            )
        return state


def open_course(problems: Problems, task: Task, *, seed: int) -> Course:
    """The course that settings describe. Without --level a curriculum that moves takes every level that all splits
    have. Raises ConfigError for levels that the task does not have, or that the curriculum cannot use."""
    kind, levels = parse(problems.curriculum), problems.level
    for level in [*levels, *(level for level, _ in kind.weights)] if isinstance(kind, Fixed) else levels:
        require(
            level in task.levels,
            f"level={level} is not a level of {task.id}; set --level to some of {_list(task.levels)}",
        )
    if isinstance(kind, Fixed):
        named = tuple(level for level, _ in kind.weights)
        require(
            not named or not levels or set(named) == set(levels),
            f"level={_list(levels)}, but curriculum fixed weighs {_list(named)}; name the same, or leave --level out",
        )
        levels = named or levels
        mixed = not levels and task.size("train") is not None and len(task.levels) > 1
        return Course(kind, levels, len(set(levels)) > 1 or mixed, seed)
    levels = tuple(dict.fromkeys(levels)) or tuple(level for level in sorted(task.levels) if _everywhere(task, level))
    require(
        len(levels) > 1,
        f"curriculum={problems.curriculum[0]!r} needs two levels to choose from, and has {_list(levels) or 'none'}; "
        f"{task.id} has {_list(task.levels)}: set --level to several of them, or --curriculum fixed",
    )
    try:
        kind.start(len(levels))
    except ValueError as error:
        raise ConfigError(f"curriculum {problems.curriculum[0]}: {error}") from error
    return Course(kind, levels, True, seed)


def by_group(rollouts: Sequence[Rollout]) -> list[tuple[int, tuple[float, ...]]]:
    """The level of each group with the values of its scored rollouts, in the order in which the groups were drawn: 1
    for right, 0 for wrong, and where no verifier rules the reward within [0, 1]."""
    groups: dict[int, tuple[int, list[float]]] = {}
    for rollout in sorted(rollouts, key=lambda one: (one.group, one.sample)):
        address, verdict = rollout.problem.address, rollout.verdict
        level = address.level if address is not None else 0
        _, values = groups.setdefault(rollout.group, (level, []))
        if verdict.scored:
            ruled = verdict.correct is not None
            values.append(float(bool(verdict.correct)) if ruled else min(1.0, max(0.0, verdict.reward)))
    return [(level, tuple(values)) for level, values in groups.values()]


def _everywhere(task: Task, level: int) -> bool:
    """Whether every split has problems of a level; rows may not."""
    try:
        for split in task.splits:
            task.problem(0, split=split, level=level)
    except UnknownName:
        return False
    return True


def _list(levels: Any) -> str:
    return ", ".join(map(str, levels))
