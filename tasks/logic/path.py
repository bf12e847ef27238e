"""Shortest path through a grid with walls.

answer       {"grid": ["..#", "...", "#.."], "start": [0, 0], "goal": [2, 2], "length": 4}: "#" is a wall; squares are
             row, column counted from 0 at the top left; length is that of a shortest path
in the tags  RDDR: one letter a move, U up, D down, L left, R right. Any path of that length from start to goal counts
meta         {"witness": "RDDR"}

The family is the grid up to turning, mirroring, and exchanging start and goal: twins stay in one split.

    print(problem(random.Random(0), 1, style="terse").prompt)
"""

import random
from collections import deque
from collections.abc import Sequence
from math import comb

from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

Square = tuple[int, int]
MOVES = {"U": (-1, 0), "D": (1, 0), "L": (0, -1), "R": (0, 1)}

SHAPES = {1: (4, 3, 3), 2: (5, 6, 4), 3: (6, 10, 6), 4: (8, 20, 8), 5: (10, 32, 12)}
"""Level to the side of the grid, how many walls, and the least length of a shortest path."""


def _space(side: int, walls: int, least: int) -> int:
    """A lower bound: no wall in the top row and the left column, start in the one and goal in the other at least
    `least` apart (along that corner no path is shorter), in both directions."""
    pairs = sum(1 for row in range(1, side) for column in range(1, side) if row + column >= least)
    return 2 * pairs * comb((side - 1) ** 2, walls)


COUNTED = {1: 46_032}
"""Exact spaces, where every grid could be tried."""

LEVELS = {
    level: Level(
        f"{side} by {side}, {walls} walls, {least} moves or more",
        space=COUNTED.get(level) or _space(side, walls, least),
        chance=chance,
    )
    for (level, (side, walls, least)), chance in zip(SHAPES.items(), (0.035, 0.02, 0.01, 0.005, 0.002), strict=True)
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """Walls, start and goal evenly drawn, anew until the goal can be reached and is far enough."""
    side, walls, least = SHAPES[level]
    witness = None
    while witness is None or len(witness) < least:
        squares = rng.sample([(row, column) for row in range(side) for column in range(side)], walls + 2)
        start, goal, *blocked = squares
        witness = shortest(side, set(blocked), start, goal)
    grid = ["".join("#" if (row, column) in blocked else "." for column in range(side)) for row in range(side)]
    shown = _show(grid, start, goal)
    words = (
        "Find a shortest path from S to G. Each move goes one square up (U), down (D), left (L) or right (R), never "
        "into a wall (#) "
        f"and never off the grid.\n\n{shown}\n\nAnswer with the letters of the moves, without spaces."
    )
    return Problem(
        prompt=ask(style, words, terse=shown, form="<answer>UURD</answer>"),
        answer={"grid": grid, "start": list(start), "goal": list(goal), "length": len(witness)},
        key=shown,
        family=canonical(shown.split("\n")),
        meta={"witness": witness},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The shortest path that was found first, and the squares it passes."""
    row, column = problem.answer["start"]
    squares = [f"({row}, {column})"]
    for move in problem.meta["witness"]:
        row, column = row + MOVES[move][0], column + MOVES[move][1]
        squares.append(f"({row}, {column})")
    return answered(style, problem.meta["witness"], "Row and column from the top left: " + " ".join(squares))


def shortest(side: int, blocked: set[Square], start: Square, goal: Square) -> str | None:
    """The moves of a shortest path, or None where there is no path."""
    came: dict[Square, str] = {start: ""}
    queue = deque([start])
    while queue:
        square = queue.popleft()
        if square == goal:
            return came[square]
        for move, (down, right) in MOVES.items():
            there = (square[0] + down, square[1] + right)
            if 0 <= there[0] < side and 0 <= there[1] < side and there not in blocked and there not in came:
                came[there] = came[square] + move
                queue.append(there)
    return None


def canonical(shown: Sequence[str]) -> str:
    """The first, in the order of texts, of the sixteen twins of a grid: turned, mirrored, start and goal exchanged."""
    forms = []
    rows = list(shown)
    for _ in range(4):
        rows = ["".join(column) for column in zip(*rows[::-1], strict=True)]
        for twin in (rows, [row[::-1] for row in rows]):
            text = "\n".join(twin)
            forms += [text, text.translate(_EXCHANGE)]
    return min(forms)


_EXCHANGE = str.maketrans("SG", "GS")


def _show(grid: Sequence[str], start: Square, goal: Square) -> str:
    marks = {start: "S", goal: "G"}
    return "\n".join(
        "".join(marks.get((row, column), mark) for column, mark in enumerate(line)) for row, line in enumerate(grid)
    )


TASK = Generated("path", problem, LEVELS, oracle)
