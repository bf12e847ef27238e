import copy
import json

import torch

from verigym.trainer.attention import NAME
from verigym.trainer.logprobs import score_tokens
from verigym.trainer.policy import load_policy


def scores(model):
    ids = torch.tensor([[5, 20, 21, 22, 30, 2], [5, 30, 31, 2, 0, 0]])
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    attention = torch.tensor([[1] * 6, [1] * 4 + [0] * 2])
    return score_tokens(model, ids, attention, torch.tensor([2, 2]), mask, temperature=1.0).logp


def test_a_bf16_model_on_a_cpu_attends_in_fp32_and_nothing_else_changes():
    policy = load_policy("tiny-llama", dtype="bfloat16", device="cpu")
    assert policy.model.config._attn_implementation == NAME
    plain = copy.deepcopy(policy.model)
    plain.set_attn_implementation("sdpa")
    exact = scores(load_policy("tiny-llama", dtype="float32", device="cpu").model)
    found = scores(policy.model)
    assert float((found - exact).detach().abs().max()) <= 1.5 * float((scores(plain) - exact).detach().abs().max())
    found.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in policy.model.parameters() if p.grad is not None)


def test_an_fp32_model_is_left_as_it_is():
    assert load_policy("tiny-llama", device="cpu").model.config._attn_implementation == "sdpa"


def test_a_checkpoint_does_not_name_it(tmp_path):
    load_policy("tiny-llama", dtype="bfloat16", device="cpu").model.save_pretrained(tmp_path)
    assert NAME not in json.dumps(json.loads((tmp_path / "config.json").read_text()))
