"""envs/adapters/reasoning_gym/task.py, inside.py and keys.py: the same problems everywhere, and splits that share none.

UNSTABLE are the generators whose problems, made by the package alone, change with the hash seed, the process or the
day."""

import os
import subprocess
import sys

import pytest

from verigym.envs import EnvError, make
from verigym.envs.adapters.reasoning_gym import calls, table
from verigym.envs.adapters.reasoning_gym.keys import identity
from verigym.envs.adapters.reasoning_gym.task import Drawn
from verigym.envs.env import FAILED
from verigym.tasks.problem import Address
from verigym.tasks.splits import SpaceTooSmall, split_of
from verigym.tasks.supply import Level

UNSTABLE = "codeio isomorphic_strings list_functions polynomial_multiplication ransom_note time_intervals word_ladder"
PROBLEMS = """
import sys
from verigym.envs import make
for name in sys.argv[1:]:
    for split in ("train", "test"):
        problem = make("reasoning-gym/" + name, split=split).problem(3)
        print(name, split, repr((problem.prompt, problem.answer)).encode("ascii", "backslashreplace").decode())
"""
ENDLESS = {1: Level("", 10**9, 0.0)}


def test_unstable_generators_give_the_same_problems_in_every_process() -> None:
    said = []
    for seed in ("1", "4242"):
        command = [sys.executable, "-P", "-c", PROBLEMS, *UNSTABLE.split()]
        said.append(subprocess.check_output(command, text=True, env={**os.environ, "PYTHONHASHSEED": seed}))
    assert said[0] == said[1]
    assert len(said[0].splitlines()) == 2 * len(UNSTABLE.split())


@pytest.mark.parametrize("name", ["gcd", "acre", "list_functions", "codeio", "word_ladder", "knights_knaves"])
def test_a_problem_is_the_same_alone_and_among_others(name: str) -> None:
    seeds = [Address(name, 1, "train", 1, index).rng().getrandbits(63) for index in range(4)]
    (together,) = calls.call("draw", name, 1, {}, [seeds])
    (backward,) = calls.call("draw", name, 1, {}, [seeds[::-1]])
    alone = [calls.call("draw", name, 1, {}, [[seed]])[0][0] for seed in seeds]
    assert together == alone == backward[::-1]
    assert len({str(entry) for entry in together}) > 1


@pytest.mark.parametrize(("name", "n"), [("gcd", 20), ("sentence_reordering", 20), ("coin_flip", 20), ("arc_agi", 4)])
def test_splits_share_no_family_and_hold_what_belongs_to_them(name: str, n: int) -> None:
    level = max(table.row(name).levels)
    task = make(f"reasoning-gym/{name}").task
    families = {}
    for split in task.splits:
        problems = task.problems(n, split=split, level=level)
        assert len({problem.key for problem in problems}) == n
        families[split] = {problem.family for problem in problems}
        assert all(split_of(task.id, problem.family) == split for problem in problems)
        assert all(problem.address and problem.address.split == split for problem in problems)
    assert not families["train"] & families["test"] and not families["train"] & families["validation"]


def test_neighbouring_indices_are_no_shifted_copies() -> None:
    task = make("reasoning-gym/basic_arithmetic", level=4).task
    keys = [problem.key for problem in task.problems(40, level=4)]
    assert len(set(keys)) == 40
    assert task.problem(7, level=4).key in keys


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("countdown", {"numbers": [3, 5, 7], "target": 22}, {"numbers": [7, 3, 5], "target": 22}),
        ("gcd", {"numbers": [6, 4]}, {"numbers": [4, 6]}),
        ("products", {"expression": "6 * 4 * 5"}, {"expression": "5 * 6 * 4"}),
        ("word_sorting", {"original_words": ["b", "a"]}, {"original_words": ["a", "b"]}),
        ("leg_counting", {"animals": {"ant": 1, "cow": 2}}, {"animals": {"cow": 2, "ant": 1}}),
    ],
)
def test_permuted_twins_are_one_problem(name: str, one: dict[str, object], other: dict[str, object]) -> None:
    assert identity(name, "in this order", "1", one) == identity(name, "in that order", "1", other)


def test_one_sentence_scrambled_twice_is_one_family_and_two_problems() -> None:
    first = identity("sentence_reordering", "Restore: b a", "a b", {})
    second = identity("sentence_reordering", "Restore: a b", "a b", {})
    assert first[0] != second[0] and first[1] == second[1]
    assert identity("gsm_symbolic", "Ann  has\n2", "2", {}) == ("Ann has 2", "ann has 2")


def test_a_level_that_is_too_small_is_refused() -> None:
    task = Drawn("coin_flip", {1: Level("", 60, 0.1), 2: Level("", 10**6, 0.1)})
    with pytest.raises(
        SpaceTooSmall, match="level 1 can make about 60 distinct problems, so its test split would hold"
    ):
        task.problem(0, split="test", level=1)
    assert task.problem(0, split="test", level=2).address is not None


def test_families_that_are_too_few_are_named() -> None:
    task = Drawn("coin_flip", ENDLESS, {"min_trials": 1, "max_trials": 1, "allow_exact": False})
    here = [split_of(task.id, identity("coin_flip", "", "", flip(heads))[1]) for heads in (0, 1)]
    missing = next(split for split in task.splits if split not in here)
    with pytest.raises(SpaceTooSmall, match=rf"level 1: \d+ draws gave no problem of the {missing} split"):
        task.problem(0, split=missing)
    with pytest.raises(SpaceTooSmall, match=r"draws gave only \d distinct problems"):
        task.problems(3, split=here[0])


def flip(heads: int) -> dict[str, object]:
    return {"num_trials": 1, "k_heads": heads, "problem_type": "at_least"}


def test_a_draw_that_takes_too_long_is_an_error_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    text = calls._inside()
    monkeypatch.setattr(calls, "_inside", lambda: text.replace("DRAW_S = 5.0", "DRAW_S = 0.004"))
    slow = Drawn("puzzle24", ENDLESS, {"min_value": 9, "max_value": 10}).problem(0)  # hundreds of tries for each
    assert slow.meta[FAILED] == "reasoning-gym/puzzle24 took too long to make this problem"
    assert slow.answer is None and str(slow.address) in slow.key
    assert make("reasoning-gym/gcd").problem(123_456_789).answer


def test_what_their_configuration_refuses_is_said() -> None:
    with pytest.raises(EnvError, match="reasoning-gym/gcd, level 1: AssertionError: min_numbers must be at least 2"):
        Drawn("gcd", ENDLESS, {"min_numbers": 0}).problem(0)


def test_a_wrong_reply_in_the_right_form_comes_from_another_problem() -> None:
    import random

    env = make("reasoning-gym/chain_sum", level=3)
    problem = env.problem(0)
    reply = env.task.form(problem, random.Random(5))
    assert reply is not None and reply.startswith("<answer>")
    verdict = env.verify(problem, reply)
    assert verdict.correct is False and verdict.status == "ok"
