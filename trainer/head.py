"""The output head over blocks of the vocabulary: log-probs and entropies without ever holding `[N, V]`.

A block's logits are made, added to the running sums, and dropped; the backward pass makes them again. Cutting the
vocabulary and not the tokens means that every row of the head gets its gradient in one matrix product, in any type of
weights, and that nothing but the hidden states and one number a token is kept in between.

    score_blocks(head, hidden, targets, Scale.of(model.config, 1.0), with_entropy=False, cells=1 << 24)

N tokens, H width of the model, V vocabulary, C columns of a block.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch.autograd.function import once_differentiable


class Scale(NamedTuple):
    """What a model does to its logits after the head, and the temperature."""

    multiplier: float
    softcap: float | None
    temperature: float

    @classmethod
    def of(cls, config: Any, temperature: float) -> "Scale":
        """Cohere multiplies by logit_scale, Granite divides by logits_scaling, Gemma 2 bends with a soft cap."""
        multiplier = float(getattr(config, "logit_scale", None) or 1.0) / float(
            getattr(config, "logits_scaling", None) or 1.0
        )
        return cls(multiplier, getattr(config, "final_logit_softcapping", None), temperature)

    def logits(self, raw: torch.Tensor) -> torch.Tensor:
        """What is sampled from, in fp32, from what the head gives, [..., V]."""
        logits = raw.float() * self.multiplier
        if self.softcap is not None:
            logits = self.softcap * torch.tanh(logits / self.softcap)
        return logits / self.temperature

    def into(self, raw: torch.Tensor) -> torch.Tensor:
        """The same, where nothing of `raw` is needed afterwards."""
        logits = raw.float()
        if self.softcap is not None:
            return logits.mul_(self.multiplier / self.softcap).tanh_().mul_(self.softcap / self.temperature)
        factor = self.multiplier / self.temperature
        return logits if factor == 1 else logits.mul_(factor)

    def slope(self, logits: torch.Tensor) -> torch.Tensor | float:
        """How the logits move with what the head gives."""
        factor = self.multiplier / self.temperature
        if self.softcap is None:
            return factor
        return factor * (1 - (logits * (self.temperature / self.softcap)).square())


def score_blocks(
    head: torch.nn.Linear,
    hidden: torch.Tensor,
    targets: torch.Tensor,
    scale: Scale,
    *,
    with_entropy: bool,
    cells: int,
) -> torch.Tensor:
    """hidden [N, H], targets [N] -> [N, 1] log-probs in nats, or [N, 2] with the entropies beside them.

    cells: most logits of a block. Gradients reach `hidden` and the head."""
    columns = max(1, cells // max(1, len(targets)))

    def blocks(states: torch.Tensor) -> torch.Tensor:
        return _Blocks.apply(states, head.weight, head.bias, _Way(targets, scale, with_entropy, columns))

    # The head is called as the module it is, so that whoever watches it (weights cut over ranks are put together
    # before its forward and its backward pass) sees it called.
    head.forward = blocks
    try:
        return head(hidden)
    finally:
        del head.forward


class _Way(NamedTuple):
    """What is asked of the blocks. columns: of each."""

    targets: torch.Tensor
    scale: Scale
    with_entropy: bool
    columns: int


class _Blocks(torch.autograd.Function):
    """Two passes over the blocks: forward for the sums, backward for the gradients.

    With l the logits, p their softmax and Z its log-sum: logp = l_target - Z moves with l as [v is the target] - p_v,
    and the entropy H = Z - sum p l as -p_v (l_v - Z + H)."""

    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, way: _Way
    ) -> torch.Tensor:
        taken = hidden.new_zeros(len(hidden), dtype=torch.float32)
        sums, means = [], []
        for start, end in _cuts(len(weight), way.columns):
            logits = way.scale.into(torch.nn.functional.linear(hidden, weight[start:end], _part(bias, start, end)))
            here, place = _within(way.targets, start, end)
            taken = torch.where(here, logits.gather(1, place)[:, 0], taken)
            sums.append(logits.logsumexp(1))
            if way.with_entropy:
                means.append((logits.softmax(1) * logits).sum(1))
        total = torch.stack(sums).logsumexp(0)
        scores = [taken - total]
        if way.with_entropy:
            shares = (torch.stack(sums) - total).exp()
            scores.append(total - (shares * torch.stack(means)).sum(0))
        found = torch.stack(scores, dim=1)
        ctx.save_for_backward(hidden, weight, bias, total, found)
        ctx.way = way
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        hidden, weight, bias, total, found = ctx.saved_tensors
        way: _Way = ctx.way
        wants_hidden, wants_weight, wants_bias = ctx.needs_input_grad[:3]
        # Sums over the blocks in fp32 at least; a row of the head is written once.
        to_hidden = torch.zeros_like(hidden, dtype=torch.promote_types(hidden.dtype, torch.float32))
        to_weight = torch.empty_like(weight) if wants_weight else None
        to_bias = torch.empty_like(bias) if wants_bias else None
        by_logp = upstream[:, 0:1]
        by_entropy = upstream[:, 1:2] if upstream.shape[1] > 1 else None
        for start, end in _cuts(len(weight), way.columns):
            rows = weight[start:end]
            logits = way.scale.into(torch.nn.functional.linear(hidden, rows, _part(bias, start, end)))
            slope = way.scale.slope(logits)
            logits -= total[:, None]  # now the log-probs
            if by_entropy is None:
                moved = logits.exp_().mul_(-by_logp)
            else:
                moved = logits.exp().mul_(-by_logp - by_entropy * (logits + found[:, 1:2]))
            here, place = _within(way.targets, start, end)
            moved.scatter_add_(1, place, torch.where(here[:, None], by_logp, 0.0))
            moved = moved.mul_(slope).to(hidden.dtype)
            if wants_hidden:
                to_hidden += moved @ rows
            if to_weight is not None:
                torch.mm(moved.T, hidden, out=to_weight[start:end])
            if to_bias is not None:
                to_bias[start:end] = moved.sum(0)
        return to_hidden.to(hidden.dtype) if wants_hidden else None, to_weight, to_bias, None


def _cuts(size: int, columns: int) -> Iterator[tuple[int, int]]:
    for start in range(0, size, columns):
        yield start, min(size, start + columns)


def _part(bias: torch.Tensor | None, start: int, end: int) -> torch.Tensor | None:
    return None if bias is None else bias[start:end]


def _within(targets: torch.Tensor, start: int, end: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Which targets lie in a block, [N] bool, and their columns in it, [N, 1]; 0 for the others."""
    here = (targets >= start) & (targets < end)
    return here, torch.where(here, targets - start, 0)[:, None]
