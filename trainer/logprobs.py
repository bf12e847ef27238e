"""Log-probs of the taken tokens under the policy, in fp32, without ever holding `[B, T, V]`.

The body of the model runs once, over padded rows or over rows laid end to end; the output head runs over the counted
positions only, and where their logits would be many, over blocks of the vocabulary (`head.py`).

B rollouts, P longest prompt, T longest reply, V vocabulary, H width, N counted tokens.
"""

from typing import Any, NamedTuple

import torch
from torch.utils.checkpoint import checkpoint

from verigym.trainer.head import Scale, score_blocks
from verigym.trainer.memory import recomputing
from verigym.trainer.objective.entropy import token_entropy
from verigym.trainer.packing import packed_states

CELLS = 1 << 24
"""Most logits held at once: 64 MiB in fp32."""


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
    packed: bool = False,
    cells: int = CELLS,
) -> TokenScores:
    """Scores of the reply tokens that `mask` counts, at the sampling temperature.

    ids, attention_mask [B, P + T] right-padded; prompt_lengths [B]; mask [B, T] bool, aligned so that reply token t of
    row i stands at `ids[i, prompt_lengths[i] + t]`. packed: the model, which must be one that `find_packing` can pack,
    reads the rows end to end, without their padding. Both scores carry gradients.
    """
    row, token = mask.nonzero(as_tuple=True)
    position = prompt_lengths[row] + token
    with recomputing(model):
        if packed:
            states, starts = packed_states(model, ids, attention_mask)
            hidden = states[starts[row] + position - 1]  # [N, H]: the state that predicts each counted token
        else:
            body = model.get_decoder()(input_ids=ids, attention_mask=attention_mask, use_cache=False)
            hidden = body.last_hidden_state[row, position - 1]
    scale = Scale.of(model.config, temperature)
    head, targets = model.get_output_embeddings(), ids[row, position]
    flat = _score(head, hidden, targets, scale, with_entropy=with_entropy, cells=cells)
    empty = flat.new_zeros(mask.shape)
    columns = [empty.index_put((row, token), column) for column in flat.unbind(1)]
    return TokenScores(columns[0], columns[1] if with_entropy else None)


def _score(
    head: torch.nn.Module, hidden: torch.Tensor, targets: torch.Tensor, scale: Scale, *, with_entropy: bool, cells: int
) -> torch.Tensor:
    """hidden [N, H], targets [N] -> [N, 1] log-probs, or [N, 2] with the entropies beside them."""
    rows = max(1, cells // head.weight.shape[0])
    if not len(targets):
        return hidden.new_zeros((0, 1 + with_entropy), dtype=torch.float32)
    if len(targets) <= rows:
        return _score_slice(head, hidden, targets, scale, with_entropy)
    if isinstance(head, torch.nn.Linear) and type(head).forward is torch.nn.Linear.forward:
        return score_blocks(head, hidden, targets, scale, with_entropy=with_entropy, cells=cells)
    # A head of another make (adapters beside it, quantised) is only known as a function: slices of the tokens.
    parts = []
    for start in range(0, len(targets), rows):
        piece = (head, hidden[start : start + rows], targets[start : start + rows], scale, with_entropy)
        if torch.is_grad_enabled():
            parts.append(checkpoint(_score_slice, *piece, use_reentrant=False))
        else:
            parts.append(_score_slice(*piece))
    return torch.cat(parts)


def _score_slice(
    head: torch.nn.Module, hidden: torch.Tensor, targets: torch.Tensor, scale: Scale, with_entropy: bool
) -> torch.Tensor:
    """The plain form: all logits of the slice at once."""
    logp = scale.logits(head(hidden)).log_softmax(-1)
    taken = logp.gather(-1, targets[:, None])
    return torch.cat([taken, token_entropy(logp)[:, None]], dim=1) if with_entropy else taken
