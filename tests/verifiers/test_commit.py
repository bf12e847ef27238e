"""The one answer a reply commits to; whole replies stand in replies.py."""

import time

import pytest

from verigym.verifiers.commit import committed

TABLE = [
    (r"At first \boxed{3}, but it is \boxed{5}.", ["5"]),
    (r"\boxed{3}, \boxed{5}", ["3", "5"]),
    (r"\boxed{3} and \boxed{5}", ["3", "5"]),
    (r"\boxed{3} or \boxed{5}", ["3", "5"]),
    (r"\boxed{5} \boxed{5}", ["5"]),
    ("<answer>3</answer>, <answer>5</answer>", ["3", "5"]),
    ("<answer>3</answer> was too small; it is <answer>5</answer>", ["5"]),
    (r"\boxed{5} or 6", []),
    (r"$\boxed{5}$ or perhaps $6$", []),
    (r"6 or \boxed{5}", []),
    (r"\boxed{5} is wrong", []),
    (r"\boxed{5}, but that is not right", []),
    (r"\boxed{5} isn't right", []),
    (r"\boxed{5} is right.", ["5"]),
    (r"\boxed{5}. Or so I think.", ["5"]),
    (r"\boxed{5}, or equivalently 10/2", ["5"]),
    ("nothing", []),
]


@pytest.mark.parametrize(("reply", "answers"), TABLE)
def test_commitment(reply: str, answers: list[str]) -> None:
    found, reason = committed(reply, "marked", True)
    assert found == answers
    assert bool(reason) == (not answers)


def test_reasons() -> None:
    assert (
        committed(r"\boxed{5} or 6", "marked", True)[1] == "another answer stands beside the final one, joined by 'or'"
    )
    assert (
        committed(r"6 or \boxed{5}", "boxed", True)[1] == "another answer stands before the final one, joined by 'or'"
    )
    assert committed(r"\boxed{5} is wrong", "boxed", True)[1] == "the final answer is taken back in the same sentence"


@pytest.mark.parametrize(
    "reply",
    [r"\boxed{5}" * 20_000, r"\boxed{5} or " * 20_000, "<answer>5</answer> " * 20_000, r"\boxed{5} " + "$ , " * 50_000],
)
def test_long_replies_cost_little(reply: str) -> None:
    started = time.process_time()
    committed(reply, "marked", True)
    assert time.process_time() - started < 1.0
