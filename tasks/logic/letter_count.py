"""Count letters in a word of no meaning.

answer       ["3", "0"]: how often each of the letters stands there, in the order in which they are asked for
in the tags  `3, 0`

How often each letter stands there is drawn first, every number equally likely, so that no number is a good guess; other
letters fill the word up.

    problem(random.Random(0), 1, style="terse").prompt
"""

import random
from string import ascii_lowercase

from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

SHAPES = {1: (2, 5, 14), 2: (3, 6, 24), 3: (4, 7, 36), 4: (5, 9, 60)}
"""Level to how many letters are asked for, the largest number of each, and the length of the word."""

LEVELS = {
    # A lower bound: the words without any of the letters asked for, out of six others.
    level: Level(f"{asked} letters in a word of {length}", space=6**length, chance=float(most + 1) ** -asked)
    for level, (asked, most, length) in SHAPES.items()
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """Letters and their numbers evenly drawn, the rest of the word from six other letters, in random order."""
    asked, most, length = SHAPES[level]
    letters = rng.sample(ascii_lowercase, asked + 6)
    counts = [rng.randint(0, most) for _ in range(asked)]
    marks = [letter for letter, count in zip(letters, counts, strict=False) for _ in range(count)]
    marks += [rng.choice(letters[asked:]) for _ in range(length - len(marks))]
    rng.shuffle(marks)
    text, wanted = "".join(marks), letters[:asked]
    words = (
        f"How often does each of the letters {', '.join(wanted)} stand in this word? {text}\n"
        f"Write {asked} numbers in this order, separated by commas."
    )
    return Problem(
        prompt=ask(style, words, terse=f"{text} {' '.join(wanted)}", form="<answer>x, y</answer>"),
        answer=list(map(str, counts)),
        key=f"{text} {' '.join(wanted)}",
        family=text,
        meta={"letters": wanted, "text": text},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The places of each letter, counted from 1, and how many they are."""
    work = []
    for letter in problem.meta["letters"]:
        places = [str(place) for place, one in enumerate(problem.meta["text"], 1) if one == letter]
        work.append(f"{letter}: {', '.join(places) or 'nowhere'}.")
    return answered(style, ", ".join(problem.answer), "\n".join(work))


TASK = Generated("letter-count", problem, LEVELS, oracle)
