"""Equations, polynomials, fractions, calculus and matrices: every answer is put back into its question, or found
another way."""

import json
import math
import random
import re
from fractions import Fraction
from itertools import permutations

import pytest

from verigym.tasks import Problem, load

from .formulas import evaluate

COUNT = 12
STYLES = ("words", "terse")


def drawn(name: str, style: str = "words", level: int | None = None) -> list[Problem]:
    """Problems of every level, or of one."""
    task = load(name, style=style)
    levels = [level] if level else list(task.levels)
    found = [problem for one in levels for problem in task.problems(COUNT, split="train", level=one)]
    for problem in found:
        inside = task.oracle(problem).rpartition("<answer>")[2].removesuffix("</answer>")
        assert inside == (problem.answer if isinstance(problem.answer, str) else ", ".join(problem.answer))
    return found


def lowest(text: str) -> Fraction:
    """The rational that a text writes; it must stand in lowest terms."""
    value = Fraction(text)
    assert str(value) == text
    return value


@pytest.mark.parametrize("style", STYLES)
def test_linear_equations(style: str) -> None:
    for problem in drawn("linear-equations", style):
        text = problem.text if style == "terse" else re.match(r"Solve for x: (.*)\.\n", problem.text)[1]
        left, right = text.split("=")
        x = lowest(problem.answer)
        assert evaluate(left, x=x) == evaluate(right, x=x)
        assert evaluate(left, x=x + 1) != evaluate(right, x=x + 1)  # and no other is one
        assert "1x" not in re.sub(r"\d1x", "", text) and "+ -" not in text
        if problem.address.level <= 2:
            assert x.denominator == 1


@pytest.mark.parametrize("style", STYLES)
def test_systems(style: str) -> None:
    for problem in drawn("systems", style):
        equations = re.findall(r"[-\dxyz +]+=\s*-?\d+", problem.text)
        assert len(equations) == len(problem.answer)
        values = dict(zip("xyz", map(lowest, problem.answer), strict=False))
        for equation in equations:
            left, right = equation.split("=")
            assert evaluate(left, **values) == int(right)
        # One solution alone: moving along any direction of a grid leaves some equation.
        for name, value in values.items():
            moved = {**values, name: value + 1}
            assert any(evaluate(left, **moved) != int(right) for left, right in (e.split("=") for e in equations))


@pytest.mark.parametrize("style", STYLES)
def test_quadratics(style: str) -> None:
    for problem in drawn("quadratics", style):
        text = problem.text if style == "terse" else re.match(r"Solve (.*)\. Give", problem.text)[1]
        left, right = text.split("=")
        roots = [evaluate(root, float) for root in problem.answer.split(",")]
        assert len(roots) == 2 and roots[0] < roots[1]
        for x in roots:
            assert evaluate(left, float, x=x) == pytest.approx(evaluate(right, float, x=x), abs=1e-7)
        assert ("sqrt" in problem.answer) == (problem.address.level >= 3)
        for inside in re.findall(r"sqrt\{(\d+)\}", problem.answer):
            assert all(int(inside) % (n * n) for n in range(2, 20))
        for start, factor, below in re.findall(
            r"\\frac\{(?:(-?\d+) [-+] |-?)(\d*)\\sqrt\{\d+\}\}\{(\d+)\}", problem.answer
        ):
            assert math.gcd(int(start or 0), int(factor or 1), int(below)) == 1


@pytest.mark.parametrize("style", STYLES)
def test_polynomials(style: str) -> None:
    for problem in drawn("polynomials", style):
        text = problem.text if style == "terse" else re.match(r"Write (.*) as a polynomial", problem.text)[1]
        coefficients = [int(one) for one in problem.answer]
        assert coefficients[0] != 0 and len(coefficients) == {1: 3, 2: 4, 3: 3, 4: 5}[problem.address.level]
        for x in range(20, 20 + len(coefficients) + 1):  # more points than the degree decide a polynomial
            value = sum(one * x**power for power, one in enumerate(reversed(coefficients)))
            assert evaluate(text, x=Fraction(x)) == value


@pytest.mark.parametrize("style", STYLES)
def test_fractions(style: str) -> None:
    task = load("fractions", style=style)
    for problem in drawn("fractions", style):
        text = problem.text if style == "terse" else re.match(r"What is (.*)\?", problem.text)[1]
        assert evaluate(text) == lowest(problem.answer) != 0
        steps = task.oracle(problem).partition("<answer>")[0].strip().replace(";", "\n").strip().split("\n")
        assert len(steps) == {1: 1, 2: 2, 3: 3, 4: 4}[problem.address.level]
        for step in steps:
            left, right = step.split("=")
            assert evaluate(left) == evaluate(right)


