"""Sampling that runs ahead of learning: whose weights sampled what, that runs repeat, and that they end cleanly."""

import json
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from verigym.trainer import pending
from verigym.trainer.ahead import Ahead
from verigym.trainer.checkpoint import newest_checkpoint
from verigym.trainer.config import ConfigError, RunStopped
from verigym.trainer.display import SilentDisplay
from verigym.trainer.engines.engine import EngineError
from verigym.trainer.engines.transformers import TransformersEngine
from verigym.trainer.lag import Lag
from verigym.trainer.loop import train
from verigym.trainer.run import RunDirectory
from verigym.trainer.session import open_env

STEPS = {"optim": {"steps": 5, "lr": 1e-3}}


@pytest.fixture(autouse=True)
def no_thread_is_left():
    """Whatever a test does to a run, its thread ends."""
    yield
    until = time.monotonic() + 10
    while (left := [t for t in threading.enumerate() if t.name == "verigym-sampler"]) and time.monotonic() < until:
        time.sleep(0.01)
    assert not left


def lines(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def weights(root):
    return (newest_checkpoint(root) / "model.safetensors").read_bytes()


def resume(root, **settings):
    directory, run = RunDirectory.open(Path(root))
    return train(run, resume=directory.root, **settings)


def versions(root):
    """The oldest version of each step's written rollouts."""
    return [{r["version"] for r in lines(p)} for p in sorted((Path(root) / "rollouts").glob("*.jsonl"))]


def test_words():
    assert Lag.of(()) == Lag(0, False) and Lag.of(("4", "partial")) == Lag(4, True)
    for words in (("x",), ("1", "part"), ("-1",), ("1", "partial", "partial")):
        with pytest.raises(ConfigError, match="is no lag; write --lag 0"):
            Lag.of(words)
    with pytest.raises(ConfigError, match="at lag 0 nothing is under way"):
        Lag.of(("0", "partial"))


def test_at_lag_one_a_step_is_sampled_wholly_by_the_version_before_the_last(small_run):
    summary = train(small_run(rollout={"lag": ("1",)}, keep={"rollouts_kept": 16}, **STEPS))
    assert summary.finished
    assert versions(summary.directory) == [{0}, {0}, {1}, {2}, {3}]
    metrics = lines(summary.directory / "metrics.jsonl")
    assert [m["lag_mean"] for m in metrics] == [0, 1, 1, 1, 1] == [m["lag_max"] for m in metrics]
    assert all(m["corrected"] is not None for m in metrics)
    objective = (summary.directory / "objective.txt").read_text()
    assert "tis-token" in objective and "C = 2" in objective


def test_without_lag_nothing_is_corrected(small_run):
    summary = train(small_run(), stop_at=1)
    assert lines(summary.directory / "metrics.jsonl")[0]["corrected"] is None
    assert "no correction" in (summary.directory / "objective.txt").read_text()


def test_a_correction_that_is_named_stays(small_run):
    named = small_run(rollout={"lag": ("1",)}, objective={"correction": ("none",)})
    assert named.resolve().correction == "none"
    masked = small_run(rollout={"lag": ("1",)}, objective={"correction": ("mis-token", "min=0.5", "max=5")})
    assert (masked.resolve().correction, masked.resolve().correction_max) == ("mis-token", 5.0)
    assert small_run(rollout={"lag": ("2",)}, objective={"correction": ()}).resolve().correction == "tis-token"


COURSE = {"level": (2, 3), "curriculum": ("bandit",)}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"optim": {"steps": 4, "lr": 1e-3, "updates_per_step": 2}, "objective": {"objective": "dapo"}},
        {"problems": COURSE, "evaluation": {"eval_every": 3}},
    ],
    ids=["plain", "dapo in mini-batches", "curriculum"],
)
def test_at_lag_one_a_run_repeats_bit_for_bit_and_so_does_a_resumed_one(small_run, change):
    change = {**STEPS, **change}
    whole = train(small_run("whole", rollout={"lag": ("1",)}, **change))
    again = train(small_run("again", rollout={"lag": ("1",)}, **change))
    half = train(small_run("half", rollout={"lag": ("1",)}, **change), stop_at=3)
    assert (newest_checkpoint(half.directory) / pending.FILE).exists()
    rest = resume(half.directory)
    assert rest.finished
    for other in (again, rest):
        for name in ("metrics.jsonl", "eval.jsonl"):
            assert (whole.directory / name).read_bytes() == (other.directory / name).read_bytes()
        assert weights(whole.directory) == weights(other.directory)


