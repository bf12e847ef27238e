"""The policy losses, per token: what a paper puts inside its sums. Reductions are in `reductions.py`, KL in `kl.py`.

Every function takes, and gives, tensors:

    logp       [B, T] nats, log-prob of the taken token under the current policy; the only argument with a gradient
    old_logp   [B, T] nats, under the policy at the start of this update phase (the trainer's own recomputation)
    advantages [B], or [B, T] where the loss allows one a token
    mask       [B, T] counted tokens; all else may hold junk, NaN included

and returns `PerToken`, a value to be *minimised* and what was clipped. r = exp(logp - old_logp), log-ratios clamped to
+-20. Losses of whole answers (gspo, gmpo, rloo_clipped) stand on every counted token of their answer, so that
`seq-mean-token-mean` gives the mean over answers that the papers write.

    ppo(logp, old_logp, torch.tensor([1.0, -1.0]), mask, clip_low=0.2, clip_high=0.28).value
"""

from typing import NamedTuple

import torch
from torch import Tensor

from verigym.trainer.objective.tensors import (
    as_mask,
    counted,
    log_ratio,
    sequence_advantages,
    sequence_mean,
    sequence_sum,
    token_advantages,
)


class PerToken(NamedTuple):
    """value [B, T], 0 where uncounted; low, high [B, T] bool: past the lower or upper clip on the side where it binds;
    stopped [B, T] bool: the clip left the token without any gradient."""

    value: Tensor
    low: Tensor
    high: Tensor
    stopped: Tensor


def _clipped_surrogate(ratio: Tensor, advantages: Tensor, low: float, high: float) -> tuple[Tensor, Tensor, Tensor]:
    """-min(r A, clip(r; 1-low, 1+high) A), and where the lower and the upper bound bind. Any one shape."""
    value = -torch.minimum(ratio * advantages, ratio.clamp(1 - low, 1 + high) * advantages)
    return value, (advantages < 0) & (ratio < 1 - low), (advantages > 0) & (ratio > 1 + high)


def _on_tokens(value: Tensor, low: Tensor, high: Tensor, mask: Tensor) -> PerToken:
    """One value an answer [B], on each of its counted tokens."""
    low, high = low[:, None] & mask, high[:, None] & mask
    return PerToken(counted(value[:, None].expand(mask.shape), mask), low, high, low | high)


def ppo(
    logp: Tensor, old_logp: Tensor, advantages: Tensor, mask: Tensor, *, clip_low: float, clip_high: float
) -> PerToken:
    """-min(r A, clip(r; 1-clip_low, 1+clip_high) A).  PPO, arXiv:1707.06347; with clip_high > clip_low DAPO,
    arXiv:2503.14476

    advantages [B] or [B, T].
    """
    mask = as_mask(mask)
    ratio = log_ratio(logp, old_logp, mask).exp()
    value, low, high = _clipped_surrogate(ratio, token_advantages(advantages, logp, mask), clip_low, clip_high)
    return PerToken(value, low, high, low | high)


def dual_clip(part: PerToken, advantages: Tensor, mask: Tensor, ceiling: float) -> PerToken:
    """min(part, ceiling |A|) where A < 0, no gradient beyond.  arXiv:1912.09729 (ceiling 3)

    part is what `ppo` returned for the same advantages, [B] or [B, T]. `low` and `high` keep their meaning; tokens
    stopped here are in `stopped` only.
    """
    mask = as_mask(mask)
    adv = token_advantages(advantages, part.value, mask)
    beyond = (adv < 0) & (part.value > ceiling * adv.abs())
    return part._replace(value=torch.where(beyond, ceiling * adv.abs(), part.value), stopped=part.stopped | beyond)


def reinforce(logp: Tensor, advantages: Tensor, mask: Tensor) -> PerToken:
    """-A logp.  REINFORCE, Williams 1992. For one update per rollout: there is no ratio and no clip. advantages [B] or
    [B, T]."""
    mask = as_mask(mask)
    value = -token_advantages(advantages, logp, mask) * counted(logp, mask)
    never = torch.zeros_like(mask)
    return PerToken(value, never, never, never)


def rloo_clipped(
    logp: Tensor, old_logp: Tensor, advantages: Tensor, mask: Tensor, *, clip_low: float, clip_high: float
) -> PerToken:
    """The PPO term on the unnormalised ratio of the whole answer, exp(sum_t m (logp - old)).  RLOO with several
    updates, arXiv:2402.14740 and TRL. advantages [B]."""
    mask = as_mask(mask)
    ratio = sequence_sum(log_ratio(logp, old_logp, mask), mask).exp()
    return _on_tokens(*_clipped_surrogate(ratio, sequence_advantages(advantages, logp), clip_low, clip_high), mask)


