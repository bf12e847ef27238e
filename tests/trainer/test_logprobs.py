"""Log-probs over blocks of the vocabulary against the plain form."""

import pytest
import torch
from torch.testing import assert_close
from transformers import GraniteConfig, GraniteForCausalLM

from verigym.trainer import logprobs
from verigym.trainer.head import Scale, score_blocks
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


def scored(way, scale, *, bias=False, dtype=torch.float32, **frozen):
    """Scores [24, 2] of a head over 1,001 tokens, and the gradients of its input, weight and bias."""
    torch.manual_seed(0)
    head = torch.nn.Linear(16, 1001, bias=bias, dtype=dtype)
    hidden = torch.randn(24, 16, dtype=dtype, requires_grad=frozen.get("hidden", True))
    head.weight.requires_grad_(frozen.get("weight", True))
    targets = torch.randint(0, 1001, (24,))
    targets[:2] = torch.tensor([0, 1000])
    found = way(head, hidden, targets, scale)
    (found * torch.linspace(-1, 2, found.numel()).view_as(found)).sum().backward()
    return found, [p.grad for p in (hidden, *head.parameters())]


def plain_head(head, hidden, targets, scale):
    return logprobs._score_slice(head, hidden, targets, scale, True)


def exact_head(head, hidden, targets, scale):
    """The plain form in fp64."""
    bias = None if head.bias is None else head.bias.double()
    raw = torch.nn.functional.linear(hidden.double(), head.weight.double(), bias) * scale.multiplier
    if scale.softcap is not None:
        raw = scale.softcap * torch.tanh(raw / scale.softcap)
    logp = (raw / scale.temperature).log_softmax(-1)
    return torch.cat([logp.gather(1, targets[:, None]), -(logp.exp() * logp).sum(1, keepdim=True)], dim=1)


@pytest.mark.parametrize("cells", [24, 24 * 7, 24 * 500, 1 << 20])
@pytest.mark.parametrize("scale", [Scale(1.0, None, 1.0), Scale(0.25, None, 0.7), Scale(2.0, 3.0, 1.3)])
@pytest.mark.parametrize("bias", [False, True])
def test_blocks_give_the_exact_values_and_the_plain_gradients(cells, scale, bias):
    def blocks(*args):
        return score_blocks(*args, with_entropy=True, cells=cells)

    found, gradients = scored(blocks, scale, bias=bias)
    exact, _ = scored(exact_head, scale, bias=bias)
    _, plain_gradients = scored(plain_head, scale, bias=bias)
    # fp32 itself holds 7.0 to 5e-7; the plain form's entropies are off by 2e-6.
    assert_close(found.double(), exact, atol=1.5e-6, rtol=0)
    for a, b in zip(gradients, plain_gradients, strict=True):
        assert float((a - b).abs().max()) <= 1e-5 * float(b.abs().max())


def test_blocks_agree_with_finite_differences():
    torch.manual_seed(0)
    head = torch.nn.Linear(3, 7, dtype=torch.float64)
    hidden = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    targets, scale = torch.tensor([0, 6, 3, 2]), Scale(1.5, 2.0, 0.8)
    step = 1e-2  # the scores are fp32
    found = score_blocks(head, hidden, targets, scale, with_entropy=True, cells=8).sum()
    (gradient,) = torch.autograd.grad(found, hidden)
    for place in ((0, 0), (2, 1), (3, 2)):
        moved = []
        for sign in (1, -1):
            other = hidden.detach().clone()
            other[place] += sign * step
            moved.append(score_blocks(head, other, targets, scale, with_entropy=True, cells=8).sum().detach())
        assert float(moved[0] - moved[1]) / (2 * step) == pytest.approx(float(gradient[place]), abs=1e-3)


def test_a_frozen_head_gets_no_gradient_and_a_frozen_body_none_either():
    def blocks(*args):
        return score_blocks(*args, with_entropy=False, cells=24 * 7)

    _, (to_hidden, to_head) = scored(blocks, Scale(1.0, None, 1.0), weight=False)
    assert to_hidden is not None and to_head is None
    _, (to_hidden, to_head) = scored(blocks, Scale(1.0, None, 1.0), hidden=False)
    assert to_hidden is None and to_head is not None


def test_gradients_of_a_bf16_head_are_as_near_as_the_plain_ones():
    def blocks(*args):
        return score_blocks(*args, with_entropy=True, cells=24 * 40)

    _, exact = scored(plain_head, Scale(1.0, None, 1.0))
    _, plain_gradients = scored(plain_head, Scale(1.0, None, 1.0), dtype=torch.bfloat16)
    _, gradients = scored(blocks, Scale(1.0, None, 1.0), dtype=torch.bfloat16)
    for a, b, c in zip(gradients, plain_gradients, exact, strict=True):
        assert float((a.float() - c).norm()) <= 1.2 * float((b.float() - c).norm())


def test_what_watches_the_head_sees_it_called_and_the_head_stays_as_it_was():
    head, seen = torch.nn.Linear(4, 50), []
    head.register_forward_hook(lambda *_: seen.append(1))
    hidden, targets = torch.randn(6, 4), torch.arange(6)
    score_blocks(head, hidden, targets, Scale(1.0, None, 1.0), with_entropy=False, cells=20)
    assert seen == [1] and head(hidden).shape == (6, 50)


def test_a_head_of_another_make_is_scored_in_slices_of_tokens():
    class Doubled(torch.nn.Linear):
        def forward(self, states):
            return 2 * super().forward(states)

    torch.manual_seed(0)
    head, hidden, targets = Doubled(8, 50), torch.randn(20, 8, requires_grad=True), torch.arange(20)
    scale = Scale(1.0, None, 1.0)
    found = logprobs._score(head, hidden, targets, scale, with_entropy=True, cells=150)
    assert_close(found, logprobs._score_slice(head, hidden, targets, scale, True))
    found.sum().backward()
    assert hidden.grad is not None
