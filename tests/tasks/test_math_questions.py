"""Questions with numbers in them: every answer found again by counting, by putting it back, or by another formula."""

import math
import random
import re
import statistics
from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations, permutations, product

import pytest

from verigym.tasks import Problem, load

from .formulas import evaluate

COUNT = 40


def drawn(name: str, count: int = COUNT) -> Iterator[tuple[Problem, str, list[int]]]:
    """Problems of every level, their name within the task, and the whole numbers in the question."""
    task = load(name)
    for level in task.levels:
        for problem in task.problems(count, split="train", level=level):
            assert task.oracle(problem).endswith(f"<answer>{problem.answer}</answer>")
            question = problem.text.partition("\n\nThink")[0]
            yield problem, problem.meta.get("question", ""), [int(one) for one in re.findall(r"-?\d+", question)]


def every_question_was_met(name: str, met: set[str]) -> None:
    from importlib import import_module

    questions = import_module(f"verigym.tasks.math.{name.replace('-', '_')}").QUESTIONS
    assert met == {question.name for level in questions.values() for question in level}


def divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if n % d == 0]


def about_divisors(kind: str, n: int) -> int:
    found = divisors(n)
    return {
        "divisors": lambda: len(found),
        "divisor-sum": lambda: sum(found),
        "largest-prime": lambda: max(d for d in found[1:] if len(divisors(d)) == 2),
        "totient": lambda: sum(math.gcd(k, n) == 1 for k in range(1, n + 1)),
    }[kind]()


def test_number_theory() -> None:
    met = set()
    for problem, kind, numbers in drawn("number-theory"):
        met.add(kind)
        answer = int(problem.answer)
        if kind in ("gcd", "lcm"):
            a, b = numbers
            common = max(d for d in divisors(a) if b % d == 0)
            expected = common if kind == "gcd" else next(m for m in range(a, a * b + 1, a) if m % b == 0)
        elif kind in ("divisors", "divisor-sum", "largest-prime", "totient"):
            expected = about_divisors(kind, numbers[1] if kind == "totient" else numbers[0])
        elif kind == "inverse":
            _, last, a, one, m = numbers
            assert last == m - 1 and one == 1
            expected = next(x for x in range(1, m) if a * x % m == 1)
        elif kind == "power":
            base, exponent, m = numbers
            expected = 1
            for _ in range(exponent):
                expected = expected * base % m
            assert expected not in (1, base)
        else:
            pairs = list(zip(*[iter(numbers[1:])] * 2, strict=True))
            pairs = [(r, p) for r, p in pairs]
            expected = next(x for x in range(10**6) if all(x % p == r for r, p in pairs))
        assert answer == expected, problem.text
    every_question_was_met("number-theory", met)


