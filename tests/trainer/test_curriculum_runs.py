"""Whole runs under a curriculum: levels move, lines say so, and a run that was killed goes on bit for bit."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from verigym.trainer.checkpoint import STATE, newest_checkpoint
from verigym.trainer.config import ConfigError
from verigym.trainer.loop import train
from verigym.trainer.run import RunDirectory
from verigym.trainer.settings import to_toml

COUNTED = """
from verigym.tasks import Problem

LEVELS = range(1, 5)


def problem(rng, level):
    return Problem(prompt=str(level) + "".join(rng.choice("0123456789") for _ in range(4)), answer="")


def play(problem):
    reply = yield problem.prompt
    return sum(c in "0123456789" for c in reply) >= int(problem.prompt[0])


def oracle(problem):
    return "1234"
"""
"""A level asks for so many digits in the reply: the first one is easy for random weights, the last one is not."""
STAIRCASE = ("staircase", "up=0.6", "down=0.1", "window=8", "review=0.2")
BANDIT = ("bandit", "floor=0.1", "decay=0.5")
DYNAMIC = {"objective": {"objective": "dapo"}, "rollout": {"dynamic_rounds": 3}}


def lines(root):
    return [json.loads(line) for line in (Path(root) / "metrics.jsonl").read_text().splitlines()]


def weights(root):
    return (newest_checkpoint(root) / "model.safetensors").read_bytes()


@pytest.fixture
def counted(small_run, own_env):
    """A function as `small_run`, of runs on the environment above."""
    own_env.write_text(COUNTED)

    def make(name, curriculum, **changes):
        optim = {"steps": 6, **changes.pop("optim", {})}
        warmup = {"sft_steps": 0}
        return small_run(name, problems={"curriculum": curriculum}, optim=optim, warmup=warmup, **changes)

    return make


@pytest.mark.parametrize("curriculum", [STAIRCASE, BANDIT], ids=["staircase", "bandit"])
@pytest.mark.parametrize("change", [{}, DYNAMIC], ids=["plain", "dynamic"])
def test_a_run_that_stopped_goes_on_bit_for_bit(counted, curriculum, change):
    whole = train(counted("whole", curriculum, **change))
    half = train(counted("half", curriculum, **change), stop_at=3)
    directory, run = RunDirectory.open(half.directory)
    rest = train(run, resume=directory.root)
    for name in ("metrics.jsonl", "eval.jsonl"):
        assert (whole.directory / name).read_bytes() == (rest.directory / name).read_bytes()
    assert weights(whole.directory) == weights(rest.directory)
    assert len({line["level"] for line in lines(whole.directory)}) > 1  # it did move


KILLED = """
import sys, torch
torch.set_num_threads(1)
from pathlib import Path
from verigym.trainer.loop import train
from verigym.trainer.settings import read_run
train(read_run(Path(sys.argv[1])))
"""


def test_a_killed_run_goes_on_bit_for_bit(counted, tmp_path):
    whole = train(counted("whole", STAIRCASE, **DYNAMIC))
    run = counted("killed", STAIRCASE, **DYNAMIC)
    (tmp_path / "killed.toml").write_text(to_toml(run))
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", KILLED, str(tmp_path / "killed.toml")], stderr=subprocess.DEVNULL
    )
    root, deadline = Path(run.keep.out), time.monotonic() + 90
    while not (root / "checkpoints/step-000002").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.0005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    directory, again = RunDirectory.open(root)
    assert train(again, resume=directory.root).finished
    assert (whole.directory / "metrics.jsonl").read_bytes() == (root / "metrics.jsonl").read_bytes()
    assert weights(whole.directory) == weights(root)


def test_lines_hold_shares_and_pass_rates_and_levels_change_between_steps_only(counted):
    summary = train(counted("run", STAIRCASE, **DYNAMIC, keep={"rollouts_kept": 1000}))
    for line in lines(summary.directory):
        table = line["levels"]
        assert list(table) == ["1", "2", "3", "4"]
        assert sum(one["share"] for one in table.values()) == pytest.approx(1.0)
        assert sum(one["groups"] for one in table.values()) >= 4
        path = summary.directory / "rollouts" / f"step-{line['step']:06d}.jsonl"
        drawn = [json.loads(text) for text in path.read_text().splitlines()]
        met = {int(one["address"].split("/")[-2]) for one in drawn}
        assert met == {int(level) for level, one in table.items() if one["groups"]}
        assert met <= set(range(1, line["level"] + 1))  # the current level and easier ones, in every round
    page = (summary.directory / "report.html").read_text()
    assert "<h2>Levels</h2>" in page and "Pass rate of each level" in page
    state = json.loads((newest_checkpoint(summary.directory) / STATE).read_text())
    assert set(state["curriculum"]) == {"place", "recent", "seen", "fell", "wait"}


def test_the_default_writes_no_levels_where_there_is_one_and_reads_old_checkpoints(small_run):
    half = train(small_run("half"), stop_at=2)
    assert not {"level", "levels"} & set(lines(half.directory)[0])
    state = newest_checkpoint(half.directory) / STATE
    old = json.loads(state.read_text())
    assert old.pop("curriculum") == {}
    state.write_text(json.dumps(old))
    directory, run = RunDirectory.open(half.directory)
    assert train(run, resume=directory.root).finished
    assert "<h2>Levels</h2>" not in (half.directory / "report.html").read_text()


def test_fixed_shares_and_levels_that_are_not_there(counted):
    summary = train(counted("run", ("fixed", "1=1", "3=3"), rollout={"problems_per_step": 16}, optim={"steps": 1}))
    (line,) = lines(summary.directory)
    assert {level: one["share"] for level, one in line["levels"].items()} == {"1": 0.25, "3": 0.75}
    assert abs(line["levels"]["3"]["groups"] - 12) <= 1 and "level" not in line
    with pytest.raises(ConfigError, match=r"level=9 is not a level of digits_env; set --level to some of 1, 2, 3, 4"):
        train(counted("other", ("fixed", "9=1", "3=3")))
