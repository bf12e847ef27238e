"""Matrices: products with a vector, products, determinants and inverses.

answer       ["19", "-7/2", ...]: the entries row by row, fractions in lowest terms (a determinant: one number)
in the tags  19, -7/2, ...

    problem(random.Random(0), 1).prompt      # 'A = [[1, 2], [3, -4]] ... What is Av? ...'
"""

import random
from collections.abc import Sequence
from fractions import Fraction

from verigym.tasks.math.systems import determinant
from verigym.tasks.math.terms import ratio
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

LARGEST = 9

LEVELS = {
    1: Level("2x2 matrix times a vector", space=19**6, chance=0.001),
    2: Level("product of two 2x2 matrices", space=19**8, chance=0.0002),
    3: Level("determinant of a 3x3 matrix", space=19**9, chance=0.005),
    # Those whose determinant is not 0, by trying all.
    4: Level("inverse of a 2x2 matrix", space=127_280, chance=0.0003),
    5: Level("product of two 3x3 matrices", space=19**18, chance=0.0002),
}

Matrix = Sequence[Sequence[int]]


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """Matrices with entries evenly drawn from -9 to 9; a matrix to invert has a determinant that is not 0."""
    order = {1: 2, 2: 2, 3: 3, 4: 2, 5: 3}[level]
    a, b = _drawn(rng, order, order), _drawn(rng, order, 1 if level == 1 else order)
    while not any(map(any, b)):
        b = _drawn(rng, order, 1 if level == 1 else order)
    if level == 3:
        while determinant(a) == 0:
            a = _drawn(rng, order, order)
        return _asked(style, "the determinant of A", "det", [a], [[Fraction(determinant(a))]])
    if level == 4:
        while determinant(a) == 0:
            a = _drawn(rng, order, order)
        return _asked(style, "the inverse of A", "inv", [a], inverse(a))
    return _asked(style, "the product AB", "mul", [a, b], multiply(a, b))


def oracle(problem: Problem, style: str = "words") -> str:
    """The entries."""
    return answered(style, ", ".join(problem.answer))


def multiply(a: Matrix, b: Matrix) -> list[list[Fraction]]:
    """The matrix product."""
    columns = list(zip(*b, strict=True))
    return [[Fraction(sum(x * y for x, y in zip(row, column, strict=True))) for column in columns] for row in a]


def inverse(a: Matrix) -> list[list[Fraction]]:
    """The inverse of a 2x2 matrix whose determinant is not 0."""
    (p, q), (r, s) = a
    whole = determinant(a)
    return [[Fraction(s, whole), Fraction(-q, whole)], [Fraction(-r, whole), Fraction(p, whole)]]


def _asked(style: str, wanted: str, short: str, given: list[Matrix], result: list[list[Fraction]]) -> Problem:
    shown = " and ".join(f"{name} = {_rows(one)}" for name, one in zip("AB", given, strict=False))
    entries = [ratio(entry) for row in result for entry in row]
    words = f"Given {shown}, each a list of rows, what is {wanted}?"
    if len(entries) > 1:
        words += " Give its entries row by row, from left to right, separated by commas."
    form = ", ".join(["-137/2", "0", "401"][: len(entries)]) + (", ..." if len(entries) > 3 else "")
    terse = f"{short} {' '.join(_rows(one).replace(' ', '') for one in given)}"
    return Problem(
        prompt=ask(style, words, terse, f"<answer>{form}</answer>"),
        answer=entries,
        key=terse,
        meta={"given": [[list(row) for row in one] for one in given]},
    )


def _rows(matrix: Matrix) -> str:
    return "[" + ", ".join("[" + ", ".join(map(str, row)) + "]" for row in matrix) + "]"


def _drawn(rng: random.Random, height: int, width: int) -> list[list[int]]:
    return [[rng.randint(-LARGEST, LARGEST) for _ in range(width)] for _ in range(height)]


TASK = Generated("matrices", problem, LEVELS, oracle)
