"""An environment that grades in the process of whoever uses it and changes its settings."""

import sys

from verigym.envs import Env
from verigym.tasks import Generated, Level, Problem


def problem(rng, level):
    number = rng.randrange(10**6)
    return Problem(f"Double {number}.", str(2 * number), key=str(number))


def verify(problem, reply):
    sys.setrecursionlimit(100_000)
    return reply.strip() == problem.answer


def oracle(problem):
    return problem.answer


TASK = Generated("doubling", problem, {1: Level("", 10**6, 0.0001)}, oracle)


def build():
    return Env(TASK, verify)
