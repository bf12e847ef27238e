"""When the sampler and the trainer disagree: weights on the policy term, gates on stale answers, admission of late
ones.

w = exp(old_logp - sampler_logp) compares the trainer's recomputation with what the engine recorded as it sampled. A
weight is detached and multiplies the policy term only, never the KL; the loss's denominator keeps every counted token.
Token weights are biased but calm; whole-answer products are unbiased before capping, but their spread grows with
length, so their caps and masks fall on long answers; the geometric gate does not depend on length.

Where no recomputation was made, old_logp *is* sampler_logp and the ratio already carries the correction: apply no
weight.

    correction("tis-token", old_logp, sampler_logp, mask, low=None, high=2.0).weights
"""

from typing import NamedTuple

import torch
from torch import Tensor

from verigym.trainer.objective.tensors import as_mask, log_ratio, nearest, sequence_mean, sequence_sum

CORRECTIONS = {
    "none": "none",
    "tis-token": "min(w, C) on each token (truncated importance sampling)",
    "tis-sequence": "min(Πw, C) on every token of the answer",
    "mis-token": "w on each token inside the band, 0 outside (IcePop, arXiv:2510.18855)",
    "mis-sequence": "Πw on every token of an answer inside the band, 0 outside",
    "mis-geometric": "w on each token of an answer whose exp(mean log w) is inside the band, 0 outside",
    "decoupled": "w on each token, uncapped (decoupled PPO, arXiv:2110.00641)",
}
"""name to the detached weight on the policy term, in words"""


class Correction(NamedTuple):
    """weights [B, T], 0 where uncounted; touched [B, T] bool: capped, or set to 0, and not merely reweighted."""

    weights: Tensor
    touched: Tensor

    def touched_share(self, mask: Tensor) -> float:
        """The share of counted tokens that the correction capped or removed."""
        return float(self.touched.sum() / as_mask(mask).sum().clamp_min(1))


def correction(
    name: str, old_logp: Tensor, sampler_logp: Tensor, mask: Tensor, *, low: float | None, high: float | None
) -> Correction:
    """The weights of `name`, a key of CORRECTIONS.

    old_logp, sampler_logp, mask [B, T]. low, high bound the weight: `high` is the cap C of the tis rows, both are the
    band of the mis rows (None: open on that side). Raises ValueError for an unknown name.
    """
    if name not in CORRECTIONS:
        raise ValueError(f"no correction {name!r}: {nearest(name, CORRECTIONS)}")
    mask = as_mask(mask)
    log_w = log_ratio(old_logp.detach(), sampler_logp, mask)
    whole = name.endswith("sequence")
    weight = (sequence_sum(log_w, mask)[:, None].expand(mask.shape) if whole else log_w).exp()
    judged = sequence_mean(log_w, mask).exp()[:, None].expand(mask.shape) if name == "mis-geometric" else weight
    floor, cap = (low if low is not None else 0.0), (high if high is not None else torch.inf)
    if name == "none":
        weight, touched = torch.ones_like(weight), torch.zeros_like(mask)
    elif name == "decoupled":
        touched = torch.zeros_like(mask)
    elif name.startswith("tis"):
        touched = weight > cap
        weight = weight.clamp_max(cap)
    else:
        touched = (judged < floor) | (judged > cap)
        weight = torch.where(touched, 0.0, weight)
    return Correction(torch.where(mask, weight, 0.0), touched & mask)


def off_policy_keep(logp: Tensor, base_logp: Tensor, advantages: Tensor, mask: Tensor, delta: float) -> Tensor:
    """Which answers stay [B] bool: all but those with A_i < 0 and mean_t(base - logp) > delta.  DeepSeek-V3.2,
    arXiv:2512.02556

    base_logp is the sampler's where recorded, else old_logp. A gate: dropped answers stay in the denominator.
    """
    mask = as_mask(mask)
    drift = sequence_mean(log_ratio(base_logp.detach(), logp.detach(), mask), mask)
    return ~((advantages < 0) & (drift > delta))


def admitted(submitted: int, batch: int, version: int, max_lag: int) -> bool:
    """Whether the `submitted`-th sample (from 1) may start under policy `version`: floor((N-1)/B) <= version + lag.
    AReaL, arXiv:2505.24298. A lag of 0 is synchronous."""
    return (submitted - 1) // batch <= version + max_lag