def gspo(
    logp: Tensor, old_logp: Tensor, advantages: Tensor, mask: Tensor, *, clip_low: float, clip_high: float
) -> PerToken:
    """The PPO term on s = exp(mean_t (logp - old)), the geometric mean of the answer's ratios.  GSPO, arXiv:2507.18071

    advantages [B]. The paper's band is 3e-4 below and 4e-4 above 1.
    """
    mask = as_mask(mask)
    ratio = sequence_mean(log_ratio(logp, old_logp, mask), mask).exp()
    return _on_tokens(*_clipped_surrogate(ratio, sequence_advantages(advantages, logp), clip_low, clip_high), mask)


def gspo_token(
    logp: Tensor, old_logp: Tensor, advantages: Tensor, mask: Tensor, *, clip_low: float, clip_high: float
) -> PerToken:
    """The PPO term on s_t = sg[s] exp(logp - sg[logp]): GSPO's ratio, each token's own gradient.  GSPO-token,
    arXiv:2507.18071

    advantages [B] or [B, T]; with equal advantages the same loss and gradient as `gspo`.
    """
    mask = as_mask(mask)
    sequence = sequence_mean(log_ratio(logp, old_logp, mask), mask).exp().detach()
    safe = counted(logp, mask)
    ratio = sequence[:, None] * (safe - safe.detach()).exp()
    value, low, high = _clipped_surrogate(ratio, token_advantages(advantages, logp, mask), clip_low, clip_high)
    return PerToken(value, low, high, low | high)


def sapo(
    logp: Tensor, old_logp: Tensor, advantages: Tensor, mask: Tensor, *, tau_pos: float, tau_neg: float
) -> PerToken:
    """-(4/tau) sigmoid(tau (r - 1)) A, tau = tau_pos if A > 0 else tau_neg.  SAPO, arXiv:2511.20347

    advantages [B] or [B, T]. A soft gate: nothing is clipped, the gradient factor 4 s (1-s) r is 1 at r = 1. The value
    carries an offset of 2A/tau and means little.
    """
    mask = as_mask(mask)
    ratio = log_ratio(logp, old_logp, mask).exp()
    adv = token_advantages(advantages, logp, mask)
    tau = torch.full_like(adv, tau_neg).masked_fill(adv > 0, tau_pos)
    never = torch.zeros_like(mask)
    return PerToken(-(4 / tau) * torch.sigmoid(tau * (ratio - 1)) * adv, never, never, never)


def cispo(
    logp: Tensor, old_logp: Tensor, advantages: Tensor, mask: Tensor, *, clip_low: float, clip_high: float
) -> PerToken:
    """-sg[clip(r; 1-clip_low, 1+clip_high)] A logp.  CISPO, arXiv:2506.13585

    advantages [B] or [B, T]. The gradient flows through logp alone, so no token is ever stopped; `low` and `high` are
    tokens whose weight was capped, whatever the sign of A. clip_low >= 1 means no lower bound. The cap is 1 +
    clip_high.
    """
    mask = as_mask(mask)
    ratio = log_ratio(logp, old_logp, mask).exp().detach()
    value = -ratio.clamp(1 - clip_low, 1 + clip_high) * token_advantages(advantages, logp, mask) * counted(logp, mask)
    return PerToken(value, (ratio < 1 - clip_low) & mask, (ratio > 1 + clip_high) & mask, torch.zeros_like(mask))


def gmpo(
    logp: Tensor, old_logp: Tensor, advantages: Tensor, mask: Tensor, *, clip_low: float, clip_high: float
) -> PerToken:
    """-A exp(mean_t z), z = min(logp - old, clip_high) if A > 0 else max(logp - old, -clip_low).  GMPO,
    arXiv:2507.20673

    advantages [B]. The clip is in log space, per token, before the geometric mean; a clipped token has no gradient but
    still scales its answer. Paper: 0.4 on both sides.
    """
    mask = as_mask(mask)
    difference = log_ratio(logp, old_logp, mask)
    adv = sequence_advantages(advantages, logp)
    rising = (adv > 0)[:, None]
    bounded = torch.where(rising, difference.clamp_max(clip_high), difference.clamp_min(-clip_low))
    value = -adv * sequence_mean(bounded, mask).exp()
    low = (adv < 0)[:, None] & (difference < -clip_low)
    high = rising & (difference > clip_high)
    return PerToken(counted(value[:, None].expand(mask.shape), mask), low, high, low | high)
