"""Arithmetic with fractions.

answer       "-7/12": the value in lowest terms, or a whole number
in the tags  -7/12; an equal fraction or an exact decimal counts, a sum that is not worked out does not

The key leaves the order and the grouping of sums and products out.

    problem(random.Random(0), 1).prompt      # 'What is 3/4 + 5/6? ...'
"""

import random
from fractions import Fraction
from math import gcd

from verigym.tasks.math.terms import ratio
from verigym.tasks.math.trees import PRECEDENCE, Tree, canonical, value
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

SHAPES = {1: (2, "+-", 20), 2: (3, "+-*", 12), 3: (4, "+-*/", 12), 4: (5, "+-*/", 20)}
"""Level to how many fractions, which operators and the largest denominator."""
LARGEST_STEP = 20_000
PROPER = {
    largest: [(n, d) for d in range(2, largest + 1) for n in range(1, d) if gcd(n, d) == 1] for largest in (12, 20)
}
"""Largest denominator to the fractions between 0 and 1 in lowest terms."""

LEVELS = {
    # 127 fractions between 0 and 1 with a denominator up to 20, in lowest terms: 127 * 128 / 2 sums, 127 * 126
    # differences.
    1: Level("2 fractions, + -", space=24_130, chance=0.007),
    # Sums of three of the 45 fractions with a denominator up to 12 alone: 45 * 46 * 47 / 6.
    2: Level("3 fractions, + - *", space=16_215, chance=0.002),
    # Sums alone, of the 31 fractions with a denominator up to 10: none of them comes out large.
    3: Level("4 fractions, + - * /, brackets", space=46_376, chance=0.001),
    4: Level("5 fractions, + - * /, brackets", space=324_632, chance=0.0005),
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """A tree of fractions evenly drawn, anew until no step is by 0 or has a large numerator or
    denominator."""
    count, operators, largest = SHAPES[level]
    tree = _drawn(rng, count, operators, largest)
    while not _small(tree):
        tree = _drawn(rng, count, operators, largest)
    result, text = value(tree), written(tree)
    return Problem(
        prompt=ask(style, f"What is {text}?", text.replace(" ", ""), "<answer>-97/89</answer>"),
        answer=ratio(result),
        key=canonical(tree),
        meta={"expression": text, "work": steps(tree)},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """One operation a line, then the value."""
    work = problem.meta["work"]
    return answered(style, problem.answer, "\n".join(work), "".join(f"{line};" for line in work).replace(" ", ""))


def written(tree: Tree) -> str:
    """The tree as text: a quotient of two whole numbers is a fraction, in brackets on the right of / and *."""
    if isinstance(tree, int):
        return str(tree)
    operator, left, right = tree
    if isinstance(left, int) and isinstance(right, int):
        return f"{left}/{right}"
    return f"{_inside(left, operator, False)} {operator} {_inside(right, operator, True)}"


def _inside(tree: Tree, operator: str, on_the_right: bool) -> str:
    text = written(tree)
    if isinstance(tree, int) or _is_fraction(tree):
        return f"({text})" if on_the_right and operator == "/" else text
    below = PRECEDENCE[tree[0]] < PRECEDENCE[operator]
    same = PRECEDENCE[tree[0]] == PRECEDENCE[operator] and on_the_right
    return f"({text})" if below or same else text


def steps(tree: Tree) -> list[str]:
    """The work: each operation on two fractions with its result, innermost first."""
    if isinstance(tree, int) or _is_fraction(tree):
        return []
    operator, left, right = tree
    last = f"{_shown(left)} {operator} {_shown(right)} = {ratio(value(tree))}"
    return [*steps(left), *steps(right), last]


def _shown(tree: Tree) -> str:
    text = ratio(value(tree))
    return f"({text})" if text.startswith("-") or "/" in text else text


def _is_fraction(tree: Tree) -> bool:
    return not isinstance(tree, int) and isinstance(tree[1], int) and isinstance(tree[2], int)


def _drawn(rng: random.Random, count: int, operators: str, largest: int) -> Tree:
    if count == 1:
        return ("/", *rng.choice(PROPER[largest]))
    left = rng.randint(1, count - 1)
    return (
        rng.choice(operators),
        _drawn(rng, left, operators, largest),
        _drawn(rng, count - left, operators, largest),
    )


def _small(tree: Tree) -> bool:
    """Whether no step divides by 0 or comes out large, and the result is not 0."""

    def worth(part: Tree) -> Fraction:
        result = value(part)
        if max(result.denominator, abs(result.numerator)) > LARGEST_STEP:
            raise ZeroDivisionError
        if not isinstance(part, int) and not _is_fraction(part):
            worth(part[1])
            worth(part[2])
        return result

    try:
        return worth(tree) != 0
    except ZeroDivisionError:
        return False


TASK = Generated("fractions", problem, LEVELS, oracle)
