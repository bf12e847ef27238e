"""Conformance: work under way, and weights. Each case is a function of a rig; its name and docstring say what an
engine owes."""

import time
from dataclasses import replace

import pytest
import torch
from rig import PROMPTS, Rig

from verigym.trainer.engines.engine import Completion, Request, Sampling, UnknownWeight

LONG = Sampling(400)
"""Long enough to be caught under way."""


def long_requests(count: int, first_seed: int = 200) -> list[Request]:
    return [Request(PROMPTS[i % 4], first_seed + i) for i in range(count)]


def an_empty_list_is_no_work(rig: Rig) -> None:
    assert rig.engine.add([], Sampling(4)) == []
    assert rig.engine.busy == 0 and rig.engine.generate([], Sampling(4)) == []
    assert rig.engine.advance(0.0) == []


def on_done_is_told_of_each_reply_once(rig: Rig) -> None:
    """And `generate` keeps the order of its requests."""
    told: list[tuple[int, Completion]] = []
    limits = (9, 1, 5, 2, 7)
    requests = [replace(request, max_new_tokens=n) for request, n in zip(rig.requests(), limits, strict=True)]
    result = rig.engine.generate(requests, Sampling(12), lambda i, completion: told.append((i, completion)))
    assert [len(reply.token_ids) for reply in result] == list(limits)
    assert sorted(i for i, _ in told) == [0, 1, 2, 3, 4]
    assert all(result[i] == completion for i, completion in told)


def what_cannot_be_served_is_refused_and_nothing_taken(rig: Rig) -> None:
    """An empty prompt, an id that is no token, a start beyond the prompt."""
    good = Request(PROMPTS[0], 1)
    for bad in (Request((), 2), Request((5, 10**6), 2), Request((5, -1), 2), Request((5, 6), 2, start=3)):
        with pytest.raises(ValueError):
            rig.engine.add([good, bad], Sampling(4))
        assert rig.engine.busy == 0


def work_is_added_while_other_work_goes_on(rig: Rig) -> None:
    """Requests that come later have the same replies; tickets are never given twice, each is returned once."""
    early, late = long_requests(3), rig.requests()
    first = rig.engine.add(early, Sampling(120))
    done: dict[int, Completion] = dict(rig.engine.advance(0.0))
    second = rig.engine.add(late, Sampling(10))
    assert len({*first, *second}) == 8 and rig.engine.busy == 8 - len(done)
    done = rig.drain(done)
    assert sorted(done) == sorted([*first, *second])
    assert [done[t].token_ids for t in first] == [r.token_ids for r in rig.sample(early, Sampling(120))]
    assert [done[t].token_ids for t in second] == [r.token_ids for r in rig.sample(late, Sampling(10))]


def more_than_a_batch_is_served(rig: Rig) -> None:
    """Forty requests of mixed lengths: those that wait have the same replies as alone."""
    requests = [Request(PROMPTS[i % 5], 300 + i, max_new_tokens=1 + i * 7 % 23) for i in range(40)]
    replies = rig.sample(requests, Sampling(24))
    assert [len(reply.token_ids) for reply in replies] == [1 + i * 7 % 23 for i in range(40)]
    for i in (0, 17, 39):
        assert rig.sample([requests[i]], Sampling(24))[0].token_ids == replies[i].token_ids


def advance_comes_back_in_time(rig: Rig) -> None:
    """With long replies under way, after about `wait_s`."""
    rig.engine.add(long_requests(8), LONG)
    done: dict[int, Completion] = {}
    for _ in range(3):
        started = time.monotonic()
        done |= dict(rig.engine.advance(0.05))
        assert time.monotonic() - started < 0.05 + rig.slack_s
    rig.engine.cancel()
    assert len(rig.drain(done)) == 8


