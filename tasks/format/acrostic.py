"""Write lines whose first letters spell a word, with a keyword in one of them.

answer       {"rules": [{"kind": "lines", "starts": ["r", "i", ...], "min_words": 3}, {"kind": "present", ...},
             {"kind": "words", ...}, {"kind": "content", ...}]} (verifier `format`)
in the tags  as many lines as the word has letters, each of three words or more
meta         {"word": "river", "keywords": ["door"]}

The key is the word and the keywords.

    print(problem(random.Random(0), 1, style="terse").prompt)
"""

import random
from math import comb

from verigym.tasks.format.prose import NOUNS, sentence, spray_chance
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

LEAST_WORDS, MOST_WORDS = 3, 10
"""words of a line, at least, and in the mean, at most"""
LETTERS = {1: (3, 4), 2: (5,), 3: (6,), 4: (7, 8)}
"""Level to the lengths of its words; from level 3 on there are two keywords"""
WORDS = {
    level: tuple(noun for noun in NOUNS if len(noun) in lengths and "x" not in noun)
    for level, lengths in LETTERS.items()
}


def _level(level: int) -> Level:
    """The best reply that does not look spells one of the words, with keywords wherever it has words."""
    count, asked = len(WORDS[level]), _keywords(level)
    most = MOST_WORDS * max(LETTERS[level])
    lengths = " or ".join(map(str, LETTERS[level]))
    return Level(
        f"{lengths} lines, {asked} keyword{'s' * (asked > 1)}",
        space=count * comb(len(NOUNS) - 1, asked),
        chance=spray_chance(most, asked) / count,
    )


def _keywords(level: int) -> int:
    return 2 if level >= 3 else 1


LEVELS = {level: _level(level) for level in LETTERS}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """The word and the keywords evenly drawn."""
    word = rng.choice(WORDS[level])
    keywords = sorted(rng.sample([noun for noun in NOUNS if noun != word], _keywords(level)))
    count = len(word)
    words = (
        f"Write {count} lines about anything you like, each of at least {LEAST_WORDS} words, whose first letters spell "
        f'the word "{word}", one letter a line. Use the word{"s" * (len(keywords) > 1)} {_quoted(keywords)} somewhere '
        f"in them. All lines together have at most {MOST_WORDS * count} words, and most of the words differ."
    )
    return Problem(
        prompt=ask(style, words, f"{word}:{','.join(keywords)}", form="<answer>\nFirst line\n...\n</answer>"),
        answer={
            "rules": [
                {"kind": "lines", "starts": list(word), "min_words": LEAST_WORDS},
                {"kind": "present", "words": keywords},
                {"kind": "words", "max": MOST_WORDS * count},
                {"kind": "content", "min_distinct": 2 * count, "max_share": 30},
            ]
        },
        key=f"{word}:{','.join(keywords)}",
        meta={"word": word, "keywords": keywords},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """A line for each letter: a word that begins with it, and a sentence behind a colon."""
    rng = random.Random(problem.key)
    keywords = problem.meta["keywords"]
    lines = []
    for number, letter in enumerate(problem.meta["word"]):
        begun = rng.choice([noun for noun in NOUNS if noun.startswith(letter)])
        must = keywords[number : number + 1]
        lines.append(f"{begun.capitalize()}: {sentence(rng, rng.randint(5, 8), must).lower()}")
    return answered(style, "\n" + "\n".join(lines) + "\n")


def _quoted(words: list[str]) -> str:
    return " and ".join(f'"{word}"' for word in words)


TASK = Generated("acrostic", problem, LEVELS, oracle)
