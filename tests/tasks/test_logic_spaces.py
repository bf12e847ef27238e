"""Declared spaces and chances of the logic tasks against enumeration and simulation, and what trivial replies earn."""

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations, permutations, product

import pytest

from verigym.tasks import load
from verigym.verifiers.table import function_of

VERIFIER = {
    "graph-coloring": "graph",
    "shortest-path": "graph",
    "topological-order": "graph",
    "spanning-tree": "graph",
    "schedule": "schedule",
    "zebra": "assignment",
    "queens": "queens",
    "sudoku-9": "sudoku",
    "sat": "sat",
    "subset-sum": "subset-sum",
    "knapsack": "knapsack",
    "transitive-order": "choice",
    "truth-table": "exact",
    "calendar": "exact",
    "letter-count": "sequence",
    "string-rules": "exact",
    "set-operations": "set",
}


def space(name: str, level: int) -> int:
    return load(name).levels[level].space


def test_queens_by_all_boards_of_nine() -> None:
    boards = [
        board
        for board in permutations(range(9))
        if len({row + column for row, column in enumerate(board)}) == 9
        and len({row - column for row, column in enumerate(board)}) == 9
    ]
    assert len(boards) == 352
    given = {tuple((row, board[row]) for row in rows) for rows in combinations(range(9), 5) for board in boards}
    assert space("queens", 1) == len(given) == 41_928


def test_graph_coloring_by_all_choices_of_edges() -> None:
    # Edges as bits; classes of 3, 2 and 2 of seven nodes in all 105 ways; 11 of the 16 edges across them.
    place = {pair: bit for bit, pair in enumerate(combinations(range(7), 2))}
    classed = {
        tuple(sorted([tuple(sorted(mixed[:3])), tuple(sorted(mixed[3:5])), tuple(sorted(mixed[5:]))]))
        for mixed in permutations(range(7))
    }
    assert len(classed) == 105
    found: set[int] = set()
    for classes in classed:
        across = [1 << bit for pair, bit in place.items() if not any(set(pair) <= set(group) for group in classes)]
        found |= {sum(edges) for edges in combinations(across, 11)}
    assert space("graph-coloring", 1) == len(found) == 244_230


def test_transitive_order_by_meeting_many() -> None:
    rng = random.Random(4)
    met = {load("transitive-order").make_problem(rng, 1).key for _ in range(30_000)}
    # 1, 6, 15 and 20 choices of up to three further pairs; 2 ways to tell each of the 4 to 7 pairs; 4 questions.
    declared = 4 * (1 * 2**4 + 6 * 2**5 + 15 * 2**6 + 20 * 2**7)
    assert space("transitive-order", 1) == declared == 14_912
    assert len(met) == pytest.approx(declared * (1 - 2.718281828 ** (-30_000 / declared)), rel=0.01)


def test_orders_are_at_least_as_many_as_declared() -> None:
    from verigym.tasks.logic.topological_order import space as bound

    pairs = list(permutations("ABCD", 2))
    kept = 0
    for demands in combinations(pairs, 3):
        orders = permutations("ABCD")
        kept += any(all(order.index(one) < order.index(other) for one, other in demands) for order in orders)
    assert 0.8 * kept < bound(4, 3) <= kept


def test_calendar_by_meeting_them_all() -> None:
    rng = random.Random(5)
    met = {load("calendar").make_problem(rng, 1).key for _ in range(30_000)}
    assert 0.85 * 14_000 < len(met) <= 14_000 == space("calendar", 1)


@pytest.mark.parametrize(("name", "level"), [("zebra", 1), ("zebra", 2), ("truth-table", 1), ("queens", 2)])
def test_lower_bounds_are_not_above_what_is_met(name: str, level: int) -> None:
    # n draws from s equally likely problems meet about s (1 - exp(-n / s)) different ones, and fewer from an uneven
    # space: to meet about as many shows a space at least as large as declared.
    declared, n = space(name, level), 2000
    rng, make = random.Random(6), load(name).make_problem
    met = len({make(rng, level).key for _ in range(n)})
    assert met > 0.8 * declared * (1 - 2.718281828 ** (-n / declared))


def test_chance_of_an_order_by_trying_all() -> None:
    from verigym.tasks.logic.topological_order import chance

    right = total = 0
    for order in permutations("ABCD"):
        for demands in combinations(list(combinations(order, 2)), 3):
            total += 1
            right += all(one < other for one, other in demands)  # whether A, B, C, D keeps them
    assert chance(4, 3) == pytest.approx(right / total)


def test_chance_of_a_formula_by_trying_all() -> None:
    from verigym.tasks.logic.sat import chance

    clauses = list(product((True, False), repeat=3))
    right = total = 0
    for solution in product((True, False), repeat=3):
        holding = [clause for clause in clauses if any(one == sign for one, sign in zip(solution, clause, strict=True))]
        for chosen in combinations(holding, 4):
            total += 1
            right += all(any(clause) for clause in chosen)  # whether all true keeps them
    assert chance(3, 4) == pytest.approx(right / total)


def test_pairs_across_three_classes() -> None:
    from verigym.tasks.logic.graph_coloring import across

    assert [across(nodes) for nodes in (3, 4, 7)] == [3, 5, 3 * 2 + 3 * 2 + 2 * 2]


CONSTANT = [
    ("truth-table", 1),
    ("truth-table", 2),
    ("truth-table", 3),
    ("calendar", 1),
    ("calendar", 3),
    ("calendar", 4),
    ("transitive-order", 1),
    ("transitive-order", 3),
    ("letter-count", 1),
    ("set-operations", 1),
]


