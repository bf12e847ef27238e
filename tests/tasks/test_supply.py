"""Addresses, splits and generated supplies: the contract itself."""

import random
from collections import Counter

import pytest

from verigym.tasks import Address, Generated, Level, Problem, SpaceTooSmall
from verigym.tasks.splits import SPLITS, split_of


def number(rng: random.Random, level: int, below: int = 600) -> Problem:
    drawn = rng.randrange(below)
    return Problem(f"Say {drawn}.", str(drawn))


LEVELS = {1: Level("small", 600, 0.002), 2: Level("tiny", 150, 0.01)}
TASK = Generated("numbers", number, LEVELS)


def test_address_text_and_back() -> None:
    address = Address("owner/set", 2, "test", 3, 14)
    assert str(address) == "owner/set@2/test/3/14"
    assert Address.parse(str(address)) == address
    with pytest.raises(ValueError, match="not an address: 'countdown'; expected task@version/split/level/index"):
        Address.parse("countdown")


def test_neighbouring_addresses_share_nothing() -> None:
    draws = [Address("t", 1, "train", 1, index).rng().random() for index in range(500)]
    assert len(set(draws)) == 500
    assert 0.4 < sum(draws) / 500 < 0.6
    assert Address("t", 1, "train", 1, 0).rng(1).random() != draws[0]


def test_messages_are_fresh_copies_and_keys_default_to_the_prompt() -> None:
    problem = Problem("2 +\n 2 = ?", "4")
    problem.messages.append({"role": "user", "content": "x"})
    assert problem.messages == [{"role": "user", "content": "2 +\n 2 = ?"}]
    assert problem.key == problem.family == "2 + 2 = ?"
    chat = Problem([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 + 2?"}], "4")
    assert chat.text == "Be brief.\n\n2 + 2?"
    assert chat.key == "Be brief. 2 + 2?"


def test_shares_of_the_splits() -> None:
    counts = Counter(split_of("t", str(index)) for index in range(10_000))
    assert set(counts) == set(SPLITS)
    assert counts["train"] == pytest.approx(8000, abs=200)
    assert counts["validation"] == pytest.approx(1000, abs=120)


def test_a_split_never_depends_on_anything_but_task_and_family() -> None:
    # SHA-256 of "countdown|3,17,25", first 8 bytes over 2 ** 64, computed apart: 0.28, so train.
    import hashlib

    share = int(hashlib.sha256(b"countdown|3,17,25").hexdigest()[:16], 16) / 2**64
    wanted = "train" if share < 0.8 else "validation" if share < 0.9 else "test"
    assert split_of("countdown", "3,17,25") == wanted


def test_problems_of_a_split_stay_in_it() -> None:
    for split in SPLITS:
        for problem in TASK.problems(50, split=split):
            assert split_of("numbers", problem.family) == split
            assert problem.address.split == split


def test_the_default_split_and_level_are_taken() -> None:
    from dataclasses import replace

    held_out = replace(TASK, default_split="test", default_level=1)
    assert held_out.problem(4) == TASK.problem(4, split="test", level=1)
    assert held_out.problem(4, split="train") == TASK.problem(4)
    assert held_out.problems(5) == TASK.problems(5, split="test")


def test_a_space_too_small_to_split_is_refused_with_the_numbers() -> None:
    with pytest.raises(SpaceTooSmall) as error:
        TASK.problem(0, split="test", level=2)
    assert str(error.value) == (
        "numbers level 2 can make 150 distinct problems, so its test split would hold about 15; at least 20 are "
        "needed. Take a higher level."
    )
    assert TASK.problem(0, split="train", level=2).address.level == 2


def test_more_problems_than_there_are_is_refused_with_the_numbers() -> None:
    with pytest.raises(
        SpaceTooSmall, match=r"numbers level 1: \d+ draws gave only (\d+) distinct problems of the test"
    ):
        TASK.problems(400, split="test")


def test_families_that_miss_a_split_are_refused() -> None:
    home = split_of("one", "only")
    other = next(split for split in SPLITS if split != home)
    one = Generated("one", lambda rng, level: Problem(f"{rng.random()}", "x", family="only"), LEVELS)
    assert one.problem(0, split=home).family == "only"
    with pytest.raises(SpaceTooSmall, match=f"2000 draws gave no problem of the {other} split"):
        one.problem(0, split=other)


def test_a_generator_has_no_end() -> None:
    assert TASK.size("train") is None
    with pytest.raises(ValueError, match="numbers is generated and has no end: say how many problems you want"):
        TASK.problems(None)


def test_options_reach_the_function() -> None:
    assert int(TASK.with_options(below=5).problem(0).answer) < 5
    assert TASK.oracle(TASK.problem(0)) is None