def test_it_repeats_also_where_two_steps_wait(small_run, monkeypatch):
    """The sampler has ended the step after the next when the checkpoint is written."""
    change = {"rollout": {"lag": ("1",)}, "evaluation": {"eval_every": 0}, "optim": {"steps": 5}}
    whole = train(small_run("whole", **change))
    publish = Ahead.publish

    def slow(self, version, curriculum, watch):
        publish(self, version, curriculum, watch)
        until = time.monotonic() + 30
        while version == 3 and len(self._ready) < 2 and time.monotonic() < until:
            with self._moved:
                self._hand_over()
            time.sleep(0.01)

    monkeypatch.setattr(Ahead, "publish", slow)
    half = train(small_run("half", **change), stop_at=3)
    text = (newest_checkpoint(half.directory) / pending.FILE).read_text()
    assert [json.loads(line)["cursor"] for line in text.splitlines() if '"cursor"' in line] == [16, 20]
    resume(half.directory)
    assert (whole.directory / "metrics.jsonl").read_bytes() == (half.directory / "metrics.jsonl").read_bytes()
    assert weights(whole.directory) == weights(half.directory)


def test_asked_to_stop_under_lag_it_saves_what_is_under_way(small_run):
    whole = train(small_run("whole", rollout={"lag": ("1",)}))
    stopped = train(small_run("stopped", rollout={"lag": ("1",)}), should_stop=lambda: True)
    assert stopped.steps == 1
    resume(stopped.directory)
    assert weights(whole.directory) == weights(stopped.directory)


@pytest.mark.parametrize("lag", [("3",), ("2", "partial"), ("1", "partial")])
def test_further_ahead_every_step_is_there_within_its_bound(small_run, lag):
    half = train(small_run(rollout={"lag": lag}, **STEPS), stop_at=3)
    summary = resume(half.directory)
    assert summary.finished
    metrics = lines(summary.directory / "metrics.jsonl")
    assert [m["step"] for m in metrics] == [1, 2, 3, 4, 5]
    assert all(0 <= m["lag_mean"] <= m["lag_max"] <= int(lag[0]) for m in metrics)
    for m in metrics:
        tokens = dict(m["tokens"])
        assert tokens.pop("sampled") == sum(tokens.values()) > 0
    seen = [[r["address"] for r in lines(p)] for p in sorted((summary.directory / "rollouts").glob("*.jsonl"))]
    ordered = train(small_run("ordered", **STEPS))
    wanted = [[r["address"] for r in lines(p)] for p in sorted((ordered.directory / "rollouts").glob("*.jsonl"))]
    assert seen == wanted  # in the order of the stream, also over the resume


def test_partial_replies_go_on_under_new_weights(small_run, monkeypatch):
    advance = TransformersEngine.advance

    def slow(self, wait_s=0.2):
        time.sleep(0.02)
        return advance(self, 0.0) if self.own_copy else advance(self, wait_s)

    monkeypatch.setattr(TransformersEngine, "advance", slow)
    run = small_run(rollout={"lag": ("2", "partial"), "max_new_tokens": 24}, evaluation={"eval_every": 0}, **STEPS)
    mixed = []

    class Seen(SilentDisplay):
        def step(self, metrics, timing, steps_total):
            mixed.append(metrics["lag_mean"] % 1)

    assert train(run, display=Seen()).finished
    assert any(mixed)  # a step of tokens of several ages


