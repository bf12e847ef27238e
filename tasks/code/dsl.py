"""The list language of `list-programs`: a program is a pipe of functions on lists of integers, run by this interpreter.

    program("sort | take 2")([3, 1, 2])        # [1, 2]

Every function takes a list and gives a list (`sum` gives a list of one number). It is never Python: the text is split
at `|`, each part is a name from `FUNCTIONS` and at most one integer. Bounds: at most 8 functions, 400 characters, 64
numbers in a list, and numbers up to a million in size; beyond them `ProgramError`. So any text costs microseconds, and
a verifier may import this module.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import accumulate, pairwise

MAX_TEXT = 400
MAX_STEPS = 8
MAX_LENGTH = 64
MAX_NUMBER = 10**6


class ProgramError(ValueError):
    """The text is not a program, or the program left its bounds."""


@dataclass(frozen=True)
class Function:
    """One function: what it does in words, how it is computed, and the whole numbers it takes (None: it takes none)."""

    meaning: str
    apply: Callable[[list[int], int], list[int]]
    numbers: range | None = None


FUNCTIONS: dict[str, Function] = {
    "reverse": Function("the list from back to front", lambda xs, _: xs[::-1]),
    "sort": Function("from smallest to largest", lambda xs, _: sorted(xs)),
    "unique": Function("each number once, where it first stands", lambda xs, _: list(dict.fromkeys(xs))),
    "evens": Function("only the even numbers", lambda xs, _: [x for x in xs if x % 2 == 0]),
    "odds": Function("only the odd numbers", lambda xs, _: [x for x in xs if x % 2]),
    "sums": Function("the running sums", lambda xs, _: list(accumulate(xs))),
    "diffs": Function("each number less the one before it", lambda xs, _: [b - a for a, b in pairwise(xs)]),
    "sum": Function("a list with the sum alone", lambda xs, _: [sum(xs)]),
    "count": Function("a list with the length alone", lambda xs, _: [len(xs)]),
    "max": Function("a list with the largest alone", lambda xs, _: [max(xs)] if xs else []),
    "min": Function("a list with the smallest alone", lambda xs, _: [min(xs)] if xs else []),
    "add": Function("n added to each number", lambda xs, n: [x + n for x in xs], range(-9, 10)),
    "mul": Function("each number times n", lambda xs, n: [x * n for x in xs], range(-9, 10)),
    "take": Function("the first n numbers", lambda xs, n: xs[:n], range(1, 10)),
    "drop": Function("all but the first n numbers", lambda xs, n: xs[n:], range(1, 10)),
    "above": Function("only the numbers larger than n", lambda xs, n: [x for x in xs if x > n], range(-9, 10)),
    "below": Function("only the numbers smaller than n", lambda xs, n: [x for x in xs if x < n], range(-9, 10)),
}
"""The whole language, in the order in which a prompt explains it."""


@dataclass(frozen=True)
class Program:
    """A parsed program: call it with a list of integers. `str(program)` is its text."""

    steps: tuple[tuple[str, int | None], ...]

    def __call__(self, values: Sequence[int]) -> list[int]:
        """What the program makes of the list. Raises ProgramError when a list or a number leaves the bounds."""
        current = _bounded(list(values))
        for name, number in self.steps:
            current = _bounded(FUNCTIONS[name].apply(current, number if number is not None else 0))
        return current

    def __str__(self) -> str:
        return " | ".join(name if number is None else f"{name} {number}" for name, number in self.steps)


def program(text: str) -> Program:
    """The program that a text names. Raises ProgramError, whose message says what is wrong with it."""
    if len(text) > MAX_TEXT:
        raise ProgramError(f"a program has at most {MAX_TEXT} characters, this one has {len(text)}")
    parts = text.split("|")
    if len(parts) > MAX_STEPS:
        raise ProgramError(f"a program has at most {MAX_STEPS} functions, this one has {len(parts)}")
    return Program(tuple(_step(part) for part in parts))


def _step(text: str) -> tuple[str, int | None]:
    words = text.split()
    if not words:
        raise ProgramError("an empty function: a program is function names with | between them")
    name = words[0]
    if name not in FUNCTIONS:
        near = get_close_matches(name, FUNCTIONS, n=1)
        raise ProgramError(f"no function {name[:20]!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    numbers = FUNCTIONS[name].numbers
    if numbers is None:
        if len(words) > 1:
            raise ProgramError(f"{name} takes no number")
        return name, None
    if len(words) != 2 or words[1] not in _NUMERALS or int(words[1]) not in numbers:
        raise ProgramError(f"{name} takes one whole number from {numbers[0]} to {numbers[-1]}")
    return name, int(words[1])


_NUMERALS = {str(number) for number in range(-9, 10)} | {f"+{number}" for number in range(10)}


def _bounded(values: list[int]) -> list[int]:
    if len(values) > MAX_LENGTH:
        raise ProgramError(f"a list holds at most {MAX_LENGTH} numbers, not {len(values)}")
    for value in values:
        if not -MAX_NUMBER <= value <= MAX_NUMBER:
            raise ProgramError(f"a number grew past {MAX_NUMBER}")
    return values
