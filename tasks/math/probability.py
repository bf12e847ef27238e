"""Probability: balls, dice, coins and cards, as exact fractions.

answer       "3/28": a fraction in lowest terms
in the tags  3/28; an exact decimal or percentage counts, a rounded one does not

    TASK.problem(0, level=1).prompt      # 'A bag holds 5 red, 3 blue and 8 green balls. One ball is drawn. ...'
"""

from fractions import Fraction
from math import comb

from verigym.tasks.math.questions import Question, questions_task
from verigym.tasks.supply import Level

_BAG = "A bag holds {r} red, {b} blue and {g} green balls. "
_BALLS = {"r": range(2, 26), "b": range(2, 26), "g": range(2, 26)}


def dice_sums(count: int, sides: int) -> list[int]:
    """How many throws of `count` dice have each sum, from 0 on."""
    ways = [1]
    for _ in range(count):
        longer = [0] * (len(ways) + sides)
        for total, number in enumerate(ways):
            for face in range(1, sides + 1):
                longer[total + face] += number
        ways = longer
    return ways


def _at_least(ways: list[int], least: int) -> Fraction:
    return Fraction(sum(ways[least:]), sum(ways))


QUESTIONS = {
    1: (
        Question(
            "one-ball", _BAG + "One ball is drawn at random. What is the probability that it is not red?",
            "{r}r {b}b {g}g: not r", _BALLS,
            lambda r, b, g: Fraction(b + g, r + b + g),
            work=lambda r, b, g: f"{b + g} of {r + b + g}",
            twins=lambda r, b, g: (r, *sorted((b, g))),
        ),
        Question(
            "dice-sum",
            "Two fair dice, one with {m} and one with {n} sides numbered from 1, are thrown. What is the probability "
            "that "
            "their sum is at least {s}?",
            "d{m}+d{n}>={s}", {"m": range(4, 21), "n": range(4, 21), "s": range(3, 40)},
            lambda m, n, s: Fraction(sum(min(n, max(0, n + one - s + 1)) for one in range(1, m + 1)), m * n),
            fits=lambda m, n, s: m < n and s <= m + n,
        ),
    ),
    2: (
        Question(
            "same-colour",
            _BAG + "Two balls are drawn at random without putting the first one back. What is the "
            "probability that they "
            "have the same colour?",
            "{r}r {b}b {g}g: two alike", _BALLS,
            lambda r, b, g: Fraction(comb(r, 2) + comb(b, 2) + comb(g, 2), comb(r + b + g, 2)),
            work=lambda r, b, g: f"{comb(r, 2) + comb(b, 2) + comb(g, 2)} of {comb(r + b + g, 2)} pairs",
            twins=lambda r, b, g: sorted((r, b, g)),
        ),
        Question(
            "one-of-each",
            _BAG + "Two balls are drawn at random without putting the first one back. What is the "
            "probability that one is "
            "red and one is blue?",
            "{r}r {b}b {g}g: one r one b", _BALLS,
            lambda r, b, g: Fraction(r * b, comb(r + b + g, 2)),
            work=lambda r, b, g: f"{r * b} of {comb(r + b + g, 2)} pairs",
            twins=lambda r, b, g: (*sorted((r, b)), g),
        ),
    ),
    3: (
        Question(
            "hypergeometric",
            "A bag holds {r} red and {b} blue balls. {n} balls are drawn at random without putting any back. What is "
            "the "
            "probability that exactly {k} of them are red?",
            "{r}r {b}b draw {n}: {k}r", {"r": range(3, 31), "b": range(3, 31), "n": range(3, 8), "k": range(1, 7)},
            lambda r, b, n, k: Fraction(comb(r, k) * comb(b, n - k), comb(r + b, n)),
            fits=lambda r, b, n, k: k < n and k <= r and n - k <= b,
            work=lambda r, b, n, k: f"{comb(r, k)} * {comb(b, n - k)} of {comb(r + b, n)} draws",
            twins=lambda r, b, n, k: sorted([(r, k), (b, n - k)]),
        ),
        Question(
            "binomial",
            "A coin shows heads with probability {p}/{q}. It is thrown {n} times. What is the probability of exactly "
            "{k} "
            "heads?",
            "coin {p}/{q} n={n} k={k}",
            {"p": range(1, 12), "q": range(2, 13), "n": range(3, 8), "k": range(1, 7)},
            lambda p, q, n, k: comb(n, k) * Fraction(p, q) ** k * (1 - Fraction(p, q)) ** (n - k),
            fits=lambda p, q, n, k: p < q and k < n and Fraction(p, q).denominator == q,
            work=lambda p, q, n, k: f"{comb(n, k)} * ({p}/{q})^{k} * ({q - p}/{q})^{n - k}",
            twins=lambda p, q, n, k: (q, n, sorted([(p, k), (q - p, n - k)])),
        ),
    ),
    4: (
        Question(
            "both-red-given-one",
            _BAG + "Two balls are drawn at random without putting the first one back. At least one of them "
            "is red. What is "
            "the probability that both are red?",
            "{r}r {b}b {g}g: two r given one r", _BALLS,
            lambda r, b, g: Fraction(comb(r, 2), comb(r + b + g, 2) - comb(b + g, 2)),
            work=lambda r, b, g: f"{comb(r, 2)} of {comb(r + b + g, 2) - comb(b + g, 2)} pairs",
            twins=lambda r, b, g: (r, *sorted((b, g))),
        ),
        Question(
            "two-machines",
            "Machine A makes {a} % of the parts and machine B the rest. {x} % of the parts of A and {y} % of those "
            "of B "
            "are faulty. A part is faulty. What is the probability that A made it?",
            "A {a}% faulty A {x}% B {y}%",
            {"a": range(10, 91, 5), "x": range(1, 16), "y": range(1, 16)},
            lambda a, x, y: Fraction(a * x, a * x + (100 - a) * y),
            fits=lambda a, x, y: x != y,
            work=lambda a, x, y: f"{a * x} / ({a * x} + {(100 - a) * y})",
        ),
        Question(
            "three-dice-given",
            "Three fair dice with {n} sides, numbered from 1, are thrown. Their sum is at least {s}. What is the "
            "probability that it is at least {t}?",
            "3d{n}>={s}: >={t}", {"n": range(4, 11), "s": range(5, 28), "t": range(6, 30)},
            lambda n, s, t: _at_least(dice_sums(3, n), t) / _at_least(dice_sums(3, n), s),
            fits=lambda n, s, t: s < t <= 3 * n,
            work=lambda n, s, t: f"{sum(dice_sums(3, n)[t:])} of {sum(dice_sums(3, n)[s:])} throws",
        ),
    ),
}  # fmt: skip
"""Level to its questions."""

LEVELS = {
    1: Level("one ball, two dice", space=16_816, chance=0.026),
    2: Level("two balls without putting back", space=27_648, chance=0.009),
    3: Level("exactly k of n", space=16_020, chance=0.008),
    4: Level("given that", space=18_446, chance=0.014),
}

TASK = questions_task("probability", QUESTIONS, LEVELS, form="97/8901")
