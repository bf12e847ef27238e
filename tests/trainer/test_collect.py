"""Rollouts with a scripted engine: who said which token, and what happens when there is no room."""

import threading
from concurrent.futures import Future

import pytest

from verigym.envs.drive import Driver
from verigym.envs.env import Env
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.trainer.chat import Chat
from verigym.trainer.collect import Collector, collect
from verigym.trainer.engines.engine import Completion, Engine, Sampling
from verigym.trainer.tiny import character_tokenizer
from verigym.verifiers.verdict import Status, Verdict

TASK = Generated("add", lambda rng, level: Problem("2+2", "4"), {1: Level("one", 10**6, 0.0)})


class Scripted(Engine):
    """An engine that says what it was told to, in the order of its requests, and remembers what it was asked. `order`
    says in which order replies end, one with each `advance`; all at once without it."""

    def __init__(self, chat, *replies, order=None):
        self.chat = chat
        self.replies = list(replies)
        self.order = order
        self.asked = []
        self.ended = []
        self.version = 5
        self.waiting = {}
        self.tickets = 0

    def add(self, requests, sampling):
        self.asked.append((list(requests), sampling))
        tickets = list(range(self.tickets, self.tickets + len(requests)))
        self.tickets += len(requests)
        for ticket, request in zip(tickets, requests, strict=True):
            text, finish = self.replies.pop(0)
            ids = self.chat.tokenizer(text, add_special_tokens=False)["input_ids"]
            ids = [*ids, self.chat.stop_ids[0]] if finish == "stop" else ids
            if len(ids) > request.max_new_tokens:
                ids, finish = ids[: request.max_new_tokens], "length"
            logps = tuple(-0.1 * (request.start + t + 1) for t in range(len(ids)))
            self.waiting[ticket] = Completion(tuple(ids), logps, finish, self.version)
        return tickets

    def advance(self, wait_s=0.2):
        over = [next(t for t in self.order if t in self.waiting)] if self.order else list(self.waiting)
        self.ended += over
        return [(ticket, self.waiting.pop(ticket)) for ticket in over]

    def cancel(self, tickets=None):
        for ticket, completion in self.waiting.items():
            half = len(completion.token_ids) // 2
            self.waiting[ticket] = Completion(
                completion.token_ids[:half], completion.logps[:half], "abort", completion.version
            )

    @property
    def busy(self):
        return len(self.waiting)

    def load_weights(self, weights, version):
        self.version = version

    def close(self):
        self.waiting.clear()


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


def seed(problem, sample):
    return 7 + sample


def collector(env, engine, chat, driver, **settings):
    return Collector(engine, chat, driver, sampling=Sampling(20), context=100, **settings)


def test_an_answer_opens_the_next_turn_while_others_are_still_sampled():
    chat = Chat(character_tokenizer())
    engine = Scripted(chat, ("5", "stop"), ("9", "stop"), ("4", "stop"), ("4", "stop"), order=[0, 2, 1, 3])
    with Driver(Env(TASK, play=play)) as driver:
        found = collect(engine, chat, driver, [Problem("2+2", "4")], 2, sampling=Sampling(20), seed=seed, context=100)
    assert [r.replies for r in found] == [("5", "4"), ("9", "4")]
    assert engine.ended == [0, 2, 1, 3]  # the second turn of the first ended before the first turn of the second


def test_where_a_run_repeats_environments_are_heard_when_half_have_ended():
    chat = Chat(character_tokenizer())
    for half_first in ([0, 1, 2, 3], [3, 2, 1, 0]):
        engine = Scripted(chat, *[("5", "stop")] * 4, *[("4", "stop")] * 4, order=[*half_first, 4, 5, 6, 7])
        engine.repeats = True
        with Driver(Env(TASK, play=play)) as driver:
            collect(engine, chat, driver, [Problem("2+2", "4")], 4, sampling=Sampling(20), seed=seed, context=100)
        assert [len(requests) for requests, _ in engine.asked] == [4, 2, 2]


def test_a_slow_verdict_holds_up_nobody_else():
    """The first reply is graded only once the last group is over."""
    chat, over = Chat(character_tokenizer()), threading.Event()
    slow: Future = Future()

    class Grader:
        def submit(self, problem, reply):
            done: Future = Future()
            if problem.prompt == "slow":
                return slow
            done.set_result(Verdict.right("yes"))
            return done

        def open(self, *_): ...
        def close(self): ...

    engine = Scripted(chat, ("4", "stop"), ("4", "stop"), order=[0, 1])
    with Driver(Env(TASK, Grader())) as driver:
        going = collector(driver.env, engine, chat, driver)
        for key, prompt in enumerate(("slow", "quick")):
            going.start(key, Problem(prompt, "4"), 1, seed)
        seen = []
        while going.busy:
            seen += [key for key, _ in going.advance()]
            if seen == [1] and not over.is_set():
                over.set()
                slow.set_result(Verdict.wrong("late"))
    assert seen == [1, 0]


def test_what_was_cut_short_goes_on_with_its_tokens_kept_and_each_token_knows_its_version():
    chat = Chat(character_tokenizer())
    engine = Scripted(chat, ("1234567", "stop"), ("567", "stop"))
    with Driver(Env(TASK, lambda p, r: r == "1234567")) as driver:
        going = collector(driver.env, engine, chat, driver)
        going.start(0, Problem("2+2", "4"), 1, seed)
        going._speak()
        going.interrupt()
        engine.load_weights({}, 6)
        ((_, (rollout,)),) = going.advance()
    first, second = engine.asked[0][0][0], engine.asked[1][0][0]
    assert second.prompt_ids == first.prompt_ids + rollout.token_ids[:4] and second.start == 4
    assert second.seed == first.seed and second.max_new_tokens == first.max_new_tokens - 4
    assert rollout.replies == ("1234567",) and rollout.verdict.correct  # graded whole
    assert rollout.versions == ((5, 4), (6, 4)) and rollout.version == 5
    assert rollout.logps == pytest.approx([-0.1 * (t + 1) for t in range(8)])


def test_a_reply_of_one_version_says_so_once():
    _, _, (rollout,) = roll(Env(TASK, play=play), ("5", "stop"), ("4", "stop"))
    assert rollout.versions == () and rollout.runs == ((5, 4),)


def test_probes_say_a_few_tokens_alone_and_go_on():
    chat = Chat(character_tokenizer())
    replies = [("123456", "stop"), ("12", "stop"), ("456", "stop"), *[("x", "stop")] * 2]
    engine = Scripted(chat, *replies)
    with Driver(Env(TASK, lambda p, r: r in ("123456", "12"))) as driver:
        going = collector(driver.env, engine, chat, driver)
        for key in range(2):
            going.start(key, Problem(f"{key}", "4"), 2, seed)
        probes = going.probe(rows=2, tokens=3)
        groups = {}
        while going.busy:
            groups.update(going.advance())
    assert [len(requests) for requests, _ in engine.asked] == [2, 3]  # alone, then the rest with the one that goes on
    assert [r.max_new_tokens for r in engine.asked[0][0]] == [3, 3]
    assert [chat.text(r.token_ids) for r in probes] == ["123", "12"]
    assert [len(r.token_ids) for r in probes] == [3, 3]
    assert groups[0][0].replies == ("123456",) and groups[1][0].replies == ("12",)
    assert [r.verdict.correct for key in (0, 1) for r in groups[key]] == [True, False, True, False]
