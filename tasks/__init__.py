"""Supplies of problems: generators with levels and data sets, addressed and split so that train and test cannot
overlap."""

if not __name__.startswith("verigym."):  # plain `python -m` at the root puts this folder in front of other packages
    raise ImportError(f"this is verigym.tasks, imported as {__name__!r}: run `verigym`, or `python -P -m`")

from verigym.tasks.catalogue import load, task_ids
from verigym.tasks.problem import Address, Problem
from verigym.tasks.splits import SpaceTooSmall
from verigym.tasks.supply import Generated, Level, Task

__all__ = ["Address", "Generated", "Level", "Problem", "SpaceTooSmall", "Task", "load", "task_ids"]