def test_sequences() -> None:
    met = set()
    for problem, kind, numbers in drawn("sequences"):
        met.add(kind)
        if kind == "infinite-sum":
            terms = [Fraction(one) for one in re.search(r"begins (.*), \.\.\.", problem.text)[1].split(", ")]
            ratio = terms[1] / terms[0]
            assert terms[2] == terms[1] * ratio and abs(ratio) < 1
            total = sum(float(terms[0]) * float(ratio) ** k for k in range(2000))
            assert float(Fraction(problem.answer)) == pytest.approx(total)
            continue
        if kind == "recursive":
            a, b, p, q, n = numbers
            terms = [a, b]
            while len(terms) < n:
                terms.append(p * terms[-1] + q * terms[-2])
            assert int(problem.answer) == terms[-1]
            continue
        terms, n = (numbers, len(numbers) + 1) if kind == "hidden-recursion" else (numbers[:-1], numbers[-1])
        if kind == "hidden-recursion":  # solve for p and q, and go on
            a, b, c, d = terms[:4]
            below = b * b - a * c
            p, q = Fraction(b * c - a * d, below), Fraction(b * d - c * c, below)
            assert all(z == p * y + q * x for x, y, z in zip(terms, terms[1:], terms[2:], strict=False))
            assert int(problem.answer) == p * terms[-1] + q * terms[-2] and int(problem.answer) not in terms
            continue
        while len(terms) < n:
            if kind.startswith("arithmetic"):
                terms.append(2 * terms[-1] - terms[-2])
            elif kind.startswith("geometric"):
                terms.append(terms[-1] * terms[-1] // terms[-2])
            else:
                terms.append(3 * terms[-1] - 3 * terms[-2] + terms[-3])
        assert int(problem.answer) == (sum(terms[:n]) if kind.endswith("sum") else terms[n - 1]), problem.text
    every_question_was_met("sequences", met)


def share(cases: Iterator[bool]) -> Fraction:
    found = list(cases)
    return Fraction(sum(found), len(found))


def test_probability() -> None:
    met = set()
    for problem, kind, _ in drawn("probability", 25):
        met.add(kind)
        q = problem.meta["quantities"]
        balls = "r" * q.get("r", 0) + "b" * q.get("b", 0) + "g" * q.get("g", 0)
        if kind == "one-ball":
            expected = share(ball != "r" for ball in balls)
        elif kind == "dice-sum":
            expected = share(a + b >= q["s"] for a, b in product(range(1, q["m"] + 1), range(1, q["n"] + 1)))
        elif kind in ("same-colour", "one-of-each"):
            wanted = ({"r"}, {"b"}, {"g"}) if kind == "same-colour" else ({"r", "b"},)
            expected = share(set(pair) in wanted for pair in combinations(balls, 2))
        elif kind == "hypergeometric":
            if math.comb(len(balls), q["n"]) > 200_000:
                continue
            expected = share(draw.count("r") == q["k"] for draw in combinations(balls, q["n"]))
        elif kind == "binomial":
            heads, expected = Fraction(q["p"], q["q"]), Fraction(0)
            for throw in product((True, False), repeat=q["n"]):
                expected += math.prod(heads if one else 1 - heads for one in throw) if sum(throw) == q["k"] else 0
        elif kind == "both-red-given-one":
            expected = share(pair.count("r") == 2 for pair in combinations(balls, 2) if "r" in pair)
        elif kind == "two-machines":
            parts = [("A", q["x"])] * q["a"] + [("B", q["y"])] * (100 - q["a"])
            expected = Fraction(sum(x for name, x in parts if name == "A"), sum(x for _, x in parts))
        else:
            throws = product(range(1, q["n"] + 1), repeat=3)
            expected = share(sum(throw) >= q["t"] for throw in throws if sum(throw) >= q["s"])
        assert str(expected) == problem.answer, problem.text
        for value in q.values():
            assert str(value) in problem.text
    every_question_was_met("probability", met)


def measured(kind: str, q: dict[str, int]) -> float:
    """The length, area or volume by another formula, in floats."""
    a, b, c = (float(q.get(name, 0)) for name in "abc")
    sides = (a, b, b)
    half = sum(sides) / 2
    corners = [complex(q.get(x, 0), q.get(y, 0)) for x, y in ("ab", "cd", "ef")]
    lengths = [abs(one - other) for one, other in combinations(corners, 2)]
    around = sum(lengths) / 2
    return {
        "hypotenuse": lambda: math.hypot(a, b),
        "leg": lambda: b * math.sin(math.acos(a / b)),
        "sector": lambda: math.radians(a) * q["r"] ** 2 / 2,
        "ring": lambda: math.pi * (b - a) * (b + a),
        "trapezoid": lambda: min(a, b) * q["h"] + abs(a - b) * q["h"] / 2,
        "distance": lambda: lengths[0],
        "triangle-area": lambda: math.sqrt(around * math.prod(around - one for one in lengths)),  # Heron
        "box-diagonal": lambda: math.hypot(a, b, c),
        "cone": lambda: math.pi * a**2 * b / 3,
        "isosceles": lambda: math.sqrt(half * math.prod(half - one for one in sides)),
        "inradius": lambda: a * b / (a + b + math.hypot(a, b)),  # area over half the way around
    }[kind]()


def test_geometry() -> None:
    met = set()
    for problem, kind, _ in drawn("geometry"):
        met.add(kind)
        expected = measured(kind, problem.meta["quantities"])
        assert evaluate(problem.answer, float) == pytest.approx(expected, rel=1e-9, abs=1e-6), problem.text
        for inside in re.findall(r"sqrt\{(\d+)\}", problem.answer):
            assert all(int(inside) % (n * n) for n in range(2, 60)) and int(inside) > 1
    every_question_was_met("geometry", met)


def test_percent_and_rates() -> None:
    met = set()
    for problem, kind, numbers in drawn("percent-and-rates"):
        met.add(kind)
        x, q = Fraction(problem.answer), problem.meta["quantities"]
        assert str(x) == problem.answer and x > 0
        if kind == "percent-of":
            assert x / numbers[1] == Fraction(numbers[0], 100)
        elif kind == "what-percent":
            assert Fraction(numbers[1], numbers[0]) * 100 == x
        elif kind == "change":
            up = q["n"] + q["n"] * Fraction(q["p"], 100)
            assert x == up - up * Fraction(q["q"], 100)
        elif kind == "reverse-percent":
            assert x - x * Fraction(q["p"], 100) == q["n"]
        elif kind == "average-speed":
            assert (q["a"] + q["b"]) / x == Fraction(q["a"], q["v"]) + Fraction(q["b"], q["w"])
        elif kind == "meeting":
            assert x / 60 * q["v"] + x / 60 * q["w"] == q["d"]
        elif kind == "work-together":
            assert x / q["a"] + x / q["b"] - x / q["c"] == 1
        elif kind == "mixture":
            assert (q["n"] * q["q"] + x * q["p"]) / (q["n"] + x) == q["r"]
        elif kind == "stream":
            assert x == sum(Fraction(60 * q["d"], speed) for speed in (q["v"] + q["w"], q["v"] - q["w"]))
        else:
            owed = Fraction(q["n"])
            for _ in range(q["t"]):
                owed += owed * q["p"] / 100
            assert x == owed
    every_question_was_met("percent-and-rates", met)


SIZES = {
    "mm": "0.001", "cm": "0.01", "dm": "0.1", "m": "1", "km": "1000", "mg": "0.001", "g": "1", "kg": "1000",
    "tonnes": "1000000", "seconds": "1", "minutes": "60", "hours": "3600", "days": "86400", "weeks": "604800",
    "inches": "2.54", "feet": "30.48", "yards": "91.44", "miles": "160934.4", "centimetres": "1",
    "square millimetres": "0.000001", "square centimetres": "0.0001", "square metres": "1", "hectares": "10000",
    "square kilometres": "1000000", "cubic centimetres": "0.000001", "millilitres": "0.000001", "litres": "0.001",
    "cubic metres": "1", "cubic millimetres": "0.000000001", "metres per second": "1", "metres per minute": "1/60",
    "kilometres per hour": "5/18", "centimetres per second": "0.01", "grams per cubic centimetre": "1000",
    "kilograms per cubic metre": "1", "grams per litre": "1", "milligrams per cubic millimetre": "1000",
    "litres per minute": "60", "litres per hour": "1", "cubic metres per hour": "1000", "millilitres per second": "3.6",
}  # fmt: skip
"""Typed from the definitions: each in one unit of its kind."""


def test_units() -> None:
    seen = set()
    for problem, _, _ in drawn("units", 120):
        target, given, source = re.match(r"How many (.*) are ([\d.]+) (.*)\?\n", problem.text).groups()
        seen |= {target, source}
        assert Fraction(problem.answer) * Fraction(SIZES[target]) == Fraction(given) * Fraction(SIZES[source])
        assert Fraction(problem.answer) != Fraction(given)
    assert seen == set(SIZES)


def test_counting() -> None:
    met = set()
    for problem, kind, _ in drawn("counting", 100):
        q, answer = problem.meta["quantities"], int(problem.answer)
        expected = counted(kind, q)
        if expected is not None:
            met.add(kind)
            assert answer == expected, problem.text
    every_question_was_met("counting", met)


def counted(kind: str, q: dict[str, int]) -> int | None:
    """The number by going through all cases, or None where there are too many."""
    if kind == "committee":
        women, men = combinations(range(q["n"]), q["a"]), combinations(range(q["m"]), q["b"])
        return sum(1 for _ in women) * sum(1 for _ in men)
    if kind == "podium":
        if q["n"] > 9:
            return None
        return sum(
            1
            for ranked in permutations(range(q["n"]), q["k"])
            for _ in combinations(set(range(q["n"])) - set(ranked), q["c"])
        )
    if kind == "arrangements":
        rows: dict[tuple[int, ...], int] = {(0, 0, 0, 0): 1}  # rows by how many flags of each colour hang
        for hung in product(*(range(q[name] + 1) for name in "abcd")):
            before = ((*hung[:place], hung[place] - 1, *hung[place + 1 :]) for place in range(4))
            rows.setdefault(hung, sum(rows.get(one, 0) for one in before))
        return rows[q["a"], q["b"], q["c"], q["d"]]
    if kind.startswith("paths"):
        ways: dict[tuple[int, int, bool], int] = {(0, 0, False): 1}
        for x, y in product(range(q["w"] + 1), range(q["h"] + 1)):
            for touched in (False, True):
                here = ways.get((x, y, touched), 0)
                for step in ((x + 1, y), (x, y + 1)):
                    place = (*step, touched or step == (q["x"], q["y"]))
                    ways[place] = ways.get(place, 0) + here
        return ways.get((q["w"], q["h"], kind == "paths-through"), 0)
    if kind == "distribution":
        sums = [1] + [0] * q["n"]
        for _ in range(q["k"]):
            sums = [sum(sums[: total - q["m"] + 1]) if total >= q["m"] else 0 for total in range(q["n"] + 1)]
        return sums[-1]
    if kind == "no-neighbours":
        if q["n"] > 18:
            return None
        return sum(bits.bit_count() == q["k"] and not bits & bits >> 1 for bits in range(2 ** q["n"]))
    return sum((n % q["a"] == 0) != (n % q["b"] == 0) for n in range(1, q["n"] + 1))


def test_averages() -> None:
    for problem, _, numbers in drawn("averages"):
        kind = problem.key.partition(":")[0]
        exact = [Fraction(one) for one in numbers]
        if kind == "groups":
            people = [age for size, age in zip(numbers[::2], numbers[1::2], strict=True) for _ in range(size)]
            expected = Fraction(statistics.mean(map(Fraction, people)))
        elif kind == "missing":
            expected = Fraction(problem.answer)
            assert statistics.mean([*exact[:-1], expected]) == numbers[-1]
        else:
            middle = statistics.mean(exact)
            expected = {
                "mean": middle,
                "median": Fraction(statistics.median(exact)),
                "variance": statistics.pvariance(exact),
                "deviation": statistics.mean([abs(one - middle) for one in exact]),
            }[kind]
        assert str(expected) == problem.answer, problem.text


def read(numeral: str) -> int:
    """A numeral from the right: a smaller letter before a larger one is taken off."""
    total = largest = 0
    for letter in reversed(numeral):
        worth = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}[letter]
        total += worth if worth >= largest else -worth
        largest = max(largest, worth)
    return total


