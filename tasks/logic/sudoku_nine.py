"""Sudoku on 9 by 9, with one solution.

answer       {"grid": [[5, 3, 0, ...], ...]}: 9 rows of 9 numbers, 0 is blank
in the tags  the whole grid row by row: 81 digits. Spaces, commas, bars and line breaks between them do not count
meta         {"solution": [[5, 3, 4, ...], ...]}

A full grid is filled by a search in random order, and squares are blanked together, anew until one solution is left.
The family is told by how the digits of neighbouring rows and columns answer each other in the solution: renaming
digits, exchanging rows or columns within a band, exchanging bands, and turning the grid do not change it.

    print(problem(random.Random(0), 1, style="terse").prompt)
"""

import random
from collections.abc import Sequence
from itertools import combinations

from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

BLANKS = {1: 20, 2: 30, 3: 38, 4: 42}
PEERS: list[list[int]] = [
    [
        other
        for other in range(81)
        if other != square
        and (
            other // 9 == square // 9
            or other % 9 == square % 9
            or (other // 27 == square // 27 and other % 9 // 3 == square % 9 // 3)
        )
    ]
    for square in range(81)
]
"""Square to the squares that share its row, column or box."""

LEVELS = {
    # Lower bounds far below the truth: the 9! * 6**8 grids that renaming digits and exchanging rows and columns make of
    # one. Chance: one grid among as many (there are 6.67e21).
    level: Level(f"{blanks} blanks", space=362_880 * 6**8, chance=1e-12)
    for level, blanks in BLANKS.items()
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """A grid and blanks, drawn anew until the puzzle has one solution."""
    while True:
        solution = solve([0] * 81, rng)[0]
        for _ in range(8):
            blanks = rng.sample(range(81), BLANKS[level])
            grid = list(solution)
            for square in blanks:
                grid[square] = 0
            if len(solve(grid, None, most=2)) == 1:
                break
        else:
            continue
        break
    words = (
        "Solve this sudoku: fill in the blanks so that each row, each column and each 3 by 3 box holds the digits 1 to "
        f"9. Blank squares are shown as _.\n\n{_show(grid)}\n\nAnswer with the whole grid, row by row."
    )
    return Problem(
        prompt=ask(style, words, terse=_show(grid, "", "."), form="<answer>\n5 3 4 ...\n...\n</answer>"),
        answer={"grid": _rows(grid)},
        key=_show(grid, "", "."),
        family=canonical(solution),
        meta={"solution": _rows(solution)},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The solved grid."""
    solution = [number for row in problem.meta["solution"] for number in row]
    if style == "words":
        return answered(style, f"\n{_show(solution)}\n")
    return answered(style, _show(solution, ""))


def solve(grid: Sequence[int], rng: random.Random | None, most: int = 1) -> list[list[int]]:
    """Up to `most` ways to fill a grid; with an rng, digits are tried in random order.

    The square with the fewest digits left is filled first; the digits left are the bits of a number.
    """
    left = [0b1111111110] * 81
    filled = [0] * 81
    for square, digit in enumerate(grid):
        if digit:
            filled[square] = digit
            for peer in PEERS[square]:
                left[peer] &= ~(1 << digit)
    found: list[list[int]] = []
    _fill(filled, left, rng, most, found)
    return found


def _fill(filled: list[int], left: list[int], rng: random.Random | None, most: int, found: list[list[int]]) -> None:
    fewest, square = 10, -1
    for place, digit in enumerate(filled):
        if not digit:
            count = left[place].bit_count()
            if count < fewest:
                fewest, square = count, place
                if count < 2:
                    break
    if square < 0:
        found.append(list(filled))
        return
    digits = [digit for digit in range(1, 10) if left[square] >> digit & 1]
    if rng is not None:
        rng.shuffle(digits)
    for digit in digits:
        filled[square] = digit
        changed = [peer for peer in PEERS[square] if not filled[peer] and left[peer] >> digit & 1]
        for peer in changed:
            left[peer] ^= 1 << digit
        _fill(filled, left, rng, most, found)
        for peer in changed:
            left[peer] ^= 1 << digit
        filled[square] = 0
        if len(found) >= most:
            return


def canonical(grid: Sequence[int]) -> str:
    """What stays the same when a full grid is renamed, its bands are shuffled, or it is turned.

    Two rows of a band say which digit stands above which; followed from digit to digit this falls into circles, whose
    lengths do not depend on names or order. So do columns.
    """
    rows = [list(grid[9 * row : 9 * row + 9]) for row in range(9)]
    columns = [list(column) for column in zip(*rows, strict=True)]
    sides = sorted(
        "/".join(
            sorted(
                ",".join(
                    sorted(_circles(lines[one], lines[other]) for one, other in combinations(range(band, band + 3), 2))
                )
                for band in (0, 3, 6)
            )
        )
        for lines in (rows, columns)
    )
    return " ".join(sides)


def _circles(one: Sequence[int], other: Sequence[int]) -> str:
    to = dict(zip(one, other, strict=True))
    lengths = []
    while to:
        start = here = next(iter(to))
        length = 0
        while here in to:
            here, length = to.pop(here), length + 1
        assert here == start
        lengths.append(str(length))
    return "".join(sorted(lengths))


def _rows(grid: Sequence[int]) -> list[list[int]]:
    return [list(grid[start : start + 9]) for start in range(0, 81, 9)]


def _show(grid: Sequence[int], gap: str = " ", blank: str = "_") -> str:
    return "\n".join(gap.join(str(number) if number else blank for number in row) for row in _rows(grid))


TASK = Generated("sudoku-9", problem, LEVELS, oracle)
