"""How much of what a kind of graph asks for an answer keeps, for partial credit: one small function a kind.

    colouring(triangle, {"A": "red", "B": "blue", "C": "red"})       # 2 of 3 edges: 0.666...

A share in [0, 1]. It is asked of answers that are not right only, and `CREDIT_BELOW` keeps it below theirs. Nothing is
given for an empty answer, nor for what is said twice.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any

from verigym.verifiers.graph_rules import Edge, Graph

CREDIT_BELOW = 0.99
"""the most that an answer which is not right can earn"""


def walk(graph: Graph, nodes: Sequence[str]) -> float:
    """The share of its steps that are edges, up to the first that is none or comes back; half of it where it does not
    begin or end as it should, and less where it is too long."""
    steps = list(pairwise(nodes))
    met, held = set(nodes[:1]), 0
    for one, other in steps:
        if (one, other) not in graph.weights or other in met:
            break
        met.add(other)
        held += 1
    if not steps:
        return 0.0
    ends = graph.demands.get("start") in (None, nodes[0]) and graph.demands.get("goal") in (None, nodes[-1])
    every = "start" in graph.demands or len(met) == len(graph.nodes)
    return held / len(steps) * (1.0 if ends and every else 0.5) * _within(graph, steps[:held])


def order(graph: Graph, nodes: Sequence[str]) -> float:
    """The share of edges whose tail stands before their head."""
    place = {node: index for index, node in reversed(list(enumerate(nodes)))}
    kept = [place[one] < place[other] for one, other in graph.weights if one in place and other in place]
    return sum(kept) / max(1, len(graph.weights))


def colouring(graph: Graph, colours: Mapping[str, str]) -> float:
    """The share of edges whose ends have two different colours, less where there are more colours than allowed."""
    allowed = graph.demands["colours"]
    used = [colour for colour in colours.values() if isinstance(allowed, int) or colour in allowed]
    most = allowed if isinstance(allowed, int) else len(allowed)
    kept = [
        one in colours
        and other in colours
        and colours[one] != colours[other]
        and {colours[one], colours[other]} <= set(used)
        for one, other in graph.weights
    ]
    return sum(kept) / max(1, len(kept)) * min(1.0, most / max(1, len(set(used))))


def tree(graph: Graph, edges: Sequence[Edge]) -> float:
    """The share of the edges of a tree that it has: edges that close no circle, less where they weigh too much."""
    part = {node: {node} for node in graph.nodes}
    joined: list[Edge] = []
    for one, other in _real(graph, edges):
        if part[one] is not part[other]:
            whole = part[one] | part[other]
            part.update(dict.fromkeys(whole, whole))
            joined.append((one, other))
    wanted = max(len(graph.nodes) - 1, len(edges), 1)
    return len(joined) / wanted * _within(graph, joined)


def matching(graph: Graph, edges: Sequence[Edge]) -> float:
    """Edges that share no node with one before them, of those that are wanted or given."""
    met: set[str] = set()
    held = 0
    for edge in _real(graph, edges):
        if not met & set(edge):
            met |= set(edge)
            held += 1
    return held / max(graph.demands["least"], len(edges), 1)


def clique(graph: Graph, nodes: Sequence[str]) -> float:
    """The share of pairs that are joined, times the share of the nodes that are wanted."""
    return _pairs(graph, nodes, joined=True)


def independent(graph: Graph, nodes: Sequence[str]) -> float:
    """The share of pairs that are not joined, times the share of the nodes that are wanted."""
    return _pairs(graph, nodes, joined=False)


def edges(graph: Graph, found: Sequence[Edge]) -> float:
    """F1: twice the edges that are right over those given and those wanted."""
    wanted = len(graph.weights) if graph.directed else len({frozenset(edge) for edge in graph.weights})
    return 2 * len(_real(graph, found)) / max(1, len(found) + wanted)


CREDIT: Mapping[str, Callable[[Graph, Any], float]] = {
    "path": walk,
    "hamiltonian": walk,
    "order": order,
    "colouring": colouring,
    "tree": tree,
    "matching": matching,
    "clique": clique,
    "independent": independent,
    "edges": edges,
}
"""kind -> its share"""


def _real(graph: Graph, found: Sequence[Edge]) -> list[Edge]:
    """Edges of the graph, each once."""
    kept: dict[Any, Edge] = {}
    for edge in found:
        if edge in graph.weights:
            kept.setdefault(edge if graph.directed else frozenset(edge), edge)
    return list(kept.values())


def _within(graph: Graph, edges: Sequence[Edge]) -> float:
    """1, or less where the weight is above the greatest that would do."""
    most, weight = graph.demands.get("most"), sum(graph.weights[edge] for edge in edges)
    return float(min(1.0, max(0.0, most / weight))) if most is not None and weight > 0 else 1.0


def _pairs(graph: Graph, nodes: Sequence[str], joined: bool) -> float:
    different = list(dict.fromkeys(nodes))
    pairs = list(combinations(different, 2))
    kept = sum(((one, other) in graph.weights or (other, one) in graph.weights) is joined for one, other in pairs)
    size = min(1.0, len(different) / max(1, graph.demands["least"]))
    return kept / len(pairs) * size * len(different) / len(nodes) if pairs else 0.0
