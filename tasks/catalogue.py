"""The built-in tasks by name, and `load`, which opens any of them, a Hub data set or a local file.

    load("countdown", level=2).problem(0)                                # generated
    load("gsm8k", split="test").problem(0)                               # rows; `VERIGYM_DATA` or the Hub
    load("my/rows.jsonl", prompt="question", answer="final")             # rows of one's own

What a verifier finds in `Problem.answer`, always plain JSON data, and what stands in the reply between `<answer>` and
`</answer>` (data sets: inside the last `\\boxed{}`). Each module's docstring says the same at more length.

| id            | verifier   | answer                                                     | in the tags              |
|---------------|------------|------------------------------------------------------------|--------------------------|
| countdown     | expression | {"numbers": [25, 3, 17], "target": 11,                     | 3 + 25 - 17              |
|               |            | "operators": "+-*/"}                                       |                          |
| arithmetic    | number     | "57": an integer in decimal, maybe negative                | 57                       |
| bases         | exact      | "1f": digits 0-9a-z, lower case, no prefix                 | 1f                       |
| modular       | number     | "6": an integer from 0 up to the modulus                   | 6                        |
| word-problems | number     | "42": a positive integer                                   | 42                       |
| fractions,    | number     | "-7/3": a whole number or a fraction in lowest terms       | -7/3, or an exact        |
| linear-       |            |                                                            | decimal                  |
| equations,    |            |                                                            |                          |
| integrals,    |            |                                                            |                          |
| sequences,    |            |                                                            |                          |
| probability,  |            |                                                            |                          |
| percent-and-  |            |                                                            |                          |
| rates, units, |            |                                                            |                          |
| averages      |            |                                                            |                          |
| number-theory,| number     | "12": a whole number, 0 or positive                        | 12                       |
| counting      |            |                                                            |                          |
| systems       | sequence   | ["3", "-7/2"]: the unknowns in their order                 | 3, -7/2                  |
| polynomials   | sequence   | ["6", "-5", "0"]: coefficients, the highest power first    | 6, -5, 0                 |
| matrices      | sequence   | ["19", "-7/2", ...]: the entries row by row                | 19, -7/2, ...            |
| quadratics    | math       | "2 - \\sqrt{3}, 2 + \\sqrt{3}": both solutions             | in any form and order    |
| derivatives   | math       | "12x^3 - 5": a formula in x                                | in any equal form        |
| geometry      | math       | "2\\sqrt{13}", "9\\pi": the exact value                    | in any exact form        |
| roman         | exact      | "1987" or "MCMLXXXVII"                                     | MCMLXXXVII               |
| reverse       | exact      | "cba": no spaces                                           | cba                      |
| sort          | exact      | "3 17 25": numbers separated by single spaces              | 3 17 25                  |
| brackets      | exact      | "}])": the closing brackets that are missing, no spaces    | }])                      |
| knights       | assignment | {"solution": {"Ann": "knight", "Bob": "knave"}}            | Ann: knight, Bob: knave  |
| sudoku        | sudoku     | {"grid": [[1, 0, 0, 4], ...]}: 4 rows of 4, 0 is blank     | 16 digits, row by row    |
| path          | path       | {"grid": ["..#", "...", "#.."], "start": [0, 0],           | RDDR (up U, down D, left |
|               |            | "goal": [2, 2], "length": 4}: row, column from the top     | L, right R): any         |
|               |            | left                                                       | shortest path            |
| graph-coloring| graph      | {"kind": "colouring", "nodes": ["A", ...], "edges":        | A: red, B: blue: any     |
|               |            | [["A", "B"], ...], "colours": ["red", ...]}                | right colouring          |
| shortest-path | graph      | {"kind": "path", "edges": [["A", "B", 3], ...],            | A -> C -> F: any         |
|               |            | "start": "A", "goal": "F", "most": 7}                      | shortest way             |
| topological-  | graph      | {"kind": "order", "nodes": [...], "edges": [["A", "C"],    | B, A, C: any right order |
| order         |            | ...]}: A before C                                          |                          |
| spanning-tree | graph      | {"kind": "tree", "edges": [["A", "B", 3], ...],            | A-B, B-D: any cheapest   |
|               |            | "most": 11}                                                | tree                     |
| schedule      | schedule   | {"jobs": {"A": 3}, "before": [["A", "B"]], "resources":    | A: 0, B: 3: any plan in  |
|               |            | {"workers": 2}, "needs": {...}, "deadline": 9}             | time                     |
| zebra         | assignment | {"names": ["Ann", "cat", ...], "values": ["1", ...],       | Ann: 1, cat: 2           |
|               |            | "rules": [["next", "Ann", "cat"], ...]}                    |                          |
| queens        | queens     | {"size": 8, "given": [[0, 3], ...]}: row, column from 0    | 4 2 7 3 6 8 5 1: columns |
|               |            |                                                            | from 1, row by row       |
| sudoku-9      | sudoku     | {"grid": [[5, 3, 0, ...], ...]}: 9 rows of 9, 0 is blank   | 81 digits, row by row    |
| sat           | sat        | {"names": ["p", ...], "clauses": [["p", "-q", "r"], ...]}  | p: true, q: false        |
| subset-sum    | subset-sum | {"numbers": [3, 5, 9], "target": 12}                       | 3, 9: any right choice   |
| knapsack      | knapsack   | {"items": {"cup": [3, 5], ...}, "capacity": 10,            | cup, pen: any choice     |
|               |            | "least": 15}: weight, worth                                | worth as much            |
| transitive-   | choice     | {"choice": "B", "options": ["Ann", "Bob", ...]}            | B                        |
| order         |            |                                                            |                          |
| truth-table   | exact      | "1011": a digit for each row, no spaces                    | 1011                     |
| calendar      | exact      | ["Tuesday", "tuesday"], "2031-05-17" or "45"               | Tuesday                  |
| letter-count  | sequence   | ["3", "0"]: in the order asked for                         | 3, 0                     |
| string-rules  | exact      | "cabd": no spaces                                          | cabd                     |
| set-operations| set        | ["3", "7"]: at least two numbers                           | 3, 7: in any order       |
| list-programs | program    | {"cases": [[[3, 1], [1, 3]], ...], "hidden": [the same]}   | sort \\| take 3 (code/dsl) |
| python-programs,| code     | {"entry_point": "f", "calls": [{"args": [[3, 1]],          | none: a ```python block, |
| bug-repair    |            | "output": [1, 3]}, ...]}: hidden calls                     | or (terse) the program   |
| output-       | exact      | ["[1, 3]", "[1,3]"]: the value as Python writes it, in     | [1, 3]                   |
| prediction    |            | every form that counts                                     |                          |
| gsm8k         | number     | "18": commas stripped                                      | 18 (boxed)               |
| math, math500 | math       | the gold LaTeX, such as "\\\\frac{1}{2}"                     | 0.5 (boxed)              |
| aime24, aime25| number     | "204": an integer from 0 to 999, no leading zeros          | 204 (boxed)              |
| humaneval     | code       | {"entry_point": "f", "test": "def check(candidate): ...",  | none: a ```python block  |
|               |            | "prompt": the stub}                                        |                          |
| mbpp, mbpp_   | code       | {"entry_point": "f", "tests": ["assert f(2) == 4", ...],   | none: a ```python block  |
| sanitized     |            | "setup": "import math" where there is any}                 |                          |
| apps, taco,   | code       | {"stdin": [{"input": "2\\n", "output": "4\\n"}, ...]}, or  | none: a ```python block  |
| livecodebench,|            | {"entry_point": "Solution.f", "calls": [{"args": [2],      |                          |
| code_contests |            | "output": 4}, ...]}                                        |                          |
| json-record,  | format     | {"rules": [{"kind": "json_schema", "schema": ...}, ...]}:  | what the prompt asks     |
| table,        |            | the rules that the text in the tags must keep              | for: any text that keeps |
| outline,      |            |                                                            | the rules                |
| citations,    |            |                                                            |                          |
| constraints,  |            |                                                            |                          |
| acrostic,     |            |                                                            |                          |
| sentence-shape|            |                                                            |                          |
| ifeval        | ifeval     | {"instruction_id_list": ["punctuation:no_comma", ...],     | none: the whole reply    |
|               |            | "kwargs": [{}, ...], "prompt": ...}                        |                          |
| rows at large | yours      | the text, number (as text) or plain data of the field      | as you asked for         |
"""

