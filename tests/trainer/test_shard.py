"""Weights cut over ranks: what two save, one goes on with, and four; and what does not go together."""

import json
import runpy
from pathlib import Path

import pytest
import torch

from verigym.trainer.checkpoint import OPTIMIZER, STATE
from verigym.trainer.config import ConfigError, Policy
from verigym.trainer.fit import Fit
from verigym.trainer.policy import load_policy
from verigym.trainer.ranks import ALONE, Ranks
from verigym.trainer.shard import compute_dtype, full_weights, is_cut, lay_out, within

HERE = Path(__file__).parent
WORKER = runpy.run_path(str(HERE / "rank_worker.py"))
run_group = runpy.run_path(str(HERE / "rank_group.py"))["run_group"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where two ranks have saved step 2, and four ranks and one went on from there to step 4."""
    place = tmp_path_factory.mktemp("shard")
    for count in (2, 4):
        run_group(count, str(place), "checkpoints")
    torch.save({"checkpoints": WORKER["checkpoints"](ALONE, place)}, place / "checkpoints-1-0.pt")
    return place


def found(folder, count, dtype, rank=0):
    return torch.load(folder / f"checkpoints-{count}-{rank}.pt", weights_only=False)["checkpoints"][dtype]


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """Four steps of one process that was never stopped."""
    place = tmp_path_factory.mktemp("straight")
    return {dtype: WORKER["steps"](ALONE, place / dtype, None, dtype, 4) for dtype in ("float32", "bfloat16")}


@pytest.mark.parametrize("count", [1, 4])
def test_what_two_ranks_saved_goes_on_with_any_number(folder, straight, count):
    first, rest, whole = found(folder, 2, "float32"), found(folder, count, "float32"), straight["float32"]
    assert [*first["norms"], *rest["norms"]] == pytest.approx(whole["norms"], rel=1e-5)
    for name, weight in whole["weights"].items():
        assert torch.allclose(rest["weights"][name], weight, rtol=0, atol=2e-5), name  # the steps moved it by 4e-3


@pytest.mark.parametrize("count", [1, 4])
def test_bf16_has_fp32_masters_on_any_number_of_ranks(folder, straight, count):
    first, rest, whole = found(folder, 2, "bfloat16"), found(folder, count, "bfloat16"), straight["bfloat16"]
    assert [*first["norms"], *rest["norms"]] == pytest.approx(whole["norms"], rel=0.02)
    saved = Path(rest["saved"])
    masters = torch.load(saved / OPTIMIZER, weights_only=True)["masters"]
    assert set(masters) == set(whole["weights"]) and all(m.dtype == torch.float32 for m in masters.values())
    model = load_policy(str(saved), dtype="bfloat16").model
    assert json.loads((saved / "config.json").read_text())["dtype"] == "bfloat16"
    assert any(not torch.equal(master, master.bfloat16().float()) for master in masters.values())
    for name, weight in model.named_parameters():
        assert torch.equal(weight, masters[name].bfloat16()), name


def test_the_state_of_a_run_is_the_same_whoever_saved_it(folder):
    paths = [Path(found(folder, count, "float32")["saved"]) for count in (4, 1)]
    states = [json.loads((path / STATE).read_text()) for path in paths]
    assert states[0] == states[1] and states[0]["step"] == 4 and states[0]["curriculum"] == {"level": 2}
    assert [sorted(f.name for f in path.iterdir()) for path in paths[:1]] == [
        sorted(f.name for f in paths[1].iterdir())
    ]
    moments = [torch.load(path / OPTIMIZER, weights_only=True)["adam"] for path in paths]
    assert list(moments[0]) == list(moments[1])
    for name, one in moments[0].items():
        assert {key: value.shape for key, value in one.items()} == {k: v.shape for k, v in moments[1][name].items()}


def test_every_rank_is_told_the_same_weights(folder):
    first, last = found(folder, 4, "float32"), found(folder, 4, "float32", rank=3)
    assert all(torch.equal(first["weights"][name], last["weights"][name]) for name in first["weights"])


def test_a_model_that_is_not_cut_is_as_it_was():
    model = load_policy("tiny-llama").model
    weights = full_weights(model)
    assert not is_cut(model) and compute_dtype(model) == torch.float32
    assert weights["model.norm.weight"].data_ptr() == model.model.norm.weight.data_ptr()
    assert within(model, lambda same, more: (same is model, more), more=1) == (True, 1)


@pytest.mark.parametrize(
    ("policy", "words", "message"),
    [
        (
            Policy(lora=("rank=4",), fit=("shard=fsdp",)),
            ("shard=fsdp",),
            "lora with shard=fsdp: .* set --fit shard=ddp",
        ),
        (Policy(), ("adam=8bit",), "adam=8bit with shard=fsdp: .* set --fit shard=ddp, or adam=fp32"),
    ],
)
def test_what_does_not_go_together_is_refused(policy, words, message):
    with pytest.raises(ConfigError, match=message):
        lay_out("fsdp", [None], Ranks(0, 2), policy, Fit.of(words))


def test_how_weights_lie_is_chosen_by_the_number_of_ranks():
    assert Fit().sharding(1) == Fit(shard="zero3").sharding(1) == "none"
    assert (Fit().sharding(2), Fit(shard="ddp").sharding(2), Fit().sharding(2, lora=True)) == ("fsdp", "ddp", "ddp")
