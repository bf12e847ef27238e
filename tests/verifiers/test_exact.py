"""The exact verifier."""

import pytest

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.exact import exact
from verigym.verifiers.verdict import Status


@pytest.mark.parametrize(
    ("text", "answer", "options", "right"),
    [
        ("cba", "cba", {}, True),
        (" cba\n", "cba", {}, True),
        ("c b a", "cba", {}, False),
        ("3  17\n25", "3 17 25", {}, True),
        ("3  17 25", "3 17 25", {"verbatim": True}, False),
        ("\uff43\uff42\uff41", "cba", {}, True),
        ("\uff43\uff42\uff41", "cba", {"verbatim": True}, False),
        ("CBA", "cba", {}, False),
        ("CBA", "cba", {"ignore_case": True}, True),
        ("}])", "}])", {}, True),
        ("\uff5d\uff3d\uff09", "}])", {}, True),
        ("17", 17, {}, True),
        ("17.0", 17, {}, False),
        ("no", ["yes", "no"], {}, True),
        ("\ud800", "\ud800", {}, True),
        ("a\x00", "a", {}, False),
    ],
)
def test_table(text: str, answer: object, options: dict[str, bool], right: bool) -> None:
    assert exact(f"<answer>{text}</answer>", answer, **options).correct is right


def test_no_answer_is_malformed() -> None:
    verdict = exact("cba", "cba", extract="answer_tag")
    assert (verdict.status, verdict.reason) == (Status.MALFORMED, "no <answer>...</answer> in the reply")
    assert exact("cba", "cba", extract="whole").correct


def test_the_reason_shows_both() -> None:
    assert exact("<answer>a</answer>", "b").reason == "got 'a', expected 'b'"


@pytest.mark.parametrize("answer", [None, {}, [], [None], True])
def test_a_wrong_answer_is_the_environments_fault(answer: object) -> None:
    with pytest.raises(WrongAnswer, match=r"^exact: answer"):
        exact("<answer>a</answer>", answer)


@pytest.mark.parametrize(
    "reply", [r"\boxed{a} or \boxed{b}", r"\boxed{a}, \boxed{b}", "<answer>a</answer> <answer>b</answer>"]
)
def test_two_answers_are_none(reply: str) -> None:
    for answer in ("a", "b"):
        verdict = exact(reply, answer)
        assert (verdict.status, verdict.correct) == (Status.MALFORMED, False)
    assert exact(r"\boxed{a}. No: \boxed{b}", "b").correct
