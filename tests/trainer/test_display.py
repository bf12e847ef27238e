"""trainer/display.py: what is written is what was told, on a terminal and in a log."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from verigym.trainer.config import ObjectiveChoice, Problems, Run
from verigym.trainer.display import (
    PLAIN_BLOCKS,
    SILENT,
    LiveDisplay,
    LogDisplay,
    choose,
    duration,
    evaluation_line,
    headline,
    parts_of,
    share,
    sparkline,
    title,
)

RUN = Run(problems=Problems(env="countdown", level=(2, 3)), objective=ObjectiveChoice(objective="dapo"))
BEFORE: dict[str, Any] = {
    "when": "before",
    "step": 0,
    "split": "test",
    "level": [2],
    "problems": 256,
    "samples": 8,
    "temperature": 1.0,
    "greedy": {"pass@1": 0.05, "low": 0.03, "high": 0.08},
    "sampled": {"1": {"pass": 0.04, "low": 0.02, "high": 0.06}, "8": {"pass": 0.2, "low": 0.15, "high": 0.26}},
}
DURING: dict[str, Any] = {
    "when": "during",
    "step": 20,
    "split": "validation",
    "problems": 64,
    "greedy": {"pass@1": 0.5, "low": 0.4, "high": 0.6},
    "sampled": None,
}


def metrics(step: int) -> dict[str, Any]:
    return {
        "step": step,
        "reward": 0.25,
        "length": 14.25,
        "truncated": 0.015,
        "dead": 0.4,
        "dead_right": 0.1,
        "dead_wrong": 0.3,
        "entropy": 0.512,
    }


def played(display: Any) -> None:
    display.start(RUN, "loss ppo-clip [0.2, 0.28]\nbaseline group-mean\n", Path("runs/one"))
    display.phase("warm-up")
    display.evaluation(BEFORE)
    display.step(metrics(1), {"seconds": 2.0, "tokens_per_s": 4321.4}, 100)
    display.evaluation(DURING)
    display.step(metrics(2), {"seconds": 4.0, "tokens_per_s": 1000.0}, 100)
    display.phase("saving")


def test_a_log_has_one_line_a_step_in_columns() -> None:
    stream = io.StringIO()
    display = LogDisplay(stream)
    played(display)
    display.end(None)
    lines = stream.getvalue().splitlines()
    assert lines == [
        "run runs/one: countdown level 2,3, tiny-llama, dapo, seed 0",
        "loss ppo-clip [0.2, 0.28]",
        "baseline group-mean",
        "phase warm-up",
        "eval before step 0: greedy pass@1 0.050 [0.030, 0.080], sampled pass@1 0.040 [0.020, 0.060], "
        "sampled pass@8 0.200 [0.150, 0.260] on 256 test problems",
        "step   1/100  reward  0.250  held-out 0.050  length   14.2  truncated   2 %  dead  40 %  entropy  0.512  "
        "tokens/s   4321  left  3m18s",  # 99 steps at 2 s
        "eval during step 20: greedy pass@1 0.500 [0.400, 0.600] on 64 validation problems",
        "step   2/100  reward  0.250  held-out 0.500  length   14.2  truncated   2 %  dead  40 %  entropy  0.512  "
        "tokens/s   1000  left  4m54s",  # 98 steps at 3 s
        "phase saving",
    ]


def test_the_panel_shows_every_number_and_gives_the_terminal_back() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100, height=40, color_system=None)
    display = LiveDisplay(console)
    played(display)
    with console.capture() as captured:
        console.print(display.render())
    panel = captured.get()
    for text in (
        "countdown level 2,3, tiny-llama, dapo",
        "step 2/100",
        "left 4m54s",
        "reward    0.250",
        "held-out  0.500",
        "length       14.2",
        "truncated    2 %",
        "dead groups  40 % (right 10 %, wrong 30 %)",
        "entropy   0.512",
        "tokens/s  1000",
        "held-out so far  ▁▅",
        "─ saving ─",
    ):
        assert text in panel
    assert {len(line) for line in panel.splitlines() if line.startswith(("╭", "│", "╰"))} == {100}
    display.end(None)
    display.close()  # twice is harmless
    written = console.file.getvalue()  # type: ignore[attr-defined]
    assert "baseline group-mean" in written
    assert "eval before step 0: greedy pass@1 0.050" in written
    assert written.count("\x1b[?25l") == written.count("\x1b[?25h") == 1  # the cursor was hidden and is back


def test_the_level_of_a_curriculum_is_on_the_line_and_in_the_panel() -> None:
    problems = Problems(env="countdown", level=(2, 3), curriculum=("staircase", "up=0.9"))
    assert title(Run(problems=problems)) == "countdown level 2,3 staircase up=0.9, tiny-llama, grpo, seed 0"
    stream = io.StringIO()
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    log, live = LogDisplay(stream), LiveDisplay(console)
    for display in (log, live):
        display.step(metrics(1) | {"level": 3}, {"seconds": 2.0}, 100)
    assert stream.getvalue().startswith("step   1/100  level 3  reward  0.250")
    with console.capture() as captured:
        console.print(live.render())
    assert "level     3" in captured.get()
    live.close()


def test_brackets_in_a_title_are_text_not_markup() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    display = LiveDisplay(console)
    display.start(Run(problems=Problems(env="[red]x.py")), "clip [/] [bold]", Path("runs/[x]"))
    display.close()
    written = console.file.getvalue()  # type: ignore[attr-defined]
    assert "[red]x.py" in written
    assert "clip [/] [bold]" in written
    assert "runs/[x]" in written


def test_a_narrow_terminal_and_one_without_unicode_are_served() -> None:
    class Ascii(io.StringIO):
        encoding = "ascii"

    console = Console(file=Ascii(), force_terminal=True, width=30, color_system=None, legacy_windows=False)
    display = LiveDisplay(console)
    played(display)
    display.close()
    written = console.file.getvalue()  # type: ignore[attr-defined]
    assert PLAIN_BLOCKS[0] in written
    assert not set("▁▂▃▄▅▆▇█") & set(written)


def test_records_with_holes_do_not_break_a_display() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    stream = io.StringIO()
    for display in (LiveDisplay(console), LogDisplay(stream), SILENT):
        display.start(RUN, "", Path("runs/one"))
        display.step({"step": 1, "reward": None}, {}, 5)
        display.close()
    assert "reward      -  held-out     -  length      -" in stream.getvalue()


def test_lines_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert isinstance(choose(io.StringIO()), LogDisplay)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(choose(Terminal()), LogDisplay)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert isinstance(choose(Terminal()), LiveDisplay)


def test_small_pieces() -> None:
    assert sparkline([0, 0.5, 1, -3, 7]) == "▁▅█▁█"
    assert sparkline([1.0] * 100, width=10) == "█" * 10
    assert [duration(s) for s in (None, 0, 59.4, 60, 3599, 3600, 11100)] == [
        "-",
        "0s",
        "59s",
        "1m00s",
        "59m59s",
        "1h00m",
        "3h05m",
    ]
    assert [share(x) for x in (None, 0, 0.004, 1)] == ["-", "0 %", "0 %", "100 %"]
    assert headline(BEFORE) == 0.05
    assert headline({"greedy": None, "sampled": BEFORE["sampled"]}) == 0.04
    assert headline({"greedy": None, "sampled": None}) is None
    assert evaluation_line(DURING).endswith("on 64 validation problems")
    assert title(Run()) == "countdown, tiny-llama, grpo, seed 0"


def test_parts_of_the_reward_stand_on_the_step_line_and_in_the_panel() -> None:
    made = metrics(1) | {"parts": {"reward.verified": 0.5, "reward.cosine": -0.25, "tool_calls": 2.0}}
    assert parts_of(made) == "parts verified 0.500, cosine -0.250, tool_calls 2.000"
    assert parts_of(metrics(1)) == parts_of({"parts": {}}) == ""
    stream = io.StringIO()
    log = LogDisplay(stream)
    log.step(made, {"seconds": 1.0, "tokens_per_s": 10.0}, 3)
    assert stream.getvalue().rstrip().endswith(parts_of(made))
    console = Console(file=io.StringIO(), width=120)
    live = LiveDisplay(console)
    live.step(made, {"seconds": 1.0, "tokens_per_s": 10.0}, 3)
    console.print(live.render())
    assert parts_of(made) in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_warning_stays_to_be_read() -> None:
    stream = io.StringIO()
    LogDisplay(stream).warn("the sampler is odd")
    assert stream.getvalue() == "warning: the sampler is odd\n"
    console = Console(file=io.StringIO(), width=100)
    live = LiveDisplay(console)
    live.warn("the sampler is odd")
    live.close()
    assert "warning: the sampler is odd" in console.file.getvalue()
    SILENT.warn("nothing is said")


def test_the_share_of_corrected_tokens_is_a_headline_where_a_correction_is_on() -> None:
    stream = io.StringIO()
    display = LogDisplay(stream)
    display.step({"step": 1, "reward": 0.5, "corrected": 0.021, "lag_mean": 0.96, "lag_max": 1}, {}, 2)
    display.step({"step": 2, "reward": 0.5, "corrected": None, "lag_mean": 0.0, "lag_max": 0}, {}, 2)
    first, second = stream.getvalue().splitlines()
    assert "lag 1.0" in first and "corrected   2 %" in first
    assert "lag" not in second and "corrected" not in second
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    live = LiveDisplay(console)
    live.step({"step": 1, "reward": 0.5, "corrected": 0.021}, {}, 2)
    console.print(live.render())
    live.close()
    assert "corrected" in console.file.getvalue() and "2 %" in console.file.getvalue()
