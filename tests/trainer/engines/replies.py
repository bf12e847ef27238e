"""Conformance: what a reply is. Each case is a function of a rig; its name and docstring say what an engine owes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from rig import PROMPTS, Rig

from verigym.trainer.engines.engine import Completion, Request, Sampling


def tokens(replies: Sequence[Completion]) -> list[tuple[int, ...]]:
    return [reply.token_ids for reply in replies]


def greedy_agrees_with_the_trainer(rig: Rig) -> None:
    """At temperature 0 each token is the trainer's likeliest (within the bound), and its log-prob the one at 1."""
    requests = rig.requests()
    replies = rig.sample(requests, Sampling(12, temperature=0))
    rig.assert_scored(requests, replies, 1.0)
    for request, reply in zip(requests, replies, strict=True):
        assert len(reply.token_ids) == 12
        for place in range(12):
            logp = rig.logits(request.prompt_ids + reply.token_ids[:place]).log_softmax(-1)
            assert logp[reply.token_ids[place]] >= logp.max() - 2 * rig.bound
    assert replies[1].token_ids == replies[2].token_ids


def log_probs_agree_at_temperature_1(rig: Rig) -> None:
    """Of every token, prompts of different lengths side by side."""
    requests = rig.requests()
    rig.assert_scored(requests, rig.sample(requests, Sampling(24)), 1.0)


def log_probs_agree_at_temperature_0_7(rig: Rig) -> None:
    """Log-probs are those of the distribution that was sampled from: the temperature is in them."""
    requests = rig.requests()
    rig.assert_scored(requests, rig.sample(requests, Sampling(24, temperature=0.7)), 0.7)


def samples_follow_the_policy(rig: Rig) -> None:
    """The first tokens of 1,200 replies, and the second ones after a fixed first, have the frequencies that the policy
    gives them at temperature 0.7: chi-square, 4.5 standard deviations."""
    for first_seed, prompt in ((0, PROMPTS[1]), (10_000, (*PROMPTS[3], 30))):
        wanted = (rig.logits(prompt) / 0.7).softmax(-1).double()
        replies = rig.sample([Request(prompt, first_seed + i) for i in range(600)], Sampling(1, temperature=0.7))
        found = torch.bincount(torch.tensor([reply.token_ids[0] for reply in replies]), minlength=len(wanted))
        expected = wanted * len(replies)
        common = expected >= 5
        cells = [*zip(found[common].tolist(), expected[common].tolist(), strict=True)]
        cells.append((int(found[~common].sum()), float(expected[~common].sum())))
        assert len(cells) > 10
        chi_square = sum((count - mean) ** 2 / mean for count, mean in cells)
        freedom = len(cells) - 1
        assert chi_square < freedom + 4.5 * (2 * freedom) ** 0.5


def later_tokens_follow_the_policy(rig: Rig) -> None:
    """The mean log-prob of 40 x 60 tokens is minus the mean entropy of the distributions they were drawn from, within
    4 standard errors: draws at later places are fair, and not tied to the earlier ones."""
    requests = [Request(PROMPTS[i % 5], 500 + i) for i in range(40)]
    replies = rig.sample(requests, Sampling(60))
    gaps = []
    for request, reply in zip(requests, replies, strict=True):
        ids = torch.tensor([request.prompt_ids + reply.token_ids])
        with torch.no_grad():
            logp = rig.policy.model(input_ids=ids).logits[0, len(request.prompt_ids) - 1 : -1].float().log_softmax(-1)
        taken = logp.gather(-1, torch.tensor(reply.token_ids)[:, None])[:, 0]
        gaps.append(taken + -(logp.exp() * logp).sum(-1))
    gap = torch.cat(gaps).double()
    assert abs(gap.mean()) < 4 * gap.std() / len(gap) ** 0.5


def the_same_seed_gives_the_same_tokens(rig: Rig) -> None:
    """Again, and beside others."""
    once, again = rig.sample(rig.requests(), Sampling(16)), rig.sample(rig.requests(), Sampling(16))
    assert tokens(once) == tokens(again)
    twins = rig.sample([Request(PROMPTS[1], 7)] * 2, Sampling(16))
    assert twins[0].token_ids == twins[1].token_ids


def the_samples_of_a_group_differ(rig: Rig) -> None:
    """One prompt, eight seeds: eight replies, whose first tokens are not all one."""
    group = rig.sample([Request(PROMPTS[0], seed) for seed in range(8)], Sampling(16))
    assert len(set(tokens(group))) == 8
    assert len({reply.token_ids[0] for reply in group}) > 2


def a_sample_depends_on_its_seed_and_prompt_alone(rig: Rig) -> None:
    """Neither on what is sampled beside it nor on the order."""
    whole = tokens(rig.sample(rig.requests(), Sampling(16)))
    turned = tokens(rig.sample(rig.requests()[::-1], Sampling(16)))[::-1]
    alone = [rig.sample([request], Sampling(16))[0].token_ids for request in rig.requests()]
    assert whole == turned == alone


