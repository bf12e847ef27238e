"""Reverse a string of characters.

answer       "cba": no spaces
in the tags  cba

The family is the pair of a string and its reverse, so that knowing one does not give away the other in another split.

    problem(random.Random(0), 1, style="terse").prompt      # '4907'
"""

import random
from string import ascii_lowercase, digits

from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

SHAPES = {1: (4, digits), 2: (6, digits), 3: (6, ascii_lowercase), 4: (10, ascii_lowercase), 5: (20, ascii_lowercase)}
"""Level to the length and the characters."""

LEVELS = {
    level: Level(
        f"{length} {'digits' if alphabet == digits else 'letters'}",
        space=len(alphabet) ** length,
        chance=float(len(alphabet)) ** -length,
    )
    for level, (length, alphabet) in SHAPES.items()
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """A string of a level, every one equally likely."""
    length, alphabet = SHAPES[level]
    text = "".join(rng.choice(alphabet) for _ in range(length))
    words = f"Write the characters of {text} in reverse order, without spaces."
    return Problem(
        prompt=ask(style, words, terse=text, form="<answer>zyx</answer>"),
        answer=text[::-1],
        key=text,
        family=min(text, text[::-1]),
        meta={"text": text},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The characters counted off from the last, then the whole."""
    return answered(style, problem.answer, "From the last to the first: " + ", ".join(problem.answer))


TASK = Generated("reverse", problem, LEVELS, oracle)
