"""The resolved objective: what it refuses, what it computes end to end, and what it says of itself."""

import math
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from verigym.trainer.objective.kl import k1, k3
from verigym.trainer.objective.presets import PRESETS, preset
from verigym.trainer.objective.table import LOSSES, Objective

# --- what it refuses, and how -----------------------------------------------------------------------------------------

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"loss": "pppo"}, r"loss='pppo' is not known: did you mean 'ppo'\? Valid: cispo, gmpo, gspo"),
    ({"baseline": "group_mean"}, r"baseline='group_mean' is not known: did you mean 'group-mean'\?"),
    ({"reduction": "token_mean"}, r"did you mean 'token-mean'\?"),
    ({"correction": "icepop"}, r"correction='icepop' is not known: Valid: decoupled, mis-geometric"),
    ({"clip_low": -0.1}, r"clip_low=-0.1 must be a finite number of at least 0"),
    ({"kl_coef": math.nan}, r"kl_coef=nan must be a finite number of at least 0"),
    ({"tau_pos": 0.0}, r"tau_pos=0.0 must be a finite number above 0"),
    ({"norm_length": 0}, r"norm_length=0 must be a finite number above 0"),
    ({"overlong": "penalty", "overlong_cache": 0}, r"overlong_cache=0 must be a finite number above 0"),
    ({"std_ddof": 2}, r"std_ddof=2 must be 1 \(sample standard deviation\) or 0 \(population\)"),
    (
        {"baseline": "none"},
        r"scale='group' with baseline='none' .* set scale to none or whiten, or baseline to group-mean",
    ),
    (
        {"kl_coef": 0.1, "kl_estimator": "k1"},
        r"zero expected gradient: .* set kl_estimator to k3_plus or k2, or kl_plac",
    ),
    (
        {"kl_coef": 0.1, "kl_placement": "reward"},
        r"kl_estimator='k3' in the reward .* set kl_estimator to k1, or kl_plac",
    ),
    (
        {"dual_clip": 1.0},
        r"dual_clip=1.0 with loss='ppo': it is a ceiling above 1 on the ppo term; leave it out, or set it",
    ),
    ({"loss": "gspo", "dual_clip": 3.0}, r"dual_clip=3.0 with loss='gspo'"),
    ({"correction": "tis-token"}, r"correction='tis-token' needs a cap: set correction_max, for example to 2"),
    ({"correction": "mis-token"}, r"correction='mis-token' needs a band: set correction_min and correction_max"),
    (
        {"correction": "mis-token", "correction_min": 3.0, "correction_max": 2.0},
        r"3.0 is above correction_max=2.0: .* swap",
    ),
]


