"""The policy losses: by hand, against slow references, and against finite differences under every reduction."""

import math
from collections.abc import Callable
from itertools import product
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from verigym.trainer.objective import losses
from verigym.trainer.objective.reductions import REDUCTIONS, token_weights, weighted_sum

LOW, HIGH, TAU_POS, TAU_NEG, CEILING, LENGTH = 0.2, 0.3, 1.0, 1.05, 1.4, 9


def double(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


# --- slow references: one answer, counted tokens, plain numbers; `frozen` stands where the paper stops the gradient ---

Answer = Callable[[list[float], list[float], list[float], float], list[float]]


def clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def surrogate(ratio: float, advantage: float) -> float:
    return -min(ratio * advantage, clip(ratio, 1 - LOW, 1 + HIGH) * advantage)


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def slow_ppo(logp: list[float], frozen: list[float], old: list[float], a: float) -> list[float]:
    return [surrogate(math.exp(new - base), a) for new, base in zip(logp, old, strict=True)]


def slow_dual(logp: list[float], frozen: list[float], old: list[float], a: float) -> list[float]:
    return [min(value, CEILING * abs(a)) if a < 0 else value for value in slow_ppo(logp, frozen, old, a)]


def slow_rloo(logp: list[float], frozen: list[float], old: list[float], a: float) -> list[float]:
    return [surrogate(math.exp(sum(logp) - sum(old)), a)] * len(logp)


def slow_gspo(logp: list[float], frozen: list[float], old: list[float], a: float) -> list[float]:
    return [surrogate(math.exp(mean(logp) - mean(old)), a)] * len(logp)


def slow_gspo_token(logp: list[float], frozen: list[float], old: list[float], a: float) -> list[float]:
    sequence = math.exp(mean(frozen) - mean(old))
    return [surrogate(sequence * math.exp(new - still), a) for new, still in zip(logp, frozen, strict=True)]


def slow_sapo(logp: list[float], frozen: list[float], old: list[float], a: float) -> list[float]:
    tau = TAU_POS if a > 0 else TAU_NEG
    gates = [1 / (1 + math.exp(-tau * (math.exp(new - base) - 1))) for new, base in zip(logp, old, strict=True)]
    return [-4 / tau * gate * a for gate in gates]


def slow_cispo(logp: list[float], frozen: list[float], old: list[float], a: float) -> list[float]:
    weights = [clip(math.exp(still - base), 1 - LOW, 1 + HIGH) for still, base in zip(frozen, old, strict=True)]
    return [-weight * a * new for weight, new in zip(weights, logp, strict=True)]


def slow_gmpo(logp: list[float], frozen: list[float], old: list[float], a: float) -> list[float]:
    steps = [new - base for new, base in zip(logp, old, strict=True)]
    bounded = [min(step, HIGH) if a > 0 else max(step, -LOW) for step in steps]
    return [-a * math.exp(mean(bounded))] * len(logp)


def slow_reinforce(logp: list[float], frozen: list[float], old: list[float], a: float) -> list[float]:
    return [-a * new for new in logp]


def bounds(name: str) -> dict[str, float]:
    return {"tau_pos": TAU_POS, "tau_neg": TAU_NEG} if name == "sapo" else {"clip_low": LOW, "clip_high": HIGH}


def run(name: str, logp: Tensor, old_logp: Tensor, advantages: Tensor, mask: Tensor) -> losses.PerToken:
    if name == "reinforce":
        return losses.reinforce(logp, advantages, mask)
    if name == "dual":
        part = losses.ppo(logp, old_logp, advantages, mask, clip_low=LOW, clip_high=HIGH)
        return losses.dual_clip(part, advantages, mask, CEILING)
    return getattr(losses, name)(logp, old_logp, advantages, mask, **bounds(name))


SLOW: dict[str, Answer] = {
    "ppo": slow_ppo,
    "dual": slow_dual,
    "reinforce": slow_reinforce,
    "rloo_clipped": slow_rloo,
    "gspo": slow_gspo,
    "gspo_token": slow_gspo_token,
    "sapo": slow_sapo,
    "cispo": slow_cispo,
    "gmpo": slow_gmpo,
}


def slow_reduction(name: str, rows: list[list[float]], group: list[int]) -> float:
    """Section 0.3 of the algorithm reference, with sums written out."""
    filled = [row for row in rows if row]
    if name == "token-mean":
        return sum(map(sum, rows)) / sum(map(len, rows))
    if name == "seq-mean-token-mean":
        return sum(sum(row) / len(row) for row in filled) / len(filled)
    if name == "seq-mean-token-sum":
        return sum(map(sum, filled)) / len(filled)
    if name == "seq-mean-token-sum-norm":
        return sum(map(sum, rows)) / (len(rows) * LENGTH)
    tokens = {g: [value for row, owner in zip(rows, group, strict=True) if owner == g for value in row] for g in group}
    held = [values for values in tokens.values() if values]
    return sum(sum(values) / len(values) for values in held) / len(held)


def slow_loss(name: str, reduction: str, step: SimpleNamespace, logp: list[list[float]]) -> float:
    rows = []
    for i, places in enumerate(step.mask.tolist()):
        kept = [t for t, counted in enumerate(places) if counted]
        answer = [[table[i][t] for t in kept] for table in (logp, step.logp.tolist(), step.old_logp.tolist())]
        rows.append(SLOW[name](*answer, float(step.advantages[i])))
    return slow_reduction(reduction, rows, step.group.tolist())


@pytest.mark.parametrize(("name", "reduction"), list(product(SLOW, REDUCTIONS)))
def test_value_and_gradient_match_the_slow_reference(
    name: str, reduction: str, make_step: Callable[..., SimpleNamespace]
) -> None:
    step = make_step(3, answers=8, width=5)
    logp = step.logp.clone().requires_grad_()
    part = run(name, logp, step.old_logp, step.advantages, step.mask)
    loss = (token_weights(reduction, step.mask, step.group, LENGTH) * part.value).sum()
    loss.backward()
    assert loss.item() == pytest.approx(slow_loss(name, reduction, step, step.logp.tolist()), abs=1e-12)
    assert logp.grad is not None
    for i, t in product(range(8), range(5)):
        ends = []
        for nudge in (1e-6, -1e-6):
            moved = step.logp.tolist()
            moved[i][t] += nudge
            ends.append(slow_loss(name, reduction, step, moved))
        assert logp.grad[i, t].item() == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=2e-9), (i, t)


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_ppo_clips_only_the_side_that_binds() -> None:
    # r = e^0.4 = 1.49, 1, e^-0.4 = 0.67. A > 0: only 1.49 is cut, at 1.3; A < 0: only 0.67 is cut, at 0.8
    logp, old = double([[-1.0, -1.0, -1.0]] * 2), double([[-1.4, -1.0, -0.6]] * 2)
    part = losses.ppo(logp, old, double([1.0, -1.0]), torch.ones(2, 3), clip_low=0.2, clip_high=0.3)
    assert part.value[0].tolist() == pytest.approx([-1.3, -1.0, -math.exp(-0.4)])
    assert part.value[1].tolist() == pytest.approx([math.exp(0.4), 1.0, 0.8])
    assert part.high.tolist() == [[True, False, False], [False, False, False]]
    assert part.low.tolist() == [[False, False, False], [False, False, True]]


