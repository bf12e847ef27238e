"""The problems a run trains on, in an order that its seed decides.

A generator is asked for indices that a hash of seed and cursor gives; rows are shuffled anew each epoch. Only the
cursor is kept, so a resumed run draws what it would have drawn. Under a plan each place has the level that the plan
gives it, and rows are shuffled within their level: none comes twice within as many places as the level has rows.

    stream = ProblemStream(task, split="train", levels=(2,), seed=0)
    problems, cursor = stream.take(24, cursor=0)
"""

import copy
import random
from collections.abc import Sequence
from functools import lru_cache

from verigym.tasks.problem import Problem
from verigym.tasks.supply import Task
from verigym.trainer.course import Plan
from verigym.trainer.seeds import sample_seed


class ProblemStream:
    """An endless sequence of problems of one task, addressed by a cursor. levels: taken in turn; none: the task's
    default."""

    def __init__(self, task: Task, *, split: str, levels: Sequence[int], seed: int) -> None:
        self.task = task
        self.split = split
        self.levels = tuple(levels)
        self.seed = seed
        self.size = task.size(split)
        self.plan: Plan | None = None
        self._shuffled = lru_cache(maxsize=2)(self._shuffle)
        self._rows_of = lru_cache(maxsize=None)(self._count)
        self._shuffled_level = lru_cache(maxsize=64)(self._shuffle_level)

    def planned(self, plan: Plan | None) -> "ProblemStream":
        """The same stream with the levels of a plan; in turn where that is None."""
        stream = copy.copy(self)
        stream.plan = plan
        return stream

    def take(self, n: int, cursor: int) -> tuple[list[Problem], int]:
        """The next `n` problems after `cursor`, and the new cursor."""
        return [self.at(i) for i in range(cursor, cursor + n)], cursor + n

    def at(self, cursor: int) -> Problem:
        """The problem at a place in the sequence."""
        if self.plan is not None:
            level: int | None = self.plan.level(cursor)
        else:
            level = self.levels[cursor % len(self.levels)] if self.levels else None
        if self.size is None:
            index = sample_seed(self.seed, "problem", cursor) >> 15
        elif self.plan is not None and level is not None:
            epoch, place = divmod(cursor, self._rows_of(level))
            index = self._shuffled_level(level, epoch)[place]
        else:
            epoch, place = divmod(cursor, self.size)
            index = self._shuffled(epoch)[place]
        return self.task.problem(index, split=self.split, level=level)

    def _count(self, level: int) -> int:
        return len(self.task.problems(None, split=self.split, level=level))

    def _shuffle(self, epoch: int) -> list[int]:
        order = list(range(self.size or 0))
        random.Random(sample_seed(self.seed, "epoch", epoch)).shuffle(order)
        return order

    def _shuffle_level(self, level: int, epoch: int) -> list[int]:
        order = list(range(self._rows_of(level)))
        random.Random(sample_seed(self.seed, "epoch", level, epoch)).shuffle(order)
        return order