from collections.abc import Collection
from dataclasses import fields, replace
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from verigym.tasks.supply import Generated, Task, UnknownName

GENERATED = {
    "countdown": "verigym.tasks.math.countdown:TASK",
    "arithmetic": "verigym.tasks.math.arithmetic:TASK",
    "bases": "verigym.tasks.math.bases:TASK",
    "modular": "verigym.tasks.math.modular:TASK",
    "word-problems": "verigym.tasks.math.word_problems:TASK",
    "linear-equations": "verigym.tasks.math.linear_equations:TASK",
    "systems": "verigym.tasks.math.systems:TASK",
    "quadratics": "verigym.tasks.math.quadratics:TASK",
    "polynomials": "verigym.tasks.math.polynomials:TASK",
    "fractions": "verigym.tasks.math.fraction_arithmetic:TASK",
    "derivatives": "verigym.tasks.math.derivatives:TASK",
    "integrals": "verigym.tasks.math.integrals:TASK",
    "number-theory": "verigym.tasks.math.number_theory:TASK",
    "sequences": "verigym.tasks.math.sequences:TASK",
    "probability": "verigym.tasks.math.probability:TASK",
    "geometry": "verigym.tasks.math.geometry:TASK",
    "percent-and-rates": "verigym.tasks.math.percent_and_rates:TASK",
    "matrices": "verigym.tasks.math.matrices:TASK",
    "units": "verigym.tasks.math.units:TASK",
    "counting": "verigym.tasks.math.counting:TASK",
    "averages": "verigym.tasks.math.averages:TASK",
    "roman": "verigym.tasks.math.roman:TASK",
    "reverse": "verigym.tasks.logic.reverse:TASK",
    "sort": "verigym.tasks.logic.sort:TASK",
    "brackets": "verigym.tasks.logic.brackets:TASK",
    "knights": "verigym.tasks.logic.knights:TASK",
    "sudoku": "verigym.tasks.logic.sudoku:TASK",
    "path": "verigym.tasks.logic.path:TASK",
    "graph-coloring": "verigym.tasks.logic.graph_coloring:TASK",
    "shortest-path": "verigym.tasks.logic.shortest_path:TASK",
    "topological-order": "verigym.tasks.logic.topological_order:TASK",
    "spanning-tree": "verigym.tasks.logic.spanning_tree:TASK",
    "schedule": "verigym.tasks.logic.schedule:TASK",
    "zebra": "verigym.tasks.logic.zebra:TASK",
    "queens": "verigym.tasks.logic.queens:TASK",
    "sudoku-9": "verigym.tasks.logic.sudoku_nine:TASK",
    "sat": "verigym.tasks.logic.sat:TASK",
    "subset-sum": "verigym.tasks.logic.subset_sum:TASK",
    "knapsack": "verigym.tasks.logic.knapsack:TASK",
    "transitive-order": "verigym.tasks.logic.transitive_order:TASK",
    "truth-table": "verigym.tasks.logic.truth_table:TASK",
    "calendar": "verigym.tasks.logic.calendar:TASK",
    "letter-count": "verigym.tasks.logic.letter_count:TASK",
    "string-rules": "verigym.tasks.logic.string_rules:TASK",
    "set-operations": "verigym.tasks.logic.set_operations:TASK",
    "list-programs": "verigym.tasks.code.list_programs:TASK",
    "python-programs": "verigym.tasks.code.programs:TASK",
    "output-prediction": "verigym.tasks.code.prediction:TASK",
    "bug-repair": "verigym.tasks.code.repair:TASK",
    "json-record": "verigym.tasks.format.json_record:TASK",
    "table": "verigym.tasks.format.table:TASK",
    "outline": "verigym.tasks.format.outline:TASK",
    "citations": "verigym.tasks.format.citations:TASK",
    "constraints": "verigym.tasks.format.constraints:TASK",
    "acrostic": "verigym.tasks.format.acrostic:TASK",
    "sentence-shape": "verigym.tasks.format.sentence_shape:TASK",
}
"""Generated tasks: id to where it is."""

