"""Env and Episode: Gymnasium's 5-tuple, seeds, turns, truncation, and failures that cost their own sample."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.envs.env import Env, EnvError
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.verifiers.verdict import Status, Verdict


def double(rng: Any, level: int) -> Problem:
    number = rng.randrange(10**level, 10 ** (level + 1))
    return Problem(prompt=f"Double {number}.", answer=str(2 * number))


TASK = Generated("double", double, {level: Level("", space=9 * 10**level, chance=0.0) for level in (3, 4)})


def same(problem: Problem, reply: str) -> bool:
    return reply.strip() == problem.answer


def count_to(problem: Problem) -> Iterator[str]:
    """Shows 1, 2, ... until the reply is 'stop'; reward is right for stopping."""
    shown, reply = 1, (yield problem.text)
    while reply != "stop":
        reply = yield str(shown)
        shown += 1
    return Verdict.right("stopped")


def test_reset_and_step_give_gymnasiums_tuples() -> None:
    env = Env(TASK, same)
    observation, info = env.reset(seed=7, options={"level": 4})
    problem = info["problem"]
    assert observation == [{"role": "user", "content": problem.prompt}]
    assert (problem.address.level, problem.address.split, info["verdict"]) == (4, "train", None)
    observation, reward, terminated, truncated, info = env.step(problem.answer)
    assert (observation, reward, terminated, truncated) == ([], 1.0, True, False)
    assert info["verdict"].correct is True


def test_options_name_the_problem() -> None:
    env = Env(TASK, same)
    _, info = env.reset(options={"level": 3, "index": 17, "split": "test"})
    assert str(info["problem"].address) == "double@1/test/3/17"
    assert info["problem"] == TASK.problem(17, split="test", level=3)


def test_a_seed_gives_one_sequence_and_another_seed_another() -> None:
    def addresses(seed: int) -> list[str]:
        env = Env(TASK, same)
        first = env.reset(seed=seed)[1]["problem"].address
        return [str(first), *(str(env.reset()[1]["problem"].address) for _ in range(3))]

    assert addresses(1) == addresses(1)
    assert len(set(addresses(1)) | set(addresses(2))) == 8  # also: neighbouring seeds are not shifted copies


def test_the_same_seed_gives_the_same_problem_under_any_hash_seed() -> None:
    program = (
        "from verigym.envs import make\n"
        "for id in ('countdown', 'knights', 'word-problems', 'guess-the-number'):\n"
        "    env = make(id)\n"
        "    print(id, env.reset(seed=5)[0], env.reset()[0])\n"
    )
    said = [
        subprocess.run(
            [sys.executable, "-P", "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("0", "4321")
    ]
    assert said[0] == said[1]
    assert said[0].count("\n") == 4


def test_step_before_reset_and_after_the_end_say_what_to_do() -> None:
    env = Env(TASK, same)
    with pytest.raises(EnvError, match=r"step before reset: call env\.reset\(\) first"):
        env.step("4")
    env.reset(seed=1)
    env.step("4")
    with pytest.raises(EnvError, match=r"step after the end of the episode: call env\.reset\(\) first"):
        env.step("4")


def test_unknown_names_are_answered_with_the_nearest() -> None:
    env = Env(TASK, same)
    with pytest.raises(EnvError, match="reset has no option 'levle'; did you mean 'level'"):
        env.reset(options={"levle": 3})
    with pytest.raises(EnvError, match="double has no split 'tests'; did you mean 'test'"):
        env.reset(options={"split": "tests"})
    with pytest.raises(EnvError, match="double has no level 9; its levels are 3, 4"):
        env.reset(options={"level": 9})
    with pytest.raises(EnvError, match="double has neither `verify` nor `play`"):
        Env(TASK)
    with pytest.raises(EnvError, match="max_turns=0 leaves no room for a reply"):
        Env(TASK, same, max_turns=0)


def test_at_draws_from_elsewhere_and_leaves_the_original_alone() -> None:
    env = Env(TASK, same)
    env.reset(seed=1)
    other = env.at(split="test", level=4)
    assert other.reset(seed=1)[1]["problem"].address.split == "test"
    assert other.reset()[1]["problem"].address.level == 4
    assert (env.split, env.level) == ("train", None)
    assert env.step("wrong")[2] is True  # the episode of `env` went on untouched


def test_observations_are_copies() -> None:
    env = Env(TASK, same)
    observation, info = env.reset(seed=1)
    observation[0]["content"] = "changed"
    assert env.start(info["problem"]).messages[0]["content"] == info["problem"].prompt


def test_a_multi_turn_episode_keeps_the_conversation() -> None:
    env = Env(TASK, play=count_to)
    episode = env.start(env.problem(0))
    assert episode.reply("on") is None
    assert [message["content"] for message in episode.observation] == ["1"]
    assert episode.reply("on") is None
    assert [(message["role"], message["content"]) for message in episode.messages[1:]] == [
        ("assistant", "on"),
        ("user", "1"),
        ("assistant", "on"),
        ("user", "2"),
    ]
    verdict = episode.reply("stop")
    assert verdict is not None and verdict.correct is True and episode.verdict == verdict
    assert (episode.observation, episode.replies) == ([], ["on", "on", "stop"])
    with pytest.raises(EnvError, match=r"this episode has ended \(stopped\): start another"):
        episode.reply("more")


def test_the_turn_limit_truncates() -> None:
    env = Env(TASK, play=count_to, max_turns=3)
    env.reset(seed=1)
    assert env.step("on")[1:4] == (0.0, False, False)
    assert env.step("on")[1:4] == (0.0, False, False)
    _, reward, terminated, truncated, info = env.step("on")
    assert (reward, terminated, truncated) == (0.0, False, True)
    assert info["verdict"].status is Status.TRUNCATED
    assert info["verdict"].reason == "no verdict after 3 turns"


def test_a_right_answer_in_the_last_turn_counts() -> None:
    episode = Env(TASK, play=count_to, max_turns=2).start(TASK.problem(0))
    episode.reply("on")
    assert episode.reply("stop") == Verdict.right("stopped")


@pytest.mark.parametrize(
    ("graded", "status", "correct"),
    [
        (Verdict.right("yes"), Status.OK, True),  # the answer came before the cut
        (Verdict.wrong("no", reward=0.25), Status.TRUNCATED, False),
        (Verdict.malformed("nothing"), Status.TRUNCATED, False),
        (Verdict(0.4, None), Status.TRUNCATED, None),
        (Verdict.error("broken"), Status.ERROR, None),
        (Verdict.timeout("slow"), Status.TIMEOUT, False),
    ],
)
def test_a_cut_reply_is_graded_and_named(graded: Verdict, status: Status, correct: bool | None) -> None:
    episode = Env(TASK, lambda problem, reply: graded).start(TASK.problem(0))
    verdict = episode.reply("...", truncated=True)
    assert verdict is not None
    assert (verdict.status, verdict.correct, verdict.reward) == (status, correct, graded.reward)


def test_a_cut_reply_ends_a_conversation_that_would_go_on() -> None:
    episode = Env(TASK, play=count_to).start(TASK.problem(0))
    verdict = episode.reply("on and o", truncated=True)
    assert verdict is not None and verdict.status is Status.TRUNCATED
    assert verdict.reason == "the reply was cut by the length limit before the end"


@pytest.mark.parametrize(
    ("returned", "reward", "correct"), [(True, 1.0, True), (False, 0.0, False), (1, 1.0, True), (0.5, 0.5, False)]
)
def test_verify_may_return_less_than_a_verdict(returned: Any, reward: float, correct: bool) -> None:
    verdict = Env(TASK, lambda problem, reply: returned).verify(TASK.problem(0), "x")
    assert (verdict.reward, verdict.correct, verdict.status) == (reward, correct, Status.OK)


@pytest.mark.parametrize("returned", [float("nan"), float("inf"), None, "right", [1.0]])
def test_nonsense_from_verify_is_an_error_and_not_a_score(returned: Any) -> None:
    verdict = Env(TASK, lambda problem, reply: returned).verify(TASK.problem(0), "x")
    assert verdict.status is Status.ERROR and not verdict.scored


def test_verify_that_raises_costs_its_own_sample() -> None:
    def verify(problem: Problem, reply: str) -> bool:
        if reply == "bomb":
            raise ZeroDivisionError("by the reply")
        if reply == "exit":
            sys.exit(3)
        return True

    env = Env(TASK, verify)
    verdicts = [env.start(TASK.problem(0)).reply(text) for text in ("fine", "bomb", "exit", "fine")]
    assert [verdict.status for verdict in verdicts if verdict] == [Status.OK, Status.ERROR, Status.ERROR, Status.OK]
    assert verdicts[1] is not None
    assert verdicts[1].reason.startswith("verify raised ZeroDivisionError: by the reply (test_env.py:")


def test_a_reply_that_is_no_text_is_refused() -> None:
    episode = Env(TASK, same).start(TASK.problem(0))
    with pytest.raises(EnvError, match="a reply is text, got NoneType"):
        episode.reply(None)  # type: ignore[arg-type]
    assert episode.reply("0") is not None


@given(st.text())
def test_any_text_is_a_reply(text: str) -> None:
    verdict = Env(TASK, same).start(TASK.problem(0)).reply(text)
    assert verdict is not None and verdict.status is Status.OK
