"""The graph tasks: prompts read again, oracles against brute force, twins in one family."""

import random
import re
from itertools import combinations, pairwise, permutations, product

import pytest

from verigym.tasks import Problem, Task, load
from verigym.tasks.logic.graphs import draw, joined, shape

COUNT = 8
STYLES = ["words", "terse"]


def asked(name: str, style: str) -> list[tuple[Task, Problem, str]]:
    """Problems of every level with the text in the tags of the oracle's reply."""
    task = load(name, style=style)
    found = []
    for level in task.levels:
        for problem in task.problems(COUNT, split="train", level=level):
            inside = re.fullmatch(r"(?s).*<answer>(.*)</answer>", task.oracle(problem))
            assert inside is not None
            found.append((task, problem, inside[1].strip()))
    return found


def weighted(text: str) -> dict[frozenset[str], int]:
    """The edges and weights that a prompt shows, in either style."""
    found = re.findall(r"\b([A-P])-([A-P]) (?:is|costs) (\d+)", text) or re.findall(r"\b([A-P])([A-P])(\d+)\b", text)
    return {frozenset((one, other)): int(weight) for one, other, weight in found}


@pytest.mark.parametrize("style", STYLES)
def test_graph_coloring(style: str) -> None:
    for _, problem, inside in asked("graph-coloring", style):
        text = problem.text.partition("\n\n")[0]
        edges = re.findall(r"\b([A-P])-?([A-P])\b", text)
        assert len(edges) == len(problem.answer["edges"])
        colours = dict(re.findall(r"(\w): (red|green|blue)", inside))
        assert len(colours) == len(problem.answer["nodes"])
        assert all(colours[one] != colours[other] for one, other in edges)


@pytest.mark.parametrize("style", STYLES)
def test_shortest_path(style: str) -> None:
    for _, problem, inside in asked("shortest-path", style):
        roads = weighted(problem.text)
        assert len(roads) == len(problem.answer["edges"])
        ends = re.search(r"from (\w) to (\w) and|(\w)>(\w)$", problem.text)
        start, goal = ends.group(1) or ends.group(3), ends.group(2) or ends.group(4)
        way = inside.split(" -> ")
        assert (way[0], way[-1]) == (start, goal)
        length = sum(roads[frozenset(pair)] for pair in pairwise(way))
        # Lengths from the start, lowered edge by edge until nothing changes (Bellman and Ford).
        best = {start: 0}
        for _ in range(20):
            for (one, other), weight in ((sorted(pair), weight) for pair, weight in roads.items()):
                for here, there in ((one, other), (other, one)):
                    if here in best:
                        best[there] = min(best.get(there, 10**9), best[here] + weight)
        assert length == best[goal] == problem.answer["most"]


@pytest.mark.parametrize("style", STYLES)
def test_topological_order(style: str) -> None:
    for _, problem, inside in asked("topological-order", style):
        demands = re.findall(r"(\w) must come before (\w)\.", problem.text) or re.findall(r"(\w)<(\w)", problem.text)
        assert sorted(demands) == sorted(map(tuple, problem.answer["edges"]))
        order = inside.split(", ")
        assert sorted(order) == sorted(problem.answer["nodes"])
        assert all(order.index(one) < order.index(other) for one, other in demands)


@pytest.mark.parametrize("style", STYLES)
def test_spanning_tree(style: str) -> None:
    for _, problem, inside in asked("spanning-tree", style):
        costs = weighted(problem.text)
        nodes = sorted({node for edge in costs for node in edge})
        tree = [tuple(edge.split("-")) for edge in inside.split(", ")]
        assert joined(nodes, tree) and len(tree) == len(nodes) - 1
        cost = sum(costs[frozenset(edge)] for edge in tree)
        assert cost == problem.answer["most"]
        if len(nodes) <= 6:
            trees = (
                chosen for chosen in combinations(costs, len(nodes) - 1) if joined(nodes, list(map(tuple, chosen)))
            )
            assert cost == min(sum(costs[edge] for edge in chosen) for chosen in trees)
        else:  # no edge left out is cheaper than one on the way between its ends
            for edge, weight in costs.items():
                cheaper = [pair for pair in tree if costs[frozenset(pair)] <= weight]
                one, other = sorted(edge)
                parts = {one}
                for _ in nodes:
                    parts |= {node for pair in cheaper for node in pair if parts & set(pair)}
                assert other in parts


def test_twins_share_a_shape() -> None:
    rng = random.Random(1)
    for directed, _ in product((False, True), range(30)):
        edges = draw(rng, "ABCDEF", 9, (1, 2, 3))
        marks = {"A": "start"}
        names = dict(zip("ABCDEF", rng.sample("ABCDEF", 6), strict=True))
        twin = [(names[one], names[other], weight) for one, other, weight in rng.sample(edges, 9)]
        if not directed:
            twin = [(other, one, weight) for one, other, weight in twin]
        twin_marks = {names["A"]: "start"}
        assert shape("ABCDEF", edges, marks, directed) == shape("FEDCBA", twin, twin_marks, directed)


def test_shapes_tell_small_graphs_apart() -> None:
    # All graphs on four nodes: there are 11 up to renaming.
    pairs = list(combinations("ABCD", 2))
    classes, shapes = set(), set()
    for bits in range(2**6):
        edges = [pair for place, pair in enumerate(pairs) if bits >> place & 1]
        shapes.add(shape("ABCD", [(*edge, 1) for edge in edges]))
        classes.add(
            min(
                tuple(sorted(tuple(sorted(order["ABCD".index(node)] for node in edge)) for edge in edges))
                for order in permutations("ABCD")
            )
        )
    assert len(classes) == len(shapes) == 11


def test_weights_marks_and_directions_count() -> None:
    line = [("A", "B", 1), ("B", "C", 2)]
    assert shape("ABC", line) != shape("ABC", [("A", "B", 1), ("B", "C", 1)])
    assert shape("ABC", line, {"A": "start"}) != shape("ABC", line, {"C": "start"})
    assert shape("ABC", line, None, True) != shape("ABC", [("B", "A", 1), ("B", "C", 2)], None, True)


def test_drawn_graphs_are_joined() -> None:
    rng = random.Random(2)
    for _ in range(50):
        edges = draw(rng, "ABCDEFG", 7, range(1, 4))
        assert len({edge[:2] for edge in edges}) == 7
        assert joined("ABCDEFG", [edge[:2] for edge in edges])
        assert all(1 <= weight <= 3 for _, _, weight in edges)
    assert not joined("ABC", [("A", "B")])
