"""Log-probs of the taken tokens under the policy, in fp32, without ever holding `[B, T, V]`.

The body of the model runs once; the output head runs over slices of the counted positions only, and each slice is computed again in
the backward pass, so that memory holds the logits of one slice.

B rollouts, P longest prompt, T longest reply, V vocabulary, H width, N counted tokens.
"""

from typing import Any, NamedTuple

import torch
from torch.utils.checkpoint import checkpoint

CELLS = 1 << 25
"""Most logits in one slice: 128 MiB in fp32."""


class TokenScores(NamedTuple):
    """logp [B, T]: log-prob of each reply token, nats; entropy [B, T]: of the distribution it was drawn from. 0 where uncounted."""

    logp: torch.Tensor
    entropy: torch.Tensor


def score_tokens(
    model: Any,
    ids: torch.Tensor,
    attention_mask: torch.Tensor,
    prompt_lengths: torch.Tensor,
    mask: torch.Tensor,
    *,
    temperature: float,
    entropy_gradient: bool = False,
    cells: int = CELLS,
) -> TokenScores:
    """Scores of the reply tokens that `mask` counts, at the sampling temperature.

    ids, attention_mask [B, P + T] right-padded; prompt_lengths [B]; mask [B, T] bool, aligned so that reply token t of row i stands
    at `ids[i, prompt_lengths[i] + t]`. The entropy carries a gradient only where `entropy_gradient` asks for one.
    """
    row, token = mask.nonzero(as_tuple=True)
    position = prompt_lengths[row] + token
    hidden = model.get_decoder()(input_ids=ids, attention_mask=attention_mask, use_cache=False).last_hidden_state
    hidden = hidden[row, position - 1]  # [N, H]: the state that predicts each counted token
    targets = ids[row, position]
    head, scale = model.get_output_embeddings(), _Scale.of(model.config, temperature)
    rows = max(1, cells // head.weight.shape[0])
    parts = []
    for start in range(0, len(targets), rows):
        piece = (head, hidden[start : start + rows], targets[start : start + rows], scale, entropy_gradient)
        if torch.is_grad_enabled() and len(targets) > rows:
            parts.append(checkpoint(_score_slice, *piece, use_reentrant=False))
        else:
            parts.append(_score_slice(*piece))
    empty = hidden.new_zeros(mask.shape, dtype=torch.float32)
    if not parts:
        return TokenScores(empty, empty)
    return TokenScores(*(empty.index_put((row, token), torch.cat(values)) for values in zip(*parts, strict=True)))


class _Scale(NamedTuple):
    """What a model does to its logits after the head, and the temperature."""

    multiplier: float
    softcap: float | None

    temperature: float

    @classmethod
    def of(cls, config: Any, temperature: float) -> "_Scale":
        # Cohere multiplies by logit_scale, Granite divides by logits_scaling, Gemma 2 bends with a soft cap.
        multiplier = float(getattr(config, "logit_scale", None) or 1.0) / float(getattr(config, "logits_scaling", None) or 1.0)
        return cls(multiplier, getattr(config, "final_logit_softcapping", None), temperature)


def _score_slice(
    head: torch.nn.Module, hidden: torch.Tensor, targets: torch.Tensor, scale: _Scale, entropy_gradient: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """hidden [n, H], targets [n] -> log-prob [n] and entropy [n]."""
    logits = head(hidden).float() * scale.multiplier
    if scale.softcap is not None:
        logits = scale.softcap * torch.tanh(logits / scale.softcap)
    logp = (logits / scale.temperature).log_softmax(-1)
    with torch.set_grad_enabled(entropy_gradient and torch.is_grad_enabled()):
        # A token of probability 0 adds 0 to the entropy; its log-prob may be -inf, hence the clamp.
        entropy = -(logp.exp() * logp.clamp(min=-1e4)).sum(-1)
    return logp.gather(-1, targets[:, None])[:, 0], entropy
