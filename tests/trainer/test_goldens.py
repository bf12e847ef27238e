"""Every worked number of the golden file whose algorithm is built, to 1e-10 in float64; the rest is listed by id.

The environment variable VERIGYM_GOLDENS names another file of the same format. A case is run by what its id names in
the file kept here; an id not known here goes by family (`online/...`), algorithm and the names of its inputs, so that
new cases of a known algorithm run, and cases of an unknown one are listed.
"""

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from verigym.trainer.evaluation import passk, statistics
from verigym.trainer.objective import advantages, corrections, kl, reductions, rewards
from verigym.trainer.objective.entropy import AdaptiveEntropy, token_entropy
from verigym.trainer.objective.table import Objective

TOLERANCE = 1e-10
HERE = Path(__file__).parent / "golden" / "losses.json"
FILE = Path(os.environ.get("VERIGYM_GOLDENS") or HERE)

Case = dict[str, Any]
Values = dict[str, Any]


def tensor(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def read(case: Case, gradients: tuple[str, ...] = ()) -> dict[str, Tensor]:
    """The inputs of a case as float64 tensors, groups as integers, masks as bool; those named ask for a gradient."""
    made = {}
    for name, value in case["inputs"].items():
        if name == "group":
            made[name] = torch.tensor(value)
        elif name == "mask":
            made[name] = torch.tensor(value).bool()
        elif name not in ("micro_batches", "step_rewards", "step_end"):
            made[name] = tensor(value).requires_grad_(name in gradients)
    return made


# --- advantages and rewards -------------------------------------------------------------------------------------------


def group_advantages(case: Case) -> Values:
    x, p = read(case), case["params"]
    counts = advantages.Grouped.of(x["rewards"], x["group"]).counts()
    return {
        "advantages": advantages.group_normalised(x["rewards"], x["group"], ddof=p["std_ddof"], eps=p["std_eps"]),
        "zero_advantage_group_share": counts.dead_share,
    }


def centred(case: Case) -> Values:
    x = read(case)
    return {"advantages": advantages.centred(x["rewards"], x["group"])}


def batch_std(case: Case) -> Values:
    x, p = read(case), case["params"]
    centre = advantages.centred(x["rewards"], x["group"])
    return {"advantages": advantages.over_batch_std(centre, x["rewards"], None, p["std_ddof"], p["std_eps"])}


def leave_one_out(case: Case) -> Values:
    x = read(case)
    return {"advantages": advantages.leave_one_out(x["rewards"], x["group"])}


def process(case: Case) -> Values:
    x, p, steps = read(case), case["params"], case["inputs"]["step_rewards"]
    width = max(map(len, steps))
    padded = tensor([row + [math.nan] * (width - len(row)) for row in steps])
    ends = torch.tensor([row + [-1] * (width - len(row)) for row in case["inputs"]["step_end"]])
    result = advantages.process(padded, ends, x["group"], x["mask"], ddof=p["std_ddof"], eps=p["std_eps"])
    return {"advantages": result}


def reinforce_pp_advantages(case: Case) -> Values:
    x, p = read(case), case["params"]
    token_rewards = rewards.kl_in_reward(x["rewards"], x["old_logp"], x["ref_logp"], x["mask"], p["beta"])
    returns = advantages.reward_to_go(token_rewards, x["mask"], p["gamma"])
    return {
        "returns": returns,
        "advantages": advantages.whiten(returns, x["mask"], p["whiten_ddof"], p["whiten_eps"]),
    }


def reinforce_pp_baseline(case: Case) -> Values:
    x, p = read(case), case["params"]
    settings = Objective(scale="whiten", std_ddof=p["whiten_ddof"], std_eps=p["whiten_eps"])
    values = settings.advantages(x["rewards"], x["group"], lengths=x["mask"].sum(1)).values
    wide = advantages.centred(x["rewards"], x["group"])[:, None].expand(x["mask"].shape)
    by_token = advantages.whiten(wide, x["mask"], p["whiten_ddof"], p["whiten_eps"])
    assert torch.allclose(torch.where(x["mask"], values[:, None], 0.0), by_token, atol=1e-12)
    return {"advantages": by_token}


def kl_in_reward(case: Case) -> Values:
    x = read(case)
    beta = case["params"]["beta"]
    return {"token_rewards": rewards.kl_in_reward(x["rewards"], x["old_logp"], x["ref_logp"], x["mask"], beta)}


def soft_overlong(case: Case) -> Values:
    p = case["params"]
    return {"rewards": rewards.soft_overlong(read(case)["lengths"], p["max_len"], p["cache"])}


def kimi_length(case: Case) -> Values:
    x = read(case)
    group = x.get("group", torch.zeros(len(x["lengths"]), dtype=torch.long))
    return {"rewards": rewards.kimi_length(x["lengths"], x["correct"], group)}


def lcpo_exact(case: Case) -> Values:
    x, p = read(case), case["params"]
    return {"rewards": rewards.lcpo_exact(x["lengths"], x["correct"], p["target"], p["alpha"])}


def lcpo_max(case: Case) -> Values:
    x, p = read(case), case["params"]
    return {"rewards": rewards.lcpo_max(x["lengths"], x["correct"], p["target"], p["alpha"], p["delta"])}


def cosine(case: Case) -> Values:
    x = read(case)
    return {"rewards": rewards.cosine(x["lengths"], x["correct"], case["params"]["max_len"])}


# --- policy losses ----------------------------------------------------------------------------------------------------

LOSS_OF = {
    "REINFORCE": "reinforce",
    "GSPO": "gspo",
    "GSPO-token": "gspo_token",
    "SAPO": "sapo",
    "CISPO": "cispo",
    "GMPO": "gmpo",
    **dict.fromkeys(("PPO", "dual-clip PPO", "REINFORCE++", "GRPO", "Dr. GRPO", "DAPO"), "ppo"),
    **dict.fromkeys(("sampler mismatch", "DeepSeek-V3.2 off-policy mask"), "ppo"),
}
CORRECTION_OF = {
    ("truncate", "token"): "tis-token",
    ("truncate", "sequence"): "tis-sequence",
    ("mask", "token"): "mis-token",
    ("mask", "sequence"): "mis-sequence",
    ("geo-mask", "token"): "mis-geometric",
}


def objective_of(case: Case) -> Objective:
    """The objective that a case's algorithm and parameters name."""
    p, algorithm = case["params"], case["algorithm"]
    fields: dict[str, Any] = {"loss": LOSS_OF.get(algorithm, "ppo")}
    if algorithm == "RLOO":
        fields |= {"loss": "rloo_clipped" if "eps_low" in p else "reinforce", "baseline": "leave-one-out"}
    if p.get("adv_scale", "none" if algorithm in ("RLOO", "REINFORCE") else "group") == "none":
        fields["scale"] = "none"
    if "kind" in p:
        bare = p["kind"] == "truncate" and p.get("c_max") is None
        fields["correction"] = "decoupled" if bare else CORRECTION_OF[p["kind"], p["level"]]
    if p.get("beta", 0.0) > 0:
        in_reward = algorithm == "RLOO"
        fields |= {"kl_coef": p["beta"], "kl_placement": "reward" if in_reward else "loss"}
        fields["kl_estimator"] = "k1" if in_reward else p.get("estimator", "k3")
    renamed = {
        **{
            "eps_low": "clip_low",
            "eps_high": "clip_high",
            "dual_c": "dual_clip",
            "agg": "reduction",
            "norm": "norm_length",
        },
        **{"c_min": "correction_min", "c_max": "correction_max", "delta": "off_policy_delta"},
        **{name: name for name in ("std_ddof", "std_eps", "tau_pos", "tau_neg")},
    }
    fields |= {ours: p[theirs] for theirs, ours in renamed.items() if theirs in p}
    if algorithm == "CISPO":
        fields.setdefault("reduction", "token-mean")
    return Objective(**fields)


def case_advantages(case: Case, settings: Objective, x: dict[str, Tensor]) -> tuple[Tensor, Values]:
    """The advantages a case gives, or those of its rewards; and what was worked out on the way."""
    if "advantages" in x:
        return x["advantages"], {}
    if case["algorithm"] == "REINFORCE":
        values = x["rewards"] - case["params"]["baseline"]
        return values, {"advantages": values}
    shaped = settings.shaped_rewards(
        x["rewards"], old_logp=x.get("old_logp"), ref_logp=x.get("ref_logp"), mask=x["mask"]
    )
    values = settings.advantages(shaped, x["group"]).values
    return values, {"advantages": values, "shaped_rewards": shaped}


def policy(case: Case) -> Values:
    """Loss, gradient and intermediates of any policy loss, end to end."""
    x, settings = read(case, ("logp",)), objective_of(case)
    advantage, aux = case_advantages(case, settings, x)
    old = x.get("old_logp", x["logp"].detach())
    value, _ = settings.token_loss(
        x["logp"], old, advantage, x["mask"], ref_logp=x.get("ref_logp"), sampler_logp=x.get("sampler_logp")
    )
    lengths = x["mask"].sum(1)
    denominators = reductions.Denominators.of(settings.reduction, lengths, x.get("group"), settings.norm_length)
    loss = reductions.weighted_sum(value, x["mask"], denominators.weights(lengths, x.get("group")))
    loss.backward()
    if settings.correction != "none":
        aux["weights"] = corrections.correction(
            settings.correction,
            old,
            x["sampler_logp"],
            x["mask"],
            low=settings.correction_min,
            high=settings.correction_max,
        ).weights
    if settings.off_policy_delta is not None:
        kept = corrections.off_policy_keep(x["logp"], old, advantage, x["mask"], settings.off_policy_delta)
        aux["keep"] = kept.double()
    difference = torch.where(x["mask"], x["logp"] - old, 0.0)
    aux["seq_ratio"] = (difference.sum(1) / lengths.clamp_min(1)).exp()
    return {"loss": loss, "grad": {"logp": x["logp"].grad}, "aux": aux}


def accumulation(case: Case) -> Values:
    """Micro-batch shares under the step's denominators, and the wrong mean of micro-batch means."""
    x, settings, batches = read(case), objective_of(case), case["inputs"]["micro_batches"]
    advantage, _ = case_advantages(case, settings, x)
    value, _ = settings.token_loss(x["logp"], x["old_logp"], advantage, x["mask"])
    lengths, group, mask = x["mask"].sum(1), x["group"], x["mask"]
    whole = reductions.Denominators.of(settings.reduction, lengths, group, settings.norm_length)
    shares = [reductions.weighted_sum(value[b], mask[b], whole.weights(lengths[b], group[b])) for b in batches]
    alone = [
        reductions.Denominators.of(settings.reduction, lengths[b], group[b], settings.norm_length) for b in batches
    ]
    means = [
        reductions.weighted_sum(value[b], mask[b], own.weights(lengths[b], group[b]))
        for b, own in zip(batches, alone, strict=True)
    ]
    return {"contributions": shares, "loss": sum(shares), "wrong_mean_of_means": sum(means) / len(means)}


def kl_loss(case: Case) -> Values:
    """An estimator as a loss term of its own."""
    x, p = read(case, ("logp",)), case["params"]
    estimator = kl.ESTIMATORS[p.get("estimator", "k3_importance")]
    value = estimator.run(x["logp"], x["ref_logp"], x["mask"], x.get("old_logp", x["logp"]))
    loss = (reductions.token_weights(p["agg"], x["mask"], x.get("group"), p.get("norm")) * value).sum()
    loss.backward()
    return {"loss": loss, "grad": {"logp": x["logp"].grad}}


def entropy_bonus(case: Case) -> Values:
    x = read(case, ("logits",))
    weights = reductions.token_weights("token-mean", x["mask"])
    loss = -case["params"]["coef"] * (weights * token_entropy(x["logits"])).sum()
    loss.backward()
    return {"loss": loss, "grad": {"logits": x["logits"].grad}}


def dynamic_sampling(case: Case) -> Values:
    x = read(case)
    _, keep = advantages.mixed_groups(x["correct"], x["group"])
    return {"keep_group": keep.int(), "kept_share": float(keep.double().mean())}


def admission(case: Case) -> Values:
    p = case["params"]
    admit = [corrections.admitted(n, p["batch"], p["version"], p["eta"]) for n in case["inputs"]["submitted"]]
    return {"admit": [int(yes) for yes in admit]}


def adaptive_entropy(case: Case) -> Values:
    p = case["params"]
    control = AdaptiveEntropy(p["coef0"], p["delta"], p["target"], p["initial_entropy"], p["low"], p["high"])
    applied = []
    for entropy in case["inputs"]["step_entropy"]:
        applied.append(control.applied)
        control = control.after(entropy)
    return {"applied": applied, "final": control.coef}


# --- KL over a small vocabulary, by exact expectation of the estimators -----------------------------------------------


def vocabulary(case: Case) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """logits, log-probs of policy and reference as [V, 1], and a mask: every token of the vocabulary taken once."""
    x = read(case, ("logits",))
    logp, ref_logp = torch.log_softmax(x["logits"], 0)[:, None], x["ref"].log()[:, None]
    return x["logits"], logp, ref_logp, torch.ones_like(logp, dtype=torch.bool)


def exact_kl(case: Case) -> Values:
    """KL is the expectation of k1 under the distribution that comes first."""
    logits, logp, ref_logp, mask = vocabulary(case)
    if case["params"]["direction"] == "reverse":
        loss = (logp.exp() * kl.k1(logp, ref_logp, mask)).sum()
    else:
        loss = (ref_logp.exp() * kl.k1(ref_logp, logp, mask)).sum()
    return {"loss": loss, "grad": {"logits": torch.autograd.grad(loss, logits)[0]}}


def expected_gradients(case: Case) -> Values:
    result = {}
    for name in ("k1", "k2", "k3"):
        logits, logp, ref_logp, mask = vocabulary(case)
        value = kl.ESTIMATORS[name].run(logp, ref_logp, mask, logp)
        in_loss = (logp.exp().detach() * value).sum()
        in_reward = (logp.exp() * value.detach()).sum()
        result[f"{name}_in_loss"] = torch.autograd.grad(in_loss, logits, retain_graph=True)[0]
        result[f"{name}_in_reward"] = torch.autograd.grad(in_reward, logits)[0]
    return result


# --- health and evaluation --------------------------------------------------------------------------------------------


def health(case: Case) -> Values:
    x, p = read(case), case["params"]
    settings = Objective(clip_low=p["eps_low"], clip_high=p["eps_high"], std_ddof=p["std_ddof"], std_eps=p["std_eps"])
    found = settings.advantages(x["rewards"], x["group"])
    _, stats = settings.token_loss(x["logp"], x["old_logp"], found.values, x["mask"], sampler_logp=x["sampler_logp"])
    names = ("logp", "old_logp", "mask", "sampler_logp")
    parts = []
    for part in (slice(0, 1), slice(1, None)):
        logp, old_logp, mask, sampler_logp = (x[name][part] for name in names)
        parts.append(settings.token_loss(logp, old_logp, found.values[part], mask, sampler_logp=sampler_logp)[1])
    whole, summed = stats.summary(), (parts[0] + parts[1]).summary()
    assert whole == pytest.approx(summed, abs=1e-12)
    return {**whole, "zero_advantage_group_share": found.groups.dead_share}


def pass_family(case: Case) -> Values:
    rows = case["inputs"]["rows"]
    return {
        "pass_at_k": [passk.pass_at_k(*row) for row in rows],
        "pass_hat_k": [passk.pass_hat_k(*row) for row in rows],
        "g_pass_half": [passk.g_pass_at_k(*row, 0.5) for row in rows],
        "mg_pass": [passk.mg_pass_at_k(*row) for row in rows],
    }


def voting(case: Case) -> Values:
    x = case["inputs"]
    answers, weights, right = x["answers"], x["weights"], {x["gold"]}
    return {
        "majority": sorted(passk.winners(answers)),
        "majority_credit": passk.vote_credit(answers, right),
        "weighted": sorted(passk.winners(answers, weights)),
        "weighted_credit": passk.vote_credit(answers, right, weights),
        "maj_at_k": passk.maj_at_k(answers, right, case["params"]["k"]),
    }


def best_of_n(case: Case) -> Values:
    x = case["inputs"]
    return {"expected_gold": {str(k): passk.best_of_n(x["proxy"], x["gold"], k) for k in case["params"]["k"]}}


def confidence(case: Case) -> Values:
    x, z = case["inputs"], case["params"]["z"]
    return {
        "mean": statistics.mean(x["scores"]),
        "standard_error": statistics.standard_error(x["scores"]),
        "ci": list(statistics.normal_interval(x["scores"], z=z)),
        "clustered_standard_error": statistics.standard_error(x["scores"], x["cluster"]),
        "wilson": list(statistics.wilson(x["wilson_n"], x["wilson_correct"], z)),
        "bootstrap_means": statistics.resampled_means(x["scores"], x["bootstrap_indices"]),
    }


def paired(case: Case) -> Values:
    x = case["inputs"]
    found = statistics.paired_difference(x["scores_a"], x["scores_b"])
    return {
        "mean_difference": found.difference,
        "standard_error": found.standard_error,
        "z": found.z,
        "sign_flip_p": statistics.sign_flip(x["scores_a"], x["scores_b"]),
        "mcnemar_p": statistics.mcnemar(x["only_a_right"], x["only_b_right"]),
    }


# --- which case goes where --------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """Cases of `algorithm` in `family` whose params, inputs and expected values include all of `names` go to `run`."""

    family: str
    algorithm: str
    names: frozenset[str]
    run: Callable[[Case], Values]


def rows(family: str, algorithms: str | tuple[str, ...], names: str, run: Callable[[Case], Values]) -> list[Row]:
    many = (algorithms,) if isinstance(algorithms, str) else algorithms
    return [Row(family, algorithm, frozenset(names.split()), run) for algorithm in many]


TABLE = [
    *rows("adv", "GRPO", "rewards group std_eps", group_advantages),
    *rows("adv", "Dr. GRPO", "rewards group", centred),
    *rows("adv", "GRPO / Lite-PPO", "rewards group std_eps", batch_std),
    *rows("adv", "RLOO", "rewards group", leave_one_out),
    *rows("adv", "GRPO process supervision", "step_rewards step_end", process),
    *rows("adv", "REINFORCE++", "old_logp ref_logp returns", reinforce_pp_advantages),
    *rows("adv", "REINFORCE++ with baseline", "rewards group mask", reinforce_pp_baseline),
    *rows("reward", "PPO / REINFORCE++", "old_logp ref_logp token_rewards", kl_in_reward),
    *rows("reward", "DAPO", "lengths cache", soft_overlong),
    *rows("reward", "Kimi k1.5 length reward", "lengths correct", kimi_length),
    *rows("reward", "LCPO-Exact", "lengths correct target", lcpo_exact),
    *rows("reward", "LCPO-Max", "lengths correct target delta", lcpo_max),
    *rows("reward", "cosine length reward", "lengths correct max_len", cosine),
    *rows("online", tuple(LOSS_OF), "contributions micro_batches", accumulation),
    *rows("online", (*LOSS_OF, "RLOO"), "logp mask loss grad", policy),
    *rows("online", "KL estimators", "logp ref_logp mask", kl_loss),
    *rows("online", "entropy bonus", "logits mask coef", entropy_bonus),
    *rows("online", "DAPO", "correct group keep_group", dynamic_sampling),
    *rows("online", "asynchronous RL", "submitted admit", admission),
    *rows("online", "Skywork-OR1 entropy control", "step_entropy applied", adaptive_entropy),
    *rows("kl", "KL", "logits ref direction", exact_kl),
    *rows("kl", "KL estimators", "logits ref k1_in_loss", expected_gradients),
    *rows("health", "RL health", "logp old_logp sampler_logp rewards", health),
    *rows("eval", "pass@k family", "rows", pass_family),
    *rows("eval", "majority and weighted vote", "answers weights gold", voting),
    *rows("eval", "best-of-n", "proxy gold", best_of_n),
    *rows("eval", "confidence intervals", "scores cluster wilson_n", confidence),
    *rows("eval", "paired comparison", "scores_a scores_b", paired),
]

UNBUILT = {
    *("adv/gae", "online/ppo_value_clip", "kl/f_divergences", "kl/adaptive_controller"),
    *("search/selection", "search/tot_breadth_first"),
    *("rm/bradley_terry", "rm/bradley_terry_margin", "rm/bradley_terry_centered", "rm/bradley_terry_soft", "rm/kwise"),
    *("rm/pointwise_bce", "rm/pairwise_preference_model", "rm/ensemble", "rm/process_bce", "rm/process_score"),
    *("rm/overoptimization", "rm/judge_position_average"),
    *("pref/dpo", "pref/ipo_mean", "pref/ipo_sum", "pref/cdpo", "pref/robust_dpo", "pref/dpop", "pref/r_dpo"),
    *("pref/dpo_length_normalized", "pref/f_dpo_forward_kl", "pref/f_dpo_jensen_shannon", "pref/f_dpo_alpha"),
    *("pref/dpo_nll", "pref/simpo", "pref/orpo", "pref/kto", "pref/npo", "pref/sft", "pref/sppo", "pref/sppo_hard"),
    *("pref/spin", "pref/rspo", "pref/pl_dpo", "pref/ampo_refa", "pref/ampo_refa_weighted", "pref/ampo_selection"),
    "pref/paft_merge",
}
"""what of the file kept here no code computes yet; building one of these moves its id from here into TABLE"""


def by_table(case: Case) -> Callable[[Case], Values] | None:
    """What runs a case, going by family, algorithm and names alone."""
    family = str(case.get("id", "")).partition("/")[0]
    names = {name for part in ("params", "inputs", "expected") for name in case.get(part, {})}
    for row in TABLE:
        if (row.family, row.algorithm) == (family, case.get("algorithm")) and row.names <= names:
            return row.run
    return None


OURS: list[Case] = json.loads(HERE.read_text())["cases"]
BY_ID = {case["id"]: by_table(case) for case in OURS}


def runner(case: Case) -> Callable[[Case], Values] | None:
    """What runs a case: what its id names here, else what its algorithm and shape name."""
    return BY_ID.get(case.get("id", "")) or by_table(case)


CASES: list[Case] = json.loads(FILE.read_text())["cases"]
BUILT = [case for case in CASES if runner(case)]


def check(expected: Any, actual: Any, where: str) -> None:
    """Every expected number is met to TOLERANCE, every expected name is there."""
    if isinstance(actual, Tensor):
        actual = actual.tolist()
    if isinstance(expected, dict):
        for name, value in expected.items():
            assert name in actual, f"{where}: nothing computes {name!r}"
            check(value, actual[name], f"{where}/{name}")
    elif isinstance(expected, list):
        assert len(actual) == len(expected), where
        for place, value in enumerate(expected):
            check(value, actual[place], f"{where}[{place}]")
    elif isinstance(expected, str):
        assert actual == expected, where
    else:
        assert abs(float(actual) - expected) <= TOLERANCE, f"{where}: {float(actual)!r}, expected {expected!r}"


@pytest.mark.parametrize("case", BUILT, ids=[case["id"] for case in BUILT])
def test_golden(case: Case) -> None:
    run = runner(case)
    assert run is not None
    check(case["expected"], run(case), case["id"])


def test_cases_not_built_yet_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    missing = [str(case.get("id")) for case in CASES if runner(case) is None]
    with capsys.disabled():
        print(f"\ngoldens: {len(BUILT)} of {len(CASES)} cases of {FILE.name} run")
        print(f"not built yet ({len(missing)}): {', '.join(missing) or 'none'}")
    ours = {case["id"] for case in OURS}
    assert {name for name in missing if name in ours} <= UNBUILT


def test_the_list_of_unbuilt_cases_is_true() -> None:
    assert {name for name, run in BY_ID.items() if run is None} == UNBUILT


def test_a_new_id_of_a_known_algorithm_runs_and_an_unknown_algorithm_is_listed() -> None:
    known = next(case for case in OURS if case["id"] == "online/grpo")
    assert runner({**known, "id": "online/grpo_2"}) is policy
    assert runner({**known, "id": "online/other", "algorithm": "something new"}) is None
    assert runner({"id": "strange"}) is None
    every = [{**case, "id": f"{case['id']}_2"} for case in OURS]
    assert [runner(case) for case in every] == [BY_ID[case["id"]] for case in OURS]


def test_a_wrong_number_is_noticed() -> None:
    case = next(case for case in OURS if case["id"] == "online/grpo")
    with pytest.raises(AssertionError, match=r"online/grpo/loss"):
        check({"loss": case["expected"]["loss"] + 2e-10}, policy(case), "online/grpo")
    with pytest.raises(AssertionError, match="nothing computes 'invented'"):
        check({"invented": 1.0}, policy(case), "online/grpo")
