"""trainer/cli/outcome.py: the last lines say what was measured."""

from pathlib import Path
from typing import Any

from verigym.trainer.cli.outcome import outcome
from verigym.trainer.config import Optim, Run
from verigym.trainer.loop import Summary

RUN = Run(optim=Optim(steps=100))


def record(when: str, greedy: float, one: float, eight: float, **more: Any) -> dict[str, Any]:
    def bounds(name: str, value: float) -> dict[str, float]:
        return {name: value, "low": value - 0.03, "high": value + 0.03}

    return {
        "when": when,
        "step": 0 if when == "before" else 100,
        "split": "test",
        "problems": 256,
        "samples": 8,
        "temperature": 1.0,
        "greedy": bounds("pass@1", greedy),
        "sampled": {"1": bounds("pass", one), "8": bounds("pass", eight)},
        **more,
    }


def test_before_and_after_stand_side_by_side_with_their_paired_difference() -> None:
    paired = {
        "greedy pass@1": {"difference": 0.71, "low": 0.65, "high": 0.77},
        "sampled pass@1": {"difference": 0.6, "low": 0.55, "high": 0.65},
        "sampled pass@8": {"difference": -0.05, "low": -0.1, "high": 0.0},
    }
    summary = Summary(
        Path("runs/x"),
        100,
        True,
        170.0,
        record("before", 0.1, 0.08, 0.3),
        record("after", 0.81, 0.68, 0.25, paired=paired),
    )
    assert outcome(summary, RUN).splitlines() == [
        "",
        "100 of 100 steps in 2m50s; the run is runs/x",
        "",
        "                before                  after                   after - before, paired",
        "greedy pass@1   0.100 [0.070, 0.130]    0.810 [0.780, 0.840]    +0.710 [+0.650, +0.770]",
        "sampled pass@1  0.080 [0.050, 0.110]    0.680 [0.650, 0.710]    +0.600 [+0.550, +0.650]",
        "sampled pass@8  0.300 [0.270, 0.330]    0.250 [0.220, 0.280]    -0.050 [-0.100, +0.000]",
        "256 held-out test problems of countdown, 8 samples each at temperature 1; [95 % intervals]",
    ]


def test_a_run_that_stopped_early_says_how_to_go_on() -> None:
    summary = Summary(Path("runs/x"), 40, False, 60.0, record("before", 0.1, 0.08, 0.3), None)
    assert outcome(summary, RUN).splitlines() == [
        "",
        "40 of 100 steps in 1m00s; the run is runs/x",
        "it is saved; go on with: verigym train --resume runs/x",
    ]


def test_a_reward_that_is_no_accuracy_says_so() -> None:
    none = {"greedy": None, "sampled": None, "note": "none of 256 verdicts says right or wrong"}
    before = {**record("before", 0, 0, 0), **none}
    after = {**record("after", 0, 0, 0), **none}
    lines = outcome(Summary(Path("runs/x"), 100, True, 60.0, before, after), RUN).splitlines()
    assert lines[2:] == [
        "no before score: none of 256 verdicts says right or wrong",
        "no after score: none of 256 verdicts says right or wrong",
    ]
