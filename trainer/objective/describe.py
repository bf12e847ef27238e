"""The resolved objective as text a person can read and `diff` can compare: one line a choice, the same order always."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verigym.trainer.objective.corrections import CORRECTIONS
from verigym.trainer.objective.kl import ESTIMATORS
from verigym.trainer.objective.reductions import REDUCTIONS

if TYPE_CHECKING:
    from verigym.trainer.objective.table import Objective

FORMULAS = {
    "ppo": "-min(r·A, clip(r; {below}, {above})·A)",
    "reinforce": "-A·ℓ",
    "rloo_clipped": "-min(R·A, clip(R; {below}, {above})·A), R = exp(Σ_t(ℓ - ℓ°)) of the whole answer",
    "gspo": "-min(s·A, clip(s; {below}, {above})·A), s = exp(mean_t(ℓ - ℓ°)) of the whole answer",
    "gspo_token": "-min(s_t·A, clip(s_t; {below}, {above})·A), s_t = sg[s]·exp(ℓ - sg[ℓ]), s = exp(mean_t(ℓ - ℓ°))",
    "sapo": "-(4/τ)·σ(τ(r - 1))·A, τ = {tau_pos:g} where A > 0, else {tau_neg:g}",
    "cispo": "-sg[clip(r; {below}, {above})]·A·ℓ",
    "gmpo": "-A·exp(mean_t z), z = min(ℓ - ℓ°, {high:g}) where A > 0, else max(ℓ - ℓ°, -{low:g})",
}
CLIPPED = ("ppo", "rloo_clipped", "gspo", "gspo_token", "cispo")


def describe(objective: Objective, title: str, limit: int | None) -> str:
    """See `Objective.describe`."""
    rows = {
        "policy term": _policy(objective),
        "clip": _clip(objective),
        "advantage": _advantage(objective),
        "dead groups": _dead(objective),
        "reduction": _reduction(objective, limit),
        "KL": _kl(objective),
        "entropy": f"-{objective.entropy_coef:g}·H, H = token-mean entropy of the step"
        if objective.entropy_coef
        else "no bonus",
        "sampler": _sampler(objective),
        "truncated": _truncated(objective, limit),
        "sampling": "groups that are all right or all wrong are sampled again (dynamic sampling)"
        if objective.dynamic_sampling
        else "every sampled group is used (no dynamic sampling)",
    }
    head = f"{title}: minimise Σ_i w_i Σ_t m·(policy term{' + KL' if _kl_in_loss(objective) else ''})"
    note = (
        "ℓ current, ℓ° old, ℓˢ sampler, ℓʳ reference log-prob of the taken token; "
        "r = exp(ℓ - ℓ°); sg[·] no gradient; m = 1 where counted"
    )
    return "\n".join([head, f"  {note}", *(f"  {name:<12} {text}" for name, text in rows.items())]) + "\n"


def _kl_in_loss(objective: Objective) -> bool:
    return objective.kl_coef > 0 and objective.kl_placement == "loss"


def _policy(objective: Objective) -> str:
    """The loss with its numbers in it."""
    below = "-∞" if objective.loss == "cispo" and objective.clip_low >= 1 else f"1-{objective.clip_low:g}"
    text = FORMULAS[objective.loss].format(
        below=below,
        above=f"1+{objective.clip_high:g}",
        low=objective.clip_low,
        high=objective.clip_high,
        tau_pos=objective.tau_pos,
        tau_neg=objective.tau_neg,
    )
    return f"{objective.loss}: {text}"


def _clip(objective: Objective) -> str:
    if objective.loss == "gmpo":
        text = f"log-ratio of a token at -{objective.clip_low:g} and +{objective.clip_high:g}"
    elif objective.loss in CLIPPED:
        text = f"low {objective.clip_low:g}, high {objective.clip_high:g}"
        text += " (no lower bound)" if objective.loss == "cispo" and objective.clip_low >= 1 else ""
    else:
        text = "none"
    if objective.dual_clip is not None:
        text += f"; dual clip: at most {objective.dual_clip:g}·|A| where A < 0"
    return text


def _advantage(objective: Objective) -> str:
    """Baseline, scale, epsilon and kind of standard deviation, in one formula."""
    centre = {
        "group-mean": "R - mean of its group",
        "leave-one-out": "R - mean of the others in its group",
        "none": "R",
    }
    spread = f"{'sample' if objective.std_ddof else 'population'} std, ddof {objective.std_ddof}"
    eps = f"{objective.std_eps:g}"
    scale = {
        "none": "not scaled",
        "group": f"over (std of its group + {eps}); {spread}",
        "mean": f"over (mean of its group + {eps})",
        "batch": f"over (std of all rewards of the step + {eps}); {spread}",
        "whiten": f"then whitened over all counted tokens of the step, (A - mean)/√(var + {eps}); {spread}",
    }
    formula = f"A = ({centre[objective.baseline]}), {scale[objective.scale]}"
    return f"{formula}; no gradient; unscored answers: A = 0, out of the statistics"


def _dead(objective: Objective) -> str:
    if objective.baseline == "none":
        return "no baseline, so none"
    return f"max R - min R <= {objective.dead_tol:g} in a group: A = 0 exactly, and counted"


def _reduction(objective: Objective, limit: int | None) -> str:
    text = f"{objective.reduction}: w = {REDUCTIONS[objective.reduction]}"
    if objective.reduction == "seq-mean-token-sum-norm":
        known = f"{limit} tokens, " if limit is not None else ""
        length = (
            f"{objective.norm_length} tokens" if objective.norm_length is not None else f"{known}the generation limit"
        )
        text += f"; L = {length}"
    return f"{text}; counted over all micro-batches and ranks"


def _kl(objective: Objective) -> str:
    if not objective.kl_coef:
        return "none, no reference model"
    if objective.kl_placement == "reward":
        return f"in the reward: R - {objective.kl_coef:g}·Σ_t k1(ℓ°, ℓʳ), before the baseline"
    estimator = ESTIMATORS[objective.kl_estimator]
    term = f"+{objective.kl_coef:g}·{objective.kl_estimator}, {estimator.symbols} with d = ℓ - ℓʳ"
    return f"in the loss: {term}; {estimator.note}"


def _sampler(objective: Objective) -> str:
    """Correction and gate, both on the policy term."""
    text = "no correction"
    if objective.correction != "none":
        text = f"{objective.correction}: policy term times {CORRECTIONS[objective.correction]}, w = exp(ℓ° - ℓˢ)"
        if objective.correction.startswith("tis"):
            text += f"; C = {objective.correction_max:g}"
        if objective.correction.startswith("mis"):
            low = "0" if objective.correction_min is None else f"{objective.correction_min:g}"
            high = "∞" if objective.correction_max is None else f"{objective.correction_max:g}"
            text += f"; band [{low}, {high}]"
        text += "; no gradient, denominator unchanged"
    if objective.off_policy_delta is not None:
        text += f"; answers with A < 0 and mean_t(ℓˢ - ℓ) > {objective.off_policy_delta:g} dropped"
        text += " (ℓ° where ℓˢ was not recorded)"
    return text


def _truncated(objective: Objective, limit: int | None) -> str:
    if objective.overlong == "mask":
        return "answers cut by the limit do not count in the loss; their reward stays in the group's statistics"
    if objective.overlong == "penalty":
        end = f"the limit of {limit} tokens" if limit is not None else "the generation limit"
        cache = objective.overlong_width(limit) if limit is not None else objective.overlong_cache
        width = "fifth" if cache is None else f"{cache} tokens"
        return f"soft overlong: the reward falls from 0 to -1 over the last {width} before {end}"
    return "answers cut by the limit count as any other, with the reward the verifier gave"
