"""IFEval: prompts whose instructions a program can check (arXiv:2311.07911), as a task.

    task = open_instructions(INSTRUCTION_SETS["ifeval"])                 # from VERIGYM_DATA or the Hub
    task = load("ifeval", path="prompts.jsonl.gz")                       # the same through the catalogue, from a file

A row holds `prompt`, `instruction_id_list` and `kwargs`, one object for each instruction, as upstream has them; a None
among the kwargs (the Hub's table has a column for every argument) counts as not given. `Problem.answer` is what the
verifier `ifeval` takes. The level is the number of instructions. There are no gold replies, so there is no oracle. The
published set is one for evaluation and is all `test`, whatever its file is called; `holds=""` splits rows of your own
by their file names, or by a hash.

Many instructions are easily followed by a reply that does not look at the prompt: one fixed line follows all of 27 % of
the published prompts, and the prompt itself, repeated, 23 % (strict). `chances` declares it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from verigym.tasks.problem import Message, Problem
from verigym.tasks.rows import SHOWN_BAD_ROWS, Rows, Source, addressed, separate
from verigym.tasks.sources import BadRow, Row, read_splits


@dataclass(frozen=True)
class InstructionSource:
    """Where rows of instructions come from (see `verigym.tasks.rows.Source`).

    holds     the split that all rows are, whatever their file is called
    upstream  our split names to the Hub's, where they differ
    system    system message, if any
    chances   by the number of instructions, how often one fixed reply follows them all
    """

    id: str
    hub: str = ""
    config: str | None = None
    revision: str | None = None
    path: str = ""
    holds: str = ""
    upstream: Mapping[str, str] | None = None
    system: str = ""
    chances: Mapping[int, float] = field(default_factory=dict)
    version: int = 1


INSTRUCTION_SETS: dict[str, InstructionSource] = {
    "ifeval": InstructionSource(
        "ifeval",
        hub="google/IFEval",
        holds="test",
        upstream={"test": "train"},
        chances={
            1: 0.39,
            2: 0.15,
            3: 0.16,
        },  # measured: the best of a dozen fixed replies that hold a bit of everything
    ),
}


def open_instructions(source: InstructionSource) -> Rows:
    """The task that a source describes. Raises BadRow, which names the rows that cannot be read and why, and NoData (or
    ImportError) where there are none."""
    raw = read_splits(
        source.id,
        hub=source.hub,
        config=source.config,
        revision=source.revision,
        path=source.path,
        upstream=source.upstream,
    )
    found: dict[str, list[Problem]] = {}
    bad: list[str] = []
    for split, rows in raw.items():
        for row in rows:
            try:
                found.setdefault(source.holds or split, []).append(_problem(source, row))
            except ValueError as failure:
                bad.append(f"{row.file}, line {row.line}: {failure}")
    if bad:
        more = f"\nand {len(bad) - SHOWN_BAD_ROWS} more" if len(bad) > SHOWN_BAD_ROWS else ""
        raise BadRow(
            f"{source.id}: {len(bad)} bad row{'s' * (len(bad) > 1)}\n" + "\n".join(bad[:SHOWN_BAD_ROWS]) + more
        )
    if not any(found.values()):
        raise BadRow(f"{source.id}: {source.path or source.hub} holds no rows")
    kept, notes = separate(found, source.id)
    split_rows = addressed(Source(source.id, version=source.version), kept)
    return Rows(source.id, split_rows, notes, "", source.version, next(iter(kept)), source.chances)


def _problem(source: InstructionSource, row: Row) -> Problem:
    """The problem that a row describes. Raises ValueError, with the field and what is wrong with it."""
    if row.problem:
        raise ValueError(row.problem)
    if not isinstance(row.record, dict):
        raise ValueError(f"is not a record but {row.record!r:.40}; each line must be a JSON object")
    text = row.record.get("prompt")
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"field 'prompt' is {text!r:.40}, not text")
    answer = {**_instructions(row.record), "prompt": text}
    prompt: str | list[Message] = text.strip()
    if source.system:
        prompt = [{"role": "system", "content": source.system}, {"role": "user", "content": text.strip()}]
    meta = {"level": len(answer["instruction_id_list"]), "row": f"{row.file}:{row.line}"}
    if "key" in row.record:
        meta["key"] = row.record["key"]
    return Problem(prompt, answer, " ".join(text.split()), meta=meta)


def _instructions(record: Mapping[str, Any]) -> dict[str, Any]:
    ids, kwargs = record.get("instruction_id_list"), record.get("kwargs")
    if not isinstance(ids, list) or not ids or not all(isinstance(one, str) for one in ids):
        raise ValueError(f"field 'instruction_id_list' is {ids!r:.40}, not a list of texts")
    if not isinstance(kwargs, list) or not all(isinstance(one, dict) for one in kwargs):
        raise ValueError(f"field 'kwargs' is {kwargs!r:.40}, not a list of objects")
    if len(ids) != len(kwargs):
        raise ValueError(f"{len(ids)} instructions and {len(kwargs)} kwargs; each instruction needs its own")
    given = [{name: value for name, value in one.items() if value is not None} for one in kwargs]
    return {"instruction_id_list": ids, "kwargs": given}