def test_on_policy_gradient_is_the_policy_gradient() -> None:
    logp = double([[-1.0, -2.0]]).requires_grad_()
    losses.ppo(logp, logp.detach(), double([3.0]), torch.ones(1, 2), clip_low=0.2, clip_high=0.2).value.sum().backward()
    assert logp.grad is not None and logp.grad.tolist() == [[-3.0, -3.0]]


def test_dual_clip_caps_the_loss_of_bad_answers_only() -> None:
    logp, old = double([[0.0], [0.0]]).requires_grad_(), double([[-2.0], [-2.0]])  # r = e^2 = 7.39
    ones = torch.ones(2, 1)
    part = losses.ppo(logp, old, double([-2.0, 2.0]), ones, clip_low=0.2, clip_high=0.2)
    capped = losses.dual_clip(part, double([-2.0, 2.0]), ones, 3.0)
    assert capped.value.flatten().tolist() == pytest.approx([6.0, -2.4])
    assert capped.stopped.flatten().tolist() == [True, True] and capped.high.flatten().tolist() == [False, True]
    capped.value.sum().backward()
    assert logp.grad is not None and logp.grad.flatten().tolist() == [0.0, 0.0]


def test_gspo_ratio_is_the_geometric_mean_of_the_counted_tokens() -> None:
    # differences +1, -1 and an uncounted 50: mean 0, ratio 1, value -A on both counted tokens
    logp, old = double([[-1.0, -3.0, 0.0]]), double([[-2.0, -2.0, -50.0]])
    part = losses.gspo(logp, old, double([2.0]), double([[1, 1, 0]]), clip_low=3e-4, clip_high=4e-4)
    assert part.value.tolist() == [[-2.0, -2.0, 0.0]]


