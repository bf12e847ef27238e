"""Sudoku on 4 by 4: each row, column and quarter holds 1, 2, 3 and 4.

answer       {"grid": [[1, 0, 0, 4], ...]}: 4 rows of 4 numbers, 0 is blank
in the tags  the whole grid row by row: 16 digits from 1 to 4. Spaces, commas, bars and line breaks between
them do not count
meta         {"solution": [[1, 2, 3, 4], ...]}: one right grid

A puzzle may have several solutions; every grid that keeps the rules and the given numbers is right. The family is the
first of its solutions in reading order, so the puzzles cut from one grid stay in one split.

    problem(random.Random(0), 1, style="terse").prompt      # '1.343412214343.1'
"""

import random
from collections.abc import Iterator, Sequence
from functools import cache

from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

Grid = tuple[int, ...]
"""16 numbers, row by row."""

BLANKS = {1: 4, 2: 6, 3: 8, 4: 10, 5: 12}

LEVELS = {
    # Counted: distinct puzzles over all 288 grids and all choices of blanks.
    1: Level("4 blanks", space=523_392, chance=0.0035),
    2: Level("6 blanks", space=2_255_616, chance=0.0038),
    3: Level("8 blanks", space=3_326_304, chance=0.0046),
    4: Level("10 blanks", space=1_594_752, chance=0.0069),
    5: Level("12 blanks", space=164_320, chance=0.015),
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """One of the 288 solved grids with some squares blanked, both evenly drawn."""
    solution = rng.choice(solved_grids())
    blanks = set(rng.sample(range(16), BLANKS[level]))
    grid = tuple(0 if square in blanks else number for square, number in enumerate(solution))
    words = (
        "Fill in this 4 by 4 grid so that each row, each column and each 2 by 2 quarter holds the numbers 1, 2, 3 "
        "and 4. "
        f"Blank squares are shown as _.\n\n{_show(grid)}\n\nAnswer with the whole grid, row by row."
    )
    return Problem(
        prompt=ask(style, words, terse=_show(grid, "", "", "."), form="<answer>\n1 2 3 4\n3 4 1 2\n...\n</answer>"),
        answer={"grid": _rows(grid)},
        key=_show(grid, "", "/", "."),
        family=_show(first_solution(grid), "", "/", "."),
        meta={"solution": _rows(solution)},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The solved grid that the puzzle was cut from."""
    solution = tuple(number for row in problem.meta["solution"] for number in row)
    if style == "words":
        return answered(style, f"\n{_show(solution)}\n")
    return answered(style, _show(solution, "", ""))


@cache
def solved_grids() -> tuple[Grid, ...]:
    """All 288 solved grids, in reading order."""
    return tuple(_completions(()))


def first_solution(grid: Sequence[int]) -> Grid:
    """The first solved grid, in reading order, that agrees with the given numbers."""
    return next(
        solved
        for solved in solved_grids()
        if all(given in (0, number) for given, number in zip(grid, solved, strict=True))
    )


def _completions(filled: Grid) -> Iterator[Grid]:
    square = len(filled)
    if square == 16:
        yield filled
        return
    row, column = divmod(square, 4)
    seen = {filled[other] for other in range(square) if _share(row, column, *divmod(other, 4))}
    for number in (1, 2, 3, 4):
        if number not in seen:
            yield from _completions((*filled, number))


def _share(row: int, column: int, other_row: int, other_column: int) -> bool:
    quarter = (row // 2, column // 2) == (other_row // 2, other_column // 2)
    return row == other_row or column == other_column or quarter


def _rows(grid: Grid) -> list[list[int]]:
    return [list(grid[start : start + 4]) for start in range(0, 16, 4)]


def _show(grid: Grid, gap: str = " ", line: str = "\n", blank: str = "_") -> str:
    return line.join(gap.join(str(number) if number else blank for number in row) for row in _rows(grid))


TASK = Generated("sudoku", problem, LEVELS, oracle)
