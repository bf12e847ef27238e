"""KL estimators: values by hand, finite differences, and what their gradients are in exact expectation."""

import math

import pytest
import torch
from torch import Tensor

from verigym.trainer.objective import kl

VOCABULARY = 20
ONES = torch.ones(VOCABULARY, 1)


def test_values_by_hand() -> None:
    logp, ref, mask = torch.tensor([[-1.0, math.nan]]), torch.tensor([[-1.5, 0.0]]), torch.tensor([[1, 0]])
    old = torch.tensor([[-1.2, math.nan]])
    third = math.exp(-0.5) + 0.5 - 1
    expected = {"k1": 0.5, "k2": 0.125, "k3": third, "k3_plus": third, "k3_importance": math.exp(0.2) * third}
    assert set(expected) == set(kl.ESTIMATORS)
    for name, value in expected.items():
        assert kl.ESTIMATORS[name].run(logp, ref, mask, old).tolist() == [[pytest.approx(value, abs=1e-6), 0.0]], name


@pytest.mark.parametrize("name", ["k1", "k2", "k3", "k3_importance"])
def test_gradients_match_finite_differences(name: str) -> None:
    rng = torch.Generator().manual_seed(1)
    logp, ref, old = -torch.rand(3, 2, 4, generator=rng, dtype=torch.float64) - 0.1
    mask = torch.tensor([[1, 1, 0, 1], [1, 0, 1, 1]])
    run = kl.ESTIMATORS[name].run
    assert torch.autograd.gradcheck(lambda x: run(x, ref, mask, old), logp.requires_grad_())


def test_k3_plus_has_the_value_of_k3_and_the_gradient_of_k2() -> None:
    logp, ref = torch.tensor([[-1.0, -0.2]], requires_grad=True), torch.tensor([[-0.4, -3.0]])
    mask = torch.ones(1, 2)
    value = kl.k3_plus(logp, ref, mask)
    assert torch.allclose(value, kl.k3(logp, ref, mask))
    (gradient,) = torch.autograd.grad(value.sum(), logp)
    assert torch.allclose(gradient, (logp - ref).detach())


def test_k3_is_accurate_where_policy_and_reference_nearly_agree() -> None:
    small = torch.tensor([[1e-4]])
    assert kl.k3(small, torch.zeros(1, 1), torch.ones(1, 1)).item() == pytest.approx(5e-9, rel=1e-2)


def distributions() -> tuple[Tensor, Tensor, Tensor]:
    """Logits of the policy (with a gradient), log-probs of the reference, and of an older policy."""
    logits, ref, old = torch.randn(3, VOCABULARY, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    return logits.requires_grad_(), torch.log_softmax(ref, 0), torch.log_softmax(old, 0)


def expected_gradient(name: str, under: str) -> Tensor:
    """The gradient of sum_v q(v) k(v) with q, the policy that samples, held still: `current` or `old`."""
    logits, ref, old = distributions()
    logp = torch.log_softmax(logits, 0)
    sampled = logp.detach() if under == "current" else old
    value = kl.ESTIMATORS[name].run(logp[:, None], ref[:, None], ONES, sampled[:, None])
    return torch.autograd.grad((sampled.exp()[:, None] * value).sum(), logits)[0]


def exact_gradient(direction: str) -> Tensor:
    logits, ref, _ = distributions()
    logp = torch.log_softmax(logits, 0)
    value = (logp.exp() * (logp - ref)).sum() if direction == "reverse" else (ref.exp() * (ref - logp)).sum()
    return torch.autograd.grad(value, logits)[0]


def test_k1_in_the_loss_has_no_expected_gradient() -> None:
    assert expected_gradient("k1", "current").abs().max() < 1e-15


@pytest.mark.parametrize("name", ["k2", "k3_plus", "k3_importance"])
def test_these_follow_the_reverse_kl(name: str) -> None:
    assert torch.allclose(expected_gradient(name, "current"), exact_gradient("reverse"), atol=1e-14)


def test_k3_follows_the_forward_kl() -> None:
    assert torch.allclose(expected_gradient("k3", "current"), exact_gradient("forward"), atol=1e-14)
    assert (exact_gradient("forward") - exact_gradient("reverse")).norm() > 0.1 * exact_gradient("reverse").norm()


def test_importance_corrects_for_an_older_sampler() -> None:
    assert torch.allclose(expected_gradient("k3_importance", "old"), exact_gradient("reverse"), atol=1e-14)
    assert not torch.allclose(expected_gradient("k2", "old"), exact_gradient("reverse"), atol=1e-3)


def test_k1_as_a_detached_reward_follows_the_reverse_kl() -> None:
    logits, ref, _ = distributions()
    logp = torch.log_softmax(logits, 0)[:, None]
    value = (logp.exp() * kl.k1(logp, ref[:, None], ONES).detach()).sum()
    assert torch.allclose(torch.autograd.grad(value, logits)[0], exact_gradient("reverse"), atol=1e-14)
