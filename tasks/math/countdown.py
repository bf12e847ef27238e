"""Countdown: reach a target with each of the given numbers used exactly once.

answer       {"numbers": [25, 3, 17], "target": 11, "operators": "+-*/"}: numbers in the order of the prompt, from 1 to
             99, repeats possible; target from 1 to 999; operators are those the problem allows ("+-" at levels 1 and 2)
in the tags  an expression over exactly these numbers, such as `3 + 25 - 17`, with brackets where wanted. Any right one
counts.
             Steps may leave the positive whole numbers: the arithmetic is exact
meta         {"witness": "3 + 25 - 17"}: one right expression

The target is made from a witness, so every problem can be solved. The family is the multiset of numbers alone: a set of
numbers seen in training, with whatever target and in whatever order, never comes back in another split.

    problem(random.Random(0), 2).prompt
"""

import random
import re

from verigym.tasks.math.trees import Tree, combine, operators_in, render, value
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

SHAPES = {1: (2, "+-"), 2: (3, "+-"), 3: (3, "+-*/"), 4: (4, "+-*/"), 5: (5, "+-*/"), 6: (6, "+-*/")}
"""Level to how many numbers and which operators."""
LARGEST_NUMBER = 99
LARGEST_TARGET = 999
LARGEST_STEP = 9999

LEVELS = {
    # 4950 pairs with their sum, 4851 unequal ones with their difference.
    1: Level("2 numbers, + -", space=9801, chance=0.0001),
    # Counted: distinct positive values of a+b+c, a+b-c, a-b+c, b+c-a over the 166,650 multisets.
    2: Level("3 numbers, + -", space=574_625, chance=0.00001),
    # Every multiset has its sum as a target, so the number of multisets, C(98 + n, n), is a lower bound.
    3: Level("3 numbers, + - * /", space=166_650, chance=0.00001),
    4: Level("4 numbers, + - * /", space=4_249_575, chance=0.00001),
    5: Level("5 numbers, + - * /", space=87_541_245, chance=0.00001),
    6: Level("6 numbers, + - * /", space=1_517_381_580, chance=0.00001),
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """A problem of a level: numbers drawn evenly from 1 to 99, target made by a random witness."""
    count, operators = SHAPES[level]
    numbers = [rng.randint(1, LARGEST_NUMBER) for _ in range(count)]
    witness = _signed_sum(rng, numbers) if operators == "+-" else _expression(rng, numbers, operators)
    target = int(value(witness))
    ordered = ",".join(map(str, sorted(numbers)))
    return Problem(
        prompt=prompt(numbers, target, operators, style),
        answer={"numbers": numbers, "target": target, "operators": operators},
        key=f"{ordered}={target}",
        family=ordered,
        meta={"witness": render(witness)},
    )


def prompt(numbers: list[int], target: int, operators: str, style: str) -> str:
    """The question about any numbers and target; the terse form of the task lives here alone."""
    padded = f"{target:03}=" + " ".join(f"{number:02}" for number in sorted(numbers, reverse=True))
    listed = ", ".join(map(str, numbers[:-1])) + f" and {numbers[-1]}"
    words = (
        f"Use the numbers {listed}, each exactly once, to make {target}. "
        f"You may use {', '.join(operators[:-1])} and {operators[-1]}, and brackets."
    )
    return ask(style, words, terse=padded, form="<answer>(1 + 2) - 3</answer>")


def oracle(problem: Problem, style: str = "words") -> str:
    """The witness, with its value as the work; the terse one stands digit under digit with the prompt."""
    witness = problem.meta["witness"]
    work = f"{witness} = {problem.answer['target']}"
    return answered(style, witness if style == "words" else _aligned(witness, problem.answer["operators"]), work)


def form(problem: Problem, rng: random.Random, style: str = "words") -> str:
    """An expression over the numbers of the problem that misses the target. Of a signed sum, minus signs are a little
    likelier, so that no pattern which is often right is what a copier settles on."""
    numbers, target, operators = (problem.answer[name] for name in ("numbers", "target", "operators"))
    while True:
        if operators == "+-":
            tree: Tree = 0
            for number in sorted(numbers, reverse=True):
                tree = ("-" if rng.random() < 0.6 else "+", tree, number)
        else:
            tree = combine(rng, numbers, operators, LARGEST_STEP) or _signed_sum(rng, numbers)
        if value(tree) != target:
            text = render(tree).removeprefix("0 + ").removeprefix("0 ")
            return answered(style, text if style == "words" else _aligned(text, operators), f"{text} = {value(tree)}")


def _aligned(witness: str, operators: str) -> str:
    """The witness without blanks, numbers of two digits; a signed sum in the order of the terse prompt: +25-17+03."""
    compact = re.sub(r"\d+", lambda digits: digits[0].zfill(2), witness.replace(" ", ""))
    if operators != "+-":
        return compact
    terms = re.findall(r"[+-]\d+", compact if compact.startswith("-") else f"+{compact}")
    return "".join(sorted(terms, key=lambda term: term[1:], reverse=True))


def _signed_sum(rng: random.Random, numbers: list[int]) -> Tree:
    """The numbers in their order with random signs, those with a plus first, so that brackets are never needed;
    positive."""
    while True:
        signs = [rng.random() < 0.5 for _ in numbers]
        plus = [number for number, sign in zip(numbers, signs, strict=True) if sign]
        minus = [number for number, sign in zip(numbers, signs, strict=True) if not sign]
        if sum(plus) > sum(minus):
            break
    tree: Tree = plus[0]
    for number in plus[1:]:
        tree = ("+", tree, number)
    for number in minus:
        tree = ("-", tree, number)
    return tree


def _expression(rng: random.Random, numbers: list[int], operators: str) -> Tree:
    """A witness with * or / in it where twenty draws find one, so that the higher levels are not mostly sums."""
    plain: Tree | None = None
    for _ in range(20):
        tree = combine(rng, numbers, operators, LARGEST_STEP)
        if tree is None or value(tree) > LARGEST_TARGET:
            continue
        if operators_in(tree) & {"*", "/"}:
            return tree
        plain = tree
    return plain if plain is not None else _signed_sum(rng, numbers)


TASK = Generated("countdown", problem, LEVELS, oracle, make_form=form)
