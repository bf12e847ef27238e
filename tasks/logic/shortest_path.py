"""A shortest way through a graph whose edges have lengths.

answer       {"kind": "path", "edges": [["A", "B", 3], ...], "start": "A", "goal": "F", "most": 7}: most is the length
             of a shortest way
in the tags  `A -> C -> F`: any way of that length counts
meta         {"witness": ["A", "C", "F"]}

The family is the graph without its names, with start and goal exchanged too.

    print(problem(random.Random(0), 1, style="terse").prompt)
"""

import heapq
import random
from collections.abc import Sequence
from itertools import pairwise

from verigym.tasks.logic.graphs import NAMES, Edge, draw, shape
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

SHAPES = {1: (5, 7, 2), 2: (7, 11, 3), 3: (9, 15, 3), 4: (12, 22, 4), 5: (16, 32, 5)}
"""Level to how many nodes and edges, and how many edges a shortest way has at least."""
WEIGHTS = range(1, 10)

LEVELS = {
    # Lower bounds: a way of the least number of edges, each of length 1, among edges that are all longer than it.
    # Chance: simulated, for ways that were shortest elsewhere.
    level: Level(
        f"{nodes} nodes, {edges} edges, {least} or more edges on the way",
        space=(9 - least) ** (edges - least),
        chance=chance,
    )
    for (level, (nodes, edges, least)), chance in zip(
        SHAPES.items(), (0.018, 0.0025, 0.001, 0.0002, 0.00005), strict=True
    )
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """Edges, lengths, start and goal evenly drawn, anew until the shortest way found first has enough edges."""
    size, count, least = SHAPES[level]
    nodes = list(NAMES[:size])
    witness: list[str] = []
    while len(witness) <= least:
        edges = draw(rng, nodes, count, WEIGHTS)
        start, goal = rng.sample(nodes, 2)
        length, witness = shortest(edges, start, goal)
    shown = " ".join(f"{one}{other}{weight}" for one, other, weight in edges)
    words = (
        f"Roads join the towns {', '.join(nodes)}. Each road can be used in both directions: "
        f"{', '.join(f'{one}-{other} is {weight} km' for one, other, weight in edges)}.\n"
        f"Find a shortest way from {start} to {goal} and write the towns on it in order."
    )
    return Problem(
        prompt=ask(style, words, terse=f"{shown} {start}>{goal}", form="<answer>X -> Y -> Z</answer>"),
        answer={
            "kind": "path",
            "edges": [list(edge) for edge in edges],
            "start": start,
            "goal": goal,
            "most": length,
        },
        key=f"{shown} {start}>{goal}",
        family=shape(nodes, edges, {start: "end", goal: "end"}),
        meta={"witness": witness},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The way that was found first, with its length."""
    way = problem.meta["witness"]
    lengths = {frozenset(edge[:2]): edge[2] for edge in problem.answer["edges"]}
    sums = " + ".join(str(lengths[frozenset(pair)]) for pair in pairwise(way))
    return answered(style, " -> ".join(way), f"The roads on the way are {sums} = {problem.answer['most']} km long.")


def shortest(edges: Sequence[Edge], start: str, goal: str) -> tuple[int, list[str]]:
    """The length of a shortest way between joined nodes, and such a way, by Dijkstra's algorithm."""
    near: dict[str, list[tuple[str, int]]] = {}
    for one, other, weight in edges:
        near.setdefault(one, []).append((other, weight))
        near.setdefault(other, []).append((one, weight))
    waiting: list[tuple[int, list[str]]] = [(0, [start])]
    done: set[str] = set()
    while True:
        length, way = heapq.heappop(waiting)
        if way[-1] == goal:
            return length, way
        if way[-1] not in done:
            done.add(way[-1])
            for there, weight in near[way[-1]]:
                heapq.heappush(waiting, (length + weight, [*way, there]))


TASK = Generated("shortest-path", problem, LEVELS, oracle)
