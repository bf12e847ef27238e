"""Every oracle is right, by a check that shares nothing with its generator: brute force or Python's own arithmetic."""

import ast
import json
import random
import re
from fractions import Fraction
from itertools import permutations, product

import pytest

from verigym.tasks import Problem, Task, load
from verigym.verifiers.expression import expression
from verigym.verifiers.verdict import Status

COUNT = 12


def asked(name: str, style: str = "words") -> list[tuple[Task, Problem, str]]:
    """Problems of every level with the text in the tags of the oracle's reply."""
    task = load(name, style=style)
    found = []
    for level in task.levels:
        for problem in task.problems(COUNT, split="train", level=level):
            inside = re.fullmatch(r"(?s).*<answer>(.*)</answer>", task.oracle(problem))
            assert inside is not None
            found.append((task, problem, inside[1].strip()))
    return found


def exact(text: str) -> Fraction:
    """The value of an expression that a generator wrote, by Python's parser (tests only: the text is ours)."""

    def walk(node: ast.expr) -> Fraction:
        if isinstance(node, ast.Constant):
            return Fraction(node.value)
        if isinstance(node, ast.UnaryOp):
            return walk(node.operand) * {ast.UAdd: 1, ast.USub: -1}[type(node.op)]
        assert isinstance(node, ast.BinOp)
        left, right = walk(node.left), walk(node.right)
        if isinstance(node.op, ast.Div):
            return left / right
        return {ast.Add: left + right, ast.Sub: left - right, ast.Mult: left * right}[type(node.op)]

    return walk(ast.parse(re.sub(r"\b0+(?=\d)", "", text), mode="eval").body)


@pytest.mark.parametrize("style", ["words", "terse"])
def test_countdown(style: str) -> None:
    for _, problem, inside in asked("countdown", style):
        answer = problem.answer
        assert sorted(map(int, re.findall(r"\d+", inside))) == sorted(answer["numbers"])
        assert exact(inside) == answer["target"]
        assert set(re.findall(r"[-+*/]", inside)) <= set(answer["operators"])
        assert 1 <= answer["target"] <= 999
        assert all(1 <= number <= 99 for number in answer["numbers"])
        assert problem.family == ",".join(map(str, sorted(answer["numbers"])))
        assert problem.key == f"{problem.family}={answer['target']}"


def test_a_terse_countdown_answers_digit_under_digit() -> None:
    task = load("countdown", style="terse")
    for level in (1, 2):
        for problem in task.problems(COUNT, split="train", level=level):
            target, _, given = problem.text.partition("=")
            assert int(target) == problem.answer["target"] and len(target) == 3
            reply = re.fullmatch(r"<answer>((?:[+-]\d\d)+)</answer>", task.oracle(problem))
            assert reply is not None
            assert re.findall(r"\d\d", reply[1]) == given.split(" ")
            assert exact(reply[1]) == problem.answer["target"]


@pytest.mark.parametrize("style", ["words", "terse"])
def test_the_form_of_countdown_is_an_answer_that_is_never_right(style: str) -> None:
    task = load("countdown", style=style)
    for level in task.levels:
        for problem in task.problems(COUNT, split="train", level=level):
            for seed in range(3):
                reply = task.form(problem, random.Random(seed))
                assert reply == task.form(problem, random.Random(seed))
                verdict = expression(reply, problem.answer)
                assert (verdict.status, verdict.correct) == (Status.OK, False), verdict.reason
                # every number once and computed: only the target is missed
                assert verdict.reason.endswith(f"is not {problem.answer['target']}"), verdict.reason
                if style == "terse" and level <= 2:
                    signs = re.compile(r"[+-]")
                    assert signs.sub("?", reply) == signs.sub("?", task.oracle(problem))


def test_a_task_without_a_form_has_none() -> None:
    task = load("arithmetic")
    assert task.form(task.problem(0), random.Random(0)) is None


def test_countdown_levels_use_their_operators() -> None:
    task = load("countdown")
    for level in (1, 2):
        assert {task.problem(i, level=level).answer["operators"] for i in range(20)} == {"+-"}
    multiplied = sum(bool(set("*/") & set(task.problem(i, level=3).meta["witness"])) for i in range(100))
    assert multiplied > 60


