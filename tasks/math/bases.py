"""Number bases: write a number that is given in one base in another.

answer       "1f": the digits in the wanted base, lower case, no prefix, no leading zeros
in the tags  1f

Level 1 goes between decimal and binary, level 2 between 2, 8, 10 and 16, level 3 takes every base from 2 to 16, level 4
to 36. The family is the number itself, so that reading it and writing it are never on two sides of a split.

    digits(255, 16), problem(random.Random(0), 1).prompt      # ('ff', 'Write the number ...')
"""

import random
from collections.abc import Sequence

from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"

SHAPES: dict[int, tuple[Sequence[int], int, int]] = {
    1: ((2, 10), 16, 4095),
    2: ((2, 8, 10, 16), 16, 4095),
    3: (range(2, 17), 16, 65_535),
    4: (range(2, 37), 36, 999_999),
}
"""Level to the bases, the smallest and the largest number. The smallest is no single digit in any base of its level."""

LEVELS = {
    level: Level(
        f"bases {', '.join(map(str, bases)) if len(bases) < 5 else f'{bases[0]} to {bases[-1]}'}, numbers up to "
        f"{largest:,}",
        space=len(bases) * (len(bases) - 1) * (largest - smallest + 1),
        chance=chance,
    )
    for (level, (bases, smallest, largest)), chance in zip(SHAPES.items(), (0.001, 0.0005, 0.0001, 0.0001), strict=True)
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """A number and two different bases, all evenly drawn."""
    bases, smallest, largest = SHAPES[level]
    source, target = rng.sample(list(bases), 2)
    number = rng.randint(smallest, largest)
    given = digits(number, source)
    words = f"The number {given} is written in base {source}. Write it in base {target}, without a prefix."
    if max(source, target) > 10:
        words += " The letters a, b, c and so on are the digits 10, 11, 12 and so on; use lower case."
    return Problem(
        prompt=ask(style, words, terse=f"{given} {source}>{target}", form="<answer>101</answer>"),
        answer=digits(number, target),
        key=f"{number}:{source}>{target}",
        family=str(number),
        meta={"number": number, "from": source, "to": target},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The number read digit by digit, then divided digit by digit."""
    number, source, target = (problem.meta[name] for name in ("number", "from", "to"))
    return answered(style, problem.answer, "\n".join(_reading(number, source) + _writing(number, target)))


def digits(number: int, base: int) -> str:
    """A positive number written in a base from 2 to 36."""
    text = ""
    while number:
        number, digit = divmod(number, base)
        text = DIGITS[digit] + text
    return text


def _reading(number: int, base: int) -> list[str]:
    if base == 10:
        return []
    lines, total = [], 0
    for digit in digits(number, base):
        worth = DIGITS.index(digit)
        lines.append(f"{total} * {base} + {worth} = {total * base + worth}")
        total = total * base + worth
    return lines


def _writing(number: int, base: int) -> list[str]:
    if base == 10:
        return []
    lines = []
    while number:
        quotient, digit = divmod(number, base)
        lines.append(f"{number} / {base} = {quotient} remainder {digit}, digit {DIGITS[digit]}")
        number = quotient
    return lines


TASK = Generated("bases", problem, LEVELS, oracle)
