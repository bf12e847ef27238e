"""Entropy of the policy: its value from logits, and a coefficient that keeps it near a target.

Entropy is over the full vocabulary at the sampling temperature: divide the logits by it first. The bonus is
`L -= coef * H`, with H the token-mean over the whole optimizer step (`Denominators.of("token-mean", ...)`), whatever
reduction the policy term uses.

    token_entropy(torch.zeros(1, 1, 8))      # log 8
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor


def token_entropy(logits: Tensor) -> Tensor:
    """H = -sum_v p log p in nats, [..., V] to [...]. Logits of -inf (tokens that cannot be sampled) add nothing."""
    logp = torch.log_softmax(logits, dim=-1)
    possible = logp > float("-inf")
    logp = torch.where(possible, logp, 0.0)
    return -torch.where(possible, logp.exp() * logp, 0.0).sum(-1)


@dataclass(frozen=True)
class AdaptiveEntropy:
    """The coefficient of the entropy bonus as Skywork-OR1 moves it (arXiv:2505.22312).

    After a step of entropy H the coefficient rises by `delta` if H <= target and falls by it otherwise, within [low,
    high]. It is applied only while the last H seen was at or below the target.
    """

    coef: float
    delta: float
    target: float
    last_entropy: float
    low: float = 0.0
    high: float = 1.0

    @property
    def applied(self) -> float:
        """The coefficient of the step about to be taken."""
        return self.coef if self.last_entropy <= self.target else 0.0

    def after(self, entropy: float) -> "AdaptiveEntropy":
        """The controller after a step whose token-mean entropy was `entropy` nats."""
        moved = self.coef + (self.delta if entropy <= self.target else -self.delta)
        return replace(self, coef=min(max(moved, self.low), self.high), last_entropy=entropy)
