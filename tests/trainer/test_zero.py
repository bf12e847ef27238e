"""What deepspeed is not asked for, and what is said where it is not installed."""

import sys

import pytest
import torch

from verigym.trainer.config import ConfigError, Policy, Problems, Run
from verigym.trainer.fit import Fit
from verigym.trainer.policy import load_policy
from verigym.trainer.ranks import Ranks
from verigym.trainer.shard import copy_weights
from verigym.trainer.zero import STAGES, lay_out

TWO = Ranks(0, 2)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (Policy(lora=("rank=4",)), "lora with shard=deepspeed3: .* set --fit shard=ddp"),
        (Policy(fit=("adam=8bit",)), "adam=8bit with shard=deepspeed3: .* set --fit shard=ddp, or adam=fp32"),
        (Policy(fit=("offload",)), "offload with shard=deepspeed3 is not built; set --fit offload shard=fsdp, or"),
    ],
)
def test_what_does_not_go_together_is_refused(policy, message):
    with pytest.raises(ConfigError, match=message):
        lay_out("deepspeed3", None, TWO, Run(Problems(), policy))


@pytest.mark.parametrize("way", STAGES)
def test_a_missing_deepspeed_names_the_command_that_installs_it(way, monkeypatch):
    monkeypatch.setitem(sys.modules, "deepspeed", None)
    monkeypatch.setenv("DS_ACCELERATOR", "cpu")
    model = load_policy("tiny-qwen2").model
    with pytest.raises(ConfigError, match=r'need deepspeed .* run `pip install "verigym\[deepspeed\]"`, or set'):
        lay_out(way, model, TWO, Run(Problems()))


def test_it_is_taken_where_it_is_named_and_there_are_several_ranks():
    assert [Fit.of((f"shard={way}",)).sharding(2) for way in STAGES] == list(STAGES)
    assert [Fit.of((f"shard={way}",)).sharding(1) for way in STAGES] == ["none", "none"]


def test_a_reference_is_given_the_weights_of_a_model_that_is_not_cut():
    model, reference = (load_policy("tiny-qwen2", seed=seed).model for seed in (1, 2))
    copy_weights(model, reference)
    assert all(map(torch.equal, model.parameters(), reference.parameters()))
