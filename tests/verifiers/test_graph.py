"""Answers about graphs: each kind with what keeps its rules, what breaks each of them, and how nodes are written."""

from itertools import combinations, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.graph import graph
from verigym.verifiers.verdict import Status

# A -3- B -4- C, A -9- C, C -1- D
ROADS: list[list[Any]] = [["A", "B", 3], ["B", "C", 4], ["A", "C", 9], ["C", "D", 1]]
PATH = {"kind": "path", "edges": ROADS, "start": "A", "goal": "C", "most": 7}
TREE = {"kind": "tree", "edges": ROADS, "most": 8}
COLOURS = {"kind": "colouring", "edges": ROADS, "colours": ["red", "green", "blue"]}
ORDER = {"kind": "order", "nodes": ["A", "B", "C", "D"], "edges": [["A", "C"], ["B", "C"]]}
MATCHING = {"kind": "matching", "edges": ROADS, "least": 2}
CLIQUE = {"kind": "clique", "edges": ROADS, "least": 3}
INDEPENDENT = {"kind": "independent", "edges": ROADS, "least": 2}
RING = [["A", "B"], ["B", "C"], ["C", "D"], ["D", "A"]]
HAMILTON = {"kind": "hamiltonian", "edges": RING}
CYCLE = {"kind": "hamiltonian", "edges": [["A", "B"], ["B", "C"], ["C", "D"], ["D", "A"]], "cycle": True}
EDGES = {"kind": "edges", "edges": [["A", "B"], ["B", "C"]]}
ALL = [PATH, TREE, COLOURS, ORDER, MATCHING, CLIQUE, INDEPENDENT, HAMILTON, CYCLE, EDGES]


def tagged(text: str) -> str:
    return f"<answer>{text}</answer>"


@pytest.mark.parametrize(
    ("answer", "text", "reason"),
    [
        (PATH, "A -> B -> C", "a valid path"),
        (PATH, "A C", "a total weight of 9, and 7 would do"),
        (PATH, "B C", "it does not begin at A"),
        (PATH, "A B", "it does not end at C"),
        (PATH, "A D C", "there is no edge from A to D"),
        (PATH, "A B A B C", "A stands there twice"),
        ({**PATH, "most": 99}, "A -> B -> C, A -> C", "A stands there twice"),
        ({**PATH, "most": 9}, "A C", "a valid path"),
        ({**PATH, "directed": True, "start": "C", "goal": "A"}, "C A", "there is no edge from C to A"),
        (TREE, "A-B, B-C, C-D", "a valid tree"),
        (TREE, "C-D, C-B, B-A", "a valid tree"),
        (TREE, "A-B, A-C, C-D", "a total weight of 13, and 8 would do"),
        (TREE, "A-B, B-C", "2 edges do not join 4 nodes"),
        (TREE, "A-B, B-C, A-C", "the edge A-C closes a circle"),
        (TREE, "A-B, B-C, B-D", "there is no edge from B to D"),
        (TREE, "A-B, B-A, C-D", "the edge B-A is given twice"),
        (COLOURS, "A: red, B: green, C: blue, D: red", "a valid colouring"),
        (COLOURS, "D=green; C=blue; B=red; A=green", "a valid colouring"),
        (COLOURS, "A: red, B: red, C: blue, D: red", "A and B are joined, and both are red"),
        (COLOURS, "A: red, B: green, C: blue", "nothing is said of D"),
        (COLOURS, "A: red, B: green, C: pink, D: red", "'pink' is not a colour; the colours are red, green, blue"),
        ({**COLOURS, "colours": 3}, "A: 1, B: 2, C: 3, D: 1", "a valid colouring"),
        ({**COLOURS, "colours": 2}, "A: 1, B: 2, C: 3, D: 1", "3 colours, and there are 2"),
        (ORDER, "B, A, D, C", "a valid order"),
        (ORDER, "D A B C", "a valid order"),
        (ORDER, "A, C, B, D", "C stands before B"),
        (ORDER, "A, B, C", "D is missing"),
        (ORDER, "A", "B, C, D are missing"),
        (ORDER, "A, B, C, D, A", "A stands there twice"),
        (MATCHING, "A-B, C-D", "a valid matching"),
        (MATCHING, "A-B", "1 edges, and 2 are wanted"),
        (MATCHING, "A-B, B-C", "B is in two edges"),
        (CLIQUE, "A, B, C", "a valid clique"),
        (CLIQUE, "A, B", "2 nodes, and 3 are wanted"),
        (CLIQUE, "A, B, A", "A stands there twice"),
        (CLIQUE, "B, C, D", "B and D are not joined"),
        (INDEPENDENT, "A, D", "a valid independent"),
        (INDEPENDENT, "C, D", "C and D are joined"),
        (INDEPENDENT, "A", "1 nodes, and 2 are wanted"),
        (HAMILTON, "B C D A", "a valid hamiltonian"),
        (HAMILTON, "A C D B", "there is no edge from A to C"),
        (HAMILTON, "A B C", "D is missing"),
        (CYCLE, "A B C D", "a valid hamiltonian"),
        (CYCLE, "C D A B C", "a valid hamiltonian"),
        ({**CYCLE, "edges": [*RING[:3], ["B", "D"]]}, "A B C D", "there is no edge from D to A"),
        (EDGES, "B-C, A-B", "a valid edges"),
        (EDGES, "C-B, B-A", "a valid edges"),
        (EDGES, "A-B", "1 edges of 2"),
        (EDGES, "A-B, B-C, A-C", "there is no edge from A to C"),
        ({**EDGES, "directed": True}, "B-A, B-C", "there is no edge from B to A"),
    ],
)
def test_kinds(answer: dict[str, Any], text: str, reason: str) -> None:
    verdict = graph(tagged(text), answer)
    assert (verdict.reason, verdict.correct, verdict.status) == (reason, reason.startswith("a valid"), Status.OK)


