"""Guess the number: the built-in environment of several turns. Each guess is answered with "higher" or "lower".

answer       417: the number, an int inside the range that the prompt names
in the tags  417, one guess a reply

A range of 2**n - 1 numbers needs n guesses when each one halves it; two more are allowed. A reply without a guess
costs one too. `bisect(problem, messages)` is the reply that halves what is left, read from the conversation alone.
"""

import random
import re
from collections.abc import Generator

from verigym.tasks.problem import Message, Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, check_style
from verigym.verifiers.extract import extract
from verigym.verifiers.verdict import Verdict

BITS = {1: 3, 2: 4, 3: 5, 4: 6, 5: 7}
"""Level to the guesses that halving needs."""
SPARE = 2
LARGEST_START = 1000
MAX_TURNS = max(BITS.values()) + SPARE
NO_GUESS = "no guess: write a whole number inside <answer> </answer>"

LEVELS = {
    # The start of the range is even over 1,000 numbers, so no number comes up more often than once in 1,000 draws.
    level: Level(
        f"{2**bits - 1} numbers, {bits + SPARE} guesses",
        space=LARGEST_START * (2**bits - 1),
        chance=(bits + SPARE) / LARGEST_START,
    )
    for level, bits in BITS.items()
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """A range that starts anywhere from 1 to 1,000, and a number in it."""
    width, guesses = 2 ** BITS[level] - 1, BITS[level] + SPARE
    low = rng.randint(1, LARGEST_START)
    high = low + width - 1
    number = rng.randint(low, high)
    words = (
        f"I am thinking of a whole number from {low} to {high}. You have {guesses} guesses. After each one I say "
        "whether the number is higher or lower. Put each guess inside <answer> </answer> tags, one a reply, like this: "
        "<answer>123</answer>."
    )
    return Problem(
        prompt=words if check_style(style) == "words" else f"{low}-{high}",
        answer=number,
        key=f"{low},{high},{number}",
        meta={"low": low, "high": high, "guesses": guesses},
    )


def play(problem: Problem) -> Generator[str, str, Verdict]:
    """The game: yields the prompt, then "higher" or "lower"; right as soon as the number is said."""
    said, shown = 0, problem.text
    for turn in range(1, problem.meta["guesses"] + 1):
        guess = _read((yield shown))
        if guess == problem.answer:
            return Verdict.right(
                f"guessed {guess} in {turn} of {problem.meta['guesses']} guesses", extracted=str(guess)
            )
        if guess is None:
            shown = NO_GUESS
        else:
            said += 1
            shown = "higher" if guess < problem.answer else "lower"
    reason = f"not guessed in {problem.meta['guesses']} replies, {said} of them a guess; it was {problem.answer}"
    return Verdict.wrong(reason) if said else Verdict.malformed(reason)


def bisect(problem: Problem, messages: list[Message]) -> str | None:
    """The guess that halves the range that is left. Reads the range from the problem, and the hints from the
    conversation only."""
    low, high = problem.meta["low"], problem.meta["high"]
    guess: int | None = None
    for message in messages:
        if message["role"] == "assistant":
            guess = _read(message["content"])
        elif guess is not None and message["content"] == "higher":
            low = max(low, guess + 1)
        elif guess is not None and message["content"] == "lower":
            high = min(high, guess - 1)
    return answered("terse", str((low + high) // 2))


def _read(reply: str) -> int | None:
    text = extract(reply, "answer_tag").text
    return int(text) if text is not None and re.fullmatch(r"[+-]?[0-9]{1,9}", text) else None


TASK = Generated("guess-the-number", problem, LEVELS)