@pytest.mark.parametrize("style", ["words", "terse"])
def test_arithmetic(style: str) -> None:
    for task, problem, inside in asked("arithmetic", style):
        assert inside == problem.answer
        text = (problem.text if style == "terse" else re.match(r"What is (.*)\?", problem.text)[1]).strip()
        assert exact(text) == int(inside)
        steps = [line for line in re.split(r"\s*=\s*", task.oracle(problem).partition("<answer>")[0].strip()) if line]
        assert len({exact(step) for step in steps}) == 1, steps
        assert steps[-1] == inside


def test_arithmetic_work_goes_from_left_to_right() -> None:
    for _, problem, _ in asked("arithmetic"):
        work = problem.meta["work"]
        if len(work) == 3 and not set("*/(") & set(work[0]):
            first, _, rest = work[0].partition(" ")
            second = rest.split()[1]
            total = int(first) + int(second) * (1 if rest[0] == "+" else -1)
            assert work[1].startswith(f"{total} " if total >= 0 else f"({total}) ")


def test_bases() -> None:
    for _, problem, inside in asked("bases"):
        given, source, target = re.match(
            r"The number (\w+) is written in base (\d+)\. Write it in base (\d+)", problem.text
        ).groups()
        assert inside == problem.answer
        assert int(given, int(source)) == int(inside, int(target))
        assert inside == inside.lower()
        assert inside[0] != "0"


@pytest.mark.parametrize("style", ["words", "terse"])
def test_modular(style: str) -> None:
    for task, problem, inside in asked("modular", style):
        if style == "terse":
            steps, modulus = problem.text.split("%")
            first, *rest = re.findall(r"[-+*]?\d+", steps)
        else:
            first = re.match(r"Start with (\d+)", problem.text)[1]
            modulus = re.search(r"modulo (\d+)", problem.text)[1]
            verbs = {"add": "+", "subtract": "-", "multiply by": "*"}
            spoken = re.findall(r"(add|subtract|multiply by) (\d+)", problem.text)
            rest = [verbs[verb] + number for verb, number in spoken]
        total = int(first)
        totals = [total % int(modulus)]
        for step in rest:
            number = int(step[1:])
            total = {"+": total + number, "-": total - number, "*": total * number}[step[0]]
            totals.append(total % int(modulus))
        assert inside == problem.answer == str(totals[-1])
        assert problem.meta["steps"] == totals
        if style == "terse":
            assert task.oracle(problem).partition("<answer>")[0].split() == [str(one) for one in totals]


SOLVERS = {
    "change": lambda n, price, paid, **_: paid - n * price,
    "boxes": lambda boxes, each, loose, **_: boxes * each + loose,
    "trip": lambda speed, hours, more, **_: speed * hours + more,
    "share": lambda mine, theirs, people, **_: Fraction(mine + mine + theirs, people),
    "wages": lambda pay, hours, days, spent, **_: pay * hours * days - spent,
    "rows": lambda rows, seats, taken, children, **_: rows * seats - taken - children,
    "stall": lambda batches, each, gift, price, rent, **_: (batches * each - gift) * price - rent,
    "saving": lambda cost, have, pocket, job, spend, **_: Fraction(cost - have, pocket + job - spend),
    "two-cars": lambda fast, slow, hours, later, gap, **_: (fast + slow) * (hours + later) + gap,
    "pool": lambda start, flow, leak, minutes, buckets, size, **_: start + (flow - leak) * minutes - buckets * size,
}


def test_word_problems() -> None:
    task = load("word-problems")
    met = set()
    for level in task.levels:
        for problem in task.problems(60, level=level):
            template, quantities = problem.meta["template"], problem.meta["quantities"]
            met.add(template)
            assert SOLVERS[template](**quantities) == int(problem.answer)
            assert int(problem.answer) > 0
            printed = list(map(int, re.findall(r"\d+", problem.text.partition("\n\n")[0])))
            hidden = {"change": {"back"}, "share": {"each"}, "saving": {"weeks"}}.get(template, set())
            assert sorted(printed) == sorted(number for name, number in quantities.items() if name not in hidden)
            for line in problem.meta["work"]:
                left, right = line.split(" = ")
                assert exact(left) == int(right)
            assert "{" not in problem.text
    assert met == set(SOLVERS)


def test_names_do_not_make_another_problem() -> None:
    import random

    from verigym.tasks.math.word_problems import problem

    texts: dict[str, set[str]] = {}
    for seed in range(4000):
        drawn = problem(random.Random(seed), 1)
        texts.setdefault(drawn.key, set()).add(drawn.text)
    assert any(len(found) > 1 for found in texts.values())


