"""Rollouts with a scripted engine: who said which token, and what happens when there is no room."""

import pytest

from verigym.envs.drive import Driver
from verigym.envs.env import Env
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.trainer.chat import Chat
from verigym.trainer.collect import collect
from verigym.trainer.engines.engine import Completion, Sampling
from verigym.trainer.tiny import character_tokenizer
from verigym.verifiers.verdict import Status

TASK = Generated("add", lambda rng, level: Problem("2+2", "4"), {1: Level("one", 10**6, 0.0)})


class Scripted:
    """An engine that says what it was told to, and remembers what it was asked."""

    def __init__(self, chat, *replies):
        self.chat = chat
        self.replies = list(replies)
        self.asked = []
        self.version = 5

    def generate(self, requests, sampling, on_done=None):
        self.asked.append((list(requests), sampling))
        done = []
        for i, request in enumerate(requests):
            text, finish = self.replies.pop(0)
            ids = self.chat.tokenizer(text, add_special_tokens=False)["input_ids"]
            ids = [*ids, self.chat.stop_ids[0]] if finish == "stop" else ids[: request.max_new_tokens]
            completion = Completion(tuple(ids), tuple(-0.1 * (t + 1) for t in range(len(ids))), finish, self.version)
            if on_done:
                on_done(i, completion)
            done.append(completion)
        return done


def play(problem):
    reply = yield problem.prompt
    while reply != problem.answer:
        reply = yield "again"
    return True


def roll(env, *replies, limit=20, context=100, n=1, problems=None):
    chat = Chat(character_tokenizer())
    engine = Scripted(chat, *replies)
    with Driver(env) as driver:
        found = collect(
            engine,
            chat,
            driver,
            problems or [Problem("2+2", "4")],
            n,
            sampling=Sampling(limit),
            seed=lambda p, s: 7 + s,
            context=context,
        )
    return chat, engine, found


def test_one_turn_is_the_prompt_and_the_sampled_tokens():
    chat, engine, (first, second) = roll(
        Env(TASK, lambda p, r: r == p.answer), ("4", "stop"), ("5", "stop"), n=2, limit=20
    )
    assert first.prompt_ids == chat.start([{"role": "user", "content": "2+2"}])
    assert chat.tokenizer.convert_ids_to_tokens(first.token_ids) == ["4", "<eos>"]
    assert first.sampled == (True, True) and first.logps == (-0.1, -0.2) and first.version == 5
    assert (first.verdict.correct, second.verdict.correct) == (True, False)
    assert [(r.group, r.sample) for r in (first, second)] == [(0, 0), (0, 1)]
    assert [request.seed for request in engine.asked[0][0]] == [7, 8]
    assert engine.asked[0][1].stop_ids == chat.stop_ids


def test_a_conversation_lays_the_environments_text_between_sampled_tokens():
    chat, engine, (rollout,) = roll(Env(TASK, play=play), ("5", "stop"), ("4", "stop"))
    assert chat.tokenizer.convert_ids_to_tokens(rollout.token_ids) == [
        *("5", "<eos>", "<user>"),
        *("a", "g", "a", "i", "n", "<assistant>", "4", "<eos>"),
    ]
    assert rollout.sampled == (True, True, *[False] * 7, True, True)
    assert [logp == 0 for logp in rollout.logps] == [not said for said in rollout.sampled]
    assert rollout.replies == ("5", "4") and rollout.verdict.correct
    # The second turn goes on from the very ids of the first; nothing is tokenised again.
    second = engine.asked[1][0][0]
    assert second.prompt_ids == rollout.prompt_ids + rollout.token_ids[:9]
    assert second.seed != 7 and second.max_new_tokens == 18


def test_a_conversation_without_room_for_another_turn_is_truncated():
    _, _, (rollout,) = roll(Env(TASK, play=play), ("5", "stop"), limit=2)
    assert rollout.verdict.status is Status.TRUNCATED and rollout.finish == "length"
    assert not rollout.verdict.correct


def test_a_reply_that_is_cut_is_graded_and_named():
    _, _, (rollout,) = roll(Env(TASK, lambda p, r: r == p.answer), ("5555555", "length"), limit=3)
    assert rollout.finish == "length" and rollout.verdict.status is Status.TRUNCATED
    assert rollout.sampled_tokens == 3


def test_a_prompt_without_room_is_an_error_that_names_its_length():
    problems = [Problem("2" * 50, "4"), Problem("2+2", "4")]
    _, engine, (long, short) = roll(Env(TASK, lambda p, r: True), ("4", "stop"), context=30, problems=problems)
    assert long.verdict.status is Status.ERROR and "has 52 tokens, and the model's context is 30" in long.verdict.reason
    assert short.verdict.correct and len(engine.asked[0][0]) == 1


def test_an_environment_that_cannot_begin_masks_its_own_sample():
    def broken(problem):
        if problem.prompt == "bad":
            raise OSError("no data")
        yield problem.prompt
        return True

    problems = [Problem("bad", ""), Problem("2+2", "4")]
    _, _, (bad, good) = roll(Env(TASK, play=broken), ("4", "stop"), problems=problems)
    assert bad.verdict.status is Status.ERROR and "OSError: no data" in bad.verdict.reason
    assert bad.token_ids == () and good.verdict.correct


@pytest.mark.parametrize("group", [1, 3])
def test_groups_stand_side_by_side(group):
    problems = [Problem("1", "a"), Problem("2", "b")]
    _, _, found = roll(Env(TASK, lambda p, r: True), *[("x", "stop")] * (2 * group), n=group, problems=problems)
    assert [r.problem.prompt for r in found] == ["1"] * group + ["2"] * group


def test_a_reply_that_a_group_says_twice_is_graded_once():
    seen = []
    env = Env(TASK, lambda p, r: seen.append((p.prompt, r)) or r == "4")
    problems = [Problem("1", "a"), Problem("2", "b")]
    replies = [("4", "stop"), ("4", "stop"), ("5", "stop"), ("4", "stop"), ("4", "stop"), ("4", "stop")]
    _, _, found = roll(env, *replies, n=3, problems=problems)
    assert seen == [("1", "4"), ("1", "5"), ("2", "4")]
    assert [r.verdict.correct for r in found] == [True, True, False, True, True, True]


def test_every_reply_of_a_conversation_goes_to_its_own_environment():
    _, _, found = roll(Env(TASK, play=play), *[("5", "stop")] * 2, *[("4", "stop")] * 2, n=2)
    assert [r.replies for r in found] == [("5", "4"), ("5", "4")] and all(r.verdict.correct for r in found)
