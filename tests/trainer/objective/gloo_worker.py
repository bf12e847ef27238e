"""One of several gloo processes: the gradient of a small model for every loss x reduction x KL, from its share of one
step.

Run by test_invariance.py as `gloo_worker.py FOLDER RANK WORLD`; rank 0 leaves rank0.pt in FOLDER.
"""

import itertools
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from verigym.trainer.objective.kl import ESTIMATORS
from verigym.trainer.objective.reductions import REDUCTIONS, Denominators, weighted_sum
from verigym.trainer.objective.table import LOSSES, Objective

ANSWERS, WIDTH, FEATURES, VOCABULARY = 12, 5, 3, 4


def gathered(local: Tensor, world: int) -> Tensor:
    """The rows of all ranks, one after the other."""
    if world == 1:
        return local
    parts: list[Tensor] = [torch.empty(0)] * world
    dist.all_gather_object(parts, local)
    return torch.cat(parts)


def every_gradient(rows: list[int], world: int) -> dict[str, Tensor]:
    """Name to the gradient of the model's weight [F, V] over the whole step, of which this process holds `rows`."""
    rng = torch.Generator().manual_seed(5)
    inputs = torch.randn(ANSWERS, WIDTH, FEATURES, generator=rng, dtype=torch.float64)[rows]
    tokens = torch.randint(VOCABULARY, (ANSWERS, WIDTH), generator=rng)[rows]
    mask = (torch.rand(ANSWERS, WIDTH, generator=rng) < 0.7)[rows]
    rewards = torch.rand(ANSWERS, generator=rng, dtype=torch.float64)[rows]
    weight, old, ref = torch.randn(3, FEATURES, VOCABULARY, generator=rng, dtype=torch.float64)
    group, lengths = (torch.arange(ANSWERS) % 3)[rows], mask.sum(1)
    first = sum(len(part) for part in SHARES[: SHARES.index(rows)]) if world > 1 else 0

    def logp(parameters: Tensor) -> Tensor:
        return torch.log_softmax(inputs @ parameters, -1).gather(-1, tokens[..., None])[..., 0]

    found = {}
    for loss, reduction, kl in itertools.product(LOSSES, REDUCTIONS, ("none", *ESTIMATORS)):
        if kl == "k1":
            continue
        settings = Objective(
            loss=loss,
            baseline="leave-one-out",
            scale="whiten",
            reduction=reduction,
            norm_length=7,
            kl_coef=0.0 if kl == "none" else 0.1,
            kl_estimator="k3" if kl == "none" else kl,
        )
        all_lengths, all_groups = gathered(lengths, world), gathered(group, world)
        advantages = settings.advantages(gathered(rewards, world), all_groups, lengths=all_lengths).values
        parameters = weight.clone().requires_grad_()
        value, _ = settings.token_loss(
            logp(parameters), logp(old), advantages[first : first + len(rows)], mask, ref_logp=logp(ref)
        )
        weights = Denominators.of(reduction, all_lengths, all_groups, settings.norm_length).weights(lengths, group)
        # as under a framework that averages gradients over ranks: times W, then the mean
        (weighted_sum(value, mask, weights) * world).backward()
        assert parameters.grad is not None
        if world > 1:
            dist.all_reduce(parameters.grad)
        found[f"{loss} {reduction} {kl}"] = parameters.grad / world
    return found


SHARES = [list(range(0, ANSWERS, 2))[:5], sorted({*range(1, ANSWERS, 2), 10})]
"""the rows of each rank: unequal, with every group on both"""

if __name__ == "__main__":
    torch.set_num_threads(1)
    folder, rank, world = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    dist.init_process_group("gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=world)
    gradients = every_gradient(SHARES[rank], world)
    if rank == 0:
        torch.save(gradients, folder / "rank0.pt")
    dist.barrier()
    dist.destroy_process_group()
