"""The words of --fit: same gradients, same resume, and refusals in words."""

import types

import pytest
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from verigym.trainer.config import ConfigError
from verigym.trainer.fit import Fit
from verigym.trainer.logprobs import score_tokens
from verigym.trainer.memory import prepare, recomputing
from verigym.trainer.optimizer import Optimizer
from verigym.trainer.policy import load_policy

IDS = torch.tensor([[5, 20, 21, 22, 30, 31, 2], [5, 30, 31, 2, 0, 0, 0]])
ATTENTION = (torch.arange(7) < torch.tensor([[7], [4]])).long()
MASK = torch.tensor([[True] * 5, [True, True, False, False, False]])


def fitted(model, *words):
    told = []
    return prepare(model, Fit.of(words), tell=told.append), told


def gradient(model, *, packed=False):
    scores = score_tokens(model, IDS, ATTENTION, torch.tensor([2, 2]), MASK, temperature=1.0, packed=packed)
    (scores.logp * torch.linspace(1, 2, 10).view(2, 5)).sum().backward()
    found = torch.cat([p.grad.flatten() for p in model.parameters()])
    model.zero_grad(set_to_none=True)
    return found


@pytest.mark.parametrize("packing", ["off", "on"])
def test_activations_computed_again_give_the_same_gradient_and_keep_less(packing):
    model = load_policy("tiny-llama", seed=1, device="cpu").model
    fitted(model, f"packing={packing}")
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        whole = gradient(model, packed=packing == "on")
        plain, kept[:] = sum(kept), []
        fitted(model, "checkpoint", f"packing={packing}")
        again = gradient(model, packed=packing == "on")
    assert float((again - whole).abs().max()) <= 1e-6 * float(whole.abs().max())
    assert sum(kept) < 0.7 * plain


def test_dropout_stays_off_and_layers_keep_their_cache_outside_of_the_update():
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=60,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        attention_dropout=0.5,
    )
    model = Qwen2ForCausalLM(config).eval()
    whole = gradient(model)
    fitted(model, "checkpoint")
    assert torch.allclose(gradient(model), whole, atol=1e-6)
    assert not any(module.training for module in model.modules())
    assert model(IDS, use_cache=True).past_key_values.get_seq_length() == 7
    with torch.no_grad(), recomputing(model):
        assert not any(module.training for module in model.modules())


def test_a_model_that_cannot_compute_again_is_refused():
    model = types.SimpleNamespace(device=torch.device("cpu"), supports_gradient_checkpointing=False)
    with pytest.raises(ConfigError, match="leave checkpoint out, and set a smaller --micro-batch-tokens"):
        fitted(model, "checkpoint")


def test_offload_on_a_cpu_is_said_to_change_nothing():
    found, told = fitted(load_policy("tiny-llama", device="cpu").model, "offload")
    assert not found.offload
    assert told == ["--fit offload changes nothing here: the optimizer's state lies on the CPU, as the weights do"]


def test_what_cannot_be_packed_is_told_unless_it_was_not_wanted():
    model = load_policy("tiny-llama", device="cpu").model
    model.set_attn_implementation("eager")
    assert fitted(model, "packing=off")[1] == []
    assert fitted(model)[1] == [
        "--fit packing=auto: rows are padded: the model attends by 'eager', and only SDPA can be packed"
    ]


def test_a_second_model_reads_packed_rows_too():
    one, other = (load_policy("tiny-llama", seed=seed, device="cpu").model for seed in (0, 1))
    found, _ = fitted(one, "packing=on")
    padded = gradient(other)
    found.also(None)
    found.also(other)
    assert torch.allclose(gradient(other, packed=True), padded, atol=1e-5)


def test_liger_needs_a_gpu_and_its_package(monkeypatch):
    model = load_policy("tiny-llama", device="cpu").model
    with pytest.raises(ConfigError, match="its kernels run on a GPU, and the model lies on cpu; leave it out"):
        fitted(model, "liger")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    on_gpu = types.SimpleNamespace(device=torch.device("cuda"))
    with pytest.raises(ConfigError, match="run `pip install liger-kernel`"):
        fitted(on_gpu, "liger")


def test_an_offloaded_optimizer_takes_the_same_steps():
    """On a GPU its masters lie on the CPU; here they are copies all the same."""

    def run(offload):
        weight = torch.nn.Parameter(torch.ones(3, 2))
        optimizer = Optimizer([("w", weight)], betas=(0.9, 0.95), weight_decay=0.1, offload=offload)
        for step in range(4):
            for part in (0.1, 0.2):
                (weight * (part + step)).sum().backward()
                optimizer.gather()
            optimizer.step(lr=1e-2, grad_clip=1.0)
        return weight, optimizer

    (plain, _), (moved, optimizer) = run(False), run(True)
    assert optimizer.masters[0] is not moved and torch.equal(plain, moved)


def test_paged_moments_need_a_gpu():
    weight = torch.nn.Parameter(torch.ones(3, 2))
    with pytest.raises(ConfigError, match="set --fit adam=8bit"):
        Optimizer([("w", weight)], betas=(0.9, 0.95), weight_decay=0.0, kind="paged8bit")


def test_eight_bits_without_the_package_say_the_command(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "bitsandbytes.optim", None)
    with pytest.raises(ConfigError, match="run `pip install bitsandbytes`, or set --fit adam=fp32"):
        Optimizer([("w", torch.nn.Parameter(torch.ones(2, 2)))], betas=(0.9, 0.95), weight_decay=0.0, kind="8bit")


def test_moments_of_another_kind_are_refused():
    optimizer = Optimizer([("w", torch.nn.Parameter(torch.ones(2, 2)))], betas=(0.9, 0.95), weight_decay=0.0)
    state = {**optimizer.state_dict(), "kind": "8bit"}
    with pytest.raises(ConfigError, match="resume with --fit adam=8bit"):
        optimizer.load_state_dict(state)