DATASETS = (
    "gsm8k",
    "math",
    "math500",
    "aime24",
    "aime25",
    "humaneval",
    "mbpp",
    "mbpp_sanitized",
    "apps",
    "livecodebench",
    "taco",
    "code_contests",
    "ifeval",
)
"""Data sets known by name; their fields are in `math/sets.py`, `format/sets.py` and, those of programs,
`code/sets.py`."""


def task_ids() -> list[str]:
    """The names of all built-in tasks: generators, then data sets."""
    return [*GENERATED, *DATASETS]


def load(name: str, split: str | None = None, **options: Any) -> Task:
    """The task of a name: a built-in one, a Hub id (`owner/name`), or a path (.jsonl, .jsonl.gz, .parquet, or a folder
    of them).

    split      the split that the task gives when none is named
    options    for a generator: `level`, the level it gives when none is named, and its own, such as style="terse"; for
               rows: any field of `Source`, such as prompt="question", answer="final", level="difficulty", path=...,
               system=..., instruction=...; for data sets of programs: any field of `CodeSource`, such as path=...,
               max_tests=...; for ifeval: any field of `InstructionSource`

    Raises UnknownName (a KeyError) with the nearest name; TypeError for an option that the task does not have; KeyError
    for a split it does not have; BadRow and NoData as `open_rows` does."""
    task = _generated(name, options) if name in GENERATED else _rows(name, options)
    if split is None:
        return task
    if split not in task.splits:
        raise UnknownName(f"{name} has no split {split!r}; {_nearest(split, task.splits, 'its splits are')}")
    return replace(task, default_split=split)


