"""Read a run's directory the way a report must: whatever is there, as far as it goes.

A run may still be going, may have been killed in the middle of a line, or may hold nothing yet. Lines that are not
whole JSON objects are left out and counted; a missing file is an empty one.

    record = read_run(Path("runs/countdown"))
    record.column("reward")        # [(1, 0.05), (2, 0.07), ...]
"""

import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Line = Mapping[str, Any]


@dataclass(frozen=True)
class RunRecord:
    """What was found. metrics and timing: one line a step, by step; evals: in the order they were made; rollouts:
    step and its lines, first and last steps only; bad_lines: lines that could not be read."""

    path: Path
    config: Mapping[str, Any] = field(default_factory=dict)
    config_text: str = ""
    objective: str = ""
    metrics: Sequence[Line] = ()
    timing: Sequence[Line] = ()
    evals: Sequence[Line] = ()
    rollouts: Sequence[tuple[int, Sequence[Line]]] = ()
    bad_lines: int = 0

    def column(self, name: str, source: str = "metrics") -> list[tuple[float, float]]:
        """(step, value) of one number, for the steps that have it; `source` is metrics or timing."""
        lines = self.metrics if source == "metrics" else self.timing
        return [(line["step"], value) for line in lines if (value := number(line.get(name))) is not None]

    def eval(self, when: str) -> Line | None:
        """The newest evaluation of that kind (before, during, after), or None."""
        return next((line for line in reversed(self.evals) if line.get("when") == when), None)

    def setting(self, section: str, name: str) -> Any:
        """One value of config.toml, or None."""
        table = self.config.get(section)
        return table.get(name) if isinstance(table, Mapping) else None

    @property
    def steps_planned(self) -> int | None:
        """Steps the run was asked for, where its configuration says."""
        value = number(self.setting("optim", "steps"))
        return None if value is None else int(value)

    @property
    def steps_done(self) -> int:
        """The newest step that was written."""
        return int(self.metrics[-1]["step"]) if self.metrics else 0


def read_run(path: Path, rollout_steps: int = 2) -> RunRecord:
    """The record of the run at `path`; `rollout_steps` is the number of steps taken from each end of its rollouts.
    Raises FileNotFoundError when `path` is not a directory."""
    if not path.is_dir():
        raise FileNotFoundError(f"no run at {str(path)!r}: a report needs the directory of a run, such as runs/NAME")
    metrics, bad_metrics = read_lines(path / "metrics.jsonl")
    timing, bad_timing = read_lines(path / "timing.jsonl")
    evals, bad_evals = read_lines(path / "eval.jsonl")
    rollouts, bad_rollouts = _read_rollouts(path / "rollouts", rollout_steps)
    config_text = _read_text(path / "config.toml")
    return RunRecord(
        path=path,
        config=_parse_toml(config_text),
        config_text=config_text,
        objective=_read_text(path / "objective.txt"),
        metrics=_by_step(metrics),
        timing=_by_step(timing),
        evals=evals,
        rollouts=rollouts,
        bad_lines=bad_metrics + bad_timing + bad_evals + bad_rollouts,
    )


def read_lines(path: Path) -> tuple[list[Line], int]:
    """The JSON objects of a .jsonl file, and how many lines were not one. A missing file holds none."""
    lines: list[Line] = []
    bad = 0
    for text in _read_text(path).split("\n"):
        if not text.strip():
            continue
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            line = None
        if isinstance(line, dict):
            lines.append(line)
        else:
            bad += 1
    return lines, bad


def number(value: object) -> float | None:
    """`value` as a finite float, or None for anything else (text, NaN, true)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        value = float(value)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


def _by_step(lines: Sequence[Line]) -> list[Line]:
    """Lines in order of their step, the last one written of each: a resumed run may have written a step twice."""
    steps = {int(step): line for line in lines if (step := number(line.get("step"))) is not None}
    return [steps[step] for step in sorted(steps)]


def _read_rollouts(folder: Path, ends: int) -> tuple[list[tuple[int, Sequence[Line]]], int]:
    files = {}
    for path in folder.glob("step-*.jsonl"):
        digits = path.stem.removeprefix("step-")
        if digits.isdecimal():
            files[int(digits)] = path
    steps = sorted(files)
    found: list[tuple[int, Sequence[Line]]] = []
    bad = 0
    for step in steps if len(steps) <= 2 * ends else [*steps[:ends], *steps[-ends:]]:
        lines, bad_here = read_lines(files[step])
        found.append((step, lines))
        bad += bad_here
    return found, bad


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def _parse_toml(text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}
