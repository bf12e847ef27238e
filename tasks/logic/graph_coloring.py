"""Colour the nodes of a graph so that joined nodes differ.

answer       {"kind": "colouring", "nodes": ["A", ...], "edges": [["A", "B"], ...], "colours": ["red", ...]}
in the tags  `A: red, B: blue`, every node once: any colouring counts that is right
meta         {"solution": {"A": "red", ...}}

The edges are drawn between three classes that were drawn first, so a colouring exists. The family is the graph without
its names.

    print(problem(random.Random(0), 1, style="terse").prompt)
"""

import random
from itertools import combinations
from math import comb

from verigym.tasks.logic.graphs import NAMES, shape
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

COLOURS = ("red", "green", "blue")
SHAPES = {1: (7, 11), 2: (8, 14), 3: (10, 20), 4: (12, 26), 5: (16, 38)}
"""Level to how many nodes and edges."""


def across(nodes: int) -> int:
    """How many pairs of nodes lie in different classes, when the three are as equal as can be."""
    sizes = [len(range(place, nodes, 3)) for place in range(3)]
    return sum(one * other for one, other in combinations(sizes, 2))


COUNTED = {1: 244_230}
"""Exact spaces, where every choice of edges across every three classes could be listed."""

LEVELS = {
    # Lower bounds elsewhere: the choices of edges for one of the ways to class the nodes. Chance: simulated, for
    # classes fixed before the graph is seen.
    level: Level(
        f"{nodes} nodes, {edges} edges, 3 colours",
        space=COUNTED.get(level) or comb(across(nodes), edges),
        chance=chance,
    )
    for (level, (nodes, edges)), chance in zip(SHAPES.items(), (0.025, 0.01, 0.0015, 0.0003, 0.00001), strict=True)
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """Nodes evenly classed by chance, then edges across the classes, every choice of them equally likely."""
    size, count = SHAPES[level]
    nodes = list(NAMES[:size])
    mixed = rng.sample(nodes, size)
    solution = {node: COLOURS[place % 3] for place, node in enumerate(mixed)}
    pairs = [pair for pair in combinations(nodes, 2) if solution[pair[0]] != solution[pair[1]]]
    edges = sorted(rng.sample(pairs, count))
    shown = " ".join(one + other for one, other in edges)
    words = (
        f"A graph has the nodes {', '.join(nodes)} and these edges: "
        f"{', '.join(f'{one}-{other}' for one, other in edges)}.\nGive every node one of the colours red, green and "
        "blue so that no edge joins two nodes of the same colour."
    )
    return Problem(
        prompt=ask(style, words, terse=shown, form="<answer>X: red, Y: green, Z: red</answer>"),
        answer={
            "kind": "colouring",
            "nodes": nodes,
            "edges": [list(edge) for edge in edges],
            "colours": list(COLOURS),
        },
        key=shown,
        family=shape(nodes, [(one, other, 1) for one, other in edges]),
        meta={"solution": {node: solution[node] for node in nodes}},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The classes that the edges were drawn between."""
    solution = problem.meta["solution"]
    work = [
        f"{colour.capitalize()}: {', '.join(node for node in solution if solution[node] == colour)}."
        for colour in COLOURS
    ]
    return answered(style, ", ".join(f"{node}: {colour}" for node, colour in solution.items()), "\n".join(work))


TASK = Generated("graph-coloring", problem, LEVELS, oracle)
