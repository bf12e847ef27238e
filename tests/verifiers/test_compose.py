"""Combining verifiers: arithmetic by hand, and what an error does."""

from typing import Any

import pytest

from verigym.verifiers.compose import add_up, clipped, first_of, gated, weighted
from verigym.verifiers.verdict import Status, Verdict

RIGHT, WRONG = Verdict.right("yes", "4"), Verdict.wrong("no", "5")
ERROR = Verdict.error("it broke")


def always(verdict: Verdict) -> Any:
    return lambda reply, answer: verdict


def never(reply: str, answer: Any) -> Verdict:
    raise AssertionError("this part must not be run")


def test_a_weighted_sum_keeps_every_part() -> None:
    grade = weighted({"form": (0.25, always(RIGHT)), "math": (0.75, always(WRONG))}, correct="math")
    verdict = grade("reply", "4")
    assert (verdict.reward, verdict.correct, verdict.extracted) == (0.25, False, "5")
    assert verdict.parts == {"form": 1.0, "math": 0.0}
    assert verdict.reason == "form: yes; math: no"


def test_credit_for_the_form_is_not_accuracy() -> None:
    grade = weighted({"form": (5.0, always(RIGHT)), "math": (1.0, always(Verdict.malformed("no box")))}, correct="math")
    verdict = grade("reply", "4")
    assert (verdict.reward, verdict.correct, verdict.status) == (5.0, False, Status.MALFORMED)


@pytest.mark.parametrize("broken", ["form", "math"])
def test_an_error_in_any_part_is_an_error(broken: str) -> None:
    verdicts = {"form": RIGHT, "math": RIGHT, broken: ERROR}
    verdict = add_up(verdicts, {"form": 0.5, "math": 0.5}, "math")
    assert (verdict.status, verdict.reason, verdict.scored) == (Status.ERROR, f"{broken}: it broke", False)
    assert set(verdict.parts) == {"form", "math"}


def test_names_are_checked_before_any_reply() -> None:
    with pytest.raises(ValueError, match="no part 'maths' to take `correct` from; did you mean 'math'"):
        weighted({"math": (1.0, never)}, correct="maths")
    with pytest.raises(ValueError, match="must have the same names"):
        add_up({"a": RIGHT}, {"b": 1.0}, "a")


def test_a_gate_lets_the_good_through() -> None:
    verdict = gated("form", always(RIGHT), "math", always(WRONG))("reply", "4")
    assert (verdict.reward, verdict.correct, verdict.parts) == (0.0, False, {"form": 1.0, "math": 0.0})


def test_a_gate_stops_the_rest_before_the_dear_part() -> None:
    verdict = gated("form", always(Verdict.malformed("no tags")), "math", never)("reply", "4")
    assert (verdict.reward, verdict.correct, verdict.status) == (0.0, False, Status.MALFORMED)
    assert (verdict.reason, verdict.parts) == ("form: no tags", {"form": 0.0})


def test_a_gate_that_fails_or_cannot_say() -> None:
    assert gated("form", always(ERROR), "math", never)("reply", "4").status is Status.ERROR
    learned = gated("form", always(Verdict(0.9, None)), "math", never)("reply", "4")
    assert (learned.reward, learned.correct) == (0.0, False)
    assert gated("form", always(RIGHT), "math", always(ERROR))("reply", "4").status is Status.ERROR


def test_the_first_that_is_right_decides() -> None:
    verdict = first_of([("a", always(WRONG)), ("b", always(RIGHT)), ("c", never)])("reply", "4")
    assert (verdict.correct, verdict.parts) == (True, {"a": 0.0, "b": 1.0})


def test_when_none_is_right_the_best_decides() -> None:
    verdict = first_of([("a", always(WRONG)), ("b", always(Verdict.wrong("close", reward=0.5)))])("reply", "4")
    assert (verdict.reward, verdict.reason) == (0.5, "close")
    assert first_of([("a", always(WRONG)), ("b", always(ERROR)), ("c", never)])("reply", "4").status is Status.ERROR
    with pytest.raises(ValueError, match="at least one"):
        first_of([])


def test_clipping_keeps_what_it_cut() -> None:
    verdict = clipped(always(Verdict.wrong("far", reward=-3.0)), -1.0, 1.0)("reply", "4")
    assert (verdict.reward, verdict.parts, verdict.correct) == (-1.0, {"unclipped": -3.0}, False)
    assert clipped(always(ERROR))("reply", "4").status is Status.ERROR
    with pytest.raises(ValueError, match=r"low=1.0, high=0.0"):
        clipped(never, 1.0, 0.0)
