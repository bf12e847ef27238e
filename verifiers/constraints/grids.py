"""Answers that fill a grid or walk on it: sudoku, paths, queens.

    sudoku("<answer>1234 3412 2143 4321</answer>", {"grid": [[1, 0, 0, 0], ...]})
    path("<answer>RDDR</answer>", {"grid": ["..#", "...", "#.."], "start": [0, 0], "goal": [2, 2], "length": 4})
    queens("<answer>2 4 1 3</answer>", {"size": 4, "given": [[0, 1]]})

Each reads at most 4,096 characters, and nothing is searched for: checking takes microseconds.
"""

import math
import re
from typing import Any

from verigym.verifiers.answers import WrongAnswer, field
from verigym.verifiers.convert import printable
from verigym.verifiers.reading import items, short, whole_number
from verigym.verifiers.text import fold
from verigym.verifiers.verdict import Verdict

_MOVES = {"U": (-1, 0), "D": (1, 0), "L": (0, -1), "R": (0, 1)}
MAX_QUEENS = 200


def sudoku(reply: str, answer: Any, *, extract: str = "marked", strict: bool = True) -> Verdict:
    """Whether a filled grid keeps the given digits and has each digit once in every row, column and box.

    answer  {"grid": [[1, 0, 0, 4], ...]}: n rows of n digits, n a square up to 9, 0 for blank

    Read: n * n digits by row; spaces, commas, lines, bars, dashes and square brackets between them are ignored. Any
    valid filling counts. Raises ValueError when `answer` has another form.
    """
    grid = field(answer, "grid", list, "sudoku")
    n = len(grid)
    box = math.isqrt(n)
    if n not in (4, 9) or not all(isinstance(row, list) and len(row) == n for row in grid):
        raise WrongAnswer("sudoku: answer['grid'] must be 4 rows of 4 or 9 rows of 9 digits")
    if not all(isinstance(digit, int) and 0 <= digit <= n for row in grid for digit in row):
        raise WrongAnswer(f"sudoku: answer['grid'] must hold digits from 0 to {n}")
    text, verdict = short(reply, extract, strict)
    if verdict:
        return verdict
    digits = re.sub(r"[\s,;|/+\-\[\]]", "", fold(text))
    if len(digits) != n * n:
        return Verdict.malformed(f"{len(digits)} digits, not {n * n}", text)
    allowed = {str(digit): digit for digit in range(1, n + 1)}
    if set(digits) - set(allowed):
        return Verdict.malformed(f"something other than the digits 1 to {n}", text)
    filled = [[allowed[digits[n * row + column]] for column in range(n)] for row in range(n)]
    for row in range(n):
        for column in range(n):
            if grid[row][column] not in (0, filled[row][column]):
                return Verdict.wrong(f"row {row + 1}, column {column + 1} was given as {grid[row][column]}", text)
    whole = set(range(1, n + 1))
    for index in range(n):
        top, left = box * (index // box), box * (index % box)
        square = {filled[top + i][left + j] for i in range(box) for j in range(box)}
        for kind, members in (("row", set(filled[index])), ("column", {row[index] for row in filled}), ("box", square)):
            if members != whole:
                return Verdict.wrong(f"{kind} {index + 1} does not hold each digit once", text)
    return Verdict.right("a valid filling", text)


def path(reply: str, answer: Any, *, extract: str = "marked", strict: bool = True) -> Verdict:
    """Whether the moves lead from start to goal through open cells in the fewest steps.

    answer  {"grid": ["..#", "...", "#.."], "start": [row, column], "goal": [row, column], "length": 4}; # is a wall

    Read: the letters U D L R, in either case, with spaces or commas between them ignored. Raises ValueError when
    `answer` has another form.
    """
    rows = field(answer, "grid", list, "path")
    start, goal = _cell(answer, "start", rows), _cell(answer, "goal", rows)
    length = field(answer, "length", int, "path")
    text, verdict = short(reply, extract, strict)
    if verdict:
        return verdict
    moves = re.sub(r"[\s,;>\-]", "", fold(text)).upper()
    strange = next((move for move in moves if move not in _MOVES), "")
    if strange:
        return Verdict.malformed(f"{printable(strange)!r} is not one of U D L R", text)
    row, column = start
    for step, move in enumerate(moves, 1):
        row, column = row + _MOVES[move][0], column + _MOVES[move][1]
        if not (0 <= row < len(rows) and 0 <= column < len(rows[row])):
            return Verdict.wrong(f"step {step} leaves the grid", text)
        if rows[row][column] == "#":
            return Verdict.wrong(f"step {step} runs into a wall", text)
    if (row, column) != goal:
        return Verdict.wrong("it does not end at the goal", text)
    if len(moves) > length:
        return Verdict.wrong(f"{len(moves)} steps, and {length} would do", text)
    return Verdict.right(f"{len(moves)} steps to the goal", text)


def _cell(answer: dict[str, Any], name: str, rows: list[Any]) -> tuple[int, int]:
    cell = field(answer, name, list, "path")
    if not rows or not all(isinstance(row, str) for row in rows):
        raise WrongAnswer("path: answer['grid'] must be a list of texts")
    if len(cell) != 2 or not all(isinstance(place, int) for place in cell):
        raise WrongAnswer(f"path: answer[{name!r}] must be [row, column]")
    row, column = cell
    if not (0 <= row < len(rows) and 0 <= column < len(rows[row])):
        raise WrongAnswer(f"path: answer[{name!r}] lies outside the grid")
    return row, column


def queens(reply: str, answer: Any, *, extract: str = "marked", strict: bool = True) -> Verdict:
    """Whether n queens stand on an n by n board, one in each row, and none attacks another.

    answer  {"size": 8, "given": [[0, 3], ...]}: row and column, counted from 0, of queens that must stand there

    Read: n column numbers counted from 1, one for each row from the top, with spaces or commas between them; up to size
    9 also n digits in a row. Any valid placing counts. Raises ValueError when `answer` has another form.
    """
    size = field(answer, "size", int, "queens")
    given = field(answer, "given", list, "queens")
    if not 1 <= size <= MAX_QUEENS:
        raise WrongAnswer(f"queens: answer['size'] is {size}; it must be from 1 to {MAX_QUEENS}")
    for place in given:
        if not (isinstance(place, list) and len(place) == 2 and all(type(x) is int and 0 <= x < size for x in place)):
            raise WrongAnswer(f"queens: answer['given'] must hold [row, column] on the board, got {place!r}")
    text, verdict = short(reply, extract, strict)
    if verdict:
        return verdict
    written = [word for item in items(text) for word in item.split()]
    if len(written) == 1 and len(written[0]) == size <= 9:
        written = list(written[0])
    columns = []
    for word in written:
        column = whole_number(word)
        if column is None or not 1 <= column <= size:
            return Verdict.malformed(f"{printable(word)!r} is not a column from 1 to {size}", text)
        columns.append(column - 1)
    if len(columns) != size:
        return Verdict.malformed(f"{len(columns)} columns, not {size}", text)
    for row, column in given:
        if columns[row] != column:
            return Verdict.wrong(f"the queen of row {row + 1} was given in column {column + 1}", text)
    taken: tuple[dict[int, int], ...] = ({}, {}, {})
    for row, column in enumerate(columns):
        lines = (column, row + column, row - column)
        for kind, line, seen in zip(("column", "diagonal", "diagonal"), lines, taken, strict=True):
            if line in seen:
                return Verdict.wrong(f"the queens of rows {seen[line] + 1} and {row + 1} share a {kind}", text)
            seen[line] = row
    return Verdict.right(f"{size} queens, and none attacks another", text)
