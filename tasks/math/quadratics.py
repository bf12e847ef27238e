r"""Quadratic equations with two real solutions.

answer       "-3, \frac{5}{2}" or "2 - \sqrt{3}, 2 + \sqrt{3}": both solutions, in LaTeX, the smaller one first
in the tags  both, separated by a comma, in either order and any equal form

The key is the equation without a common factor, all on one side.

    problem(random.Random(0), 1).prompt      # 'Solve x^2 + 4x - 21 = 0. ...'
"""

import random
from fractions import Fraction
from math import isqrt

from verigym.tasks.math.terms import latex, polynomial, primitive, root, square_part, times
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

LARGEST_ROOT = 75

LEVELS = {
    # Pairs of different whole numbers from -75 to 75 without 0.
    1: Level("whole solutions", space=150 * 149 // 2, chance=0.0002),
    # (ax + b)(cx + d) with a and c up to 6, b and d up to 20 in size; different solutions, not both whole.
    2: Level("fractional solutions", space=11_001, chance=0.001),
    # a up to 6, b up to 20 and c up to 60 in size, no common factor, b^2 - 4ac positive and no square.
    3: Level("solutions with square roots", space=13_777, chance=0.0006),
    # (ax + b)(x + c) = dx + e with a up to 4 and the others up to 9 in size.
    4: Level("brackets, solutions with square roots", space=24_036, chance=0.001),
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """An equation of a level, drawn anew until it has two solutions of the kind asked for."""
    drawn = _drawn(rng, level)
    while drawn is None:
        drawn = _drawn(rng, level)
    equation, (a, b, c) = drawn
    words = f"Solve {equation}. Give both solutions exactly, separated by a comma."
    return Problem(
        prompt=ask(style, words, equation.replace(" ", ""), "<answer>-17, 29/4</answer>"),
        answer=", ".join(solutions(a, b, c)),
        key=f"{a},{b},{c}",
        meta={"coefficients": [a, b, c]},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The discriminant, then the solutions."""
    a, b, c = problem.meta["coefficients"]
    inside = b * b - 4 * a * c
    work = f"{polynomial([a, b, c])} = 0\nb^2 - 4ac = {inside}\nx = ({-b} ± √{inside}) / {2 * a}"
    return answered(style, problem.answer, work, f"{inside};")


def solutions(a: int, b: int, c: int) -> list[str]:
    """Both solutions of ax^2 + bx + c = 0 in LaTeX, the smaller one first. a is positive, the discriminant too."""
    inside = b * b - 4 * a * c
    outside, radicand = square_part(inside)
    if radicand == 1:
        return [latex(Fraction(-b - outside, 2 * a)), latex(Fraction(-b + outside, 2 * a))]
    middle, factor = Fraction(-b, 2 * a), Fraction(outside, 2 * a)
    below = max(middle.denominator, factor.denominator)
    while below % middle.denominator or below % factor.denominator:
        below += 1
    start, size = int(middle * below), root(radicand, int(factor * below))
    above = [f"{start} {sign} {size}" if start else f"{'-' if sign == '-' else ''}{size}" for sign in "-+"]
    return [f"\\frac{{{one}}}{{{below}}}" if below > 1 else one for one in above]


def _drawn(rng: random.Random, level: int) -> tuple[str, tuple[int, ...]] | None:
    """The equation as it is shown and its coefficients, or None."""
    if level == 1:
        one, other = (rng.randint(1, LARGEST_ROOT) * rng.choice((-1, 1)) for _ in range(2))
        found = primitive(1, -one - other, one * other)
        return (f"{polynomial(found)} = 0", found) if one != other else None
    if level == 2:
        (a, b), (c, d) = ((rng.randint(1, 6), rng.randint(1, 20) * rng.choice((-1, 1))) for _ in range(2))
        found = primitive(*times([a, b], [c, d]))
        whole = b % a == 0 and d % c == 0
        return None if whole or a * d == b * c else (f"{polynomial(found)} = 0", found)
    if level == 3:
        shown = [rng.randint(1, 6), rng.randint(-20, 20), rng.randint(-60, 60)]
        found = primitive(*shown)
        return (f"{polynomial(found)} = 0", found) if _irrational(*found) else None
    a, b, c, d = (rng.randint(-9, 9) for _ in range(4))
    e = rng.randint(1, 4)
    found = primitive(*(one + other for one, other in zip(times([e, a], [1, b]), [0, -c, -d], strict=True)))
    if a == 0 or b == 0 or not _irrational(*found):
        return None
    return f"({polynomial([e, a])})({polynomial([1, b])}) = {polynomial([c, d])}", found


def _irrational(a: int, b: int, c: int) -> bool:
    inside = b * b - 4 * a * c
    return inside > 0 and isqrt(inside) ** 2 != inside


TASK = Generated("quadratics", problem, LEVELS, oracle)
