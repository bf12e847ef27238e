"""Roman numerals: read, write and add them.

answer       "1987" or "MCMLXXXVII": decimal digits without leading zeros, or a numeral in capital letters
in the tags  the same

The family is the number (the two numbers of a sum), so that reading it and writing it are never on two sides of a
split.

    roman(1987), problem(random.Random(0), 1).prompt      # ('MCMLXXXVII', 'Write the Roman numeral ...')
"""

import random

from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

LARGEST = 3999
SYMBOLS = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"),
    (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip

LEVELS = {
    1: Level("from a numeral to decimal digits", space=3_990, chance=0.0005),
    2: Level("from decimal digits to a numeral", space=3_990, chance=0.0005),
    # Unordered pairs of numbers from 10 up to 1999.
    3: Level("the sum of two numerals", space=1_990 * 1_991 // 2, chance=0.0004),
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """A number from 10 to 3999, or two up to 1999, evenly drawn."""
    if level == 3:
        one, other = rng.randint(10, 1999), rng.randint(10, 1999)
        first, second = roman(one), roman(other)
        family = ",".join(map(str, sorted((one, other))))
        words = f"What is {first} + {second}? Answer with a Roman numeral."
        work = f"{one} + {other} = {one + other}"
        return _asked(
            style, words, f"{first}+{second}", roman(one + other), family=family, key=f"{family}:sum", work=work
        )
    number = rng.randint(10, LARGEST)
    numeral, digits = roman(number), str(number)
    if level == 1:
        words, terse, answer = f"Write the Roman numeral {numeral} in decimal digits.", numeral, digits
    else:
        words, terse, answer = f"Write the number {number} as a Roman numeral.", digits, numeral
    work = " + ".join(str(worth) for worth, _ in _parts(number)) + f" = {number}"
    return _asked(style, words, terse, answer, family=digits, key=f"{digits}:{level}", work=work)


def oracle(problem: Problem, style: str = "words") -> str:
    """The worth of the letters, then the answer."""
    work = problem.meta["work"]
    return answered(style, problem.answer, work, f"{work.replace(' ', '')};")


def roman(number: int) -> str:
    """The numeral of a number from 1 to 3999."""
    return "".join(letters for _, letters in _parts(number))


def _parts(number: int) -> list[tuple[int, str]]:
    found = []
    for worth, letters in SYMBOLS:
        while number >= worth:
            found.append((worth, letters))
            number -= worth
    return found


def _asked(style: str, words: str, terse: str, answer: str, *, family: str, key: str, work: str) -> Problem:
    example = "MMMCMXCIX" if answer.isalpha() else "3999"
    return Problem(
        prompt=ask(style, words, terse, f"<answer>{example}</answer>"),
        answer=answer,
        key=key,
        family=family,
        meta={"work": work},
    )


TASK = Generated("roman", problem, LEVELS, oracle)
