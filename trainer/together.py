"""Who samples when several ranks learn together.

An engine inside the process (transformers, vllm) is there on every rank, and at lag 0 each samples its share of a
step's problems. Servers, a fleet, and anything that runs ahead of learning are driven by the lead, which tells the
others. Either way every rank ends up with the same rollouts, in the order of the problems.

    rollouts = roll_shared(roll, problems, first_group, ranks, everywhere=samples_everywhere(run))
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from verigym.trainer.config import Run
from verigym.trainer.lag import Lag
from verigym.trainer.ranks import Ranks

Problem = TypeVar("Problem")
Rollout = TypeVar("Rollout")

IN_PROCESS = ("transformers", "vllm")
"""Engines that live in the process of a rank."""


def samples_everywhere(run: Run) -> bool:
    """Whether every rank samples, or the lead alone."""
    return run.rollout.engine in IN_PROCESS and Lag.of(run.rollout.lag).steps == 0


def roll_shared(
    roll: Callable[[Sequence[Problem], int], list[Rollout]],
    problems: Sequence[Problem],
    first_group: int,
    ranks: Ranks,
    *,
    everywhere: bool,
) -> list[Rollout]:
    """The rollouts of all problems, on every rank. `roll(problems, first_group)` samples some that stand side by side;
    what it raises on one rank is raised on all."""
    if not ranks.several:
        return roll(problems, first_group)
    if not everywhere:
        return ranks.led(lambda: roll(problems, first_group))
    own = ranks.share(list(enumerate(problems, first_group)))
    return ranks.all(lambda: roll([problem for _, problem in own], own[0][0]) if own else [])
