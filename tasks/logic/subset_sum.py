"""Choose numbers from a list that have a given sum.

answer       {"numbers": [3, 5, 9], "target": 12}
in the tags  `3, 9`, each number at most as often as it stands in the list: any choice counts that has the sum
meta         {"witness": [3, 9]}

The target is the sum of numbers that were drawn from the list, and is never one of the list itself. The family is the
list alone, so the targets of one list stay in one split.

    problem(random.Random(0), 1, style="terse").prompt
"""

import random
from math import comb

from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

SHAPES = {1: (5, 2, 50), 2: (6, 3, 60), 3: (8, 4, 99), 4: (12, 6, 250), 5: (20, 10, 999)}
"""Level to how many numbers, how many of them make the target, and the largest."""

LEVELS = {
    # A lower bound: the lists, each with one target at least. Chance: how often two numbers chosen before are both in
    # the list, times how often their sum is then the target (simulated for the first level, and smaller above).
    level: Level(
        f"{count} numbers to {most}, {chosen} of them chosen",
        space=comb(most, count),
        chance=count * (count - 1) / (most * (most - 1)) / 10,
    )
    for level, (count, chosen, most) in SHAPES.items()
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """Different numbers and a choice of them, evenly drawn, anew while the sum is one of the numbers."""
    count, size, most = SHAPES[level]
    while True:
        numbers = rng.sample(range(1, most + 1), count)
        witness = sorted(rng.sample(numbers, size))
        if sum(witness) not in numbers:
            break
    target = sum(witness)
    listed = ", ".join(map(str, numbers))
    words = (
        f"Choose numbers from this list that have the sum {target}, each at most once: {listed}.\n"
        "Write the chosen numbers, separated by commas."
    )
    name = " ".join(map(str, sorted(numbers)))
    return Problem(
        prompt=ask(style, words, terse=f"{target}: {' '.join(map(str, numbers))}", form="<answer>x, y, z</answer>"),
        answer={"numbers": numbers, "target": target},
        key=f"{name}={target}",
        family=name,
        meta={"witness": witness},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The numbers that the target was made from."""
    witness = problem.meta["witness"]
    return answered(
        style, ", ".join(map(str, witness)), f"{' + '.join(map(str, witness))} = {problem.answer['target']}"
    )


TASK = Generated("subset-sum", problem, LEVELS, oracle)
