"""A markdown table and its shape.

    table("| a | b |\\n|---|--:|\\n| 1 | 2 |", columns=["a", "b"], rows=1, align=["", "right"])     # ""

Read as GitHub does: a header, a separator of dashes and colons, rows; the bars at both ends may be left out; a bar
written `\\|` belongs to its cell. Linear time.
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.convert import printable
from verigym.verifiers.format.blocks import plain_lines

_BAR = re.compile(r"\\.|\|")
_ALIGNMENT = {(False, False): "", (True, False): "left", (False, True): "right", (True, True): "center"}


@dataclass(frozen=True)
class Table:
    """header and rows: cells without outer blanks; align: "", "left", "right" or "center" for each column; lines: the
    first and the one behind the last, among `plain_lines`."""

    header: list[str]
    align: list[str]
    rows: list[list[str]]
    lines: tuple[int, int]


def tables(text: str) -> list[Table]:
    """Every table, in order."""
    lines, found, number = plain_lines(text), [], 0
    while number + 1 < len(lines):
        align = _separator(lines[number + 1])
        if align is None or "|" not in lines[number] or len(cells(lines[number])) != len(align):
            number += 1
            continue
        end = number + 2
        while end < len(lines) and lines[end].strip() and "|" in lines[end]:
            end += 1
        rows = [cells(line) for line in lines[number + 2 : end]]
        found.append(Table(cells(lines[number]), align, rows, (number, end)))
        number = end
    return found


def cells(line: str) -> list[str]:
    """The cells of a row, without outer blanks; an escaped bar stands for a bar."""
    line = line.strip()
    bars = [mark.start() for mark in _BAR.finditer(line) if mark.group() == "|"]
    edges = [-1, *bars, len(line)]
    found = [line[left + 1 : right].strip() for left, right in pairwise(edges)]
    found = found[1:] if line.startswith("|") else found
    found = found[:-1] if bars and bars[-1] == len(line) - 1 and found else found
    return [cell.replace(r"\|", "|") for cell in found]


def _separator(line: str) -> list[str] | None:
    if "-" not in line or set(line) - set("|:- \t\r"):
        return None
    found = cells(line)
    if not all(re.fullmatch(r":?-+:?", cell) for cell in found):
        return None
    return [_ALIGNMENT[cell.startswith(":"), cell.endswith(":")] for cell in found]


def table(
    text: str,
    *,
    columns: list[str] | None = None,
    rows: int | None = None,
    min_rows: int | None = None,
    max_rows: int | None = None,
    align: list[Literal["", "left", "right", "center"]] | None = None,
    cells: list[list[str]] | None = None,
    filled: bool = False,
    only: bool = False,
) -> str:
    """One table, with these column names in this order, so many rows, each with a cell for every column.

    align   how each column is aligned; "" for one whose separator has no colon
    cells   what stands in every row, in order
    filled  no cell is empty
    only    nothing stands outside the table
    """
    if columns is not None and align is not None and len(columns) != len(align):
        raise WrongAnswer(f"table: {len(columns)} columns and {len(align)} alignments")
    found = tables(text)
    if len(found) != 1:
        return f"{len(found)} tables, not one"
    one = found[0]
    if columns is not None and one.header != columns:
        return f"the columns are {printable(', '.join(one.header))}, not {printable(', '.join(columns))}"
    for number, row in enumerate(one.rows, 1):
        if len(row) != len(one.header):
            return f"row {number} has {len(row)} cells, not {len(one.header)}"
        if filled and not all(row):
            return f"row {number} has an empty cell"
    if align is not None and one.align != align:
        return f"the columns are aligned {one.align}, not {align}"
    if fault := _row_fault(one.rows, rows, min_rows, max_rows, cells):
        return fault
    around = plain_lines(text)
    if only and any(line.strip() for line in [*around[: one.lines[0]], *around[one.lines[1] :]]):
        return "text outside the table"
    return ""


def _row_fault(
    found: list[list[str]], exact: int | None, least: int | None, most: int | None, cells: list[list[str]] | None
) -> str:
    if exact is not None and len(found) != exact:
        return f"{len(found)} rows, not {exact}"
    if least is not None and len(found) < least:
        return f"{len(found)} rows, fewer than {least}"
    if most is not None and len(found) > most:
        return f"{len(found)} rows, more than {most}"
    if cells is None:
        return ""
    if len(found) != len(cells):
        return f"{len(found)} rows, not {len(cells)}"
    for number, (row, wanted) in enumerate(zip(found, cells, strict=True), 1):
        if row != wanted:
            return f"row {number} is {printable(' | '.join(row))!r}, not {printable(' | '.join(wanted))!r}"
    return ""
