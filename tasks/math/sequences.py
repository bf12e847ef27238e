"""Sequences and series: arithmetic, geometric, quadratic and recursive ones, and their sums.

answer       "-41": a whole number, or a fraction in lowest terms for an infinite sum
in the tags  -41

The kind of each sequence is told, so that exactly one continuation is right.

    TASK.problem(0, level=1).prompt      # 'The arithmetic sequence begins 7, 11, 15, 19. What is its 23rd term? ...'
"""

from collections.abc import Callable
from fractions import Fraction

from verigym.tasks.math.questions import Question, questions_task
from verigym.tasks.math.terms import combination
from verigym.tasks.supply import Level


def _nth(n: int) -> str:
    """`23rd`"""
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"


def _first(count: int, term: Callable[[int], object]) -> str:
    return ", ".join(str(term(n)) for n in range(1, count + 1))


def recursive(a: int, b: int, p: int, q: int, n: int) -> int:
    """The nth term of a, b, ..., where each later term is p times the one before it plus q times the one before
    that."""
    for _ in range(n - 1):
        a, b = b, p * b + q * a
    return a


_SIGNED = [*range(-60, 0), *range(1, 61)]
_STARTS = [*range(-40, 0), *range(1, 41)]
_RATIOS = [-5, -4, -3, -2, 2, 3, 4, 5]

QUESTIONS = {
    1: (
        Question(
            "arithmetic", "An arithmetic sequence begins {terms}. What is its {nth} term?", "arith {terms} #{n}",
            {"a": _STARTS, "d": _SIGNED, "n": range(8, 60)},
            lambda a, d, n: a + (n - 1) * d,
            shown=lambda a, d, n: {"terms": _first(4, lambda k: a + (k - 1) * d), "nth": _nth(n)},
            work=lambda a, d, n: f"{a} + {n - 1} * ({d}) = {a + (n - 1) * d}",
        ),
        Question(
            "geometric", "A geometric sequence begins {terms}. What is its {nth} term?", "geom {terms} #{n}",
            {"a": _SIGNED, "r": _RATIOS, "n": range(5, 10)},
            lambda a, r, n: a * r ** (n - 1),
            shown=lambda a, r, n: {"terms": _first(4, lambda k: a * r ** (k - 1)), "nth": _nth(n)},
            work=lambda a, r, n: f"{a} * ({r})^{n - 1} = {a * r ** (n - 1)}",
        ),
    ),
    2: (
        Question(
            "quadratic",
            "A sequence with constant second differences begins {terms}. What is its {nth} term?", "quad {terms} #{n}",
            {"a": [-4, -3, -2, -1, 1, 2, 3, 4], "b": range(-9, 10), "c": range(-15, 16), "n": range(7, 25)},
            lambda a, b, c, n: a * n * n + b * n + c,
            shown=lambda a, b, c, n: {"terms": _first(5, lambda k: a * k * k + b * k + c), "nth": _nth(n)},
            work=lambda a, b, c, n: (
                f"{combination([(a, 'n^2'), (b, 'n'), (c, '')])}, with n = {n}: {a * n * n + b * n + c}"
            ),
        ),
    ),
    3: (
        Question(
            "recursive",
            "A sequence begins {a}, {b}. Each later term is {p} times the term before it plus {q} times the term "
            "before "
            "that. What is its {nth} term?",
            "{a},{b}: {p}*last+{q}*before #{n}",
            {"a": range(-6, 7), "b": range(-6, 7), "p": [-3, -2, -1, 1, 2, 3], "q": [-3, -2, -1, 1, 2, 3],
             "n": range(6, 11)},
            recursive,
            fits=lambda a, b, p, q, n: recursive(a, b, p, q, n) not in {a, b, 0},
            shown=lambda a, b, p, q, n: {"nth": _nth(n)},
            work=lambda a, b, p, q, n: _first(n, lambda k: recursive(a, b, p, q, k)),
        ),
        Question(
            "hidden-recursion",
            "In a sequence each term from the third on is p times the term before it plus q times the term before "
            "that, "
            "with fixed numbers p and q. It begins {terms}. What is its next term?",
            "recur {terms}",
            {"a": range(-6, 7), "b": range(-6, 7), "p": [-3, -2, -1, 1, 2, 3], "q": [-3, -2, -1, 1, 2, 3],
             "n": range(6, 8)},
            recursive,
            # The numbers p and q follow from the first four terms where these are no geometric sequence.
            fits=lambda a, b, p, q, n: (
                b * b != a * recursive(a, b, p, q, 3)
                and recursive(a, b, p, q, n) not in {0, *(recursive(a, b, p, q, k) for k in range(1, n))}
            ),
            shown=lambda a, b, p, q, n: {"terms": _first(n - 1, lambda k: recursive(a, b, p, q, k))},
            work=lambda a, b, p, q, n: f"p = {p}, q = {q}",
        ),
    ),
    4: (
        Question(
            "arithmetic-sum",
            "An arithmetic sequence begins {terms}. What is the sum of its first {n} terms?", "arith {terms} sum {n}",
            {"a": _STARTS, "d": _SIGNED, "n": range(8, 60)},
            lambda a, d, n: n * (2 * a + (n - 1) * d) // 2,
            shown=lambda a, d, n: {"terms": _first(4, lambda k: a + (k - 1) * d)},
            work=lambda a, d, n: f"{n} * (2 * ({a}) + {n - 1} * ({d})) / 2",
        ),
        Question(
            "geometric-sum",
            "A geometric sequence begins {terms}. What is the sum of its first {n} terms?", "geom {terms} sum {n}",
            {"a": _SIGNED, "r": _RATIOS, "n": range(5, 10)},
            lambda a, r, n: a * (r**n - 1) // (r - 1),
            shown=lambda a, r, n: {"terms": _first(4, lambda k: a * r ** (k - 1))},
            work=lambda a, r, n: f"{a} * (({r})^{n} - 1) / ({r} - 1)",
        ),
        Question(
            "infinite-sum",
            "An infinite geometric series begins {terms}. What is its sum?", "geom {terms} sum inf",
            {"a": _STARTS, "p": [-7, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 7], "q": range(2, 10)},
            lambda a, p, q: a / (1 - Fraction(p, q)),
            fits=lambda a, p, q: Fraction(abs(p), q) < 1 and Fraction(p, q).denominator == q,
            shown=lambda a, p, q: {"terms": _first(3, lambda k: a * Fraction(p, q) ** (k - 1)) + ", ..."},
            work=lambda a, p, q: f"{a} / (1 - {Fraction(p, q)})",
        ),
    ),
}  # fmt: skip
"""Level to its questions."""

LEVELS = {
    1: Level("arithmetic and geometric, the nth term", space=504_000, chance=0.0035),
    2: Level("constant second differences, the nth term", space=84_816, chance=0.002),
    3: Level("each term from the two before it", space=39_170, chance=0.008),
    4: Level("sums, finite and infinite", space=508_000, chance=0.002),
}

TASK = questions_task("sequences", QUESTIONS, LEVELS, form="-98765")
