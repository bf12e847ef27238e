"""Programs of the list language."""

import pytest

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.program import program
from verigym.verifiers.verdict import Status

ANSWER = {"cases": [[[3, 1, 2], [1, 2, 3]]], "hidden": [[[2, 1, 1], [1, 1, 2]]]}


@pytest.mark.parametrize(
    ("text", "correct", "status", "reason"),
    [
        ("sort", True, Status.OK, "all 2 cases pass"),
        ("`sort`", True, Status.OK, "all 2 cases pass"),
        ("sort | unique", False, Status.OK, "0 of 1 shown and 1 of 1 hidden cases fail"),
        ("reverse", False, Status.OK, "1 of 1 shown and 0 of 1 hidden cases fail"),
        ("sorted", False, Status.MALFORMED, "no function 'sorted'; did you mean 'sort'?"),
        ("__import__('os')", False, Status.MALFORMED, "no function"),
        ("mul 9 | " * 7 + "mul 9", False, Status.OK, "a number grew past"),
        ("sort|" * 50_000, False, Status.MALFORMED, "no final answer"),
    ],
)
def test_table(text: str, correct: bool, status: Status, reason: str) -> None:
    verdict = program(f"<answer>{text}</answer>", ANSWER)
    assert (verdict.correct, verdict.status) == (correct, status)
    assert verdict.reason.startswith(reason)


def test_hidden_cases_may_be_left_out() -> None:
    assert program("<answer>sort | unique</answer>", {"cases": ANSWER["cases"]}).correct


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"cases": []}, r"answer\['cases'\] is empty"),
        ({"cases": [[1, 2]]}, r"answer\['cases'\] must hold pairs"),
        ([], "program: answer must be a dict"),
    ],
)
def test_a_wrong_answer_names_the_field(answer: object, message: str) -> None:
    with pytest.raises(WrongAnswer, match=message):
        program("<answer>sort</answer>", answer)
