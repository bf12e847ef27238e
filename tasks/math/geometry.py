r"""Geometry with exact answers: right triangles, circles, distances, areas and solids, with square roots and pi.

answer       "2\sqrt{13}", "9\pi", "\frac{7}{2}": the exact value in LaTeX, without a unit
in the tags  any equal exact form; a rounded decimal is not one

    TASK.problem(0, level=1).prompt      # 'A right triangle has legs of 4 cm and 6 cm. How long is its hypotenuse? ...'
"""

from fractions import Fraction

from verigym.tasks.math.questions import Question, questions_task
from verigym.tasks.math.terms import latex, root, square_part
from verigym.tasks.supply import Level

_EXACT = " Give the exact value."


def root_of(value: Fraction | int, factor: Fraction | int = 1) -> str:
    r"""`factor` times the square root of a positive rational, in lowest terms: `\frac{3\sqrt{5}}{2}`."""
    value, factor = Fraction(value), Fraction(factor)
    outside, inside = square_part(value.numerator * value.denominator)
    whole = factor * outside / value.denominator
    if inside == 1:
        return latex(whole)
    above = root(inside, whole.numerator)
    return above if whole.denominator == 1 else f"\\frac{{{above}}}{{{whole.denominator}}}"


def of_pi(value: Fraction | int) -> str:
    r"""A positive rational times pi: `9\pi`, `\frac{9\pi}{4}`."""
    value = Fraction(value)
    above = "\\pi" if value.numerator == 1 else f"{value.numerator}\\pi"
    return above if value.denominator == 1 else f"\\frac{{{above}}}{{{value.denominator}}}"


def _twice_area(*, a: int, b: int, c: int, d: int, e: int, f: int) -> int:
    """Twice the area of the triangle (a, b), (c, d), (e, f), by the shoelace rule."""
    return abs((c - a) * (f - b) - (e - a) * (d - b))


_SIDES = {"a": range(2, 121), "b": range(2, 121)}
_PLACES = range(-12, 13)

