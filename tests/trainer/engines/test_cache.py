"""The growing cache against the library's own, on a model and on plain tensors."""

import pytest
import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicSlidingWindowLayer

from verigym.trainer.engines.cache import ROOM, GrowingLayer, cut, growing_cache, join, joinable
from verigym.trainer.policy import load_policy

SELECTIONS = {3: [0, 0, 1, 2], 20: [3, 1, 0], 55: [2, 2, 0, 1, 1], 90: [4]}
"""Position to the rows that go on after it: repeated, in another order, fewer."""


@pytest.fixture(scope="module")
def model():
    return load_policy("tiny-qwen2", seed=5).model


def log_probs(model, cache, length=100):
    """The distribution at each of `length` positions, after a prompt of 4; rows are selected in between."""
    ids = torch.randint(0, model.config.vocab_size, (3, 4), generator=torch.Generator().manual_seed(1))
    found = []
    with torch.inference_mode():
        for position in range(length):
            logits = model(input_ids=ids, past_key_values=cache, use_cache=True).logits[:, -1]
            found.append(logits.log_softmax(-1))
            if position in SELECTIONS:
                take = torch.tensor(SELECTIONS[position])
                cache.batch_select_indices(take)
                logits = logits[take]
            ids = (logits.argmax(-1, keepdim=True) + torch.arange(len(logits))[:, None]) % model.config.vocab_size
    return found


def keys(start, count, rows=2):
    """[rows, 1, count, 1]: each position holds its number, plus 1000 for each row."""
    positions = torch.arange(start, start + count, dtype=torch.float32).expand(rows, 1, count)
    return (positions + 1000 * torch.arange(rows)[:, None, None])[..., None].clone()


def test_log_probs_are_those_of_the_librarys_cache(model):
    ours, theirs = growing_cache(model.config), DynamicCache(config=model.config)
    for found, wanted in zip(log_probs(model, ours), log_probs(model, theirs), strict=True):
        assert found.shape == wanted.shape
        assert torch.allclose(found, wanted, atol=1e-5)
    assert ours.get_seq_length() == theirs.get_seq_length() == 4 + 99
    for mine, its in zip(ours.layers, theirs.layers, strict=True):
        assert isinstance(mine, GrowingLayer)
        assert torch.allclose(mine.keys, its.keys, atol=1e-5) and torch.allclose(mine.values, its.values, atol=1e-5)


def test_buffers_grow_by_room_and_copy_nothing_in_between():
    layer = GrowingLayer()
    places = []
    for position in range(200):
        found, values = layer.update(keys(position, 1), -keys(position, 1))
        assert torch.equal(found, keys(0, position + 1)) and torch.equal(values, -keys(0, position + 1))
        if not places or found.data_ptr() != places[-1][1]:
            places.append((position, found.data_ptr()))
    # room for 1 + 32, then 34 + 32, 67 + 32, 100 + 32, 133 + 33, 167 + 41 positions
    assert ROOM == 32
    assert [position for position, _ in places] == [0, 33, 66, 99, 132, 166]


def test_a_long_prompt_brings_a_quarter_of_its_length_as_room():
    layer = GrowingLayer()
    first, _ = layer.update(keys(0, 400), keys(0, 400))
    for position in range(400, 500):
        found, _ = layer.update(keys(position, 1), keys(position, 1))
        assert found.data_ptr() == first.data_ptr()
    assert layer.update(keys(500, 1), keys(500, 1))[0].data_ptr() != first.data_ptr()
    assert torch.equal(layer.keys, keys(0, 501))


def test_selected_rows_are_copies_of_their_own():
    layer = GrowingLayer()
    layer.update(keys(0, 3), keys(0, 3))
    layer.batch_select_indices(torch.tensor([1, 1, 0]))
    new = torch.tensor([7.0, 8.0, 9.0])[:, None, None, None]
    found, _ = layer.update(new, new)
    assert found[:, 0, :, 0].tolist() == [[1000, 1001, 1002, 7], [1000, 1001, 1002, 8], [0, 1, 2, 9]]


def test_a_reset_cache_is_as_new(model):
    cache = growing_cache(model.config)
    first = log_probs(model, cache, length=10)
    cache.reset()
    assert cache.get_seq_length() == 0
    again = log_probs(model, cache, length=10)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_a_layer_that_forgets_keeps_its_own_rule_and_no_row_may_join():
    config = load_policy("tiny-qwen2", seed=5).model.config
    assert joinable(growing_cache(config))
    config.use_sliding_window, config.sliding_window = True, 8
    config.layer_types = ["full_attention", "sliding_attention"]
    cache = growing_cache(config)
    assert [type(layer) for layer in cache.layers] == [GrowingLayer, DynamicSlidingWindowLayer]
    assert not joinable(cache)


def filled(config, start, count, rows=2):
    """A cache whose layers hold `keys`."""
    cache = growing_cache(config)
    for layer in cache.layers:
        layer.update(keys(start, count, rows), -keys(start, count, rows))
    return cache


@pytest.mark.parametrize("lengths", [(5, 3), (3, 5), (4, 4)])
def test_rows_that_join_end_at_the_same_place(model, lengths):
    ours, theirs = filled(model.config, 0, lengths[0]), filled(model.config, 100, lengths[1], rows=1)
    join(ours, theirs)
    for layer in ours.layers:
        layer.update(keys(50, 1, rows=3), -keys(50, 1, rows=3))
        found = layer.keys[:, 0, :, 0]
        assert found.shape == (3, max(lengths) + 1) and torch.equal(layer.values, -layer.keys)
        held = [[*range(lengths[0])], [1000 + i for i in range(lengths[0])], [100 + i for i in range(lengths[1])]]
        for row, (mine, number) in enumerate(zip(held, (50, 1050, 2050), strict=True)):
            assert found[row].tolist() == [0] * (max(lengths) - len(mine)) + mine + [number]


def test_what_no_row_looks_at_is_cut_on_the_left(model):
    cache = filled(model.config, 0, 6)
    cut(cache, 2)
    assert cache.get_seq_length() == 4
    for layer in cache.layers:
        found, _ = layer.update(keys(6, 1), keys(6, 1))
        assert found[:, 0, :, 0].tolist() == [[2, 3, 4, 5, 6], [1002, 1003, 1004, 1005, 1006]]
