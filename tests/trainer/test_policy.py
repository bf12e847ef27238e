"""Loading what learns."""

import pytest
import torch

from verigym.trainer.checkpoint import save_policy
from verigym.trainer.policy import load_policy


def test_loaded_weights_begin_on_a_cache_line(tmp_path):
    """A file is mapped as it lies on disk; on some processors a product rounds by where its operands begin, and a
    resumed run would end with other bits."""
    policy = load_policy("tiny-llama", seed=1)
    save_policy(policy.model, policy.tokenizer, tmp_path)
    loaded = load_policy(str(tmp_path))
    assert {weight.data_ptr() % 64 for weight in loaded.model.parameters()} == {0}
    for name, weight in policy.model.state_dict().items():
        assert torch.equal(weight, loaded.model.state_dict()[name])
    tied = loaded.model.get_input_embeddings().weight is loaded.model.get_output_embeddings().weight
    assert tied == (policy.model.get_input_embeddings().weight is policy.model.get_output_embeddings().weight)


@pytest.mark.parametrize("name", ["tiny-llama", "tiny-qwen2"])
def test_bf16_weights_leave_the_rotary_frequencies_exact(name):
    half, full = load_policy(name, dtype="bfloat16").model, load_policy(name).model
    assert {weight.dtype for weight in half.parameters()} == {torch.bfloat16} and half.dtype == torch.bfloat16
    assert torch.equal(half.model.rotary_emb.inv_freq, full.model.rotary_emb.inv_freq)
    assert half.lm_head.weight is half.model.embed_tokens.weight
    for one, other in zip(half.parameters(), full.parameters(), strict=True):
        assert torch.equal(one, other.bfloat16())
