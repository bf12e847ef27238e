"""Attention in fp32 where torch's own bf16 kernel is slow: the backward pass on a CPU, an order of magnitude.

Whole sequences (training, and reading a prompt) are attended to in fp32; a single new token, while sampling, as it is.

    use_fast_attention(model)      # does nothing for fp32 weights or on a GPU
"""

from typing import Any

import torch

NAME = "verigym_fp32_sdpa"


def use_fast_attention(model: Any) -> None:
    """Gives a bf16 model on a CPU that attends with SDPA this module's attention."""
    if model.dtype is not torch.bfloat16 or model.device.type != "cpu" or model.config._attn_implementation != "sdpa":
        return
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

    AttentionInterface.register(NAME, _attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    model.set_attn_implementation(NAME)


def _attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **settings: Any,
) -> tuple[torch.Tensor, None]:
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    if query.shape[2] > 1:
        out, _ = sdpa_attention_forward(module, query.float(), key.float(), value.float(), attention_mask, **settings)
        return out.to(query.dtype), None
    out, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **settings)
    return out, None
