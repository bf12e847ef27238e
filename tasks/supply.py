"""Supplies of problems: a generator with levels, or the rows of a data set, behind one small interface.

    task = Generated("double", lambda rng, level: ..., levels={1: Level("one digit", space=1000, chance=0.05)})
    task.problem(17, split="test")               # the same problem in every process
    task.problems(256, split="validation")       # distinct problems, for evaluation

A generated problem is drawn from the rng of its address; draws whose family belongs to another split are thrown away,
so an index never leaves its split. What it does not cover: grading (see `verigym.verifiers`).
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from verigym.tasks.problem import Address, Problem
from verigym.tasks.splits import SHARES, SPLITS, SpaceTooSmall, split_of

SMALLEST_SPLIT = 20
"""A split that can hold fewer distinct problems than this is refused: nothing can be learned about it."""


class UnknownName(KeyError):
    """No task, split or level has this name. Unlike other KeyErrors its text is the message itself, without quotes."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True)
class Level:
    """One level of difficulty. space: distinct problems (keys) it can make, a lower bound where the exact number is
    unknown; chance: the success rate of the best reply in the right form that did not look at the problem; floor: the
    mean reward of such a reply, where partial credit makes it higher than the chance."""

    description: str
    space: int
    chance: float
    floor: float | None = None


class Task(Protocol):
    """A named, versioned supply of problems. Where no split is named, `default_split` is taken."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def levels(self) -> Mapping[int, Level]: ...
    @property
    def splits(self) -> Sequence[str]: ...
    @property
    def default_split(self) -> str: ...
    def problem(self, index: int, *, split: str | None = None, level: int | None = None) -> Problem:
        """The problem at an address. Raises KeyError for an unknown split or level."""

    def problems(self, n: int | None, *, split: str | None = None, level: int | None = None) -> list[Problem]:
        """The first `n` distinct problems of a split (all rows when None). Raises SpaceTooSmall when there are
        fewer."""

    def size(self, split: str | None = None) -> int | None:
        """Rows in a split, or None for a generator, whose indices do not end."""

    def oracle(self, problem: Problem) -> str | None:
        """A reply that earns the full reward, or None where the task knows none."""

    def form(self, problem: Problem, rng: random.Random) -> str | None:
        """A reply that has the right form and is not right: it teaches how to answer, and nothing of what. None where
        the task knows none."""


@dataclass(frozen=True)
class Generated:
    """Problems drawn by a function `problem(rng, level, **options) -> Problem`.

    make_oracle   `oracle(problem, **options) -> str`: a reply that is right
    make_form     `form(problem, rng, **options) -> str`: a reply that has the right form and is not right
    default_level the level taken when none is asked for (the first one unless said)
    default_split the split taken when none is asked for
    options       keyword arguments for these functions, such as `style="terse"`; set with `with_options`
    """

    id: str
    make_problem: Callable[..., Problem]
    levels: Mapping[int, Level]
    make_oracle: Callable[..., str] | None = None
    version: int = 1
    default_level: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    splits: Sequence[str] = SPLITS
    default_split: str = "train"
    make_form: Callable[..., str] | None = None

    def with_options(self, **options: Any) -> "Generated":
        """The same task with other options for its functions."""
        return replace(self, options={**self.options, **options})

    def size(self, split: str | None = None) -> int | None:
        return None

    def problem(self, index: int, *, split: str | None = None, level: int | None = None) -> Problem:
        level = self._level(level)
        split = self.default_split if split is None else split
        self._check_split(split, level)
        address = Address(self.id, self.version, split, level, index)
        for attempt in range(2000):
            drawn = self.make_problem(address.rng(attempt), level, **self.options)
            if split_of(self.id, drawn.family) == split:
                return replace(drawn, address=address)
        raise SpaceTooSmall(
            f"{self.id} level {level}: 2000 draws gave no problem of the {split} split; its families are too few to "
            f"split. "
            "Widen the generator, or give problems a finer `family`."
        )

    def problems(self, n: int | None, *, split: str | None = None, level: int | None = None) -> list[Problem]:
        split = self.default_split if split is None else split
        if n is None:
            raise ValueError(f"{self.id} is generated and has no end: say how many problems you want")
        found: dict[str, Problem] = {}
        index = 0
        while len(found) < n:
            if index >= 50 * n + 1000:
                raise SpaceTooSmall(
                    f"{self.id} level {self._level(level)}: {index} draws gave only {len(found)} distinct problems "
                    f"of the {split} "
                    f"split, {n} were asked for; ask for {len(found)} or fewer, or take a higher level"
                )
            problem = self.problem(index, split=split, level=level)
            found.setdefault(problem.key, problem)
            index += 1
        return list(found.values())

    def oracle(self, problem: Problem) -> str | None:
        return self.make_oracle(problem, **self.options) if self.make_oracle else None

    def form(self, problem: Problem, rng: random.Random) -> str | None:
        return self.make_form(problem, rng, **self.options) if self.make_form else None

    def _level(self, level: int | None) -> int:
        if level is None:
            return self.default_level if self.default_level is not None else min(self.levels)
        if level not in self.levels:
            raise UnknownName(
                f"{self.id} has no level {level}; its levels are {', '.join(map(str, sorted(self.levels)))}"
            )
        return level

    def _check_split(self, split: str, level: int) -> None:
        if split not in self.splits:
            raise UnknownName(f"{self.id} has no split {split!r}; its splits are {', '.join(self.splits)}")
        expected = self.levels[level].space * SHARES[split]
        if expected < SMALLEST_SPLIT:
            raise SpaceTooSmall(
                f"{self.id} level {level} can make {self.levels[level].space} distinct problems, so its {split} "
                f"split would hold about "
                f"{expected:.0f}; at least {SMALLEST_SPLIT} are needed. Take a higher level."
            )