@pytest.mark.parametrize(("fields", "message"), REFUSED, ids=[message[:40] for _, message in REFUSED])
def test_what_cannot_be_meant_is_refused_with_the_mend(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Objective(**fields)


def test_k1_without_a_coefficient_and_every_other_estimator_are_accepted() -> None:
    assert Objective(kl_estimator="k1").needs_reference is False
    assert Objective(kl_estimator="k2", kl_coef=0.1).needs_reference is True


def test_group_size_names_the_value_and_the_flag() -> None:
    with pytest.raises(
        ValueError, match=r"group size 1 with baseline 'group-mean': .* set --group-size to 2 or more, or"
    ):
        Objective().check_group_size(1)
    with pytest.raises(ValueError, match=r"group size 1 with dynamic sampling: .* --no-dynamic-sampling"):
        replace(PRESETS["reinforce"], dynamic_sampling=True).check_group_size(1)
    Objective().check_group_size(2)
    PRESETS["reinforce"].check_group_size(1)


def test_missing_inputs_are_named() -> None:
    zeros, ones = torch.zeros(1, 2), torch.ones(1, 2)
    with pytest.raises(ValueError, match=r"kl_coef=0\.04 needs ref_logp"):
        PRESETS["grpo"].token_loss(zeros, zeros, torch.ones(1), ones)
    with pytest.raises(ValueError, match="correction='mis-sequence' needs sampler_logp"):
        PRESETS["grpo@trl"].token_loss(zeros, zeros, torch.ones(1), ones)
    with pytest.raises(ValueError, match="scale='whiten' takes its mean and std over tokens: pass the lengths"):
        PRESETS["reinforce_pp_baseline"].advantages(torch.tensor([0.0, 1.0]), torch.tensor([0, 0]))
    with pytest.raises(ValueError, match="overlong='penalty' needs the lengths of the answers"):
        PRESETS["dapo"].shaped_rewards(torch.ones(1))
    with pytest.raises(ValueError, match="kl_placement='reward' needs old_logp, ref_logp and mask"):
        PRESETS["rloo"].shaped_rewards(torch.ones(1))
    with pytest.raises(ValueError, match="overlong_cache=50 tokens is more than the generation limit of 20"):
        replace(PRESETS["dapo"], overlong_cache=50).shaped_rewards(torch.ones(1), lengths=torch.ones(1), limit=20)


# --- what it computes -------------------------------------------------------------------------------------------------


def test_policy_and_kl_terms_add_and_the_correction_leaves_the_kl_alone() -> None:
    logp, ref, sampler = torch.tensor([[-1.0]]), torch.tensor([[-2.0]]), torch.tensor([[-1.0 - math.log(8.0)]])
    mask = torch.ones(1, 1)
    settings = Objective(kl_coef=0.5, correction="tis-token", correction_max=2.0)
    value, _ = settings.token_loss(logp, logp, torch.tensor([3.0]), mask, ref_logp=ref, sampler_logp=sampler)
    assert value.item() == pytest.approx(-3.0 * 2.0 + 0.5 * k3(logp, ref, mask).item())


def test_kl_in_the_reward_is_taken_before_the_baseline() -> None:
    old, ref, mask = torch.tensor([[0.0], [0.0]]), torch.tensor([[-1.0], [-3.0]]), torch.ones(2, 1)
    settings = PRESETS["rloo"]
    shaped = settings.shaped_rewards(torch.tensor([1.0, 0.0]), old_logp=old, ref_logp=ref, mask=mask)
    assert shaped.tolist() == pytest.approx([1 - 0.03, -0.09])
    assert settings.advantages(shaped, torch.tensor([0, 0])).values.tolist() == pytest.approx([1.06, -1.06])
    value, _ = settings.token_loss(old, old, torch.tensor([1.0, 1.0]), mask)
    assert not value.any() and k1(old, ref, mask).any()


def test_overlong_masks_or_penalises_or_neither() -> None:
    mask, cut = torch.ones(2, 3), torch.tensor([False, True])
    assert Objective(overlong="mask").counted(mask, cut).sum(1).tolist() == [3, 0]
    assert Objective().counted(mask, cut).sum(1).tolist() == [3, 3]
    lengths, rewards = torch.tensor([80, 90, 100]), torch.ones(3)
    assert PRESETS["dapo"].shaped_rewards(rewards, lengths=lengths, limit=100).tolist() == pytest.approx([1, 0.5, 0])
    assert Objective().shaped_rewards(rewards, lengths=lengths, limit=100).tolist() == [1, 1, 1]


@pytest.mark.parametrize("scale", ["group", "mean", "batch", "none", "whiten"])
@pytest.mark.parametrize("baseline", ["group-mean", "leave-one-out"])
def test_dead_groups_and_unscored_answers_get_exactly_zero_under_every_scale(baseline: str, scale: str) -> None:
    rewards = torch.tensor([0.3] * 7 + [1.0, 0.0, math.nan])
    group = torch.tensor([0] * 7 + [1] * 3)
    scored = torch.tensor([True] * 9 + [False])
    settings = Objective(baseline=baseline, scale=scale, std_eps=1e-9)
    lengths = torch.tensor([5] * 7 + [1, 9, 3])
    found = settings.advantages(rewards, group, scored, lengths=lengths, correct=torch.tensor([0] * 7 + [1, 0, 0]))
    assert not found.values[:7].any() and found.values[9] == 0
    assert found.values[7] > 0 > found.values[8]
    assert (found.groups.groups, found.groups.dead_wrong, found.groups.dead) == (2, 1, 1)


def test_without_a_baseline_the_reward_is_the_advantage_and_nothing_dies() -> None:
    found = PRESETS["reinforce"].advantages(
        torch.tensor([1.0, 1.0, 9.0]), torch.tensor([0, 0, 4]), torch.tensor([1, 1, 0])
    )
    assert found.values.tolist() == [1.0, 1.0, 0.0]
    assert (found.groups.groups, found.groups.dead) == (2, 0)


def test_the_generation_limit_stands_in_for_the_constant_length() -> None:
    lengths, group = torch.tensor([4, 2]), torch.tensor([0, 0])
    assert PRESETS["dr_grpo"].denominators(lengths, group, 50).weights(lengths).tolist() == [0.01, 0.01]
    fixed = replace(PRESETS["dr_grpo"], norm_length=25)
    assert fixed.denominators(lengths, group, 50).weights(lengths).tolist() == [0.02, 0.02]


def test_presets_differ_where_papers_and_projects_do(make_step: Callable[..., SimpleNamespace]) -> None:
    step = make_step(1)
    values = {}
    for name, settings in PRESETS.items():
        advantages = settings.advantages(step.rewards, step.group % 2, lengths=step.lengths).values
        logs = {"ref_logp": step.ref_logp, "sampler_logp": step.sampler_logp}
        value, stats = settings.token_loss(step.logp, step.old_logp, advantages, step.mask, **logs)
        weights = settings.denominators(step.lengths, step.group, 6).weights(step.lengths, step.group)
        values[name] = (weights * value.sum(1)).sum().item()
        assert math.isfinite(values[name]) and stats.summary()["tokens"] == int(step.mask.sum())
    assert values["grpo@slime"] == values["grpo@roll"]
    assert values["gspo"] == pytest.approx(values["gspo_token"], abs=1e-12)  # one advantage an answer
    distinct = {name: value for name, value in values.items() if name not in ("grpo@roll", "gspo_token")}
    assert len({round(value, 9) for value in distinct.values()}) == len(distinct)


def test_presets_hold_the_published_numbers() -> None:
    assert (PRESETS["dapo"].clip_low, PRESETS["dapo"].clip_high, PRESETS["dapo"].reduction) == (0.2, 0.28, "token-mean")
    assert (PRESETS["gspo"].clip_low, PRESETS["gspo"].clip_high) == (3e-4, 4e-4)
    assert (PRESETS["grpo"].kl_coef, PRESETS["grpo"].kl_estimator) == (0.04, "k3")
    assert (PRESETS["grpo@trl"].std_eps, PRESETS["grpo@trl"].correction_max) == (1e-4, 3.0)
    assert PRESETS["grpo@verl"].dual_clip == 3.0
    assert {settings.loss for settings in PRESETS.values()} == set(LOSSES) - {"rloo_clipped"}
    assert preset("grpo@skyrl").kl_coef == 1e-3
    with pytest.raises(ValueError, match=r"no objective 'grpo@tlr': did you mean 'grpo@trl'\?"):
        preset("grpo@tlr")


# --- what it says of itself -------------------------------------------------------------------------------------------


def test_describe_states_every_choice_in_words_and_symbols() -> None:
    settings = Objective(
        clip_high=0.28,
        dual_clip=3.0,
        kl_coef=0.05,
        entropy_coef=0.01,
        correction="mis-token",
        correction_min=0.5,
        correction_max=5.0,
        off_policy_delta=0.5,
        reduction="seq-mean-token-sum-norm",
        overlong="penalty",
        dynamic_sampling=True,
    )
    assert settings.describe("mine", limit=1000).splitlines() == [
        "mine: minimise Σ_i w_i Σ_t m·(policy term + KL)",
        "  ℓ current, ℓ° old, ℓˢ sampler, ℓʳ reference log-prob of the taken token; r = exp(ℓ - ℓ°); sg[·] no gradient"
        "; m = 1 where counted",
        "  policy term  ppo: -min(r·A, clip(r; 1-0.2, 1+0.28)·A)",
        "  clip         low 0.2, high 0.28; dual clip: at most 3·|A| where A < 0",
        "  advantage    A = (R - mean of its group), over (std of its group + 1e-06); sample std, ddof 1; no gradient; "
        "unscored answers: A = 0, out of the statistics",
        "  dead groups  max R - min R <= 1e-06 in a group: A = 0 exactly, and counted",
        "  reduction    seq-mean-token-sum-norm: w = 1/(N·L): the sum over an answer's tokens, over N answers "
        "(empty ones too) times L; L = 1000 tokens, the generation limit; counted over all micro-batches and ranks",
        "  KL           in the loss: +0.05·k3, e^-d + d - 1 with d = ℓ - ℓʳ; expected gradient: that of the forward "
        "KL(ref‖π)",
        "  entropy      -0.01·H, H = token-mean entropy of the step",
        "  sampler      mis-token: policy term times w on each token inside the band, 0 outside (IcePop, "
        "arXiv:2510.18855), w = exp(ℓ° - ℓˢ); band [0.5, 5]; no gradient, denominator unchanged; answers with A < 0 "
        "and mean_t(ℓˢ - ℓ) > 0.5 dropped (ℓ° where ℓˢ was not recorded)",
        "  truncated    soft overlong: the reward falls from 0 to -1 over the last 200 tokens before the limit of 1000 "
        "tokens",
        "  sampling     groups that are all right or all wrong are sampled again (dynamic sampling)",
    ]


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_describes_itself_with_and_without_a_limit(name: str) -> None:
    for limit in (None, 512):
        text = PRESETS[name].describe(name, limit)
        assert text.startswith(f"{name}: minimise") and len(text.splitlines()) == 12
        assert "{" not in text and "None" not in text


CHANGES: list[dict[str, Any]] = [
    *[{"loss": loss} for loss in LOSSES if loss != "ppo"],
    *[{"baseline": "leave-one-out"}, {"scale": "batch"}, {"scale": "none"}, {"scale": "whiten"}, {"std_ddof": 0}],
    *[{"std_eps": 1e-4}, {"dead_tol": 1e-3}, {"reduction": "token-mean"}, {"clip_low": 0.1}, {"clip_high": 0.3}],
    *[{"dual_clip": 3.0}, {"kl_coef": 0.1}, {"kl_coef": 0.1, "kl_estimator": "k2"}, {"entropy_coef": 0.1}],
    *[{"kl_coef": 0.1, "kl_placement": "reward", "kl_estimator": "k1"}, {"correction": "decoupled"}],
    *[{"correction": "tis-token", "correction_max": 2.0}, {"correction": "tis-token", "correction_max": 3.0}],
    *[{"correction": "mis-token", "correction_min": 0.1}, {"off_policy_delta": 0.5}, {"overlong": "mask"}],
    *[{"overlong": "penalty"}, {"overlong": "penalty", "overlong_cache": 7}, {"dynamic_sampling": True}],
    *[{"reduction": "seq-mean-token-sum-norm"}, {"reduction": "seq-mean-token-sum-norm", "norm_length": 3}],
    *[{"loss": "sapo", "tau_pos": 2.0}, {"loss": "sapo", "tau_neg": 2.0}, {"loss": "cispo", "clip_low": 1.5}],
]


def test_any_two_objectives_that_differ_say_so() -> None:
    texts = [Objective().describe(), *(Objective(**fields).describe() for fields in CHANGES)]
    assert len(set(texts)) == len(texts)