def cancelled_work_returns_what_it_has(rig: Rig) -> None:
    """As `abort`, with the first tokens of the uncut reply and their log-probs; at once, also what had not begun. How
    far an engine elsewhere has come is not known, so it is left alone for longer until something was caught."""
    for wait_s in (0.1, 0.3, 1.0):
        requests = long_requests(12)
        tickets = rig.engine.add(requests, LONG)
        done = dict(rig.engine.advance(wait_s))
        rig.engine.cancel()
        started = time.monotonic()
        done = rig.drain(done)
        assert time.monotonic() - started < 1 + rig.slack_s
        assert sorted(done) == sorted(tickets)
        cut = [(r, done[t]) for r, t in zip(requests, tickets, strict=True) if done[t].finish == "abort"]
        assert all(len(reply.token_ids) == len(reply.logps) < LONG.max_new_tokens for _, reply in cut)
        some = [(request, reply) for request, reply in cut if reply.token_ids]
        if some:
            break
    assert some, "no cancelled reply has a token"
    rig.assert_scored([request for request, _ in some], [reply for _, reply in some], 1.0)
    request, reply = some[0]
    assert rig.sample([request], Sampling(len(reply.token_ids)))[0].token_ids == reply.token_ids


def cancelling_some_leaves_the_others(rig: Rig) -> None:
    """Tickets that have ended, or were never given, are passed over."""
    requests = long_requests(6)
    tickets = rig.engine.add(requests, LONG)
    done = dict(rig.engine.advance(0.05))
    rig.engine.cancel([tickets[1], tickets[4], max(tickets) + 1000])
    done = rig.drain(done)
    for ticket in tickets[:1] + tickets[2:4] + tickets[5:]:
        assert done[ticket].finish == "length" and len(done[ticket].token_ids) == LONG.max_new_tokens
    rig.assert_scored(requests[2:4], [done[ticket] for ticket in tickets[2:4]], 1.0)
    assert {done[tickets[1]].finish, done[tickets[4]].finish} == {"abort"}


def a_cut_reply_goes_on(rig: Rig) -> None:
    """With `start`, in the very tokens of the uncut reply where the engine's numbers are counted; elsewhere in tokens
    of the policy. Limits count the new tokens."""
    requests = rig.requests()
    whole = rig.sample(requests, Sampling(20))
    rest = [
        Request(request.prompt_ids + reply.token_ids[:k], request.seed, max_new_tokens=20 - k, start=k)
        for k, request, reply in zip((1, 4, 7, 12, 19), requests, whole, strict=True)
    ]
    replies = rig.sample(rest, Sampling(20))
    assert [len(reply.token_ids) for reply in replies] == [19, 16, 13, 8, 1]
    rig.assert_scored(rest, replies, 1.0)
    if rig.continues:
        for reply, full in zip(replies, whole, strict=True):
            assert reply.token_ids == full.token_ids[-len(reply.token_ids) :]


def a_cut_reply_goes_on_with_new_numbers(rig: Rig) -> None:
    """The random numbers that its first tokens were drawn with are not used again."""
    begun = rig.sample([Request(PROMPTS[1], seed) for seed in range(24)], Sampling(1))
    gone_on = rig.sample([Request(PROMPTS[1], seed, start=2) for seed in range(24)], Sampling(1))
    same = sum(a.token_ids == b.token_ids for a, b in zip(begun, gone_on, strict=True))
    assert same < 8, f"{same} of 24 replies have the same token where the numbers should be new"


def a_stop_string_is_found_across_a_cut(rig: Rig) -> None:
    """When its first tokens stand before the cut and its last one after it."""
    request = rig.requests()[0]
    whole = rig.sample([request], Sampling(20, temperature=0))[0].token_ids
    stop = rig.policy.chat.text(whole[7:10])
    place = next(i for i in range(21) if stop in rig.policy.chat.text(whole[:i]))
    cut = place - 1
    rest = Request(request.prompt_ids + whole[:cut], 3, max_new_tokens=20 - cut, start=cut)
    assert len(stop) >= 2 and stop not in rig.policy.chat.text(whole[cut:place])
    (reply,) = rig.sample([rest], Sampling(20, temperature=0, stop=(stop,)))
    assert reply.finish == "stop" and reply.token_ids == whole[cut:place]


