"""What is seen while a run goes on: a live panel on a terminal, one line a step elsewhere, nothing at all.

A display is told of events and keeps no clock: times come with the events. It never reads the run's files and never
decides anything.

    display = choose(sys.stdout)
    display.step({"step": 1, "reward": 0.25}, {"seconds": 1.5, "tokens_per_s": 4000.0}, 100)
"""

import os
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from verigym.trainer.config import Run

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

RECENT = 20
"""Steps over which the time left is estimated."""

BLOCKS, PLAIN_BLOCKS = "▁▂▃▄▅▆▇█", "_.-=+*%#"


class Display(Protocol):
    """What a run reports to. Records are those of metrics.jsonl, timing.jsonl and eval.jsonl."""

    def start(self, run: Run, objective_text: str, directory: Path) -> None:
        """A run begins."""

    def phase(self, text: str) -> None:
        """What is being done now, or what is left to say after the end."""

    def warn(self, text: str) -> None:
        """Something that a person should look at; it stays to be read."""

    def step(self, metrics: Mapping[str, Any], timing: Mapping[str, Any], steps_total: int) -> None:
        """A step is done."""

    def evaluation(self, record: Mapping[str, Any]) -> None:
        """A held-out score is known."""

    def end(self, summary: object) -> None:
        """The run is over."""

    def close(self) -> None:
        """Gives the terminal back; also after an error, and more than once."""


class SilentDisplay:
    """Says nothing."""

    def start(self, run: Run, objective_text: str, directory: Path) -> None: ...
    def phase(self, text: str) -> None: ...
    def warn(self, text: str) -> None: ...
    def step(self, metrics: Mapping[str, Any], timing: Mapping[str, Any], steps_total: int) -> None: ...
    def evaluation(self, record: Mapping[str, Any]) -> None: ...
    def end(self, summary: object) -> None: ...
    def close(self) -> None: ...


SILENT = SilentDisplay()


class Progress:
    """What both displays remember: the newest records, the held-out scores so far, recent step times."""

    def __init__(self) -> None:
        self.metrics: Mapping[str, Any] = {}
        self.timing: Mapping[str, Any] = {}
        self.steps_total = 0
        self.rewards: list[float] = []
        self.held_out: list[tuple[int, float]] = []
        self._seconds: deque[float] = deque(maxlen=RECENT)

    def step(self, metrics: Mapping[str, Any], timing: Mapping[str, Any], steps_total: int) -> None:
        self.metrics, self.timing, self.steps_total = metrics, timing, steps_total
        if metrics.get("reward") is not None:
            self.rewards.append(metrics["reward"])
        if timing.get("seconds") is not None:
            self._seconds.append(timing["seconds"])

    def evaluation(self, record: Mapping[str, Any]) -> None:
        score = headline(record)
        if score is not None:
            self.held_out.append((record["step"], score))

    @property
    def seconds_left(self) -> float | None:
        """Steps that remain at the pace of the recent ones; evaluations come on top."""
        if not self._seconds:
            return None
        return (self.steps_total - self.metrics["step"]) * sum(self._seconds) / len(self._seconds)

    @property
    def newest_score(self) -> float | None:
        return self.held_out[-1][1] if self.held_out else None


