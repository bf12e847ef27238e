"""Rows laid end to end: the same log-probs and gradients as padded rows, for every model that is packed at all."""

import sys
import types

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    Lfm2Config,
    Lfm2ForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from verigym.trainer import attention
from verigym.trainer.attention import NAME, Rows
from verigym.trainer.logprobs import score_tokens
from verigym.trainer.packing import PADDED, WASTE, Packing, find_packing
from verigym.trainer.policy import load_policy

SHAPE = {
    "vocab_size": 60,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "initializer_range": 0.2,
}
WINDOW = 8
LENGTHS = (5, 17, 8, 6, 17, 9, 30, 4, 7, 16)
PROMPT = 3


def mistral():
    return MistralForCausalLM(MistralConfig(**SHAPE, sliding_window=WINDOW))


MODELS = {
    "tiny-llama": lambda: load_policy("tiny-llama", seed=1, device="cpu").model,
    "tiny-qwen2": lambda: load_policy("tiny-qwen2", seed=1, device="cpu").model,
    "grouped queries": lambda: Qwen2ForCausalLM(Qwen2Config(**SHAPE)),
    "sliding window": mistral,
    "learned positions": lambda: GPT2LMHeadModel(
        GPT2Config(vocab_size=60, n_embd=32, n_layer=2, n_head=4, n_positions=64, bos_token_id=1, eos_token_id=2)
    ),
}


def made(name):
    torch.manual_seed(3)
    return MODELS[name]().eval()


def rows():
    """ids, attention, prompt lengths and mask of LENGTHS; a middle token of every row is not counted."""
    generator = torch.Generator().manual_seed(5)
    sizes = torch.tensor(LENGTHS)
    attention_mask = (torch.arange(max(LENGTHS)) < sizes[:, None]).long()
    ids = torch.randint(5, 60, attention_mask.shape, generator=generator) * attention_mask
    mask = torch.arange(max(LENGTHS) - PROMPT) < (sizes - PROMPT)[:, None]
    mask[:, 1] = False
    return ids, attention_mask, torch.full((len(LENGTHS),), PROMPT), mask


def learn(model, packing, *, most=10_000, order=None):
    """Log-probs [N, T] of all rows, and the gradient of a loss that weighs every token differently."""
    ids, attention_mask, prompts, mask = rows()
    widths = attention_mask.sum(1)
    found = torch.zeros(mask.shape)
    weigh = torch.linspace(-1, 1, mask.numel()).view(mask.shape)
    places = torch.arange(len(LENGTHS)) if order is None else torch.tensor(order)
    kinds = []
    for piece, packed in packing.plan(widths, places, most):
        args = (ids[piece], attention_mask[piece], prompts[piece], mask[piece])
        scores = score_tokens(model, *args, temperature=0.8, packed=packed)
        (scores.logp * weigh[piece]).sum().backward()
        found[piece] = scores.logp.detach()
        kinds.append(packed)
    gradient = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    model.zero_grad(set_to_none=True)
    return found, gradient, kinds


@pytest.mark.parametrize("name", MODELS)
def test_packed_or_padded_and_in_any_split_and_order_the_gradient_is_one(name):
    model = made(name)
    logp, gradient, _ = learn(model, PADDED)
    packing = find_packing(model, "on")
    assert packing.able and packing.reason == ""
    turned, mixed = [*range(9, -1, -1)], [3, 9, 1, 0, 7, 2, 4, 8, 6, 5]
    for most, order in ((10_000, None), (1, None), (40, None), (25, turned), (61, mixed)):
        packed, again, kinds = learn(model, packing, most=most, order=order)
        assert any(kinds) or most == 1
        assert_close(packed, logp, atol=2e-6, rtol=0)
        assert float((again - gradient).abs().max()) <= 1e-6 * float(gradient.abs().max())
    _, again, _ = learn(model, PADDED, most=40)
    assert float((again - gradient).abs().max()) <= 1e-6 * float(gradient.abs().max())


def test_rows_longer_than_a_sliding_window_are_padded():
    packing = find_packing(made("sliding window"), "on")
    widths = torch.tensor(LENGTHS)
    pieces = packing.plan(widths, torch.arange(len(LENGTHS)), 1000)
    assert packing.window == WINDOW
    assert all(packed == bool((widths[piece] <= WINDOW).all()) for piece, packed in pieces)
    assert sorted(torch.cat([piece for piece, _ in pieces]).tolist()) == list(range(len(LENGTHS)))


def test_a_model_that_mixes_neighbouring_tokens_is_padded_with_the_reason():
    torch.manual_seed(0)
    shape = {**SHAPE, "layer_types": ["conv", "full_attention"]}
    model = Lfm2ForCausalLM(Lfm2Config(**shape)).eval()
    packing = find_packing(model, "on")
    assert not packing.able and "looks from one packed row into the next" in packing.reason
    assert model.config._attn_implementation == "sdpa"


