"""Declared spaces against enumeration, and declared chances against simulation."""

import json
import random
from collections import Counter
from itertools import combinations, combinations_with_replacement, product

import pytest

from verigym.tasks import load
from verigym.tasks.catalogue import GENERATED
from verigym.tasks.logic import knights, path, sudoku
from verigym.tasks.logic.brackets import PAIRS, prefixes


def space(name: str, level: int) -> int:
    return load(name).levels[level].space


def test_countdown_with_two_and_three_numbers() -> None:
    pairs = {(a, b, target) for a in range(1, 100) for b in range(a, 100) for target in (a + b, b - a) if target > 0}
    assert space("countdown", 1) == len(pairs) == 9801
    triples = sum(
        len({target for target in (a + b + c, a + b - c, a - b + c, b + c - a) if target > 0})
        for a, b, c in combinations_with_replacement(range(1, 100), 3)
    )
    assert space("countdown", 2) == triples == 574_625


def test_arithmetic_with_two_and_three_numbers() -> None:
    # Over numbers up to n, by the same formulas as the declared spaces, which take n = 99.
    from verigym.tasks.math.trees import canonical

    n = 12
    two = {canonical((sign, a, b)) for sign in "+-" for a, b in product(range(1, n + 1), repeat=2)}
    assert len(two) == n * (n + 1) // 2 + n * n
    three = {
        canonical(tree)
        for one, other in product("+-", repeat=2)
        for a, b, c in product(range(1, n + 1), repeat=3)
        for tree in ((other, (one, a, b), c), (one, a, (other, b, c)))
    }
    pairs = n * (n + 1) // 2
    assert len(three) == n * (n + 1) * (n + 2) // 6 + 2 * pairs * n
    assert space("arithmetic", 1) == 99 * 100 // 2 + 99 * 99
    assert space("arithmetic", 2) == 99 * 100 * 101 // 6 + 2 * 4950 * 99


def test_brackets_by_trying_every_text() -> None:
    def depth(text: tuple[str, ...]) -> int | None:
        stack: list[str] = []
        for mark in text:
            if mark in PAIRS:
                stack.append(PAIRS[mark])
            elif not stack or stack.pop() != mark:
                return None
        return len(stack)

    counts = Counter(depth(text) for text in product("()[]{}", repeat=6))
    assert counts[2] == prefixes(6, 2) == 729
    assert counts[4] == prefixes(6, 4) == 1215
    assert space("brackets", 1) == prefixes(8, 2) + prefixes(8, 4) == 28 * 3**5 + 20 * 3**6


def test_sudoku_by_counting_distinct_puzzles() -> None:
    grids = sudoku.solved_grids()
    assert len(set(grids)) == 288
    puzzles = sum(
        len({tuple(grid[square] for square in given) for grid in grids}) for given in combinations(range(16), 4)
    )
    assert space("sudoku", 5) == puzzles


def test_path_by_counting_every_small_grid() -> None:
    squares = [(row, column) for row in range(4) for column in range(4)]
    found = 0
    for walls in combinations(squares, 3):
        for start in squares:
            if start in walls:
                continue
            near, frontier = {start}, {start}
            for steps in range(16):
                if steps >= 3:
                    found += len(frontier)
                around = {(r + d, c + e) for r, c in frontier for d, e in path.MOVES.values()}
                frontier = {one for one in around if one in set(squares) and one not in walls and one not in near}
                near |= frontier
    assert found == 46_032 == space("path", 1)


def test_knights_with_two_people_by_trying_every_pair_of_statements() -> None:
    def statements(speaker: str) -> list[knights.Statement]:
        subjects = knights.atoms(("A", "B"), speaker)
        joined = [
            [joint, first, second]
            for one, other in product(subjects, repeat=2)
            if one is not other
            for joint in knights.JOINTS
            for first in one
            for second in other
        ]
        return [atom for subject in subjects[1:] for atom in subject] + joined

    found = set()
    for first, second in product(statements("A"), statements("B")):
        said = [("A", first), ("B", second)]
        if len(knights.solutions(("A", "B"), said)) == 1:
            found.add(knights.canonical(("A", "B"), said))
    assert len(found) == space("knights", 1) == 4011


@pytest.mark.parametrize("level", [2, 3])
def test_knights_lower_bounds_are_not_above_what_is_met(level: int) -> None:
    # n draws from s equally likely problems meet about s (1 - exp(-n / s)) different ones, and fewer from an uneven
    # space: to meet about as many shows a space at least as large as declared.
    declared, n = space("knights", level), 6000
    rng = random.Random(1)
    met = len({knights.problem(rng, level).key for _ in range(n)})
    assert met > 0.9 * declared * (1 - 2.718281828 ** (-n / declared))


def test_list_programs_lower_bound() -> None:
    from verigym.tasks.code.list_programs import problem

    rng = random.Random(7)
    assert len({problem(rng, 1).key for _ in range(6000)}) > 0.35 * space("list-programs", 1)
    assert len({problem(rng, 2).key for _ in range(6000)}) > 0.2 * space("list-programs", 2)


def test_word_problem_templates_hold_what_they_say() -> None:
    from verigym.tasks.math.word_problems import TEMPLATES, Template

    boxes: Template = TEMPLATES[1][1]
    assert boxes.space == 18 * 22 * 49
    assert space("word-problems", 1) == sum(template.space for template in TEMPLATES[1])


CONSTANT = [
    ("arithmetic", 1),
    ("arithmetic", 4),
    ("modular", 1),
    ("modular", 3),
    ("word-problems", 1),
    ("word-problems", 3),
    ("brackets", 1),
    ("brackets", 3),
    ("sort", 1),
    ("reverse", 1),
    ("bases", 1),
]


@pytest.mark.parametrize(("name", "level"), CONSTANT)
def test_chance_is_what_the_best_constant_reply_gets(name: str, level: int) -> None:
    # One half of the draws chooses the reply and the other scores it; scoring on the same draws would flatter it.
    task, n, rng = load(name), 4000, random.Random(11)
    answers = [json.dumps(task.make_problem(rng, level).answer) for _ in range(2 * n)]
    best = Counter(answers[:n]).most_common(1)[0][0]
    rate = answers[n:].count(best) / n
    declared = task.levels[level].chance
    noise = 4 * (declared / n) ** 0.5
    assert rate <= declared + noise
    assert rate >= declared / 2 - noise


def test_chance_of_knights_is_that_of_the_commonest_roles() -> None:
    rng, n = random.Random(2), 4000
    for level, declared in ((1, 0.27), (2, 0.145)):
        roles = Counter(tuple(knights.problem(rng, level).answer["solution"].values()) for _ in range(n))
        assert load("knights").levels[level].chance == declared
        assert roles.most_common(1)[0][1] / n == pytest.approx(declared, abs=0.03)


def test_chance_of_sudoku_is_that_of_a_fixed_grid() -> None:
    rng, n = random.Random(3), 4000
    grid = sudoku.solved_grids()[100]
    right = 0
    for _ in range(n):
        given = [number for row in sudoku.problem(rng, 5).answer["grid"] for number in row]
        right += all(number in (0, solved) for number, solved in zip(given, grid, strict=True))
    assert right / n == pytest.approx(load("sudoku").levels[5].chance, abs=0.008)


def test_every_space_can_be_split() -> None:
    for name in GENERATED:
        for level in load(name).levels:
            assert load(name).problem(0, split="test", level=level).address.split == "test"
