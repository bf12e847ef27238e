"""Rewards to advantages.

Rewards [B] are one number an answer and `group` [B] says which answers share a problem (any integers, in any order,
groups of any size). Everything is computed in float64 over the *whole* optimizer step, before it is split, and carries
no gradient.

Two rules hold everywhere. A group whose scored rewards lie within `tol` of one another (max - min <= tol) is *dead*:
its advantages are exactly 0, decided before any mean or std could round. An answer that no verifier could score
(`scored` false) leaves its group's statistics and gets 0.

    centred(torch.tensor([1.0, 0.0]), torch.tensor([7, 7]))      # [0.5, -0.5]
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from verigym.trainer.objective.tensors import as_mask

DEAD_TOLERANCE = 1e-6
"""rewards this close are equal: wider than float32 rounding near 1, narrower than a difference worth learning"""


@dataclass(frozen=True)
class Grouped:
    """Rewards sorted into groups: K groups, `index` [B] the group of each answer, all per-group tensors [K]."""

    index: Tensor
    rewards: Tensor
    scored: Tensor
    count: Tensor
    """scored answers of each group"""
    dead: Tensor

    @classmethod
    def of(cls, rewards: Tensor, group: Tensor, scored: Tensor | None = None, tol: float = DEAD_TOLERANCE) -> "Grouped":
        """Raises ValueError when the shapes differ or a group holds a single answer."""
        if rewards.dim() != 1 or group.shape != rewards.shape:
            raise ValueError(f"rewards and group must both be [B], got {list(rewards.shape)} and {list(group.shape)}")
        ids, index, sizes = torch.unique(group, return_inverse=True, return_counts=True)
        if len(ids) and int(sizes.min()) < 2:
            raise ValueError(
                f"group {int(ids[sizes.argmin()])} holds 1 answer: a group baseline compares at least 2; "
                "set --group-size to 2 or more, or --baseline none"
            )
        scored = torch.ones_like(group, dtype=torch.bool) if scored is None else scored.bool()
        rewards = torch.where(scored, rewards.detach().double(), 0.0)
        if not bool(torch.isfinite(rewards).all()):
            raise ValueError("a scored reward is not finite: mark it as unscored")
        count = torch.zeros(len(ids), dtype=torch.double, device=group.device).index_add_(0, index, scored.double())
        top = torch.full_like(count, -torch.inf).scatter_reduce(0, index[scored], rewards[scored], "amax")
        bottom = torch.full_like(count, torch.inf).scatter_reduce(0, index[scored], rewards[scored], "amin")
        return cls(index, rewards, scored, count, dead=~(top - bottom > tol))

    def mean(self, values: Tensor) -> Tensor:
        """The mean over the scored answers of each group, [B] to [K]; 0 for a group without any."""
        total = torch.zeros_like(self.count).index_add_(0, self.index, torch.where(self.scored, values, 0.0))
        return total / self.count.clamp_min(1)

    @property
    def live(self) -> Tensor:
        """Which answers can have an advantage, [B] bool: scored, and in a group that is not dead."""
        return self.scored & ~self.dead[self.index]

    def centred(self) -> Tensor:
        """R_i - mean_g [B], exactly 0 where dead or unscored."""
        return torch.where(self.live, self.rewards - self.mean(self.rewards)[self.index], 0.0)

    def leave_one_out(self) -> Tensor:
        """R_i - mean of the others in the group [B], exactly 0 where dead or unscored."""
        return self.centred() * (self.count / (self.count - 1).clamp_min(1))[self.index]

    def over_std(self, values: Tensor, ddof: int, eps: float) -> Tensor:
        """values / (std_g + eps) [B], the std of the group's scored rewards; exactly 0 where dead or unscored."""
        squares = self.mean(self.centred().square()) * self.count
        std = (squares / (self.count - ddof).clamp_min(1)).sqrt()
        return torch.where(self.live, values / (std[self.index] + eps), 0.0)

    def over_mean(self, values: Tensor, eps: float) -> Tensor:
        """values / (mean_g + eps) [B], the mean of the group's scored rewards.  MaxRL, arXiv:2602.02710

        The gradient is then that of the log of the success rate, so hard problems weigh more. Raises ValueError for a
        negative reward: a mean near 0 would then say nothing about success.
        """
        lowest = float(self.rewards.min()) if len(self.rewards) else 0.0
        if lowest < 0:
            raise ValueError(
                f"scale='mean' divides by a success rate, and a reward is {lowest}: use rewards of 0 or more, or set "
                "scale to none"
            )
        return torch.where(self.live, values / (self.mean(self.rewards)[self.index] + eps), 0.0)

    def counts(self, correct: Tensor | None = None) -> "GroupCounts":
        """How many groups are dead, and why. correct [B] 0/1; without it every dead group counts as `other`."""
        right = wrong = torch.zeros_like(self.dead)
        if correct is not None:
            known, share = self.dead & (self.count > 0), self.mean((correct > 0).double())
            right, wrong = known & (share == 1), known & (share == 0)
        dead, all_right, all_wrong = int(self.dead.sum()), int(right.sum()), int(wrong.sum())
        return GroupCounts(len(self.count), all_right, all_wrong, dead - all_right - all_wrong)


@dataclass(frozen=True)
class GroupCounts:
    """How many groups there are, and how many are dead, by why: all answers right, all wrong, or equal for another
    reason (one reward for right and wrong alike, correctness unknown, nothing scored)."""

    groups: int
    dead_right: int
    dead_wrong: int
    dead_other: int

    @property
    def dead(self) -> int:
        """All dead groups."""
        return self.dead_right + self.dead_wrong + self.dead_other

    @property
    def dead_share(self) -> float:
        """Dead groups over groups; 0 when there are none."""
        return self.dead / self.groups if self.groups else 0.0


