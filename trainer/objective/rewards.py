"""What is added to a verifier's reward before advantages are taken: KL in the reward, and length shaping.

Rewards and lengths are [B]; a length is the number of generated tokens, `correct` is 0/1. Everything returns float64.
These are rewards to be maximised, and none carries a gradient. They change what the policy learns and must never be
read as accuracy.

    soft_overlong(torch.tensor([40, 90, 130]), limit=100, cache=20)      # [0, -0.5, -1]
"""

import math

import torch
from torch import Tensor

from verigym.trainer.objective.kl import k1
from verigym.trainer.objective.tensors import as_mask


def sequence_kl(old_logp: Tensor, ref_logp: Tensor, mask: Tensor) -> Tensor:
    """sum_t m k1(old, ref) [B], in nats: what RLOO takes from the reward, times beta.  arXiv:2402.14740

    old_logp, ref_logp, mask [B, T].
    """
    return k1(old_logp.detach(), ref_logp, mask).double().sum(1)


def kl_in_reward(rewards: Tensor, old_logp: Tensor, ref_logp: Tensor, mask: Tensor, beta: float) -> Tensor:
    """Token rewards [B, T]: -beta k1(old, ref) on every counted token, and R_i on the last counted one.
    arXiv:1909.08593

    rewards [B]; old_logp, ref_logp, mask [B, T]. An empty answer has no last token, and so no reward here.
    """
    mask = as_mask(mask)
    token_rewards = -beta * k1(old_logp.detach(), ref_logp, mask).double()
    place = torch.arange(mask.shape[1], device=mask.device)
    last = torch.where(mask, place, -1).amax(1, keepdim=True)
    return token_rewards + torch.where(place == last, rewards.double()[:, None], 0.0)


def soft_overlong(lengths: Tensor, limit: int, cache: int) -> Tensor:
    """0 up to `limit - cache` tokens, then linear to -1 at `limit`, then -1 [B].  DAPO, arXiv:2503.14476

    limit   generation limit, tokens (paper: 20480);  cache  width of the slope, tokens (paper: 4096)
    """
    if cache < 1:
        raise ValueError(f"overlong_cache must be at least 1 token, got {cache}")
    return ((limit - cache - lengths.double()) / cache).clamp(-1.0, 0.0)


def kimi_length(lengths: Tensor, correct: Tensor, group: Tensor) -> Tensor:
    """lam = 1/2 - (n - n_min) / (n_max - n_min) within the group; lam if correct, else min(0, lam) [B].  Kimi k1.5,
    arXiv:2501.12599

    A group whose answers are all equally long gets 0.
    """
    long = lengths.double()
    _, inverse = torch.unique(group, return_inverse=True)
    empty = long.new_zeros(int(inverse.max()) + 1)
    shortest = empty.scatter_reduce(0, inverse, long, "amin", include_self=False)[inverse]
    spread = empty.scatter_reduce(0, inverse, long, "amax", include_self=False)[inverse] - shortest
    share = torch.where(spread > 0, 0.5 - (long - shortest) / spread.clamp_min(1.0), 0.0)
    return torch.where(correct > 0, share, share.clamp_max(0.0))


def lcpo_exact(lengths: Tensor, correct: Tensor, target: int, alpha: float = 3e-4) -> Tensor:
    """c - alpha |target - n| [B]: hit the target length.  LCPO, arXiv:2503.04697"""
    return correct.double() - alpha * (target - lengths.double()).abs()


def lcpo_max(lengths: Tensor, correct: Tensor, target: int, alpha: float = 3e-4, delta: float = 0.5) -> Tensor:
    """c clip(alpha (target - n) + delta; 0, 1) [B]: stay below the target length.  LCPO, arXiv:2503.04697"""
    return correct.double() * (alpha * (target - lengths.double()) + delta).clamp(0.0, 1.0)


def cosine(
    lengths: Tensor,
    correct: Tensor,
    limit: int,
    right: tuple[float, float] = (1.0, 0.5),
    wrong: tuple[float, float] = (-1.0, -0.5),
) -> Tensor:
    """long + (short - long) (1 + cos(pi min(1, n / limit))) / 2 [B].  arXiv:2502.03373

    right, wrong   the reward of an answer of no length and of one at `limit`, as (short, long)
    """
    fall = (1.0 + torch.cos(math.pi * (lengths.double() / limit).clamp_max(1.0))) / 2
    return torch.where(correct > 0, right[1] + (right[0] - right[1]) * fall, wrong[1] + (wrong[0] - wrong[1]) * fall)
