"""Partial credit for answers about graphs, by hand."""

from typing import Any

import pytest

from verigym.verifiers.graph import graph
from verigym.verifiers.graph_credit import CREDIT
from verigym.verifiers.graph_rules import KINDS

TRIANGLE = [["A", "B"], ["B", "C"], ["C", "A"]]
LINE = [["A", "B", 2], ["B", "C", 2], ["C", "D", 2], ["A", "D", 9]]
PATH = {"kind": "path", "edges": LINE, "start": "A", "goal": "D", "most": 6}
COLOURING = {"kind": "colouring", "edges": TRIANGLE, "colours": 3}
ORDER = {"kind": "order", "edges": [["A", "B"], ["B", "C"], ["A", "C"], ["C", "D"]]}
TREE = {"kind": "tree", "edges": LINE, "most": 6}
MATCHING = {"kind": "matching", "edges": LINE, "least": 2}
CLIQUE = {"kind": "clique", "edges": [*TRIANGLE, ["C", "D"]], "least": 3}
INDEPENDENT = {"kind": "independent", "edges": LINE, "least": 2}
CYCLE = {"kind": "hamiltonian", "edges": TRIANGLE}
EDGES = {"kind": "edges", "edges": TRIANGLE}

CASES: list[tuple[dict[str, Any], str, float]] = [
    (PATH, "A -> B -> C -> D", 1.0),
    (PATH, "A -> D", 6 / 9),  # along an edge, too heavy
    (PATH, "A -> B -> D", 0.5),  # one of two steps is an edge
    (PATH, "A -> B -> C", 0.5),  # does not get there
    (PATH, "A -> C -> D", 0.0),  # its first step is none
    (PATH, "A -> B -> A -> B -> A", 0.125),  # comes back at its second step of four, and ends elsewhere
    (PATH, "A", 0.0),
    (COLOURING, "A: red, B: blue, C: green", 1.0),
    (COLOURING, "A: red, B: blue, C: red", 2 / 3),
    (COLOURING, "A: red, B: red, C: red", 0.0),
    (ORDER, "A, B, C, D", 1.0),
    (ORDER, "B, A, C, D", 3 / 4),
    (ORDER, "D, C, B, A", 0.0),
    (ORDER, "A, B", 1 / 4),
    (TREE, "A-B, B-C, C-D", 1.0),
    (TREE, "A-B, B-C", 2 / 3),
    (TREE, "A-B, B-C, A-B", 2 / 3),
    (TREE, "A-B, B-C, A-D", 6 / 13),
    (MATCHING, "A-B, C-D", 1.0),
    (MATCHING, "A-B", 1 / 2),
    (MATCHING, "A-B, B-C", 1 / 2),
    (CLIQUE, "A, B, C", 1.0),
    (CLIQUE, "A, B", 2 / 3),
    (CLIQUE, "B, C, D", 2 / 3),
    (CLIQUE, "A, A, A", 0.0),
    (INDEPENDENT, "A, C", 1.0),
    (INDEPENDENT, "A, B", 0.0),
    (CYCLE, "A, B, C", 1.0),
    (CYCLE, "A, B", 0.5),
    (EDGES, "A-B, B-C, C-A", 1.0),
    (EDGES, "A-B, B-C", 4 / 5),
    (EDGES, "A-B, A-B, A-B", 2 / 6),
]


@pytest.mark.parametrize(("answer", "reply", "share"), CASES)
def test_shares(answer: dict[str, Any], reply: str, share: float) -> None:
    verdict = graph(f"<answer>{reply}</answer>", answer, credit="partial")
    assert verdict.reward == pytest.approx(share)
    assert verdict.correct is (share == 1.0)
    assert graph(f"<answer>{reply}</answer>", answer).reward == float(share == 1.0)


def test_every_kind_has_a_share() -> None:
    assert set(CREDIT) == set(KINDS)


def test_what_is_not_right_never_earns_all() -> None:
    more = {"kind": "colouring", "edges": [["A", "B"]], "nodes": ["A", "B", "C"], "colours": 2}
    verdict = graph("<answer>A: red, B: blue</answer>", more, credit="partial")  # nothing is said of C
    assert (verdict.reward, verdict.correct) == (0.99, False)


def test_an_unknown_credit_is_named() -> None:
    with pytest.raises(ValueError, match="graph has no credit 'some'; there are exact, partial"):
        graph("<answer>A</answer>", PATH, credit="some")
