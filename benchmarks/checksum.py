"""The reward of `step_vs_trl.py`, one function for both trainers: a checksum of the reply, between 0 and 1.

Random replies nearly always earn different rewards, so no trainer can pass a group or a reply over; it costs
microseconds, so that neither is charged for grading. It measures speed and teaches nothing. TRL's environment has no
verigym, so verigym is imported only in `env`.

    verigym train --env benchmarks/checksum.py:env
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from verigym.envs import Env

PRIME = 97


def checksum(reply: str) -> float:
    """The sum of the reply's code points modulo 97, as a share of 96."""
    return sum(map(ord, reply)) % PRIME / (PRIME - 1)


def env() -> "Env":
    """Terse countdown problems of level 2 under `checksum`, graded in the trainer's process."""
    from verigym.envs import Env, make

    def verify(_: Any, reply: str) -> float:
        return checksum(reply)

    return Env(make("countdown", style="terse").task, verify, id="checksum", level=2)
