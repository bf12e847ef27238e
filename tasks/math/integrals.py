"""Definite integrals of polynomials, powers of a linear function, absolute values, and areas between curves.

answer       "-7/3": the value, a whole number or a fraction in lowest terms
in the tags  -7/3

    problem(random.Random(0), 1).prompt      # 'What is the integral of 3x^2 - 4 from x = -1 to x = 2? ...'
"""

import random
from fractions import Fraction
from math import lcm

from verigym.tasks.math.terms import at, polynomial, ratio, times
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

LARGEST = 9

LEVELS = {
    # ax^n + b between whole bounds: 18 factors, 3 powers, 19 constants, 91 pairs of bounds from -6 to 7.
    1: Level("ax^n + b, whole bounds", space=18 * 3 * 19 * 91, chance=0.011),
    2: Level("cubic polynomials, whole bounds", space=18 * 19**3 * 91, chance=0.0015),
    # a(bx + c)^n: 18 * 5 * 19 * 3, between bounds that are not both whole.
    3: Level("powers of bx + c, fractional bounds", space=18 * 5 * 18 * 3 * 91, chance=0.006),
    # |ax + b| alone: 9 * 19 * 91 and more.
    4: Level("absolute values, areas between curves", space=9 * 19 * 91, chance=0.017),
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """An integrand of a level and bounds, all evenly drawn."""
    return {1: _short, 2: _cubic, 3: _power, 4: _area}[level](rng, style)


def oracle(problem: Problem, style: str = "words") -> str:
    """An antiderivative where there is a short one, then the value."""
    return answered(style, problem.answer, problem.meta["work"])


def integral(coefficients: list[int], low: Fraction, high: Fraction) -> Fraction:
    """The exact integral of a polynomial, the highest power first."""
    degree = len(coefficients) - 1
    below = lcm(*range(1, degree + 2))
    primitive = [one * below // (degree + 1 - place) for place, one in enumerate(coefficients)]
    return (at([*primitive, 0], high) - at([*primitive, 0], low)) / below


def _asked(style: str, integrand: str, low: Fraction, high: Fraction, value: Fraction, *, work: str) -> Problem:
    low_text, high_text = ratio(low), ratio(high)
    words = f"What is the integral of {integrand} from x = {low_text} to x = {high_text}?"
    terse = f"int {integrand.replace(' ', '')} {low_text}..{high_text}"
    return Problem(
        prompt=ask(style, words, terse, "<answer>-97/89</answer>"),
        answer=ratio(value),
        key=f"{integrand} {low_text} {high_text}",
        meta={"integrand": integrand, "low": low_text, "high": high_text, "work": work},
    )


def _short(rng: random.Random, style: str) -> Problem:
    power = rng.randint(1, 3)
    return _polynomial(rng, style, [_not_zero(rng), *[0] * (power - 1), rng.randint(-LARGEST, LARGEST)])


def _cubic(rng: random.Random, style: str) -> Problem:
    return _polynomial(rng, style, [_not_zero(rng), *(rng.randint(-LARGEST, LARGEST) for _ in range(3))])


def _polynomial(rng: random.Random, style: str, coefficients: list[int]) -> Problem:
    low, high = sorted(rng.sample(range(-6, 8), 2))
    value = integral(coefficients, Fraction(low), Fraction(high))
    degree = len(coefficients)
    terms = [(Fraction(one, degree - place), degree - place) for place, one in enumerate(coefficients) if one]
    work = "F(x) = " + " + ".join(f"({factor})x^{power}" for factor, power in terms)
    return _asked(style, polynomial(coefficients), Fraction(low), Fraction(high), value, work=work)


def _power(rng: random.Random, style: str) -> Problem:
    """a(bx + c)^n between halves, thirds or quarters."""
    a, b, c, n = _not_zero(rng), rng.randint(2, 6), _not_zero(rng), rng.randint(2, 4)
    below = rng.randint(2, 4)
    low, high = sorted(rng.sample(range(-6, 8), 2))
    inner, whole = [b, c], [a]
    for _ in range(n):
        whole = times(whole, inner)
    integrand = f"{'' if a == 1 else '-' if a == -1 else a}({polynomial(inner)})^{n}"
    ends = Fraction(low, below), Fraction(high, below)
    work = f"F(x) = {Fraction(a, b * (n + 1))} ({polynomial(inner)})^{n + 1}"
    return _asked(style, integrand, *ends, integral(whole, *ends), work=work)


def _area(rng: random.Random, style: str) -> Problem:
    """The integral of |ax + b|, or the area between a parabola and a line that cross at two whole places."""
    if rng.random() < 0.5:
        a, b = rng.randint(1, LARGEST), rng.randint(-LARGEST, LARGEST)
        low, high = (Fraction(one) for one in sorted(rng.sample(range(-6, 8), 2)))
        middle = min(max(Fraction(-b, a), low), high)
        value = integral([a, b], middle, high) - integral([a, b], low, middle)
        inner = polynomial([a, b])
        return _asked(style, f"|{inner}|", low, high, value, work=f"{inner} = 0 at x = {Fraction(-b, a)}")
    return _enclosed(rng, style)


def _enclosed(rng: random.Random, style: str) -> Problem:
    a, slope, start = _not_zero(rng), _not_zero(rng), rng.randint(-LARGEST, LARGEST)
    low, high = sorted(rng.sample(range(-6, 8), 2))
    difference = times([a], times([1, -low], [1, -high]))
    parabola = [difference[0], difference[1] + slope, difference[2] + start]
    value = abs(integral(difference, Fraction(low), Fraction(high)))
    curve, line = polynomial(parabola), polynomial([slope, start])
    return Problem(
        prompt=ask(
            style,
            f"What is the area of the region enclosed by the curves y = {curve} and y = {line}?",
            f"area y={curve} y={line}".replace(" ", ""),
            "<answer>-97/89</answer>",
        ),
        answer=ratio(value),
        key=f"{curve} and {line}",
        meta={"curve": curve, "line": line, "work": f"they cross at x = {low} and x = {high}"},
    )


def _not_zero(rng: random.Random) -> int:
    return rng.randint(1, LARGEST) * rng.choice((-1, 1))


TASK = Generated("integrals", problem, LEVELS, oracle)
