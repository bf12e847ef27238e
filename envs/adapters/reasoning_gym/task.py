"""A generator of `reasoning-gym` as a task: our addresses, seeds, splits and levels.

    Drawn("countdown", row("countdown").levels).problem(17, split="test", level=2)

The package draws item i of seed s from `Random(s + i)`, so its seeds 42 and 43 share nearly all their problems. Here
every problem is drawn alone, from a 63-bit seed that hashes its address; what belongs to another split is thrown away,
and so are draws that fail, come out differently each time or have no answer that fits into a reply. Drawing runs in the
sandbox, from the same state each time: the same problem in every process.
"""

import json
import random
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from verigym.envs.adapters.reasoning_gym import calls
from verigym.envs.adapters.reasoning_gym.keys import identity
from verigym.envs.adapters.reasoning_gym.oracles import gold
from verigym.envs.adapters.reasoning_gym.table import PREFIX
from verigym.envs.env import FAILED, EnvError
from verigym.sandbox.job import Outcome
from verigym.tasks.problem import Address, Problem
from verigym.tasks.splits import SHARES, SPLITS, SpaceTooSmall, split_of
from verigym.tasks.supply import SMALLEST_SPLIT, Level, UnknownName
from verigym.tasks.wording import answered, ask

DRAW_S = 6.0
"""seconds of processor time for each draw of a call; inside, one is stopped after 5"""
LONGEST_S = 120.0
ATTEMPTS = 2000
DRAWN_FIRST = {"train": 2, "validation": 12, "test": 12}
"""draws of one call for each address: one and a quarter are needed on average in train, ten in the others"""
MOST_DRAWN = 128
"""and at most, where the first ones were all of other splits"""
BATCH = 8
"""addresses of one call"""
LONGEST_ANSWER = 12_000
"""characters of a gold answer: a longer one does not fit into what is read of a reply"""
KEPT = 4096
"""problems that are remembered"""

_kept: "OrderedDict[tuple[str, str], Problem]" = OrderedDict()


