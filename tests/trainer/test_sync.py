"""What an engine is handed, and when."""

import pytest
import torch

from verigym.trainer.config import Policy as PolicySettings
from verigym.trainer.engines.engine import Engine, EngineError
from verigym.trainer.policy import load_policy
from verigym.trainer.sync import Sync


class Told(Engine):
    """Remembers what it was told, in order."""

    def __init__(self, own_copy=True):
        self.own_copy, self.told, self.weights = own_copy, [], {}

    def add(self, requests, sampling):
        return []

    def advance(self, wait_s=0.2):
        return []

    def cancel(self, tickets=None): ...

    @property
    def busy(self):
        return 0

    def load_weights(self, weights, version):
        self.told.append(("weights", version))
        self.weights = {name: weight.detach().clone() for name, weight in weights.items()}

    def load_adapter(self, folder, version):
        assert sorted(path.name for path in folder.iterdir()) == ["adapter"]
        self.told.append(("adapter", version, folder))

    def sleep(self):
        self.told.append("sleep")

    def wake(self):
        self.told.append("wake")

    def close(self): ...


@pytest.fixture(scope="module")
def policy():
    return load_policy("tiny-llama", seed=1)


def test_an_engine_with_a_copy_gets_the_weights_as_they_are_now(policy):
    engine = Told()
    sync = Sync(engine, policy)
    sync.publish(3)
    before = engine.weights["model.norm.weight"]
    with torch.no_grad():
        policy.model.model.norm.weight += 1.0
    sync.publish(4)
    assert engine.told == [("weights", 3), ("weights", 4)]
    assert torch.equal(engine.weights["model.norm.weight"], before + 1.0)
    assert set(engine.weights) == set(dict(policy.model.named_parameters()))


def test_an_engine_on_the_same_weights_is_told_their_version_alone(policy):
    engine = Told(own_copy=False)
    Sync(engine, policy).publish(5)
    assert engine.told == [("weights", 5)] and engine.weights == {}


def test_weights_that_do_not_learn_are_not_sent_again(policy):
    engine = Told()
    policy.model.model.norm.weight.requires_grad_(False)
    try:
        Sync(engine, policy).publish(1)
    finally:
        policy.model.model.norm.weight.requires_grad_(True)
    assert "model.norm.weight" not in engine.weights and engine.weights


def test_an_engine_that_shares_the_memory_sleeps_while_the_policy_learns(policy):
    engine = Told()
    sync = Sync(engine, policy, rests=True)
    sync.rest()
    sync.publish(2)
    assert engine.told == ["sleep", "wake", ("weights", 2)]
    other = Told()
    Sync(other, policy).rest()
    assert other.told == []


def test_an_adapter_goes_as_files_and_the_one_before_stays_for_a_while(policy, monkeypatch):
    from verigym.trainer import adapters

    def write(policy, folder):
        folder.mkdir(parents=True)
        (folder / "adapter").write_text("a")

    monkeypatch.setattr(adapters, "write", write)
    engine = Told()
    sync = Sync(engine, policy, adapter=True)
    for version in (1, 2, 3):
        sync.publish(version)
    folders = [folder for _, _, folder in engine.told]
    assert [folder.exists() for folder in folders] == [False, True, True]
    sync.close()
    assert not folders[0].parent.exists()


def test_an_engine_without_adapters_says_so(tmp_path):
    from verigym.trainer.engines.transformers import TransformersEngine

    assert PolicySettings().lora == ()
    with pytest.raises(EngineError, match="takes no LoRA adapter"):
        TransformersEngine(load_policy("tiny-llama").model, pad_id=0).load_adapter(tmp_path, 1)
