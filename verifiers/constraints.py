"""Answers that are checked against the rules of a puzzle, so that every valid answer counts.

    sudoku("<answer>1234 3412 2143 4321</answer>", {"grid": [[1, 0, 0, 0], ...]})
    assignment("<answer>Ann: knight, Bob: knave</answer>", {"solution": {"Ann": "knight", "Bob": "knave"}})
    path("<answer>RDDR</answer>", {"grid": ["..#", "...", "#.."], "start": [0, 0], "goal": [2, 2], "length": 4})

Each reads at most 4,096 characters, and nothing is searched for: checking takes microseconds.
"""

import math
import re
from typing import Any

from verigym.verifiers.answers import WrongAnswer, field
from verigym.verifiers.convert import printable
from verigym.verifiers.extract import extract as find
from verigym.verifiers.text import fold, squeeze
from verigym.verifiers.verdict import Verdict

MAX_TEXT = 4096
_PAIRS = re.compile(r"[,;\n]| and ")
_SAYS = re.compile(r"\s*(?::|=|->| is )\s*(?:(?:an?|the) )?")
_MOVES = {"U": (-1, 0), "D": (1, 0), "L": (0, -1), "R": (0, 1)}


def assignment(reply: str, answer: Any, *, extract: str = "marked", strict: bool = True) -> Verdict:
    """Whether each name got its value.

    answer  {"solution": {"Ann": "knight", "Bob": "knave"}}

    Read: `name: value` pairs (also `=`, `->`, "is a"), split at commas, semicolons, lines or "and"; case does not
    matter. Every name exactly once, and no other name. Raises ValueError when `answer` has another form.
    """
    solution = field(answer, "solution", dict, "assignment")
    if not solution or not all(isinstance(name, str) and isinstance(value, str) for name, value in solution.items()):
        raise WrongAnswer("assignment: answer['solution'] must be a dict of texts to texts")
    text, verdict = _found(reply, extract, strict)
    if verdict:
        return verdict
    wanted = {_plain(name): _plain(value) for name, value in solution.items()}
    got: dict[str, str] = {}
    for pair in _PAIRS.split(fold(text)):
        if not pair.strip():
            continue
        sides = _SAYS.split(pair.strip().rstrip("."), maxsplit=1)
        if len(sides) != 2:
            return Verdict.malformed(f"{printable(pair.strip())!r} is not of the form name: value", text)
        name, value = map(_plain, sides)
        if name in got:
            return Verdict.malformed(f"{printable(name)!r} is given twice", text)
        got[name] = value
    if fault := _difference(got, wanted):
        return Verdict.wrong(fault, text)
    return Verdict.right(f"all {len(wanted)} are right", text)


def _difference(got: dict[str, str], wanted: dict[str, str]) -> str:
    for name in got:
        if name not in wanted:
            return f"{printable(name)!r} is not one of the names"
    missing = [name for name in wanted if name not in got]
    if missing:
        return f"nothing is said of {', '.join(missing)}"
    wrong = [name for name in wanted if got[name] != wanted[name]]
    return f"{len(wrong)} of {len(wanted)} are wrong" if wrong else ""


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
    text, verdict = _found(reply, extract, strict)
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
    text, verdict = _found(reply, extract, strict)
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


def _found(reply: str, extract: str, strict: bool) -> tuple[str, Verdict | None]:
    found = find(reply, extract, strict)
    if found.text is None:
        return "", Verdict.malformed(found.reason)
    if len(found.text) > MAX_TEXT:
        return "", Verdict.malformed(f"an answer of {len(found.text)} characters; at most {MAX_TEXT} are read")
    return found.text, None


def _plain(text: str) -> str:
    return squeeze(text).strip("*`'\"").casefold()
