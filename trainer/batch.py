"""Rollouts as tensors, and how a step is cut into micro-batches.

N rollouts of the step, L longest prompt and reply together, T longest reply. Rows are right-padded; masks come from
lengths and from who emitted a token, never from token ids.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from verigym.trainer.rollout import Rollout


@dataclass(frozen=True)
class Batch:
    """ids, attention [N, L]; prompt_lengths [N]; mask, sampler_logp [N, T] over the tokens after the prompt; group [N].

    mask counts the tokens that are trained: emitted by the policy, in a rollout that is not filtered."""

    ids: torch.Tensor
    attention: torch.Tensor
    prompt_lengths: torch.Tensor
    mask: torch.Tensor
    sampler_logp: torch.Tensor
    group: torch.Tensor

    @property
    def lengths(self) -> torch.Tensor:
        """Counted tokens of each row, [N]."""
        return self.mask.sum(1)

    @property
    def widths(self) -> torch.Tensor:
        """Tokens of each row, prompt included, [N]."""
        return self.attention.sum(1)

    @classmethod
    def of(cls, rollouts: Sequence[Rollout], counted: Sequence[bool], *, pad_id: int) -> "Batch":
        """The tensors of some rollouts. counted: whether each one's tokens are trained (False: masked or filtered)."""
        n = len(rollouts)
        long = max((len(r.prompt_ids) + len(r.token_ids) for r in rollouts), default=1)
        reply = max((len(r.token_ids) for r in rollouts), default=1) or 1
        ids = torch.full((n, long), pad_id)
        attention = torch.zeros((n, long), dtype=torch.long)
        mask = torch.zeros((n, reply), dtype=torch.bool)
        logp = torch.zeros((n, reply))
        for i, (rollout, counts) in enumerate(zip(rollouts, counted, strict=True)):
            row = rollout.prompt_ids + rollout.token_ids
            ids[i, : len(row)] = torch.tensor(row)
            attention[i, : len(row)] = 1
            if counts and rollout.token_ids:
                mask[i, : len(rollout.token_ids)] = torch.tensor(rollout.sampled)
            logp[i, : len(rollout.logps)] = torch.tensor(rollout.logps)
        return cls(
            ids=ids,
            attention=attention,
            prompt_lengths=torch.tensor([len(r.prompt_ids) for r in rollouts], dtype=torch.long),
            mask=mask,
            sampler_logp=logp,
            group=torch.tensor([r.group for r in rollouts], dtype=torch.long),
        )

    def rows(self, places: torch.Tensor) -> "Batch":
        """Some rows, trimmed to their own widths."""
        long = int(self.widths[places].max())
        reply = max(1, int((self.widths[places] - self.prompt_lengths[places]).max()))
        return Batch(
            ids=self.ids[places, :long],
            attention=self.attention[places, :long],
            prompt_lengths=self.prompt_lengths[places],
            mask=self.mask[places, :reply],
            sampler_logp=self.sampler_logp[places, :reply],
            group=self.group[places],
        )


def micro_batches(widths: torch.Tensor, places: torch.Tensor, most_tokens: int) -> list[torch.Tensor]:
    """`places` cut so that rows x widest row stays within `most_tokens`; rows of like width stand together.

    widths [N], places [n]; a row wider than `most_tokens` gets a micro-batch of its own."""
    order = places[torch.argsort(widths[places], descending=True, stable=True)]
    pieces: list[torch.Tensor] = []
    start = 0
    while start < len(order):
        rows = max(1, most_tokens // max(1, int(widths[order[start]])))
        pieces.append(order[start : start + rows])
        start += rows
    return pieces
