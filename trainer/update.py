"""One step's learning: rewards to advantages, log-probs, loss, optimizer.

Denominators are those of the whole mini-batch, fixed before the first backward pass, so the gradient does not depend on
how it is cut into micro-batches, nor on the number of ranks: each holds the whole batch and learns from its share of
the rows, and gradients and sums are added up. Rows that cannot move the weights (advantage 0, no KL in the loss, no
entropy bonus) stay in the denominators and are left out of the forward pass; rollouts that say the same are scored
once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from verigym.trainer.batch import Batch
from verigym.trainer.config import Optim
from verigym.trainer.deal import passes
from verigym.trainer.logprobs import TokenScores, score_tokens
from verigym.trainer.objective.advantages import GroupCounts
from verigym.trainer.objective.health import SUMS, TokenStats
from verigym.trainer.objective.reductions import Denominators, weighted_sum
from verigym.trainer.objective.rewards import soft_overlong
from verigym.trainer.objective.table import Objective
from verigym.trainer.optimizer import Optimizer, learning_rate
from verigym.trainer.packing import PADDED, Packing, Piece
from verigym.trainer.ranks import ALONE, Ranks
from verigym.trainer.rollout import Rollout
from verigym.trainer.shard import is_cut, within


@dataclass(frozen=True)
class Learned:
    """What a step's update did. stats: token sums, None when nothing could be learned; skipped: optimizer steps left
    out because the gradient was not finite; idle: counted tokens of rows left out of the forward pass; masked,
    truncated: tokens of rollouts without a verdict, and filtered for their length; overlong: mean of the objective's
    own soft overlong penalty over the scored rollouts, None where it has none."""

    loss: float
    grad_norm: float
    lr: float
    stats: TokenStats | None
    groups: GroupCounts
    skipped: int
    idle: int
    masked: int
    truncated: int
    overlong: float | None = None


class Learner:
    """Holds what an update needs: the model, its optimizer, the frozen reference where the objective has one.

    limit: generation limit in tokens; temperature: of sampling; ranks: those that learn together; packing: when rows
    are laid end to end. moved: whether the weights have moved in an update that has not ended."""

    def __init__(
        self,
        model: Any,
        optimizer: Optimizer,
        objective: Objective,
        settings: Optim,
        *,
        pad_id: int,
        temperature: float,
        limit: int,
        reference: Any = None,
        ranks: Ranks = ALONE,
        packing: Packing = PADDED,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.objective = objective
        self.settings = settings
        self.pad_id = pad_id
        self.temperature = temperature
        self.limit = limit
        self.reference = reference
        self.ranks = ranks
        self.packing = packing
        self.moved = False

    def update(self, rollouts: Sequence[Rollout], step: int) -> Learned:
        """Learns from the rollouts of one step, in `updates_per_step` mini-batches of whole groups."""
        batch, advantages, groups, masked, truncated = self._prepare(rollouts)
        lr = learning_rate(self.settings, step)
        on_policy = self.settings.updates_per_step == 1
        old_logp = None if on_policy else self._score_all(self.model, batch)
        stats: TokenStats | None = None
        loss = norm = 0.0
        skipped = idle = 0
        for places in self._mini_batches(batch):
            part, mini_stats, mini_idle = self._backward(batch, advantages, places, old_logp)
            loss += part / self.settings.updates_per_step
            idle += mini_idle
            if mini_stats is None:
                continue
            stats = mini_stats if stats is None else stats + mini_stats
            self.moved = True
            mini_norm = self.optimizer.step(lr=lr, grad_clip=self.settings.grad_clip)
            skipped += not torch.isfinite(torch.tensor(mini_norm)).item()
            norm = max(norm, mini_norm)
        self.moved = False
        return Learned(
            loss=loss,
            grad_norm=norm,
            lr=lr,
            stats=stats,
            groups=groups,
            skipped=skipped,
            idle=idle,
            masked=masked,
            truncated=truncated,
            overlong=self._overlong(rollouts),
        )

    def _prepare(self, rollouts: Sequence[Rollout]) -> tuple[Batch, torch.Tensor, GroupCounts, int, int]:
        """Tensors of the step and one advantage a rollout, [N]."""
        scored = [r.verdict.scored for r in rollouts]
        filtered = [
            s and r.finish == "length" and self.objective.overlong == "mask"
            for r, s in zip(rollouts, scored, strict=True)
        ]
        counted = [s and not f for s, f in zip(scored, filtered, strict=True)]
        batch = Batch.of(rollouts, counted, pad_id=self.pad_id)
        old_logp = ref_logp = None
        if self.objective.kl_coef > 0 and self.objective.kl_placement == "reward":
            old_logp, ref_logp = self._score_all(self.model, batch), self._score_all(self.reference, batch)
        sampled = torch.tensor([r.sampled_tokens for r in rollouts])
        rewards = self.objective.shaped_rewards(
            torch.tensor([r.verdict.reward for r in rollouts], dtype=torch.double),
            lengths=sampled,
            limit=self.limit,
            old_logp=old_logp,
            ref_logp=ref_logp,
            mask=batch.mask,
        )
        known = all(r.verdict.correct is not None for r in rollouts if r.verdict.scored)
        found = self.objective.advantages(
            rewards,
            batch.group,
            torch.tensor(scored),
            lengths=batch.lengths,
            correct=torch.tensor([bool(r.verdict.correct) for r in rollouts]) if known else None,
        )
        masked = sum(r.sampled_tokens for r, s in zip(rollouts, scored, strict=True) if not s)
        truncated = sum(r.sampled_tokens for r, f in zip(rollouts, filtered, strict=True) if f)
        return batch, found.values, found.groups, masked, truncated

    def _overlong(self, rollouts: Sequence[Rollout]) -> float | None:
        """The mean of the penalty that `shaped_rewards` adds for length."""
        lengths = torch.tensor([r.sampled_tokens for r in rollouts if r.verdict.scored])
        if self.objective.overlong != "penalty" or not len(lengths):
            return None
        return float(soft_overlong(lengths, self.limit, self.objective.overlong_width(self.limit)).mean())

    def _mini_batches(self, batch: Batch) -> Iterator[torch.Tensor]:
        """Places of each mini-batch: whole groups, in the order of the step."""
        groups = torch.unique(batch.group)
        for piece in groups.tensor_split(self.settings.updates_per_step):
            places = torch.isin(batch.group, piece).nonzero()[:, 0]
            if len(places):
                yield places

    def _backward(
        self, batch: Batch, advantages: torch.Tensor, places: torch.Tensor, old_logp: torch.Tensor | None
    ) -> tuple[float, TokenStats | None, int]:
        """Gradients of one mini-batch. Returns its loss, token sums, and idle tokens."""
        lengths, group = batch.lengths[places], batch.group[places]
        weights = torch.zeros(len(batch.group), dtype=torch.double)
        weights[places] = self.objective.denominators(lengths, group, self.limit).weights(lengths, group)
        bonus = torch.zeros(len(batch.group), dtype=torch.double)
        bonus[places] = Denominators.of("token-mean", lengths).weights(lengths)
        moves = lengths > 0
        if self.objective.entropy_coef == 0 and not (
            self.objective.kl_coef > 0 and self.objective.kl_placement == "loss"
        ):
            moves &= advantages[places] != 0
        idle = int(lengths[~moves].sum())
        found, copies = self._distinct(batch, advantages, places[moves])
        weights[found], bonus[found] = weights[found] * copies, bonus[found] * copies
        copies_of = torch.zeros(len(batch.group), dtype=torch.double).index_copy(0, found, copies)
        stats: TokenStats | None = None
        loss = 0.0
        for (piece, packed), counts in self._passes(batch, found):
            rows = batch.rows(piece)
            scores = self._score(self.model, rows, packed=packed)
            device = scores.logp.device
            mask = rows.mask.to(device)
            width = mask.shape[1]
            with torch.no_grad():
                reference = self.reference
                ref_logp = self._score(reference, rows, packed=packed).logp if reference is not None else None
            value, piece_stats = self.objective.token_loss(
                scores.logp,
                scores.logp if old_logp is None else old_logp[piece, :width].to(device),
                advantages[piece].to(device),
                mask,
                ref_logp=ref_logp,
                sampler_logp=rows.sampler_logp.to(device),
                copies=copies_of[piece].to(device),
            )
            part = weighted_sum(value, mask, weights[piece].to(device))
            if scores.entropy is not None:
                part = part - self.objective.entropy_coef * weighted_sum(scores.entropy, mask, bonus[piece].to(device))
            (part if counts else 0 * part).backward()
            self.optimizer.gather()
            if counts:
                loss += float(part.detach())
                stats = piece_stats if stats is None else stats + piece_stats
        if len(found) and self.ranks.several:
            loss, stats = self._together(loss, stats)
        return loss, stats, idle

    def _together(self, loss: float, stats: TokenStats | None) -> tuple[float, TokenStats]:
        """The loss and the token sums of all ranks."""
        sums, largest = torch.zeros(1 + len(SUMS), dtype=torch.double), torch.zeros(1, dtype=torch.double)
        sums[0] = loss
        if stats is not None:
            sums[1:], largest[0] = stats.sums, stats.largest_mismatch
        sums, largest = self.ranks.sum(sums), self.ranks.largest(largest)
        return float(sums[0]), TokenStats(sums[1:], largest[0])

    def _passes(self, batch: Batch, places: torch.Tensor) -> list[tuple[Piece, bool]]:
        """This rank's forward passes over some rows, and whether each counts."""

        def plan(part: torch.Tensor) -> list[Piece]:
            return self.packing.plan(batch.widths, part, self.settings.micro_batch_tokens)

        return passes(batch.widths, places, self.ranks, plan, level=is_cut(self.model))

    def _distinct(
        self, batch: Batch, advantages: torch.Tensor, places: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One place for each distinct answer, and how many rollouts said it, [n] float64.

        The same tokens after the same prompt have the same log-probs and the same gradient, so they are scored once and
        weigh as often as they were sampled. Where the sampler's own log-probs enter the loss, which differ in their
        last bits, none are merged.
        """
        if self.objective.correction != "none" or self.objective.off_policy_delta is not None:
            return places, torch.ones(len(places), dtype=torch.double)
        first: dict[tuple[float, bytes, bytes], int] = {}
        counts: dict[int, int] = {}
        ids, mask, values = batch.ids.numpy(), batch.mask.numpy(), advantages.tolist()
        for place in places.tolist():
            key = (values[place], ids[place].tobytes(), mask[place].tobytes())
            kept = first.setdefault(key, place)
            counts[kept] = counts.get(kept, 0) + 1
        return torch.tensor(list(counts), dtype=torch.long), torch.tensor(list(counts.values()), dtype=torch.double)

    def _score_all(self, model: Any, batch: Batch) -> torch.Tensor:
        """Log-probs of every counted token of the step without a gradient, [N, T] on the CPU."""
        found = torch.zeros(batch.mask.shape)
        with torch.no_grad():
            for (piece, packed), counts in self._passes(batch, torch.arange(len(batch.group))):
                rows = batch.rows(piece)
                logp = self._score(model, rows, packed=packed).logp
                if counts:
                    found[piece, : rows.mask.shape[1]] = logp.cpu()
        return self.ranks.sum(found)

    def _score(self, model: Any, rows: Batch, *, packed: bool) -> TokenScores:
        device = model.device
        return within(
            model,
            score_tokens,
            rows.ids.to(device),
            rows.attention.to(device),
            rows.prompt_lengths.to(device),
            rows.mask.to(device),
            temperature=self.temperature,
            with_entropy=self.objective.entropy_coef > 0,
            packed=packed,
        )
