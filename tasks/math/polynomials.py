"""Polynomials: products, exact quotients and products less a third one, in normal form.

answer       ["6", "-5", "0"]: the coefficients from the highest power down to the constant, with the zeros
in the tags  6, -5, 0

Coefficients are asked for because a formula can be answered by repeating the question: (x + 1)(x - 2) is x^2 - x - 2.
The key holds the factors in a fixed order.

    problem(random.Random(0), 1).prompt      # 'Expand (2x - 3)(x + 4). ...'
"""

import random

from verigym.tasks.math.terms import polynomial, times
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

LARGEST = 9

LEVELS = {
    # 9 * 18 linear factors ax + b with a > 0, taken in unordered pairs.
    1: Level("two linear factors", space=162 * 163 // 2, chance=0.0003),
    # 162 linear factors, 9 * 19 * 18 quadratic ones.
    2: Level("a linear and a quadratic factor", space=162 * 3_078, chance=0.0002),
    3: Level("an exact quotient", space=162 * 3_078, chance=0.0005),
    # The quadratic factors in unordered pairs, and the cubes without an x^3 that are taken off.
    4: Level("a product of quadratics less a quadratic", space=3_078 * 3_079 // 2 * 3_078, chance=0.0002),
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """Factors with coefficients evenly drawn."""
    if level == 1:
        factors = [_drawn(rng, 1), _drawn(rng, 1)]
        return _asked(style, _product(factors), times(*factors), "*".join(sorted(map(str, factors))))
    linear, quadratic = _drawn(rng, 1), _drawn(rng, 2)
    whole = times(linear, quadratic)
    if level == 2:
        return _asked(style, _product([linear, quadratic]), whole, f"{linear}*{quadratic}")
    if level == 3:
        return _asked(style, f"({polynomial(whole)}) / ({polynomial(linear)})", quadratic, f"{whole}/{linear}")
    factors, less = [quadratic, _drawn(rng, 2)], _drawn(rng, 2)
    result = times(*factors)
    for place, one in enumerate(less, len(result) - len(less)):
        result[place] -= one
    key = "*".join(sorted(map(str, factors)))
    return _asked(style, f"{_product(factors)} - ({polynomial(less)})", result, f"{key}-{less}")


def oracle(problem: Problem, style: str = "words") -> str:
    """The result written out, then its coefficients."""
    work = f"{problem.meta['expression']} = {polynomial([int(one) for one in problem.answer])}"
    return answered(style, ", ".join(problem.answer), work)


def _asked(style: str, expression: str, result: list[int], key: str) -> Problem:
    words = (
        f"Write {expression} as a polynomial in x. Give its coefficients, from the highest power of x down to the "
        "constant, zeros included, separated by commas."
    )
    return Problem(
        prompt=ask(style, words, expression.replace(" ", ""), "<answer>4, 0, -37</answer>"),
        answer=[str(one) for one in result],
        key=key,
        meta={"expression": expression},
    )


def _product(factors: list[list[int]]) -> str:
    return "".join(f"({polynomial(one)})" for one in factors)


def _drawn(rng: random.Random, degree: int) -> list[int]:
    """A positive leading coefficient, a constant that is not 0, and anything between."""
    middle = [rng.randint(-LARGEST, LARGEST) for _ in range(degree - 1)]
    return [rng.randint(1, LARGEST), *middle, rng.randint(1, LARGEST) * rng.choice((-1, 1))]


TASK = Generated("polynomials", problem, LEVELS, oracle)