class LogDisplay:
    """One line a step, in columns, for files and pipes."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._progress = Progress()

    def start(self, run: Run, objective_text: str, directory: Path) -> None:
        self._say(f"run {directory}: {title(run)}")
        self._say(objective_text.rstrip())

    def phase(self, text: str) -> None:
        self._say(f"phase {text}")

    def warn(self, text: str) -> None:
        self._say(f"warning: {text}")

    def step(self, metrics: Mapping[str, Any], timing: Mapping[str, Any], steps_total: int) -> None:
        self._progress.step(metrics, timing, steps_total)
        self._say(step_line(self._progress))

    def evaluation(self, record: Mapping[str, Any]) -> None:
        self._progress.evaluation(record)
        self._say(evaluation_line(record))

    def end(self, summary: object) -> None:
        self.close()

    def close(self) -> None:
        self._stream.flush()

    def _say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class LiveDisplay:
    """A panel that is drawn anew at every event; what has no place in it is printed above."""

    def __init__(self, console: "Console | None" = None) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = console or Console()
        self._progress = Progress()
        self._title = self._phase = ""
        self._live = Live(console=self._console, auto_refresh=False, get_renderable=self.render)

    def start(self, run: Run, objective_text: str, directory: Path) -> None:
        self._title = title(run)
        self._console.print(f"run {directory}", highlight=False, markup=False)
        self._console.print(objective_text.rstrip(), highlight=False, markup=False)
        self._live.start(refresh=True)

    def phase(self, text: str) -> None:
        self._phase = text
        if self._live.is_started:
            self._live.refresh()
        else:  # after the end there is no panel to say it
            self._console.print(text, highlight=False, markup=False)

    def warn(self, text: str) -> None:
        self._console.print(f"warning: {text}", highlight=False, markup=False, style="yellow")

    def step(self, metrics: Mapping[str, Any], timing: Mapping[str, Any], steps_total: int) -> None:
        self._progress.step(metrics, timing, steps_total)
        self._phase = "training"
        self._live.refresh()

    def evaluation(self, record: Mapping[str, Any]) -> None:
        self._progress.evaluation(record)
        self._console.print(evaluation_line(record), highlight=False, markup=False)

    def end(self, summary: object) -> None:
        self._phase = "done"
        self.close()

    def close(self) -> None:
        self._live.stop()

    def render(self) -> "RenderableType":
        """The panel as it stands."""
        from rich.console import Group
        from rich.panel import Panel
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        progress, metrics, timing = self._progress, self._progress.metrics, self._progress.timing
        blocks = BLOCKS if (self._console.encoding or "").startswith("utf") else PLAIN_BLOCKS
        bar = Table.grid(expand=True, padding=(0, 1))
        bar.add_column(no_wrap=True)
        bar.add_column(ratio=1)
        bar.add_column(no_wrap=True, justify="right")
        step = metrics.get("step", 0)
        bar.add_row(
            f"step {step}/{progress.steps_total or '-'}",
            ProgressBar(total=progress.steps_total or 1, completed=step),
            f"left {duration(progress.seconds_left)}",
        )
        numbers = Table.grid(padding=(0, 2))
        for _ in range(6):
            numbers.add_column(no_wrap=True)
        numbers.add_row(
            "reward",
            number(metrics.get("reward")),
            "length",
            number(metrics.get("length"), 1),
            "entropy",
            number(metrics.get("entropy")),
        )
        numbers.add_row(
            "held-out",
            number(progress.newest_score),
            "truncated",
            share(metrics.get("truncated")),
            "tokens/s",
            number(timing.get("tokens_per_s"), 0),
        )
        right, wrong = share(metrics.get("dead_right")), share(metrics.get("dead_wrong"))
        dead = f"{share(metrics.get('dead'))} (right {right}, wrong {wrong})"
        level = ("level", str(metrics["level"])) if "level" in metrics else ("", "")
        corrected = ("corrected", share(metrics["corrected"])) if metrics.get("corrected") is not None else ("", "")
        numbers.add_row(*level, "dead groups", dead, *corrected)
        scores = [score for _, score in progress.held_out]
        curve = Text(f"held-out so far  {sparkline(scores, blocks) or '-'}", no_wrap=True)
        parts = parts_of(metrics)
        return Panel(
            Group(bar, numbers, *([Text(parts)] if parts else []), curve),
            title=Text(self._title),
            subtitle=Text(self._phase),
            title_align="left",
            subtitle_align="left",
        )


def choose(stream: TextIO | None = None) -> "LogDisplay | LiveDisplay":
    """A live panel where `stream` (stdout by default) is a terminal that can move its cursor, lines elsewhere."""
    stream = stream or sys.stdout
    if stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb"):
        from rich.console import Console

        return LiveDisplay(Console(file=stream))
    return LogDisplay(stream)


def title(run: Run) -> str:
    """What a run is, in a few words."""
    levels = f" level {','.join(map(str, run.problems.level))}" if run.problems.level else ""
    levels += f" {' '.join(run.problems.curriculum)}" if run.problems.curriculum else ""
    return f"{run.problems.env}{levels}, {run.policy.model}, {run.objective.objective}, seed {run.keep.seed}"


def step_line(progress: Progress) -> str:
    """The newest step in fixed columns: `step 12/100 reward 0.250 ...`."""
    metrics, timing = progress.metrics, progress.timing
    width = len(str(progress.steps_total))
    columns = [
        f"step {metrics['step']:>{width}}/{progress.steps_total}",
        *([f"level {metrics['level']}"] if "level" in metrics else []),
        f"reward {number(metrics.get('reward')):>6}",
        f"held-out {number(progress.newest_score):>5}",
        f"length {number(metrics.get('length'), 1):>6}",
        f"truncated {share(metrics.get('truncated')):>5}",
        f"dead {share(metrics.get('dead')):>5}",
        *([f"lag {number(metrics['lag_mean'], 1)}"] if metrics.get("lag_max") else []),
        *([f"corrected {share(metrics['corrected']):>5}"] if metrics.get("corrected") is not None else []),
        f"entropy {number(metrics.get('entropy')):>6}",
        f"tokens/s {number(timing.get('tokens_per_s'), 0):>6}",
        f"left {duration(progress.seconds_left):>6}",
        parts_of(metrics),
    ]
    return "  ".join(column for column in columns if column)


def parts_of(metrics: Mapping[str, Any]) -> str:
    """The parts of the reward and their means, as `parts verified 0.250, clip -0.010`; nothing where it has none."""
    parts = metrics.get("parts") or {}
    told = ", ".join(f"{name.removeprefix('reward.')} {number(value)}" for name, value in parts.items())
    return f"parts {told}" if told else ""


def evaluation_line(record: Mapping[str, Any]) -> str:
    """One held-out score in a line: when, what, on how many problems."""
    scores = ", ".join(f"{name} {interval(*bounds)}" for name, bounds in scores_of(record).items())
    problems = f"{record['problems']} {record['split']} problems"
    return f"eval {record['when']} step {record['step']}: {scores or record.get('note', 'no score')} on {problems}"


def scores_of(record: Mapping[str, Any] | None) -> dict[str, tuple[float, float, float]]:
    """The scores of an evaluation by name (`greedy pass@1`, `sampled pass@8`), each with its 95 % bounds."""
    record = record or {}
    found = {f"sampled pass@{k}": (v["pass"], v["low"], v["high"]) for k, v in (record.get("sampled") or {}).items()}
    greedy = record.get("greedy")
    return {"greedy pass@1": (greedy["pass@1"], greedy["low"], greedy["high"]), **found} if greedy else found


def headline(record: Mapping[str, Any]) -> float | None:
    """The one number of an evaluation: greedy pass@1, or else sampled pass@1."""
    scores = scores_of(record)
    score = scores.get("greedy pass@1") or scores.get("sampled pass@1")
    return score[0] if score else None


def interval(value: float, low: float, high: float) -> str:
    """`0.812 [0.760, 0.855]`"""
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def sparkline(values: Sequence[float], blocks: str = BLOCKS, width: int = 60) -> str:
    """Shares as a row of blocks, from 0 (lowest) to 1 (highest); the newest `width` of them."""
    top = len(blocks) - 1
    return "".join(blocks[round(min(max(value, 0.0), 1.0) * top)] for value in values[-width:])


def number(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def duration(seconds: float | None) -> str:
    """`45s`, `2m10s`, `3h05m`"""
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"
    return f"{minutes // 60}h{minutes % 60:02}m"
