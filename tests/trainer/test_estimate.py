"""trainer/estimate.py: sums checked by hand, and against what real tiny models keep."""

import pytest

from verigym.trainer.estimate import (
    activations,
    adapter_weights,
    engine_memory,
    head_memory,
    kept,
    layer_activations,
    readable,
    step_tokens,
    table,
)
from verigym.trainer.lora import Lora
from verigym.trainer.shapes import Shape, shape_of

TINY = Shape(parameters=1000, layers=2, hidden=8, intermediate=16, kv_width=4, vocabulary=50)
MIDDLE = {"hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 2, "vocab_size": 500}


def test_what_stays_by_hand() -> None:
    assert kept(1000, value_bytes=4) == {"weights": 4000, "master weights": 0, "Adam": 8000}
    assert kept(1000, value_bytes=2) == {"weights": 2000, "master weights": 4000, "Adam": 8000}
    # 8 bits each for two moments, and an fp32 scale for 256 of either: 2 * (1 + 4 / 256) bytes
    assert kept(1000, value_bytes=2, adam="8bit")["Adam"] == round(1000 * 2.03125)


def test_a_layers_activations_by_hand() -> None:
    # fp32: 4 * (4*8 + 2*8 + 2*4 + 4*16) + 4 * 2*8 = 4 * 120 + 64 = 544 bytes a token
    assert layer_activations(TINY, value_bytes=4) == 544
    # backward, the gradients of gate and up beside it: 4 * 2*16
    assert activations(TINY, 10, value_bytes=4) == (2 * 544 * 10, 128 * 10)
    # bf16: 2 * 120 + 64 = 304; on a CPU queries, keys, values (16) and result (8) in fp32, the result in bf16 too
    assert layer_activations(TINY, value_bytes=2) == 304
    assert layer_activations(TINY, value_bytes=2, on_cpu=True) == 304 - 2 * 16 + 4 * 16 + 4 * 8
    # checkpointed: both layers' inputs; then one layer, with the gradients beside it
    assert activations(TINY, 10, value_bytes=2, checkpoint=True) == (10 * 2 * 2 * 8, 10 * (304 + 64))
    # padded rows of 7 on a CPU: the mask, and keys and values at the width of the queries, in each layer
    padded, _ = activations(TINY, 10, value_bytes=4, on_cpu=True, mask_width=7)
    assert padded == 2 * 10 * (544 + 4 * 7 + 4 * 2 * 4)


def test_an_adapters_weights_by_hand() -> None:
    # rank 3 x (in + out) of q 16, k 12, v 12, o 16, gate 24, up 24, down 24 = 128, in two layers
    assert adapter_weights(TINY, Lora(rank=3)) == 2 * 3 * 128
    assert adapter_weights(TINY, Lora(rank=3, targets="q_proj,v_proj")) == 2 * 3 * 28


def test_the_output_head_by_hand() -> None:
    # fp32, 10 tokens, 6 of them counted: norm 10 * 8 * 12, states 6 * 8 * 12
    rest = 960 + 576
    assert head_memory(TINY, 10, 6, 10**9, value_bytes=4) == rest + 3 * 4 * 6 * 50
    assert head_memory(TINY, 10, 6, 100, value_bytes=4) == rest + 2 * 4 * 100  # 300 logits, in blocks of 100


def test_engine_memory_by_hand() -> None:
    # keys and values: 2 * 4 bytes * 2 layers * 4 wide * 3 sequences * 7 tokens
    assert engine_memory(TINY, value_bytes=4, sequences=3, sequence_tokens=7) == {
        "key-value cache": 2 * 4 * 2 * 4 * 3 * 7,
        "logits": 3 * 4 * 3 * 50,
    }


def test_step_tokens_by_hand() -> None:
    tokens = step_tokens(32, 16, prompt=10.5, reply=12.25, max_new_tokens=24)
    assert (tokens.sequences, tokens.prompt, tokens.sampled, tokens.most) == (512, 5376, 6272, 12288)


def test_sizes_are_readable_and_the_largest_part_comes_first() -> None:
    assert [readable(size) for size in (0, 1023, 1024, 1.5 * 2**20, 2**30, 3 * 2**40)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "1.5 MiB",
        "1.0 GiB",
        "3.0 TiB",
    ]
    parts = {"none": 0, "small": 1024, "cache": 2048}
    assert table("engine", parts) == "engine: 3.0 KiB (cache 2.0 KiB, small 1.0 KiB)"


@pytest.mark.parametrize("kv_heads", [8, 2])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_activations_are_what_autograd_keeps(dtype: str, padded: bool, kv_heads: int) -> None:
    torch = pytest.importorskip("torch")
    from transformers import LlamaConfig, LlamaForCausalLM

    from verigym.trainer.attention import use_fast_attention

    model = LlamaForCausalLM(LlamaConfig(num_attention_heads=8, num_key_value_heads=kv_heads, **MIDDLE))
    model = model.to(getattr(torch, dtype)).eval()
    use_fast_attention(model)
    shape = shape_of(model.config, sum(weight.numel() for weight in model.parameters()))
    rows, width = 3, 40
    ids = torch.zeros((rows, width), dtype=torch.long)
    mask = torch.ones_like(ids)
    mask[0, width - 5 :] = 1 - int(padded)

    with torch.no_grad():
        cache = model(ids, use_cache=True).past_key_values
    value_bytes = cache.layers[0].keys.element_size()
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    estimated = engine_memory(shape, value_bytes=value_bytes, sequences=rows, sequence_tokens=width)
    assert held == estimated["key-value cache"]

    saved: dict[int, int] = {}  # storage address to size: a tensor saved twice is held once
    weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}

    def pack(tensor: "torch.Tensor") -> "torch.Tensor":
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        hidden = model.get_decoder()(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
    hidden.sum().backward()
    found, _ = activations(shape, rows * width, value_bytes=value_bytes, on_cpu=True, mask_width=width if padded else 0)
    # beside the layers: the last norm, and in each a few numbers a token (scales of norms, sums of the attention)
    assert 0.9 < found / sum(saved.values()) < 1.0
