"""Write sentences of exactly so many words each, with given words in them.

answer       {"rules": [{"kind": "sentences", "words": [6, 9]}, {"kind": "present", "words": ["door", "river"]},
             {"kind": "content", ...}]} (verifier `format`)
in the tags  the sentences; a word is what stands between blanks
meta         {"words": [6, 9], "keywords": ["door", "river"]}

The key is the lengths and the keywords.

    print(problem(random.Random(0), 1, style="terse").prompt)
"""

import random
from math import comb

from verigym.tasks.format.prose import NOUNS, sentence, spray_chance
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

LENGTHS = range(5, 13)
SENTENCES = {1: 2, 2: 3, 3: 4, 4: 6}
KEYWORDS = {1: 2, 2: 2, 3: 3, 4: 4}
NUMBERS = {2: "two", 3: "three", 4: "four", 6: "six"}


def _level(level: int) -> Level:
    """The best reply that does not look has the longest sentences, each word of them a keyword."""
    count, asked = SENTENCES[level], KEYWORDS[level]
    return Level(
        f"{count} sentences, {asked} keywords",
        space=len(LENGTHS) ** count * comb(len(NOUNS), asked),
        chance=spray_chance(LENGTHS[-1] * count, asked) / len(LENGTHS) ** count,
    )


LEVELS = {level: _level(level) for level in SENTENCES}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """Lengths and keywords evenly drawn."""
    lengths = [rng.choice(LENGTHS) for _ in range(SENTENCES[level])]
    keywords = sorted(rng.sample(NOUNS, KEYWORDS[level]))
    shown = ", ".join(map(str, lengths[:-1])) + f" and {lengths[-1]}"
    words = (
        f"Write {NUMBERS[len(lengths)]} sentences of exactly {shown} words, in this order. Use the words "
        f"{', '.join(keywords)} somewhere in them, and no word too often. A word is what stands between blanks."
    )
    terse = f"{' '.join(map(str, lengths))}:{','.join(keywords)}"
    return Problem(
        prompt=ask(style, words, terse, form="<answer>First sentence. Second sentence.</answer>"),
        answer={
            "rules": [
                {"kind": "sentences", "words": lengths},
                {"kind": "present", "words": keywords},
                {"kind": "content", "min_distinct": sum(lengths) // 2, "max_share": 25},
            ]
        },
        key=terse,
        meta={"words": lengths, "keywords": keywords},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """A sentence for each length, the keywords in the first ones."""
    rng = random.Random(problem.key)
    keywords = problem.meta["keywords"]
    lengths = problem.meta["words"]
    said = [sentence(rng, length, keywords[number : number + 1]) for number, length in enumerate(lengths)]
    return answered(style, " ".join(said))


TASK = Generated("sentence-shape", problem, LEVELS, oracle)