@pytest.mark.parametrize("style", STYLES)
def test_derivatives(style: str) -> None:
    for problem in drawn("derivatives", style):
        function = (
            problem.text.removeprefix("d/dx")
            if style == "terse"
            else re.match(r"Find the derivative of f\(x\) = (.*)\. Give", problem.text)[1]
        )
        checked = 0
        for x in (0.11, 0.37, 0.73, 1.3, 2.1):
            h = 1e-5
            try:
                slope = (evaluate(function, float, x=x + h) - evaluate(function, float, x=x - h)) / (2 * h)
                value, itself = evaluate(problem.answer, float, x=x), evaluate(function, float, x=x)
            except (ValueError, OverflowError):  # outside the domain of a logarithm, or far too large
                continue
            if abs(slope) < 1e6:
                assert value == pytest.approx(slope, rel=1e-4, abs=1e-4), (function, problem.answer)
                checked += value != pytest.approx(itself, rel=1e-3)
        assert checked or "\\ln" in function or "e^" in function, function  # no function is its own derivative


def simpson(function, low: Fraction, high: Fraction, pieces: int = 400) -> float:
    """Simpson's rule."""
    width = (high - low) / pieces
    values = [float(function(low + i * width)) for i in range(pieces + 1)]
    return float(width) / 3 * (values[0] + values[-1] + 4 * sum(values[1:-1:2]) + 2 * sum(values[2:-1:2]))


@pytest.mark.parametrize("style", STYLES)
def test_integrals(style: str) -> None:
    met = set()
    for problem in drawn("integrals", style):
        answer = float(lowest(problem.answer))
        if "area" in problem.text:
            curve, line = re.search(r"y ?= ?(.*) ?(?:and)? ?y ?= ?(.*?)(?:\?|$)", problem.text, re.M).groups()
            curve = curve.removesuffix(" and ").strip()

            def gap(x: Fraction, curve: str = curve, line: str = line) -> Fraction:
                return abs(evaluate(curve, x=x) - evaluate(line, x=x))

            ends = [Fraction(x) for x in range(-8, 10) if gap(Fraction(x)) == 0]
            assert len(ends) == 2 and answer > 0
            value, kind = simpson(gap, ends[0], ends[1]), "area"
        else:
            pattern = (
                r"int (.*) (-?[\d/]+)\.\.(-?[\d/]+)"
                if style == "terse"
                else r"What is the integral of (.*) from x = (\S+) to x = (\S+)\?"
            )
            integrand, low, high = re.match(pattern, problem.text).groups()
            value = simpson(lambda x, text=integrand: evaluate(text, x=x), Fraction(low), Fraction(high))
            kind = "absolute" if "|" in integrand else "polynomial"
        met.add(kind)
        assert value == pytest.approx(answer, rel=1e-4, abs=2e-3), problem.text
    assert met == {"area", "absolute", "polynomial"}


def determinant(rows: list[list[Fraction]]) -> Fraction:
    """Leibniz: the signed sum over all permutations."""
    total = Fraction(0)
    for order in permutations(range(len(rows))):
        swaps = sum(order[i] > order[j] for i in range(len(rows)) for j in range(i + 1, len(rows)))
        total += (-1) ** swaps * math.prod(rows[i][order[i]] for i in range(len(rows)))
    return total


@pytest.mark.parametrize("style", STYLES)
def test_matrices(style: str) -> None:
    for problem in drawn("matrices", style):
        given = [json.loads(text) for text in re.findall(r"\[\[.*?\]\]", problem.text)]
        entries = [lowest(one) for one in problem.answer]
        level, a = problem.address.level, given[0]
        if level == 3:
            assert entries == [determinant(a)] and entries[0] != 0
            continue
        size = len(a)
        if level == 4:
            rows = [entries[:2], entries[2:]]
            product = [[sum(a[i][k] * rows[k][j] for k in range(2)) for j in range(2)] for i in range(2)]
            assert product == [[1, 0], [0, 1]]
            continue
        b = given[1]
        width = len(b[0])
        assert len(entries) == size * width
        for i in range(size):
            for j in range(width):
                assert entries[i * width + j] == sum(a[i][k] * b[k][j] for k in range(size))


@pytest.mark.parametrize("name", ["polynomials", "fractions"])
def test_permuted_twins_are_one_problem(name: str) -> None:
    task, rng = load(name), random.Random(1)
    texts: dict[str, set[str]] = {}
    for _ in range(3000):
        problem = task.make_problem(rng, 1)
        texts.setdefault(problem.key, set()).add(problem.text)
    assert any(len(found) > 1 for found in texts.values())


def test_a_mirrored_equation_and_a_multiplied_one_are_one_problem() -> None:
    from verigym.tasks.math.terms import primitive

    task, rng = load("linear-equations"), random.Random(1)
    for level in task.levels:
        sides = task.make_problem(rng, level).key.split(" = ")
        assert sides == sorted(sides)
    assert primitive(-4, 6, 2) == primitive(2, -3, -1) == (2, -3, -1)
    assert primitive(0, -3, 6) == (0, 1, -2)
