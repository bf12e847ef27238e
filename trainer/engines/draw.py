"""How a token is drawn: random numbers by counting, and the distribution they are laid on.

    ids, logps = draw(logits, Sampling(8), uniforms(seeds, position=0))

B rows, V vocabulary.
"""

import numpy as np
import torch

from verigym.trainer.engines.engine import Sampling

GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)
CELLS = 1 << 24
"""Most probabilities made cumulative in float64 at once."""


def uniforms(seeds: np.ndarray, position: int | np.ndarray) -> np.ndarray:
    """One number in (0, 1) for each seed at its position: SplitMix64 (Steele et al. 2014), a counter-based generator,
    so no state is kept. seeds [B] uint64; position: one, or [B]; returns [B] float64."""
    with np.errstate(over="ignore"):
        z = seeds + (np.asarray(position, dtype=np.uint64) + np.uint64(1)) * GOLDEN_GAMMA
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def truncate_distribution(logits: torch.Tensor, top_p: float, top_k: int) -> torch.Tensor:
    """Logits [B, V] with everything outside the top k tokens, and outside the smallest set of probability top_p, at
    -inf."""
    if top_k > 0:
        kth = logits.topk(min(top_k, logits.shape[-1]), dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < kth, -torch.inf)
    if top_p < 1.0:
        ordered, order = logits.sort(dim=-1, descending=True)
        before = ordered.softmax(-1).cumsum(-1) - ordered.softmax(-1)
        outside = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, before >= top_p)
        logits = logits.masked_fill(outside, -torch.inf)
    return logits


def draw(logits: torch.Tensor, sampling: Sampling, uniform: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """A token for each row by inverting the cumulative distribution, and its log-prob. logits [B, V] fp32; uniform [B]
    in (0, 1); returns ids [B] and log-probs [B]. Temperature 0 takes the likeliest token and reports its log-prob at
    temperature 1."""
    if sampling.temperature == 0:
        ids = logits.argmax(-1)
        return ids, logits.log_softmax(-1).gather(-1, ids[:, None])[:, 0]
    logits = truncate_distribution(logits / sampling.temperature, sampling.top_p, sampling.top_k)
    logp = logits.log_softmax(-1)
    numbers = torch.from_numpy(uniform).to(logits.device)
    rows = max(1, CELLS // logits.shape[-1])
    chosen = []
    for start in range(0, len(logp), rows):
        cumulative = logp[start : start + rows].exp().double().cumsum(-1)
        wanted = numbers[start : start + rows, None] * cumulative[:, -1:]
        chosen.append(torch.searchsorted(cumulative, wanted, right=True)[:, 0])
    ids = torch.cat(chosen).clamp_(max=logits.shape[-1] - 1)
    return ids, logp.gather(-1, ids[:, None])[:, 0]
