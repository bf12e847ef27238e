"""Each problem's key holds a number of its own, so equal problems fall into every split."""

import re

from verigym.tasks import Level, Problem

LEVELS = {1: Level("four digits", space=10_000, chance=0.0001), 2: Level("four digits", space=10_000, chance=0.0001)}


def problem(rng, level):
    number = rng.randrange(10**4, 10**4 + 4000 * level)
    return Problem(f"Double {number}. Write <answer>...</answer>.", str(2 * number), key=f"{number} {rng.random()}")


def read(reply):
    found = re.findall(r"<answer>\s*([0-9]{1,20})\s*</answer>", reply[-2000:], re.ASCII)
    return found[-1] if found and reply.rstrip().endswith("</answer>") else None


def verify(problem, reply):
    return read(reply) == problem.answer


def oracle(problem):
    return f"Twice that is\n<answer>{problem.answer}</answer>"
