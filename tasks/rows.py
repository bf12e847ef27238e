"""Data sets as tasks: rows of a Hub data set or of local files, checked when they are loaded.

    task = open_rows(Source("mine", path="rows.jsonl", prompt="question", answer="final"))
    task.problem(0, split="test"), task.notes       # ({"duplicates": 2, ...})

Rows with the same question (white space apart) are one problem: repeats are dropped and counted, and so are training rows that stand in
the test or validation split too. Where the source has no validation split, one is carved from train by a hash of the question, a tenth;
where it has a single unnamed split, that one is cut into all three. A gold answer is checked for being there and well formed; whether a
verifier accepts it is for the environment to check, by `oracle`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from verigym.tasks.problem import Address, Message, Problem
from verigym.tasks.sources import BadRow, Row, read_splits
from verigym.tasks.splits import SPLITS, SpaceTooSmall, split_of
from verigym.tasks.supply import Level

BOXED = "Reason step by step, and put your final answer inside \\boxed{}."
"""The instruction that data sets of mathematics end with."""


@dataclass(frozen=True)
class Source:
    """Where rows come from and what their fields mean.

    id           name of the task in addresses, and of the folder NAME/SPLIT.jsonl[.gz] or .parquet inside VERIGYM_DATA
    hub          Hub id, with `config` and `revision` where wanted
    path         a file or a folder that is read instead: .jsonl, .jsonl.gz or .parquet; a folder is split by file name
    prompt       field with the question: text, or chat messages
    answer       field with the gold answer; None where `gold` finds it in `solution`
    solution     field with a worked solution, shown by the oracle
    level        field with the level: a whole number, or text that ends in one
    gold         makes the answer from the field's value; raises ValueError with the reason where it cannot
    system       system message, if any
    instruction  text that follows the question after an empty line, if any
    upstream     our split to the name upstream, where they differ; a split left out does not exist
    """

    id: str
    hub: str = ""
    config: str | None = None
    revision: str | None = None
    path: str = ""
    prompt: str = "prompt"
    answer: str | None = "answer"
    solution: str | None = None
    level: str | None = None
    gold: Callable[[Any], Any] | None = None
    system: str = ""
    instruction: str = BOXED
    upstream: Mapping[str, str] | None = None
    version: int = 1


@dataclass(frozen=True)
class Rows:
    """A task whose problems are rows: see `Task`. An index beyond the end of a split begins again at its first row.

    notes   what was left out when the rows were loaded: counts of `duplicates`, of `leaks` (training rows that are held out too)
    """

    id: str
    rows: Mapping[str, Sequence[Problem]]
    levels: Mapping[int, Level]
    notes: Mapping[str, int] = field(default_factory=dict)
    version: int = 1
    default_split: str = "train"

    @property
    def splits(self) -> Sequence[str]:
        """The splits that have rows."""
        return tuple(self.rows)

    def size(self, split: str | None = None) -> int:
        """How many rows a split has."""
        return len(self._split(split))

    def problem(self, index: int, *, split: str | None = None, level: int | None = None) -> Problem:
        """The row at an index, of a level where one is given."""
        rows = self._level(split, level)
        return rows[index % len(rows)]

    def problems(self, n: int | None, *, split: str | None = None, level: int | None = None) -> list[Problem]:
        """The first `n` rows of a split, all of them when `n` is None. Raises SpaceTooSmall when there are fewer."""
        rows = self._level(split, level)
        if n is not None and n > len(rows):
            where = f"the {split or self.default_split} split of {self.id}" + (f" at level {level}" if level is not None else "")
            raise SpaceTooSmall(f"{where} has {len(rows)} problems, {n} were asked for; ask for {len(rows)} or fewer")
        return list(rows if n is None else rows[:n])

    def oracle(self, problem: Problem) -> str:
        """The gold solution where there is one, and the gold answer in a box."""
        solution = problem.meta.get("solution")
        boxed = f"\\boxed{{{problem.answer}}}"
        return f"{solution}\n\nThe answer is {boxed}." if solution else f"The answer is {boxed}."

    def _split(self, split: str | None) -> Sequence[Problem]:
        name = split if split is not None else self.default_split
        if name not in self.rows:
            raise KeyError(f"{self.id} has no split {name!r}; its splits are {', '.join(self.rows)}")
        return self.rows[name]

    def _level(self, split: str | None, level: int | None) -> Sequence[Problem]:
        rows = self._split(split)
        if level is None:
            return rows
        found = [row for row in rows if row.address is not None and row.address.level == level]
        if not found:
            raise KeyError(f"{self.id} has no level {level}; its levels are {', '.join(map(str, sorted(self.levels)))}")
        return found


def open_rows(source: Source, default_split: str | None = None) -> Rows:
    """The task that a source describes: every split read, checked, and freed of repeats and of leaks.

    Raises BadRow for a row that is not as described, NoData where nothing can be read at all."""
    drawn = {
        split: [(_problem(source, row), row) for row in rows]
        for split, rows in read_splits(source.id, source.hub, source.config, source.revision, source.path, source.upstream).items()
    }
    kept, notes = _separate(source.id, {split: [problem for problem, _ in rows] for split, rows in drawn.items()})
    if not kept:
        raise BadRow(f"{source.id}: there are no rows in {source.path or source.hub or source.id}")
    addressed = {
        split: [_at(problem, Address(source.id, source.version, split, problem.meta["level"], index)) for index, problem in enumerate(rows)]
        for split, rows in kept.items()
    }
    task = Rows(source.id, addressed, _levels(addressed), notes, source.version, default_split or next(iter(addressed)))
    task.size(default_split)
    return task


def _at(problem: Problem, address: Address) -> Problem:
    return Problem(problem.prompt, problem.answer, problem.key, problem.family, problem.meta, address)
