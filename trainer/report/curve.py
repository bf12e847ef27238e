"""The picture of a learning curve over several seeds: held-out greedy pass@1 with 95 % intervals.

write_curve([Path("runs/s0"), Path("runs/s1"), Path("runs/s2")], Path("curve.svg"))
"""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Literal

from verigym.trainer.config import require
from verigym.trainer.report.charts import (
    AMBER,
    BLUE,
    INK,
    MUTED,
    RED,
    TEAL,
    VIOLET,
    Series,
    canvas,
    draw_series,
    finish_axes,
    legend,
)
from verigym.trainer.report.read import RunRecord, number, read_run

Curve = list[tuple[float, float, float, float]]
COLOURS = (BLUE, TEAL, AMBER, VIOLET, RED)


def held_out(record: RunRecord) -> Curve:
    """(step, pass@1, low, high) of every greedy evaluation, in order of the steps. Where a step was measured twice the
    measurement while training stands, so that the curve stays on one split as far as it can."""
    found: dict[float, tuple[float, float, float, float]] = {}
    for line in sorted(record.evals, key=lambda line: line.get("when") != "during"):
        point = greedy(line)
        step = number(line.get("step"))
        if point and step is not None:
            found.setdefault(step, (step, *point))
    return [found[step] for step in sorted(found)]


def greedy(line: object) -> tuple[float, float, float] | None:
    """(pass@1, low, high) of one line of eval.jsonl, or None where it has no such numbers."""
    table = line.get("greedy") if isinstance(line, dict) else None
    if not isinstance(table, dict):
        return None
    value = number(table.get("pass@1"))
    low, high = number(table.get("low")), number(table.get("high"))
    return None if value is None else (value, value if low is None else low, value if high is None else high)


def in_seconds(record: RunRecord, curve: Curve) -> Curve:
    """The same curve over seconds of training: the time of all steps up to a point (evaluations and the warm-up not
    counted)."""
    steps = [step for step, _ in record.column("seconds", "timing")]
    ends = list(accumulate(seconds for _, seconds in record.column("seconds", "timing")))
    reached = [max((end for step, end in zip(steps, ends, strict=True) if step <= at), default=0.0) for at, *_ in curve]
    return [(seconds, *point[1:]) for seconds, point in zip(reached, curve, strict=True)]


def write_curve(
    run_dirs: Sequence[Path], path: Path, *, x: Literal["seconds", "steps"] = "seconds", title: str = ""
) -> Path:
    """Draw the held-out greedy pass@1 of each run, one colour a run, its 95 % interval as a band, over seconds of
    training or steps. The ending of `path` decides the format (.svg, .png). Raises FileNotFoundError for a run that
    is not there, ConfigError for one without evaluations."""
    with canvas((7.2, 3.6)) as figure:
        axes = figure.subplots()
        for i, run_dir in enumerate(run_dirs):
            record = read_run(Path(run_dir))
            curve = held_out(record)
            require(
                bool(curve),
                f"{str(run_dir)!r} holds no evaluation yet, so it has no curve; leave it out, or set --eval-every",
            )
            if x == "seconds":
                curve = in_seconds(record, curve)
            seed = record.setting("keep", "seed")
            label = f"seed {seed}" if seed is not None else record.path.name
            points, band = [(at, value) for at, value, _, _ in curve], [(at, low, high) for at, _, low, high in curve]
            draw_series(axes, Series(label, points, COLOURS[i % len(COLOURS)], band))
        finish_axes(axes, percent=True)
        axes.set_ylim(0, 1)
        axes.set_xlabel("seconds of training" if x == "seconds" else "step")
        axes.set_ylabel("held-out pass@1, greedy", color=MUTED)
        legend(axes)
        if title:
            figure.suptitle(title, color=INK, fontsize=11, x=0.02, ha="left")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=160, facecolor="white", metadata={"Date": None} if path.suffix == ".svg" else None)
    return path
