"""Systems of two or three linear equations.

answer       ["3", "-7/2"]: the values in the order of the unknowns, fractions in lowest terms
in the tags  3, -7/2

Every system has one solution. The key is the set of its equations, each without a common factor.

    problem(random.Random(0), 1).prompt      # 'Solve the system ... 3x - y = 5 ...'
"""

import random
from collections.abc import Sequence
from fractions import Fraction

from verigym.tasks.math.terms import combination, primitive, ratio
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

NAMES = "xyz"
SHAPES = {1: (2, 9, True), 2: (2, 9, False), 3: (3, 5, True), 4: (3, 9, False)}
"""Level to the number of unknowns, the largest coefficient, and whether the solution is whole."""
LARGEST_SOLUTION = 9
LARGEST_CONSTANT = 20

LEVELS = {
    # 110 pairs of coefficients without a common factor, taken in twos; 19 * 19 solutions.
    1: Level("2 unknowns, whole solution", space=5_995 * 361, chance=0.003),
    # The same pairs of equations with any of 41 constants each.
    2: Level("2 unknowns, fractional solution", space=5_995 * 41 * 41, chance=0.001),
    # Lower bounds: the triangular systems x + ay + bz = d, y + cz = e, z = f alone.
    3: Level("3 unknowns, whole solution", space=11**3 * 19**3, chance=0.0003),
    4: Level("3 unknowns, fractional solution", space=19**3 * 41**3, chance=0.0003),
}

Row = tuple[int, ...]
"""Coefficients of the unknowns, then the constant on the right."""


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """Equations with coefficients evenly drawn, anew until there is one solution."""
    rows, solution = _drawn(rng, *SHAPES[level])
    while solution is None:
        rows, solution = _drawn(rng, *SHAPES[level])
    names = NAMES[: len(rows)]
    lines = [f"{combination(zip(row, names, strict=False))} = {row[-1]}" for row in rows]
    spoken = ", ".join(names)
    words = "Solve the system of equations:\n" + "\n".join(lines) + f"\nGive the values of {spoken}, in this order."
    form = "<answer>" + ", ".join(["-37/5", "2", "41"][: len(rows)]) + "</answer>"
    key = ";".join(sorted(str(primitive(*row)) for row in rows))
    return Problem(
        prompt=ask(style, words, ";".join(lines).replace(" ", ""), form),
        answer=[ratio(value) for value in solution],
        key=key,
        meta={"rows": [list(row) for row in rows]},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The value of each unknown."""
    work = "\n".join(f"{name} = {value}" for name, value in zip(NAMES, problem.answer, strict=False))
    return answered(style, ", ".join(problem.answer), work)


def _drawn(rng: random.Random, count: int, largest: int, whole: bool) -> tuple[list[Row], list[Fraction] | None]:
    """Equations and their solution, or None for the solution where there is not one alone."""
    lowest = 1 if count == 2 else 0
    rows: list[Row] = []
    wanted = [rng.randint(-LARGEST_SOLUTION, LARGEST_SOLUTION) for _ in range(count)]
    for _ in range(count):
        row = [rng.randint(lowest, largest) * rng.choice((-1, 1)) for _ in range(count)]
        total = sum(one * value for one, value in zip(row, wanted, strict=True))
        rows.append((*row, total if whole else rng.randint(-LARGEST_CONSTANT, LARGEST_CONSTANT)))
    return rows, solved(rows)


def solved(rows: Sequence[Row]) -> list[Fraction] | None:
    """The one solution by Cramer's rule, or None where there is none or many."""
    square = [list(row[:-1]) for row in rows]
    whole = determinant(square)
    if whole == 0:
        return None
    values = []
    for place in range(len(rows)):
        replaced = [[*row[:place], rows[at][-1], *row[place + 1 :]] for at, row in enumerate(square)]
        values.append(Fraction(determinant(replaced), whole))
    return values


def determinant(square: Sequence[Sequence[int]]) -> int:
    """The determinant of a small square matrix, along its first row."""
    if len(square) == 1:
        return square[0][0]
    total = 0
    for place, one in enumerate(square[0]):
        if one:
            total += (-1) ** place * one * determinant([[*row[:place], *row[place + 1 :]] for row in square[1:]])
    return total


TASK = Generated("systems", problem, LEVELS, oracle)
