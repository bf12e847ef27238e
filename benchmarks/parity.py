"""The reward of `step_vs_trl.py`, one function for both trainers: 1 when a reply's characters add up to an even number.

About half of all random replies earn it, so every group holds both rewards and no trainer can pass a group over; it
costs microseconds, so that neither is charged for grading. It measures speed and teaches nothing. TRL's environment has
no verigym, so verigym is imported only in `env`.

    verigym train --env benchmarks/parity.py:env
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from verigym.envs import Env


def parity_reward(reply: str) -> float:
    """1.0 when the code points of `reply` add up to an even number, else 0.0."""
    return float(sum(map(ord, reply)) % 2 == 0)


def env() -> "Env":
    """Terse countdown problems of level 2 under `parity_reward`, graded in the trainer's process."""
    from verigym.envs import Env, make

    def verify(_: Any, reply: str) -> bool:
        return parity_reward(reply) == 1.0

    return Env(make("countdown", style="terse").task, verify, id="parity", level=2)
