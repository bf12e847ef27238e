"""Answers that are paths, colourings, orders, trees, matchings or sets of nodes of a graph: any valid one counts.

    answer = {"kind": "path", "edges": [["A", "B", 3], ["B", "C", 4]], "start": "A", "goal": "C", "most": 7}
    graph("<answer>A -> B -> C</answer>", answer).correct        # True

The graph stands in the answer; what the kinds demand is in `graph_rules.py`. Node names have no blanks and no
punctuation but "_", case does not matter, and at most 4,096 characters are read. Nothing is searched for.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

from verigym.verifiers.answers import WrongAnswer, field
from verigym.verifiers.convert import printable
from verigym.verifiers.graph_credit import CREDIT, CREDIT_BELOW
from verigym.verifiers.graph_rules import KINDS, Graph
from verigym.verifiers.reading import pairs, plain, short, unbracketed, unwrapped
from verigym.verifiers.verdict import Verdict

MAX_NODES = 1000
_NAME = re.compile(r"\w{1,40}")
_BETWEEN_NODES = re.compile(r"->|-{1,3}|[,;\s]|\band\b")
_BETWEEN_EDGES = re.compile(r"[,;\n]|\band\b")
_IN_EDGE = re.compile(r"->|-{1,3}|,|\s")


def graph(reply: str, answer: Any, *, extract: str = "marked", strict: bool = True, credit: str = "exact") -> Verdict:
    """Whether the reply gives what the answer's kind asks of its graph.

    answer  {"kind": KIND, "edges": [["A", "B"], ["B", "C", 4], ...]}, an edge with or without a weight (1 then), and
            where wanted "nodes": [...] (those without an edge too), "directed": true, and by kind

            path         "start", "goal"; "most": the greatest total weight. No node twice
            colouring    "colours": how many there are, or their names
            order        a topological order of all nodes of a directed graph
            tree         a spanning tree; "most": the greatest total weight
            matching     edges without a common node; "least": how many
            clique       nodes that are all joined; "least": how many
            independent  nodes none of which are joined; "least": how many
            hamiltonian  all nodes once along edges; "cycle": true when the last is joined to the first; "most"
            edges        exactly the edges of the graph, in any order

    Read: nodes with `->`, `-`, commas or blanks between them; edges as `A-B` or `(A, B)`, with commas, semicolons or
    lines between them; a colouring as `A: red` pairs. Names of one letter may stand together (`ABC`; edges `AB, BC`).

    credit  "partial": what is not right earns the share of the demands that it keeps (`graph_credit.py`), below 1

    Raises ValueError when `answer` has another form, and for an unknown credit.
    """
    if credit not in ("exact", "partial"):
        raise ValueError(f"graph has no credit {credit!r}; there are exact, partial")
    whole = _graph(answer)
    kind = answer["kind"]
    shape, check = KINDS[kind]
    text, verdict = short(reply, extract, strict)
    if verdict:
        return verdict
    read = {"nodes": _nodes, "edges": _edges, "pairs": _colours}[shape]
    found, fault = read(text, whole)
    if fault:
        return Verdict.malformed(fault, text)
    fault = check(whole, found)
    if not fault:
        return Verdict.right(f"a valid {kind}", text)
    share = min(CREDIT_BELOW, CREDIT[kind](whole, found)) if credit == "partial" else 0.0
    return Verdict.wrong(printable(fault, 200), text, share)


def _nodes(text: str, graph: Graph) -> tuple[list[str], str]:
    """The nodes in the order in which they are written, and what is wrong."""
    words = [word for word in _BETWEEN_NODES.split(unbracketed(unwrapped(text)).removesuffix(".")) if word]
    return _known([letter for word in words for letter in _letters(word, graph)], graph)


def _edges(text: str, graph: Graph) -> tuple[list[tuple[str, str]], str]:
    """The edges, and what is wrong."""
    body = unwrapped(text).removesuffix(".").strip("[]{}\\ ")
    if "(" in body:
        pieces = re.findall(r"\(([^()]*)\)", body)
        rest = re.sub(r"\([^()]*\)", "", body)
        if re.sub(r"[\s,;]|\band\b", "", rest):
            return [], f"{printable(rest.strip(' ,;'))!r} stands beside the edges"
    else:
        body = re.sub(r"\s*(->|-{1,3})\s*", r"\1", body)
        pieces = []
        for piece in _BETWEEN_EDGES.split(body):
            words = piece.split()
            pieces += [piece] if len(words) == 2 and all(plain(word) in graph.names for word in words) else words
    found: list[tuple[str, str]] = []
    for piece in pieces:
        words = [word for word in _IN_EDGE.split(piece) if word]
        ends = _letters(words[0], graph) if len(words) == 1 else words
        if len(ends) != 2:
            return [], f"{printable(piece.strip())!r} is not an edge between two nodes"
        nodes, fault = _known(ends, graph)
        if fault:
            return [], fault
        found.append((nodes[0], nodes[1]))
    return found, ""


def _colours(text: str, graph: Graph) -> tuple[dict[str, str], str]:
    """The colour of each node that has one, and what is wrong."""
    got, fault = pairs(text)
    if fault:
        return {}, fault
    nodes, fault = _known(list(got), graph)
    return ({}, fault) if fault else (dict(zip(nodes, got.values(), strict=True)), "")


def _letters(word: str, graph: Graph) -> list[str]:
    """`word`, or its letters where no node is called so and each of them is one."""
    return list(word) if plain(word) not in graph.names and all(one in graph.names for one in plain(word)) else [word]


def _known(words: list[str], graph: Graph) -> tuple[list[str], str]:
    strange = next((word for word in words if plain(word) not in graph.names), None)
    if strange is not None:
        return [], f"{printable(strange.strip())!r} is not a node"
    return [graph.names[plain(word)] for word in words], ""


def _graph(answer: Any) -> Graph:
    """The graph in `answer`. Raises WrongAnswer that names the field."""
    kind = field(answer, "kind", str, "graph")
    if kind not in KINDS:
        raise WrongAnswer(f"graph: answer['kind'] is {kind!r}; the kinds are {', '.join(KINDS)}")
    listed = field(answer, "edges", list, "graph")
    nodes = list(field(answer, "nodes", list, "graph")) if "nodes" in answer else []
    for edge in listed:
        if not isinstance(edge, list) or len(edge) not in (2, 3):
            raise WrongAnswer(f"graph: answer['edges'] must hold [node, node] or [node, node, weight], got {edge!r}")
        nodes += edge[:2]
    names: dict[str, str] = {}
    for node in nodes:
        if not isinstance(node, str) or not _NAME.fullmatch(node):
            raise WrongAnswer(f"graph: {node!r} is not the name of a node: letters, digits and _ only")
        if names.setdefault(plain(node), node) != node:
            raise WrongAnswer(f"graph: the nodes {names[plain(node)]!r} and {node!r} differ in case only")
    if not 1 <= len(names) <= MAX_NODES:
        raise WrongAnswer(f"graph: {len(names)} nodes; there must be from 1 to {MAX_NODES}")
    directed = bool(answer.get("directed", kind == "order"))
    weights: dict[tuple[str, str], int | float] = {}
    for one, other, *weight in listed:
        value = weight[0] if weight else 1
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise WrongAnswer(f"graph: the weight {value!r} of the edge from {one} to {other} is not a number")
        weights[one, other] = value
        if not directed:
            weights[other, one] = value
    return Graph(list(names.values()), names, weights, directed, _demands(answer, kind, names))


def _demands(answer: Mapping[str, Any], kind: str, names: Mapping[str, str]) -> dict[str, Any]:
    """What the kind asks for beside the graph."""
    demands: dict[str, Any] = {name: answer[name] for name in ("most", "least", "cycle", "colours") if name in answer}
    if kind == "path":
        for name in ("start", "goal"):
            demands[name] = field(answer, name, str, "graph")
            if demands[name] not in names.values():
                raise WrongAnswer(f"graph: answer[{name!r}] is {demands[name]!r}, which is not a node")
    for name in ("most", "least"):
        if name in demands and (not isinstance(demands[name], int | float) or isinstance(demands[name], bool)):
            raise WrongAnswer(f"graph: answer[{name!r}] must be a number, got {demands[name]!r}")
    if kind in ("matching", "clique", "independent") and "least" not in demands:
        raise WrongAnswer(f"graph: answer has no field 'least', which the kind {kind!r} needs")
    if kind == "colouring":
        colours = answer.get("colours")
        if isinstance(colours, list) and colours and all(isinstance(colour, str) for colour in colours):
            demands["colours"] = [plain(colour) for colour in colours]
        elif type(colours) is not int or colours < 1:
            raise WrongAnswer("graph: answer['colours'] must be how many colours there are, or a list of their names")
    return demands