def centred(rewards: Tensor, group: Tensor, scored: Tensor | None = None, tol: float = DEAD_TOLERANCE) -> Tensor:
    """A_i = R_i - mean_g [B].  Dr. GRPO, arXiv:2503.20783"""
    return Grouped.of(rewards, group, scored, tol).centred()


def leave_one_out(rewards: Tensor, group: Tensor, scored: Tensor | None = None, tol: float = DEAD_TOLERANCE) -> Tensor:
    """A_i = R_i - mean of the others = G/(G-1) (R_i - mean_g) [B].  RLOO, arXiv:2402.14740"""
    return Grouped.of(rewards, group, scored, tol).leave_one_out()


def group_normalised(
    rewards: Tensor,
    group: Tensor,
    scored: Tensor | None = None,
    *,
    ddof: int = 1,
    eps: float = 1e-6,
    tol: float = DEAD_TOLERANCE,
) -> Tensor:
    """A_i = (R_i - mean_g) / (std_g + eps) [B].  GRPO, arXiv:2402.03300

    ddof  1: sample standard deviation (n - 1), 0: population (n)
    """
    grouped = Grouped.of(rewards, group, scored, tol)
    return grouped.over_std(grouped.centred(), ddof, eps)


def over_batch_std(
    advantages: Tensor, rewards: Tensor, scored: Tensor | None = None, ddof: int = 1, eps: float = 1e-6
) -> Tensor:
    """A_i / (std(R) + eps) [B], the std of all scored raw rewards of the step.  arXiv:2508.08221"""
    kept = rewards.double() if scored is None else rewards.double()[scored.bool()]
    std = kept.std(correction=ddof) if len(kept) > ddof else kept.new_zeros(())
    return torch.where(advantages == 0, 0.0, advantages / (std + eps))


def whiten(values: Tensor, counts: Tensor, ddof: int = 1, eps: float = 1e-8) -> Tensor:
    """(a - mean) / sqrt(var + eps) over the counted tokens of the whole step, 0 where nothing counts.  arXiv:2501.03262

    values and counts have one shape: [B, T] with a 0/1 mask, or [B] with each answer's number of counted tokens, which
    gives what broadcasting to tokens first would give.
    """
    values, counts = values.detach().double(), counts.double()
    values = torch.where(counts > 0, values, 0.0)
    total = counts.sum()
    centre = values - (counts * values).sum() / total.clamp_min(1)
    variance = (counts * centre.square()).sum() / (total - ddof).clamp_min(1)
    return torch.where(counts > 0, centre / (variance + eps).sqrt(), 0.0)


def reward_to_go(token_rewards: Tensor, mask: Tensor, gamma: float = 1.0) -> Tensor:
    """The discounted sum of rewards from each counted token on [B, T], 0 elsewhere.  REINFORCE++, arXiv:2501.03262

    Uncounted tokens are bridged: the token after a counted one is the next *counted* one, and costs one gamma.
    """
    mask = as_mask(mask)
    token_rewards = torch.where(mask, token_rewards.double(), 0.0)
    returns = torch.zeros_like(token_rewards)
    running = token_rewards.new_zeros(len(token_rewards))
    for t in reversed(range(mask.shape[1])):
        running = torch.where(mask[:, t], token_rewards[:, t] + gamma * running, running)
        returns[:, t] = torch.where(mask[:, t], running, 0.0)
    return returns


def process(
    step_rewards: Tensor,
    step_end: Tensor,
    group: Tensor,
    mask: Tensor,
    *,
    ddof: int = 1,
    eps: float = 1e-6,
    tol: float = DEAD_TOLERANCE,
) -> Tensor:
    """A_it = sum over steps that end at or after t of (s_ij - mean) / (std + eps) [B, T]: GRPO process supervision,
    arXiv:2402.03300

    step_rewards [B, S]; step_end [B, S] the token at which each step ends, -1 where an answer has fewer steps; mask [B,
    T]. Mean and std are over *all* step rewards of the group. The sum grows with the number of remaining steps: watch
    the length.
    """
    mask = as_mask(mask)
    real = step_end >= 0
    owner = group[:, None].expand(step_end.shape)[real]
    scores = torch.zeros(step_end.shape, dtype=torch.double, device=mask.device)
    scores[real] = group_normalised(step_rewards[real], owner, ddof=ddof, eps=eps, tol=tol)
    ending = torch.zeros(mask.shape, dtype=torch.double, device=mask.device).scatter_add(
        1, step_end.clamp_min(0), scores
    )
    return torch.where(mask, ending.flip(1).cumsum(1).flip(1), 0.0)


def mixed_groups(correct: Tensor, group: Tensor, scored: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """DAPO's dynamic sampling: the group ids, ascending [K], and whether to keep each [K]: 0 < right answers < scored
    answers.

    Decided by correctness, before any shaping of rewards.  arXiv:2503.14476
    """
    ids, index = torch.unique(group, return_inverse=True)
    scored = torch.ones_like(group) if scored is None else scored.long()
    right = torch.zeros_like(ids).index_add_(0, index, (correct > 0).to(ids.dtype) * scored)
    answers = torch.zeros_like(ids).index_add_(0, index, scored.to(ids.dtype))
    return ids, (right > 0) & (right < answers)