def new_weights_are_in_the_very_next_sample(rig: Rig) -> None:
    """Exactly: log-probs are those of the trainer with the new weights, and replies bear their version. Then the old
    ones again."""
    before = rig.sample(rig.requests(), Sampling(16))
    assert {reply.version for reply in before} == {rig.engine.version}
    other = rig.other()
    with rig.loaded(dict(other.named_parameters())) as version:
        assert rig.engine.version == version
        replies = rig.sample(rig.requests(), Sampling(16))
        assert {reply.version for reply in replies} == {version}
        rig.assert_scored(rig.requests(), replies, 1.0, other)
        assert max((a - b).abs().max() for a, b in _both(rig, replies, other)) > 100 * rig.bound
    after = rig.sample(rig.requests(), Sampling(16))
    assert [reply.token_ids for reply in after] == [reply.token_ids for reply in before]


def _both(rig: Rig, replies: list[Completion], other: torch.nn.Module) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Log-probs of the replies under the policy's weights and under other ones."""
    ours, theirs = (rig.scores(rig.requests(), replies, 1.0, model) for model in (rig.policy.model, other))
    return list(zip(ours, theirs, strict=True))


def a_part_of_the_weights_is_taken(rig: Rig) -> None:
    """The rest stay as they are. The part holds projections that an engine may keep as one, and a norm."""
    other, mixed = rig.other(seed=2), rig.other(share=0.0)
    parts = ("1.self_attn.k_proj.weight", "0.mlp.up_proj.weight", "0.input_layernorm.weight", "1.mlp.down_proj.weight")
    weights = {name: weight for name, weight in other.named_parameters() if name.endswith(parts)}
    assert len(weights) == len(parts)
    mixed.load_state_dict({**mixed.state_dict(), **weights})
    with rig.loaded(weights):
        rig.assert_scored(rig.requests(), rig.sample(rig.requests(), Sampling(16)), 1.0, mixed)


def tied_weights_move_together(rig: Rig) -> None:
    """Weights that the trainer's model ties (embedding and head) come under one name and are used at both ends."""
    other, mixed = rig.other(seed=3), rig.other(share=0.0)
    name = "model.embed_tokens.weight"
    weight = dict(other.named_parameters())[name]
    mixed.get_input_embeddings().weight.data.copy_(weight.data)
    assert mixed.get_output_embeddings().weight is mixed.get_input_embeddings().weight
    with rig.loaded({name: weight}):
        rig.assert_scored(rig.requests(), rig.sample(rig.requests(), Sampling(16)), 1.0, mixed)


def weights_that_do_not_fit_are_refused(rig: Rig) -> None:
    """An unknown name or a wrong shape raises UnknownWeight that names it, and nothing is loaded, version included."""
    version, good = rig.engine.version, dict(rig.other(seed=4).named_parameters())
    name = "model.layers.1.mlp.up_proj.weight"
    before = rig.sample(rig.requests(), Sampling(8))
    for wrong, named in (
        ({**good, "model.nothing.weight": torch.zeros(1)}, "model.nothing.weight"),
        ({**good, name: good[name][:, :-1].contiguous()}, name),
    ):
        with pytest.raises(UnknownWeight, match=named):
            rig.engine.load_weights(wrong, version + 1)
        assert rig.engine.version == version
    after = rig.sample(rig.requests(), Sampling(8))
    assert [(reply.token_ids, reply.version) for reply in after] == [(reply.token_ids, version) for reply in before]
    rig.assert_scored(rig.requests(), after, 1.0)


