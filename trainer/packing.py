"""Packing: the rows of a micro-batch laid end to end in one sequence, so that no work is spent on padding.

Positions start again at 0 in every row and attention stays within it (`attention.py`), so a row's states are those that
it has alone. Whether that holds for a model is tried out on two short rows when it is loaded; where it does not, rows
are padded, and the reason is told.

    packing = find_packing(model, "auto")
    for places, packed in packing.plan(widths, places, most_tokens=16384): ...

What it does not cover: rows longer than a sliding window are padded, and a prompt that a group shares is read once for
each of its rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from verigym.trainer.attention import NAME, Rows, use_packed_attention
from verigym.trainer.batch import micro_batches

WASTE = 0.2
"""Share of padding from which packing pays on a CPU; on a GPU it always does."""

TRIED = ((3, 5, 7, 4, 6), (6, 4, 8))
"""Two short rows of token ids."""


class Piece(NamedTuple):
    """A micro-batch. places: its rows; packed: whether they are laid end to end, or padded."""

    places: torch.Tensor
    packed: bool


@dataclass(frozen=True)
class Packing:
    """When rows are packed. able: whether the model can be; reason: why not; window: longest row, in tokens, that may
    be packed, None without a limit; waste: share of padding up to which rows are padded all the same."""

    able: bool = False
    reason: str = ""
    window: int | None = None
    waste: float = 0.0

    def plan(self, widths: torch.Tensor, places: torch.Tensor, most_tokens: int) -> list[Piece]:
        """`places` cut into micro-batches of at most `most_tokens`, padding included where rows are padded.

        widths [N], places [n]; a row wider than `most_tokens` gets a micro-batch of its own."""
        padded = [Piece(piece, False) for piece in micro_batches(widths, places, most_tokens)]
        cells = sum(len(piece) * int(widths[piece].max()) for piece, _ in padded)
        if not self.able or int(widths[places].sum()) >= (1 - self.waste) * cells:
            return padded
        short = widths[places] <= (self.window or int(widths.max()))
        packed = [Piece(piece, True) for piece in _filled(widths, places[short], most_tokens)]
        return packed + [Piece(piece, False) for piece in micro_batches(widths, places[~short], most_tokens)]


PADDED = Packing()
"""Rows are never packed."""


def find_packing(model: Any, how: str) -> Packing:
    """What the model allows of `how` (auto, on or off, as in --fit packing=auto). Gives a model that can be packed the
    attention for it."""
    if how == "off":
        return PADDED
    named = model.config._attn_implementation
    if named not in ("sdpa", NAME):
        return Packing(reason=f"rows are padded: the model attends by {named!r}, and only SDPA can be packed")
    use_packed_attention(model)
    reason = _difference(model)
    if reason:
        model.set_attn_implementation(named)
        return Packing(reason=f"rows are padded: {reason}")
    config = model.config.get_text_config()
    limits = [getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size")]
    on_cpu = model.device.type == "cpu"
    return Packing(True, "", min(filter(None, limits), default=None), WASTE if how == "auto" and on_cpu else 0.0)


def packed_states(model: Any, ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The last hidden states of the real tokens of right-padded rows, read end to end, [S, H], and where each row
    starts in them, [B]. ids, attention_mask [B, L]."""
    real = attention_mask.bool()
    lengths = attention_mask.sum(1)
    body = model.get_decoder()(
        input_ids=ids[real][None],
        # Of four dimensions, so that no mask is made for it: [S, S] would be the largest tensor of all.
        attention_mask=real.new_ones((1, 1, 1, 1)),
        position_ids=(attention_mask.cumsum(1) - 1)[real][None],
        use_cache=False,
        packed_rows=Rows.of(lengths[lengths > 0].tolist(), ids.device),
    )
    return body.last_hidden_state[0], lengths.cumsum(0) - lengths


def _filled(widths: torch.Tensor, places: torch.Tensor, most_tokens: int) -> list[torch.Tensor]:
    """Micro-batches of rows of like width, the widest first, each as full as it gets."""
    order = places[torch.argsort(widths[places], descending=True, stable=True)]
    pieces: list[torch.Tensor] = []
    start = held = 0
    for end, width in enumerate(widths[order].tolist()):
        if end > start and held + width > most_tokens:
            pieces.append(order[start:end])
            start, held = end, 0
        held += width
    return [*pieces, order[start:]] if len(order) else []


def _difference(model: Any) -> str:
    """Why the model's states of packed rows are not those that each row has alone; "" where they are."""
    first, second = TRIED
    try:
        padded, packed, other = (
            _states(model, rows, packed=packed)
            for rows, packed in ((TRIED, False), (TRIED, True), ((first[::-1], second), True))
        )
    except (TypeError, ValueError, RuntimeError, AttributeError) as error:
        return f"the model cannot read packed rows ({type(error).__name__}: {str(error).partition(chr(10))[0]})"
    largest = float(padded.abs().max())
    # What the first row says must not reach the second one; what is left is the rounding of a mixture of experts.
    leak = float((packed - other)[len(first) :].abs().max()) / largest
    off = float((packed - padded).abs().max()) / largest
    half = model.dtype in (torch.bfloat16, torch.float16)
    if leak > (5e-3 if half else 1e-5):
        return f"the model looks from one packed row into the next (its states move by {leak:.1g} of the largest)"
    return "" if off <= (5e-2 if half else 1e-4) else f"packed, the model's states are off by {off:.1g} of the largest"


def _states(model: Any, rows: Sequence[Sequence[int]], *, packed: bool) -> torch.Tensor:
    """The states of the rows' tokens, end to end, [S, H] in fp32."""
    longest = max(map(len, rows))
    ids = torch.tensor([(*row, *[0] * (longest - len(row))) for row in rows], device=model.device)
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=model.device)
    with torch.no_grad():
        if packed:
            return packed_states(model, ids, mask)[0].float()
        body = model.get_decoder()(input_ids=ids, attention_mask=mask, use_cache=False)
        return body.last_hidden_state[mask.bool()].float()
