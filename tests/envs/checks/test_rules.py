"""The rules by hand-made records: luck passes, faults fail, and each figure is the count that it says."""

from typing import Any

import pytest

from verigym.envs.checks import problem_rules, reply_rules
from verigym.envs.checks.child import Found
from verigym.envs.checks.overlap import Draw, normal, repeats, shared
from verigym.envs.checks.traces import changes


def about(**changed: Any) -> dict[str, Any]:
    level = {"space": 10**6, "chance": 0.02, "floor": None, "declared": True}
    return {
        "splits": ["train", "test"],
        "sizes": {"train": None, "test": None},
        "shares": {"train": 0.8, "test": 0.1},
        "levels": {"1": {**level, **changed.pop("level", {})}},
        "open_ended": "",
        "reward_range": [0.0, 1.0],
        **changed,
    }


def said(kind: str, count: int, reward: float, **more: Any) -> list[dict[str, Any]]:
    record = {
        "kind": kind,
        "name": "constant",
        "level": 1,
        "at": "t@1/train/1/0",
        "reply": "x",
        "reward": reward,
        "correct": reward == 1.0,
        "status": "ok",
        "reason": "because",
        "seconds": 0.001,
        "told": True,
    }
    return [{**record, **more}] * count


def found(*records: list[dict[str, Any]]) -> Found:
    return Found(tuple(one for some in records for one in some))


@pytest.mark.parametrize(
    ("right", "status"),
    [(0, "pass"), (1, "pass"), (3, "pass"), (4, "pass"), (6, "fail"), (30, "fail")],
)
def test_luck_within_the_declared_chance_passes(right: int, status: str) -> None:
    # Chance 0.02, 30 tries: P(4 or more) = 0.003, P(6 or more) = 2e-5; two tests of one replier: 0.0005 each.
    finding = reply_rules.floors(found(said("floor", right, 1.0), said("floor", 30 - right, 0.0)), about())
    assert finding.status == status


def test_partial_credit_counts_against_the_chance_unless_it_is_declared() -> None:
    paid = found(said("floor", 30, 0.3))
    assert reply_rules.floors(paid, about()).status == "fail"
    assert reply_rules.floors(paid, about(level={"floor": 0.35})).status == "pass"


def test_copying_may_beat_a_blind_guess_but_not_by_much() -> None:
    def copied(right: int) -> str:
        records = found(
            said("floor", right, 1.0, name="first number"), said("floor", 30 - right, 0.0, name="first number")
        )
        return str(reply_rules.floors(records, about()).status)

    assert [copied(right) for right in (1, 7, 25)] == ["pass", "warn", "fail"]


def test_an_empty_reply_is_paid_nothing_whatever_the_chance() -> None:
    records = found(said("floor", 29, 0.0, name="empty"), said("floor", 1, 0.01, name="empty"))
    assert reply_rules.floors(records, about(level={"chance": 0.9})).status == "fail"


def test_without_a_declared_chance_worthless_replies_warn_and_above_one_half_fail() -> None:
    bare = about(level={"declared": False, "chance": 0.0})
    for right, status in ((0, "pass"), (9, "warn"), (30, "fail")):
        records = found(said("floor", right, 1.0), said("floor", 30 - right, 0.0))
        assert reply_rules.floors(records, bare).status == status
    assert "no chance declared" in reply_rules.floors(found(said("floor", 30, 1.0)), bare).evidence[0]


def test_verdicts_that_are_errors_are_no_floor() -> None:
    assert reply_rules.floors(found(said("floor", 30, 0.0, status="error")), about()).status == "skip"


def test_one_accepted_hedge_fails_and_open_ended_is_a_shown_skip() -> None:
    records = found(said("hedge", 99, 0.0, name="A or B"), said("hedge", 1, 1.0, name="A or B"))
    finding = reply_rules.hedges(records, about())
    assert (finding.status, finding.figure) == ("fail", "1 of 100 accepted")
    skipped = reply_rules.hedges(records, about(open_ended="any poem is right"))
    assert (skipped.status, skipped.reason) == ("skip", "open ended: any poem is right")
    assert reply_rules.hedges(found(), about()).reason.endswith("no right reply is known: see oracle")


def test_hostile_verdicts_have_a_range_a_deadline_and_a_reason() -> None:
    def status(**changed: Any) -> tuple[str, str]:
        finding = reply_rules.hostile(found(said("hostile", 1, 0.0), said("hostile", 1, **changed)), about(), 10.0)
        return str(finding.status), finding.reason

    assert status(reward=0.0)[0] == "pass"
    assert status(reward=0.0, status="error")[1].startswith("a verdict is an error")
    assert status(reward=0.0, status="timeout", seconds=5.0)[1].startswith("a verdict comes late")
    assert status(reward=0.0, status="timeout")[0] == "pass"  # refused at once as too dear
    assert status(reward=0.0, seconds=10.5)[1].startswith("a verdict comes late")
    assert status(reward=-0.5)[1] == "a reward is outside the declared range, 0 to 1"
    assert status(reward=1.0)[1] == "a hostile reply is right"
    assert status(reward=1.0, name="first number")[0] == "pass"  # right by luck: for floors to count
    assert status(reward=1.0, name="truth, marked as the answer")[0] == "pass"  # somebody's right answer
    assert status(reward=0.0, told=False) == ("warn", "1 verdict without a reason of one line")


