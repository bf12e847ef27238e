"""Low-rank adapters (arXiv:2106.09685) through peft: the words of `--lora`.

Lora.of(("rank=16", "alpha=32"))
"""

from collections.abc import Sequence
from dataclasses import dataclass

from verigym.trainer.words import read


@dataclass(frozen=True)
class Lora:
    """rank, alpha: the adapter adds (alpha / rank) B A to a weight; targets: all-linear (the head aside), or names of
    modules with commas between them."""

    rank: int = 16
    alpha: float = 32.0
    targets: str = "all-linear"

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ValueError(f"rank={self.rank} is too small; write rank=16")
        if self.alpha <= 0:
            raise ValueError(f"alpha={self.alpha} adds nothing; write alpha=32")

    @classmethod
    def of(cls, words: Sequence[str]) -> "Lora | None":
        """The adapter that words describe, None for none at all. Raises ConfigError."""
        return read(words, cls, where="lora") if words else None
