"""The truth table of a formula: its value for all values of its names.

answer       "1011": 1 for true and 0 for false, one for each row of the table, no spaces
in the tags  1011

The rows go from all names true to all false, as a number counts down in base two: with p and q these are 11, 10, 01,
00. Every name stands in the formula, and the column is neither all true nor all false. The key orders what may be
exchanged (`p and q`, `q and p`); the family also leaves out which name is which.

    problem(random.Random(0), 1, style="terse").prompt
"""

import random
from collections.abc import Mapping
from itertools import permutations, product
from typing import TypeAlias

from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

Formula: TypeAlias = "str | tuple[str, Formula] | tuple[str, Formula, Formula]"

SIGNS = {"not": "!", "and": "&", "or": "|", "xor": "^", "implies": ">"}
SHAPES = {1: ("pqr", 4), 2: ("pqr", 6), 3: ("pqrs", 6), 4: ("pqrs", 9), 5: ("pqrst", 9)}
"""Level to the names and how many of them stand in the formula, repeats counted."""

LEVELS = {
    # Lower bounds: distinct formulas met in 20,000 draws. Chance: the commonest column, simulated.
    1: Level("3 names, 4 places", space=17_113, chance=0.023),
    2: Level("3 names, 6 places", space=20_000, chance=0.024),
    3: Level("4 names, 6 places", space=19_999, chance=0.0075),
    4: Level("4 names, 9 places", space=20_000, chance=0.0085),
    5: Level("5 names, 9 places", space=20_000, chance=0.004),
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """A formula drawn anew until its column has both values."""
    names, places = SHAPES[level]
    while True:
        leaves = [*names, *(rng.choice(names) for _ in range(places - len(names)))]
        formula = _grow(rng, rng.sample(leaves, places))
        column = "".join("01"[holds(formula, row)] for row in rows(names))
        if len(set(column)) == 2:
            break
    words = (
        f"Take the formula {spoken(formula)}\nwhere `xor` means that exactly one side is true, and `implies` is false "
        "only when the left side is true and the right side false. Write its truth table as one row of digits without "
        f"spaces, 1 for true and 0 for false: one digit for each choice of values of {', '.join(names)}, which go from "
        f"all true ({'1' * len(names)}) down to all false ({'0' * len(names)}) as numbers in base two do, where "
        f"{names[0]} is the first digit."
    )
    return Problem(
        prompt=ask(style, words, terse=short(formula), form="<answer>01...</answer>"),
        answer=column,
        key=canonical(formula, dict(zip(names, names, strict=True))),
        family=min(canonical(formula, dict(zip(names, order, strict=True))) for order in permutations(names)),
        meta={"names": names},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The table row by row."""
    names = problem.meta["names"]
    work = [
        f"{''.join('01'[row[name]] for name in names)}: {digit}"
        for row, digit in zip(rows(names), problem.answer, strict=True)
    ]
    return answered(style, problem.answer, "\n".join(work))


def rows(names: str) -> list[dict[str, bool]]:
    """All values of the names, from all true to all false."""
    return [dict(zip(names, values, strict=True)) for values in product((True, False), repeat=len(names))]


def holds(formula: Formula, values: Mapping[str, bool]) -> bool:
    """Whether a formula is true."""
    if isinstance(formula, str):
        return values[formula]
    sign, *parts = formula
    left, right = holds(parts[0], values), holds(parts[-1], values)
    return {
        "not": not left,
        "and": left and right,
        "or": left or right,
        "xor": left != right,
        "implies": not left or right,
    }[sign]


def canonical(formula: Formula, names: Mapping[str, str]) -> str:
    """The formula in signs, with other names, and the sides of and, or and xor in the order of texts."""
    if isinstance(formula, str):
        return names[formula]
    sign, *parts = formula
    sides = [canonical(part, names) for part in parts]
    if sign == "not":
        return f"!{sides[0]}"
    return f"({SIGNS[sign].join(sorted(sides) if sign in ('and', 'or', 'xor') else sides)})"


def spoken(formula: Formula, inside: bool = False) -> str:
    """The formula in words, with brackets around every part that joins two."""
    if isinstance(formula, str):
        return formula
    sign, *parts = formula
    if sign == "not":
        return f"not {spoken(parts[0], True)}"
    text = f"{spoken(parts[0], True)} {sign} {spoken(parts[1], True)}"
    return f"({text})" if inside else text


def short(formula: Formula) -> str:
    """The formula in signs."""
    if isinstance(formula, str):
        return formula
    sign, *parts = formula
    return f"!{short(parts[0])}" if sign == "not" else f"({short(parts[0])}{SIGNS[sign]}{short(parts[1])})"


def _grow(rng: random.Random, leaves: list[str]) -> Formula:
    """A formula over the leaves in their order; every part is denied one time in four."""
    formula: Formula = leaves[0]
    if len(leaves) > 1:
        cut = rng.randrange(1, len(leaves))
        formula = (rng.choice(("and", "or", "xor", "implies")), _grow(rng, leaves[:cut]), _grow(rng, leaves[cut:]))
    return ("not", formula) if rng.random() < 0.25 else formula


TASK = Generated("truth-table", problem, LEVELS, oracle)
