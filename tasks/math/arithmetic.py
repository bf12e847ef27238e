"""Multi-step arithmetic on whole numbers, with the steps shown.

answer       "57": the value as a decimal integer, maybe negative
in the tags  57
work         the expression after each single step, one a line in words, joined by = in the terse style

Every step, divisions too, comes out whole, and stays within 10,000 in size. Expressions that differ only in the order
or the grouping of sums and products are one problem.

    problem(random.Random(0), 4).prompt      # 'What is 12 * (7 - 31) + 5? ...'
"""

import random

from verigym.tasks.math.trees import Tree, canonical, grouped_left, reductions, render, value
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

SHAPES = {1: (2, "+-"), 2: (3, "+-"), 3: (3, "+-*"), 4: (4, "+-*"), 5: (5, "+-*/"), 6: (7, "+-*/")}
"""Level to how many numbers and which operators."""
LARGEST_NUMBER = 99
LARGEST_STEP = 10_000

LEVELS = {
    # 4950 sums of two, 99 * 99 differences.
    1: Level("2 numbers, + -", space=14_751, chance=0.006),
    # a+b+c: 166,650 multisets; a+b-c: 4950 * 99; a-(b+c): 4950 * 99.
    2: Level("3 numbers, + -", space=1_146_750, chance=0.006),
    # Lower bounds: all of a*b+c, a*b+c-d, a*b+(c+d)-e and a*b+(c+d)-(e+f)-g, none of which passes 10,000.
    3: Level("3 numbers, + - *", space=4950 * 99, chance=0.004),
    4: Level("4 numbers, + - *, brackets", space=4950 * 99 * 99, chance=0.004),
    5: Level("5 numbers, + - * /, brackets", space=4950 * 4950 * 99, chance=0.005),
    6: Level("7 numbers, + - * /, brackets", space=4950 * 4950 * 166_650, chance=0.004),
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """An expression of a level, drawn anew until every step is whole and small enough."""
    count, operators = SHAPES[level]
    tree, result = _drawn(rng, count, operators)
    while result is None:
        tree, result = _drawn(rng, count, operators)
    tree = grouped_left(tree)
    text, form = render(tree), canonical(tree)
    return Problem(
        prompt=ask(style, f"What is {text}?", terse=render(tree, gap=""), form="<answer>123</answer>"),
        answer=str(result),
        key=form,
        family=form,
        meta={"expression": text, "work": reductions(tree)},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The steps, then the value."""
    work = problem.meta["work"]
    return answered(style, problem.answer, "\n= ".join(work), "".join(f"={line}".replace(" ", "") for line in work[1:]))


def _drawn(rng: random.Random, count: int, operators: str) -> tuple[Tree, int | None]:
    """A random tree and its value, or None for the value where a step is too large or a division cannot be made
    whole."""
    if count == 1:
        number = rng.randint(1, LARGEST_NUMBER)
        return number, number
    operator = rng.choice(operators)
    right_count = count - 1 if operator == "/" else rng.randint(1, count - 1)
    right, right_value = _drawn(rng, right_count, operators)
    if right_value is None:
        return right, None
    left, left_value = _drawn(rng, count - right_count, operators)
    if operator == "/" and left_value is not None:
        # A dividend that fits: two random numbers hardly ever divide.
        left_value = left = left_value * right_value
    tree = (operator, left, right)
    if left_value is None or (operator == "/" and left_value <= 0):
        return tree, None
    result = int(value((operator, left_value, right_value)))
    return tree, result if max(abs(result), abs(left_value)) <= LARGEST_STEP else None


TASK = Generated("arithmetic", problem, LEVELS, oracle)
