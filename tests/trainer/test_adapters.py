"""A policy that learns a low-rank adapter: what moves, what is kept, what it is held against, and who reads it back."""

import copy
import json
import shutil
from pathlib import Path

import pytest
import torch

peft = pytest.importorskip("peft")

from safetensors.torch import load_file  # noqa: E402

from verigym.trainer import adapters  # noqa: E402
from verigym.trainer.checkpoint import newest_checkpoint  # noqa: E402
from verigym.trainer.config import ConfigError  # noqa: E402
from verigym.trainer.engines.engine import Request, Sampling  # noqa: E402
from verigym.trainer.engines.transformers import TransformersEngine  # noqa: E402
from verigym.trainer.loop import train  # noqa: E402
from verigym.trainer.lora import Lora  # noqa: E402
from verigym.trainer.policy import load_policy  # noqa: E402
from verigym.trainer.run import RunDirectory  # noqa: E402

pytestmark = pytest.mark.engines

LORA = {"policy": {"lora": ("rank=4", "alpha=8")}}
WITH_KL = LORA | {"objective": {"kl_coef": 0.1}}
IDS = torch.tensor([[5, 20, 21, 22, 6, 30]])


def logits(model):
    with torch.no_grad():
        return model(input_ids=IDS).logits


def adapted(seed=0, moved=True):
    """A tiny policy with an adapter, which changes something where it has moved."""
    policy = load_policy("tiny-llama", seed=3)
    adapters.attach(policy.model, Lora(4, 8), seed=seed)
    if moved:
        with torch.no_grad(), torch.random.fork_rng():
            torch.manual_seed(seed)
            for weight in learned(policy).values():
                weight.add_(0.1 * torch.randn(weight.shape))
    return policy


def learned(policy):
    return {name: weight for name, weight in policy.model.named_parameters() if weight.requires_grad}


def test_a_new_adapter_changes_nothing_and_alone_asks_for_gradients():
    plain, policy = load_policy("tiny-llama", seed=3), adapted(moved=False)
    assert torch.equal(logits(policy.model), logits(plain.model))
    assert all(".lora_" in name and weight.dtype == torch.float32 for name, weight in learned(policy).items())
    assert len(learned(policy)) == 2 * 7 * 2  # two matrices for each of seven linear layers in two blocks
    first = [weight for name, weight in learned(policy).items() if "lora_A" in name]
    again = [weight for name, weight in learned(adapted(moved=False)).items() if "lora_A" in name]
    other = [weight for name, weight in learned(adapted(seed=1, moved=False)).items() if "lora_A" in name]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_it_adds_alpha_over_rank_times_b_a():
    policy = adapted()
    layer = policy.model.model.layers[1].mlp.up_proj
    x = torch.randn(3, 96, generator=torch.Generator().manual_seed(0))
    wanted = layer.base_layer(x) + 8 / 4 * x @ layer.lora_A.default.weight.T @ layer.lora_B.default.weight.T
    assert torch.allclose(layer(x), wanted, atol=1e-5)


def test_the_engine_samples_from_the_adapted_policy():
    policy = adapted()
    engine = TransformersEngine(policy.model, pad_id=0)
    (reply,) = engine.generate([Request((5, 20, 21), seed=1)], Sampling(1, temperature=0))
    assert reply.token_ids[0] == int(policy.model(input_ids=IDS[:, :3]).logits[0, -1].argmax())


def test_what_is_written_is_what_peft_reads(tmp_path: Path):
    policy = adapted()
    adapters.write(policy, tmp_path / "adapter")
    plain = load_policy("tiny-llama", seed=3).model
    theirs = peft.PeftModel.from_pretrained(plain, tmp_path / "adapter")
    assert torch.allclose(logits(theirs), logits(policy.model), atol=1e-5)


def test_merged_it_is_a_plain_model_of_the_same_policy(tmp_path: Path):
    policy, plain = adapted(), load_policy("tiny-llama", seed=3)
    adapters.write(policy, tmp_path / "adapter")
    before = logits(plain.model)
    merged = adapters.merged(plain.model, tmp_path / "adapter")
    assert torch.allclose(logits(merged), logits(policy.model), atol=1e-5)
    assert not torch.allclose(logits(merged), before, atol=1e-2)
    assert set(dict(merged.named_parameters())) == set(dict(load_policy("tiny-llama").model.named_parameters()))


def test_the_reference_stays_while_the_policy_moves():
    policy = adapted()
    reference = adapters.Reference(policy.model)
    start = logits(policy.model)
    names = set(learned(policy))
    with torch.no_grad():
        for weight in learned(policy).values():
            weight.mul_(2)
    moved = logits(policy.model)
    head = policy.model.get_output_embeddings()
    with torch.no_grad():
        held = head(reference.get_decoder()(input_ids=IDS).last_hidden_state)
    assert torch.allclose(held, start, atol=1e-5) and not torch.allclose(held, moved, atol=1e-2)
    assert torch.equal(logits(policy.model), moved) and set(learned(policy)) == names


