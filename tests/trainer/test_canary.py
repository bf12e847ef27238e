"""The canary against engines that are each wrong in one way, and against one that is right."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from verigym.tasks.problem import Problem
from verigym.trainer.canary import Canary, SamplerDiffers, chosen
from verigym.trainer.checkpoint import newest_checkpoint
from verigym.trainer.config import Optim, RunStopped
from verigym.trainer.display import SilentDisplay
from verigym.trainer.engines import open as open_module
from verigym.trainer.engines import transformers as engine_module
from verigym.trainer.engines.engine import Request, Sampling
from verigym.trainer.engines.options import TransformersOptions
from verigym.trainer.engines.transformers import TransformersEngine
from verigym.trainer.loop import train
from verigym.trainer.objective.presets import PRESETS
from verigym.trainer.policy import load_policy
from verigym.trainer.rollout import Rollout
from verigym.trainer.run import RunDirectory
from verigym.trainer.update import Learner
from verigym.verifiers.verdict import Verdict


class Warned(SilentDisplay):
    """Remembers warnings and metrics."""

    def __init__(self):
        self.said, self.metrics = [], []

    def warn(self, text):
        self.said.append(text)

    def step(self, metrics, timing, steps_total):
        self.metrics.append(metrics)


@pytest.fixture
def own_copy(monkeypatch):
    """Engines hold weights of their own, also at lag 0."""
    opened = open_module.open_engine
    monkeypatch.setattr(
        open_module, "open_engine", lambda *given, **settings: opened(*given, **{**settings, "own_copy": True})
    )


def freeze(monkeypatch):
    """From version 1 on the engine says that it takes weights, and does not."""
    load = TransformersEngine.load_weights
    monkeypatch.setattr(
        TransformersEngine, "load_weights", lambda self, new, version: load(self, new if version < 1 else {}, version)
    )


FAST = {"optim": {"steps": 50, "lr": 3e-3}, "evaluation": {"eval_every": 0}}


@pytest.mark.parametrize("lag", [("0",), ("1",), ("2", "partial")])
def test_a_sampler_whose_weights_stand_still_stops_the_run(small_run, own_copy, monkeypatch, lag):
    freeze(monkeypatch)
    run, display = small_run(rollout={"lag": lag}, **FAST), Warned()
    with pytest.raises(
        RunStopped,
        match=r"stopped after step \d+, which is saved: the sampler does not sample from the trainer's weights: over "
        r"\d+ tokens that it says come from version \d+, probabilities differ by .* \(the run stops from 5\.0%\)",
    ):
        train(run, display=display)
    stopped = len(display.metrics)
    assert 0 < stopped < 15 and newest_checkpoint(run.keep.out).name == f"step-{stopped:06d}"
    assert RunDirectory.open(Path(run.keep.out))[1] == run


def test_a_small_difference_is_warned_of_and_goes_on(small_run, own_copy, monkeypatch):
    freeze(monkeypatch)
    run, display = small_run(rollout={"engine_args": ("canary_stop=9",)}, **FAST), Warned()
    assert train(run, display=display, stop_at=12).steps == 12
    odd = [text for text in display.said if "in the mean probability of a token" in text]
    assert odd[0].startswith("canary: sampler and trainer differ by ") and len(odd) < 4  # once, not with every step
    assert [m["canary"] for m in display.metrics if "canary" in m][-1] > 0.02


def test_a_claim_of_other_weights_stops_the_run(small_run, own_copy, monkeypatch):
    load = TransformersEngine.load_weights
    monkeypatch.setattr(
        TransformersEngine, "load_weights", lambda self, new, version: None if version else load(self, new, version)
    )
    with pytest.raises(
        RunStopped,
        match=r"the trainer sent weights version 4, and the sampler says that its replies come from 0: new weights do "
        r"not reach it",
    ):
        train(small_run(**FAST))


def skewed(monkeypatch, factor):
    """Samples at another temperature, and says so in its log-probs."""
    drawn = engine_module.draw
    monkeypatch.setattr(
        engine_module,
        "draw",
        lambda logits, sampling, numbers: drawn(
            logits, replace(sampling, temperature=sampling.temperature * factor), numbers
        ),
    )


@pytest.mark.parametrize("lag", [("0",), ("1",)])
@pytest.mark.parametrize(("factor", "seen"), [(1.05, "1.05"), (0.95, "0.95")])
def test_a_temperature_that_is_5_percent_off_is_warned_of(small_run, monkeypatch, factor, seen, lag):
    skewed(monkeypatch, factor)
    display = Warned()
    run = small_run(rollout={"lag": lag, "engine_args": ("canary_stop=9",)}, optim={"steps": 5})
    train(run, display=display)
    assert any(f"log-probs look like temperature {seen}, and 1 was asked for" in text for text in display.said)


def test_raw_log_probs_are_named_as_such(small_run, monkeypatch):
    """Draws at temperature 0.9, and records log-probs at 1."""
    drawn = engine_module.draw

    def raw(logits, sampling, numbers):
        ids, _ = drawn(logits, sampling, numbers)
        return ids, logits.log_softmax(-1).gather(-1, ids[:, None])[:, 0]

    monkeypatch.setattr(engine_module, "draw", raw)
    display = Warned()
    run = small_run(rollout={"temperature": 0.9, "engine_args": ("canary_stop=9",)})
    train(run, display=display)
    found = [re.search(r"log-probs look like temperature (\S+), and 0\.9 was asked for", text) for text in display.said]
    assert float(next(match for match in found if match)[1]) == pytest.approx(1.0, abs=0.02)  # one Newton step


@pytest.mark.parametrize("lag", [("0",), ("1",)])
def test_a_healthy_run_never_warns(small_run, own_copy, lag):
    display = Warned()
    run = small_run(
        rollout={"lag": lag, "temperature": 0.8}, optim={"steps": 50, "lr": 5e-3}, evaluation={"eval_every": 0}
    )
    assert train(run, display=display).finished
    assert display.said == []
    looked = [metrics for metrics in display.metrics if "canary" in metrics]
    assert [metrics["step"] for metrics in looked] == list(range(1, 50, 4))
    assert max(metrics["canary"] for metrics in looked) < 1e-4
    assert max(abs(metrics["canary_temperature"] - 0.8) for metrics in looked) < 1e-3
    assert display.metrics[-1]["reward"] > display.metrics[0]["reward"] + 0.1  # there was something to learn


def test_an_engine_on_the_trainers_own_weights_is_looked_at_now_and_then(small_run):
    summary = train(small_run(optim={"steps": 9}, evaluation={"eval_every": 0}))
    metrics = [json.loads(line) for line in (summary.directory / "metrics.jsonl").read_text().splitlines()]
    assert [m["step"] for m in metrics if "canary" in m] == [1, 5, 9]


@pytest.fixture(scope="module")
def learner():
    policy = load_policy("tiny-llama", seed=1)
    return Learner(policy.model, None, PRESETS["grpo"], Optim(steps=1), pad_id=policy.pad_id, temperature=1.0, limit=64)


def sampled(learner, seed, *, n=4, tokens=48, temperature=1.0, version=7):
    engine = TransformersEngine(learner.model, pad_id=0, version=version)
    requests = [Request((5, 6, 20), seed=100 * seed + i) for i in range(n)]
    made = []
    for i, done in enumerate(engine.generate(requests, Sampling(tokens, temperature))):
        flags, verdict = (True,) * len(done.token_ids), Verdict(0.0, False)
        made.append(
            Rollout(
                Problem("p", ""), 0, i, (5, 6, 20), done.token_ids, flags, done.logps, "stop", version, ("",), verdict
            )
        )
    return made


def canary(learner, said, **options):
    return Canary(learner, TransformersOptions(**options), every=1, warn=said.append)


def test_the_ratio_is_the_mean_change_of_a_probability(learner):
    (one,) = sampled(learner, 1, n=1, tokens=4)
    off = (0.01, -0.02, 0.03, 0.02)  # mean |off| = 0.02
    odd = replace(one, logps=tuple(a + b for a, b in zip(one.logps, off, strict=True)))
    found = canary(learner, []).look([odd], 7)
    assert found["canary"] == pytest.approx(math.expm1(0.02), rel=1e-3)


def test_only_tokens_of_the_version_are_looked_at(learner):
    (one,) = sampled(learner, 1, n=1, tokens=6)
    old = replace(one, version=6, versions=((6, 4), (7, 2)), logps=(*(-50.0,) * 4, *one.logps[4:]))
    assert canary(learner, []).look([old], 7)["canary"] < 1e-5
    with pytest.raises(SamplerDiffers, match="come from 6 and 7"):
        canary(learner, []).look([old], 8)


def test_draws_at_another_temperature_are_seen_though_their_log_probs_are_right(learner):
    said: list[str] = []
    looks = canary(learner, said)
    right = Learner(learner.model, None, learner.objective, learner.settings, pad_id=0, temperature=1.0, limit=64)
    for seed in range(20):
        rows = []
        for row in sampled(learner, seed, n=8, temperature=1.25):
            with torch.no_grad():
                logits = learner.model(torch.tensor([row.prompt_ids + row.token_ids])).logits[0, 2:-1]
            logps = logits.log_softmax(-1).gather(-1, torch.tensor(row.token_ids)[:, None])[:, 0]
            rows.append(replace(row, logps=tuple(logps.tolist())))
        assert looks.look(rows, 7)["canary"] < 1e-4
    assert right.temperature == 1.0
    (text,) = said
    assert text.startswith("canary: the sampler's tokens look as if drawn at temperature 1.")


def test_rows_are_taken_from_all_over_the_step(learner):
    rows = sampled(learner, 2, n=40, tokens=2)
    assert [row.sample for row in chosen(rows, 7, 4)] == [0, 10, 20, 30]
    assert chosen(rows, 6, 4) == [] and len(chosen(rows[:3], 7, 4)) == 3


def test_nothing_sampled_is_nothing_to_look_at(learner):
    (one,) = sampled(learner, 1, n=1, tokens=1)
    silent = replace(one, token_ids=(), sampled=(), logps=(), version=3)
    assert canary(learner, []).look([silent], 7) == {}
