"""What a valid objective is: every name known, every number meant, no two settings that contradict one another.

Raises ValueError with the value and the mend. Called as an `Objective` is made, so that no invalid one exists.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from verigym.trainer.objective.corrections import CORRECTIONS
from verigym.trainer.objective.kl import ESTIMATORS
from verigym.trainer.objective.reductions import REDUCTIONS
from verigym.trainer.objective.tensors import nearest

if TYPE_CHECKING:
    from verigym.trainer.objective.table import Objective

NAMES = {
    "baseline": ("group-mean", "leave-one-out", "none"),
    "scale": ("group", "mean", "batch", "none", "whiten"),
    "reduction": tuple(REDUCTIONS),
    "kl_placement": ("loss", "reward"),
    "kl_estimator": tuple(ESTIMATORS),
    "correction": tuple(CORRECTIONS),
    "overlong": ("none", "mask", "penalty"),
}
"""field to its valid values"""
AT_LEAST_ZERO = ("std_eps", "dead_tol", "clip_low", "clip_high", "kl_coef", "entropy_coef", "correction_min")
ABOVE_ZERO = ("tau_pos", "tau_neg", "norm_length", "correction_max", "off_policy_delta", "overlong_cache")


def check(objective: Objective, loss_names: Iterable[str]) -> None:
    """Raises ValueError for the first thing wrong with `objective`."""
    for field, names in {"loss": tuple(loss_names), **NAMES}.items():
        value = getattr(objective, field)
        if value not in names:
            raise ValueError(f"{field}={value!r} is not known: {nearest(str(value), names)}")
    for field in AT_LEAST_ZERO + ABOVE_ZERO:
        value = getattr(objective, field)
        if value is None:
            continue
        if not math.isfinite(value) or value < 0 or (value == 0 and field in ABOVE_ZERO):
            bound = "above 0" if field in ABOVE_ZERO else "of at least 0"
            raise ValueError(f"{field}={value} must be a finite number {bound}")
    if objective.std_ddof not in (0, 1):
        raise ValueError(f"std_ddof={objective.std_ddof} must be 1 (sample standard deviation) or 0 (population)")
    _check_advantage_and_kl(objective)
    _check_bounds(objective)


def _check_advantage_and_kl(objective: Objective) -> None:
    """Combinations that would train on noise, or on nothing."""
    estimator = objective.kl_estimator
    if objective.baseline == "none" and objective.scale in ("group", "mean", "batch"):
        raise ValueError(
            f"scale={objective.scale!r} with baseline='none' divides a reward by a spread it was never centred for: "
            "equal rewards would explode; set scale to none or whiten, or baseline to group-mean"
        )
    if objective.scale == "mean" and (
        objective.overlong == "penalty" or (objective.kl_coef > 0 and objective.kl_placement == "reward")
    ):
        raise ValueError(
            "scale='mean' divides by a success rate, and overlong='penalty' or kl_placement='reward' make rewards "
            "negative; set overlong to mask, kl_placement to loss, or scale to none"
        )
    if objective.kl_coef > 0 and objective.kl_placement == "loss" and estimator == "k1":
        raise ValueError(
            "kl_estimator='k1' in the loss has zero expected gradient: kl_coef would add nothing but noise; "
            "set kl_estimator to k3_plus or k2, or kl_placement to reward"
        )
    if objective.kl_coef > 0 and objective.kl_placement == "reward" and estimator != "k1":
        raise ValueError(
            f"kl_estimator={estimator!r} in the reward follows the gradient of no KL; "
            "set kl_estimator to k1, or kl_placement to loss"
        )


def _check_bounds(objective: Objective) -> None:
    """Ceilings, caps and bands."""
    low, high = objective.correction_min, objective.correction_max
    if objective.dual_clip is not None and (objective.loss != "ppo" or not objective.dual_clip > 1):
        raise ValueError(
            f"dual_clip={objective.dual_clip} with loss={objective.loss!r}: it is a ceiling above 1 on the ppo term; "
            "leave it out, or set it to 3 with loss ppo"
        )
    if objective.correction.startswith("tis") and high is None:
        raise ValueError(
            f"correction={objective.correction!r} needs a cap: set correction_max, for example to 2 "
            f"(--correction {objective.correction} max=2)"
        )
    if objective.correction.startswith("mis") and low is None and high is None:
        raise ValueError(
            f"correction={objective.correction!r} needs a band: set correction_min and correction_max, for example to "
            f"0.5 and 5 (--correction {objective.correction} min=0.5 max=5)"
        )
    if low is not None and high is not None and low > high:
        raise ValueError(f"correction_min={low} is above correction_max={high}: nothing is inside the band; swap them")


def check_group_size(objective: Objective, size: int) -> None:
    """Raises ValueError when groups of `size` answers cannot carry `objective`."""
    if objective.baseline != "none" and size < 2:
        raise ValueError(
            f"group size {size} with baseline {objective.baseline!r}: an answer alone in its group has nothing to be "
            "compared with; set --group-size to 2 or more, or --baseline none"
        )
    if objective.dynamic_sampling and size < 2:
        raise ValueError(
            f"group size {size} with dynamic sampling: a group of one never holds both right and wrong answers; "
            "set --group-size to 2 or more, or --no-dynamic-sampling"
        )