def weights_wait_for_work_to_end(rig: Rig) -> None:
    """While anything is under way, loading raises RuntimeError and changes nothing."""
    rig.engine.add(long_requests(3), LONG)
    done = dict(rig.engine.advance(0.0))
    with pytest.raises(RuntimeError, match="under way"):
        rig.engine.load_weights(dict(rig.other().named_parameters()), rig.engine.version + 1)
    rig.engine.cancel()
    rig.drain(done)
    rig.assert_scored(rig.requests(), rig.sample(rig.requests(), Sampling(8)), 1.0)


def nothing_read_under_old_weights_is_used_again(rig: Rig) -> None:
    """A long prompt that was read before is read anew (the trap: a prefix cache that outlives its weights)."""
    prompt = tuple(5 + i * 13 % 90 for i in range(300))
    requests = [Request(prompt, seed) for seed in (1, 2)]
    rig.assert_scored(requests, rig.sample(requests, Sampling(6)), 1.0)
    rig.assert_scored(requests, rig.sample(requests, Sampling(6)), 1.0)
    other = rig.other(seed=5)
    with rig.loaded(dict(other.named_parameters())):
        rig.assert_scored(requests, rig.sample(requests, Sampling(6)), 1.0, other)
    rig.assert_scored(requests, rig.sample(requests, Sampling(6)), 1.0)


def sleep_keeps_weights_and_version(rig: Rig) -> None:
    """Twice in a row: samples are as before."""
    before, version = rig.sample(rig.requests(), Sampling(8)), rig.engine.version
    for _ in range(2):
        rig.engine.sleep()
        rig.engine.wake()
    assert rig.engine.version == version
    after = rig.sample(rig.requests(), Sampling(8))
    assert [reply.token_ids for reply in after] == [reply.token_ids for reply in before]
    rig.assert_scored(rig.requests(), after, 1.0)


def a_part_that_dies_costs_nothing_that_was_asked_for(rig: Rig) -> None:
    """Killed half-way: every ticket comes back once, with the reply it would have had, and what is left, or comes back,
    samples from the newest weights."""
    if rig.kill is None:
        pytest.skip("the engine is in this process: no part of it dies alone")
    other = rig.other(seed=6)
    with rig.loaded(dict(other.named_parameters())) as version:
        requests = long_requests(12)
        wanted = rig.sample(requests, Sampling(150))
        tickets = rig.engine.add(requests, Sampling(150))
        done = dict(rig.engine.advance(0.05))
        rig.kill(rig.engine)
        done = rig.drain(done)
        assert sorted(done) == sorted(tickets)
        assert [done[t].token_ids for t in tickets] == [reply.token_ids for reply in wanted]
        assert {reply.version for reply in done.values()} == {version}
        rig.assert_scored(rig.requests(), rig.sample(rig.requests(), Sampling(8)), 1.0, other)
    rig.assert_scored(rig.requests(), rig.sample(rig.requests(), Sampling(8)), 1.0)


def closing_twice_is_fine(rig: Rig) -> None:
    """The last case: its engine is gone."""
    engine = rig.engine
    engine.close()
    engine.close()
    rig.close()


WORK = (
    an_empty_list_is_no_work,
    on_done_is_told_of_each_reply_once,
    what_cannot_be_served_is_refused_and_nothing_taken,
    work_is_added_while_other_work_goes_on,
    more_than_a_batch_is_served,
    advance_comes_back_in_time,
    cancelled_work_returns_what_it_has,
    cancelling_some_leaves_the_others,
    a_cut_reply_goes_on,
    a_cut_reply_goes_on_with_new_numbers,
    a_stop_string_is_found_across_a_cut,
    new_weights_are_in_the_very_next_sample,
    a_part_of_the_weights_is_taken,
    tied_weights_move_together,
    weights_that_do_not_fit_are_refused,
    weights_wait_for_work_to_end,
    nothing_read_under_old_weights_is_used_again,
    sleep_keeps_weights_and_version,
    a_part_that_dies_costs_nothing_that_was_asked_for,
    closing_twice_is_fine,
)
