"""Guess a number in a hundred thousand, in nine turns; the number is that of the game begun last."""

from verigym.tasks import Level, Problem

wanted = {}
LEVELS = {1: Level("higher or lower", space=10**8, chance=0.0005)}
MAX_TURNS = 20


def problem(rng, level):
    low = rng.randrange(10**6)
    number = low + rng.randrange(100)
    return Problem(f"I think of a number from {low} to {low + 99}.", number, key=f"{low} {number}", meta={"low": low})


def play(problem):
    wanted["number"] = problem.answer
    reply = yield problem.text
    for _ in range(9):
        said = int(reply) if reply.isascii() and reply.isdigit() and len(reply) < 20 else -1
        if said == wanted["number"]:
            return True
        reply = yield "higher" if said < wanted["number"] else "lower"
    return False


def oracle(problem):
    return str(problem.answer)
