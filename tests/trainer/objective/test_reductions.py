"""Reductions: the weight of each token by hand, and what a step must know."""

import math

import pytest
import torch

from verigym.trainer.objective.reductions import REDUCTIONS, Denominators, token_weights, weighted_sum

MASK = torch.tensor([[1, 1, 1, 1], [1, 0, 1, 0], [0, 0, 0, 0], [0, 1, 0, 0]])  # lengths 4, 2, 0, 1
LENGTHS, GROUP = MASK.sum(1), torch.tensor([8, 8, 8, 3])  # group 8 holds 6 tokens, group 3 one

BY_HAND = {
    "token-mean": [1 / 7, 1 / 7, 0, 1 / 7],
    "seq-mean-token-mean": [1 / 12, 1 / 6, 0, 1 / 3],
    "seq-mean-token-sum": [1 / 3, 1 / 3, 0, 1 / 3],
    "seq-mean-token-sum-norm": [1 / 40, 1 / 40, 0, 1 / 40],
    "group-token-mean": [1 / 12, 1 / 12, 0, 1 / 2],
}


def test_every_reduction_is_worked_by_hand() -> None:
    assert set(BY_HAND) == set(REDUCTIONS)


@pytest.mark.parametrize("name", BY_HAND)
def test_weights_by_hand_whole_and_sliced(name: str) -> None:
    step = Denominators.of(name, LENGTHS, GROUP, norm_length=10)
    assert step.weights(LENGTHS, GROUP).tolist() == pytest.approx(BY_HAND[name], abs=1e-15)
    assert step.weights(LENGTHS[1:2], GROUP[1:2]).tolist() == pytest.approx(BY_HAND[name][1:2], abs=1e-15)
    spread = token_weights(name, MASK, GROUP, norm_length=10)
    assert torch.equal(spread, MASK * step.weights(LENGTHS, GROUP)[:, None])


def test_a_group_without_counted_tokens_is_not_a_group() -> None:
    step = Denominators.of("group-token-mean", torch.tensor([2, 0]), torch.tensor([0, 1]))
    assert step.weights(torch.tensor([2, 0]), torch.tensor([0, 1])).tolist() == [0.5, 0.0]


@pytest.mark.parametrize("name", BY_HAND)
def test_a_step_without_counted_tokens_weighs_nothing(name: str) -> None:
    mask = torch.zeros(2, 3)
    weights = token_weights(name, mask, torch.tensor([0, 1]), norm_length=4)
    assert not weights.any()
    values = torch.full((2, 3), math.nan, requires_grad=True)
    loss = weighted_sum(values, mask, weights.sum(1))
    loss.backward()
    assert loss.item() == 0.0 and values.grad is not None and not values.grad.any()


def test_weighted_sum_is_blind_to_what_is_not_counted() -> None:
    values = torch.tensor([[2.0, math.nan], [3.0, math.inf]], requires_grad=True)
    loss = weighted_sum(values, torch.tensor([[1, 0], [1, 0]]), torch.tensor([0.5, 0.25], dtype=torch.float64))
    loss.backward()
    assert loss.item() == 1.75 and loss.dtype == torch.float32
    assert values.grad is not None and values.grad.tolist() == [[0.5, 0.0], [0.25, 0.0]]


def test_errors_name_the_mend() -> None:
    with pytest.raises(
        ValueError, match=r"no reduction 'token-men': did you mean 'token-mean'\? Valid: group-token-mean"
    ):
        Denominators.of("token-men", LENGTHS)
    with pytest.raises(ValueError, match=r"divides by a constant length, got None: set norm_length"):
        Denominators.of("seq-mean-token-sum-norm", LENGTHS)
    with pytest.raises(ValueError, match="group-token-mean needs one group id for each of the 4 answers, got none"):
        Denominators.of("group-token-mean", LENGTHS)
    with pytest.raises(
        ValueError, match=r"lengths must be \[N\], the counted tokens of each answer, got shape \[4, 4\]"
    ):
        Denominators.of("token-mean", MASK)
    step = Denominators.of("group-token-mean", LENGTHS, GROUP)
    with pytest.raises(ValueError, match="group 9 is not in this step: count the denominators over the whole step"):
        step.weights(torch.tensor([1]), torch.tensor([9]))
    with pytest.raises(ValueError, match="group-token-mean needs the group of each answer"):
        step.weights(torch.tensor([1]))
