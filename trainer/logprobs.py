"""Log-probs of the taken tokens under the policy, in fp32, without ever holding `[B, T, V]`.

The body of the model runs once; the output head runs over slices of the counted positions only, and each slice is
computed again in the backward pass, so that memory holds the logits of one slice.

B rollouts, P longest prompt, T longest reply, V vocabulary, H width, N counted tokens.
"""

from typing import Any, NamedTuple

import torch
from torch.utils.checkpoint import checkpoint

from verigym.trainer.objective.entropy import token_entropy

CELLS = 1 << 25
"""Most logits in one slice: 128 MiB in fp32."""


class TokenScores(NamedTuple):
    """logp [B, T]: log-prob of each reply token, nats; entropy [B, T]: of the distribution it was drawn from, None
    unless asked for. 0 where uncounted."""

    logp: torch.Tensor
    entropy: torch.Tensor | None


def score_tokens(
    model: Any,
    ids: torch.Tensor,
    attention_mask: torch.Tensor,
    prompt_lengths: torch.Tensor,
    mask: torch.Tensor,
    *,
    temperature: float,
    with_entropy: bool = False,
    cells: int = CELLS,
) -> TokenScores:
    """Scores of the reply tokens that `mask` counts, at the sampling temperature.

    ids, attention_mask [B, P + T] right-padded; prompt_lengths [B]; mask [B, T] bool, aligned so that reply token t of
    row i stands at `ids[i, prompt_lengths[i] + t]`. Both carry gradients.
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
        piece = (head, hidden[start : start + rows], targets[start : start + rows], scale, with_entropy)
        if torch.is_grad_enabled() and len(targets) > rows:
            parts.append(checkpoint(_score_slice, *piece, use_reentrant=False))
        else:
            parts.append(_score_slice(*piece))
    flat = torch.cat(parts) if parts else hidden.new_zeros((0, 1 + with_entropy), dtype=torch.float32)
    empty = flat.new_zeros(mask.shape)
    columns = [empty.index_put((row, token), column) for column in flat.unbind(1)]
    return TokenScores(columns[0], columns[1] if with_entropy else None)


class _Scale(NamedTuple):
    """What a model does to its logits after the head, and the temperature."""

    multiplier: float
    softcap: float | None

    temperature: float

    @classmethod
    def of(cls, config: Any, temperature: float) -> "_Scale":
        # Cohere multiplies by logit_scale, Granite divides by logits_scaling, Gemma 2 bends with a soft cap.
        multiplier = float(getattr(config, "logit_scale", None) or 1.0) / float(
            getattr(config, "logits_scaling", None) or 1.0
        )
        return cls(multiplier, getattr(config, "final_logit_softcapping", None), temperature)


def _score_slice(
    head: torch.nn.Module, hidden: torch.Tensor, targets: torch.Tensor, scale: _Scale, with_entropy: bool
) -> torch.Tensor:
    """hidden [n, H], targets [n] -> [n, 1] log-probs, or [n, 2] with the entropies beside them."""
    logits = head(hidden).float() * scale.multiplier
    if scale.softcap is not None:
        logits = scale.softcap * torch.tanh(logits / scale.softcap)
    logp = (logits / scale.temperature).log_softmax(-1)
    taken = logp.gather(-1, targets[:, None])
    return torch.cat([taken, token_entropy(logp)[:, None]], dim=1) if with_entropy else taken
