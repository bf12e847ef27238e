"""Linear equations in one unknown.

answer       "-7/3": the solution, a whole number or a fraction in lowest terms
in the tags  -7/3, or 2.5 where that is exact

Every equation has one solution. The key is the equation with its sides in a fixed order, so that a mirrored twin is the
same problem.

    problem(random.Random(0), 1).prompt      # 'Solve for x: 7x + 12 = -23. ...'
"""

import random
from fractions import Fraction

from verigym.tasks.math.terms import combination, ratio
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

LARGEST = {1: 30, 2: 30, 3: 20, 4: 15}
"""Level to the largest constant; solutions of the levels 1 and 2 are whole and no larger than 30."""

LEVELS = {
    # 11 factors, 60 constants, 60 solutions.
    1: Level("ax + b = c, whole solution", space=39_600, chance=0.018),
    # Unordered sides: 18 * 17 / 2 pairs of factors, 60 constants on the one side, 60 solutions; the other constant
    # follows.
    2: Level("ax + b = cx + d, whole solution", space=153 * 60 * 60 // 2, chance=0.018),
    # The brackets alone: 18 * 17 pairs of factors and 40 * 40 constants of them, each with some constant beside.
    3: Level("brackets, fractional solution", space=18 * 17 * 1600 // 2, chance=0.006),
    4: Level("brackets and denominators", space=18 * 17 * 900 // 2, chance=0.005),
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """An equation of a level, drawn anew until it has one solution of the kind asked for."""
    sides = _drawn(rng, level)
    while sides is None:
        sides = _drawn(rng, level)
    (left, a, b), (right, c, d) = sides
    solution = (d - b) / (a - c)
    return Problem(
        prompt=ask(
            style, f"Solve for x: {left} = {right}.", f"{left}={right}".replace(" ", ""), "<answer>-37/5</answer>"
        ),
        answer=ratio(solution),
        key=" = ".join(sorted([left, right])),
        meta={"factor": ratio(a - c), "constant": ratio(d - b)},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The terms gathered, then the solution."""
    factor, constant = problem.meta["factor"], problem.meta["constant"]
    work = f"{factor} x = {constant}\nx = {problem.answer}"
    return answered(style, problem.answer, work, f"{factor}x={constant};")


Side = tuple[str, Fraction, Fraction]
"""Text, factor of x and constant of one side."""


def _drawn(rng: random.Random, level: int) -> tuple[Side, Side] | None:
    largest = LARGEST[level]
    if level == 1:
        a, b, x = rng.randint(2, 12), _not_zero(rng, largest), _not_zero(rng, largest)
        return _plain(a, b), _plain(0, a * x + b)
    if level == 2:
        a, c, b, x = _not_zero(rng, 9), _not_zero(rng, 9), _not_zero(rng, largest), _not_zero(rng, largest)
        d = (a - c) * x + b
        return None if a == c or d == 0 else (_plain(a, b), _plain(c, d))
    side = _bracket if level == 3 else _quotient
    left, right = side(rng, largest), side(rng, largest)
    return None if left[1] == right[1] or left[2] == right[2] else (left, right)


def _plain(a: int, b: int) -> Side:
    return combination([(a, "x"), (b, "")]), Fraction(a), Fraction(b)


def _bracket(rng: random.Random, largest: int) -> Side:
    """a(x + b) + c"""
    a, b, c = (_not_zero(rng, limit) for limit in (9, largest, largest))
    inner = combination([(1, "x"), (b, "")])
    return combination([(a, f"({inner})"), (c, "")]), Fraction(a), Fraction(a * b + c)


def _quotient(rng: random.Random, largest: int) -> Side:
    """(ax + b)/c + d"""
    a, b, c, d = _not_zero(rng, 9), _not_zero(rng, largest), rng.randint(2, 9), _not_zero(rng, 9)
    inner = combination([(a, "x"), (b, "")])
    return combination([(1, f"({inner})/{c}"), (d, "")]), Fraction(a, c), Fraction(b, c) + d


def _not_zero(rng: random.Random, largest: int) -> int:
    return rng.randint(1, largest) * rng.choice((-1, 1))


TASK = Generated("linear-equations", problem, LEVELS, oracle)
