r"""Derivatives of polynomials, powers, exponentials, logarithms, sines and their products.

answer       "12x^3 - 5", "6e^{2x} + 4x\cos(3x)": the derivative in LaTeX
in the tags  any equal form

No function here is its own derivative, so repeating the question is never right. The key is the function; the order of
the terms of a sum, and of the factors of a product, does not make another.

    problem(random.Random(0), 1).prompt      # 'Find the derivative of f(x) = 3x^4 - 5x + 2. ...'
"""

import random

from verigym.tasks.math.terms import combination, polynomial, power
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

LARGEST = 9

LEVELS = {
    # Cubic polynomials alone: a leading coefficient that is not 0, three others from -9 to 9.
    1: Level("polynomials", space=18 * 19**3, chance=0.001),
    # a(bx + c)^n: 18 * 8 * 18 * 5; the four others: 18 * 8 * 18 each.
    2: Level("powers, e, ln, sin, cos of bx + c", space=23_328, chance=0.0003),
    # The sums of ae^(bx + c) and d sin(ex + f) alone.
    3: Level("sums of two chains", space=2_592**2, chance=0.0002),
    # ax^n times e, sin or cos of bx + c: 18 * 5 * 3 * 8 * 19.
    4: Level("products with a power of x", space=41_040, chance=0.0003),
    # a times e, sin or cos of bx^2 + cx + d: 18 * 3 * 18 * 19 * 19.
    5: Level("chains over a quadratic", space=350_892, chance=0.0003),
}

Pair = tuple[str, str]
"""A function and its derivative, as text."""


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """A function of a level with coefficients evenly drawn."""
    parts = {1: _polynomial, 2: _chain, 3: _sum, 4: _product, 5: _over_quadratic}[level](rng)
    function, derivative = _joined([one for one, _ in parts]), _joined([one for _, one in parts])
    words = f"Find the derivative of f(x) = {function}. Give f'(x) as a formula in x."
    return Problem(
        prompt=ask(style, words, f"d/dx {function}".replace(" ", ""), "<answer>-37x^{40}</answer>"),
        answer=derivative,
        key=" + ".join(sorted(one for one, _ in parts)),
        meta={"function": function, "parts": [list(part) for part in parts]},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The derivative term by term, then the whole."""
    parts = problem.meta["parts"]
    work = "\n".join(f"({one})' = {other}" for one, other in parts) if len(parts) > 1 else ""
    return answered(style, problem.answer, work)


def _joined(terms: list[str]) -> str:
    """A sum of texts, each of which may begin with a minus sign."""
    first, *rest = terms
    return first + "".join(f" - {one[1:]}" if one.startswith("-") else f" + {one}" for one in rest)


def _times(factor: int, text: str) -> str:
    return combination([(factor, text)])


def _polynomial(rng: random.Random) -> list[Pair]:
    degree = rng.randint(2, 5)
    found = [_not_zero(rng), *(rng.randint(-LARGEST, LARGEST) for _ in range(degree))]
    slope = [one * (degree - place) for place, one in enumerate(found[:-1])]
    return [(polynomial(found), polynomial(slope))]


def _chain(rng: random.Random) -> list[Pair]:
    """A factor times a power, e, ln, sin or cos of bx + c, with b from 2 up."""
    a, b, c, n = _not_zero(rng), rng.randint(2, LARGEST), _not_zero(rng), rng.randint(2, 6)
    inner = polynomial([b, c])
    kind = rng.choice(("power", "e", "ln", "sin", "cos"))
    if kind == "power":
        return [(_times(a, f"({inner})^{n}"), _times(a * b * n, f"({inner})" + (f"^{n - 1}" if n > 2 else "")))]
    if kind == "ln":
        shown = f"({inner})"
        return [(_times(a, f"\\ln{shown}"), f"{'-' if a < 0 else ''}\\frac{{{abs(a * b)}}}{{{inner}}}")]
    return [_outer(kind, a, inner, [b])]


def _outer(kind: str, a: int, inner: str, slope: list[int]) -> Pair:
    """a times e, sin or cos of `inner`, whose derivative has the coefficients `slope`."""
    name, sign = {"e": ("e", 1), "sin": ("cos", 1), "cos": ("sin", -1)}[kind]
    if len(slope) == 1:
        return _times(a, _of(kind, inner)), _times(sign * a * slope[0], _of(name, inner))
    return _times(a, _of(kind, inner)), _times(sign * a, f"({polynomial(slope)}){_of(name, inner)}")


def _of(kind: str, inner: str) -> str:
    return f"e^{{{inner}}}" if kind == "e" else f"\\{kind}({inner})"


def _sum(rng: random.Random) -> list[Pair]:
    """Two chains of different kinds."""
    first, second = _chain(rng), _chain(rng)
    while _kind(first[0][0]) == _kind(second[0][0]):
        second = _chain(rng)
    return [*first, *second]


def _kind(function: str) -> str:
    return next((mark for mark in ("e^", "\\ln", "\\sin", "\\cos") if mark in function), "power")


def _product(rng: random.Random) -> list[Pair]:
    """ax^n times e, sin or cos of bx + c."""
    a, n, kind = _not_zero(rng), rng.randint(1, 5), rng.choice(("e", "sin", "cos"))
    b, c = rng.randint(2, LARGEST), rng.randint(-LARGEST, LARGEST)
    outer, slope = _outer(kind, 1, polynomial([b, c]), [b])
    name, sign = slope.lstrip("-0123456789"), -1 if slope.startswith("-") else 1
    before = f"{power('x', n - 1)}{outer}"
    after = f"{power('x', n)}{name}"
    return [(_times(a, f"{power('x', n)}{outer}"), combination([(a * n, before), (sign * a * b, after)]))]


def _over_quadratic(rng: random.Random) -> list[Pair]:
    """e, sin or cos of bx^2 + cx + d, with a factor."""
    inner = [_not_zero(rng), *(rng.randint(-LARGEST, LARGEST) for _ in range(2))]
    kind = rng.choice(("e", "sin", "cos"))
    return [_outer(kind, _not_zero(rng), polynomial(inner), [2 * inner[0], inner[1]])]


def _not_zero(rng: random.Random) -> int:
    return rng.randint(1, LARGEST) * rng.choice((-1, 1))


TASK = Generated("derivatives", problem, LEVELS, oracle)
