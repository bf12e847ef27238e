"""The embedded engine against the model's own forward pass."""

import numpy as np
import pytest
import torch

from verigym.trainer.engines.draw import draw, truncate_distribution, uniforms
from verigym.trainer.engines.engine import Completion, Request, Sampling, UnknownWeight
from verigym.trainer.engines.transformers import TransformersEngine
from verigym.trainer.policy import load_policy

PROMPTS = [(5, 20), (5, 20, 21, 22, 6), (5, 20, 21, 22, 6), (7,)]


@pytest.fixture(scope="module")
def policy():
    return load_policy("tiny-qwen2", seed=3)


@pytest.fixture
def engine(policy):
    return TransformersEngine(policy.model, pad_id=policy.tokenizer.pad_token_id, text=policy.chat.text)


def requests(seeds=(11, 12, 13, 14)):
    return [Request(prompt, seed) for prompt, seed in zip(PROMPTS, seeds, strict=True)]


def full_logps(model, prompt, reply, temperature):
    """Log-probs of a reply from one plain forward pass without cache or padding."""
    ids = torch.tensor([prompt + reply])
    with torch.no_grad():
        logits = model(input_ids=ids).logits[0, len(prompt) - 1 : -1].float()
    return (logits / temperature).log_softmax(-1)


def test_log_probs_are_those_of_a_plain_forward_pass(policy, engine):
    for completion, prompt in zip(engine.generate(requests(), Sampling(12, temperature=0.7)), PROMPTS, strict=True):
        full = full_logps(policy.model, prompt, completion.token_ids, 0.7)
        taken = full.gather(-1, torch.tensor(completion.token_ids)[:, None])[:, 0]
        assert torch.allclose(torch.tensor(completion.logps), taken, atol=2e-6)


def test_greedy_takes_the_likeliest_token_of_a_plain_forward_pass(policy, engine):
    for completion, prompt in zip(engine.generate(requests(), Sampling(12, temperature=0)), PROMPTS, strict=True):
        full = full_logps(policy.model, prompt, completion.token_ids, 1.0)
        assert full.argmax(-1).tolist() == list(completion.token_ids)


def test_a_sample_depends_on_its_seed_and_prompt_alone(engine):
    whole = engine.generate(requests(), Sampling(12))
    turned = engine.generate(requests()[::-1], Sampling(12))[::-1]
    alone = [engine.generate([request], Sampling(12))[0] for request in requests()]
    engine.batch = 2
    assert [c.token_ids for c in whole] == [c.token_ids for c in turned] == [c.token_ids for c in alone]
    assert [c.token_ids for c in engine.generate(requests(), Sampling(12))] == [c.token_ids for c in whole]


def test_seeds_of_a_group_give_different_replies(engine):
    group = engine.generate([Request(PROMPTS[0], seed) for seed in range(8)], Sampling(12))
    assert len({c.token_ids for c in group}) == 8


def test_a_reply_ends_with_its_end_token_and_keeps_it(policy, engine):
    free = engine.generate(requests(), Sampling(40))
    end = free[1].token_ids[5]
    cut = engine.generate(requests(), Sampling(40, stop_ids=(end,)))
    for before, after in zip(free, cut, strict=True):
        place = before.token_ids.index(end) if end in before.token_ids else None
        assert after.token_ids == (before.token_ids if place is None else before.token_ids[: place + 1])
        assert after.finish == ("length" if place is None else "stop")
        assert len(after.logps) == len(after.token_ids)


def test_rows_that_end_early_do_not_disturb_the_others(policy, engine):
    short = [Request(p, s, max_new_tokens=m) for p, s, m in zip(PROMPTS, (11, 12, 13, 14), (1, 2, 3, 20), strict=True)]
    free, mixed = engine.generate(requests(), Sampling(20)), engine.generate(short, Sampling(20))
    assert [c.token_ids for c in mixed] == [c.token_ids[:m] for c, m in zip(free, (1, 2, 3, 20), strict=True)]


