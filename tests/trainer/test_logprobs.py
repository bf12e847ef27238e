"""Chunked log-probs against the plain form."""

import pytest
import torch
from torch.testing import assert_close
from transformers import GraniteConfig, GraniteForCausalLM

from verigym.trainer.logprobs import score_tokens
from verigym.trainer.policy import load_policy

# Row 0: prompt of 2, reply of 3. Row 1: prompt of 3, reply of 2, its first token not sampled. Row 2: nothing counts.
IDS = torch.tensor([[5, 20, 21, 22, 2], [5, 30, 31, 32, 2], [5, 6, 7, 0, 0]])
ATTENTION = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
PROMPTS = torch.tensor([2, 3, 1])
MASK = torch.tensor([[True, True, True], [False, True, False], [False, False, False]])


def plain(model, temperature):
    """[3, 3] log-probs and entropies from the full logits, gradients and all."""
    logits = model(input_ids=IDS, attention_mask=ATTENTION).logits.float() / temperature
    logp = logits.log_softmax(-1)
    taken, entropy = torch.zeros(3, 3), torch.zeros(3, 3)
    for row, token in MASK.nonzero().tolist():
        place = int(PROMPTS[row]) + token
        taken[row, token] = logp[row, place - 1, IDS[row, place]]
        entropy[row, token] = -(logp[row, place - 1].exp() * logp[row, place - 1]).sum()
    return taken, entropy


@pytest.mark.parametrize("cells", [1, 250, 1 << 20])
def test_slices_give_the_values_and_gradients_of_the_plain_form(cells):
    model = load_policy("tiny-qwen2", seed=1).model
    found = score_tokens(model, IDS, ATTENTION, PROMPTS, MASK, temperature=0.7, with_entropy=True, cells=cells)
    taken, entropy = plain(model, 0.7)
    assert_close(found.logp, taken, atol=1e-5, rtol=0)
    assert_close(found.entropy, entropy, atol=1e-5, rtol=0)
    weights = list(model.parameters())
    wanted = torch.autograd.grad((taken * 2 - entropy).sum(), weights)
    given = torch.autograd.grad((found.logp * 2 - found.entropy).sum(), weights)
    for a, b in zip(given, wanted, strict=True):
        assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_entropy_is_left_out_unless_asked_for():
    model = load_policy("tiny-qwen2", seed=1).model
    assert score_tokens(model, IDS, ATTENTION, PROMPTS, MASK, temperature=1.0).entropy is None


def test_nothing_counted_gives_zeros():
    model = load_policy("tiny-qwen2", seed=1).model
    found = score_tokens(model, IDS, ATTENTION, PROMPTS, torch.zeros(3, 3, dtype=torch.bool), temperature=1.0)
    assert found.logp.tolist() == [[0.0] * 3] * 3


def test_a_model_that_scales_its_logits_is_scored_as_it_samples():
    config = GraniteConfig(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        logits_scaling=8.0,
    )
    torch.manual_seed(0)
    model = GraniteForCausalLM(config).eval()
    found = score_tokens(model, IDS, ATTENTION, PROMPTS, MASK, temperature=1.0)
    assert_close(found.logp, plain(model, 1.0)[0], atol=1e-5, rtol=0)


def test_log_probs_of_a_bf16_model_are_fp32():
    model = load_policy("tiny-qwen2", seed=1, dtype="bfloat16").model
    assert score_tokens(model, IDS, ATTENTION, PROMPTS, MASK, temperature=1.0).logp.dtype == torch.float32
