"""Token accounting and health signals."""

import math
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from verigym.trainer.objective.health import SUMS, TokenStats
from verigym.trainer.objective.table import LOSSES, Objective

SETTINGS = Objective(correction="mis-token", correction_min=0.5, correction_max=2.0)


def test_every_counted_token_is_exactly_one_thing() -> None:
    # A > 0: trained, stopped (r = e > 1.2), removed (w = e > 2), removed although also stopped, uncounted; A = 0: idle
    logp = torch.tensor([[0.0, 1.0, 0.0, 1.0, math.nan], [0.0, 1.0, 1.0, 0.0, 0.0]])
    sampler = torch.tensor([[0.0, 0.0, -1.0, -1.0, math.nan], [-1.0, 0.0, 0.0, 0.0, 0.0]])
    mask = torch.tensor([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]])
    _, stats = SETTINGS.token_loss(logp, torch.zeros(2, 5), torch.tensor([1.0, 0.0]), mask, sampler_logp=sampler)
    found = stats.summary()
    assert {name: found[f"tokens_{name}"] for name in ("trained", "stopped", "removed", "no_advantage")} == {
        "trained": 1,
        "stopped": 1,
        "removed": 2,
        "no_advantage": 2,
    }
    assert found["tokens"] == 6
    assert found["clip_fraction_high"] == pytest.approx(2 / 6) and found["clip_fraction_low"] == 0
    assert found["correction_touched"] == pytest.approx(3 / 6)
    assert found["mismatch_max"] == 1.0


@pytest.mark.parametrize("loss", LOSSES)
def test_the_counts_add_up_and_so_do_micro_batches(loss: str, make_step: Callable[..., SimpleNamespace]) -> None:
    step, settings = make_step(5), replace(SETTINGS, loss=loss, off_policy_delta=0.1)

    def stats(rows: slice) -> TokenStats:
        logp, old, mask = step.logp[rows], step.old_logp[rows], step.mask[rows]
        extra = {"ref_logp": step.ref_logp[rows], "sampler_logp": step.sampler_logp[rows]}
        return settings.token_loss(logp, old, step.advantages[rows], mask, **extra)[1]

    whole = stats(slice(None)).summary()
    parts = sum((stats(slice(i, i + 2)) for i in range(2, 12, 2)), start=stats(slice(0, 2))).summary()
    assert whole == pytest.approx(parts, abs=1e-12)
    kinds = ("trained", "stopped", "removed", "no_advantage")
    assert sum(whole[f"tokens_{kind}"] for kind in kinds) == whole["tokens"] == int(step.mask.sum())


def test_effective_sample_size_and_update_kl_by_hand() -> None:
    # ratios 1 and 3: (1 + 3)^2 / (2 (1 + 9)) = 0.8; k1 = -log 3 / 2; k3 = (3 - 1 - log 3) / 2
    logp = torch.tensor([[0.0], [math.log(3.0)]], dtype=torch.float64)
    mask = torch.ones(2, 1)
    _, stats = Objective().token_loss(logp, torch.zeros_like(logp), torch.tensor([1.0, 1.0]), mask)
    found = stats.summary()
    assert found["ess_token"] == pytest.approx(0.8) and found["ess_sequence"] == pytest.approx(0.8)
    assert found["approx_kl_k1"] == pytest.approx(-math.log(3) / 2)
    assert found["approx_kl_k3"] == pytest.approx((2 - math.log(3)) / 2)
    assert "mismatch_k1" not in found and "kl_k3" not in found


def test_a_step_without_counted_tokens_reports_zeros() -> None:
    zeros = torch.zeros(2, 3)
    _, stats = Objective().token_loss(zeros, zeros, torch.ones(2), zeros)
    assert set(stats.summary().values()) == {0.0}
    assert len(stats.sums) == len(SUMS)
