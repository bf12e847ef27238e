"""KL to the reference, estimated from the taken tokens.

With d = logp - ref_logp of a token sampled by the policy, each estimator is a [B, T] value in nats. As a *value* k1 and
k3 are unbiased; as a *loss term* only the gradient matters, and that differs (expectation under on-policy samples;
arXiv:2506.09477, 2510.01555):

    k1             d                   zero: never a loss term, use it in the reward
    k2             d^2 / 2             the reverse KL's, KL(policy || ref)
    k3             e^-d + d - 1        the *forward* KL's, KL(ref || policy); GRPO's choice (arXiv:2402.03300)
    k3_plus        value of k3         the gradient of k2, straight through
    k3_importance  r k3, r = p / old   the reverse KL's, and corrects the drift from old to current (arXiv:2512.02556)

This module has no controller of the coefficient, and no divergence that needs the whole vocabulary.

    k3(torch.tensor([[-1.0]]), torch.tensor([[-1.2]]), torch.tensor([[True]]))      # about 0.0187
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from verigym.trainer.objective.tensors import as_mask, log_ratio


def k1(logp: Tensor, ref_logp: Tensor, mask: Tensor) -> Tensor:
    """d = logp - ref_logp [B, T], 0 where uncounted. May be negative."""
    return log_ratio(logp, ref_logp, as_mask(mask))


def k2(logp: Tensor, ref_logp: Tensor, mask: Tensor) -> Tensor:
    """d^2 / 2 [B, T], 0 where uncounted."""
    return k1(logp, ref_logp, mask).square() / 2


def k3(logp: Tensor, ref_logp: Tensor, mask: Tensor) -> Tensor:
    """e^-d + d - 1 [B, T], never negative, 0 where uncounted."""
    difference = k1(logp, ref_logp, mask)
    return (-difference).expm1() + difference


def k3_plus(logp: Tensor, ref_logp: Tensor, mask: Tensor) -> Tensor:
    """The value of k3 with the gradient of k2 [B, T]: what is logged is unbiased, and what is followed is the reverse
    KL."""
    gradient = k2(logp, ref_logp, mask)
    return k3(logp, ref_logp, mask).detach() + gradient - gradient.detach()


def k3_importance(logp: Tensor, ref_logp: Tensor, mask: Tensor, old_logp: Tensor) -> Tensor:
    """r k3 [B, T], r = exp(logp - old_logp), the gradient flowing through r too.  arXiv:2512.02556"""
    return log_ratio(logp, old_logp.detach(), as_mask(mask)).exp() * k3(logp, ref_logp, mask)


@dataclass(frozen=True)
class Estimator:
    """run(logp, ref_logp, mask, old_logp) -> [B, T]; symbols and note are for the printed objective."""

    run: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
    symbols: str
    note: str


ESTIMATORS = {
    "k1": Estimator(lambda p, ref, mask, old: k1(p, ref, mask), "d", "expected gradient as a loss term: zero"),
    "k2": Estimator(lambda p, ref, mask, old: k2(p, ref, mask), "d²/2", "expected gradient: that of KL(π‖ref)"),
    "k3": Estimator(
        lambda p, ref, mask, old: k3(p, ref, mask), "e^-d + d - 1", "expected gradient: that of the forward KL(ref‖π)"
    ),
    "k3_plus": Estimator(
        lambda p, ref, mask, old: k3_plus(p, ref, mask),
        "value e^-d + d - 1, gradient of d²/2",
        "expected gradient: that of KL(π‖ref)",
    ),
    "k3_importance": Estimator(
        k3_importance,
        "r·(e^-d + d - 1)",
        "expected gradient: that of KL(π‖ref), off-policy too",
    ),
}
"""The estimators by name."""
