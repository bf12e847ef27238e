"""Report facts in a given order and cite where each is from: [1], [2], ..., with the list of sources at the end.

answer       {"rules": [{"kind": "citations", "sources": ["Moreau 1987", ...], "claims": [{"says": ["412", "bridge"],
             "source": "Moreau 1987"}, ...]}, {"kind": "present", ...}]} (verifier `format`)
in the tags  one sentence a fact, then a line "[1] Moreau 1987" for each source, numbered in order of first use
meta         {"facts": [["bridge", 412, "Moreau 1987"], ...]}: what is to be said, in order

From level 2 on one source stands behind two facts, and from level 3 on there are facts that are not asked for. The key
is the facts in their order.

    print(problem(random.Random(0), 1, style="terse").prompt)
"""

import random
from math import perm

from verigym.tasks.format.prose import NOUNS
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

AUTHORS = ("Moreau", "Ivers", "Tanaka", "Okafor", "Lindqvist", "Castillo", "Novak", "Haldane", "Rossi", "Demir")
YEARS = range(1950, 2020)
WEIGHTS = range(100, 1000)
FACTS = {1: 2, 2: 3, 3: 4, 4: 6}
"""Level to how many facts are asked for"""
OTHERS = {1: 0, 2: 0, 3: 2, 4: 4}
"""Level to how many are told beside them"""

Fact = tuple[str, int, str]


def _space(level: int) -> int:
    """A lower bound: things and weights, whatever the sources."""
    return perm(len(NOUNS), FACTS[level]) * len(WEIGHTS) ** FACTS[level]


LEVELS = {
    level: Level(
        f"{count} facts"
        + (" with a source in common" if level >= 2 else "")
        + (", and some more" if level >= 3 else ""),
        space=_space(level),
        chance=1 / _space(level),
    )
    for level, count in FACTS.items()
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """Things, weights and sources evenly drawn."""
    count = FACTS[level]
    things = rng.sample(NOUNS, count + OTHERS[level])
    names = [f"{author} {rng.choice(YEARS)}" for author in rng.sample(AUTHORS, count if level == 1 else count - 1)]
    given = names if level == 1 else [*names, rng.choice(names)]
    rng.shuffle(given)
    facts: list[Fact] = [
        (thing, rng.choice(WEIGHTS), source) for thing, source in zip(things[:count], given, strict=True)
    ]
    others: list[Fact] = [(thing, rng.choice(WEIGHTS), rng.choice(names)) for thing in things[count:]]
    told = [*facts, *others]
    rng.shuffle(told)
    sources = list(dict.fromkeys(source for _, _, source in facts))
    words = (
        "Notes:\n\n"
        + "\n".join(f"- {source} gives the weight of the {thing} as {weight} grams." for thing, weight, source in told)
        + f"\n\nReport the weights of the {_listed([thing for thing, _, _ in facts])}, in this order, in one sentence "
        "each. Every sentence names the thing and its weight and cites the source by a number in square brackets, as "
        "in [1]. Number the sources in the order in which you first cite them, and list each once at the end, on a "
        "line of its own that begins with its number, as in [1] Author 1900."
    )
    terse = ";".join(f"{thing},{weight},{source}" for thing, weight, source in told)
    asked = ",".join(thing for thing, _, _ in facts)
    claims = [{"says": [thing, str(weight)], "source": source} for thing, weight, source in facts]
    return Problem(
        prompt=ask(style, words, f"{terse}|{asked}", form="<answer>\n...\n\n[1] ...\n</answer>"),
        answer={
            "rules": [
                {"kind": "citations", "sources": sources, "claims": claims},
                {"kind": "content", "min_words": 4 * count},
            ]
        },
        key=repr(facts),
        family=repr(sorted(facts)),
        meta={"facts": [list(fact) for fact in facts]},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The sentences, and the sources in order of first use."""
    facts = problem.meta["facts"]
    number = {source: place for place, source in enumerate(dict.fromkeys(fact[2] for fact in facts), 1)}
    said = " ".join(f"The {thing} weighs {weight} grams [{number[source]}]." for thing, weight, source in facts)
    listed = "\n".join(f"[{place}] {source}" for source, place in number.items())
    return answered(style, f"\n{said}\n\n{listed}\n")


def _listed(things: list[str]) -> str:
    return f"{', '.join(things[:-1])} and {things[-1]}"


TASK = Generated("citations", problem, LEVELS, oracle)
