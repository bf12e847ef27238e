"""Bracket matching: close what is open.

answer       "}])": the closing brackets that are missing, in their order, no spaces
in the tags  }])

The text is the beginning of a balanced sequence over ( ) [ ] { }; exactly one shortest ending balances it. A yes-or-no
form was not taken: a constant reply would be right half the time.

    problem(random.Random(0), 1, style="terse").prompt      # '([]{{}'
"""

import random
from collections.abc import Sequence
from math import comb

from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

PAIRS = {"(": ")", "[": "]", "{": "}"}

SHAPES: dict[int, tuple[int, Sequence[int]]] = {1: (8, (2, 4)), 2: (12, (2, 4)), 3: (16, (2, 4, 6)), 4: (28, (4, 6, 8))}
"""Level to the length of the text and how many brackets may be left open."""


def prefixes(length: int, depth: int) -> int:
    """How many beginnings of balanced sequences have this length and this many brackets left open: the ballot number
    times the choice of a kind for every opening bracket."""
    closed = (length - depth) // 2
    return (depth + 1) * comb(length + 1, closed) // (length + 1) * len(PAIRS) ** (length - closed)


LEVELS = {
    level: Level(
        f"{length} brackets, {' or '.join(map(str, depths))} of them left open",
        space=sum(prefixes(length, depth) for depth in depths),
        # The best constant reply is one ending of the smallest depth; depths are evenly drawn.
        chance=1 / len(depths) / len(PAIRS) ** depths[0],
    )
    for level, (length, depths) in SHAPES.items()
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """A random walk up and down that never goes below the ground and ends at a depth that was drawn first."""
    length, depths = SHAPES[level]
    text, open_ones = _walk(rng, length, rng.choice(depths))
    answer = "".join(PAIRS[bracket] for bracket in reversed(open_ones))
    words = (
        f"Every bracket that opens must be closed by one of its kind, the last one opened first. Which closing "
        f"brackets are missing "
        f"at the end of {text} ? Write them without spaces."
    )
    return Problem(
        prompt=ask(style, words, terse=text, form="<answer>])</answer>"),
        answer=answer,
        key=text,
        meta={"text": text, "open": open_ones},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The brackets left open, then their partners from the last to the first."""
    return answered(style, problem.answer, f"Still open, from the first to the last: {' '.join(problem.meta['open'])}")


def _walk(rng: random.Random, length: int, depth: int) -> tuple[str, list[str]]:
    while True:
        opening = [True] * ((length + depth) // 2) + [False] * ((length - depth) // 2)
        rng.shuffle(opening)
        text, stack = "", []
        for opens in opening:
            if opens:
                stack.append(rng.choice(list(PAIRS)))
                text += stack[-1]
            elif stack:
                text += PAIRS[stack.pop()]
            else:
                break
        else:
            return text, stack


TASK = Generated("brackets", problem, LEVELS, oracle)
