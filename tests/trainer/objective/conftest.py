"""A random optimizer step for the objective's tests: groups of unequal size, tokens masked inside, one empty answer."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch


def random_step(seed: int, answers: int = 12, width: int = 6) -> SimpleNamespace:
    """logp, old_logp, ref_logp, sampler_logp, mask [N, T]; advantages, rewards, group, lengths [N]; all float64."""
    rng = torch.Generator().manual_seed(seed)

    def normal(*shape: int, scale: float = 1.0) -> torch.Tensor:
        return scale * torch.randn(*shape, generator=rng, dtype=torch.float64)

    logp = -normal(answers, width).abs() - 0.1
    mask = torch.rand(answers, width, generator=rng) < 0.7
    mask[0], mask[1] = False, True
    return SimpleNamespace(
        logp=logp,
        old_logp=logp + normal(answers, width, scale=0.3),
        ref_logp=logp + normal(answers, width, scale=0.5),
        sampler_logp=logp + normal(answers, width, scale=0.4),
        mask=mask,
        advantages=normal(answers),
        rewards=torch.rand(answers, generator=rng, dtype=torch.float64),
        group=torch.arange(answers) % 5 % 4,
        lengths=mask.sum(1),
    )


@pytest.fixture
def make_step() -> Callable[..., SimpleNamespace]:
    """`random_step`, for tests that want several."""
    return random_step
