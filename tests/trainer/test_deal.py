import pytest
import torch

from verigym.trainer.batch import micro_batches
from verigym.trainer.deal import deal, passes
from verigym.trainer.ranks import ALONE, Ranks

WIDTHS = torch.tensor([9, 3, 3, 3, 8, 1, 7, 2])


def plan(part):
    return micro_batches(WIDTHS, part, 10)


def test_rows_are_dealt_by_tokens_and_keep_their_order():
    places = torch.tensor([0, 1, 2, 3, 4, 6])  # 9 + 8 + 7 + 3 + 3 + 3 tokens
    first, second = deal(WIDTHS, places, 2)
    # 9 | 8; 7 goes to the 8; the threes make up for it
    assert first.tolist() == [0, 1, 2, 3] and second.tolist() == [4, 6]
    assert deal(WIDTHS, places, 1)[0] is places


def test_every_row_is_dealt_once_also_to_more_ranks_than_rows():
    places = torch.tensor([5, 7, 1])
    parts = deal(WIDTHS, places, 4)
    assert sorted(place for part in parts for place in part.tolist()) == [1, 5, 7]
    assert [len(part) for part in parts] == [1, 1, 1, 0]


def test_alone_the_passes_are_those_of_the_plan():
    places = torch.arange(8)
    found = passes(WIDTHS, places, ALONE, plan, level=True)
    assert [piece.tolist() for piece, _ in found] == [piece.tolist() for piece in plan(places)]
    assert all(counts for _, counts in found)


@pytest.mark.parametrize("count", [2, 3])
def test_ranks_that_gather_weights_take_equally_many_passes(count):
    places = torch.tensor([0, 1, 2, 3, 4, 5])
    found = [passes(WIDTHS, places, Ranks(rank, count), plan, level=True) for rank in range(count)]
    assert len({len(one) for one in found}) == 1
    counted = sorted(place for one in found for piece, counts in one if counts for place in piece.tolist())
    assert counted == places.tolist()
    assert {piece.tolist()[0] for one in found for piece, counts in one if not counts} <= {5}  # the shortest row


def test_without_weights_to_gather_no_pass_is_for_nothing():
    uneven = [passes(WIDTHS, torch.tensor([0, 4, 6]), Ranks(rank, 2), plan, level=False) for rank in (0, 1)]
    assert sorted(map(len, uneven)) == [1, 2]
    assert passes(WIDTHS, torch.tensor([], dtype=torch.long), Ranks(0, 2), plan, level=True) == []
