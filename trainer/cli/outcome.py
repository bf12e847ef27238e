"""The last lines of a run: held-out scores before and after, with 95 % intervals, and their paired difference.

print(outcome(summary, run))
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from verigym.trainer.config import Run
from verigym.trainer.display import duration, interval, scores_of

if TYPE_CHECKING:
    from verigym.trainer.loop import Summary


def outcome(summary: "Summary", run: Run) -> str:
    """What a run came to, as a table with one row a score; where it stopped early, how to go on."""
    steps = f"{summary.steps} of {run.optim.steps} steps in {duration(summary.seconds)}"
    lines = [f"\n{steps}; the run is {summary.directory}"]
    if not summary.finished:
        lines.append(f"it is saved; go on with: verigym train --resume {summary.directory}")
    before, after = scores_of(summary.before), scores_of(summary.after)
    if before and after:
        lines.append(f"\n{'':<16}{'before':<24}{'after':<24}after - before, paired")
        differences = (summary.after or {}).get("paired") or {}
        for name, old in before.items():
            new, paired = after.get(name), differences.get(name)
            lines.append(
                f"{name:<16}{interval(*old):<24}{interval(*new) if new else '-':<24}{_difference(paired)}".rstrip()
            )
        lines.append(_fine_print(summary.after or {}, run))
    for record in (summary.before, summary.after):
        if record and record.get("note"):
            lines.append(f"no {record['when']} score: {record['note']}")
    return "\n".join(lines)


def _difference(paired: Mapping[str, Any] | None) -> str:
    return f"{paired['difference']:+.3f} [{paired['low']:+.3f}, {paired['high']:+.3f}]" if paired else ""


def _fine_print(record: Mapping[str, Any], run: Run) -> str:
    samples = (
        f", {record['samples']} samples each at temperature {record['temperature']:g}" if record.get("samples") else ""
    )
    where = f"{record['problems']} held-out {record['split']} problems of {run.problems.env}"
    return f"{where}{samples}; [95 % intervals]"