@pytest.mark.parametrize(
    "text",
    ["A -> B -> C", "A→B→C", r"$A \to B \to C$", "A-B-C", "A, B, C", "[A, B, C]", "A B C", "ABC", "a b c", "**A B C**",
     r"\text{A} \rightarrow \text{B} \rightarrow \text{C}", "A\nB\nC", "A --> B --> C."],
)  # fmt: skip
def test_every_way_to_write_nodes(text: str) -> None:
    assert graph(tagged(text), PATH).correct


@pytest.mark.parametrize(
    "text",
    ["A-B, B-C, C-D", "AB BC CD", "AB, BC, CD", "(A, B), (B, C), (C, D)", "{(A,B),(B,C),(C,D)}", "A B, B C, C D",
     "A - B; B - C; C - D", "A-B\nB-C\nC-D", "A-B B-C C-D", "(A-B) and (B-C) and (C-D)", "A->B, B->C, C->D",
     "[[A, B], [B, C], [C, D]]".replace("[[", "[(").replace("]]", ")]").replace("], [", "), (")],
)  # fmt: skip
def test_every_way_to_write_edges(text: str) -> None:
    assert graph(tagged(text), TREE).correct


@pytest.mark.parametrize(
    ("answer", "text", "reason"),
    [
        (PATH, "A B C or A C", "'or' is not a node"),
        (PATH, "A X C", "'X' is not a node"),
        (PATH, "the shortest is A B C", "'the' is not a node"),
        (TREE, "A-B-C-D", "'A-B-C-D' is not an edge between two nodes"),
        (TREE, "A-B, B", "'B' is not an edge between two nodes"),
        (TREE, "A-B or B-C", "'or' is not an edge between two nodes"),
        (TREE, "(A,B), (B,C) or (C,D)", "'or' stands beside the edges"),
        (TREE, "A-B, B-X", "'X' is not a node"),
        (COLOURS, "A: red, A: blue", "'a' is given twice"),
        (COLOURS, "A red", "'A red' is not of the form name: value"),
        (COLOURS, "X: red", "'x' is not a node"),
    ],
)
def test_malformed(answer: dict[str, Any], text: str, reason: str) -> None:
    verdict = graph(tagged(text), answer)
    assert (verdict.status, verdict.reason) == (Status.MALFORMED, reason)


