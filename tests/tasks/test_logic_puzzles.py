"""Planning and filling puzzles: prompts read again, and oracles against brute force that shares nothing with them."""

import re
from itertools import combinations, permutations, product

import pytest

from verigym.tasks import Problem, Task, load

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


def test_schedule() -> None:
    for _, problem, inside in asked("schedule", "words"):
        hours = {job: int(length) for job, length in re.findall(r"^(\w) takes (\d+) hours?\.$", problem.text, re.M)}
        before = re.findall(r"^(\w) must end before (\w) starts\.$", problem.text, re.M)
        workers = int(re.match(r"(\d) workers", problem.text)[1])
        deadline = int(re.search(r"done by hour (\d+)\.", problem.text)[1])
        starts = {job: int(start) for job, start in re.findall(r"(\w): (\d+)", inside)}
        assert hours == problem.answer["jobs"] and starts.keys() == hours.keys()
        assert all(starts[one] + hours[one] <= starts[other] for one, other in before)
        for hour in range(deadline + 1):
            assert sum(starts[job] <= hour < starts[job] + hours[job] for job in hours) <= workers
        assert max(starts[job] + hours[job] for job in hours) == deadline


def test_the_deadline_of_few_jobs_is_the_earliest_end() -> None:
    task = load("schedule")
    for problem in task.problems(6, split="train", level=1):
        jobs, deadline = problem.answer["jobs"], problem.answer["deadline"]
        for starts in product(range(deadline), repeat=len(jobs)):
            plan = dict(zip(jobs, starts, strict=True))
            early = all(plan[job] + jobs[job] < deadline for job in jobs)
            kept = early and all(plan[one] + jobs[one] <= plan[other] for one, other in problem.answer["before"])
            assert not kept or any(
                sum(plan[job] <= hour < plan[job] + jobs[job] for job in jobs) > 2 for hour in range(deadline)
            )


CLUES = {
    r"(.*) is in house (\d)\.": lambda one, other: one == other,
    r"(.*) is not in house (\d)\.": lambda one, other: one != other,
    r"(.*) and (.*) are in the same house\.": lambda one, other: one == other,
    r"(.*) and (.*) are in different houses\.": lambda one, other: one != other,
    r"(.*) is somewhere to the left of (.*)\.": lambda one, other: one < other,
    r"(.*) is in the house just to the left of (.*)\.": lambda one, other: one + 1 == other,
    r"(.*) and (.*) are in neighbouring houses\.": lambda one, other: abs(one - other) == 1,
}


def test_zebra_has_one_solution_by_its_words() -> None:
    for _, problem, inside in asked("zebra", "words"):
        head, *lines = problem.text.partition("\nIn which house")[0].split("\n")
        listed = re.findall(
            r"(?:one of|one pet of|one favourite drink of) ([\w, ]+?)(?= and one|, with|, no two)", head
        )
        sorts = [names.split(", ") for names in listed]
        houses = len(sorts[0])
        if houses ** len(sorts) > 16 and problem.address.index > 2:
            continue  # the largest puzzles have 13,824 ways each
        clues = []
        for line in lines:
            pattern = next(one for one in CLUES if re.fullmatch(one, line))
            pair = [re.sub(r"^[Tt]he ", "", name) for name in re.fullmatch(pattern, line).groups()]
            clues.append((*pair, CLUES[pattern]))
        fitting = []
        for ways in product(permutations(range(1, houses + 1)), repeat=len(sorts)):
            place = {}
            for names, way in zip(sorts, ways, strict=True):
                place |= dict(zip(names, way, strict=True))
            place |= {str(house): house for house in range(1, houses + 1)}
            if all(holds(place[one], place[other]) for one, other, holds in clues):
                fitting.append({name: str(place[name]) for names in sorts for name in names})
        assert fitting == [problem.meta["solution"]]
        assert dict(pair.split(": ") for pair in inside.split(", ")) == fitting[0]


def test_zebra_clues_are_all_needed() -> None:
    from verigym.tasks.logic.zebra import _all, canonical, needed, true_clues

    clues = true_clues(3, 2)
    kept = needed(3, 2, clues)
    assert _all(3, 2, kept).bit_count() == 1
    for clue in kept:
        assert _all(3, 2, [one for one in kept if one != clue]).bit_count() > 1
    # Seen from the other end, and with the sorts exchanged.
    one = [("next", (0, 0), (1, 1)), ("equals", (0, 2), 2)]
    twin = [("equals", (1, 0), 0), ("next", (0, 1), (1, 2))]
    assert canonical(3, 2, one) == canonical(3, 2, twin)
    assert canonical(3, 2, one) != canonical(3, 2, [("next", (0, 0), (1, 1)), ("equals", (1, 2), 2)])


@pytest.mark.parametrize("style", STYLES)
def test_queens(style: str) -> None:
    for _, problem, inside in asked("queens", style):
        columns = [int(column) for column in inside.split()]
        size = len(columns)
        rows = [line.replace(" ", "") for line in problem.text.split("\n") if re.fullmatch(r"[Q. ]+", line)]
        assert len(rows) == size
        for row, line in enumerate(rows):
            assert "Q" not in line or line.index("Q") == columns[row] - 1
        for one, other in combinations(range(size), 2):
            assert columns[one] != columns[other]
            assert abs(columns[one] - columns[other]) != other - one


