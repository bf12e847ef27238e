"""Spaces of the mathematics tasks against enumeration, their chances against repliers that do not think."""

import json
import math
import random
import re
from collections import Counter
from fractions import Fraction
from importlib import import_module

import pytest

from verigym.tasks import load

QUESTIONS = (
    "number-theory", "sequences", "probability", "geometry", "percent-and-rates", "units", "counting",
)  # fmt: skip
NAMES = (
    "linear-equations", "systems", "quadratics", "polynomials", "fractions", "derivatives", "integrals", "matrices",
    "averages", "roman", *QUESTIONS,
)  # fmt: skip
MOST = 200_000
"""Choices of quantities that are all tried; of more, as many are drawn."""
LEVELS = [(name, level) for name in NAMES for level in load(name).levels]


def space(name: str, level: int) -> int:
    return load(name).levels[level].space


@pytest.mark.parametrize("name", QUESTIONS)
def test_spaces_of_questions_are_counted(name: str) -> None:
    rng = random.Random(3)
    for level, questions in import_module(f"verigym.tasks.math.{name.replace('-', '_')}").QUESTIONS.items():
        total, exact = 0.0, True
        for question in questions:
            choices = math.prod(map(len, question.ranges.values()))
            if choices <= MOST:
                total += question.count()
                continue
            drawn = ({one: rng.choice(values) for one, values in question.ranges.items()} for _ in range(5000))
            total += choices * sum(question.fits(**quantities) for quantities in drawn) / 5000
            exact = False
        if exact:
            assert space(name, level) == total, level
        else:  # a lower bound, and not a poor one
            assert 0.5 * total < space(name, level) < 1.05 * total, level


def test_quadratics_by_making_every_equation() -> None:
    from verigym.tasks.math.terms import primitive, times

    signed = [one for one in range(-20, 21) if one]
    factors = [(a, b) for a in range(1, 7) for b in signed]
    fractional = {
        primitive(*times(one, other))
        for one in factors
        for other in factors
        if one[1] % one[0] or other[1] % other[0]
        if one[0] * other[1] != one[1] * other[0]
    }
    assert len(fractional) == space("quadratics", 2)

    def irrational(a: int, b: int, c: int) -> bool:
        inside = b * b - 4 * a * c
        return inside > 0 and math.isqrt(inside) ** 2 < inside

    plain = {
        primitive(a, b, c) for a in range(1, 7) for b in range(-20, 21) for c in range(-60, 61) if irrational(a, b, c)
    }
    assert len(plain) == space("quadratics", 3)
    small = [one for one in range(-9, 10) if one]
    sums = {(e, e * b + a, a * b) for e in range(1, 5) for a in small for b in small}
    moved = {primitive(e, m - c, k - d) for e, m, k in sums for c in range(-9, 10) for d in range(-9, 10)}
    assert len({one for one in moved if irrational(*one)}) == space("quadratics", 4)


def test_systems_by_counting_pairs_of_coefficients() -> None:
    rows = [(a, b) for a in range(1, 10) for b in range(-9, 10) if b and math.gcd(a, b) == 1]
    assert math.comb(len(rows), 2) * 19**2 == space("systems", 1)
    assert math.comb(len(rows), 2) * 41**2 == space("systems", 2)


def test_matrices_to_invert_by_trying_all() -> None:
    entries = range(-9, 10)
    products = Counter(a * d for a in entries for d in entries)
    assert 19**4 - sum(often * often for often in products.values()) == space("matrices", 4)


def test_fractions_by_writing_every_sum_and_difference() -> None:
    from verigym.tasks.math.trees import canonical

    parts = [("/", n, d) for d in range(2, 21) for n in range(1, d) if math.gcd(n, d) == 1]
    keys = {
        canonical((sign, one, other))
        for sign in "+-"
        for one in parts
        for other in parts
        if sign == "+" or one != other
    }
    assert len(keys) == space("fractions", 1)


@pytest.mark.parametrize(
    ("name", "level"),
    [("linear-equations", 1), ("polynomials", 1), ("derivatives", 4), ("roman", 1), ("quadratics", 1)],
)
def test_even_spaces_are_met_as_often_as_declared(name: str, level: int) -> None:
    # Of s equally likely problems n draws meet s (1 - exp(-n / s)).
    task, n, rng = load(name), 5000, random.Random(4)
    met = len({task.make_problem(rng, level).key for _ in range(n)})
    assert met == pytest.approx(space(name, level) * (1 - math.exp(-n / space(name, level))), rel=0.05)


NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def worth(text: str) -> Fraction | None:
    try:
        return Fraction(text)
    except ValueError:
        return None


@pytest.mark.parametrize(("name", "level"), LEVELS)
def test_no_replier_that_does_not_think_beats_the_declared_chance(name: str, level: int) -> None:
    task, n, rng = load(name), 600, random.Random(11)
    problems = [task.make_problem(rng, level) for _ in range(2 * n)]
    answers = [json.dumps(problem.answer) for problem in problems]
    rates = [answers[n:].count(Counter(answers[:n]).most_common(1)[0][0]) / n]
    for place in (0, -1):
        hits = 0
        for problem in problems[:n]:
            numbers = NUMBER.findall(problem.text.partition("\n\nThink")[0])
            alone = problem.answer if isinstance(problem.answer, str) else problem.answer[0]
            single = isinstance(problem.answer, str) or len(problem.answer) == 1
            hits += bool(numbers) and single and worth(numbers[place]) == worth(alone) is not None
        rates.append(hits / n)
    declared = task.levels[level].chance
    noise = 4 * (declared / n) ** 0.5
    assert max(rates) <= declared + noise
    assert max(rates) >= declared / 2 - noise
