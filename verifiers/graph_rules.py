"""What each kind of answer about a graph must keep: one small function a kind, which says what is wrong, or nothing.

    line = Graph(["A", "B"], {"a": "A", "b": "B"}, {("A", "B"): 1, ("B", "A"): 1}, False, {"start": "A", "goal": "B"})
    path(line, ["A", "B"])       # ""

Nodes were read by `graph.py` and exist. All checks are linear in the answer or, for cliques, in its pairs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

Edge = tuple[str, str]


@dataclass(frozen=True)
class Graph:
    """nodes in their order; names: how a node is compared, to the node; weights: of both directions where edges have
    none; demands: what the kind asks for, such as start, goal, most."""

    nodes: Sequence[str]
    names: Mapping[str, str]
    weights: Mapping[Edge, int | float]
    directed: bool
    demands: Mapping[str, Any]


def path(graph: Graph, nodes: Sequence[str]) -> str:
    """From start to goal along edges, no node twice, within the greatest weight."""
    start, goal = graph.demands["start"], graph.demands["goal"]
    if not nodes or nodes[0] != start:
        return f"it does not begin at {start}"
    if nodes[-1] != goal:
        return f"it does not end at {goal}"
    if twice := _twice(nodes):
        return f"{twice} stands there twice"
    return _walk(graph, nodes)


def hamiltonian(graph: Graph, nodes: Sequence[str]) -> str:
    """Every node once, along edges; a cycle may name its first node again at the end."""
    nodes = list(nodes)
    cycle = bool(graph.demands.get("cycle"))
    if cycle and len(nodes) == len(graph.nodes) + 1 and nodes[0] == nodes[-1]:
        nodes.pop()
    return _all_once(graph, nodes) or _walk(graph, [*nodes, nodes[0]] if cycle else nodes)


def order(graph: Graph, nodes: Sequence[str]) -> str:
    """Every node once, and the head of no edge before its tail."""
    if fault := _all_once(graph, nodes):
        return fault
    place = {node: index for index, node in enumerate(nodes)}
    for one, other in graph.weights:
        if place[one] > place[other]:
            return f"{other} stands before {one}"
    return ""


def colouring(graph: Graph, colours: Mapping[str, str]) -> str:
    """A colour for every node, different at the two ends of every edge, and not more colours than there are."""
    missing = [node for node in graph.nodes if node not in colours]
    if missing:
        return f"nothing is said of {', '.join(missing)}"
    allowed = graph.demands["colours"]
    if isinstance(allowed, int):
        used = len(set(colours.values()))
        if used > allowed:
            return f"{used} colours, and there are {allowed}"
    else:
        strange = next((colour for colour in colours.values() if colour not in allowed), None)
        if strange is not None:
            return f"{strange!r} is not a colour; the colours are {', '.join(allowed)}"
    for one, other in graph.weights:
        if colours[one] == colours[other]:
            return f"{one} and {other} are joined, and both are {colours[one]}"
    return ""


def tree(graph: Graph, edges: Sequence[Edge]) -> str:
    """Edges of the graph that join all nodes without a circle, within the greatest weight."""
    if fault := _known_edges(graph, edges):
        return fault
    root = {node: node for node in graph.nodes}

    def top(node: str) -> str:
        while root[node] != node:
            root[node] = root[root[node]]
            node = root[node]
        return node

    for one, other in edges:
        if top(one) == top(other):
            return f"the edge {one}-{other} closes a circle"
        root[top(one)] = top(other)
    if len(edges) != len(graph.nodes) - 1:
        return f"{len(edges)} edges do not join {len(graph.nodes)} nodes"
    return _weight(graph, edges)


def matching(graph: Graph, edges: Sequence[Edge]) -> str:
    """Edges of the graph, no node in two of them, and enough of them."""
    if fault := _known_edges(graph, edges):
        return fault
    met: set[str] = set()
    for edge in edges:
        for node in edge:
            if node in met:
                return f"{node} is in two edges"
            met.add(node)
    least = graph.demands["least"]
    return f"{len(edges)} edges, and {least} are wanted" if len(edges) < least else ""


def clique(graph: Graph, nodes: Sequence[str]) -> str:
    """Different nodes, each joined to each other one, and enough of them."""
    return _set_of(graph, nodes, joined=True)


def independent(graph: Graph, nodes: Sequence[str]) -> str:
    """Different nodes, none joined to another one, and enough of them."""
    return _set_of(graph, nodes, joined=False)


def edges(graph: Graph, found: Sequence[Edge]) -> str:
    """The edges of the graph, each once, and no other."""
    if fault := _known_edges(graph, found):
        return fault
    wanted = len(graph.weights) if graph.directed else len({frozenset(edge) for edge in graph.weights})
    return f"{len(found)} edges of {wanted}" if len(found) != wanted else ""


KINDS: dict[str, tuple[str, Callable[[Graph, Any], str]]] = {
    "path": ("nodes", path),
    "colouring": ("pairs", colouring),
    "order": ("nodes", order),
    "tree": ("edges", tree),
    "matching": ("edges", matching),
    "clique": ("nodes", clique),
    "independent": ("nodes", independent),
    "hamiltonian": ("nodes", hamiltonian),
    "edges": ("edges", edges),
}
"""kind -> (what is read: nodes, edges or pairs of a node and a colour; what is wrong with it)"""


def _walk(graph: Graph, nodes: Sequence[str]) -> str:
    for edge in pairwise(nodes):
        if edge not in graph.weights:
            return f"there is no edge from {edge[0]} to {edge[1]}"
    return _weight(graph, list(pairwise(nodes)))


def _weight(graph: Graph, edges: Sequence[Edge]) -> str:
    weight, most = sum(graph.weights[edge] for edge in edges), graph.demands.get("most")
    return f"a total weight of {weight}, and {most} would do" if most is not None and weight > most else ""


def _all_once(graph: Graph, nodes: Sequence[str]) -> str:
    if twice := _twice(nodes):
        return f"{twice} stands there twice"
    met = set(nodes)
    missing = [node for node in graph.nodes if node not in met]
    return f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing" if missing else ""


def _set_of(graph: Graph, nodes: Sequence[str], joined: bool) -> str:
    if twice := _twice(nodes):
        return f"{twice} stands there twice"
    for one, other in combinations(nodes, 2):
        if ((one, other) in graph.weights or (other, one) in graph.weights) != joined:
            return f"{one} and {other} are {'not ' if joined else ''}joined"
    least = graph.demands["least"]
    return f"{len(nodes)} nodes, and {least} are wanted" if len(nodes) < least else ""


def _known_edges(graph: Graph, edges: Sequence[Edge]) -> str:
    met: set[Edge] = set()
    for one, other in edges:
        if (one, other) not in graph.weights:
            return f"there is no edge from {one} to {other}"
        if (one, other) in met or (not graph.directed and (other, one) in met):
            return f"the edge {one}-{other} is given twice"
        met.add((one, other))
    return ""


def _twice(nodes: Sequence[str]) -> str:
    met: set[str] = set()
    for node in nodes:
        if node in met:
            return node
        met.add(node)
    return ""
