"""The resolved objective: every number of it in one record, printed and saved by every run.

`Objective` says what is optimised; nothing outside it changes the loss. `PRESETS` in `presets.py` are objectives by
name. The order of use, for one optimizer step of N answers:

    objective.check_group_size(8)
    rewards = objective.shaped_rewards(rewards, lengths=lengths, limit=limit)                  # [N]
    advantages = objective.advantages(rewards, group, scored, correct=correct).values          # [N]
    denominators = objective.denominators(lengths, group, limit)                               # of all N answers
    for batch in micro_batches:
        value, stats = objective.token_loss(logp, old_logp, advantages[batch], mask)           # [b, T]
        weighted_sum(value, mask, denominators.weights(lengths[batch], group[batch])).backward()

Not covered: PPO with a value model, and REINFORCE++ with token-level returns (its pieces are in `advantages.py`). The
entropy bonus (`entropy_coef`) and dynamic sampling are settings here and carried out by the loop.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from verigym.trainer.objective import advantages as adv
from verigym.trainer.objective import checks, losses
from verigym.trainer.objective.corrections import correction, off_policy_keep
from verigym.trainer.objective.describe import describe
from verigym.trainer.objective.health import TokenStats
from verigym.trainer.objective.kl import ESTIMATORS
from verigym.trainer.objective.losses import PerToken
from verigym.trainer.objective.reductions import Denominators
from verigym.trainer.objective.rewards import sequence_kl, soft_overlong
from verigym.trainer.objective.tensors import as_mask, counted


class Arguments(NamedTuple):
    """What a loss may look at: log-probs and mask [B, T], advantages [B] or [B, T]."""

    logp: Tensor
    old_logp: Tensor
    advantages: Tensor
    mask: Tensor


LOSSES: dict[str, Callable[["Objective", Arguments], PerToken]] = {
    "ppo": lambda o, a: losses.ppo(*a, clip_low=o.clip_low, clip_high=o.clip_high),
    "reinforce": lambda o, a: losses.reinforce(a.logp, a.advantages, a.mask),
    "rloo_clipped": lambda o, a: losses.rloo_clipped(*a, clip_low=o.clip_low, clip_high=o.clip_high),
    "gspo": lambda o, a: losses.gspo(*a, clip_low=o.clip_low, clip_high=o.clip_high),
    "gspo_token": lambda o, a: losses.gspo_token(*a, clip_low=o.clip_low, clip_high=o.clip_high),
    "sapo": lambda o, a: losses.sapo(*a, tau_pos=o.tau_pos, tau_neg=o.tau_neg),
    "cispo": lambda o, a: losses.cispo(*a, clip_low=o.clip_low, clip_high=o.clip_high),
    "gmpo": lambda o, a: losses.gmpo(*a, clip_low=o.clip_low, clip_high=o.clip_high),
}
"""the policy term by name"""


@dataclass(frozen=True)
class Advantages:
    """values [N] float64, one an answer; groups: how many, and how many are dead (all 0 without a baseline: nothing
    dies)."""

    values: Tensor
    groups: adv.GroupCounts


@dataclass(frozen=True)
class Objective:
    """What is optimised. Raises ValueError for a name or number that cannot be meant, and says what to change."""

    loss: str = "ppo"
    """policy term: a key of LOSSES"""
    baseline: str = "group-mean"
    """taken from the reward: group-mean, leave-one-out, none"""
    scale: str = "group"
    """divides the advantage: group (its std), mean (the mean reward of the group), batch (std of all rewards of the
    step), whiten (mean and std over tokens), none"""
    std_ddof: int = 1
    """1: sample standard deviation, 0: population"""
    std_eps: float = 1e-6
    """added to the standard deviation (or the mean); under the root with scale=whiten"""
    dead_tol: float = adv.DEAD_TOLERANCE
    """a group whose rewards span no more than this has advantage exactly 0"""
    reduction: str = "seq-mean-token-mean"
    """how tokens become one loss: a key of REDUCTIONS"""
    norm_length: int | None = None
    """tokens, the constant L of seq-mean-token-sum-norm; None: the generation limit"""
    clip_low: float = 0.2
    """the ratio binds below 1 - clip_low (gmpo: the log-ratio below -clip_low)"""
    clip_high: float = 0.2
    """the ratio binds above 1 + clip_high (gmpo: the log-ratio above clip_high)"""
    dual_clip: float | None = None
    """where A < 0 the ppo term is at most this times |A|; None: off"""
    tau_pos: float = 1.0
    """sapo's temperature where A > 0"""
    tau_neg: float = 1.05
    """sapo's temperature where A <= 0"""
    kl_coef: float = 0.0
    """beta; 0 needs no reference model"""
    kl_placement: str = "loss"
    """loss: beyond advantage, clip and weights; reward: taken from each answer's reward before the baseline"""
    kl_estimator: str = "k3"
    """a key of ESTIMATORS; in the reward only k1 is right"""
    entropy_coef: float = 0.0
    """times the token-mean entropy of the step, taken from the loss"""
    correction: str = "none"
    """weight on the policy term where sampler and trainer differ: a key of CORRECTIONS"""
    correction_min: float | None = None
    """lower end of the band of mis-* corrections; None: open"""
    correction_max: float | None = None
    """cap of tis-* corrections, upper end of the band of mis-*; None: open"""
    off_policy_delta: float | None = None
    """drop answers with A < 0 whose log-prob fell by more than this per token, nats; None: off"""
    overlong: str = "none"
    """answers cut by the limit: none (their reward stands), mask (not counted), penalty (DAPO's soft overlong, on long
    ones)"""
    overlong_cache: int | None = None
    """tokens before the limit over which the penalty grows to -1; None: a fifth of it, DAPO's 4096 of 20480"""
    dynamic_sampling: bool = False
    """sample again until the step is full of groups with some right and some wrong answers"""

    def __post_init__(self) -> None:
        checks.check(self, LOSSES)

    @property
    def needs_reference(self) -> bool:
        """Whether a frozen reference model must be held."""
        return self.kl_coef > 0

    def check_group_size(self, size: int) -> None:
        """Raises ValueError when groups of `size` answers cannot carry this objective."""
        checks.check_group_size(self, size)

    def overlong_width(self, limit: int) -> int:
        """Tokens before `limit` over which the soft overlong penalty grows. Raises ValueError when they are more than
        `limit`."""
        width = self.overlong_cache if self.overlong_cache is not None else max(1, limit // 5)
        if width > limit:
            raise ValueError(
                f"overlong_cache={width} tokens is more than the generation limit of {limit}: every answer would be "
                "penalised; leave it out for a fifth of the limit"
            )
        return width

    def shaped_rewards(
        self,
        rewards: Tensor,
        *,
        lengths: Tensor | None = None,
        limit: int | None = None,
        old_logp: Tensor | None = None,
        ref_logp: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Rewards [N] float64 with the length penalty and the KL that belong in them.

        lengths [N] generated tokens and limit, the generation limit: for overlong=penalty. old_logp, ref_logp, mask [N,
        T]: for kl_placement=reward. Raises ValueError when one that is needed is missing.
        """
        shaped = rewards.double()
        if self.overlong == "penalty":
            if lengths is None or limit is None:
                raise ValueError("overlong='penalty' needs the lengths of the answers and the generation limit")
            shaped = shaped + soft_overlong(lengths, limit, self.overlong_width(limit))
        if self.kl_coef > 0 and self.kl_placement == "reward":
            if old_logp is None or ref_logp is None or mask is None:
                raise ValueError("kl_placement='reward' needs old_logp, ref_logp and mask of the whole step")
            shaped = shaped - self.kl_coef * sequence_kl(old_logp, ref_logp, mask)
        return shaped

    def advantages(
        self,
        rewards: Tensor,
        group: Tensor,
        scored: Tensor | None = None,
        *,
        lengths: Tensor | None = None,
        correct: Tensor | None = None,
    ) -> Advantages:
        """One advantage an answer, over the whole optimizer step: rewards, group, scored, lengths, correct all [N].

        scored: false where no verifier could score (A = 0, and out of every statistic). lengths: counted tokens, for
        scale=whiten. correct: 0/1, splits the count of dead groups. Raises ValueError for a group of one under a group
        baseline.
        """
        known = torch.ones_like(group, dtype=torch.bool) if scored is None else scored.bool()
        if self.baseline == "none":
            values = torch.where(known, rewards.double(), 0.0)
            live, groups = known, adv.GroupCounts(len(torch.unique(group)), 0, 0, 0)
        else:
            grouped = adv.Grouped.of(rewards, group, known, self.dead_tol)
            values = grouped.centred() if self.baseline == "group-mean" else grouped.leave_one_out()
            live, groups = grouped.live, grouped.counts(correct)
            if self.scale == "group":
                values = grouped.over_std(values, self.std_ddof, self.std_eps)
            elif self.scale == "mean":
                values = grouped.over_mean(values, self.std_eps)
        if self.scale == "batch":
            values = adv.over_batch_std(values, rewards, known, self.std_ddof, self.std_eps)
        elif self.scale == "whiten":
            if lengths is None:
                raise ValueError("scale='whiten' takes its mean and std over tokens: pass the lengths of the answers")
            values = adv.whiten(values, torch.where(known, lengths, 0), self.std_ddof, self.std_eps)
        return Advantages(torch.where(live, values, 0.0), groups)

    def counted(self, mask: Tensor, truncated: Tensor) -> Tensor:
        """The mask [B, T] of tokens that count, given which answers the limit cut [B]: overlong=mask empties those."""
        return as_mask(mask) & ~truncated.bool()[:, None] if self.overlong == "mask" else as_mask(mask)

    def denominators(self, lengths: Tensor, group: Tensor, limit: int) -> Denominators:
        """The denominators of a whole step: lengths [N] counted tokens, group [N], limit the generation limit in
        tokens."""
        return Denominators.of(self.reduction, lengths, group, self.norm_length or limit)

    def token_loss(
        self,
        logp: Tensor,
        old_logp: Tensor,
        advantages: Tensor,
        mask: Tensor,
        *,
        ref_logp: Tensor | None = None,
        sampler_logp: Tensor | None = None,
        copies: Tensor | None = None,
    ) -> tuple[Tensor, TokenStats]:
        """Policy and KL term of each token [B, T], before the reduction, and what happened to the tokens.

        copies [B]: how many identical answers each row stands for, in the counts. logp carries the gradient; old_logp
        may be `logp.detach()` when there is one update per rollout. Raises ValueError when the objective needs
        log-probs that were not given.
        """
        mask = as_mask(mask)
        old_logp = old_logp.detach()
        part = LOSSES[self.loss](self, Arguments(logp, old_logp, advantages, mask))
        if self.dual_clip is not None:
            part = losses.dual_clip(part, advantages, mask, self.dual_clip)
        value, applied, keep = part.value, None, None
        if self.correction != "none":
            if sampler_logp is None:
                raise ValueError(
                    f"correction={self.correction!r} needs sampler_logp, the log-probs recorded at sampling"
                )
            applied = correction(
                self.correction, old_logp, sampler_logp, mask, low=self.correction_min, high=self.correction_max
            )
            value = value * applied.weights
        if self.off_policy_delta is not None:
            base = old_logp if sampler_logp is None else sampler_logp
            keep = off_policy_keep(logp, base, advantages, mask, self.off_policy_delta)
            value = counted(value, mask & keep[:, None])
        if self.kl_coef > 0 and self.kl_placement == "loss":
            if ref_logp is None:
                raise ValueError(
                    f"kl_coef={self.kl_coef} needs ref_logp, the reference's log-probs; set kl_coef to 0 to do without"
                )
            value = value + self.kl_coef * ESTIMATORS[self.kl_estimator].run(logp, ref_logp, mask, old_logp)
        stats = TokenStats.of(
            part,
            logp,
            old_logp,
            advantages,
            mask,
            ref_logp=ref_logp,
            sampler_logp=sampler_logp,
            applied=applied,
            keep=keep,
            copies=copies,
        )
        return value, stats

    def describe(self, title: str = "objective", limit: int | None = None) -> str:
        """The objective in words and symbols, many lines: printed at the start of a run and saved as objective.txt.

        limit: the generation limit in tokens, named where the objective depends on it.
        """
        return describe(self, title, limit)
