"""Objectives by name: as the papers have them, and as other projects ship "GRPO".

The paper rows hold the published defaults; where a paper gives no number, ours is said. The `grpo@project` rows are
each project's default, or its shipped GRPO example, as read at source in 2026 (`@trl` and the rest name the project),
for groups of two or more and equal group sizes. Our rule for dead groups replaces their rounding in all of them.

Left out, because a rule of theirs has no field here:
    grpo@openrlhf   adds the token-level KL to the advantage after group normalisation
    grpo@nemo       scales by a leave-one-out standard deviation
    grpo@prime-rl   masks by probability difference and adds a squared log-ratio
    grpo@areal      normalises by group and again by batch, after scaling and shifting the reward
    reinforce_pp    whitens token-level returns; `reward_to_go` and `whiten` are its pieces
    ppo             needs a value model

    PRESETS["dapo"].describe("dapo", limit=1024)
"""

from verigym.trainer.objective.table import Objective
from verigym.trainer.objective.tensors import nearest

PRESETS: dict[str, Objective] = {
    # arXiv:2402.03300; the clip is not in the paper, 0.2 is PPO's
    "grpo": Objective(kl_coef=0.04),
    # arXiv:2503.20783
    "dr_grpo": Objective(scale="none", reduction="seq-mean-token-sum-norm"),
    # arXiv:2503.14476; the denominator is the authors' code's
    "dapo": Objective(clip_high=0.28, reduction="token-mean", overlong="penalty", dynamic_sampling=True),
    # arXiv:2507.18071
    "gspo": Objective(loss="gspo", clip_low=3e-4, clip_high=4e-4),
    "gspo_token": Objective(loss="gspo_token", clip_low=3e-4, clip_high=4e-4),
    # arXiv:2511.20347
    "sapo": Objective(loss="sapo"),
    # arXiv:2506.13585; the upper bound is undisclosed, a cap near 5 is what later users report (arXiv:2510.13786)
    "cispo": Objective(
        loss="cispo",
        clip_low=1.0,
        clip_high=4.0,
        reduction="token-mean",
        overlong="penalty",
        dynamic_sampling=True,
    ),
    # arXiv:2507.20673
    "gmpo": Objective(loss="gmpo", clip_low=0.4, clip_high=0.4),
    # arXiv:2602.02710; on-policy, so the clip never binds
    "maxrl": Objective(scale="mean", reduction="token-mean"),
    # arXiv:2402.14740
    "rloo": Objective(
        loss="reinforce",
        baseline="leave-one-out",
        scale="none",
        reduction="seq-mean-token-sum",
        kl_coef=0.03,
        kl_placement="reward",
        kl_estimator="k1",
    ),
    # Williams 1992, without the running mean that may be taken from the reward
    "reinforce": Objective(loss="reinforce", baseline="none", scale="none", reduction="seq-mean-token-sum"),
    # arXiv:2501.03262, the form with a baseline; the coefficient is known at second hand
    "reinforce_pp_baseline": Objective(
        scale="whiten", std_eps=1e-8, reduction="token-mean", kl_coef=1e-2, kl_estimator="k2"
    ),
    "grpo@trl": Objective(std_eps=1e-4, reduction="token-mean", correction="mis-sequence", correction_max=3.0),
    "grpo@verl": Objective(reduction="token-mean", dual_clip=3.0),
    "grpo@skyrl": Objective(reduction="token-mean", kl_coef=1e-3),
    "grpo@slime": Objective(),
    "grpo@roll": Objective(),
    "grpo@open-instruct": Objective(
        scale="none",
        reduction="token-mean",
        clip_high=0.272,
        kl_coef=0.05,
        correction="tis-token",
        correction_max=2.0,
    ),
    # on-policy and without a clip: the gradient of exp(logp - sg[logp]) A is that of A logp
    "grpo@torchforge": Objective(loss="reinforce", std_eps=1e-4, kl_coef=0.1),
}
"""name to objective; change a field with `dataclasses.replace`"""


def preset(name: str) -> Objective:
    """The objective called `name`. Raises ValueError with the nearest name."""
    if name not in PRESETS:
        raise ValueError(f"no objective {name!r}: {nearest(name, PRESETS)}")
    return PRESETS[name]