def test_reverse_and_sort_and_brackets() -> None:
    for _, problem, inside in asked("reverse", "terse"):
        assert inside == problem.answer == "".join(reversed(problem.text))
    for _, problem, inside in asked("sort", "terse"):
        assert inside == problem.answer
        assert list(map(int, inside.split())) == sorted(map(int, problem.text.split()))
    for _, problem, inside in asked("brackets", "terse"):
        assert inside == problem.answer
        whole = problem.text + inside
        while (shorter := re.sub(r"\(\)|\[\]|\{\}", "", whole)) != whole:
            whole = shorter
        assert whole == ""
        assert inside


def truth(sentence: str, kinds: dict[str, bool], speaker: str) -> bool:
    """Whether an English sentence of the puzzle is true: read from the prompt, not from the generator's data."""
    sentence = sentence.removesuffix(".")
    if found := re.fullmatch(r"[Ii]f (.*), then (.*)", sentence):
        return not truth(found[1], kinds, speaker) or truth(found[2], kinds, speaker)
    if found := re.fullmatch(r"(.*), and (.*)", sentence):
        return truth(found[1], kinds, speaker) and truth(found[2], kinds, speaker)
    if found := re.fullmatch(r"(.*), or (.*)", sentence):
        return truth(found[1], kinds, speaker) or truth(found[2], kinds, speaker)
    if found := re.fullmatch(r"[Ee]xactly (\d) of us (?:is a|are) (knight|knave)s?", sentence):
        return sum(kind == (found[2] == "knight") for kind in kinds.values()) == int(found[1])
    if found := re.fullmatch(r"(\w+) and I are of (the same kind|different kinds)", sentence):
        return (kinds[found[1]] == kinds[speaker]) == (found[2] == "the same kind")
    found = re.fullmatch(r"(\w+) (?:is|am) a (knight|knave)", sentence)
    assert found, sentence
    return kinds[speaker if found[1] == "I" else found[1]] == (found[2] == "knight")


def test_knights_have_one_solution_and_the_oracle_gives_it() -> None:
    for _, problem, inside in asked("knights"):
        said = re.findall(r'^(\w+) says: "(.*)"$', problem.text, flags=re.M)
        people = [person for person, _ in said]
        fitting = []
        for kinds in product((True, False), repeat=len(people)):
            world = dict(zip(people, kinds, strict=True))
            if all(truth(sentence, world, person) == world[person] for person, sentence in said):
                fitting.append({person: "knight" if kind else "knave" for person, kind in world.items()})
        assert fitting == [problem.answer["solution"]]
        assert dict(pair.split(": ") for pair in inside.split(", ")) == fitting[0]


def test_knights_identity_leaves_names_and_order_out() -> None:
    from verigym.tasks.logic.knights import canonical

    said = [("Ann", ["is", "Bob", "knave"]), ("Bob", ["and", ["is", "Ann", "knight"], ["count", "knave", 1]])]
    twin = [("Eve", ["and", ["count", "knave", 1], ["is", "Max", "knight"]]), ("Max", ["is", "Eve", "knave"])]
    other = [("Ann", ["is", "Bob", "knight"]), said[1]]
    assert canonical(["Ann", "Bob"], said) == canonical(["Eve", "Max"], twin)
    assert canonical(["Ann", "Bob"], said) != canonical(["Ann", "Bob"], other)


@pytest.mark.parametrize("style", ["words", "terse"])
def test_sudoku(style: str) -> None:
    for task, problem, inside in asked("sudoku", style):
        digits = [int(digit) for digit in re.findall(r"[1-4]", inside)]
        assert len(digits) == 16
        rows = [digits[start : start + 4] for start in range(0, 16, 4)]
        columns = list(zip(*rows, strict=True))
        quarters = [
            [rows[top + down][left + right] for down in (0, 1) for right in (0, 1)] for top in (0, 2) for left in (0, 2)
        ]
        assert all(sorted(group) == [1, 2, 3, 4] for group in [*rows, *columns, *quarters])
        given = [number for row in problem.answer["grid"] for number in row]
        assert all(number in (0, solved) for number, solved in zip(given, digits, strict=True))
        level = problem.address.level
        assert given.count(0) == {1: 4, 2: 6, 3: 8, 4: 10, 5: 12}[level]
        assert task.levels[level].description == f"{given.count(0)} blanks"


