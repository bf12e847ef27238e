"""The list language: what each function does, and that no text does harm."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verigym.tasks.code.dsl import FUNCTIONS, MAX_NUMBER, ProgramError, program

RUNS = [
    ("reverse", [1, 2, 3], [3, 2, 1]),
    ("sort", [3, -1, 2, -1], [-1, -1, 2, 3]),
    ("unique", [2, 1, 2, 1, 3], [2, 1, 3]),
    ("evens", [1, 2, -4, 0, 5], [2, -4, 0]),
    ("odds", [1, 2, -3, 0], [1, -3]),
    ("sums", [1, 2, 3], [1, 3, 6]),
    ("diffs", [5, 3, 10], [-2, 7]),
    ("diffs", [5], []),
    ("sum", [], [0]),
    ("count", [7, 7], [2]),
    ("max", [1, 9, 3], [9]),
    ("max", [], []),
    ("min", [1, 9, -3], [-3]),
    ("add -3", [1, 2], [-2, -1]),
    ("mul 4", [1, -2], [4, -8]),
    ("take 2", [1, 2, 3], [1, 2]),
    ("take 9", [1], [1]),
    ("drop 2", [1, 2, 3], [3]),
    ("above 2", [1, 2, 3], [3]),
    ("below -1", [-2, -1, 0], [-2]),
    ("sort | take 2 | sum", [5, 1, 4], [5]),
    ("  sort|take   2 ", [5, 1, 4], [1, 4]),
    ("add +3", [1], [4]),
]


@pytest.mark.parametrize(("text", "values", "wanted"), RUNS)
def test_runs(text: str, values: list[int], wanted: list[int]) -> None:
    assert program(text)(values) == wanted
    assert program(str(program(text))) == program(text)


def test_every_function_is_covered() -> None:
    assert {part.split()[0] for text, _, _ in RUNS for part in text.split("|")} == set(FUNCTIONS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an empty function"),
        ("sort |", "an empty function"),
        ("sorted", "no function 'sorted'; did you mean 'sort'?"),
        ("xyzzy", "no function 'xyzzy'"),
        ("sort 3", "sort takes no number"),
        ("take", "take takes one whole number from 1 to 9"),
        ("take 0", "take takes one whole number from 1 to 9"),
        ("take 10", "take takes one whole number from 1 to 9"),
        ("take ٣", "take takes one whole number"),
        ("add 1_0", "add takes one whole number from -9 to 9"),
        ("add 1 2", "add takes one whole number"),
        ("__import__('os').system('true')", "no function"),
        ("sort | " * 8 + "sort", "at most 8 functions, this one has 9"),
        ("s" * 401, "at most 400 characters, this one has 401"),
        ("add " + "9" * 390, "add takes one whole number"),
    ],
)
def test_what_is_no_program_is_named(text: str, message: str) -> None:
    with pytest.raises(ProgramError) as error:
        program(text)
    assert message in str(error.value)


def test_bounds_of_a_run() -> None:
    assert program("mul 9")([MAX_NUMBER // 9]) == [MAX_NUMBER // 9 * 9]
    with pytest.raises(ProgramError, match="a number grew past 1000000"):
        program(" | ".join(["mul 9"] * 8))([1])
    with pytest.raises(ProgramError, match="at most 64 numbers, not 65"):
        program("sort")(list(range(65)))


def test_the_list_given_stays_as_it_was() -> None:
    values = [3, 1, 2]
    program("sort | add 1")(values)
    assert values == [3, 1, 2]


@given(st.text(max_size=500))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_program_or_a_program_error(text: str) -> None:
    try:
        result = program(text)([3, 1, 2])
    except ProgramError:
        return
    assert all(isinstance(value, int) for value in result)