def test_a_stop_string_ends_a_reply(policy, engine):
    free = engine.generate(requests(), Sampling(40))
    text = policy.chat.text(free[0].token_ids[3:6])
    cut = engine.generate(requests(), Sampling(40, stop=(text,)))[0]
    assert text in policy.chat.text(cut.token_ids) and text not in policy.chat.text(cut.token_ids[:-1])
    assert cut.finish == "stop"


def test_a_stop_string_without_a_decoder_is_refused(policy):
    with pytest.raises(ValueError, match="pass text="):
        TransformersEngine(policy.model, pad_id=0).generate(requests(), Sampling(4, stop=("x",)))


def test_on_done_is_told_of_each_reply_once(engine):
    told: list[tuple[int, Completion]] = []
    result = engine.generate(requests(), Sampling(12), lambda i, completion: told.append((i, completion)))
    assert sorted(i for i, _ in told) == [0, 1, 2, 3]
    assert all(result[i] is completion for i, completion in told)


def test_new_weights_are_in_the_very_next_sample(policy):
    other = load_policy("tiny-qwen2", seed=4)
    engine = TransformersEngine(load_policy("tiny-qwen2", seed=3).model, pad_id=0)
    wanted = TransformersEngine(other.model, pad_id=0).generate(requests(), Sampling(8))
    assert engine.generate(requests(), Sampling(8)) != wanted
    engine.load_weights(dict(other.model.named_parameters()), version=7)
    found = engine.generate(requests(), Sampling(8))
    assert [c.token_ids for c in found] == [c.token_ids for c in wanted]
    assert {c.version for c in found} == {7}


def test_an_unknown_weight_is_named(engine):
    with pytest.raises(UnknownWeight, match=r"no weight 'model\.nothing'"):
        engine.load_weights({"model.nothing": torch.zeros(1)}, version=1)


def test_a_weight_of_another_shape_is_named_and_nothing_taken(policy):
    engine = TransformersEngine(load_policy("tiny-qwen2", seed=3).model, pad_id=0)
    before = {name: weight.clone() for name, weight in engine.model.named_parameters()}
    weights = {name: weight + 1 for name, weight in before.items()}
    weights["model.norm.weight"] = torch.zeros(5)
    with pytest.raises(UnknownWeight, match=r"'model.norm.weight' has the shape \(5,\).* wants \(96,\)"):
        engine.load_weights(weights, version=1)
    assert all(torch.equal(weight, before[name]) for name, weight in engine.model.named_parameters())


@pytest.fixture
def read(engine, monkeypatch):
    """Shapes of what the engine's model is given to read, as it samples."""
    shapes: list[tuple[int, ...]] = []
    forward = engine.model.forward

    def watched(*args, **kwargs):
        shapes.append(tuple(kwargs["input_ids"].shape))
        return forward(*args, **kwargs)

    monkeypatch.setattr(engine.model, "forward", watched)
    return shapes


def test_prompts_are_read_together_and_identical_ones_once(engine, read):
    engine.generate([*requests(), Request(PROMPTS[0], 20)], Sampling(2))
    assert read == [(3, 5), (5, 1)]


def test_waiting_requests_join_as_places_come_free(engine, read):
    engine.batch = 4
    limits = (20, 3, 3, 3, 3, 3, 3, 20)
    engine.generate([Request((5, 20), i, max_new_tokens=n) for i, n in enumerate(limits)], Sampling(20))
    # One batch after the other would take 20 tokens twice. Here three rows leave after 3 and three others join, who
    # leave after 6, and the last one joins: it is there for 20 tokens from the seventh on.
    assert [shape for shape in read if shape[1] > 1] == [(1, 2)] * 3
    assert sum(shape[1] == 1 for shape in read) == 3 + 3 + 20 - 1


def test_few_free_places_wait_for_more(engine, read):
    engine.batch = 8
    limits = (2, *(9,) * 7, 5)
    engine.generate([Request((5, 20), i, max_new_tokens=n) for i, n in enumerate(limits[:8])], Sampling(9))
    read.clear()
    engine.generate([Request((5, 20), i, max_new_tokens=n) for i, n in enumerate((*limits, 5, 5))], Sampling(9))
    # After two tokens one place is free, a quarter of eight are two, and three wait.
    assert [place for place, shape in enumerate(read) if shape[1] > 1] == [0, 9]


