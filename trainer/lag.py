"""How far sampling may run ahead of learning: `--lag 0`, `--lag 1`, `--lag 4 partial`.

Lag.of(("4", "partial"))     # Lag(steps=4, partial=True)
"""

from collections.abc import Sequence
from dataclasses import dataclass

from verigym.trainer.config import ConfigError, require


@dataclass(frozen=True)
class Lag:
    """steps: how many versions older than the newest weights a rollout's oldest weights may be, beyond the one that
    learning itself takes; 0 is synchronous. partial: replies under way when the weights move go on under the new ones
    (each token knows its version) in place of being waited for."""

    steps: int = 0
    partial: bool = False

    @classmethod
    def of(cls, words: Sequence[str]) -> "Lag":
        """The lag that words describe. Raises ConfigError."""
        number, *rest = words or ("0",)
        if not (number.isascii() and number.isdigit()) or any(word != "partial" for word in rest) or len(rest) > 1:
            raise ConfigError(f"lag={' '.join(words)!r} is no lag; write --lag 0, --lag 1 or --lag 4 partial")
        lag = cls(int(number), bool(rest))
        require(
            lag.steps > 0 or not lag.partial,
            "lag='0 partial': at lag 0 nothing is under way when the weights move; write --lag 1 partial, or --lag 0",
        )
        return lag
