"""Data sets as tasks: rows of a Hub data set or of local files, checked when they are loaded.

    task = open_rows(Source("mine", path="rows.jsonl", prompt="question", answer="final"))
    task.problem(0), task.size("train"), task.notes      # notes: {"duplicates": 2, "conflicts": 0, "leaks": 1}

Rows with the same question (white space apart) are one problem: repeats are dropped and counted, and so are training
rows that stand in the validation or test split too. Where there is a train split and no validation split, a tenth of
train becomes one, by a hash of the question; a lone file whose name is no split's is cut into all three that way (say
`holds="test"` to keep it whole).

It does not grade: whether a gold answer is one that its verifier accepts is for the environment to check, with
`oracle`.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from math import isfinite
from re import search
from typing import Any

from verigym.tasks.problem import Address, Message, Problem
from verigym.tasks.sources import BadRow, Row, read_splits
from verigym.tasks.splits import SPLITS, SpaceTooSmall, split_of
from verigym.tasks.supply import Level, UnknownName

BOXED = "Reason step by step, and put your final answer inside \\boxed{}."
SHOWN_BAD_ROWS = 5
ROLES = ("system", "user", "assistant", "tool")


@dataclass(frozen=True)
class Source:
    """Where rows come from and what their fields mean.

    id           name of the task in addresses, and of its folder inside VERIGYM_DATA (NAME/SPLIT.jsonl, .jsonl.gz or
                 .parquet)
    hub          Hub id, with `config` and `revision` where wanted
    path         a file or a folder that is read instead: .jsonl, .jsonl.gz or .parquet; a folder is split by file name
    holds        the split that all rows of a lone file are, whatever its name
    upstream     our split names to the Hub's, where they differ; a split left out is not used
    prompt       field with the question: text, or chat messages
    answer       field with the gold answer: text, a number, a list or an object
    gold         makes the answer from that field's value; raises ValueError with the reason where it cannot
    solution     field with a worked solution, which the oracle shows, and `worked`, which cleans its text
    level        field with the level: a whole number, or text that ends in one; "?" and null are level 0
    system       system message, if any
    instruction  what follows the question after an empty line, if anything
    form         how the oracle gives the answer, which stands for ANSWER; it should be what `instruction` asks for
    """

    id: str
    hub: str = ""
    config: str | None = None
    revision: str | None = None
    path: str = ""
    holds: str = ""
    upstream: Mapping[str, str] | None = None
    prompt: str = "prompt"
    answer: str = "answer"
    gold: Callable[[Any], Any] | None = None
    solution: str | None = None
    worked: Callable[[str], str] | None = None
    level: str | None = None
    system: str = ""
    instruction: str = BOXED
    form: str = "\\boxed{ANSWER}"
    version: int = 1

    def __post_init__(self) -> None:
        if self.holds and self.holds not in SPLITS:
            near = get_close_matches(self.holds, SPLITS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"the splits are {', '.join(SPLITS)}"
            raise ValueError(f"holds={self.holds!r} is no split; {hint}")


@dataclass(frozen=True)
class Rows:
    """A task whose problems are rows (see `Task`). An index past the end of a split begins again at its first row; the
    index in an address counts within the level of the row.

    notes   what was left out: `duplicates` within a split, `conflicts` (those of them with another answer), `leaks`
            (rows of train that are held out too, or of validation that are in test)
    chances level to what a reply that does not look gets, where it is more than the share of the commonest answer
    """

    id: str
    rows: Mapping[str, Sequence[Problem]]
    notes: Mapping[str, int] = field(default_factory=dict)
    answer_form: str = "\\boxed{ANSWER}"
    version: int = 1
    default_split: str = "train"
    chances: Mapping[int, float] = field(default_factory=dict)

    @property
    def splits(self) -> Sequence[str]:
        """The splits that have rows."""
        return tuple(self.rows)

    @cached_property
    def levels(self) -> dict[int, Level]:
        """Each level with its number of rows and the share of its commonest answer; level 0 holds the rows without
        one."""
        answers: dict[int, list[str]] = {}
        for (_, level), rows in self._by_level.items():
            answers.setdefault(level, []).extend(_written(row.answer) for row in rows)
        common = {level: Counter(found).most_common(1)[0][1] / len(found) for level, found in answers.items()}
        return {
            level: Level(f"level {level}" if level else "all rows", len(found), self.chances.get(level, common[level]))
            for level, found in sorted(answers.items())
        }

    def size(self, split: str | None = None) -> int:
        """How many rows a split has."""
        return len(self._rows(split, None))

    def problem(self, index: int, *, split: str | None = None, level: int | None = None) -> Problem:
        """The row at an index of a split, or of one level of it."""
        rows = self._rows(split, level)
        return rows[index % len(rows)]

    def problems(self, n: int | None, *, split: str | None = None, level: int | None = None) -> list[Problem]:
        """The first `n` rows, all of them when `n` is None. Raises SpaceTooSmall when there are fewer."""
        rows = self._rows(split, level)
        if n is not None and n > len(rows):
            where = f"the {split or self.default_split} split of {self.id}" + (
                f" at level {level}" if level is not None else ""
            )
            raise SpaceTooSmall(f"{where} has {len(rows)} problems, {n} were asked for; ask for {len(rows)} or fewer")
        return list(rows if n is None else rows[:n])

    def form(self, problem: Problem, rng: random.Random) -> str | None:
        """None: a data set holds right answers only."""
        return None

    def oracle(self, problem: Problem) -> str | None:
        """The worked solution, where there is one, and the gold answer in its form; None for an answer that is not text
        and has none."""
        given = [problem.meta["solution"]] if "solution" in problem.meta else []
        if isinstance(problem.answer, str):
            given.append(f"The answer is {self.answer_form.replace('ANSWER', problem.answer)}")
        return "\n\n".join(given) or None

    @cached_property
    def _by_level(self) -> dict[tuple[str, int], list[Problem]]:
        found: dict[tuple[str, int], list[Problem]] = {}
        for split, rows in self.rows.items():
            for row in rows:
                found.setdefault((split, row.address.level if row.address else 0), []).append(row)
        return found

    def _rows(self, split: str | None, level: int | None) -> Sequence[Problem]:
        name = self.default_split if split is None else split
        if name not in self.rows:
            raise UnknownName(
                f"{self.id} has no split {name!r}; its splits are {', '.join(self.rows)}. "
                'To keep a file of your own whole as one split, say holds="test"'
            )
        if level is None:
            return self.rows[name]
        if (name, level) not in self._by_level:
            there = ", ".join(str(other) for split_name, other in sorted(self._by_level) if split_name == name)
            raise UnknownName(f"the {name} split of {self.id} has no level {level}; its levels are {there}")
        return self._by_level[name, level]


def open_rows(source: Source) -> Rows:
    """The task that a source describes: every split read and checked, repeats and leaks dropped.

    Raises BadRow, which names the rows that are not as described, and NoData (or ImportError) where nothing can be
    read."""
    raw = read_splits(
        source.id,
        hub=source.hub,
        config=source.config,
        revision=source.revision,
        path=source.path,
        upstream=source.upstream,
    )
    if source.holds:
        raw = {source.holds: [row for rows in raw.values() for row in rows]}
    found: dict[str, list[Problem]] = {}
    bad: list[str] = []
    for split, rows in raw.items():
        for row in rows:
            try:
                problem = _problem(source, row)
            except ValueError as error:
                bad.append(f"{row.file}, line {row.line}: {error}")
            else:
                found.setdefault(split, []).append(problem)
    if bad:
        more = f"\nand {len(bad) - SHOWN_BAD_ROWS} more" if len(bad) > SHOWN_BAD_ROWS else ""
        raise BadRow(
            f"{source.id}: {len(bad)} bad row{'s' * (len(bad) > 1)}\n" + "\n".join(bad[:SHOWN_BAD_ROWS]) + more
        )
    if not found:
        raise BadRow(f"{source.id}: {', '.join(sorted({source.path or source.hub or source.id}))} holds no rows")
    kept, notes = separate(found, source.id)
    return Rows(source.id, addressed(source, kept), notes, source.form, source.version, next(iter(kept)))


def _written(answer: Any) -> str:
    try:
        return str(answer)
    except ValueError:  # an int of more digits than Python writes; repr within a container meets the same bound
        return f"{type(answer).__name__} {id(answer)}"


def separate(found: Mapping[str, Sequence[Problem]], name: str) -> tuple[dict[str, list[Problem]], dict[str, int]]:
    """The rows by split, with every key in one split only. What is held out wins: test, then validation, then train."""
    notes = {"duplicates": 0, "conflicts": 0, "leaks": 0}
    home: dict[str, tuple[str, Problem]] = {}
    for split in sorted(found, key=("test", "validation", "train", "").index):
        for problem in found[split]:
            first_split, first = home.setdefault(problem.key, (split, problem))
            if first is problem:
                continue
            if first_split != split:
                notes["leaks"] += 1
            else:
                notes["duplicates"] += 1
                notes["conflicts"] += first.answer != problem.answer
    carve = "validation" not in found
    kept: dict[str, list[Problem]] = {split: [] for split in SPLITS}
    for split, problem in home.values():
        kept[_place(split, split_of(name, problem.family), carve)].append(problem)
    return {split: rows for split, rows in kept.items() if rows}, notes


def _place(split: str, drawn: str, carve: bool) -> str:
    """Where a row goes, given the split it came in ("" for a file that names none) and the one its hash would
    choose."""
    if split == "":
        return drawn
    return "validation" if split == "train" and carve and drawn == "validation" else split


def addressed(source: Source, kept: Mapping[str, Sequence[Problem]]) -> dict[str, list[Problem]]:
    addressed: dict[str, list[Problem]] = {}
    for split, rows in kept.items():
        seen: Counter[int] = Counter()
        addressed[split] = []
        for problem in rows:
            level = problem.meta["level"]
            address = Address(source.id, source.version, split, level, seen[level])
            addressed[split].append(replace(problem, address=address))
            seen[level] += 1
    return addressed


def _problem(source: Source, row: Row) -> Problem:
    """The problem that a row describes. Raises ValueError, with the field and what is wrong with it."""
    if row.problem:
        raise ValueError(row.problem)
    if not isinstance(row.record, dict):
        raise ValueError(f"is not a record but {_kind(row.record)}; each line must be a JSON object")
    question = _field(row.record, source.prompt)
    prompt, key = _prompt(source, question)
    meta: dict[str, Any] = {"level": _level(row.record, source.level), "row": f"{row.file}:{row.line}"}
    if source.solution:
        text = _field(row.record, source.solution)
        if not isinstance(text, str):
            raise ValueError(f"field {source.solution!r} is {_kind(text)}, not text")
        meta["solution"] = source.worked(text) if source.worked else text
    return Problem(prompt, _answer(source, _field(row.record, source.answer)), key, meta=meta)


def _field(record: Mapping[str, Any], name: str) -> Any:
    if name not in record:
        near = get_close_matches(name, list(record), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"field {name!r} is missing; the fields are {', '.join(map(repr, record)) or 'none'}{hint}")
    return record[name]


def _prompt(source: Source, question: Any) -> tuple[str | list[Message], str]:
    """The prompt with the instruction and the system message added, and the key, which leaves both out."""
    if isinstance(question, str):
        if not question.strip():
            raise ValueError(f"field {source.prompt!r} is empty")
        text = f"{question.strip()}\n\n{source.instruction}" if source.instruction else question.strip()
        key = " ".join(question.split())
        if not source.system:
            return text, key
        return [{"role": "system", "content": source.system}, {"role": "user", "content": text}], key
    messages = _messages(source.prompt, question)
    key = " ".join(" ".join(message["content"] for message in messages).split())
    if source.instruction:
        messages[-1]["content"] += f"\n\n{source.instruction}"
    if source.system:
        messages = [{"role": "system", "content": source.system}, *(m for m in messages if m["role"] != "system")]
    return messages, key


def _messages(name: str, value: Any) -> list[Message]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"field {name!r} is {_kind(value)}, not text and not chat messages")
    for message in value:
        fits = isinstance(message, dict) and message.get("role") in ROLES and isinstance(message.get("content"), str)
        if not fits:
            raise ValueError(
                f"field {name!r} holds a message that is no object with a `role` ({', '.join(ROLES)}) and a text "
                f"`content`"
            )
    if value[-1]["role"] != "user" or not value[-1]["content"].strip():
        raise ValueError(f"field {name!r} does not end in a message of the user with text in it")
    return [{"role": message["role"], "content": message["content"]} for message in value]


def _answer(source: Source, value: Any) -> Any:
    """The gold answer: text stripped, a number as text, a list or an object as it is."""
    if isinstance(value, bool) or value is None or (isinstance(value, float) and not isfinite(value)):
        raise ValueError(f"field {source.answer!r} is {_kind(value)}; an answer is text, a number, a list or an object")
    if source.gold is not None:
        try:
            value = source.gold(value)
        except ValueError as error:
            raise ValueError(f"field {source.answer!r}: {error}") from error
    answer = str(value).strip() if isinstance(value, (str, int, float)) else value
    if not answer:
        raise ValueError(f"field {source.answer!r} is empty")
    return answer


def _level(record: Mapping[str, Any], name: str | None) -> int:
    if name is None:
        return 0
    value = _field(record, name)
    if value is None or (isinstance(value, str) and value.strip().endswith("?")):
        return 0
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    number = search(r"([0-9]{1,6})\s*$", value) if isinstance(value, str) else None
    if number is None:
        raise ValueError(f"field {name!r} is {value!r}, not a level: a whole number, or text that ends in one")
    return int(number[1])


def _kind(value: Any) -> str:
    """What a value is, for a message."""
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return names.get(type(value), f"a {type(value).__name__}")
