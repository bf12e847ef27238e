"""The canary where an adapter learns: its weights alone travel, and it is seen when they do not."""

import pytest

pytest.importorskip("peft")

from verigym.trainer.config import RunStopped
from verigym.trainer.display import SilentDisplay
from verigym.trainer.engines.transformers import TransformersEngine
from verigym.trainer.loop import train

pytestmark = pytest.mark.engines

LORA = {
    "policy": {"lora": ("rank=8", "alpha=16")},
    "rollout": {"lag": ("1",)},
    "optim": {"steps": 30, "lr": 3e-2},
    "evaluation": {"eval_every": 0},
}


class Warned(SilentDisplay):
    def __init__(self):
        self.said, self.metrics = [], []

    def warn(self, text):
        self.said.append(text)

    def step(self, metrics, timing, steps_total):
        self.metrics.append(metrics)


def test_an_adapter_reaches_a_sampler_that_has_a_copy(small_run, monkeypatch):
    load, sent = TransformersEngine.load_weights, []
    monkeypatch.setattr(
        TransformersEngine,
        "load_weights",
        lambda self, new, version: sent.append(set(new)) or load(self, new, version),
    )
    display = Warned()
    assert train(small_run(**LORA), display=display).finished
    assert display.said == [] and max(m["canary"] for m in display.metrics if "canary" in m) < 1e-4
    assert sent[-1] and all(".lora_" in name for name in sent[-1])


def test_an_adapter_that_stands_still_in_the_sampler_stops_the_run(small_run, monkeypatch):
    load = TransformersEngine.load_weights
    monkeypatch.setattr(
        TransformersEngine, "load_weights", lambda self, new, version: load(self, new if version < 1 else {}, version)
    )
    with pytest.raises(RunStopped, match="the sampler does not sample from the trainer's weights"):
        train(small_run(**LORA))
