"""Environments: a task and a verifier behind Gymnasium's `reset` and `step`.

env = make("countdown")
observation, info = env.reset(seed=7, options={"level": 3})
observation, reward, terminated, truncated, info = env.step("<answer>3 + 25 - 17</answer>")

check("my_env.py").ok       # certified: see `checks/run.py`
"""

if not __name__.startswith("verigym."):  # plain `python -m` at the root puts this folder in front of other packages
    raise ImportError(f"this is verigym.envs, imported as {__name__!r}: run `verigym`, or `python -P -m`")

from typing import TYPE_CHECKING, Any

from verigym.envs.env import Env, EnvError, Episode
from verigym.envs.registry import env_ids, make

if TYPE_CHECKING:
    from verigym.envs.checks.run import check

__all__ = ["Env", "EnvError", "Episode", "check", "env_ids", "make"]


def __getattr__(name: str) -> Any:
    """`check` at its first use: most who import this package never certify anything."""
    if name == "check":
        from verigym.envs.checks.run import check

        return check
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
