"""Training and evaluation: engines, rollouts, objectives, the loop, the run directory and the command line.

from verigym.trainer import evaluate, pass_at_k, train      # torch is imported when they are called
"""

if not __name__.startswith("verigym."):  # plain `python -m` at the root puts this folder in front of other packages
    raise ImportError(f"this is verigym.trainer, imported as {__name__!r}: run `verigym`, or `python -P -m`")

from typing import TYPE_CHECKING, Any

from verigym.trainer.evaluation.passk import pass_at_k

if TYPE_CHECKING:
    from verigym.trainer.evaluation.evaluate import evaluate
    from verigym.trainer.loop import train

__all__ = ["evaluate", "pass_at_k", "train"]

_HOMES = {"train": "verigym.trainer.loop", "evaluate": "verigym.trainer.evaluation.evaluate"}


def __getattr__(name: str) -> Any:
    """The names that need torch, imported when they are first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
