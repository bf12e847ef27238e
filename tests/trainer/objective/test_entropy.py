"""Entropy and its coefficient, by hand."""

import math

import pytest
import torch

from verigym.trainer.objective.entropy import AdaptiveEntropy, token_entropy


def test_entropy_by_hand() -> None:
    logits = torch.tensor([[0.0, 0.0, 0.0, 0.0], [math.log(3.0), 0.0, -math.inf, -math.inf]])
    expected = [math.log(4), -0.75 * math.log(0.75) - 0.25 * math.log(0.25)]
    assert token_entropy(logits).tolist() == pytest.approx(expected)


def test_entropy_gradient_is_finite_where_a_token_is_impossible() -> None:
    logits = torch.tensor([1.0, 2.0, -math.inf], requires_grad=True)
    token_entropy(logits).backward()
    assert logits.grad is not None and torch.isfinite(logits.grad).all() and logits.grad[2] == 0
    free = torch.randn(2, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(token_entropy, free)


def test_the_coefficient_rises_at_or_below_the_target_and_applies_only_then() -> None:
    control = AdaptiveEntropy(coef=0.01, delta=0.02, target=0.5, last_entropy=0.4, high=0.04)
    assert control.applied == 0.01
    control = control.after(0.5)
    assert control.applied == pytest.approx(0.03)
    assert control.after(0.1).coef == 0.04
    above = control.after(0.6)
    assert above.applied == 0.0 and above.coef == pytest.approx(0.01)
    assert above.after(0.9).coef == 0.0
