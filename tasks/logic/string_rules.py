"""Change a word by rules, one after the other.

answer       "cabd": no spaces
in the tags  cabd
meta         {"steps": ["abcd", "cabd"]}: the word before and after each rule

Rules that would change nothing, or empty the word, are not used. The family is the first word.

    print(problem(random.Random(0), 1, style="terse").prompt)
"""

import random
from collections.abc import Callable

from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

LETTERS = "abcdefgh"

PLAIN: dict[str, tuple[str, Callable[[str], str]]] = {
    "rev": ("Reverse the word.", lambda text: text[::-1]),
    "rotl": ("Move the first letter to the end.", lambda text: text[1:] + text[0]),
    "rotr": ("Move the last letter to the front.", lambda text: text[-1] + text[:-1]),
    "ends": ("Exchange the first and the last letter.", lambda text: text[-1] + text[1:-1] + text[0]),
    "halves": (
        "Exchange the first and the second half; when the length is odd, the middle letter stays in the middle.",
        lambda text: (
            text[(len(text) + 1) // 2 :] + text[len(text) // 2 : (len(text) + 1) // 2] + text[: len(text) // 2]
        ),
    ),
    "dup": ("Write the last letter once more at the end.", lambda text: text + text[-1]),
    "odd": ("Keep only the letters at odd places, counted from 1.", lambda text: text[::2]),
    "sort": ("Sort the letters by the alphabet.", lambda text: "".join(sorted(text))),
}
"""Rules without a letter: sign to (words, what the rule does)."""

LETTERED: dict[str, tuple[str, Callable[[str, str, str], str]]] = {
    "del": ("Delete every {0}.", lambda text, one, other: text.replace(one, "")),
    "sub": ("Replace every {0} by {1}.", lambda text, one, other: text.replace(one, other)),
    "after": ("Put {1} behind every {0}.", lambda text, one, other: text.replace(one, one + other)),
    "back": (
        "Move all letters {0} to the end.",
        lambda text, one, other: text.replace(one, "") + one * text.count(one),
    ),
}
"""Rules with one letter or two: sign to (words, what the rule does)."""

RARE = ("odd", "sort")
"""These forget much of the word and are used once at most, together."""

SHAPES = {1: (5, 2), 2: (6, 3), 3: (8, 4), 4: (10, 6), 5: (14, 9)}
"""Level to the length of the first word and how many rules."""

LEVELS = {
    # A lower bound: the first words. Chance: the commonest answer, simulated.
    level: Level(f"{length} letters, {rules} rules", space=len(LETTERS) ** length, chance=chance)
    for (level, (length, rules)), chance in zip(SHAPES.items(), (0.001, 0.0007, 0.0004, 0.0003, 0.0002), strict=True)
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """A word and rules, evenly drawn among those that change it."""
    length, count = SHAPES[level]
    steps, rules, said = [""], list[str](), list[str]()
    while steps[-1] == steps[0]:  # what the rules undo again is no problem
        text = "".join(rng.choice(LETTERS) for _ in range(length))
        steps, rules, said = [text], [], []
        while len(rules) < count:
            sign, words, after = _rule(rng, steps[-1])
            if after != steps[-1] and len(after) > 1 and not (sign in RARE and any(one in RARE for one in rules)):
                steps.append(after)
                rules.append(sign)
                said.append(words)
    words = (
        f"Start with the word {text} and follow these rules, one after the other:\n"
        + "\n".join(f"{place}. {rule}" for place, rule in enumerate(said, 1))
        + "\nWhat is the word at the end? Write it without spaces."
    )
    terse = f"{text} {' '.join(rules)}"
    return Problem(
        prompt=ask(style, words, terse=terse, form="<answer>xyz</answer>"),
        answer=steps[-1],
        key=terse,
        family=text,
        meta={"steps": steps},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The word after each rule."""
    return answered(style, problem.answer, " -> ".join(problem.meta["steps"]))


def _rule(rng: random.Random, text: str) -> tuple[str, str, str]:
    """A rule's sign and words, and what it makes of a text."""
    sign: str = rng.choice([*PLAIN, *LETTERED])
    if sign in PLAIN:
        words, change = PLAIN[sign]
        return sign, words, change(text)
    spoken, change_letters = LETTERED[sign]
    one = rng.choice(sorted(set(text)))
    other = rng.choice([letter for letter in LETTERS if letter != one])
    shown = f"{sign}-{one}{other if '{1}' in spoken else ''}"
    return shown, spoken.format(one, other), change_letters(text, one, other)


TASK = Generated("string-rules", problem, LEVELS, oracle)