@dataclass(frozen=True)
class Drawn:
    """The problems of one generator. overrides: fields of its configuration; style: see `tasks/wording.py`."""

    name: str
    levels: Mapping[int, Level]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    style: str = "words"
    version: int = 1
    splits: Sequence[str] = SPLITS
    default_split: str = "train"

    @property
    def id(self) -> str:
        return PREFIX + self.name

    def size(self, split: str | None = None) -> int | None:
        return None

    def problem(self, index: int, *, split: str | None = None, level: int | None = None) -> Problem:
        """The problem at an address. One that takes too long to draw ends its episode in `error`. Raises SpaceTooSmall,
        UnknownName, EnvError where the generator does nothing but fail, and NoSandbox."""
        return next(self._made([index], *self._place(split, level)))

    def problems(self, n: int | None, *, split: str | None = None, level: int | None = None) -> list[Problem]:
        if n is None:
            raise ValueError(f"{self.id} is generated and has no end: say how many problems you want")
        split, level = self._place(split, level)
        found: dict[str, Problem] = {}
        index = 0
        while len(found) < n:
            if index >= 50 * n + 1000:
                raise SpaceTooSmall(
                    f"{self.id} level {level}: {index} draws gave only {len(found)} distinct problems of the {split} "
                    f"split, {n} were asked for; ask for {len(found)} or fewer, or take a higher level"
                )
            count = min(BATCH, n) if index == 0 else BATCH
            for problem in self._made(range(index, index + count), split, level):
                found.setdefault(problem.key, problem)
            index += count
        return list(found.values())[:n]

    def oracle(self, problem: Problem) -> str | None:
        text = problem.answer["oracle"] if problem.answer else None
        return None if text is None else answered(self.style, text)

    def form(self, problem: Problem, rng: random.Random) -> str | None:
        """The gold answer of another problem of the same split and level."""
        split, level = (problem.address.split, problem.address.level) if problem.address else (None, None)
        for _ in range(8):
            other = self.problem(rng.randrange(2**31), split=split, level=level)
            if other.answer and other.answer["oracle"] not in (None, problem.answer["oracle"]):
                return answered(self.style, other.answer["oracle"])
        return None

    def _place(self, split: str | None, level: int | None) -> tuple[str, int]:
        """The split and level that are meant."""
        split = self.default_split if split is None else split
        level = min(self.levels) if level is None else level
        if level not in self.levels:
            known = ", ".join(map(str, sorted(self.levels)))
            raise UnknownName(f"{self.id} has no level {level}; its levels are {known}")
        if split not in self.splits:
            raise UnknownName(f"{self.id} has no split {split!r}; its splits are {', '.join(self.splits)}")
        expected = self.levels[level].space * SHARES[split]
        if expected < SMALLEST_SPLIT:
            raise SpaceTooSmall(
                f"{self.id} level {level} can make about {self.levels[level].space} distinct problems, so its {split} "
                f"split would hold about {expected:.0f}; at least {SMALLEST_SPLIT} are needed. Take another level."
            )
        return split, level

    def _made(self, indices: Sequence[int], split: str, level: int) -> Iterator[Problem]:
        """The problems at these indices, in order, those that are not remembered drawn in one go."""
        addresses = [Address(self.id, self.version, split, level, index) for index in indices]
        mark = f"{self.style} {json.dumps(self.overrides, sort_keys=True, default=str)}"
        missing = [address for address in addresses if (str(address), mark) not in _kept]
        made = {}
        if missing:
            made = dict(zip(missing, self._draw(missing), strict=True))
        for address in addresses:
            problem = made[address] if address in made else _kept[str(address), mark]
            _kept[str(address), mark] = problem
            _kept.move_to_end((str(address), mark))
            yield problem
        while len(_kept) > KEPT:
            _kept.popitem(last=False)

    def _draw(self, addresses: Sequence[Address]) -> list[Problem]:
        found: dict[Address, Problem] = {}
        reason, start = "", 0
        count = DRAWN_FIRST[addresses[0].split]
        while (waiting := [one for one in addresses if one not in found]) and start < ATTEMPTS:
            seeds = [[one.rng(start + k).getrandbits(63) for k in range(count)] for one in waiting]
            draws = count * len(waiting)
            level = waiting[0].level
            cpu_s = min(LONGEST_S, DRAW_S * draws)
            result = calls.run("draw", self.name, level, dict(self.overrides), seeds, cpu_s=cpu_s)
            if result.outcome in (Outcome.CPU_TIMEOUT, Outcome.WALL_TIMEOUT, Outcome.MEMORY, Outcome.OUTPUT_TRUNCATED):
                if len(waiting) > 1:
                    return [*(found[one] if one in found else self._draw([one])[0] for one in addresses)]
                return [_failed(waiting[0])]
            if not result.ok:
                raise EnvError(f"{self.id}, level {level}: {result.detail or result.outcome}")
            for address, drawn in zip(waiting, result.value, strict=True):
                for entry in drawn:
                    # Never the next draw in its place: an address gives one problem on every machine, or none.
                    problem = _failed(address) if entry is None else self._problem(entry, address)
                    if isinstance(problem, Problem):
                        found[address] = problem
                        break
                    reason = problem or reason
            start += count
            count = min(2 * count, MOST_DRAWN)
        if waiting:
            raise SpaceTooSmall(
                f"{self.id} level {waiting[0].level}: {start} draws gave no problem of the {waiting[0].split} split; "
                f"its families are too few to split. {reason}".rstrip()
            )
        return [found[address] for address in addresses]

    def _problem(self, entry: Any, address: Address) -> Problem | str:
        """The problem that was drawn; "" where it belongs to another split, or why it is of no use."""
        if isinstance(entry, str):
            return f"A draw failed: {entry}"
        question, answer, metadata = entry
        key, family = identity(self.name, question, answer, metadata)
        if split_of(self.id, family) != address.split:
            return ""
        right = gold(self.name, answer, metadata) if answer is None else answer
        if right is not None and len(right) > LONGEST_ANSWER:
            return f"A gold answer has {len(right)} characters; at most {LONGEST_ANSWER} fit into a reply"
        held = {
            "generator": self.name,
            "level": address.level,
            "overrides": dict(self.overrides),
            "oracle": right,
            "question": question,
            "metadata": metadata,
        }
        return Problem(ask(self.style, question, question), held, key, family, {}, address)


def _failed(address: Address) -> Problem:
    reason = f"{address.task} took too long to make this problem"
    return Problem(f"(no problem: {reason})", None, f"failed {address}", meta={FAILED: reason}, address=address)