def test_gspo_token_equals_gspo_for_equal_advantages(make_step: Callable[..., SimpleNamespace]) -> None:
    step, found = make_step(11), []
    for name in ("gspo", "gspo_token"):
        logp = step.logp.clone().requires_grad_()
        weights = token_weights("seq-mean-token-mean", step.mask)
        loss = (weights * run(name, logp, step.old_logp, step.advantages, step.mask).value).sum()
        found.append((loss.item(), torch.autograd.grad(loss, logp)[0]))
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-14)
    assert torch.allclose(found[0][1], found[1][1], atol=1e-14)


def test_sapo_gradient_is_that_of_the_policy_gradient_on_policy_whatever_the_temperature() -> None:
    logp = double([[-1.0], [-1.0]]).requires_grad_()
    losses.sapo(
        logp, logp.detach(), double([2.0, -2.0]), torch.ones(2, 1), tau_pos=1.0, tau_neg=5.0
    ).value.sum().backward()
    assert logp.grad is not None and logp.grad.flatten().tolist() == pytest.approx([-2.0, 2.0])


def test_cispo_never_stops_a_token_and_caps_at_one_plus_epsilon() -> None:
    logp = double([[-1.0, -1.0]]).requires_grad_()
    part = losses.cispo(logp, double([[-4.0, -0.5]]), double([1.0]), torch.ones(1, 2), clip_low=1.0, clip_high=0.3)
    part.value.sum().backward()
    assert logp.grad is not None and logp.grad.flatten().tolist() == pytest.approx([-1.3, -math.exp(-0.5)])
    assert not part.stopped.any() and part.high.tolist() == [[True, False]]


@pytest.mark.parametrize("name", SLOW)
def test_an_advantage_of_zero_gives_no_loss_and_no_gradient(
    name: str, make_step: Callable[..., SimpleNamespace]
) -> None:
    step = make_step(2)
    logp = step.logp.clone().requires_grad_()
    part = run(name, logp, step.old_logp, torch.zeros(12), step.mask)
    part.value.sum().backward()
    assert logp.grad is not None and not part.value.any() and not logp.grad.any()
    assert not part.stopped.any()


@pytest.mark.parametrize("name", SLOW)
def test_stopped_tokens_are_exactly_those_without_gradient(
    name: str, make_step: Callable[..., SimpleNamespace]
) -> None:
    step = make_step(4)
    logp = step.logp.clone().requires_grad_()
    part = run(name, logp, step.old_logp, step.advantages, step.mask)
    part.value.sum().backward()
    assert logp.grad is not None
    assert torch.equal(part.stopped, step.mask & (logp.grad == 0))


def test_extreme_ratios_stay_finite_in_float32() -> None:
    logp = torch.tensor([[0.0, -500.0]], requires_grad=True)
    old = torch.tensor([[-500.0, 0.0]])
    for name in SLOW:
        part = run(name, logp, old, torch.tensor([-1.0]), torch.ones(1, 2))
        (gradient,) = torch.autograd.grad(part.value.sum(), logp)
        assert torch.isfinite(part.value).all() and torch.isfinite(gradient).all(), name


def test_whole_answer_losses_refuse_advantages_that_differ_within_an_answer() -> None:
    zeros = torch.zeros(2, 3)
    with pytest.raises(ValueError, match=r"advantages must be \[B\] = \[2\], got \[2, 3\]; use gspo_token"):
        losses.gspo(zeros, zeros, zeros, torch.ones(2, 3), clip_low=0.1, clip_high=0.1)


def test_half_precision_and_wrong_shapes_are_refused() -> None:
    half, mask = torch.zeros(2, 3, dtype=torch.bfloat16), torch.ones(2, 3)
    with pytest.raises(ValueError, match=r"must be float32 or float64, got torch.bfloat16: take the log-softmax"):
        losses.reinforce(half, torch.zeros(2), mask)
    with pytest.raises(ValueError, match=r"expected shape \[2, 3\] as the mask has, got \[2, 4\]"):
        losses.reinforce(torch.zeros(2, 4), torch.zeros(2), mask)
    with pytest.raises(ValueError, match=r"mask must be \[B, T\], got shape \[3\]"):
        losses.reinforce(torch.zeros(2, 3), torch.zeros(2), torch.ones(3))


def test_per_token_advantages_are_used_token_by_token() -> None:
    logp, mask = double([[-1.0, -2.0, torch.nan]]), double([[1, 1, 0]])
    part = losses.reinforce(logp, double([[1.0, -3.0, torch.nan]]), mask)
    assert weighted_sum(part.value, mask, double([1.0])).item() == pytest.approx(1.0 - 6.0)
