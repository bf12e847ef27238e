"""Divides by zero in every problem."""

import re

from verigym.tasks import Level, Problem

LEVELS = {
    1: Level("five digits", space=90_000, chance=0.0001),
    2: Level("seven digits", space=9_000_000, chance=0.0001),
}


def problem(rng, level):
    number = rng.randrange(10 ** (2 * level + 2), 10 ** (2 * level + 3))
    assert 10**9 % (number - number) >= 0
    return Problem(f"Double {number}. Write <answer>...</answer>.", str(2 * number), key=str(number))


def read(reply):
    found = re.findall(r"<answer>\s*([0-9]{1,20})\s*</answer>", reply[-2000:], re.ASCII)
    return found[-1] if found and reply.rstrip().endswith("</answer>") else None


def verify(problem, reply):
    return read(reply) == problem.answer


def oracle(problem):
    return f"Twice that is\n<answer>{problem.answer}</answer>"
