"""Who is where in a row by height, when only pairs are compared? Multiple choice.

answer       {"choice": "B", "options": ["Ann", "Bob", ...]}: everyone is an option
in the tags  `B`, or the name

Enough pairs are told to settle the whole order: those of neighbours, and some more. Key and family leave the names out;
the key also says in which direction each pair is told. The family does not, nor from which end the order is seen.

    print(problem(random.Random(0), 1, style="terse").prompt)
"""

import random
from itertools import combinations
from math import comb
from string import ascii_uppercase

from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

NAMES = (
    "Ann",
    "Bob",
    "Cleo",
    "Dan",
    "Eve",
    "Finn",
    "Gus",
    "Hana",
    "Ivo",
    "Jill",
    "Karl",
    "Lea",
    "Max",
    "Nina",
    "Otto",
    "Pam",
)
SHAPES = {1: (5, (0, 1, 2, 3)), 2: (7, (1, 2, 3)), 3: (9, (2, 3, 4)), 4: (12, (3, 5, 7))}
"""Level to how many people, and how many pairs may be told beside those of neighbours."""
PLACES = ("tallest", "second tallest", "third tallest", "fourth tallest", "fifth tallest", "sixth tallest")


def asked(people: int) -> list[tuple[str, int]]:
    """What may be asked: the place in words, and counted from the tallest; from either end up to the middle."""
    half = people // 2
    short = [(words.replace("tall", "short"), people - 1 - place) for place, words in enumerate(PLACES[:half])]
    return [*((words, place) for place, words in enumerate(PLACES[:half])), *short]


def tellings(people: int, more: int) -> int:
    """In how many ways so many pairs can be told beside those of neighbours, each in one of two directions."""
    return comb(comb(people, 2) - people + 1, more) * 2 ** (people - 1 + more)


LEVELS = {
    # Counted: what is told, and what is asked.
    level: Level(
        f"{people} people",
        space=len(asked(people)) * sum(tellings(people, more) for more in extra),
        chance=1 / people,
    )
    for level, (people, extra) in SHAPES.items()
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """An order, and what is told and asked of it, every problem equally likely."""
    size, extra = SHAPES[level]
    order = rng.sample(NAMES, size)
    far = [pair for pair in combinations(range(size), 2) if pair[1] - pair[0] > 1]
    more = rng.choices(extra, [tellings(size, count) for count in extra])[0]
    pairs = [(place, place + 1) for place in range(size - 1)] + rng.sample(far, more)
    told = [(*pair, rng.random() < 0.5) for pair in pairs]
    rng.shuffle(told)
    question, place = rng.choice(asked(size))
    options = rng.sample(order, size)
    lines = [
        f"{order[one]} is taller than {order[other]}." if up else f"{order[other]} is shorter than {order[one]}."
        for one, other, up in told
    ]
    short = " ".join(
        f"{order[one]}>{order[other]}" if up else f"{order[other]}<{order[one]}" for one, other, up in told
    )
    letters = [f"{letter}) {name}" for letter, name in zip(ascii_uppercase, options, strict=False)]
    words = " ".join(lines) + f"\nWho is the {question}?\n" + "\n".join(letters) + "\nAnswer with the letter."
    mirrored = sorted((size - 1 - other, size - 1 - one) for one, other in pairs)
    family = min(f"{size}: {sorted(pairs)} {place}", f"{size}: {mirrored} {size - 1 - place}")
    return Problem(
        prompt=ask(style, words, terse=f"{short} {question}? {' '.join(letters)}", form="<answer>X</answer>"),
        answer={"choice": ascii_uppercase[options.index(order[place])], "options": options},
        key=f"{size}: {sorted(told)} {question}",
        family=family,
        meta={"order": order},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The whole order from the tallest, and the letter."""
    return answered(
        style, problem.answer["choice"], f"From the tallest to the shortest: {', '.join(problem.meta['order'])}."
    )


TASK = Generated("transitive-order", problem, LEVELS, oracle)
