"""One step, one gradient: whatever the micro-batches, padding, order of rows, junk in uncounted entries, or number of
ranks."""

import runpy
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from verigym.trainer.objective.kl import ESTIMATORS
from verigym.trainer.objective.reductions import REDUCTIONS, Denominators, weighted_sum
from verigym.trainer.objective.table import LOSSES, Objective

WORKER = Path(__file__).parent / "gloo_worker.py"
KLS = ("none", *(name for name in ESTIMATORS if name != "k1"))
COLUMNS = ("logp", "old_logp", "ref_logp", "sampler_logp")
WORLD = 2


def objective(loss: str, reduction: str, kl: str) -> Objective:
    return Objective(
        loss=loss,
        reduction=reduction,
        norm_length=9,
        kl_coef=0.0 if kl == "none" else 0.1,
        kl_estimator="k3" if kl == "none" else kl,
        dual_clip=1.5 if loss == "ppo" else None,
        correction="mis-sequence" if loss == "gspo" else "tis-token",
        correction_max=2.0,
        off_policy_delta=0.2 if loss == "gspo_token" else None,
    )


def gradient(settings: Objective, step: SimpleNamespace, batches: list[list[int]]) -> tuple[float, Tensor]:
    """The loss of the step and its gradient [N, T], back-propagated one micro-batch at a time."""
    logp = step.logp.clone().requires_grad_()
    denominators = Denominators.of(settings.reduction, step.lengths, step.group, settings.norm_length)
    total = 0.0
    for rows in batches:
        old_logp, ref_logp, sampler_logp = (getattr(step, name)[rows] for name in COLUMNS[1:])
        mask, lengths, group = step.mask[rows], step.lengths[rows], step.group[rows]
        value, _ = settings.token_loss(
            logp[rows], old_logp, step.advantages[rows], mask, ref_logp=ref_logp, sampler_logp=sampler_logp
        )
        loss = weighted_sum(value, mask, denominators.weights(lengths, group))
        loss.backward()
        total += loss.item()
    assert logp.grad is not None
    return total, logp.grad


def changed(step: SimpleNamespace, rng: torch.Generator) -> tuple[SimpleNamespace, Tensor]:
    """The same step with its rows shuffled, wider padding, and NaN or junk in every uncounted entry; and the new
    order."""
    order = torch.randperm(len(step.group), generator=rng)
    columns = {}
    for name in COLUMNS:
        junk = torch.full((len(order), step.mask.shape[1] + 3), torch.nan, dtype=torch.float64)
        junk[::2] = 1e6
        junk[:, : step.mask.shape[1]] = torch.where(step.mask, getattr(step, name), junk[:, : step.mask.shape[1]])
        columns[name] = junk[order]
    padded = torch.nn.functional.pad(step.mask, (0, 3))[order]
    rest = {name: getattr(step, name)[order] for name in ("advantages", "rewards", "group", "lengths")}
    return SimpleNamespace(mask=padded, **columns, **rest), order


@pytest.mark.parametrize(("loss", "reduction"), list(product(LOSSES, REDUCTIONS)))
def test_any_split_padding_order_and_junk_gives_one_gradient(
    loss: str, reduction: str, make_step: Callable[..., SimpleNamespace]
) -> None:
    rng = torch.Generator().manual_seed(len(loss) * 31 + len(reduction))
    step = make_step(7)
    for kl in KLS:
        settings = objective(loss, reduction, kl)
        whole, expected = gradient(settings, step, [list(range(12))])
        assert expected.any() and torch.isfinite(expected).all()
        other, order = changed(step, rng)
        cuts = sorted(torch.randperm(11, generator=rng)[:3].add(1).tolist())
        batches = [list(range(a, b)) for a, b in zip([0, *cuts], [*cuts, 12], strict=True)]
        total, found = gradient(settings, other, batches)
        assert total == pytest.approx(whole, abs=1e-12)
        assert torch.allclose(found[:, : step.mask.shape[1]], expected[order], rtol=0, atol=1e-12), kl
        assert not found[:, step.mask.shape[1] :].any()


def test_the_mean_of_micro_batch_means_is_noticed(make_step: Callable[..., SimpleNamespace]) -> None:
    """The test above can fail: denominators of each micro-batch alone give another gradient."""
    step, settings = make_step(7), objective("ppo", "token-mean", "none")
    _, expected = gradient(settings, step, [list(range(12))])
    pieces = []
    for rows in (slice(0, 3), slice(3, 12)):
        part = SimpleNamespace(**{name: value[rows] for name, value in vars(step).items()})
        pieces.append(gradient(settings, part, [list(range(len(part.group)))])[1] / 2)
    assert not torch.allclose(torch.cat(pieces), expected, atol=1e-3)


def test_two_ranks_have_the_gradient_of_one_process(tmp_path: Path) -> None:
    """Every loss x reduction x KL with a small model: two gloo processes with 5 and 7 answers, against one with all
    12."""
    command = [sys.executable, "-P", str(WORKER), str(tmp_path)]
    workers = [subprocess.Popen([*command, str(rank), str(WORLD)]) for rank in range(WORLD)]
    try:
        codes = [worker.wait(timeout=120) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    assert codes == [0, 0]
    together = torch.load(tmp_path / "rank0.pt")
    alone = runpy.run_path(str(WORKER))["every_gradient"](list(range(12)), 1)
    assert len(alone) == len(LOSSES) * len(REDUCTIONS) * len(KLS)
    for name, expected in alone.items():
        assert expected.any(), name
        assert torch.allclose(together[name], expected, rtol=0, atol=1e-12), name