QUESTIONS = {
    1: (
        Question(
            "hypotenuse", "A right triangle has legs of {a} cm and {b} cm. How long is its hypotenuse, in cm?" + _EXACT,
            "hyp {a},{b}", _SIDES,
            lambda a, b: root_of(a * a + b * b),
            fits=lambda a, b: a < b,
            work=lambda a, b: f"c^2 = {a * a} + {b * b} = {a * a + b * b}",
        ),
        Question(
            "leg",
            "A right triangle has a hypotenuse of {b} cm and a leg of {a} cm. How long is the other leg, in "
            "cm?" + _EXACT,
            "leg {b},{a}", _SIDES,
            lambda a, b: root_of(b * b - a * a),
            fits=lambda a, b: a < b,
            work=lambda a, b: f"b^2 = {b * b} - {a * a} = {b * b - a * a}",
        ),
    ),
    2: (
        Question(
            "sector",
            "What is the area, in square centimetres, of a sector of {a} degrees in a circle of radius {r} "
            "cm?" + _EXACT,
            "sector r={r} {a}deg", {"r": range(2, 61), "a": range(10, 360, 5)},
            lambda r, a: of_pi(Fraction(a * r * r, 360)),
            work=lambda r, a: f"{a}/360 * pi * {r}^2",
        ),
        Question(
            "ring",
            "What is the area, in square centimetres, between two circles of radius {a} cm and {b} cm around one "
            "centre?"
            + _EXACT,
            "ring {a},{b}", _SIDES,
            lambda a, b: of_pi(b * b - a * a),
            fits=lambda a, b: a < b,
            work=lambda a, b: f"pi * ({b}^2 - {a}^2)",
        ),
        Question(
            "trapezoid",
            "A trapezoid has parallel sides of {a} cm and {b} cm and a height of {h} cm. What is its area in square "
            "centimetres?" + _EXACT,
            "trapezoid {a},{b} h={h}", {"a": range(2, 30), "b": range(2, 30), "h": range(2, 20)},
            lambda a, b, h: latex(Fraction((a + b) * h, 2)),
            fits=lambda a, b, h: a < b,
            work=lambda a, b, h: f"({a} + {b}) / 2 * {h}",
        ),
    ),
    3: (
        Question(
            "distance", "What is the distance between the points ({a}, {b}) and ({c}, {d})?" + _EXACT,
            "dist ({a},{b}) ({c},{d})", dict.fromkeys("abcd", _PLACES),
            lambda a, b, c, d: root_of((a - c) ** 2 + (b - d) ** 2),
            fits=lambda a, b, c, d: a != c and b != d and (a, b) < (c, d),
            work=lambda a, b, c, d: f"{(a - c) ** 2} + {(b - d) ** 2} = {(a - c) ** 2 + (b - d) ** 2}",
            twins=lambda a, b, c, d: sorted([abs(a - c), abs(b - d)]),
        ),
        Question(
            "triangle-area",
            "What is the area of the triangle with corners ({a}, {b}), ({c}, {d}) and ({e}, {f})?" + _EXACT,
            "area ({a},{b}) ({c},{d}) ({e},{f})", dict.fromkeys("abcdef", range(-9, 10)),
            lambda **corners: latex(Fraction(_twice_area(**corners), 2)),
            fits=lambda a, b, c, d, e, f: (
                (a, b) < (c, d) < (e, f) and _twice_area(a=a, b=b, c=c, d=d, e=e, f=f) > 0
            ),
        ),
        Question(
            "box-diagonal",
            "A box is {a} cm long, {b} cm wide and {c} cm high. How long is its diagonal from corner to corner, in cm?"
            + _EXACT,
            "diag {a},{b},{c}", {"a": range(2, 61), "b": range(2, 61), "c": range(2, 61)},
            lambda a, b, c: root_of(a * a + b * b + c * c),
            fits=lambda a, b, c: a <= b <= c,
            work=lambda a, b, c: f"d^2 = {a * a} + {b * b} + {c * c} = {a * a + b * b + c * c}",
        ),
    ),
    4: (
        Question(
            "cone",
            "A cone has a base of radius {a} cm and a height of {b} cm. What is its volume in cubic "
            "centimetres?" + _EXACT,
            "cone r={a} h={b}", _SIDES,
            lambda a, b: of_pi(Fraction(a * a * b, 3)),
            work=lambda a, b: f"pi * {a}^2 * {b} / 3",
        ),
        Question(
            "isosceles",
            "A triangle has two sides of {b} cm and one of {a} cm. What is its area in square centimetres?" + _EXACT,
            "isosceles {b},{b},{a}", _SIDES,
            lambda a, b: root_of(4 * b * b - a * a, Fraction(a, 4)),
            fits=lambda a, b: a < 2 * b and a != b,
            work=lambda a, b: f"h^2 = {b * b} - {Fraction(a * a, 4)} = {b * b - Fraction(a * a, 4)}",
        ),
        Question(
            "inradius",
            "A right triangle has legs of {a} cm and {b} cm. What is the radius of the circle that touches its three "
            "sides, in cm?" + _EXACT,
            "inradius {a},{b}", _SIDES,
            lambda a, b: _less_root(a + b, a * a + b * b),
            fits=lambda a, b: a < b,
            work=lambda a, b: f"r = ({a} + {b} - c) / 2 with c^2 = {a * a + b * b}",
        ),
    ),
}  # fmt: skip
"""Level to its questions."""


def _less_root(whole: int, inside: int) -> str:
    r"""(whole - \sqrt{inside}) / 2"""
    outside, rest = square_part(inside)
    if rest == 1:
        return latex(Fraction(whole - outside, 2))
    if whole % 2 == 0 and outside % 2 == 0:
        return f"{whole // 2} - {root(rest, outside // 2)}"
    return f"\\frac{{{whole} - {root(rest, outside)}}}{{2}}"


LEVELS = {
    1: Level("right triangles", space=14_042, chance=0.0008),
    2: Level("circles and trapezoids", space=17_955, chance=0.0025),
    3: Level("distances, areas and diagonals", space=7_000_000, chance=0.01),
    4: Level("cones, triangles and their circles", space=31_743, chance=0.0005),
}

TASK = questions_task("geometry", QUESTIONS, LEVELS, form="\\frac{97\\sqrt{89}}{2}")