def _generated(name: str, options: dict[str, Any]) -> Generated:
    from inspect import signature

    module, _, attribute = GENERATED[name].partition(":")
    task: Generated = getattr(import_module(module), attribute)
    known = ["level", *list(signature(task.make_problem).parameters)[2:]]
    _check_options(name, options, known)
    chosen = dict(options)
    level = chosen.pop("level", None)
    if "style" in chosen:
        from verigym.tasks.wording import check_style

        check_style(chosen["style"])
    if level is not None and level not in task.levels:
        raise UnknownName(f"{name} has no level {level!r}; its levels are {', '.join(map(str, sorted(task.levels)))}")
    return replace(task.with_options(**chosen), default_level=level if level is not None else task.default_level)


def _rows(name: str, options: dict[str, Any]) -> Any:
    from verigym.tasks.rows import Source, open_rows
    from verigym.tasks.sources import SUFFIXES, is_data_path

    if name in DATASETS:
        from verigym.tasks.format.sets import INSTRUCTION_SETS
        from verigym.tasks.math.sets import SOURCES

        if name in INSTRUCTION_SETS:
            return _instruction_rows(name, options)
        if name not in SOURCES:
            return _code_rows(name, options)
        source = SOURCES[name]
    elif is_data_path(name):
        stem = name.rstrip("/").rpartition("/")[2]
        source = Source(next((stem[: -len(end)] for end in SUFFIXES if stem.endswith(end)), stem), path=name)
    elif name.count("/") == 1 and all(name.split("/")):
        source = Source(name, hub=name)
    else:
        raise UnknownName(
            f"no task {name!r}; {_nearest(name, task_ids(), 'the tasks are')} "
            "(a Hub id has the form owner/name, a file ends in .jsonl, .jsonl.gz or .parquet)"
        )
    _check_options(name, options, [field.name for field in fields(Source) if field.name != "id"])
    return open_rows(replace(source, **options))


def _code_rows(name: str, options: dict[str, Any]) -> Any:
    from verigym.tasks.code.sets import SETS, CodeSource, open_set

    _check_options(name, options, [field.name for field in fields(CodeSource) if field.name not in ("id", "read")])
    return open_set(replace(SETS[name], **options))


def _instruction_rows(name: str, options: dict[str, Any]) -> Any:
    from verigym.tasks.format.sets import INSTRUCTION_SETS, InstructionSource, open_instructions

    _check_options(name, options, [field.name for field in fields(InstructionSource) if field.name != "id"])
    return open_instructions(replace(INSTRUCTION_SETS[name], **options))


def _check_options(name: str, options: Collection[str], known: Collection[str]) -> None:
    for option in options:
        if option not in known:
            raise TypeError(f"{name} has no option {option!r}; {_nearest(option, known, 'its options are')}")


def _nearest(wrong: str, known: Collection[str], otherwise: str) -> str:
    near = get_close_matches(wrong, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"{otherwise} {', '.join(known)}"
