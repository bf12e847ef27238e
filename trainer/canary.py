"""Whether the engine samples from the trainer's weights: a few of its own tokens, scored again by the trainer.

After each sync, tokens that the engine says come from the newest weights are scored by these weights. With ℓ the
trainer's log-prob of a token, ℓˢ the one that the sampler recorded, and H the entropy of the trainer's distribution
there, all at the sampling temperature:

    ratio          exp(mean |ℓ - ℓˢ|) - 1, 0 where both are one policy
    temperature    T / (1 + Σ g (ℓˢ - ℓ) / Σ g²), g = ℓ + H: the slope of ℓ in T/T', so this is the temperature T' at
                   which the trainer's log-probs come nearest to the sampler's (one Gauss-Newton step)
    drawn          T / (1 + Σ g / Σ g²) over all looks so far: the likeliest temperature of the draws themselves,
                   whatever log-probs were recorded (one Newton step; its error is T / √Σ g²)

A warning or a stop costs nothing that was learned. Not covered: an error that changes neither the draws nor their
log-probs.

    canary = Canary(learner, options, every=1, warn=print)
    canary.look(rollouts, version=3)            # {"canary": 1.2e-7, "canary_temperature": 1.0}
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from verigym.trainer.batch import Batch
from verigym.trainer.engines.engine import EngineError
from verigym.trainer.engines.options import EngineOptions
from verigym.trainer.logprobs import score_tokens
from verigym.trainer.rollout import Rollout
from verigym.trainer.shard import within
from verigym.trainer.update import Learner

PROBE_TOKENS = 8
"""Tokens that a probed reply says alone, where sampling runs ahead and its replies come too late to be looked at."""

EMBEDDED_EVERY = 4
"""Syncs between looks at the embedded engine: its weights are the trainer's very own, or copied in one line, and the
models that it serves are so small that looking each time would cost more than a hundredth of a step."""

WARM = 0.03
"""How far the sampler's temperature may be off before a warning, as a share: below the 5 % that must be seen."""

SURE = 5.0
"""Standard errors that an estimated temperature must be off, too."""


class SamplerDiffers(EngineError):
    """The engine samples from other weights than it says."""


class Look(NamedTuple):
    """What a look found. ratio as above; slope: relative error of the inverse temperature that log-probs show, and
    its standard error; tokens: how many were scored."""

    ratio: float
    slope: float
    error: float
    tokens: int


class Canary:
    """Looks at an engine's samples. every: syncs between looks; warn: is told what is odd."""

    def __init__(self, learner: Learner, options: EngineOptions, *, every: int, warn: Callable[[str], None]) -> None:
        self.learner = learner
        self.options = options
        self.every = every
        self.warn = warn
        self._drawn = torch.zeros(2, dtype=torch.double)
        self._odd: set[str] = set()

    def look(self, rollouts: Sequence[Rollout], version: int) -> dict[str, float]:
        """Scores a few of the rollouts' tokens that weights `version` sampled; the trainer's weights must be these. All
        ranks must look at the same. Returns what belongs on the metrics line. Raises SamplerDiffers."""
        if version % self.every or not any(rollout.sampled_tokens for rollout in rollouts):
            return {}
        rows = chosen(rollouts, version, self.options.canary_rows)
        if not rows:
            claimed = sorted({one for rollout in rollouts for one, n in rollout.runs if n})
            raise SamplerDiffers(
                f"the trainer sent weights version {version}, and the sampler says that its replies come from "
                f"{' and '.join(map(str, claimed))}: new weights do not reach it. Look at the engine's own log."
            )
        look = self._judge(rows, version)
        temperature = self.learner.temperature
        self._tell_temperature(look, version)
        if look.ratio > self.options.canary_stop:
            raise SamplerDiffers(
                f"the sampler does not sample from the trainer's weights: over {look.tokens} tokens that it says come "
                f"from version {version}, probabilities differ by {look.ratio:.1%} on average (the run stops from "
                f"{self.options.canary_stop:.1%}). Look whether new weights reach the engine, whether both sides "
                f"compute in the same dtype, and whether its log-probs are taken at temperature {temperature:g}; "
                "canary_stop= in --engine-args moves the limit. Nothing that was learned is lost."
            )
        self._say(
            "ratio",
            look.ratio > self.options.canary_warn,
            f"sampler and trainer differ by {look.ratio:.1%} in the mean probability of a token (version {version}, "
            f"{look.tokens} tokens; the run stops from {self.options.canary_stop:.1%})",
        )
        return {"canary": look.ratio, "canary_temperature": temperature / max(1 + look.slope, 1e-6)}

    def _judge(self, rows: Sequence[Rollout], version: int) -> Look:
        logp, entropy, sampler = self._score(rows, version)
        g, off = logp + entropy, sampler - logp
        curvature = float(g.square().sum())
        slope = float((g * off).sum()) / curvature if curvature > 0 else 0.0
        left = float((off - slope * g).square().mean())
        self._drawn += torch.stack([g.sum(), g.square().sum()])
        return Look(
            math.expm1(float(off.abs().mean())), slope, math.sqrt(left / curvature) if curvature else 0.0, len(g)
        )

    @torch.no_grad()
    def _score(self, rows: Sequence[Rollout], version: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Log-probs and entropies of the trainer and log-probs of the sampler, each [n], over the tokens of
        `version`."""
        batch = Batch.of(rows, [True] * len(rows), pad_id=self.learner.pad_id)
        mask = batch.mask.clone()
        for row, rollout in enumerate(rows):
            of = [one == version for one, n in rollout.runs for _ in range(n)]
            mask[row, batch.mask[row]] = torch.tensor(of)
        model = self.learner.model
        scores = within(
            model,
            score_tokens,
            batch.ids.to(model.device),
            batch.attention.to(model.device),
            batch.prompt_lengths.to(model.device),
            mask.to(model.device),
            temperature=self.learner.temperature,
            with_entropy=True,
        )
        assert scores.entropy is not None
        logp, entropy = (values.cpu().double()[mask] for values in (scores.logp, scores.entropy))
        return logp, entropy, batch.sampler_logp.double()[mask]

    def _tell_temperature(self, look: Look, version: int) -> None:
        """Warns of a temperature that is off, in the log-probs or in the draws."""
        wanted = self.learner.temperature
        self._say(
            "log-probs",
            abs(look.slope) > max(WARM, SURE * look.error),
            f"the sampler's log-probs look like temperature {wanted / max(1 + look.slope, 1e-6):.3g}, and {wanted:g} "
            f"was asked for (version {version}, {look.tokens} tokens): are they those of what it draws from?",
        )
        total, curvature = self._drawn.tolist()
        slope = total / curvature if curvature else 0.0
        self._say(
            "draws",
            curvature > 0 and abs(slope) > max(WARM, SURE / math.sqrt(curvature)),
            f"the sampler's tokens look as if drawn at temperature {wanted / max(1 + slope, 1e-6):.3g}, and {wanted:g} "
            "was asked for",
        )

    def _say(self, what: str, odd: bool, text: str) -> None:
        """Warns once while a thing stays odd."""
        if odd and what not in self._odd:
            self.warn(f"canary: {text}")
        (self._odd.add if odd else self._odd.discard)(what)


def chosen(rollouts: Sequence[Rollout], version: int, rows: int) -> list[Rollout]:
    """A few rollouts with tokens of `version`, from all over the step; whatever they say and however they ended."""
    fit = [rollout for rollout in rollouts if any(one == version and n for one, n in rollout.runs)]
    return fit[:: max(1, len(fit) // rows)][:rows]