def test_a_model_without_sdpa_is_padded_with_the_reason():
    model = BloomForCausalLM(BloomConfig(vocab_size=60, hidden_size=32, n_layer=1, n_head=4))
    assert find_packing(model, "auto").reason == (
        "rows are padded: the model attends by 'eager', and only SDPA can be packed"
    )


def test_attention_that_forgets_where_rows_begin_is_found_out(monkeypatch):
    monkeypatch.setattr(
        attention,
        "_attend_in_buckets",
        lambda module, parts, rows, settings: parts[2][0].transpose(0, 1).cumsum(0)[None],
    )
    assert "looks from one packed row into the next" in find_packing(made("tiny-llama"), "on").reason


def test_off_leaves_the_model_as_it_is():
    model = made("tiny-llama")
    assert find_packing(model, "off") is PADDED
    assert model.config._attn_implementation == "sdpa"


def test_a_bf16_model_is_packed_within_its_rounding():
    model = load_policy("tiny-qwen2", seed=1, dtype="bfloat16", device="cpu").model
    logp, _, _ = learn(model, PADDED)
    packed, _, kinds = learn(model, find_packing(model, "on"))
    assert kinds == [True]
    assert float((packed - logp).abs().max()) < 0.1


def test_auto_pads_on_a_cpu_where_little_is_wasted_exactly_as_off_does():
    packing = find_packing(made("tiny-llama"), "auto")
    assert packing.waste == WASTE and find_packing(made("tiny-llama"), "on").waste == 0
    widths = torch.tensor([27] * 30 + [26] * 50 + [30])  # countdown: 1 - 2140 / (81 x 30) = 12 % of padding
    plain = PADDED.plan(widths, torch.arange(81), 600)
    found = packing.plan(widths, torch.arange(81), 600)
    assert [(piece.tolist(), packed) for piece, packed in found] == [(p.tolist(), False) for p, _ in plain]
    assert all(packed for _, packed in packing.plan(torch.tensor([27] * 30 + [100]), torch.arange(31), 10_000))


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=30),
    st.integers(1, 120),
    st.sampled_from([None, 10, 30]),
    st.sampled_from([0.0, 0.2]),
)
def test_a_plan_holds_every_row_once_within_the_limit(widths, most, window, waste):
    sizes = torch.tensor(widths)
    plan = Packing(True, window=window, waste=waste).plan(sizes, torch.arange(len(widths)), most)
    assert sorted(torch.cat([piece for piece, _ in plan]).tolist()) == list(range(len(widths)))
    for piece, packed in plan:
        cells = int(sizes[piece].sum()) if packed else len(piece) * int(sizes[piece].max())
        assert len(piece) == 1 or cells <= most
        assert not packed or window is None or int(sizes[piece].max()) <= window


@given(st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_buckets_hold_every_token_once_and_rows_of_like_length(lengths):
    laid = Rows.of(lengths, torch.device("cpu"))
    total = sum(lengths)
    assert laid.bounds.tolist() == [sum(lengths[:i]) for i in range(len(lengths) + 1)]
    flat = torch.cat([take.flatten() for take in laid.buckets])
    assert flat[laid.back].tolist() == list(range(total))
    assert len(flat) <= total / attention.LIKE + 1


def test_the_kernel_of_a_gpu_is_asked_for_causal_rows_where_they_lie(monkeypatch):
    """A stand-in with torch's own arguments; the kernel itself needs a GPU."""

    def varlen_attn(query, key, value, *where, scale, window_size, enable_gqa=False):
        cu_seq_q, cu_seq_k, max_q, max_k = where
        assert window_size == (-1, 0) and max_q == max_k == 5 and torch.equal(cu_seq_q, cu_seq_k)
        out = []
        for start, end in zip(cu_seq_q[:-1].tolist(), cu_seq_q[1:].tolist(), strict=True):
            q, k, v = (part[start:end].transpose(0, 1) for part in (query, key, value))
            out.append(
                torch.nn.functional.scaled_dot_product_attention(
                    q, k, v, is_causal=True, scale=scale, enable_gqa=enable_gqa
                ).transpose(0, 1)
            )
        return torch.cat(out)

    stand_in = types.ModuleType("torch.nn.attention.varlen")
    stand_in.varlen_attn = varlen_attn
    monkeypatch.setitem(sys.modules, "torch.nn.attention.varlen", stand_in)
    generator = torch.Generator().manual_seed(0)
    query = torch.randn((1, 4, 8, 6), generator=generator)
    key, value = (torch.randn((1, 2, 8, 6), generator=generator) for _ in range(2))
    laid = Rows.of([3, 5], torch.device("cpu"))
    module = types.SimpleNamespace(num_key_value_groups=2, is_causal=True)
    wanted = attention._attend_in_buckets(module, (query, key, value), laid, {"scaling": 0.3})
    assert_close(attention._flash((query, key, value), laid, 0.3), wanted)


def test_the_name_stays_out_of_a_packed_models_files(tmp_path):
    model = made("tiny-llama")
    find_packing(model, "on")
    model.save_pretrained(tmp_path)
    assert f'"{NAME}"' not in (tmp_path / "config.json").read_text()
