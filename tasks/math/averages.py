"""Means, medians, variances and missing values of short lists.

answer       "29/4": a whole number or a fraction in lowest terms
in the tags  29/4 or 7.25; a rounded value is wrong

    problem(random.Random(0), 1).prompt      # 'What is the mean of 14, 3, 27, 8, 11? ...'
"""

import random
from collections.abc import Callable, Sequence
from fractions import Fraction

from verigym.tasks.math.terms import ratio
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

LEVELS = {
    # Multisets of 5 of 99 numbers, as a lower bound; of 4 of 40 for the squares.
    1: Level("mean, median", space=83_000_000, chance=0.045),
    2: Level("mean absolute deviation, population variance", space=123_410, chance=0.009),
    3: Level("weighted means, missing values", space=1_000_000, chance=0.005),
}

_EXACT = " Give the exact number, as a fraction if need be."
Drawn = tuple[str, str, Fraction, str]
"""Words, terse text, answer, and the key within a level."""


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """A question of a level about numbers evenly drawn."""
    words, terse, value, key = rng.choice(KINDS[level])(rng)
    return Problem(prompt=ask(style, words + _EXACT, terse, "<answer>-97/89</answer>"), answer=ratio(value), key=key)


def oracle(problem: Problem, style: str = "words") -> str:
    """The value."""
    return answered(style, problem.answer)


def mean(values: Sequence[int | Fraction]) -> Fraction:
    """The exact mean."""
    return Fraction(sum(values)) / len(values)


def median(values: Sequence[int]) -> Fraction:
    """The middle value, or the mean of the two in the middle."""
    ordered, half = sorted(values), len(values) // 2
    return Fraction(ordered[half]) if len(ordered) % 2 else mean(ordered[half - 1 : half + 1])


def variance(values: Sequence[int]) -> Fraction:
    """The mean of the squared distances from the mean."""
    middle = mean(values)
    return mean([(one - middle) ** 2 for one in values])


def deviation(values: Sequence[int]) -> Fraction:
    """The mean of the distances from the mean."""
    middle = mean(values)
    return mean([abs(one - middle) for one in values])


def _of_list(
    name: str, spoken: str, compute: Callable[[Sequence[int]], Fraction], sizes: range, largest: int
) -> Callable[[random.Random], Drawn]:
    def drawn(rng: random.Random) -> Drawn:
        values = [rng.randint(1, largest) for _ in range(rng.choice(sizes))]
        listed = ", ".join(map(str, values))
        key = f"{name}:{','.join(map(str, sorted(values)))}"
        return f"What is the {spoken} of {listed}?", f"{name} {listed.replace(' ', '')}", compute(values), key

    return drawn


def _weighted(rng: random.Random) -> Drawn:
    """The mean of groups of which the size and the mean are known."""
    groups = [(rng.randint(2, 40), rng.randint(1, 100)) for _ in range(rng.choice((2, 3)))]
    parts = "; ".join(f"{size} people with a mean age of {age}" for size, age in groups)
    value = Fraction(sum(size * age for size, age in groups), sum(size for size, _ in groups))
    key = "groups:" + ",".join(f"{size}*{age}" for size, age in sorted(groups))
    terse = "mean " + " ".join(f"{size}*{age}" for size, age in groups)
    return f"Groups come together: {parts}. What is the mean age of all of them?", terse, value, key


def _missing(rng: random.Random) -> Drawn:
    """The number that gives a list a certain mean."""
    values = [rng.randint(1, 99) for _ in range(rng.randint(4, 8))]
    wanted = rng.randint(20, 80)
    value = Fraction(wanted * (len(values) + 1) - sum(values))
    listed = ", ".join(map(str, values))
    words = f"Which number must be added to the list {listed} so that its mean is {wanted}?"
    key = f"missing:{','.join(map(str, sorted(values)))}={wanted}"
    return words, f"mean {wanted}: {listed.replace(' ', '')},?", value, key


KINDS: dict[int, tuple[Callable[[random.Random], Drawn], ...]] = {
    1: (_of_list("mean", "mean", mean, range(5, 10), 99), _of_list("median", "median", median, range(5, 13), 99)),
    2: (
        _of_list("variance", "population variance", variance, range(4, 8), 40),
        _of_list("deviation", "mean absolute deviation from the mean", deviation, range(4, 8), 40),
    ),
    3: (_weighted, _missing),
}
"""Level to its kinds of question."""

TASK = Generated("averages", problem, LEVELS, oracle)
