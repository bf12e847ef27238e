"""Join all towns with the cheapest cables: a minimum spanning tree.

answer       {"kind": "tree", "edges": [["A", "B", 3], ...], "most": 11}: most is the cost of a cheapest tree
in the tags  `A-B, B-D`, the edges of the tree: any tree of that cost counts
meta         {"witness": [["A", "B"], ...]}

The family is the graph without its names.

    print(problem(random.Random(0), 1, style="terse").prompt)
"""

import random
from collections.abc import Sequence

from verigym.tasks.logic.graphs import NAMES, Edge, draw, shape
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

SHAPES = {1: (5, 7, 9), 2: (6, 10, 9), 3: (8, 15, 20), 4: (11, 24, 20), 5: (15, 36, 99)}
"""Level to how many nodes and edges, and the largest cost."""

LEVELS = {
    # A lower bound: the costs on one choice of edges. Chance: simulated, for trees that were cheapest elsewhere.
    level: Level(f"{nodes} nodes, {edges} edges, costs to {most}", space=most**edges, chance=chance)
    for (level, (nodes, edges, most)), chance in zip(
        SHAPES.items(), (0.015, 0.002, 0.0001, 0.00001, 0.000001), strict=True
    )
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """Edges that join all nodes, and costs, evenly drawn."""
    size, count, most = SHAPES[level]
    nodes = list(NAMES[:size])
    edges = draw(rng, nodes, count, range(1, most + 1))
    witness = cheapest(nodes, edges)
    shown = " ".join(f"{one}{other}{weight}" for one, other, weight in edges)
    words = (
        f"Cables can be laid between the towns {', '.join(nodes)}, at these costs: "
        f"{', '.join(f'{one}-{other} costs {weight}' for one, other, weight in edges)}.\n"
        "Choose cables that join all towns, directly or by way of others, at the lowest total cost."
    )
    return Problem(
        prompt=ask(style, words, terse=shown, form="<answer>X-Y, Y-Z</answer>"),
        answer={
            "kind": "tree",
            "edges": [list(edge) for edge in edges],
            "most": sum(weight for _, _, weight in witness),
        },
        key=shown,
        family=shape(nodes, edges),
        meta={"witness": [[one, other] for one, other, _ in witness]},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The tree found by taking the cheapest edge that joins two parts, again and again."""
    costs = {(one, other): weight for one, other, weight in problem.answer["edges"]}
    tree = problem.meta["witness"]
    work = " + ".join(str(costs[one, other]) for one, other in tree)
    return answered(
        style,
        ", ".join(f"{one}-{other}" for one, other in tree),
        f"From the cheapest up, each that joins two parts: {work} = {problem.answer['most']}.",
    )


def cheapest(nodes: Sequence[str], edges: Sequence[Edge]) -> list[Edge]:
    """A cheapest tree, by Kruskal's algorithm; ties go by name."""
    part = {node: node for node in nodes}
    tree = []
    for one, other, weight in sorted(edges, key=lambda edge: (edge[2], edge[:2])):
        if part[one] != part[other]:
            kept, lost = part[one], part[other]
            part = {node: kept if root == lost else root for node, root in part.items()}
            tree.append((one, other, weight))
    return tree


TASK = Generated("spanning-tree", problem, LEVELS, oracle)
