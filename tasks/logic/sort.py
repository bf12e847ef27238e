"""Sort numbers from the smallest to the largest.

answer       "3 17 25": the numbers separated by single spaces, repeats kept
in the tags  3 17 25

The family is the multiset of numbers, so that the same numbers in another order stay in one split.

    problem(random.Random(0), 1, style="terse").prompt      # '4 9 7 0'
"""

import random

from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

SHAPES = {1: (4, 9), 2: (5, 99), 3: (8, 99), 4: (12, 999), 5: (20, 999)}
"""Level to how many numbers and the largest; the smallest is 0."""

LEVELS = {
    # The best constant reply names distinct numbers: n! of the (largest + 1) ** n lists sort to it.
    1: Level("4 digits", space=10**4, chance=0.0024),
    2: Level("5 numbers below 100", space=100**5, chance=1.2e-8),
    3: Level("8 numbers below 100", space=100**8, chance=4e-12),
    4: Level("12 numbers below 1000", space=1000**12, chance=5e-28),
    5: Level("20 numbers below 1000", space=1000**20, chance=2.4e-42),
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """A list of a level, every one equally likely, one that is sorted already too."""
    count, largest = SHAPES[level]
    numbers = [rng.randint(0, largest) for _ in range(count)]
    text, ordered = (" ".join(map(str, values)) for values in (numbers, sorted(numbers)))
    words = f"Sort these numbers from the smallest to the largest: {text}. Write them with single spaces between them."
    return Problem(
        prompt=ask(style, words, terse=text, form="<answer>1 2 3</answer>"),
        answer=ordered,
        key=text,
        family=ordered,
        meta={"numbers": numbers},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The numbers in order."""
    return answered(style, problem.answer, f"There are {len(problem.meta['numbers'])} numbers.")


TASK = Generated("sort", problem, LEVELS, oracle)
