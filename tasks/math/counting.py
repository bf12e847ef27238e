"""Counting: choices, arrangements, paths through a grid, distributions, strings without neighbours.

answer       "1260": a positive whole number
in the tags  1260; 9!/(2!4!) that is not worked out does not count

    TASK.problem(0, level=1).prompt      # 'In how many ways can 3 of 8 women and 2 of 6 men be chosen? ...'
"""

from math import comb, factorial, prod

from verigym.tasks.math.questions import Question, questions_task
from verigym.tasks.supply import Level


def arrangements(**counts: int) -> int:
    """How many orders there are of things of which so many of each kind are alike."""
    return factorial(sum(counts.values())) // prod(map(factorial, counts.values()))


QUESTIONS = {
    1: (
        Question(
            "committee",
            "In how many ways can a committee of {a} women and {b} men be chosen from {n} women and {m} men?",
            "choose {a} of {n}, {b} of {m}",
            {"n": range(4, 21), "a": range(1, 8), "m": range(4, 21), "b": range(1, 8)},
            lambda n, a, m, b: comb(n, a) * comb(m, b),
            fits=lambda n, a, m, b: a < n and b < m,
            work=lambda n, a, m, b: f"{comb(n, a)} * {comb(m, b)}",
            twins=lambda n, a, m, b: sorted([(n, a), (m, b)]),
        ),
        Question(
            "podium",
            "{n} runners start. In how many ways can the first {k} places be filled, and then a team of {c} be "
            "chosen from "
            "the others?",
            "rank {k} of {n}, choose {c}", {"n": range(6, 101), "k": range(2, 6), "c": range(1, 7)},
            lambda n, k, c: factorial(n) // factorial(n - k) * comb(n - k, c),
            fits=lambda n, k, c: k + c < n,
            work=lambda n, k, c: f"{factorial(n) // factorial(n - k)} * {comb(n - k, c)}",
        ),
    ),
    2: (
        Question(
            "arrangements",
            "{a} red, {b} blue, {c} green and {d} white flags are hung in a row; flags of one colour look alike. How "
            "many "
            "different rows are there?",
            "rows {a},{b},{c},{d}", dict.fromkeys("abcd", range(1, 11)),
            arrangements,
            fits=lambda a, b, c, d: a >= b >= c >= d and a > 1,
            work=lambda a, b, c, d: f"{a + b + c + d}! / ({a}! {b}! {c}! {d}!)",
        ),
        Question(
            "paths-through",
            "On a grid one may go one step right or one step up. How many ways lead from (0, 0) to ({w}, {h}) "
            "through the "
            "point ({x}, {y})?",
            "paths ({w},{h}) by ({x},{y})",
            {"w": range(3, 14), "h": range(3, 14), "x": range(1, 13), "y": range(1, 13)},
            lambda w, h, x, y: comb(x + y, x) * comb(w - x + h - y, w - x),
            fits=lambda w, h, x, y: x < w and y < h,
            work=lambda w, h, x, y: f"{comb(x + y, x)} * {comb(w - x + h - y, w - x)}",
            twins=lambda w, h, x, y: sorted([(w, x), (h, y)]),
        ),
        Question(
            "paths-around",
            "On a grid one may go one step right or one step up. How many ways lead from (0, 0) to ({w}, {h}) without "
            "touching the point ({x}, {y})?",
            "paths ({w},{h}) not by ({x},{y})",
            {"w": range(3, 14), "h": range(3, 14), "x": range(1, 13), "y": range(1, 13)},
            lambda w, h, x, y: comb(w + h, w) - comb(x + y, x) * comb(w - x + h - y, w - x),
            fits=lambda w, h, x, y: x < w and y < h,
            work=lambda w, h, x, y: f"{comb(w + h, w)} - {comb(x + y, x)} * {comb(w - x + h - y, w - x)}",
            twins=lambda w, h, x, y: sorted([(w, x), (h, y)]),
        ),
    ),
    3: (
        Question(
            "distribution",
            "In how many ways can {n} equal coins be shared among {k} children so that each gets at least {m}?",
            "share {n} among {k}, least {m}", {"n": range(8, 150), "k": range(3, 8), "m": range(4)},
            lambda n, k, m: comb(n - k * m + k - 1, k - 1),
            fits=lambda n, k, m: n - k * m >= 2,
            work=lambda n, k, m: f"C({n - k * m + k - 1}, {k - 1})",
        ),
        Question(
            "no-neighbours",
            "How many strings of {n} zeros and ones have exactly {k} ones, no two of them next to each other?",
            "strings {n}, {k} ones apart", {"n": range(8, 121), "k": range(2, 17)},
            lambda n, k: comb(n - k + 1, k),
            fits=lambda n, k: 2 * k < n,
            work=lambda n, k: f"C({n - k + 1}, {k})",
        ),
        Question(
            "divisible",
            "How many numbers from 1 to {n} are divisible by {a} or by {b} but not by both?",
            "1..{n} by {a} xor {b}", {"n": range(100, 1000, 5), "a": range(2, 12), "b": range(3, 16)},
            lambda n, a, b: n // a + n // b - 2 * (n // (a * b)),
            fits=lambda n, a, b: a < b and all(a % d or b % d for d in range(2, a + 1)),
            work=lambda n, a, b: f"{n // a} + {n // b} - 2 * {n // (a * b)}",
        ),
    ),
}  # fmt: skip
"""Level to its questions."""

LEVELS = {
    1: Level("committees and podiums", space=14_109, chance=0.003),
    2: Level("alike things, paths through a grid", space=12_572, chance=0.005),
    3: Level("distributions, strings, divisibility", space=13_840, chance=0.003),
}

TASK = questions_task("counting", QUESTIONS, LEVELS, form="98765")