def test_prompts_beyond_the_most_tokens_are_read_in_pieces(engine, read, monkeypatch):
    whole = engine.generate(requests(), Sampling(6))
    monkeypatch.setattr("verigym.trainer.engines.transformers.READ_TOKENS", 7)
    read.clear()
    assert [c.token_ids for c in engine.generate(requests(), Sampling(6))] == [c.token_ids for c in whole]
    assert [shape for shape in read if shape[1] > 1] == [(1, 5), (2, 2)]


def test_ways_of_sampling_are_mixed_in_one_batch(policy, engine, read):
    tickets = [engine.add(requests()[:2], Sampling(8)), engine.add(requests()[2:], Sampling(8, temperature=0))]
    done = {}
    while engine.busy:
        done |= dict(engine.advance())
    assert len([shape for shape in read if shape[1] > 1]) == 1
    found = [done[ticket].token_ids for some in tickets for ticket in some]
    apart = engine.generate(requests()[:2], Sampling(8)), engine.generate(requests()[2:], Sampling(8, temperature=0))
    assert found == [c.token_ids for replies in apart for c in replies]


def test_the_cache_is_cut_when_the_longest_rows_have_left(policy, engine):
    long, short = Request(tuple(range(5, 65)), 1, max_new_tokens=2), Request((5, 20), 2, max_new_tokens=12)
    alone = engine.generate([short], Sampling(12))[0]
    tickets = engine.add([long, short], Sampling(12))
    done = dict(engine.advance(60.0))
    assert set(done) == {tickets[0]} and engine._live.mask.shape[1] < 10
    while engine.busy:
        done |= dict(engine.advance())
    assert done[tickets[1]].token_ids == alone.token_ids


def test_a_model_that_forgets_decodes_batch_after_batch(policy):
    config = load_policy("tiny-qwen2", seed=3).model.config
    config.use_sliding_window, config.sliding_window = True, 8
    config.layer_types = ["full_attention", "sliding_attention"]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = type(policy.model)(config).eval()
    prompt = tuple(range(5, 25))
    wanted = [TransformersEngine(model, pad_id=0).generate([Request(prompt, i)], Sampling(4 + i))[0] for i in range(5)]
    engine = TransformersEngine(model, pad_id=0, batch=2)
    replies = engine.generate([Request(prompt, i, max_new_tokens=4 + i) for i in range(5)], Sampling(9))
    assert [c.token_ids for c in replies] == [c.token_ids for c in wanted]


def test_uniforms_are_uniform_and_differ_by_seed_and_position():
    seeds = np.arange(20_000, dtype=np.uint64)
    first, second = uniforms(seeds, 0), uniforms(seeds, 1)
    for numbers in (first, second):
        counts, _ = np.histogram(numbers, bins=20, range=(0, 1))
        assert (np.abs(counts - 1000) < 160).all()  # 5 standard deviations
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.04
    assert first.min() > 0 and first.max() < 1


def test_draws_have_the_distribution_of_the_model():
    logits = torch.tensor([[2.0, 0.0, -1.0, 0.5]]).expand(40_000, 4)
    ids, logp = draw(logits, Sampling(1, temperature=1.5), uniforms(np.arange(40_000, dtype=np.uint64), 3))
    wanted = (logits[0] / 1.5).softmax(-1)
    found = torch.bincount(ids, minlength=4) / 40_000
    assert torch.allclose(found, wanted, atol=0.013)
    assert torch.allclose(logp.exp(), wanted[ids], atol=1e-6)


def test_top_k_and_top_p_keep_the_likeliest_tokens():
    logits = torch.tensor([[0.5, 0.25, 0.15, 0.1]]).log()
    assert torch.isfinite(truncate_distribution(logits, 1.0, 2)).tolist() == [[True, True, False, False]]
    assert torch.isfinite(truncate_distribution(logits, 0.6, 0)).tolist() == [[True, True, False, False]]
    assert torch.isfinite(truncate_distribution(logits, 0.5, 0)).tolist() == [[True, False, False, False]]
    assert torch.isfinite(truncate_distribution(logits, 0.01, 0)).tolist() == [[True, False, False, False]]
