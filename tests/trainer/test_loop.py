"""Whole runs of a few steps: what they leave, that they repeat, and that they go on after a kill."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file

from verigym.envs.drive import ErrorBudget
from verigym.trainer import checkpoint as checkpoint_module
from verigym.trainer.checkpoint import newest_checkpoint
from verigym.trainer.config import ConfigError, RunStopped
from verigym.trainer.display import SilentDisplay
from verigym.trainer.engines.engine import EngineError
from verigym.trainer.loop import train
from verigym.trainer.policy import load_policy
from verigym.trainer.run import RunDirectory
from verigym.verifiers.verdict import Verdict


def lines(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def weights(root):
    return (newest_checkpoint(root) / "model.safetensors").read_bytes()


def resume(root, **settings):
    directory, run = RunDirectory.open(Path(root))
    return train(run, resume=directory.root, **settings)


def test_a_run_leaves_what_the_design_names(small_run):
    summary = train(small_run())
    assert summary.finished and summary.steps == 4
    names = {path.name for path in summary.directory.iterdir()}
    assert names >= {
        "config.toml",
        "objective.txt",
        "metrics.jsonl",
        "timing.jsonl",
        "eval.jsonl",
        "rollouts",
        "checkpoints",
        "report.html",
    }
    metrics = lines(summary.directory / "metrics.jsonl")
    assert [line["step"] for line in metrics] == [1, 2, 3, 4]
    evals = lines(summary.directory / "eval.jsonl")
    assert [(e["when"], e["step"], e["split"]) for e in evals] == [
        ("before", 0, "test"),
        ("during", 2, "validation"),
        ("after", 4, "test"),
    ]
    assert not (summary.directory / "checkpoints" / ".reserve").exists()
    first = lines(summary.directory / "rollouts" / "step-000001.jsonl")[0]
    assert first["address"].startswith("digits_env@1/train/") and len(first["token_ids"]) == len(first["logps"])


def test_every_sampled_token_is_accounted_for(small_run):
    run = small_run(objective={"objective": "dapo", "overlong": ("mask",)}, rollout={"dynamic_rounds": 2})
    for line in lines(train(run).directory / "metrics.jsonl"):
        tokens = line["tokens"]
        assert tokens.pop("sampled") == sum(tokens.values()) > 0


def test_one_seed_one_run_and_another_seed_another(small_run):
    first, again, other = train(small_run("a")), train(small_run("b")), train(small_run("c", keep={"seed": 1}))
    texts = [(summary.directory / "metrics.jsonl").read_bytes() for summary in (first, again, other)]
    assert texts[0] == texts[1] != texts[2]
    assert weights(first.directory) == weights(again.directory) != weights(other.directory)


@pytest.mark.parametrize(
    "change", [{}, {"policy": {"dtype": "bfloat16"}}, {"objective": {"kl_coef": 0.1}, "optim": {"updates_per_step": 2}}]
)
def test_a_run_that_stopped_goes_on_bit_for_bit(small_run, change):
    whole = train(small_run("whole", **change))
    half = train(small_run("half", **change), stop_at=2)
    assert not half.finished and half.after is None
    rest = resume(half.directory)
    assert rest.finished
    for name in ("metrics.jsonl", "eval.jsonl"):
        assert (whole.directory / name).read_bytes() == (rest.directory / name).read_bytes()
    assert weights(whole.directory) == weights(rest.directory)


def test_asked_to_stop_it_finishes_the_step_and_saves(small_run):
    summary = train(small_run(), should_stop=lambda: True)
    assert summary.steps == 1 and newest_checkpoint(summary.directory).name == "step-000001"


KILLED = """
import sys, torch
torch.set_num_threads(1)
from pathlib import Path
from verigym.trainer.loop import train
from verigym.trainer.settings import read_run
train(read_run(Path(sys.argv[1])))
"""


@pytest.mark.parametrize("moment", ["checkpoints/step-000000", "metrics.jsonl", "checkpoints/.step-000002.partial"])
def test_a_killed_run_goes_on_bit_for_bit(small_run, tmp_path, moment):
    from verigym.trainer.settings import to_toml

    whole = train(small_run("whole"))
    run = small_run("killed")
    (tmp_path / "killed.toml").write_text(to_toml(run))
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", KILLED, str(tmp_path / "killed.toml")], stderr=subprocess.DEVNULL
    )
    root, deadline = Path(run.keep.out), time.monotonic() + 90
    while not (root / moment).exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.0005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    rest = resume(root)
    assert rest.finished
    assert (whole.directory / "metrics.jsonl").read_bytes() == (root / "metrics.jsonl").read_bytes()
    assert weights(whole.directory) == weights(root)


def test_a_torn_line_is_cut_and_written_again(small_run):
    whole = train(small_run("whole"))
    half = train(small_run("half"), stop_at=2)
    with (half.directory / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3, "rew')
    resume(half.directory)
    assert (whole.directory / "metrics.jsonl").read_bytes() == (half.directory / "metrics.jsonl").read_bytes()


def test_a_full_disk_loses_nothing(small_run, monkeypatch):
    whole = train(small_run("whole"))
    written = RunDirectory.write_rollouts

    def full_at_three(self, step, rollouts):
        if step == 3 and self.reserve.exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        written(self, step, rollouts)

    monkeypatch.setattr(RunDirectory, "write_rollouts", full_at_three)
    run = small_run("full")
    with pytest.raises(
        RunStopped,
        match=r"stopped after step 3: the disk is full\. Saved .*step-000003; make room, then `verigym train --resume",
    ):
        train(run)
    resume(run.keep.out)
    assert (whole.directory / "metrics.jsonl").read_bytes() == (Path(run.keep.out) / "metrics.jsonl").read_bytes()
    assert weights(whole.directory) == weights(run.keep.out)


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(small_run, monkeypatch, tmp_path):
    half = train(small_run("half"), stop_at=2)
    before = newest_checkpoint(half.directory)

    def fails(*_, **__):
        raise RuntimeError("PytorchStreamWriter failed writing file")

    monkeypatch.setattr("torch.save", fails)
    with pytest.raises(OSError, match="could not write the checkpoint"):
        checkpoint_module.save(
            half.directory / "checkpoints", *_policy(before), checkpoint_module.TrainerState(9, 9, 9), keep=1
        )
    assert newest_checkpoint(half.directory) == before
    assert not list((half.directory / "checkpoints").glob(".step*"))


def _policy(checkpoint):
    from verigym.trainer.optimizer import Optimizer
    from verigym.trainer.policy import load_policy

    policy = load_policy(str(checkpoint))
    return policy, Optimizer(policy.model.named_parameters(), betas=(0.9, 0.95), weight_decay=0.0)


def test_a_disk_without_room_is_named_before_training(small_run, monkeypatch):
    from verigym.trainer import run as run_module

    monkeypatch.setattr(run_module.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 5 << 20})())
    with pytest.raises(
        ConfigError, match=r"5 MiB free, and one checkpoint takes about \d+ MiB; make room, or choose another --out"
    ):
        train(small_run())


def test_a_directory_that_holds_a_run_is_not_written_over(small_run):
    train(small_run(), stop_at=1)
    with pytest.raises(ConfigError, match=r"already holds a run.*--resume"):
        train(small_run())


def test_a_directory_that_is_not_a_run_cannot_be_resumed(tmp_path):
    with pytest.raises(ConfigError, match=r"is not a run: it holds no config\.toml"):
        RunDirectory.open(tmp_path)


def test_an_environment_that_fails_stops_the_run_with_its_reason(small_run, own_env):
    own_env.write_text(
        own_env.read_text().replace(
            "reply = yield problem.prompt", "reply = yield problem.prompt\n    raise KeyError('lost')"
        )
    )
    with pytest.raises(RunStopped, match=r"step 1: 16 of 16 verdicts are errors .*KeyError.*lost"):
        train(small_run())


class Phases(SilentDisplay):
    """Remembers what was said."""

    def __init__(self):
        self.said = []

    def phase(self, text):
        self.said.append(text)


def test_an_environment_that_fails_later_loses_no_finished_step(small_run, monkeypatch):
    whole = train(small_run("whole"))
    checked = ErrorBudget.check
    batches = []

    def fails_in_the_fourth_step(self, verdicts):
        batches.append(len(verdicts))
        checked(self, verdicts if len(batches) < 4 else [Verdict.error("the server is gone")] * len(verdicts))

    run = small_run("failing")
    root = Path(run.keep.out)
    with monkeypatch.context() as patched:
        patched.setattr(ErrorBudget, "check", fails_in_the_fourth_step)
        with pytest.raises(RunStopped, match=r"step 4: 16 of 16 verdicts are errors .*the server is gone"):
            train(run)
    assert newest_checkpoint(root).name == "step-000003"  # checkpoint_every is 2
    resume(root)
    assert (whole.directory / "metrics.jsonl").read_bytes() == (root / "metrics.jsonl").read_bytes()
    assert weights(whole.directory) == weights(root)


def test_without_matplotlib_a_run_ends_well_and_says_how_to_get_the_report(small_run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    display = Phases()
    summary = train(small_run(), display=display)
    assert summary.finished and not (summary.directory / "report.html").exists()
    assert display.said[-1] == (
        "the report was left out: charts need matplotlib, which is not installed; run: pip install 'verigym[train]', "
        f"and then: verigym report {summary.directory}"
    )


def test_other_faults_of_the_report_are_not_hidden(small_run, monkeypatch):
    def fails(_):
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("verigym.trainer.keeping.write_report", fails)
    with pytest.raises(RuntimeError, match="a fault of ours"):
        train(small_run())


def test_a_resumed_run_keeps_its_new_number_of_steps(small_run):
    first = train(small_run(), stop_at=2)
    directory, run = RunDirectory.open(first.directory)
    more = replace(run, optim=replace(run.optim, steps=5))
    train(more, resume=directory.root, stop_at=3)
    assert RunDirectory.open(directory.root)[1] == more
    assert resume(directory.root).steps == 5


def test_loading_and_saving_show_no_bars_and_warn_of_nothing(small_run, capfd):
    run = small_run(optim={"steps": 1})
    train(run, stop_at=1)
    resume(run.keep.out)
    load_policy(run.keep.out)
    assert capfd.readouterr().err == ""


def test_a_few_failures_are_masked_and_counted(small_run, own_env):
    own_env.write_text(
        own_env.read_text().replace(
            "reply = yield problem.prompt",
            "reply = yield problem.prompt\n    if len(reply) % 3 == 0: raise KeyError('lost')",
        )
    )
    summary = train(small_run(problems={"max_error_share": 1.0}))
    metrics = lines(summary.directory / "metrics.jsonl")
    assert any(0 < line["errors"] < 1 and line["tokens"]["masked"] > 0 for line in metrics)


def test_a_group_of_one_under_a_group_baseline_is_refused(small_run):
    with pytest.raises(ConfigError, match="--group-size to 2 or more"):
        train(small_run(rollout={"group_size": 1}))


def test_a_prompt_longer_than_the_context_is_refused(small_run, own_env):
    own_env.write_text(
        own_env.read_text().replace('"0123456789") for _ in range(level)', '"0123456789") for _ in range(600)')
    )
    with pytest.raises(ConfigError, match=r"has 602 tokens, and the context of tiny-llama is 512: no room for a reply"):
        train(small_run(warmup={"sft_steps": 0}))


def test_the_display_sees_every_step(small_run):
    steps = []

    class Seen(SilentDisplay):
        def step(self, metrics, timing, steps_total):
            steps.append((metrics["step"], steps_total, set(timing)))

    train(small_run(), display=Seen())
    assert [(step, total) for step, total, _ in steps] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    parts = {"sample", "verify", "canary", "update", "sync", "rest"}
    assert steps[0][2] == {"step", "seconds", "tokens_per_s"} | parts


def test_a_checkpoint_is_a_model_anyone_can_load(small_run):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    summary = train(small_run(), stop_at=1)
    checkpoint = newest_checkpoint(summary.directory)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(checkpoint), AutoTokenizer.from_pretrained(checkpoint)
    assert model.config.vocab_size == len(tokenizer)
    assert set(load_file(checkpoint / "model.safetensors"))


def test_what_cannot_work_leaves_nothing_behind(small_run, tmp_path):
    run = small_run(rollout={"engine": "vllm-server", "engine_args": ("url=http://127.0.0.1:1", "retry_s=0.2")})
    with pytest.raises((ConfigError, EngineError)):
        train(run)
    assert not (tmp_path / "run").exists()