def test_queens_twins_are_one_family() -> None:
    from verigym.tasks.logic.queens import canonical

    given = [(0, 1), (2, 3)]
    turned = [(column, 4 - row) for row, column in given]
    mirrored = [(row, 4 - column) for row, column in given]
    assert canonical(5, given) == canonical(5, turned) == canonical(5, mirrored)
    assert canonical(5, given) != canonical(5, [(0, 1), (2, 2)])


@pytest.mark.parametrize("style", STYLES)
def test_sudoku_nine(style: str) -> None:
    for _, problem, inside in asked("sudoku-9", style):
        digits = [int(digit) for digit in re.findall(r"[1-9]", inside)]
        shown = re.findall(r"[_.\d]", re.search(r"(?:[\d_.] ?){9}\n(?s:.*)", problem.text)[0])[:81]
        assert len(digits) == len(shown) == 81
        assert all(mark in ("_", ".") or int(mark) == digit for mark, digit in zip(shown, digits, strict=True))
        rows = [digits[start : start + 9] for start in range(0, 81, 9)]
        boxes = [
            [rows[top + down][left + right] for down in range(3) for right in range(3)]
            for top in (0, 3, 6)
            for left in (0, 3, 6)
        ]
        assert all(sorted(group) == list(range(1, 10)) for group in [*rows, *zip(*rows, strict=True), *boxes])
        assert sum(mark in ("_", ".") for mark in shown) == {1: 20, 2: 30, 3: 38, 4: 42}[problem.address.level]


def test_sudoku_nine_has_one_solution() -> None:
    # A plain search in reading order, not the generator's: it counts up to two solutions.
    def count(grid: list[int], square: int = 0) -> int:
        while square < 81 and grid[square]:
            square += 1
        if square == 81:
            return 1
        row, column = divmod(square, 9)
        near = {grid[9 * row + x] for x in range(9)} | {grid[9 * x + column] for x in range(9)}
        top, left = row // 3 * 3, column // 3 * 3
        near |= {grid[9 * (top + i) + left + j] for i in range(3) for j in range(3)}
        found = 0
        for digit in set(range(1, 10)) - near:
            grid[square] = digit
            found += count(grid, square + 1)
            grid[square] = 0
            if found > 1:
                break
        return found

    for level in (1, 2, 3):
        for problem in load("sudoku-9").problems(3, split="test", level=level):
            assert count([number for row in problem.answer["grid"] for number in row]) == 1


def test_sudoku_nine_twins_are_one_family() -> None:
    from verigym.tasks.logic.sudoku_nine import canonical

    problems = load("sudoku-9").problems(20, split="train", level=1)
    assert len({problem.family for problem in problems}) == 20
    rows = problems[0].meta["solution"]
    renamed = [[{1: 5, 5: 1}.get(digit, digit) for digit in row] for row in rows]
    turned = [list(column) for column in zip(*rows, strict=True)]
    shuffled = [rows[row] for row in (5, 3, 4, 0, 2, 1, 6, 7, 8)]
    for twin in (rows, renamed, turned, shuffled):
        assert canonical([digit for row in twin for digit in row]) == problems[0].family


@pytest.mark.parametrize("style", STYLES)
def test_sat(style: str) -> None:
    for _, problem, inside in asked("sat", style):
        values = {name: value == "true" for name, value in re.findall(r"(\w): (true|false)", inside)}
        text = problem.text.partition("\n\n")[0]
        clauses = (
            [line.split(" or ") for line in text.split("\n")[1:-1]]
            if style == "words"
            else [clause.split("|") for clause in text.split(" ")]
        )
        assert len(clauses) == len(problem.answer["clauses"])
        for clause in clauses:
            assert len(clause) == 3
            assert any(values[re.sub(r"not |-", "", literal)] == (len(literal) == 1) for literal in clause)


@pytest.mark.parametrize("style", STYLES)
def test_subset_sum(style: str) -> None:
    for _, problem, inside in asked("subset-sum", style):
        target, *numbers = map(int, re.findall(r"\d+", problem.text.partition("\n")[0]))
        chosen = list(map(int, inside.split(", ")))
        assert len(set(chosen)) == len(chosen) and set(chosen) <= set(numbers)
        assert sum(chosen) == target and target not in numbers


@pytest.mark.parametrize("style", STYLES)
def test_knapsack(style: str) -> None:
    for _, problem, inside in asked("knapsack", style):
        capacity = int(re.search(r"(\d+)(?: kg|:)", problem.text)[1])
        found = re.findall(r"(\w+)(?:: (\d+) kg, worth (\d+)| (\d+)/(\d+))", problem.text)
        things = {name: (int(a or c), int(b or d)) for name, a, b, c, d in found}
        assert len(things) == len(problem.answer["items"])
        chosen = inside.split(", ")
        weight, worth = (sum(things[name][part] for name in chosen) for part in (0, 1))
        assert weight <= capacity
        if len(things) <= 12:
            pairs, best = list(things.values()), 0
            for bits in range(2 ** len(pairs)):
                picked = [pair for place, pair in enumerate(pairs) if bits >> place & 1]
                if sum(one for one, _ in picked) <= capacity:
                    best = max(best, sum(other for _, other in picked))
            assert worth == best
        assert worth == problem.answer["least"]