def test_path_is_shortest() -> None:
    moves = {"U": (-1, 0), "D": (1, 0), "L": (0, -1), "R": (0, 1)}
    for _, problem, inside in asked("path"):
        grid, length = problem.answer["grid"], problem.answer["length"]
        square = tuple(problem.answer["start"])
        for move in inside:
            square = (square[0] + moves[move][0], square[1] + moves[move][1])
            assert 0 <= square[0] < len(grid) and 0 <= square[1] < len(grid)
            assert grid[square[0]][square[1]] == "."
        assert list(square) == problem.answer["goal"]
        assert len(inside) == length
        # No shorter way: spread out from the start, square by square, and the goal is not met before.
        reached = {tuple(problem.answer["start"])}
        for _ in range(length - 1):
            reached |= {
                (row + down, column + right)
                for row, column in reached
                for down, right in moves.values()
                if 0 <= row + down < len(grid)
                and 0 <= column + right < len(grid)
                and grid[row + down][column + right] == "."
            }
            assert tuple(problem.answer["goal"]) not in reached
        drawn = re.search(r"(?s)\n\n(.*?)\n\n", problem.text)[1].split("\n")
        assert drawn[problem.answer["start"][0]][problem.answer["start"][1]] == "S"
        assert drawn[problem.answer["goal"][0]][problem.answer["goal"][1]] == "G"
        assert ["".join("#" if mark == "#" else "." for mark in line) for line in drawn] == grid


def test_path_twins_are_one_family() -> None:
    from verigym.tasks.logic.path import canonical

    grid = ["S.#", "...", "#.G"]
    turned = ["".join(column) for column in zip(*grid[::-1], strict=True)]
    mirrored = [line[::-1] for line in grid]
    exchanged = ["G.#", "...", "#.S"]
    assert len({canonical(twin) for twin in (grid, turned, mirrored, exchanged)}) == 1
    assert canonical(grid) != canonical(["S..", "..#", "#.G"])


def reference(name: str, n: int, values: list[int]) -> list[int]:
    """The list language written again, plainly, for the test."""
    out: list[int] = []
    if name in ("take", "drop"):
        for index, x in enumerate(values):
            if (index < n) == (name == "take"):
                out.append(x)
    elif name in ("evens", "odds", "above", "below"):
        keep = {
            "evens": lambda x: not x & 1,
            "odds": lambda x: x & 1,
            "above": lambda x: x > n,
            "below": lambda x: x < n,
        }
        out = [x for x in values if keep[name](x)]
    elif name in ("add", "mul"):
        out = [x + n if name == "add" else x * n for x in values]
    elif name in ("max", "min"):
        out = sorted(values)[-1:] if name == "max" else sorted(values)[:1]
    elif name == "sum":
        out = [sum(values)]
    elif name == "count":
        out = [len(values)]
    elif name == "sums":
        out = [sum(values[: index + 1]) for index in range(len(values))]
    elif name == "diffs":
        out = [values[index + 1] - values[index] for index in range(len(values) - 1)]
    elif name == "unique":
        out = [x for index, x in enumerate(values) if x not in values[:index]]
    elif name == "reverse":
        out = [values[-1 - index] for index in range(len(values))]
    elif name == "sort":
        out = min(permutations(values)) if len(values) < 7 else sorted(values)
    return list(out)


def test_list_programs() -> None:
    for _, problem, inside in asked("list-programs"):
        assert inside == problem.meta["witness"]
        assert len(problem.answer["cases"]) == 5
        assert len(problem.answer["hidden"]) == 10
        for given, wanted in problem.answer["cases"] + problem.answer["hidden"]:
            values = given
            for step in inside.split(" | "):
                name, *number = step.split()
                values = reference(name, int(number[0]) if number else 0, values)
            assert values == wanted
        for given, _ in problem.answer["hidden"]:
            assert len(given) < 4 or f"\n{json.dumps(given)} ->" not in problem.text


def test_list_programs_need_each_of_their_functions() -> None:
    for _, problem, inside in asked("list-programs"):
        steps = inside.split(" | ")
        for index in range(len(steps)):
            fits = True
            for given, wanted in problem.answer["cases"]:
                values = given
                for step in steps[:index] + steps[index + 1 :]:
                    name, *number = step.split()
                    values = reference(name, int(number[0]) if number else 0, values)
                fits &= values == wanted
            assert not fits, f"{inside}: {steps[index]} can be left out"
