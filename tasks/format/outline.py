"""Write a markdown outline: these headings, at these levels, with so many items under each.

answer       {"rules": [{"kind": "sections", "sections": [{"title": "River", "level": 2, "bullets": 3,
             "numbered": 0}, ...]}, {"kind": "bullets", ...}, {"kind": "content", ...}]} (verifier `format`)
in the tags  the outline alone; every item has four words or more, and most words differ
meta         {"sections": [...]}: as in the rule

The key is the outline.

    print(problem(random.Random(0), 1, style="terse").prompt)
"""

import random
from math import perm

from verigym.tasks.format.prose import NOUNS, sentence
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

ITEMS = range(1, 6)
NO_ITEMS = {"bullets": 0, "numbered": 0}
LEAST_WORDS = 4
SHAPES = {1: 2, 2: 3, 3: 4, 4: 5}
"""Level to how many sections; level 3 puts sections within sections, level 4 numbers some of the lists"""


def _space(sections: int) -> int:
    """A lower bound: the titles and how many items each section has."""
    return perm(len(NOUNS), sections) * len(ITEMS) ** sections


LEVELS = {
    1: Level("2 sections", space=_space(2), chance=1 / _space(2)),
    2: Level("3 sections under a title", space=_space(3), chance=1 / _space(3)),
    3: Level("4 sections, some within others", space=_space(4), chance=1 / _space(4)),
    4: Level("5 sections, some within others, some lists numbered", space=_space(5), chance=1 / _space(5)),
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """Titles, depths and counts evenly drawn; no section skips a level."""
    count = SHAPES[level]
    titles = [noun.capitalize() for noun in rng.sample(NOUNS, count + 1)]
    sections: list[dict[str, str | int]] = []
    if level >= 2:
        sections.append({"title": titles[count], "level": 1, **NO_ITEMS})
    for number in range(count):
        deeper = level >= 3 and number > 0 and rng.random() < 0.5
        items = "numbered" if level == 4 and rng.random() < 0.5 else "bullets"
        sections.append({"title": titles[number], "level": 3 if deeper else 2, **NO_ITEMS, items: rng.choice(ITEMS)})
    total = sum(int(one["bullets"]) + int(one["numbered"]) for one in sections)
    words = (
        f"Write an outline in markdown about anything you like. Its headings, in this order, and what stands under "
        f"each:\n\n{_asked(sections)}\n\nEvery item has at least {LEAST_WORDS} words and is a new thought. Write "
        "nothing else."
    )
    terse = ";".join(f"{'#' * int(one['level'])}{one['title']}{_short(one)}" for one in sections)
    return Problem(
        prompt=ask(style, words, terse, form="<answer>\n## ...\n- ...\n</answer>"),
        answer={
            "rules": [
                {"kind": "sections", "sections": sections},
                {"kind": "bullets", "min": 0, "min_words": LEAST_WORDS},
                {"kind": "numbered", "min": 0, "min_words": LEAST_WORDS},
                {"kind": "content", "min_words": LEAST_WORDS * total, "min_distinct": 2 * total + 2, "max_share": 25},
            ]
        },
        key=terse,
        meta={"sections": sections},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The headings with sentences under them."""
    rng = random.Random(problem.key)
    lines = []
    for one in problem.meta["sections"]:
        lines.append(f"{'#' * one['level']} {one['title']}")
        lines += [f"- {sentence(rng, rng.randint(6, 9))}" for _ in range(one["bullets"])]
        lines += [f"{n}. {sentence(rng, rng.randint(6, 9))}" for n in range(1, one["numbered"] + 1)]
    return answered(style, "\n" + "\n".join(lines) + "\n")


def _asked(sections: list[dict[str, str | int]]) -> str:
    return "\n".join(
        f"{number}. {one['title']}, a heading of level {one['level']}, {_counted(one)}"
        for number, one in enumerate(sections, 1)
    )


def _counted(section: dict[str, str | int]) -> str:
    for kind, what in (("bullets", "bullet point"), ("numbered", "numbered item")):
        if section[kind]:
            return f"with {section[kind]} {what}{'s' if section[kind] != 1 else ''}"
    return "with nothing of its own"


def _short(section: dict[str, str | int]) -> str:
    for kind, mark in (("bullets", "-"), ("numbered", "+")):
        if section[kind]:
            return f"{mark}{section[kind]}"
    return ""


TASK = Generated("outline", problem, LEVELS, oracle)
