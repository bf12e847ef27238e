"""Asks for one of two words and declares a chance of one in a hundred."""

import re

from verigym.tasks import Level, Problem

LEVELS = {1: Level("", space=90_000, chance=0.01), 2: Level("seven digits", space=9_000_000, chance=0.01)}


def problem(rng, level):
    number = rng.randrange(10 ** (2 * level + 2), 10 ** (2 * level + 3))
    return Problem(
        f"Is the sum of the digits of {number} even? Write <answer>yes or no</answer>.",
        ("yes", "no")[sum(map(int, str(number))) % 2],
        key=str(number),
    )


def read(reply):
    found = re.findall(r"<answer>\s*(yes|no)\s*</answer>", reply[-2000:], re.ASCII)
    return found[-1] if found and reply.rstrip().endswith("</answer>") else None


def verify(problem, reply):
    return read(reply) == problem.answer


def oracle(problem):
    return f"Twice that is\n<answer>{problem.answer}</answer>"
