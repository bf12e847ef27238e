"""Put jobs in an order in which each comes after those it waits for.

answer       {"kind": "order", "nodes": ["A", ...], "edges": [["A", "C"], ...]}: A comes before C
in the tags  `B, A, C`, every job once: any order counts that is right
meta         {"order": ["B", "A", "C"]}

The family is the graph of what waits for what, without its names.

    problem(random.Random(0), 1, style="terse").prompt
"""

import random
from itertools import combinations
from math import comb, factorial

from verigym.tasks.logic.graphs import NAMES, shape
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

SHAPES = {1: (6, 8), 2: (8, 12), 3: (10, 16), 4: (13, 24), 5: (16, 32)}
"""Level to how many jobs and how many demands."""


def chance(jobs: int, demands: int) -> float:
    """How often one fixed order is right: over all orders that a problem may be drawn from, by how many pairs they turn
    round, the share of the choices of demands that fall on the other pairs."""
    turned = [1]
    for job in range(2, jobs + 1):  # the number of orders with so many inversions, job by job
        turned = [sum(turned[max(0, place - job + 1) : place + 1]) for place in range(len(turned) + job - 1)]
    pairs = comb(jobs, 2)
    return sum(
        orders / factorial(jobs) * comb(pairs - count, demands) / comb(pairs, demands)
        for count, orders in enumerate(turned)
    )


def space(jobs: int, demands: int) -> int:
    """A lower bound of how many problems there are. One with k right orders is drawn in k ways of all `jobs! *
    choices`, so there are that many times the mean of 1 / k, which is at least 1 over the mean of k; and the mean of k
    is `jobs! * chance`, as every order is right as often as any other."""
    return int(comb(comb(jobs, 2), demands) / chance(jobs, demands))


LEVELS = {
    level: Level(f"{jobs} jobs, {demands} demands", space=space(jobs, demands), chance=chance(jobs, demands))
    for level, (jobs, demands) in SHAPES.items()
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """An order, and pairs of it that are asked for, every choice equally likely."""
    size, count = SHAPES[level]
    nodes = list(NAMES[:size])
    order = rng.sample(nodes, size)
    edges = sorted(rng.sample(list(combinations(order, 2)), count))
    shown = " ".join(f"{one}<{other}" for one, other in edges)
    told = rng.sample(edges, count)
    words = (
        f"Put the jobs {', '.join(nodes)} in an order that keeps all of these demands:\n"
        + "\n".join(f"{one} must come before {other}." for one, other in told)
        + "\nWrite all jobs once, from the first to the last."
    )
    return Problem(
        prompt=ask(style, words, terse=shown, form="<answer>Y, Z, X</answer>"),
        answer={"kind": "order", "nodes": nodes, "edges": [list(edge) for edge in edges]},
        key=shown,
        family=shape(nodes, [(one, other, 1) for one, other in edges], directed=True),
        meta={"order": order},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The order that the demands were drawn from."""
    order = problem.meta["order"]
    first = {edge[1] for edge in problem.answer["edges"]}
    free = [job for job in order if job not in first]
    return answered(style, ", ".join(order), f"Nothing has to come before {', '.join(free)}.")


TASK = Generated("topological-order", problem, LEVELS, oracle)