def test_a_program_may_use_up_its_limits_in_the_sandbox() -> None:
    slow = [*said("hostile", 1, 0.0, seconds=20.0), {"kind": "tried", "replies": 1, "of": 1, "programs": True}]
    assert reply_rules.hostile(found(slow), about(), 10.0).status == "pass"
    slow[-1]["programs"] = False
    assert reply_rules.hostile(found(slow), about(), 10.0).status == "fail"


def test_the_oracle_must_earn_all_of_it() -> None:
    def solved(count: int, reward: float, guessed: bool = False) -> list[dict[str, Any]]:
        return said("solved", count, reward, guessed=guessed)

    assert reply_rules.oracle(found(solved(30, 1.0)), about()).status == "pass"
    wrong = reply_rules.oracle(found(solved(29, 1.0), solved(1, 0.99)), about())
    assert (wrong.status, wrong.figure) == ("fail", "29 of 30 right")
    assert reply_rules.oracle(found(solved(30, 1.0, guessed=True)), about()).status == "warn"
    assert reply_rules.oracle(found([{"kind": "no oracle", "at": "t@1/train/1/0"}]), about()).status == "warn"
    assert reply_rules.oracle(found(solved(3, 2.0)), about(reward_range=[0.0, 2.0])).status == "fail"  # not `correct`


def drawn(draws: int, distinct: int, pairs: int, **more: int) -> Found:
    record = {"kind": "repeats", "split": "train", "level": 1, "draws": draws, "distinct": distinct, "pairs": pairs}
    return found([{**record, "once": distinct, "twice": 0, "last_new": draws, **more}])


def test_a_space_is_refuted_by_repeats_and_by_nothing_new() -> None:
    # 2,000 even draws from 800,000 make 2.5 equal pairs.
    assert problem_rules.space(drawn(2000, 1998, 2), about()).status == "pass"
    exhausted = drawn(2000, 300, 6000, once=0, twice=5, last_new=900)
    assert problem_rules.space(exhausted, about()).status == "fail"
    small = drawn(2000, 1264, 1000, once=735, twice=368)  # 2,000 draws from 2,000
    assert problem_rules.space(small, about()).status == "fail"
    uneven = drawn(2000, 1500, 20_000, once=1400, twice=50)
    assert problem_rules.space(uneven, about()).status == "warn"


def test_a_small_space_and_one_that_is_not_declared_warn() -> None:
    assert problem_rules.space(drawn(100, 99, 1), about(level={"space": 9_999})).status == "warn"
    bare = problem_rules.space(drawn(2000, 2000, 0), about(level={"declared": False}))
    assert (bare.status, bare.figure) == ("warn", "not declared")


def test_levels_that_get_easier_fail_and_luck_does_not() -> None:
    assert problem_rules.difficulty({1: (28, 30), 2: (15, 30), 3: (2, 30)}).status == "pass"
    assert problem_rules.difficulty({1: (10, 30), 2: (15, 30)}).status == "pass"
    risen = problem_rules.difficulty({1: (2, 30), 2: (28, 30)})
    assert (risen.status, risen.reason) == ("fail", "level 2 is easier than level 1")
    assert risen.evidence[0] == "level 1: 2 of 30 right, [1, 22] %"
    assert problem_rules.difficulty({1: (3, 30)}).status == "skip"
    assert problem_rules.difficulty({1: (0, 30), 2: (0, 30)}).status == "warn"


def test_splits_that_share_are_counted_by_hand() -> None:
    draws = [
        Draw("train", 1, "a", "f", normal("Double  7.")),
        Draw("train", 1, "b", "g", normal("Double 8.")),
        Draw("test", 2, "c", "f", normal("double 7.\n")),
    ]
    counted = {record["what"]: (record["shared"], record["of"]) for record in shared(draws)}
    assert counted == {"keys": (0, 1), "families": (1, 1), "prompts": (1, 1)}
    records = [{"kind": "served", "split": "train", "level": 1, "problems": 2}]
    leak = problem_rules.splits(found(records, [{"kind": "shared", **one} for one in shared(draws)]), about())
    assert leak.status == "fail" and "1 family of 1 in both train and test, such as 'f'" in leak.evidence
    records.append({"kind": "served", "split": "test", "level": 1, "problems": 0})
    assert problem_rules.splits(found(records), about()).evidence == ("test at level 1 serves no problem",)


def test_repeats_are_counted_by_hand() -> None:
    counted = repeats(["a", "b", "a", "c", "a", "b"])
    assert counted == {"draws": 6, "distinct": 3, "pairs": 4, "once": 1, "twice": 1, "last_new": 4}


def test_changes_between_two_states() -> None:
    state: dict[str, Any] = {
        "files": {"work/a": (1, 1), "work/b": (1, 1)},
        "variables": {"A": "1"},
        "folder": "/w",
        "random": "x",
        "settings": {"recursion limit": 1000},
        "counts": {"threads": 2, "descriptors": 9, "processes": 1},
    }
    later = {
        "files": {"work/a": (2, 2), "tmp/c": (0, 3)},
        "variables": {"A": "2", "B": ""},
        "folder": "/",
        "random": "y",
        "settings": {"recursion limit": 9},
        "counts": {"threads": 3, "descriptors": 99, "processes": 1},
    }
    assert changes(state, state) == []
    assert changes(state, later) == [
        "a file appeared: tmp/c",
        "a file was changed: work/a",
        "a file went: work/b",
        "the environment variable A was changed",
        "the environment variable B was changed",
        "the working folder was changed to /",
        "the state of a global random generator was changed",
        "the interpreter's recursion limit was changed from 1000 to 9",
        "90 descriptors were left open",
    ]
