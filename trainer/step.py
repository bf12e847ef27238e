"""One step of training: sample groups, drop the dead ones where the objective says so, and account for every token.

sampled = sample_groups(session, step=3, cursor=72)
metrics = step_metrics(3, sampled, learner.update(sampled.kept, 3))
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from verigym.trainer.rollout import Rollout
from verigym.trainer.stream import ProblemStream
from verigym.trainer.update import Learned
from verigym.verifiers.verdict import Status


@dataclass
class Sampled:
    """What one step drew. size: rollouts of a group; kept: rollouts to learn from; dropped: of groups that dynamic
    sampling passed over; rounds: problems drawn, over those that make a step, rounded up; cursor: after the last
    problem drawn; curriculum: what was known of the levels as they were drawn; probes: what the canary looks at."""

    size: int
    kept: list[Rollout] = field(default_factory=list)
    dropped: list[Rollout] = field(default_factory=list)
    rounds: int = 0
    cursor: int = 0
    curriculum: Mapping[str, Any] = field(default_factory=dict)
    probes: list[Rollout] = field(default_factory=list)

    @property
    def all(self) -> list[Rollout]:
        """Every rollout of the step."""
        return self.kept + self.dropped


def has_signal(group: Sequence[Rollout]) -> bool:
    """Whether a group holds both right and wrong answers (arXiv:2503.14476); where no verifier can say what is right,
    whether its rewards differ."""
    scored = [r.verdict for r in group if r.verdict.scored]
    if any(verdict.correct is None for verdict in scored):
        rewards = [verdict.reward for verdict in scored]
        return max(rewards) - min(rewards) > 1e-6
    return 0 < sum(bool(verdict.correct) for verdict in scored) < len(scored)


def sample_groups(
    stream: ProblemStream,
    cursor: int,
    groups: int,
    size: int,
    roll: Callable[[Sequence[Any], int], list[Rollout]],
    *,
    dynamic_rounds: int,
) -> Sampled:
    """Rollouts of `groups` problems. `roll(problems, first_group)` samples `size` of each.

    dynamic_rounds > 0: groups without a signal are dropped and others sampled in their place, from at most so many
    times `groups` problems."""
    step = Sampled(size=size, cursor=cursor)
    most, wanted, drawn = groups * max(1, dynamic_rounds), groups, 0
    while wanted and drawn < most:
        problems, step.cursor = stream.take(min(wanted, most - drawn), step.cursor)
        rollouts = roll(problems, drawn)
        drawn += len(problems)
        for start in range(0, len(rollouts), size):
            group = rollouts[start : start + size]
            (step.kept if not dynamic_rounds or has_signal(group) else step.dropped).extend(group)
        wanted = groups - len(step.kept) // size if dynamic_rounds else 0
    step.rounds = -(-drawn // groups)
    return step


def step_metrics(
    step: int, sampled: Sampled, learned: Learned, *, correcting: bool = False, resampled: int = 0
) -> dict[str, Any]:
    """One line of metrics.jsonl. Shares and means are over all rollouts of the step, dropped ones included; rewards
    over scored ones.

    entropy: the mean of -log p over the sampled tokens, an unbiased estimate over every state the policy visited, in
    nats. corrected: the share of learned tokens that the correction capped or removed, None where none is on.
    lag_mean, lag_max: over sampled tokens, how many versions older than the newest the weights were that sampled it.
    resampled: requests that the engine lost with a part of it, and sampled again."""
    rollouts = sampled.all
    scored = [r for r in rollouts if r.verdict.scored]
    lengths = sorted(r.sampled_tokens for r in rollouts)
    # Means over every sampled rollout show the policy; those over the kept ones alone would show the filter.
    dropped_groups = [sampled.dropped[i : i + sampled.size] for i in range(0, len(sampled.dropped), sampled.size)]
    dropped_right = sum(all(r.verdict.correct for r in group) for group in dropped_groups)
    groups = learned.groups.groups + len(dropped_groups)
    health = learned.stats.summary() if learned.stats is not None else {}
    tokens = account(sampled, learned, health)
    return {
        "step": step,
        "reward": _mean(r.verdict.reward for r in scored),
        "correct": _mean(float(bool(r.verdict.correct)) for r in scored),
        "length": _mean(lengths),
        "length_p95": float(lengths[min(len(lengths) - 1, int(0.95 * len(lengths)))]) if lengths else 0.0,
        "truncated": _mean(r.finish == "length" for r in rollouts),
        "malformed": _mean(r.verdict.status is Status.MALFORMED for r in rollouts),
        "timeouts": _mean(r.verdict.status is Status.TIMEOUT for r in rollouts),
        "errors": _mean(not r.verdict.scored for r in rollouts),
        "dead": (learned.groups.dead + len(dropped_groups)) / max(1, groups),
        "dead_right": (learned.groups.dead_right + dropped_right) / max(1, groups),
        "dead_wrong": (learned.groups.dead_wrong + len(dropped_groups) - dropped_right) / max(1, groups),
        "entropy": -sum(sum(r.logps) for r in rollouts) / max(1, tokens["sampled"]),
        "loss": learned.loss,
        "grad_norm": learned.grad_norm,
        "lr": learned.lr,
        "clip_low": health.get("clip_fraction_low", 0.0),
        "clip_high": health.get("clip_fraction_high", 0.0),
        "update_kl": health.get("approx_kl_k3", 0.0),
        "kl": health.get("kl_k3", 0.0),
        "mismatch": health.get("mismatch_k3", 0.0),
        "mismatch_max": health.get("mismatch_max", 0.0),
        "corrected": health.get("correction_touched", 0.0) if correcting else None,
        "ess": health.get("ess_token", 1.0),
        "skipped": learned.skipped,
        "rounds": sampled.rounds,
        **lags(rollouts, step - 1),
        "resampled": resampled,
        "tokens": tokens,
        "parts": mean_parts(scored, learned),
    }


def lags(rollouts: Sequence[Rollout], newest: int) -> dict[str, float]:
    """`lag_mean` and `lag_max`: how many versions older than `newest` the weights were that sampled a token."""
    runs = [(newest - version, n) for rollout in rollouts for version, n in rollout.runs if n]
    tokens = sum(n for _, n in runs)
    mean = sum(lag * n for lag, n in runs) / tokens if tokens else 0.0
    return {"lag_mean": mean, "lag_max": max((lag for lag, _ in runs), default=0)}


def mean_parts(scored: Sequence[Rollout], learned: Learned) -> dict[str, float]:
    """The mean of each part over the rollouts that have it, in their order, and of the penalty that the objective
    itself adds."""
    names = dict.fromkeys(name for r in scored for name in r.verdict.parts)
    parts = {name: _mean(r.verdict.parts[name] for r in scored if name in r.verdict.parts) for name in names}
    return parts if learned.overlong is None else {**parts, "objective.overlong": learned.overlong}


def account(sampled: Sampled, learned: Learned, health: dict[str, float]) -> dict[str, int]:
    """Where every sampled token went. All but `sampled` add up to it:

    trained     moved the weights             masked      no verdict could be given
    clipped     stopped by the clip           truncated   filtered for its length
    corrected   removed by a correction       dropped     of a group passed over
                or gate                       dead        of an answer with advantage 0"""
    return {
        "sampled": sum(r.sampled_tokens for r in sampled.all),
        "trained": int(health.get("tokens_trained", 0)),
        "clipped": int(health.get("tokens_stopped", 0)),
        "corrected": int(health.get("tokens_removed", 0)),
        "masked": learned.masked,
        "truncated": learned.truncated,
        "dropped": sum(r.sampled_tokens for r in sampled.dropped),
        "dead": learned.idle + int(health.get("tokens_no_advantage", 0)),
    }


def _mean(values: Any) -> float:
    numbers = [float(value) for value in values]
    return sum(numbers) / len(numbers) if numbers else 0.0
