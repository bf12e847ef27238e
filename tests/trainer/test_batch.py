import torch
from hypothesis import given
from hypothesis import strategies as st

from verigym.tasks.problem import Problem
from verigym.trainer.batch import Batch, micro_batches
from verigym.trainer.rollout import Rollout
from verigym.verifiers.verdict import Verdict


def rollout(prompt, tokens, sampled=None, group=0):
    sampled = sampled or (True,) * len(tokens)
    logps = tuple(-0.5 if s else 0.0 for s in sampled)
    return Rollout(Problem("p", "a"), group, 0, prompt, tokens, sampled, logps, "stop", 0, ("r",), Verdict.right("ok"))


ROLLOUTS = [
    rollout((5, 6), (7, 8, 2)),
    rollout((5, 6, 7, 8), (9, 30, 31, 2), (True, False, False, True), group=1),
    rollout((5,), (2,), group=2),
]


def test_rows_are_right_padded_and_masks_come_from_who_spoke():
    batch = Batch.of(ROLLOUTS, [True, True, False], pad_id=0)
    assert batch.ids.tolist() == [[5, 6, 7, 8, 2, 0, 0, 0], [5, 6, 7, 8, 9, 30, 31, 2], [5, 2, 0, 0, 0, 0, 0, 0]]
    assert batch.attention.sum(1).tolist() == [5, 8, 2]
    assert batch.mask.tolist() == [[True, True, True, False], [True, False, False, True], [False] * 4]
    assert batch.sampler_logp.tolist() == [[-0.5, -0.5, -0.5, 0], [-0.5, 0, 0, -0.5], [-0.5, 0, 0, 0]]
    assert batch.group.tolist() == [0, 1, 2] and batch.lengths.tolist() == [3, 2, 0]


def test_the_end_token_counts_even_where_it_is_the_padding_token():
    batch = Batch.of([rollout((5,), (7, 0))], [True], pad_id=0)
    assert batch.mask.tolist() == [[True, True]] and batch.attention.tolist() == [[1, 1, 1]]


def test_rows_are_trimmed_to_their_own_width():
    rows = Batch.of(ROLLOUTS, [True] * 3, pad_id=0).rows(torch.tensor([2, 0]))
    assert rows.ids.tolist() == [[5, 2, 0, 0, 0], [5, 6, 7, 8, 2]] and rows.mask.shape == (2, 3)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30), st.integers(1, 100))
def test_micro_batches_hold_every_row_once_within_the_budget(widths, budget):
    widths = torch.tensor(widths)
    pieces = micro_batches(widths, torch.arange(len(widths)), budget)
    assert sorted(torch.cat(pieces).tolist()) == list(range(len(widths)))
    for piece in pieces:
        assert len(piece) == 1 or len(piece) * int(widths[piece].max()) <= budget
