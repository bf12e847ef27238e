"""How per-token values become one loss.

A reduction is a function of lengths, groups and one constant alone, and in every one of them all tokens of an answer
weigh the same. So a reduction *is* one weight per answer, fixed for the whole optimizer step before its first backward
pass:

    loss = sum_i weight_i * sum_t mask_it * value_it

`Denominators.of` takes the lengths of *all* answers of the step (all micro-batches, all ranks); `weights` then gives
the weights of any slice of it. Losses of the slices add up to the loss of the step, so every split into micro-batches
and ranks has the same gradient. Where a framework averages gradients over W ranks, multiply the loss by W.

Lengths are counted tokens n_i, not padded widths. An answer without a counted token is *empty*; N counts all, N+ the
others.

    token-mean               1 / sum n           PPO, DAPO (the authors' code), CISPO
    seq-mean-token-mean      1 / (N+ n_i)        GRPO, GSPO, SAPO, GMPO
    seq-mean-token-sum       1 / N+              REINFORCE, RLOO
    seq-mean-token-sum-norm  1 / (N L)           Dr. GRPO; L constant, empty answers counted
    group-token-mean         1 / (K sum_g n)     DAPO's printed equation; K groups that hold a counted token

    Denominators.of("token-mean", torch.tensor([3, 1])).weights(torch.tensor([3]))      # [0.25]
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from verigym.trainer.objective.tensors import as_mask, counted, nearest

REDUCTIONS = {
    "token-mean": "1/D for every counted token, D = counted tokens of the whole step",
    "seq-mean-token-mean": "1/(N₊·n_i): the mean over an answer's n_i tokens, then over the N₊ answers that hold any",
    "seq-mean-token-sum": "1/N₊: the sum over an answer's tokens, then the mean over the N₊ answers that hold any",
    "seq-mean-token-sum-norm": "1/(N·L): the sum over an answer's tokens, over N answers (empty ones too) times L",
    "group-token-mean": "1/(K·D_g): the mean over a group's D_g counted tokens, then over the K groups that hold any",
}
"""name to what each counted token weighs, in words"""


@dataclass(frozen=True)
class Denominators:
    """The counts of one whole optimizer step. Make it with `of`."""

    name: str
    tokens: int
    sequences: int
    nonempty: int
    norm_length: int | None
    group_ids: Tensor | None
    """[K], ascending"""
    group_tokens: Tensor | None
    """[K] counted tokens of each group"""

    @classmethod
    def of(
        cls, name: str, lengths: Tensor, group: Tensor | None = None, norm_length: int | None = None
    ) -> "Denominators":
        """The denominators of a step whose N answers have `lengths` [N] counted tokens and belong to `group` [N].

        `group` is needed by group-token-mean only, and `norm_length` (L) by seq-mean-token-sum-norm only. Raises
        ValueError for an unknown name, and where what is needed is missing.
        """
        if name not in REDUCTIONS:
            raise ValueError(f"no reduction {name!r}: {nearest(name, REDUCTIONS)}")
        if lengths.dim() != 1:
            raise ValueError(f"lengths must be [N], the counted tokens of each answer, got shape {list(lengths.shape)}")
        if name == "seq-mean-token-sum-norm" and (norm_length is None or norm_length < 1):
            raise ValueError(
                f"{name} divides by a constant length, got {norm_length}: "
                "set norm_length, for example to the generation limit"
            )
        ids = totals = None
        if name == "group-token-mean":
            if group is None or group.shape != lengths.shape:
                given = "none" if group is None else list(group.shape)
                raise ValueError(f"{name} needs one group id for each of the {len(lengths)} answers, got {given}")
            ids, inverse = torch.unique(group, return_inverse=True)
            totals = torch.zeros(len(ids), dtype=torch.long, device=ids.device).index_add_(0, inverse, lengths.long())
        return cls(
            name=name,
            tokens=int(lengths.sum()),
            sequences=len(lengths),
            nonempty=int((lengths > 0).sum()),
            norm_length=norm_length,
            group_ids=ids,
            group_tokens=totals,
        )

    def weights(self, lengths: Tensor, group: Tensor | None = None) -> Tensor:
        """The weight of each token of an answer, [b] float64, for any slice of the step: its `lengths` [b] and `group`
        [b].

        An empty answer has weight 0, and so has everything in a step without a counted token.
        """
        long = lengths.double()
        if self.name == "token-mean":
            divisor = torch.full_like(long, self.tokens)
        elif self.name == "seq-mean-token-mean":
            divisor = self.nonempty * long
        elif self.name == "seq-mean-token-sum":
            divisor = torch.full_like(long, self.nonempty)
        elif self.name == "seq-mean-token-sum-norm":
            divisor = torch.full_like(long, self.sequences * (self.norm_length or 0))
        else:
            divisor = self._group_divisor(group).double()
        return torch.where(lengths > 0, 1.0 / divisor.clamp_min(1.0), 0.0)

    def _group_divisor(self, group: Tensor | None) -> Tensor:
        """K * D_g for each answer, [b]. Raises ValueError for a group that the step does not hold."""
        if group is None or self.group_ids is None or self.group_tokens is None:
            raise ValueError(f"{self.name} needs the group of each answer")
        place = torch.searchsorted(self.group_ids, group.contiguous()).clamp_max(len(self.group_ids) - 1)
        strangers = group[self.group_ids[place] != group]
        if len(strangers):
            raise ValueError(
                f"group {int(strangers[0])} is not in this step: count the denominators over the whole step"
            )
        return self.group_tokens[place] * (self.group_tokens > 0).sum()


def token_weights(name: str, mask: Tensor, group: Tensor | None = None, norm_length: int | None = None) -> Tensor:
    """Weights [B, T] float64 of a step that is one batch, 0 where uncounted: `(weights * values).sum()` is the loss."""
    mask = as_mask(mask)
    lengths = mask.sum(1)
    weights = Denominators.of(name, lengths, group, norm_length).weights(lengths, group)
    return torch.where(mask, weights[:, None], 0.0)


def weighted_sum(values: Tensor, mask: Tensor, weights: Tensor) -> Tensor:
    """`sum_i weights_i * sum_t mask_it * values_it`: the slice's share of the step's loss, a scalar.

    values [B, T], mask [B, T], weights [B] from `Denominators.weights`. Uncounted values may be NaN.
    """
    mask = as_mask(mask)
    return (counted(values, mask).sum(1) * weights.to(values.dtype)).sum()