def test_errors_of_the_thread_come_out_as_they_were(small_run, monkeypatch):
    advance, calls = TransformersEngine.advance, []

    def fails(self, wait_s=0.2):
        calls.append(threading.current_thread().name)
        if calls.count("verigym-sampler") > 25:
            raise ZeroDivisionError("a fault of ours")
        return advance(self, wait_s)

    monkeypatch.setattr(TransformersEngine, "advance", fails)
    with pytest.raises(ZeroDivisionError, match="a fault of ours"):
        train(small_run(rollout={"lag": ("1",)}, optim={"steps": 50}))


@pytest.mark.parametrize("lag", [("0",), ("1",), ("3", "partial")])
def test_an_engine_that_cannot_go_on_stops_the_run_with_the_last_step_saved(small_run, monkeypatch, lag):
    whole = train(small_run("whole", rollout={"lag": lag}, **STEPS)) if lag == ("1",) else None
    load = TransformersEngine.load_weights

    def gone(self, new, version):
        if version >= 3:
            raise EngineError("the engine is gone.")
        load(self, new, version)

    run = small_run("cut", rollout={"lag": lag}, **STEPS)
    with monkeypatch.context() as patched:
        patched.setattr(TransformersEngine, "load_weights", gone)
        with pytest.raises(
            RunStopped, match=r"stopped after step \d, which is saved: the engine is gone\. Then: verigym"
        ):
            train(run)
    saved = newest_checkpoint(run.keep.out).name
    assert saved == "step-000003" or len(lag) > 1
    assert len(lines(Path(run.keep.out) / "metrics.jsonl")) == int(saved[-1])
    assert resume(run.keep.out).finished
    if whole:
        assert weights(whole.directory) == weights(run.keep.out)


def test_an_environment_that_fails_under_lag_stops_with_what_was_good_learned(small_run, own_env, monkeypatch):
    from verigym.envs.drive import ErrorBudget
    from verigym.verifiers.verdict import Verdict

    checked, batches = ErrorBudget.check, []

    def fails_in_the_fourth_step(self, verdicts):
        batches.append(len(verdicts))
        checked(self, verdicts if len(batches) < 4 else [Verdict.error("the server is gone")] * len(verdicts))

    run = small_run(rollout={"lag": ("2",)}, evaluation={"eval_every": 0}, **STEPS)
    monkeypatch.setattr(ErrorBudget, "check", fails_in_the_fourth_step)
    with pytest.raises(RunStopped, match=r"step 4: 16 of 16 verdicts are errors .*the server is gone"):
        train(run)
    assert newest_checkpoint(run.keep.out).name == "step-000003"


def test_ctrl_c_twice_ends_at_once_and_leaves_no_thread(small_run):
    class Pressed(SilentDisplay):
        def step(self, metrics, timing, steps_total):
            if metrics["step"] == 2:
                signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background process ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            train(small_run(rollout={"lag": ("2", "partial")}, optim={"steps": 50}), display=Pressed())
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_waits_comes_back_to_the_last_bit(small_run):
    run = small_run(rollout={"lag": ("2",)}, **STEPS)
    stopped = train(run, stop_at=2)
    text = (newest_checkpoint(stopped.directory) / pending.FILE).read_text()
    env = open_env(run)
    batches = pending.read(text, env.task)
    assert pending.write(batches) == text and len(batches) in (1, 2, 3)
    first = batches[0].all[0]
    assert len(batches[0].kept) == 16 and first.sampled_tokens and first.problem.address is not None
    other = replace(env.task, version=env.task.version + 1) if hasattr(env.task, "__dataclass_fields__") else None
    if other is not None:
        with pytest.raises(ConfigError, match="does not have any more; start another run"):
            pending.read(text, other)
