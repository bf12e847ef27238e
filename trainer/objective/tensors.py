"""What every part of the objective shares: masked selection, clamped log-ratios, shape checks, and the nearest name in
a table.

Shapes, here and in the modules beside this one: B rollouts, T tokens, G rollouts of one group, V vocabulary, N rollouts
of the whole optimizer step. A mask is [B, T], true for tokens the policy emitted and the loss counts. Uncounted entries
may hold junk, NaN included: they are selected away before any arithmetic, so that neither values nor gradients can pick
them up.

    log_ratio(torch.tensor([[-1.0, torch.nan]]), torch.tensor([[-2.0, 0.0]]), torch.tensor([[True, False]]))    # [[1,
    0]]
"""

import difflib
from collections.abc import Iterable

import torch
from torch import Tensor

LOG_RATIO_LIMIT = 20.0
"""log-ratios are clamped to plus or minus this before `exp`: e^20 is past every clip, and finite in float32"""


def nearest(name: str, names: Iterable[str]) -> str:
    """The end of an error message: the closest valid name, if one is close, and all of them."""
    known = sorted(names)
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}Valid: {', '.join(known)}"


def as_mask(mask: Tensor) -> Tensor:
    """`mask` as bool [B, T]. Raises ValueError when it does not have two dimensions."""
    if mask.dim() != 2:
        raise ValueError(f"mask must be [B, T], got shape {list(mask.shape)}")
    return mask if mask.dtype == torch.bool else mask != 0


def counted(values: Tensor, mask: Tensor) -> Tensor:
    """`values` [B, T] where counted, exactly 0 elsewhere, in the backward pass too.

    Raises ValueError when the shapes differ or the numbers are narrower than float32: a log-ratio is a small difference
    of large numbers, and a GSPO band is 3e-4 wide.
    """
    if values.shape != mask.shape:
        raise ValueError(f"expected shape {list(mask.shape)} as the mask has, got {list(values.shape)}")
    if values.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"log-probs must be float32 or float64, got {values.dtype}: take the log-softmax in float32")
    return torch.where(mask, values, torch.zeros((), dtype=values.dtype, device=values.device))


def log_ratio(logp: Tensor, base_logp: Tensor, mask: Tensor) -> Tensor:
    """log(p / base) [B, T] of the taken tokens, clamped to +-20, 0 where uncounted."""
    return (counted(logp, mask) - counted(base_logp, mask)).clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT)


def sequence_sum(values: Tensor, mask: Tensor) -> Tensor:
    """Sum over the counted tokens, [B, T] to [B], clamped as a log-ratio is."""
    return counted(values, mask).sum(1).clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT)


def sequence_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the counted tokens, [B, T] to [B]; 0 for an answer without any."""
    return counted(values, mask).sum(1) / mask.sum(1).clamp_min(1)


def token_advantages(advantages: Tensor, like: Tensor, mask: Tensor) -> Tensor:
    """Advantages [B] (one an answer) or [B, T] as [B, T], detached, in the dtype of `like`, 0 where uncounted."""
    wide = advantages[:, None].expand(mask.shape) if advantages.dim() == 1 else advantages
    return counted(wide.detach().to(like.dtype), mask)


def sequence_advantages(advantages: Tensor, like: Tensor) -> Tensor:
    """Advantages [B], detached, in the dtype of `like`. Raises ValueError when they are per token."""
    if advantages.shape != like.shape[:1]:
        raise ValueError(
            f"this loss weighs whole answers: advantages must be [B] = {list(like.shape[:1])}, got "
            f"{list(advantages.shape)}; "
            "use gspo_token for advantages that differ within an answer"
        )
    return advantages.detach().to(like.dtype)
