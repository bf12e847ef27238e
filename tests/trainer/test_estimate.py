"""trainer/estimate.py: sums checked by hand, and against a real tiny model."""

import pytest

from verigym.trainer.estimate import Shape, engine_memory, readable, shape_of, step_tokens, table, trainer_memory

TINY = Shape(parameters=1000, layers=2, hidden=8, intermediate=16, kv_width=4, vocabulary=50)


def test_trainer_memory_in_fp32_by_hand() -> None:
    # per token and layer: 4 * (6*8 + 2*4 + 4*16) + 4 * 2*8 = 4 * 120 + 64 = 544 bytes
    assert trainer_memory(TINY, value_bytes=4, pass_tokens=10, logit_cells=10**9) == {
        "weights": 4000,
        "master weights": 0,
        "gradients": 4000,
        "Adam": 8000,
        "reference": 0,
        "activations": 2 * 544 * 10,
        "logits": 3 * 4 * 10 * 50,
    }


def test_trainer_memory_in_bf16_keeps_fp32_masters_and_a_slice_bounds_the_logits() -> None:
    # per token and layer: 2 * 120 + 64 = 304 bytes
    parts = trainer_memory(TINY, value_bytes=2, pass_tokens=10, logit_cells=100, reference=True)
    assert parts == {
        "weights": 2000,
        "master weights": 4000,
        "gradients": 6000,
        "Adam": 8000,
        "reference": 2000,
        "activations": 2 * 304 * 10,
        "logits": 3 * 4 * 100,
    }


def test_engine_memory_by_hand() -> None:
    # keys and values: 2 * 4 bytes * 2 layers * 4 wide * 3 sequences * 7 tokens
    assert engine_memory(TINY, value_bytes=4, sequences=3, sequence_tokens=7) == {
        "key-value cache": 2 * 4 * 2 * 4 * 3 * 7,
        "logits": 3 * 4 * 3 * 50,
    }


def test_step_tokens_by_hand() -> None:
    tokens = step_tokens(32, 16, prompt=10.5, reply=12.25, max_new_tokens=24)
    assert (tokens.sequences, tokens.prompt, tokens.sampled, tokens.most) == (512, 5376, 6272, 12288)


def test_sizes_are_readable() -> None:
    assert [readable(size) for size in (0, 1023, 1024, 1.5 * 2**20, 2**30, 3 * 2**40)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "1.5 MiB",
        "1.0 GiB",
        "3.0 TiB",
    ]
    assert (
        table("engine", {"cache": 1024, "none": 0, "logits": 1024}) == "engine: 2.0 KiB (cache 1.0 KiB, logits 1.0 KiB)"
    )


def test_a_real_model_has_the_shape_and_the_bytes_that_were_estimated() -> None:
    torch = pytest.importorskip("torch")
    from verigym.trainer.tiny import SHAPE, build

    model, _ = build("tiny-qwen2", seed=0)
    parameters = sum(p.numel() for p in model.parameters())
    shape = shape_of(model.config, parameters)
    named = ("num_hidden_layers", "hidden_size", "intermediate_size", "hidden_size")  # as many key-value heads as heads
    assert (shape.layers, shape.hidden, shape.intermediate, shape.kv_width) == tuple(SHAPE[name] for name in named)
    ids = torch.zeros((4, 64), dtype=torch.long)

    with torch.no_grad():
        cache = model(ids, use_cache=True).past_key_values
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    assert held == engine_memory(shape, value_bytes=4, sequences=4, sequence_tokens=64)["key-value cache"]

    saved: dict[int, int] = {}  # storage address to size: a tensor saved twice is held once
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}

    def pack(tensor: "torch.Tensor") -> "torch.Tensor":
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        hidden = model.get_decoder()(input_ids=ids, use_cache=False).last_hidden_state
    hidden.sum().backward()
    estimated = trainer_memory(shape, value_bytes=4, pass_tokens=4 * 64, logit_cells=1)["activations"]
    assert 0.7 < estimated / sum(saved.values()) < 1.3