@pytest.mark.parametrize(("name", "level"), CONSTANT)
def test_chance_is_what_the_best_constant_reply_gets(name: str, level: int) -> None:
    # One half of the draws chooses the reply and the other scores it; scoring on the same draws would flatter it.
    task, n, rng = load(name), 3000, random.Random(12)
    drawn = [task.make_problem(rng, level).answer for _ in range(2 * n)]
    answers = [json.dumps(answer["choice"] if isinstance(answer, dict) else answer) for answer in drawn]
    best = Counter(answers[:n]).most_common(1)[0][0]
    rate = answers[n:].count(best) / n
    declared = task.levels[level].chance
    noise = 4 * (declared / n) ** 0.5
    assert declared / 2 - noise <= rate <= declared + noise


def inside(reply: str) -> str:
    return re.search(r"(?s)<answer>.*</answer>", reply)[0]


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("graph-coloring", 1),
        ("shortest-path", 1),
        ("topological-order", 1),
        ("spanning-tree", 1),
        ("schedule", 1),
        ("queens", 1),
        ("queens", 2),
        ("sat", 1),
        ("sat", 2),
    ],
)
def test_chance_is_what_replies_that_were_right_elsewhere_get(name: str, level: int) -> None:
    task, n, rng, verify = load(name), 600, random.Random(13), function_of(VERIFIER[name])
    replies = [inside(task.oracle(task.make_problem(rng, level))) for _ in range(40)]
    problems = [task.make_problem(rng, level) for _ in range(2 * n)]

    def hits(reply: str, some: list) -> int:
        return sum(verify(reply, problem.answer, extract="answer_tag").correct for problem in some)

    best = max(replies, key=lambda reply: hits(reply, problems[:200]))
    rate, declared = hits(best, problems[n:]) / n, task.levels[level].chance
    noise = 4 * (declared / n) ** 0.5
    assert declared / 3 - noise <= rate <= declared + noise


def test_chance_of_knapsacks_is_that_of_places_in_the_list() -> None:
    rng, n, task = random.Random(14), 1500, load("knapsack")
    for level, count in ((1, 5), (2, 7)):
        right: Counter[int] = Counter()
        for _ in range(n):
            answer = task.make_problem(rng, level).answer
            pairs = list(answer["items"].values())
            for bits in range(1, 2**count):
                chosen = [pair for place, pair in enumerate(pairs) if bits >> place & 1]
                weight, worth = (sum(pair[part] for pair in chosen) for part in (0, 1))
                right[bits] += weight <= answer["capacity"] and worth >= answer["least"]
        rate, declared = right.most_common(1)[0][1] / n, task.levels[level].chance
        assert declared / 2 < rate < declared + 4 * (declared / n) ** 0.5


def trivial(text: str) -> Iterator[str]:
    """Replies that did not solve anything."""
    number = re.search(r"\d+", text)
    letters = ", ".join("ABCDEFGHIJKLMNOP")
    yield from ("", "<answer></answer>", "I do not know.", "<answer>I do not know</answer>", text)
    yield f"<answer>{text}</answer>"
    yield f"<answer>{text.partition(chr(10))[0]}</answer>"
    yield f"<answer>{number[0] if number else 0}</answer>"
    yield f"<answer>{' '.join(map(str, range(30)))}</answer>"
    yield f"<answer>{', '.join(map(str, range(30)))}</answer>"
    yield f"<answer>{letters}</answer>"
    yield f"<answer>{letters.replace(', ', '')}</answer>"
    yield f"<answer>{', '.join(f'{letter}: 1' for letter in 'ABCDEFGHIJKLMNOP')}</answer>"
    yield "<answer>true, false, true, false</answer>"
    yield "<answer>all</answer>"
    yield "<answer>A or B or C or D or E</answer>"
    yield "<answer>Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday</answer>"


@pytest.mark.parametrize("style", ["words", "terse"])
@pytest.mark.parametrize("name", VERIFIER)
def test_trivial_replies_stay_below_chance(name: str, style: str) -> None:
    task, verify, n = load(name, style=style), function_of(VERIFIER[name]), 60
    for level in task.levels:
        problems = task.problems(n, split="train", level=level)
        declared = task.levels[level].chance
        won: Counter[int] = Counter()
        for problem in problems:
            for place, reply in enumerate(trivial(problem.text)):
                verdict = verify(reply, problem.answer, extract="answer_tag")
                assert verdict.reward == float(verdict.correct)
                won[place] += verdict.correct
        for place, hits in won.items():
            assert hits / n <= declared + 4 * (declared / n) ** 0.5, (level, place, hits)


@pytest.mark.parametrize("name", VERIFIER)
def test_the_right_answer_beside_a_wrong_one_is_never_right(name: str) -> None:
    task, verify = load(name), function_of(VERIFIER[name])
    for level in task.levels:
        problems = task.problems(6, split="train", level=level)
        answers = [inside(task.oracle(problem))[len("<answer>") : -len("</answer>")].strip() for problem in problems]
        for place, problem in enumerate(problems):
            right, other = answers[place], answers[place - 1]
            assert verify(f"<answer>{right}</answer>", problem.answer, extract="answer_tag").correct
            if verify(f"<answer>{other}</answer>", problem.answer, extract="answer_tag").correct:
                continue  # right by chance: then both are
            for joint in (" or ", "\n", ", ", "; ", " | ", ", or maybe "):
                for text in (f"{right}{joint}{other}", f"{other}{joint}{right}"):
                    verdict = verify(f"<answer>{text}</answer>", problem.answer, extract="answer_tag")
                    assert not verdict.correct and verdict.reward == 0.0, (text, verdict.reason)
            reply = f"<answer>{right}</answer> or rather <answer>{other}</answer>"
            assert not verify(reply, problem.answer, extract="answer_tag").correct