def a_reply_ends_with_its_end_token_and_keeps_it(rig: Rig) -> None:
    """Any of the stop ids ends a reply, is its last token, and makes the finish `stop`."""
    free = rig.sample(rig.requests(), Sampling(40))
    ends = (free[1].token_ids[5], free[3].token_ids[17])
    cut = rig.sample(rig.requests(), Sampling(40, stop_ids=ends))
    assert any(len(reply.token_ids) < 40 for reply in cut)
    for before, after in zip(free, cut, strict=True):
        place = next((i for i, token in enumerate(before.token_ids) if token in ends), None)
        assert after.token_ids == (before.token_ids if place is None else before.token_ids[: place + 1])
        assert after.finish == ("length" if place is None else "stop")
    rig.assert_scored(rig.requests(), cut, 1.0)


def nothing_else_ends_a_reply(rig: Rig) -> None:
    """An end token that is not among the stop ids is a token like any other: an environment may want to see it."""
    end = rig.policy.chat.stop_ids[0]
    replies = rig.sample([Request(PROMPTS[i % 5], 900 + i) for i in range(24)], Sampling(80))
    assert any(end in reply.token_ids[:-1] for reply in replies)
    assert {len(reply.token_ids) for reply in replies} == {80}


def a_stop_string_ends_a_reply(rig: Rig) -> None:
    """Also one that spans tokens: the reply ends with the token that completes it."""
    text = rig.policy.chat.text
    free = rig.sample(rig.requests(), Sampling(40))
    stop = text(free[0].token_ids[6:10])
    assert len(stop) >= 3
    cut = rig.sample(rig.requests(), Sampling(40, stop=("never this", stop)))
    for before, after in zip(free, cut, strict=True):
        assert after.token_ids == before.token_ids[: len(after.token_ids)]
        assert after.finish == ("stop" if stop in text(after.token_ids) else "length")
        assert stop not in text(after.token_ids[:-1])
        assert after.finish == "stop" or len(after.token_ids) == 40
    assert cut[0].finish == "stop" and len(cut[0].token_ids) <= 10


def every_request_has_its_own_limit(rig: Rig) -> None:
    """The shorter of the request's and the sampling's; a row that ends early does not disturb the others."""
    limits = (1, 2, 3, 20, 90)
    free = rig.sample(rig.requests(), Sampling(30))
    limited = [replace(request, max_new_tokens=n) for request, n in zip(rig.requests(), limits, strict=True)]
    replies = rig.sample(limited, Sampling(30))
    assert tokens(replies) == [reply.token_ids[: min(n, 30)] for reply, n in zip(free, limits, strict=True)]
    assert {reply.finish for reply in replies} == {"length"}


def an_end_token_in_the_last_place_is_a_stop(rig: Rig) -> None:
    """Not a cut reply."""
    free = rig.sample(rig.requests()[:1], Sampling(5))[0]
    (reply,) = rig.sample(rig.requests()[:1], Sampling(5, stop_ids=(free.token_ids[4],)))
    place = free.token_ids.index(free.token_ids[4])
    assert reply.token_ids == free.token_ids[: place + 1] and reply.finish == "stop"


def tokens_are_never_made_anew_from_text(rig: Rig) -> None:
    """A prompt whose text would be cut into other tokens is read as it is: special tokens within, digits of the wrong
    place, unknown ones; and so is what a reply is made of."""
    tokenizer, text = rig.policy.tokenizer, rig.policy.chat.text
    odd = [(2, 1, 0, 40, 2, 3), tuple(range(len(tokenizer) - 20, len(tokenizer))), (1, 1, 5, 5)]
    for prompt in odd:
        assert tuple(tokenizer(text(prompt), add_special_tokens=False)["input_ids"]) != prompt
    requests = [Request(prompt, seed) for seed, prompt in enumerate(odd)]
    rig.assert_scored(requests, rig.sample(requests, Sampling(24)), 1.0)


def truncated_sampling_is_honoured(rig: Rig) -> None:
    """top_k and top_p, for evaluation: no token from outside, several from inside, and log-probs of the distribution
    that is left."""
    logp = rig.logits(PROMPTS[1]).log_softmax(-1)
    ordered, order = logp.sort(descending=True)
    before = ordered.exp().cumsum(-1) - ordered.exp()
    requests = [Request(PROMPTS[1], 70 + i) for i in range(120)]
    for sampling, kept in ((Sampling(1, top_k=3), 3), (Sampling(1, top_p=0.4), int((before < 0.4).sum()))):
        inside = order[:kept]
        replies = rig.sample(requests, sampling)
        drawn = Counter(reply.token_ids[0] for reply in replies)
        assert set(drawn) <= set(inside.tolist()) and len(drawn) > 1
        left = logp[inside].logsumexp(-1)
        for reply in replies:
            assert reply.logps[0] == pytest.approx(float(logp[reply.token_ids[0]] - left), abs=10 * rig.bound)


REPLIES = (
    greedy_agrees_with_the_trainer,
    log_probs_agree_at_temperature_1,
    log_probs_agree_at_temperature_0_7,
    samples_follow_the_policy,
    later_tokens_follow_the_policy,
    the_same_seed_gives_the_same_tokens,
    the_samples_of_a_group_differ,
    a_sample_depends_on_its_seed_and_prompt_alone,
    a_reply_ends_with_its_end_token_and_keeps_it,
    nothing_else_ends_a_reply,
    a_stop_string_ends_a_reply,
    every_request_has_its_own_limit,
    an_end_token_in_the_last_place_is_a_stop,
    tokens_are_never_made_anew_from_text,
    truncated_sampling_is_honoured,
)
