"""What a run will need, from the shape of its model: tokens a step and peak memory, as sums that can be checked by
hand.

Pure arithmetic in bytes; nothing is loaded or measured here. It counts what grows with the settings: weights,
gradients, Adam's two moments, activations kept for the backward pass, one slice of logits, the engine's key-value
cache. It does not count the allocator's slack, CUDA's own gigabyte, or frameworks' buffers: take the totals as a lower
bound and leave a fifth free.

    trainer_memory(Shape(10**6, 3, 128, 384, 128, 110), value_bytes=4, pass_tokens=16384, logit_cells=1 << 25)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FLOAT32 = 4
"""Bytes of one value in fp32."""


@dataclass(frozen=True)
class Shape:
    """A decoder's size. parameters: tied ones once; hidden, intermediate: widths; kv_width: key-value heads x head
    width."""

    parameters: int
    layers: int
    hidden: int
    intermediate: int
    kv_width: int
    vocabulary: int


@dataclass(frozen=True)
class StepTokens:
    """Tokens of one step. sequences: rollouts; sampled: expected, from a mean reply; most: all replies at their
    limit."""

    sequences: int
    prompt: int
    sampled: int
    most: int


def shape_of(config: Any, parameters: int) -> Shape:
    """The shape that a transformers configuration states."""
    config = getattr(config, "text_config", None) or config
    heads = config.num_attention_heads
    head_width = getattr(config, "head_dim", None) or config.hidden_size // heads
    kv_heads = getattr(config, "num_key_value_heads", None) or heads
    intermediate = getattr(config, "intermediate_size", None) or 4 * config.hidden_size  # GPT-2 leaves it unsaid
    return Shape(
        parameters, config.num_hidden_layers, config.hidden_size, intermediate, kv_heads * head_width, config.vocab_size
    )


def step_tokens(problems: int, group_size: int, *, prompt: float, reply: float, max_new_tokens: int) -> StepTokens:
    """Tokens of a step of `problems` groups. prompt, reply: mean lengths in tokens, as seen in a few samples."""
    sequences = problems * group_size
    return StepTokens(sequences, round(sequences * prompt), round(sequences * reply), sequences * max_new_tokens)


def trainer_memory(
    shape: Shape, *, value_bytes: int, pass_tokens: int, logit_cells: int, reference: bool = False
) -> dict[str, int]:
    """Bytes of a training step, by what holds them.

    value_bytes: of a weight and of an activation. Below 4 (bf16) the optimizer keeps an fp32 master copy and an fp32
    sum of the gradients. pass_tokens: in one forward pass, padding included; logit_cells: most logits in one slice;
    reference: whether a frozen copy of the starting weights is kept.

    Activations of a pre-norm block with a gated MLP and an attention that keeps no [T, T] matrix, per token: 6 hidden +
    2 kv_width + 4 intermediate values in the model's type, and 2 hidden in fp32 for the norms (the counting of
    arXiv:2205.05198, sec. 4).
    """
    half = value_bytes < FLOAT32
    per_token = value_bytes * (6 * shape.hidden + 2 * shape.kv_width + 4 * shape.intermediate)
    per_token += FLOAT32 * 2 * shape.hidden
    cells = min(logit_cells, pass_tokens * shape.vocabulary)
    return {
        "weights": value_bytes * shape.parameters,
        "master weights": FLOAT32 * shape.parameters if half else 0,
        "gradients": (value_bytes + (FLOAT32 if half else 0)) * shape.parameters,
        "Adam": 2 * FLOAT32 * shape.parameters,
        "reference": value_bytes * shape.parameters if reference else 0,
        "activations": shape.layers * per_token * pass_tokens,
        "logits": 3 * FLOAT32 * cells,  # logits, log-probs, their gradient
    }


def engine_memory(shape: Shape, *, value_bytes: int, sequences: int, sequence_tokens: int) -> dict[str, int]:
    """Bytes of the embedded engine, which shares the trainer's weights: keys and values of every token of the sequences
    decoded together, at their longest, and the fp32 logits of one position."""
    return {
        "key-value cache": 2 * value_bytes * shape.layers * shape.kv_width * sequences * sequence_tokens,
        "logits": 3 * FLOAT32 * sequences * shape.vocabulary,
    }


def readable(size: float) -> str:
    """Bytes as a person reads them: `1.5 GiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def table(title: str, parts: Mapping[str, int]) -> str:
    """One line: the total, and the parts that are not zero."""
    named = ", ".join(f"{name} {readable(size)}" for name, size in parts.items() if size)
    return f"{title}: {readable(sum(parts.values()))} ({named})"
