"""Boards of queens: every placing of six tried, and what breaks each rule."""

from itertools import permutations

import pytest

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.constraints import queens
from verigym.verifiers.verdict import Status

FOUR = {"size": 4, "given": [[0, 1]]}


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        ("2 4 1 3", Status.OK, "4 queens, and none attacks another"),
        ("2, 4, 1, 3", Status.OK, "4 queens, and none attacks another"),
        ("[2, 4, 1, 3]", Status.OK, "4 queens, and none attacks another"),
        ("2413", Status.OK, "4 queens, and none attacks another"),
        ("2\n4\n1\n3", Status.OK, "4 queens, and none attacks another"),
        ("3 1 4 2", Status.OK, "the queen of row 1 was given in column 2"),
        ("2 4 2 3", Status.OK, "the queens of rows 1 and 3 share a column"),
        ("2 3 1 4", Status.OK, "the queens of rows 1 and 2 share a diagonal"),
        ("2 4 1", Status.MALFORMED, "3 columns, not 4"),
        ("2 4 1 3 1", Status.MALFORMED, "5 columns, not 4"),
        ("2 4 1 5", Status.MALFORMED, "'5' is not a column from 1 to 4"),
        ("2 4 1 3 or 3 1 4 2", Status.MALFORMED, "'or' is not a column from 1 to 4"),
        ("b4 d3", Status.MALFORMED, "'b4' is not a column from 1 to 4"),
    ],
)
def test_boards_of_four(text: str, status: Status, reason: str) -> None:
    verdict = queens(f"<answer>{text}</answer>", FOUR)
    assert (verdict.status, verdict.reason, verdict.correct) == (status, reason, reason.startswith("4 queens"))


def test_there_are_four_boards_of_six() -> None:
    right = [
        columns
        for columns in permutations("123456")
        if queens(f"<answer>{' '.join(columns)}</answer>", {"size": 6, "given": []}).correct
    ]
    assert ["".join(columns) for columns in right] == ["246135", "362514", "415263", "531642"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"size": 4}, "queens: answer has no field 'given'"),
        ({"size": 0, "given": []}, r"queens: answer\['size'\] is 0; it must be from 1 to 200"),
        ({"size": 4, "given": [[0, 4]]}, r"must hold \[row, column\] on the board, got \[0, 4\]"),
        ({"size": 4, "given": [[0]]}, r"must hold \[row, column\] on the board, got \[0\]"),
    ],
)
def test_a_wrong_answer_names_the_field(answer: object, message: str) -> None:
    with pytest.raises(WrongAnswer, match=message):
        queens("<answer>2 4 1 3</answer>", answer)
