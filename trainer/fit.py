"""How an update fits its memory: the words of `--fit`.

Fit.of(("checkpoint", "adam=8bit"))
"""

from collections.abc import Sequence
from dataclasses import dataclass

from verigym.trainer.words import read

CHOICES = {
    "adam": ("fp32", "8bit", "paged8bit"),
    "packing": ("auto", "on", "off"),
    "shard": ("auto", "ddp", "fsdp", "zero2", "zero3", "deepspeed2", "deepspeed3"),
}


@dataclass(frozen=True)
class Fit:
    """checkpoint: activations are computed again in the backward pass; offload: the optimizer's state lies on the CPU;
    adam: its moments in fp32, 8 bits or paged 8 bits; packing: rows laid end to end (auto: where it pays); liger: its
    kernels; shard: how weights and moments are cut over ranks (auto: fsdp on several)."""

    checkpoint: bool = False
    offload: bool = False
    liger: bool = False
    adam: str = "fp32"
    packing: str = "auto"
    shard: str = "auto"

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name}={getattr(self, name)} is none of {', '.join(choices)}")

    @classmethod
    def of(cls, words: Sequence[str]) -> "Fit":
        """Raises ConfigError for a word that is none of these."""
        return read(words, cls, where="fit")

    def sharding(self, ranks: int, *, lora: bool = False) -> str:
        """How the weights lie over so many ranks: none (there is one), ddp (whole on each), or a way of cutting
        them. Under LoRA auto is ddp: what learns is small."""
        if ranks == 1:
            return "none"
        return self.shard if self.shard != "auto" else "ddp" if lora else "fsdp"
