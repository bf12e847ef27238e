"""Memory as sums that can be checked by hand: weights and what learning keeps beside them, activations, logits, the
engine's key-value cache. Tokens of a step.

Pure arithmetic in bytes; nothing is loaded or measured here. `needs.py` puts these together for a run. Not counted: the
libraries (about 0.7 GiB on a CPU, a GPU's own 0.5 to 1 GiB), and what an allocator loses between its blocks: leave a
fifth free. `benchmarks/memory.py` holds the sums to what is measured.

    activations(shape, 4096, value_bytes=2, checkpoint=True)
"""

from collections.abc import Mapping
from dataclasses import dataclass

from verigym.trainer.lora import Lora
from verigym.trainer.shapes import Shape

FLOAT32 = 4
"""Bytes of one value in fp32."""

ADAM_BYTES = {"fp32": 8.0, "8bit": 2.0 * (1 + 4 / 256), "paged8bit": 2.0 * (1 + 4 / 256)}
"""Two moments of one weight: in fp32, or in 8 bits with an fp32 scale for each block of 256."""

LINEARS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class StepTokens:
    """Tokens of one step. sequences: rollouts; sampled: expected, from a mean reply; most: all replies at their
    limit."""

    sequences: int
    prompt: int
    sampled: int
    most: int


def step_tokens(problems: int, group_size: int, *, prompt: float, reply: float, max_new_tokens: int) -> StepTokens:
    """Tokens of a step of `problems` groups. prompt, reply: mean lengths in tokens."""
    sequences = problems * group_size
    return StepTokens(sequences, round(sequences * prompt), round(sequences * reply), sequences * max_new_tokens)


def linears(shape: Shape) -> dict[str, tuple[int, int]]:
    """A layer's matrices by name: width in, width out."""
    ins = (shape.hidden,) * 3 + (shape.queries, shape.hidden, shape.hidden, shape.intermediate)
    outs = (shape.queries, shape.kv_width, shape.kv_width, shape.hidden, shape.intermediate, shape.intermediate)
    return dict(zip(LINEARS, zip(ins, (*outs, shape.hidden), strict=True), strict=True))


def adapter_weights(shape: Shape, lora: Lora) -> int:
    """Weights of a low-rank adapter: rank x (width in + width out) for each matrix that it is laid beside."""
    aimed = LINEARS if lora.targets == "all-linear" else lora.targets.split(",")
    return shape.layers * lora.rank * sum(sum(linears(shape)[name]) for name in aimed if name in LINEARS)


def kept(parameters: float, *, value_bytes: int, adam: str = "fp32", master: bool | None = None) -> dict[str, int]:
    """Bytes that stay as long as a run does. master: an fp32 copy of every weight (None: where they are not fp32
    themselves)."""
    master = value_bytes < FLOAT32 if master is None else master
    return {
        "weights": round(value_bytes * parameters),
        "master weights": round(FLOAT32 * parameters) if master else 0,
        "Adam": round(ADAM_BYTES[adam] * parameters),
    }


def layer_activations(shape: Shape, *, value_bytes: int, lora: bool = False, on_cpu: bool = False) -> int:
    """Bytes a token that one pre-norm layer with a gated MLP keeps for its backward pass, attention without a [T, T]
    matrix (the counting of arXiv:2205.05198, sec. 4, done again for these layers).

    In the type of the weights: both norms' results before and after their weight (4 hidden), queries, keys, values and
    the attention's result (2 query + 2 kv widths), and in the MLP gate, its silu, up, and their product (4
    intermediate). In fp32: what each norm reads (2 hidden). Attention in bf16 on a CPU is done in fp32
    (`attention.py`), and keeps its operands so. Beside frozen weights a matrix's input is kept for the adapter alone,
    which reads it in fp32: a copy for each matrix where the weights are not fp32.
    """
    hidden, queries, kv, middle = shape.hidden, shape.queries, shape.kv_width, shape.intermediate
    operands = queries + 2 * kv
    attention = FLOAT32 * (operands + queries) if on_cpu and value_bytes < FLOAT32 else value_bytes * operands
    norms = FLOAT32 * 2 * hidden
    if lora and value_bytes < FLOAT32:
        read = FLOAT32 * sum(width for width, _ in linears(shape).values())
        return norms + attention + value_bytes * (3 * middle + (0 if on_cpu else queries)) + read
    inputs = (2 if lora else 4) * hidden + queries + middle
    return norms + attention + value_bytes * (inputs + 3 * middle)


def activations(
    shape: Shape,
    tokens: int,
    *,
    value_bytes: int,
    checkpoint: bool = False,
    lora: bool = False,
    on_cpu: bool = False,
    mask_width: int = 0,
) -> tuple[int, int]:
    """Bytes that the layers keep of a pass of `tokens` at its end, and bytes more while a layer goes backward.

    checkpoint: each layer's input is kept, and one layer after the other is computed again. Backward, the gradients of
    gate and up stand beside what a layer kept. mask_width: longest row where rows are padded, on a CPU: each layer
    keeps the mask in fp32, and keys and values at the width of the queries."""
    layer = layer_activations(shape, value_bytes=value_bytes, lora=lora, on_cpu=on_cpu)
    if mask_width:
        layer += FLOAT32 * mask_width + (FLOAT32 if on_cpu else value_bytes) * 2 * (shape.queries - shape.kv_width)
    beside = 2 * value_bytes * shape.intermediate
    if checkpoint:
        return tokens * shape.layers * value_bytes * shape.hidden, tokens * (layer + beside)
    return tokens * shape.layers * layer, tokens * beside


def head_memory(shape: Shape, tokens: int, counted: int, cells: int, *, value_bytes: int) -> int:
    """Bytes at the output head at the end of a pass of `tokens`, of which `counted` are learned from: the last norm
    (its fp32 copy, and its result before and after its weight); the counted states, and their gradient in fp32 twice;
    logits, log-probs and their gradient in fp32, or two blocks of at most `cells` logits (`head.py`)."""
    norm = tokens * shape.hidden * (FLOAT32 + 2 * value_bytes)
    states = counted * shape.hidden * (value_bytes + 2 * FLOAT32)
    logits = counted * shape.vocabulary
    return norm + states + (3 * FLOAT32 * logits if logits <= cells else 2 * FLOAT32 * cells)


def engine_memory(shape: Shape, *, value_bytes: int, sequences: int, sequence_tokens: int) -> dict[str, int]:
    """Bytes of the embedded engine: keys and values of every token of the sequences decoded together, at their longest,
    and the fp32 logits of one position."""
    return {
        "key-value cache": cache_token(shape, value_bytes) * sequences * sequence_tokens,
        "logits": 3 * FLOAT32 * sequences * shape.vocabulary,
    }


def cache_token(shape: Shape, value_bytes: int) -> int:
    """Bytes of one token's keys and values in all layers."""
    return 2 * value_bytes * shape.layers * shape.kv_width


def readable(size: float) -> str:
    """Bytes as a person reads them: `1.5 GiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def table(title: str, parts: Mapping[str, int]) -> str:
    """One line: the total, and the parts that are not zero, the largest first."""
    ordered = sorted(parts.items(), key=lambda part: -part[1])
    named = ", ".join(f"{name} {readable(size)}" for name, size in ordered if size)
    return f"{title}: {readable(sum(parts.values()))} ({named})"