def test_the_reference_takes_the_weights_that_a_warm_up_left(tmp_path: Path):
    policy = adapted()
    reference = adapters.Reference(policy.model)
    with torch.no_grad():
        for weight in learned(policy).values():
            weight.mul_(2)
    reference.load_state_dict(policy.model.state_dict())
    head = policy.model.get_output_embeddings()
    with torch.no_grad():
        held = head(reference.get_decoder()(input_ids=IDS).last_hidden_state)
    assert torch.equal(held, logits(policy.model))
    adapters.write_adapter(reference, tmp_path)
    other = adapted(seed=5)
    again = adapters.Reference(other.model)
    adapters.read_adapter(again, tmp_path)
    with torch.no_grad():
        assert torch.equal(again.get_decoder()(input_ids=IDS).last_hidden_state[0, 0], _first(reference))


def _first(reference):
    return reference.get_decoder()(input_ids=IDS).last_hidden_state[0, 0]


def test_an_adapter_of_another_shape_is_refused(tmp_path: Path):
    adapters.write(adapted(), tmp_path)
    policy = load_policy("tiny-llama", seed=3)
    adapters.attach(policy.model, Lora(8), seed=0)
    with pytest.raises(ConfigError, match="leave --lora as the run had it"):
        adapters.read_adapter(policy.model, tmp_path)


def test_targets_that_are_not_there_are_named():
    with pytest.raises(ConfigError, match=r"targets=q_proj,nothing names 'nothing'; .* down_proj, gate_proj"):
        adapters.attach(load_policy("tiny-llama").model, Lora(targets="q_proj,nothing"), seed=0)


def test_without_peft_the_command_is_said(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "peft", None)
    with pytest.raises(ConfigError, match=r'--lora needs peft .* run `pip install -e "\.\[lora\]"`'):
        adapters.attach(load_policy("tiny-llama").model, Lora(), seed=0)


def files(summary):
    return newest_checkpoint(summary.directory)


@pytest.mark.parametrize("change", [LORA, WITH_KL], ids=["plain", "with a reference"])
def test_a_run_that_stopped_goes_on_bit_for_bit(small_run, change):
    whole = train(small_run("whole", **copy.deepcopy(change)))
    half = train(small_run("half", **copy.deepcopy(change)), stop_at=2)
    directory, run = RunDirectory.open(half.directory)
    rest = train(run, resume=directory.root)
    assert rest.finished
    for name in ("metrics.jsonl", "eval.jsonl"):
        assert (rest.directory / name).read_bytes() == (whole.directory / name).read_bytes()
    assert (files(rest) / adapters.WEIGHTS).read_bytes() == (files(whole) / adapters.WEIGHTS).read_bytes()


def test_a_run_keeps_its_adapter_small_and_its_base_once(small_run, tmp_path: Path):
    summary = train(small_run(**WITH_KL))
    checkpoint = files(summary)
    assert not (checkpoint / "model.safetensors").exists()
    config = json.loads((checkpoint / adapters.CONFIG).read_text())
    assert (config["r"], config["lora_alpha"], config["peft_type"]) == (4, 8, "LORA")
    base = load_file(checkpoint.parent / adapters.BASE / "model.safetensors")
    start = dict(load_policy("tiny-llama", seed=0).model.named_parameters())
    assert set(base) == set(start) and all(torch.equal(base[name], start[name]) for name in start)
    # The warm-up moved the adapter, and the reference is what it left.
    reference = load_file(checkpoint.parent / "reference" / adapters.WEIGHTS)
    newest = load_file(checkpoint / adapters.WEIGHTS)
    assert any(tensor.abs().max() > 0 for name, tensor in reference.items() if "lora_B" in name)
    assert set(reference) == set(newest) and any(not torch.equal(reference[n], newest[n]) for n in newest)


def test_a_run_is_read_like_any_other_also_after_it_moved(small_run, tmp_path: Path):
    summary = train(small_run(**LORA))
    moved = tmp_path / "elsewhere"
    shutil.move(summary.directory, moved)
    policy = load_policy(str(moved))
    assert set(dict(policy.model.named_parameters())) == set(dict(load_policy("tiny-llama").model.named_parameters()))
    base = load_policy("tiny-llama", seed=0)
    adapters.attach(base.model, Lora(4, 8), seed=0)
    adapters.read_adapter(base.model, newest_checkpoint(moved))
    assert torch.allclose(logits(policy.model), logits(base.model), atol=1e-5)
    again = train(small_run("again", policy={"model": str(moved), "lora": ("rank=2",)}, optim={"steps": 1}))
    assert again.finished
