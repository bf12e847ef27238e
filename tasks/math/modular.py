"""Modular running sums: follow a total that is kept modulo m through several steps.

answer       "6": the last total, from 0 up to but not including the modulus
in the tags  6
meta         {"steps": [7, 2, 6], "modulus": 10}: the total after each step, for whoever checks the shown work

Level 5 multiplies as well; steps go from left to right, in the terse style too, where `2+3*4%997` is (2 + 3) * 4. The
family is the modulus with the multiset of steps: another order of the same steps stays in one split.

    problem(random.Random(0), 1, style="terse").prompt      # '17+5+4%10'
"""

import random

from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

SHAPES = {1: (3, "+", 19, 10), 2: (5, "+", 99, 10), 3: (5, "+", 99, 97), 4: (8, "+-", 99, 97), 5: (8, "+-*", 99, 997)}
"""Level to how many numbers, which operators, the largest number and the modulus."""

LEVELS = {
    level: Level(
        f"{count} numbers, {' '.join(operators)}, modulo {modulus}",
        space=largest**count * len(operators) ** (count - 1),
        chance=chance,
    )
    for (level, (count, operators, largest, modulus)), chance in zip(
        SHAPES.items(), (0.105, 0.101, 0.0105, 0.0105, 0.0025), strict=True
    )
}

VERBS = {"+": "add", "-": "subtract", "*": "multiply by"}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """A first number and further steps, all evenly drawn."""
    count, operators, largest, modulus = SHAPES[level]
    first, *others = (rng.randint(1, largest) for _ in range(count))
    steps = [(rng.choice(operators), number) for number in others]
    totals = [first % modulus]
    for operator, number in steps:
        totals.append(_step(totals[-1], operator, number) % modulus)
    spoken = ", ".join(f"{VERBS[operator]} {number}" for operator, number in steps)
    words = (
        f"Start with {first}, then, in this order, {spoken}. What is the result modulo {modulus}? "
        f"Give a number from 0 to {modulus - 1}."
    )
    text = str(first) + "".join(f"{operator}{number}" for operator, number in steps)
    ordered = ",".join(sorted(f"{operator}{number}" for operator, number in [("+", first), *steps]))
    return Problem(
        prompt=ask(style, words, terse=f"{text}%{modulus}", form="<answer>5</answer>"),
        answer=str(totals[-1]),
        key=f"{text}%{modulus}",
        family=f"{ordered}%{modulus}",
        meta={"steps": totals, "modulus": modulus, "text": text, "numbers": [["+", first], *map(list, steps)]},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The running total after each step."""
    modulus, totals, numbers = (problem.meta[name] for name in ("modulus", "steps", "numbers"))
    lines = [f"{numbers[0][1]} = {totals[0]} (mod {modulus})"]
    for before, after, (operator, number) in zip(totals, totals[1:], numbers[1:], strict=False):
        lines.append(f"{before} {operator} {number} = {_step(before, operator, number)} = {after} (mod {modulus})")
    return answered(style, problem.answer, "\n".join(lines), " ".join(map(str, totals)))


def _step(total: int, operator: str, number: int) -> int:
    if operator == "*":
        return total * number
    return total + number if operator == "+" else total - number


TASK = Generated("modular", problem, LEVELS, oracle)
