"""Puzzles: every valid answer counts, and only those."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.constraints import assignment, path, sudoku
from verigym.verifiers.verdict import Status

KNIGHTS = {"solution": {"Ann": "knight", "Bob": "knave"}}
GRID = {"grid": [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]}
MAZE = {"grid": ["..#", "...", "#.."], "start": [0, 0], "goal": [2, 2], "length": 4}


def tagged(text: str) -> str:
    return f"<answer>{text}</answer>"


@pytest.mark.parametrize(
    ("text", "correct", "reason"),
    [
        ("Ann: knight, Bob: knave", True, "all 2 are right"),
        ("bob is a KNAVE and ann is a knight.", True, "all 2 are right"),
        ("Ann = knight\nBob = knave", True, "all 2 are right"),
        ("Ann: knave, Bob: knave", False, "1 of 2 are wrong"),
        ("Ann: knight", False, "nothing is said of bob"),
        ("Ann: knight, Bob: knave, Cat: knave", False, "'cat' is not one of the names"),
        ("Ann: knight, Ann: knave, Bob: knave", False, "'ann' is given twice"),
        ("Ann: knight or knave, Bob: knave", False, "1 of 2 are wrong"),
        ("nobody knows", False, "'nobody knows' is not of the form name: value"),
    ],
)
def test_assignment(text: str, correct: bool, reason: str) -> None:
    verdict = assignment(tagged(text), KNIGHTS)
    assert (verdict.correct, verdict.reason) == (correct, reason)


@pytest.mark.parametrize(
    ("text", "correct", "reason"),
    [
        ("1234 3412 2143 4321", True, "a valid filling"),
        ("1 2 3 4\n3 4 1 2\n2 1 4 3\n4 3 2 1", True, "a valid filling"),
        ("[[1,3,2,4],[4,2,3,1],[3,1,4,2],[2,4,1,3]]", False, "row 4, column 4 was given as 1"),
        ("2134 3412 1243 4321", False, "row 1, column 1 was given as 1"),
        ("1234 3412 2143 4331", False, "column 3 does not hold each digit once"),
        ("1234 3412 2143 4231", False, "column 2 does not hold each digit once"),
        ("1234 1234 1234 1231", False, "column 1 does not hold each digit once"),
        ("1234 2341 3412 4123", False, "row 4, column 4 was given as 1"),
        ("1234", False, "4 digits, not 16"),
        ("1234 3412 2143 432x", False, "something other than the digits 1 to 4"),
        ("1234 3412 2143 432\u0661", False, "something other than the digits 1 to 4"),
    ],
)
def test_sudoku(text: str, correct: bool, reason: str) -> None:
    verdict = sudoku(tagged(text), GRID)
    assert (verdict.correct, verdict.reason) == (correct, reason)


def test_sudoku_boxes_are_checked() -> None:
    latin = "1234 2341 3412 4123"  # rows and columns hold, the first box is 1 2 / 2 3
    assert sudoku(tagged(latin), {"grid": [[0] * 4] * 4}).reason == "box 1 does not hold each digit once"


@pytest.mark.parametrize(
    ("text", "correct", "reason"),
    [
        ("RDDR", True, "4 steps to the goal"),
        ("d, r, r, d", True, "4 steps to the goal"),
        ("RRDD", False, "step 2 runs into a wall"),
        ("ULDD", False, "step 1 leaves the grid"),
        ("RD", False, "it does not end at the goal"),
        ("RLRDDR", False, "6 steps, and 4 would do"),
        ("RDD5", False, "'5' is not one of U D L R"),
        ("R" * 5000, False, "an answer of 5000 characters; at most 4096 are read"),
    ],
)
def test_path(text: str, correct: bool, reason: str) -> None:
    verdict = path(tagged(text), MAZE)
    assert (verdict.correct, verdict.reason) == (correct, reason)


@pytest.mark.parametrize(
    ("verifier", "answer", "message"),
    [
        (assignment, {}, "assignment: answer has no field 'solution'"),
        (assignment, {"solution": {"Ann": 1}}, r"answer\['solution'\] must be a dict of texts to texts"),
        (sudoku, {"grid": [[1, 2]]}, r"answer\['grid'\] must be 4 rows of 4 or 9 rows of 9"),
        (sudoku, {"grid": [[9] * 4] * 4}, "must hold digits from 0 to 4"),
        (path, {**MAZE, "goal": [9, 9]}, r"answer\['goal'\] lies outside the grid"),
        (path, {**MAZE, "start": ["a", 0]}, r"answer\['start'\] must be \[row, column\]"),
        (path, {**MAZE, "grid": [1]}, r"answer\['grid'\] must be a list of texts"),
        (path, None, "answer must be a dict"),
    ],
)
def test_a_wrong_answer_names_the_field(verifier: object, answer: object, message: str) -> None:
    with pytest.raises(WrongAnswer, match=message):
        verifier(tagged("x"), answer)


@given(st.text(alphabet=st.characters(), max_size=60))
def test_any_text_gets_a_verdict(text: str) -> None:
    for verifier, answer in ((assignment, KNIGHTS), (sudoku, GRID), (path, MAZE)):
        assert verifier(tagged(text), answer).status in (Status.OK, Status.MALFORMED)
        assert verifier(text, answer).status in (Status.OK, Status.MALFORMED)
