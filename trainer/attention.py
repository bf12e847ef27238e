"""Attention for training: rows laid end to end that do not see one another, and fp32 where torch's own bf16 is slow.

    use_fast_attention(model)      # a bf16 model on a CPU; does nothing to another one
    use_packed_attention(model)    # rows of a packed sequence are attended to one by one

On a GPU in half precision packed rows go to torch's variable-length flash kernel. Elsewhere rows of like length are
taken out of the sequence, filled up on their right and attended to together: a causal row never looks to its right, so
neither way needs a mask, and the work is that of the rows' own squares. In bf16 on a CPU whole sequences are attended
to in fp32, since the backward pass of torch's kernel is an order of magnitude slower; a single new token, while
sampling, as it is.

R rows, S tokens of all of them, b rows of a bucket, L its longest row, D width of a head.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

NAME = "verigym"
LIKE = 7 / 8
"""A bucket holds rows of at least this share of its longest one."""


@dataclass(frozen=True)
class Rows:
    """Where the rows of a packed sequence lie. bounds [R + 1] int32: their ends, from 0; buckets: for each, [b, L], the
    place in the sequence of every token of its rows, any real place where a row is filled up; back [S]: where a token
    of the sequence lies in the buckets, one behind the other."""

    bounds: torch.Tensor
    longest: int
    buckets: tuple[torch.Tensor, ...]
    back: torch.Tensor

    @classmethod
    def of(cls, lengths: Sequence[int], device: torch.device) -> "Rows":
        """Rows of these lengths, at least 1, in the order in which they lie."""
        sizes = torch.tensor(lengths)
        starts = sizes.cumsum(0) - sizes
        order = torch.argsort(sizes, descending=True, stable=True).tolist()
        back = torch.empty(int(sizes.sum()), dtype=torch.long)
        buckets, offset = [], 0
        while order:
            long = lengths[order[0]]
            count = next((i for i, row in enumerate(order) if lengths[row] < LIKE * long), len(order))
            members, order = torch.tensor(order[:count]), order[count:]
            steps = torch.arange(long)
            real = steps < sizes[members, None]
            take = starts[members, None] + torch.where(real, steps, 0)
            back[take[real]] = offset + torch.arange(take.numel()).view_as(take)[real]
            buckets.append(take.to(device))
            offset += take.numel()
        bounds = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)]).int()
        return cls(bounds.to(device), max(lengths), tuple(buckets), back.to(device))


def use_fast_attention(model: Any) -> None:
    """Gives a bf16 model on a CPU that attends with SDPA this module's attention."""
    if model.dtype is torch.bfloat16 and model.device.type == "cpu" and model.config._attn_implementation == "sdpa":
        use_packed_attention(model)


def use_packed_attention(model: Any) -> None:
    """Gives a model this module's attention, which does what SDPA does, unless it is called with `packed_rows`."""
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

    AttentionInterface.register(NAME, _attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    model.set_attn_implementation(NAME)


def _attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    packed_rows: Rows | None = None,
    **settings: Any,
) -> tuple[torch.Tensor, None]:
    """query, key, value [B, heads, T, D] to [B, T, heads, D]."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    kind = query.dtype
    if packed_rows is not None and query.is_cuda and kind in (torch.bfloat16, torch.float16):
        return _flash((query, key, value), packed_rows, settings.get("scaling")), None
    if kind is torch.bfloat16 and not query.is_cuda and query.shape[2] > 1:
        query, key, value = query.float(), key.float(), value.float()
    if packed_rows is None:
        out, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **settings)
    else:
        out = _attend_in_buckets(module, (query, key, value), packed_rows, settings)
    return out.to(kind), None


def _attend_in_buckets(
    module: torch.nn.Module, parts: Sequence[torch.Tensor], rows: Rows, settings: dict[str, Any]
) -> torch.Tensor:
    """parts: query, key and value, [1, heads, S, D]; to [1, S, heads, D]."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    states = [part[0].transpose(0, 1) for part in parts]  # [S, heads, D]
    done = []
    for take in rows.buckets:
        taken = (s.index_select(0, take.flatten()).unflatten(0, take.shape).transpose(1, 2) for s in states)
        out, _ = sdpa_attention_forward(module, *taken, None, **settings)
        done.append(out.flatten(0, 1))
    return torch.cat(done).index_select(0, rows.back)[None]


def _flash(parts: Sequence[torch.Tensor], rows: Rows, scaling: float | None) -> torch.Tensor:
    """The same by torch's variable-length kernel, which reads the rows where they lie."""
    from torch.nn.attention.varlen import varlen_attn

    states = [part[0].transpose(0, 1) for part in parts]  # [S, heads, D]
    shared = {"enable_gqa": True} if states[0].shape[1] != states[1].shape[1] else {}
    out = varlen_attn(
        *states,
        rows.bounds,
        rows.bounds,
        rows.longest,
        rows.longest,
        scale=scaling,
        window_size=(-1, 0),  # everything to the left, nothing to the right
        **shared,
    )
    return out[None]
