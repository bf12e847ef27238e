"""The engine that a run asks for."""

import sys

import pytest
import torch

from verigym.trainer.config import ConfigError, Rollout
from verigym.trainer.engines.engine import Request, Sampling
from verigym.trainer.engines.open import open_engine
from verigym.trainer.policy import load_policy


@pytest.fixture
def policy():
    return load_policy("tiny-llama", seed=3)


def sampled(engine):
    return engine.generate([Request((5, 20), seed=1)], Sampling(6))[0].token_ids


def spoil(policy):
    with torch.no_grad():
        for weight in policy.model.parameters():
            weight.add_(0.3)


def test_the_embedded_engine_shares_the_policys_weights(policy):
    engine = open_engine(Rollout(engine_args=("batch=7",)), policy, version=4)
    assert (engine.version, engine.own_copy, engine.batch) == (4, False, 7)
    before = sampled(engine)
    spoil(policy)
    assert sampled(engine) != before


def test_a_copy_of_its_own_stays_while_the_policy_moves(policy):
    engine = open_engine(Rollout(), policy, own_copy=True)
    before = sampled(engine)
    spoil(policy)
    assert engine.own_copy and sampled(engine) == before
    engine.load_weights(dict(policy.model.named_parameters()), version=1)
    assert sampled(engine) == sampled(open_engine(Rollout(), policy)) != before


@pytest.mark.parametrize(
    ("engine", "package", "words"),
    [("vllm", "vllm", "make engines"), ("ray", "ray", "pip install")],
)
def test_a_package_that_is_missing_is_named_with_its_command(policy, monkeypatch, engine, package, words):
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=package) as caught:
        open_engine(Rollout(engine=engine), policy)
    assert words in str(caught.value)