def test_names_of_more_than_one_letter() -> None:
    towns = {"kind": "path", "edges": [["Rome", "Pisa", 3], ["Pisa", "Bari", 4]], "start": "Rome", "goal": "Bari"}
    assert graph(tagged("Rome -> Pisa -> Bari"), towns).correct
    assert graph(tagged("rome, pisa, bari"), towns).correct
    assert graph(tagged("RomePisaBari"), towns).reason == "'RomePisaBari' is not a node"
    assert graph(tagged("A1-B2"), {"kind": "edges", "edges": [["A1", "B2"]]}).correct


def test_every_order_of_four_against_the_definition() -> None:
    for nodes in permutations("ABCD"):
        right = nodes.index("A") < nodes.index("C") and nodes.index("B") < nodes.index("C")
        assert graph(tagged(",".join(nodes)), ORDER).correct is right


def test_every_choice_of_edges_against_the_definition() -> None:
    # Of the three-edge choices of ROADS all but the triangle ABC join the four nodes; the weights decide the rest.
    for chosen in combinations(ROADS, 3):
        tree = {"A", "B", "C", "D"} == {node for edge in chosen for node in edge[:2]}
        verdict = graph(tagged(", ".join("-".join(edge[:2]) for edge in chosen)), TREE)
        assert verdict.correct is (tree and sum(edge[2] for edge in chosen) <= 8)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "graph: answer must be a dict with 'kind', got NoneType"),
        ({"kind": "walk", "edges": []}, "graph: answer\\['kind'\\] is 'walk'; the kinds are path, colouring"),
        ({"kind": "path"}, "graph: answer has no field 'edges'"),
        ({"kind": "tree", "edges": [["A"]]}, r"must hold \[node, node\] or \[node, node, weight\], got \['A'\]"),
        ({"kind": "tree", "edges": [["A", "B C"]]}, "'B C' is not the name of a node"),
        ({"kind": "tree", "edges": [["A", "B", "x"]]}, "the weight 'x' of the edge from A to B is not a number"),
        ({"kind": "tree", "edges": [["A", "B", float("nan")]]}, "the weight nan of the edge"),
        ({"kind": "tree", "edges": [["A", "a"]]}, "the nodes 'A' and 'a' differ in case only"),
        ({"kind": "tree", "edges": []}, "0 nodes; there must be from 1 to 1000"),
        ({"kind": "path", "edges": [["A", "B"]], "start": "A"}, "graph: answer has no field 'goal'"),
        ({**PATH, "goal": "Z"}, r"answer\['goal'\] is 'Z', which is not a node"),
        ({**PATH, "most": "7"}, r"answer\['most'\] must be a number, got '7'"),
        ({"kind": "clique", "edges": [["A", "B"]]}, "no field 'least', which the kind 'clique' needs"),
        ({"kind": "colouring", "edges": [["A", "B"]]}, r"answer\['colours'\] must be how many colours there are"),
    ],
)
def test_a_wrong_answer_names_the_field(answer: object, message: str) -> None:
    with pytest.raises(WrongAnswer, match=message):
        graph(tagged("A"), answer)


@given(st.text(alphabet=st.characters(), max_size=60), st.sampled_from(ALL))
def test_any_text_gets_a_verdict(text: str, answer: dict[str, Any]) -> None:
    assert graph(tagged(text), answer).status in (Status.OK, Status.MALFORMED)


@given(st.text(alphabet="ABCD,-> ()\n:red", max_size=40), st.sampled_from(ALL))
def test_texts_of_the_right_letters_too(text: str, answer: dict[str, Any]) -> None:
    assert graph(tagged(text), answer).status in (Status.OK, Status.MALFORMED)
