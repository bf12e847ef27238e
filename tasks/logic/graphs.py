"""Graphs for the tasks that draw them: random edges, and a fingerprint that twins share.

    edges = [("A", "B", 3), ("B", "C", 1)]
    shape("ABC", edges) == shape("CAB", [("C", "A", 3), ("A", "B", 1)])        # True: the same graph, renamed

A fingerprint is made by refining colours: each node's colour is hashed with those of its neighbours, a few times over.
Graphs that differ by names only always share it; a few that differ otherwise may, which makes a family larger and never
splits one.
"""

import hashlib
import random
from collections.abc import Mapping, Sequence
from itertools import combinations

Edge = tuple[str, str, int]
"""Two nodes and a weight."""

NAMES = "ABCDEFGHIJKLMNOP"


def draw(rng: random.Random, nodes: Sequence[str], count: int, weights: Sequence[int] = (1,)) -> list[Edge]:
    """`count` edges that join all nodes, with weights, each evenly drawn, anew until they join them; in the order of
    names."""
    pairs = list(combinations(nodes, 2))
    while True:
        chosen = sorted(rng.sample(pairs, count))
        if joined(nodes, chosen):
            return [(one, other, rng.choice(weights)) for one, other in chosen]


def joined(nodes: Sequence[str], pairs: Sequence[tuple[str, str]]) -> bool:
    """Whether the pairs join all nodes."""
    near: dict[str, list[str]] = {node: [] for node in nodes}
    for one, other in pairs:
        near[one].append(other)
        near[other].append(one)
    met, waiting = {nodes[0]}, [nodes[0]]
    while waiting:
        for node in near[waiting.pop()]:
            if node not in met:
                met.add(node)
                waiting.append(node)
    return len(met) == len(nodes)


def shape(
    nodes: Sequence[str],
    edges: Sequence[Edge],
    marks: Mapping[str, str] | None = None,
    directed: bool = False,
    rounds: int = 6,
) -> str:
    """The fingerprint of a graph whose nodes may carry marks (the start, a length): the same for every renaming."""
    marks = marks or {}
    near: dict[str, list[tuple[str, int, str]]] = {node: [] for node in nodes}
    for one, other, weight in edges:
        near[one].append((other, weight, ">" if directed else "-"))
        near[other].append((one, weight, "<" if directed else "-"))
    colours = {node: marks.get(node, "") for node in nodes}
    for _ in range(rounds):
        colours = {
            node: _hash(colours[node], *sorted(f"{way}{weight}{colours[there]}" for there, weight, way in near[node]))
            for node in nodes
        }
    return _hash(*sorted(colours.values()))


def _hash(*texts: str) -> str:
    return hashlib.blake2b("|".join(texts).encode(), digest_size=8).hexdigest()
