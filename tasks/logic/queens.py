"""Complete a board of queens: one in each row, and none attacks another.

answer       {"size": 8, "given": [[0, 3], ...]}: row and column, counted from 0, of queens that stand already
in the tags  `4 2 7 3 6 8 5 1`: the column of the queen in each row from the top, counted from 1; any board counts that
             is right
meta         {"columns": [4, 2, ...]}

The family is the given queens up to turning and mirroring the board.

    print(problem(random.Random(0), 1, style="terse").prompt)
"""

import random
from collections.abc import Iterator, Sequence

from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

SHAPES = {1: (9, 5), 2: (10, 4), 3: (11, 4), 4: (12, 4), 5: (14, 4)}
"""Level to the side of the board and how many queens are given."""

LEVELS = {
    # Counted for 9 by 9: distinct sets of given queens over all 352 boards. Above: distinct problems met in 20,000
    # draws. Chance: simulated, for full boards.
    1: Level("9 by 9, 5 queens given", space=41_928, chance=0.008),
    2: Level("10 by 10, 4 queens given", space=17_955, chance=0.005),
    3: Level("11 by 11, 4 queens given", space=19_461, chance=0.003),
    4: Level("12 by 12, 4 queens given", space=19_872, chance=0.0015),
    5: Level("14 by 14, 4 queens given", space=19_977, chance=0.0005),
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """A full board found by a search in random order, and some of its queens, evenly drawn."""
    size, count = SHAPES[level]
    columns = board(rng, size)
    given = sorted((row, columns[row]) for row in rng.sample(range(size), count))
    shown = _show(size, given)
    words = (
        f"Place queens on this {size} by {size} board so that every row holds one and no two share a column or a "
        f"diagonal. Some are given: Q is a queen, a dot an empty square.\n\n{shown}\n\nWrite the column of the queen "
        "in each row, from the top row down; columns are counted from 1 at the left."
    )
    return Problem(
        prompt=ask(style, words, terse=_show(size, given, ""), form="<answer>3 1 4 2 ...</answer>"),
        answer={"size": size, "given": [list(square) for square in given]},
        key=_name(size, given),
        family=canonical(size, given),
        meta={"columns": [column + 1 for column in columns]},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The board that the given queens were taken from."""
    size, columns = problem.answer["size"], problem.meta["columns"]
    drawn = _show(size, [(row, column - 1) for row, column in enumerate(columns)])
    return answered(style, " ".join(map(str, columns)), drawn)


def board(rng: random.Random, size: int) -> list[int]:
    """A full board: row by row, columns in random order, back when no column is left, anew after too many steps."""
    while True:
        found = next(_complete(rng, size, [], [20 * size]), None)
        if found is not None:
            return found


def _complete(rng: random.Random, size: int, placed: list[int], steps: list[int]) -> Iterator[list[int]]:
    row = len(placed)
    if row == size:
        yield placed
        return
    for column in rng.sample(range(size), size):
        steps[0] -= 1
        if steps[0] < 0:
            return
        if all(column != other and abs(column - other) != row - above for above, other in enumerate(placed)):
            yield from _complete(rng, size, [*placed, column], steps)


def canonical(size: int, given: Sequence[tuple[int, int]]) -> str:
    """The first, in the order of texts, of the eight ways to turn and mirror the given queens."""
    squares, forms = list(given), []
    for _ in range(4):
        squares = [(column, size - 1 - row) for row, column in squares]
        forms += [_name(size, squares), _name(size, [(row, size - 1 - column) for row, column in squares])]
    return min(forms)


def _name(size: int, given: Sequence[tuple[int, int]]) -> str:
    return f"{size}:" + " ".join(f"{row},{column}" for row, column in sorted(given))


def _show(size: int, given: Sequence[tuple[int, int]], gap: str = " ") -> str:
    return "\n".join(gap.join("Q" if (row, column) in given else "." for column in range(size)) for row in range(size))


TASK = Generated("queens", problem, LEVELS, oracle)
