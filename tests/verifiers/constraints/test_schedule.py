"""Plans of jobs: each rule kept and broken, and resources against a count hour by hour."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.constraints.schedule import schedule
from verigym.verifiers.verdict import Status

PLAN = {
    "jobs": {"A": 3, "B": 2, "C": 2},
    "before": [["A", "B"]],
    "resources": {"crane": 1},
    "needs": {"B": {"crane": 1}, "C": {"crane": 1}},
    "deadline": 7,
}


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        ("A: 0, B: 3, C: 5", Status.OK, "a plan that ends at 7"),
        ("A starts at 0; B starts at 3; C starts at 1", Status.OK, "a plan that ends at 5"),
        ("a = 0\nb = 5\nc = 0", Status.OK, "a plan that ends at 7"),
        ("A: 0, B: 2, C: 5", Status.OK, "B starts at 2, before A ends at 3"),
        ("A: 0, B: 3, C: 4", Status.OK, "at time 4 the jobs need 2 of crane, and there is 1"),
        ("A: 0, B: 3, C: 6", Status.OK, "C ends at 8, after 7"),
        ("A: 0, B: 3", Status.OK, "nothing is said of C"),
        ("A: 0, B: 3, C: 5, D: 0", Status.OK, "'d' is not one of the jobs"),
        ("A: 0, B: 3, C: -1", Status.MALFORMED, "'-1' is not a start: a whole number from 0 up"),
        ("A: 0, B: 3, C: 5 or 1", Status.MALFORMED, "'5 or 1' is not a start: a whole number from 0 up"),
        ("A: 0, B: 3, C: 5, C: 1", Status.MALFORMED, "'c' is given twice"),
        ("A: 0, B: 3, C: 9999999999999999999999", Status.MALFORMED, "'9999999999999999999999' is not a start: a "
         "whole number from 0 up"),
        ("0, 3, 5", Status.MALFORMED, "'0' is not of the form name: value"),
    ],
)  # fmt: skip
def test_plans(text: str, status: Status, reason: str) -> None:
    verdict = schedule(f"<answer>{text}</answer>", PLAN)
    assert (verdict.status, verdict.reason) == (status, reason)
    assert verdict.correct is reason.startswith("a plan")


def test_release_and_due() -> None:
    timed = {"jobs": {"A": 2}, "deadline": 9, "release": {"A": 1}, "due": {"A": 5}}
    for start, correct in enumerate([False, True, True, True, False]):
        assert schedule(f"<answer>A: {start}</answer>", timed).correct is correct
    assert schedule("<answer>A: 0</answer>", timed).reason == "A starts at 0, and cannot before 1"
    assert schedule("<answer>A: 4</answer>", timed).reason == "A ends at 6, after 5"


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), min_size=3, max_size=3),
    st.integers(1, 4),
    st.integers(0, 60),
)
def test_resources_hour_by_hour(jobs: list[tuple[int, int]], capacity: int, pick: int) -> None:
    starts = list(product(range(4), repeat=3))[pick]
    answer: dict[str, Any] = {
        "jobs": {name: length for name, (length, _) in zip("ABC", jobs, strict=True)},
        "resources": {"crew": capacity},
        "needs": {name: {"crew": amount} for name, (_, amount) in zip("ABC", jobs, strict=True)},
        "deadline": 100,
    }
    used = [
        sum(amount for start, (length, amount) in zip(starts, jobs, strict=True) if start <= hour < start + length)
        for hour in range(10)
    ]
    reply = ", ".join(f"{name}: {start}" for name, start in zip("ABC", starts, strict=True))
    assert schedule(f"<answer>{reply}</answer>", answer).correct is (max(used) <= capacity)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"jobs": {}}, r"answer\['jobs'\] must hold from 1 to 500 different names"),
        ({"jobs": {"A": 3, "a": 1}}, r"answer\['jobs'\] must hold from 1 to 500 different names"),
        ({"jobs": {"A": 0}}, r"answer\['jobs'\] must hold known names with whole numbers from 1 up, got 'A': 0"),
        ({"deadline": "7"}, r"answer\['deadline'\] must be an int, got str"),
        ({"before": [["A", "Z"]]}, r"answer\['before'\] must be a list of pairs of jobs"),
        ({"needs": {"A": 1}}, r"answer\['needs'\] must be a dict of jobs to dicts, got 'A'"),
        ({"needs": {"A": {"truck": 1}}}, r"answer\['needs'\] must hold known names .* got 'truck': 1"),
        ({"resources": [1]}, r"answer\['resources'\] must be a dict, got list"),
        ({"due": {"Z": 1}}, r"answer\['due'\] must hold known names .* got 'Z': 1"),
    ],
)
def test_a_wrong_answer_names_the_field(change: dict[str, Any], message: str) -> None:
    with pytest.raises(WrongAnswer, match=message):
        schedule("<answer>A: 0</answer>", {**PLAN, **change})
