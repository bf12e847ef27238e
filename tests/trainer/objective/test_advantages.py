"""Advantages: by hand, and the rules for dead groups, unscored answers and groups of one."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from verigym.trainer.objective import advantages as adv

REWARDS = torch.tensor([1.0, 0.0, 0.5, 4.0, 2.0])
GROUP = torch.tensor([7, 7, 3, 3, 7])  # group 7: 1, 0, 2 (mean 1, squares 0 + 1 + 1); group 3: 0.5, 4 (mean 2.25)


def test_centred_leave_one_out_and_normalised_by_hand() -> None:
    assert adv.centred(REWARDS, GROUP).tolist() == [0.0, -1.0, -1.75, 1.75, 1.0]
    assert adv.leave_one_out(REWARDS, GROUP).tolist() == pytest.approx([0.0, -1.5, -3.5, 3.5, 1.5])
    sample = adv.group_normalised(REWARDS, GROUP, eps=0.5).tolist()  # std_7 = 1, std_3 = 1.75 sqrt 2
    assert sample == pytest.approx([0.0, -1 / 1.5, *(x / (1.75 * math.sqrt(2) + 0.5) for x in (-1.75, 1.75)), 1 / 1.5])
    population = adv.group_normalised(REWARDS, GROUP, ddof=0, eps=0.0).tolist()  # std_7 = sqrt(2/3), std_3 = 1.75
    assert population == pytest.approx([0.0, -math.sqrt(1.5), -1.0, 1.0, math.sqrt(1.5)])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("value", [0.1, 0.3, 1.9, -0.7, 1 / 3])
@pytest.mark.parametrize("size", range(2, 17))
def test_a_constant_group_has_advantage_exactly_zero(value: float, size: int, dtype: torch.dtype) -> None:
    rewards = torch.full((size + 2,), value, dtype=dtype)
    rewards[-1] = 1.0  # a live group beside it
    group = torch.tensor([0] * size + [1, 1])
    for values in (
        adv.centred(rewards, group),
        adv.leave_one_out(rewards, group),
        adv.group_normalised(rewards, group, eps=1e-9),
        adv.group_normalised(rewards, group, eps=0.0),
        adv.over_batch_std(adv.centred(rewards, group), rewards),
    ):
        assert not values[:size].any() and values[size:].all()


def test_dead_is_decided_by_the_spread_before_normalising() -> None:
    rewards = torch.tensor([0.5, 0.5 + 4e-7, 0.5, 0.5 + 1e-3], dtype=torch.float64)
    group = torch.tensor([0, 0, 1, 1])
    values = adv.group_normalised(rewards, group)
    assert values[:2].tolist() == [0.0, 0.0] and values[3] > 0.7
    assert adv.group_normalised(rewards, group, tol=0.0)[1] > 0.15
    assert adv.Grouped.of(rewards, group).dead.tolist() == [True, False]


def test_unscored_answers_leave_the_statistics_and_get_zero() -> None:
    rewards = torch.tensor([1.0, math.nan, 0.0, 2.0])
    scored = torch.tensor([True, False, True, True])
    group = torch.zeros(4, dtype=torch.long)
    assert adv.centred(rewards, group, scored).tolist() == [0.0, 0.0, -1.0, 1.0]
    assert adv.leave_one_out(rewards, group, scored).tolist() == pytest.approx([0.0, 0.0, -1.5, 1.5])
    assert adv.group_normalised(rewards, group, scored, eps=0.0).tolist() == pytest.approx([0.0, 0.0, -1.0, 1.0])
    spread = adv.over_batch_std(adv.centred(rewards, group, scored), rewards, scored, eps=0.0)
    assert spread.tolist() == pytest.approx([0.0, 0.0, -1.0, 1.0])


def test_a_group_left_with_one_or_no_scored_answer_is_dead_not_an_error() -> None:
    rewards, group = torch.tensor([1.0, 0.0, 1.0, 0.0]), torch.tensor([0, 0, 1, 1])
    scored = torch.tensor([True, False, False, False])
    assert adv.group_normalised(rewards, group, scored).tolist() == [0.0] * 4
    counts = adv.Grouped.of(rewards, group, scored).counts(rewards)
    assert (counts.dead, counts.dead_right, counts.dead_other) == (2, 1, 1)


def test_a_group_of_one_and_a_reward_that_is_not_finite_are_errors() -> None:
    with pytest.raises(
        ValueError, match=r"group 5 holds 1 answer: .* set --group-size to 2 or more, or --baseline none"
    ):
        adv.centred(torch.tensor([1.0, 0.0, 1.0]), torch.tensor([2, 2, 5]))
    with pytest.raises(ValueError, match="a scored reward is not finite: mark it as unscored"):
        adv.centred(torch.tensor([1.0, math.inf]), torch.tensor([2, 2]))
    with pytest.raises(ValueError, match=r"must both be \[B\], got \[3\] and \[2\]"):
        adv.centred(torch.zeros(3), torch.zeros(2))


def test_dead_groups_are_counted_by_why() -> None:
    rewards = torch.tensor([1.0, 1.0, 0.0, 0.0, 0.2, 0.2, 1.0, 0.0])
    correct = torch.tensor([1, 1, 0, 0, 1, 0, 1, 0])
    group = torch.arange(4).repeat_interleave(2)
    counts = adv.Grouped.of(rewards, group).counts(correct)
    assert counts == adv.GroupCounts(groups=4, dead_right=1, dead_wrong=1, dead_other=1)
    assert counts.dead_share == 0.75
    assert adv.Grouped.of(rewards, group).counts() == adv.GroupCounts(4, 0, 0, 3)
    assert adv.GroupCounts(0, 0, 0, 0).dead_share == 0.0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-8, 8)), min_size=1, max_size=20), st.randoms())
def test_order_does_not_matter_and_advantages_sum_to_zero_in_each_group(
    pairs: list[tuple[int, int]], random: object
) -> None:
    pairs = pairs + pairs  # no group of one
    group = torch.tensor([owner for owner, _ in pairs])
    rewards = torch.tensor([float(reward) / 8 for _, reward in pairs])
    values = adv.group_normalised(rewards, group)
    for owner in set(group.tolist()):
        assert abs(values[group == owner].sum().item()) < 1e-9
    order = list(range(len(pairs)))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert torch.allclose(adv.group_normalised(rewards[order], group[order]), values[order], atol=1e-9)


def test_whiten_by_tokens_and_by_lengths_agree() -> None:
    # tokens 1 1 1, 4: mean 1.75, squares 3 * 0.5625 + 5.0625 = 6.75, over 3 = 2.25, std 1.5
    mask = torch.tensor([[1, 1, 1], [1, 0, 0]])
    wide = torch.tensor([[1.0, 1.0, 1.0], [4.0, math.nan, math.inf]])
    assert adv.whiten(wide, mask, eps=0.0).flatten().tolist() == pytest.approx([-0.5, -0.5, -0.5, 1.5, 0.0, 0.0])
    assert adv.whiten(torch.tensor([1.0, 4.0, 9.0]), torch.tensor([3, 1, 0]), eps=0.0).tolist() == pytest.approx(
        [-0.5, 1.5, 0.0]
    )
    assert adv.whiten(torch.tensor([5.0]), torch.tensor([1])).tolist() == [0.0]


def test_reward_to_go_bridges_uncounted_tokens() -> None:
    # from the end: 4; 2 + 4/2 = 4 (the token between is uncounted); 1 + 4/2 = 3
    mask = torch.tensor([[1, 1, 0, 1, 0]])
    assert adv.reward_to_go(torch.tensor([[1.0, 2.0, math.nan, 4.0, 8.0]]), mask, gamma=0.5).tolist() == [
        [3.0, 4.0, 0.0, 4.0, 0.0]
    ]


def test_process_sums_the_normalised_steps_that_end_at_or_after_each_token() -> None:
    # steps 1, 3 and 2: mean 2, sample std 1. Answer 0: -1 ends at 0, +1 at 2; answer 1: 0 ends at 1
    step_rewards = torch.tensor([[1.0, 3.0], [2.0, math.nan]], dtype=torch.float64)
    step_end = torch.tensor([[0, 2], [1, -1]])
    values = adv.process(step_rewards, step_end, torch.zeros(2, dtype=torch.long), torch.ones(2, 3), eps=0.0)
    assert values.tolist() == [[0.0, 1.0, 1.0], [0.0, 0.0, 0.0]]
    masked = adv.process(step_rewards, step_end, torch.zeros(2, dtype=torch.long), torch.tensor([[1, 0, 1], [1, 1, 1]]))
    assert masked[0, 1] == 0.0


def test_mixed_groups_keeps_those_with_some_right_and_some_wrong() -> None:
    group = torch.tensor([9, 9, 2, 2, 5, 5])
    ids, keep = adv.mixed_groups(torch.tensor([1, 0, 1, 1, 0, 0]), group)
    assert ids.tolist() == [2, 5, 9] and keep.tolist() == [False, False, True]
    _, keep = adv.mixed_groups(torch.tensor([1, 0, 1, 1, 0, 0]), group, torch.tensor([1, 0, 1, 1, 1, 1]).bool())
    assert keep.tolist() == [False, False, False]


def test_over_the_group_mean_is_maxrl() -> None:
    # One right of four: mean 1/4, so (1 - 1/4) / (1/4) = 3 and (0 - 1/4) / (1/4) = -1. Two of two are dead.
    grouped = adv.Grouped.of(torch.tensor([1.0, 0, 0, 0, 1, 1]), torch.tensor([0, 0, 0, 0, 1, 1]))
    assert grouped.over_mean(grouped.centred(), 0.0).tolist() == [3.0, -1.0, -1.0, -1.0, 0.0, 0.0]


def test_over_the_group_mean_follows_the_log_of_the_success_rate() -> None:
    # A policy of one logit: p = sigmoid(x). In expectation over many samples, A * grad log p(sample) is
    # d log p / dx = 1 - p.
    p = 0.25
    grouped = adv.Grouped.of(torch.tensor([1.0, 0, 0, 0]), torch.zeros(4, dtype=torch.long))
    scores = torch.tensor([1 - p, -p, -p, -p], dtype=torch.float64)  # d log-prob of each sample / dx
    assert float((grouped.over_mean(grouped.centred(), 0.0) * scores).mean()) == pytest.approx(1 - p)


def test_over_the_group_mean_refuses_negative_rewards() -> None:
    grouped = adv.Grouped.of(torch.tensor([1.0, -1.0]), torch.tensor([0, 0]))
    with pytest.raises(ValueError, match=r"a reward is -1\.0: use rewards of 0 or more"):
        grouped.over_mean(grouped.centred(), 1e-6)
