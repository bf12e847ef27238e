"""Sampler mismatch: weights by hand, what they touch, and the gates."""

import math

import pytest
import torch

from verigym.trainer.objective.corrections import CORRECTIONS, admitted, correction, off_policy_keep

# log w: answer 0: log 4, log 1/2 (product 2, geometric mean sqrt 2); answer 1: log 1/8, uncounted junk
OLD = torch.tensor([[4.0, 0.5], [0.125, math.nan]], dtype=torch.float64).log()
SAMPLER = torch.zeros(2, 2, dtype=torch.float64)
MASK = torch.tensor([[1, 1], [1, 0]])

BY_HAND = {
    "none": ([[1, 1], [1, 0]], [[0, 0], [0, 0]]),
    "tis-token": ([[1.5, 0.5], [0.125, 0]], [[1, 0], [0, 0]]),
    "tis-sequence": ([[1.5, 1.5], [0.125, 0]], [[1, 1], [0, 0]]),
    "mis-token": ([[0, 0.5], [0, 0]], [[1, 0], [1, 0]]),
    "mis-sequence": ([[0, 0], [0, 0]], [[1, 1], [1, 0]]),
    "mis-geometric": ([[4, 0.5], [0, 0]], [[0, 0], [1, 0]]),
    "decoupled": ([[4, 0.5], [0.125, 0]], [[0, 0], [0, 0]]),
}


def test_every_correction_is_worked_by_hand() -> None:
    assert set(BY_HAND) == set(CORRECTIONS)


@pytest.mark.parametrize("name", BY_HAND)
def test_weights_and_what_they_touch(name: str) -> None:
    found = correction(name, OLD, SAMPLER, MASK, low=0.25, high=1.5)
    weights, touched = BY_HAND[name]
    assert found.weights.tolist() == [pytest.approx(row) for row in weights]
    assert found.touched.int().tolist() == touched
    assert found.touched_share(MASK) == pytest.approx(sum(map(sum, touched)) / 3)


def test_an_open_band_keeps_its_open_side() -> None:
    assert correction("mis-token", OLD, SAMPLER, MASK, low=None, high=1.5).weights[1, 0] == pytest.approx(0.125)
    assert correction("mis-token", OLD, SAMPLER, MASK, low=0.25, high=None).weights[0, 0] == pytest.approx(4)


def test_weights_carry_no_gradient_and_unknown_names_are_errors() -> None:
    old = OLD.clone().requires_grad_()
    assert not correction("decoupled", old, SAMPLER, MASK, low=None, high=None).weights.requires_grad
    with pytest.raises(ValueError, match=r"no correction 'tis_token': did you mean 'tis-token'\?"):
        correction("tis_token", OLD, SAMPLER, MASK, low=None, high=2.0)


def test_off_policy_gate_drops_bad_answers_that_moved_down() -> None:
    # mean(base - logp) is 0.3 in all but the last (0.1); only A < 0 with more than 0.2 goes
    base, logp = torch.zeros(4, 2), torch.tensor([[-0.3, -0.3], [-0.6, 9.0], [-0.3, -0.3], [-0.1, -0.1]])
    mask = torch.tensor([[1, 1], [1, 0], [1, 1], [1, 1]])
    keep = off_policy_keep(logp, base, torch.tensor([-1.0, -1.0, 1.0, -1.0]), mask, delta=0.2)
    assert keep.tolist() == [False, False, True, True]


def test_admission_by_hand() -> None:
    assert [admitted(n, batch=4, version=1, max_lag=0) for n in (1, 8, 9)] == [True, True, False]
    assert admitted(9, batch=4, version=1, max_lag=1)
