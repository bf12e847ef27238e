"""What one optimizer step did to its tokens, as sums that add over micro-batches and ranks.

Means of means are wrong as soon as counts differ, so `TokenStats` holds sums and counts; `summary` divides once, at the
end. Across ranks: all-reduce `sums` by sum and `largest_mismatch` by max.

Every counted token is exactly one of: without advantage, removed by a correction or gate, stopped by the clip, trained.

    (TokenStats.of(...first micro-batch...) + TokenStats.of(...second...)).summary()["approx_kl_k3"]
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from verigym.trainer.objective.corrections import Correction
from verigym.trainer.objective.kl import k1, k3
from verigym.trainer.objective.losses import PerToken
from verigym.trainer.objective.tensors import as_mask, log_ratio, sequence_sum, token_advantages

SUMS = (
    *("tokens", "no_advantage", "removed", "stopped", "trained", "low", "high"),
    *("update_k1", "update_k3", "ratio", "ratio_squared", "sequences", "answer_ratio", "answer_ratio_squared"),
    *("mismatch_tokens", "mismatch_k1", "mismatch_k3", "weight_squared", "touched", "ref_tokens", "ref_k1", "ref_k3"),
)
"""what `TokenStats.sums` holds, in order"""


@dataclass(frozen=True)
class TokenStats:
    """Sums over the counted tokens of a micro-batch: `sums` [len(SUMS)] float64, `largest_mismatch` a scalar, max |log
    w|."""

    sums: Tensor
    largest_mismatch: Tensor

    @classmethod
    @torch.no_grad()
    def of(
        cls,
        part: PerToken,
        logp: Tensor,
        old_logp: Tensor,
        advantages: Tensor,
        mask: Tensor,
        *,
        ref_logp: Tensor | None = None,
        sampler_logp: Tensor | None = None,
        applied: Correction | None = None,
        keep: Tensor | None = None,
        copies: Tensor | None = None,
    ) -> "TokenStats":
        """part: what the loss returned; applied: the correction in force; keep [B]: answers a gate let through; copies
        [B]: how many identical answers each row stands for; log-probs and mask [B, T]; advantages [B] or [B, T]."""
        mask = as_mask(mask)
        zero = torch.zeros(mask.shape, dtype=torch.double, device=mask.device)
        adv = token_advantages(advantages, logp, mask)
        gone = ~mask if applied is None else mask & (applied.weights == 0)
        gone = gone if keep is None else gone | ~keep[:, None]
        idle = mask & (adv == 0)
        removed = mask & gone & ~idle
        stopped = part.stopped & ~idle & ~removed
        update = log_ratio(logp, old_logp, mask).double()
        ratio = torch.where(mask, update.exp(), 0.0)
        answers = mask.any(1)
        answer_ratio = torch.where(answers, sequence_sum(update, mask).exp(), 0.0)
        log_w = zero if sampler_logp is None else log_ratio(old_logp, sampler_logp, mask).double()
        has_sampler, has_ref = sampler_logp is not None, ref_logp is not None
        columns = {
            "tokens": mask,
            "no_advantage": idle,
            "removed": removed,
            "stopped": stopped,
            "trained": mask & ~idle & ~removed & ~stopped,
            "low": part.low,
            "high": part.high,
            "update_k1": -update,
            "update_k3": update.expm1() - update,
            "ratio": ratio,
            "ratio_squared": ratio.square(),
            "sequences": answers,
            "answer_ratio": answer_ratio,
            "answer_ratio_squared": answer_ratio.square(),
            "mismatch_tokens": mask if has_sampler else zero,
            "mismatch_k1": -log_w,
            "mismatch_k3": log_w.expm1() - log_w,
            "weight_squared": torch.where(mask, (2 * log_w).exp(), 0.0),
            "touched": zero if applied is None else applied.touched,
            "ref_tokens": mask if has_ref else zero,
            "ref_k1": zero if ref_logp is None else k1(logp, ref_logp, mask),
            "ref_k3": zero if ref_logp is None else k3(logp, ref_logp, mask),
        }
        rows = torch.stack([columns[name].double().reshape(len(mask), -1).sum(1) for name in SUMS])
        sums = rows.sum(1) if copies is None else rows @ copies.double()
        largest = log_w.abs().amax() if log_w.numel() else sums.new_zeros(())
        return cls(sums, largest)

    def __add__(self, other: "TokenStats") -> "TokenStats":
        return TokenStats(self.sums + other.sums, torch.maximum(self.largest_mismatch, other.largest_mismatch))

    def summary(self) -> dict[str, float]:
        """The signals by name, for the metrics line. Those that need a sampler's or a reference's log-probs are there
        only when these were given; shares and means are over counted tokens, and 0 when there are none."""
        of = dict(zip(SUMS, self.sums.tolist(), strict=True))
        tokens = max(of["tokens"], 1.0)
        result = {f"tokens_{name}": of[name] for name in ("no_advantage", "removed", "stopped", "trained")}
        result |= {
            "tokens": of["tokens"],
            "clip_fraction_low": of["low"] / tokens,
            "clip_fraction_high": of["high"] / tokens,
            "approx_kl_k1": of["update_k1"] / tokens,
            "approx_kl_k3": of["update_k3"] / tokens,
            "ess_token": _effective_share(of["ratio"], of["ratio_squared"], of["tokens"]),
            "ess_sequence": _effective_share(of["answer_ratio"], of["answer_ratio_squared"], of["sequences"]),
        }
        if of["mismatch_tokens"]:
            result |= {
                "mismatch_k1": of["mismatch_k1"] / tokens,
                "mismatch_k3": of["mismatch_k3"] / tokens,
                "mismatch_chi2_token": of["weight_squared"] / tokens - 1.0,
                "mismatch_max": float(self.largest_mismatch),
                "correction_touched": of["touched"] / tokens,
            }
        if of["ref_tokens"]:
            result |= {"kl_k1": of["ref_k1"] / tokens, "kl_k3": of["ref_k3"] / tokens}
        return result


def _effective_share(total: float, squares: float, count: float) -> float:
    """(sum v)^2 / (n sum v^2): 1 when all weights are equal, 1/n when one holds everything."""
    return total * total / (count * squares) if count and squares else 0.0
