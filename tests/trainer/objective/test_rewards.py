"""Reward shaping, by hand."""

import math

import pytest
import torch

from verigym.trainer.objective import rewards


def test_soft_overlong_falls_over_the_cache() -> None:
    shaped = rewards.soft_overlong(torch.tensor([0, 80, 85, 100, 101]), limit=100, cache=20)
    assert shaped.tolist() == pytest.approx([0.0, 0.0, -0.25, -1.0, -1.0])
    with pytest.raises(ValueError, match="overlong_cache must be at least 1 token, got 0"):
        rewards.soft_overlong(torch.tensor([1]), limit=100, cache=0)


def test_kimi_length_compares_within_each_group() -> None:
    # group 0: lengths 10, 30, 20 -> 1/2, -1/2, 0; the wrong one of length 10 gains nothing; group 1: equally long -> 0
    lengths, correct = torch.tensor([10, 30, 20, 7, 7]), torch.tensor([0, 1, 1, 1, 0])
    assert rewards.kimi_length(lengths, correct, torch.tensor([4, 4, 4, 1, 1])).tolist() == [0.0, -0.5, 0.0, 0.0, 0.0]


def test_lcpo_and_cosine_by_hand() -> None:
    lengths, correct = torch.tensor([50, 120]), torch.tensor([1, 0])
    assert rewards.lcpo_exact(lengths, correct, target=100, alpha=0.01).tolist() == pytest.approx([0.5, -0.2])
    assert rewards.lcpo_max(lengths, correct, target=60, alpha=0.01, delta=0.5).tolist() == pytest.approx([0.6, 0.0])
    assert rewards.cosine(lengths, correct, limit=100).tolist() == pytest.approx([0.75, -0.5])


def test_kl_in_reward_puts_the_score_on_the_last_counted_token() -> None:
    old, ref = (
        torch.tensor([[-1.0, -2.0, math.nan], [0.0, 0.0, 0.0]]),
        torch.tensor([[-1.5, -1.0, 3.0], [0.0, 0.0, 0.0]]),
    )
    mask = torch.tensor([[1, 1, 0], [0, 0, 0]])
    found = rewards.kl_in_reward(torch.tensor([2.0, 5.0]), old, ref, mask, beta=0.1)
    assert found.tolist() == [pytest.approx([-0.05, 2.1, 0.0]), [0.0, 0.0, 0.0]]
    assert rewards.sequence_kl(old, ref, mask).tolist() == pytest.approx([-0.5, 0.0])
