"""Write records as a markdown table: these columns, in this order, sorted, aligned.

answer       {"rules": [{"kind": "table", "columns": ["name", "age"], "cells": [["Ada", "34"], ...], "align": ["left",
             "right"], "only": true}]} (verifier `format`); no `align` where the prompt asks for none
in the tags  the table alone
meta         {"columns": [...], "cells": [[...], ...], "align": [...]}

The key is the table; the order in which the records are told belongs to neither key nor family.

    print(problem(random.Random(0), 1, style="terse").prompt)
"""

import random
from math import comb, perm
from typing import Any

from verigym.tasks.format.prose import CITIES, JOBS, NAMES
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

COLUMNS: dict[str, Any] = {"age": range(18, 90), "city": CITIES, "job": JOBS, "floor": range(1, 41)}
SHAPES = {1: (2, 1), 2: (3, 2), 3: (4, 2), 4: (5, 3)}
"""Level to how many records, and how many columns beside the name"""
ALIGNED = 3
"""the first level that asks for alignment"""
_COLONS = {"left": ":---", "right": "---:", "center": ":---:"}


def _space(rows: int, columns: int) -> int:
    """A lower bound: the names in order of the alphabet, and the values of the columns with the fewest."""
    return comb(len(NAMES), rows) * len(JOBS) ** (rows * columns) * perm(len(COLUMNS), columns)


LEVELS = {
    level: Level(
        f"{rows} rows, {columns + 1} columns" + (", aligned" if level >= ALIGNED else ""),
        space=_space(rows, columns),
        chance=1 / _space(rows, columns),
    )
    for level, (rows, columns) in SHAPES.items()
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """Names, columns, values and alignments evenly drawn."""
    rows, count = SHAPES[level]
    names = sorted(rng.sample(NAMES, rows))
    columns = ["name", *rng.sample(list(COLUMNS), count)]
    cells = [[name, *(str(rng.choice(COLUMNS[column])) for column in columns[1:])] for name in names]
    align = [rng.choice(list(_COLONS)) for _ in columns] if level >= ALIGNED else []
    told = list(cells)
    while told == cells:
        rng.shuffle(told)
    facts = "\n".join(
        f"{row[0]}: " + ", ".join(f"{column} {value}" for column, value in zip(columns[1:], row[1:], strict=True))
        for row in told
    )
    words = (
        f"{facts}\n\nWrite this as a markdown table and nothing else. Its columns are {', '.join(columns)}, in this "
        "order and spelt so; one row for each person, by name in the order of the alphabet."
        + (f" In the separator line, align the columns {', '.join(align)}." if align else "")
    )
    terse = ";".join(",".join(row) for row in told) + "|" + ",".join(columns) + "|" + "".join(one[0] for one in align)
    rule = {"kind": "table", "columns": columns, "cells": cells, "only": True, **({"align": align} if align else {})}
    return Problem(
        prompt=ask(style, words, terse, form="<answer>\n| ... |\n</answer>"),
        answer={"rules": [rule]},
        key=repr((columns, cells, align)),
        family=repr(cells),
        meta={"columns": columns, "cells": cells, "align": align},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The table."""
    columns, align = problem.meta["columns"], problem.meta["align"]
    separator = [_COLONS[one] for one in align] or ["---"] * len(columns)
    return answered(style, "\n" + "\n".join(map(_row, [columns, separator, *problem.meta["cells"]])) + "\n")


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


TASK = Generated("table", problem, LEVELS, oracle)