def test_roman() -> None:
    form = re.compile(r"M{0,3}(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})")
    for problem, _, _ in drawn("roman"):
        numerals = re.findall(r"\b[MDCLXVI]{2,}\b|\b[MDCLXVI]\b", problem.text.partition("\n\n")[0])
        level = problem.address.level
        if level == 1:
            assert read(numerals[0]) == int(problem.answer)
        elif level == 2:
            assert read(problem.answer) == int(re.search(r"\d+", problem.text)[0])
        else:
            assert read(problem.answer) == sum(map(read, numerals[:2]))
        for numeral in [*numerals, *([problem.answer] if level > 1 else [])]:
            assert form.fullmatch(numeral), numeral
    assert {load("roman").problem(i, level=1).family for i in range(5)} == {
        load("roman").problem(i, level=1).answer for i in range(5)
    }


def test_twins_are_of_one_family() -> None:
    from verigym.tasks.math import counting, probability
    from verigym.tasks.math.questions import posed

    for module, level, name, twins in (
        (probability, 2, "same-colour", [{"r": 2, "b": 3, "g": 4}, {"r": 4, "b": 2, "g": 3}]),
        (probability, 3, "hypergeometric", [{"r": 5, "b": 7, "n": 4, "k": 1}, {"r": 7, "b": 5, "n": 4, "k": 3}]),
        (counting, 2, "paths-through", [{"w": 5, "h": 4, "x": 1, "y": 2}, {"w": 4, "h": 5, "x": 2, "y": 1}]),
    ):
        question = next(one for one in module.QUESTIONS[level] if one.name == name)
        found = [posed(_Fixed(quantities), question, "words", "1") for quantities in twins]
        assert found[0].family == found[1].family and found[0].key != found[1].key
        assert found[0].answer == found[1].answer


class _Fixed(random.Random):
    """A generator whose choices are told beforehand."""

    def __init__(self, quantities: dict[str, int]) -> None:
        super().__init__(0)
        self.told = iter(quantities.values())

    def choice(self, seq):
        return next(self.told)
