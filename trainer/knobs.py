"""Which knob to turn when a run does not fit its memory: settings that leave the objective alone, each with what the
estimate says it brings.

    for knob in knobs(run, shape, lengths, device): print(knob)      # --fit checkpoint: 31.0 GiB in place of 44.2 GiB
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from verigym.trainer.config import ConfigError, Run
from verigym.trainer.engines.options import options_of
from verigym.trainer.estimate import readable
from verigym.trainer.fit import Fit
from verigym.trainer.needs import ALONE, Device, Lengths, needs, pass_tokens
from verigym.trainer.shapes import Shape

WORTH = 0.02
"""Share of the peak that a knob must bring to be named."""


@dataclass(frozen=True)
class Knob:
    """A change of the settings. flags: as written on the command line; before, after: bytes at the peak, estimated;
    resumable: whether a run that goes on may take it."""

    flags: str
    before: int
    after: int
    resumable: bool = True

    def __str__(self) -> str:
        anew = "" if self.resumable else ", in a new run"
        return f"{self.flags}: {readable(self.after)} in place of {readable(self.before)}{anew}"


def knobs(
    run: Run, shape: Shape, lengths: Lengths, device: Device = ALONE, *, moments: Sequence[str] = ()
) -> list[Knob]:
    """The knobs that lower the peak by the estimate (moments: the peak among these), in the order in which to try them:
    first what costs nothing but time. Each is counted alone, from the run as it is."""

    def peak(run: Run, device: Device) -> int:
        found = needs(run, shape, lengths, device).moments
        return max(sum(found[name].values()) for name in moments or found)

    before = peak(run, device)
    found = []
    for flags, section, changes, resumable, count in _changes(run, lengths, device):
        try:
            changed = replace(run, **{section: replace(getattr(run, section), **changes)}) if changes else run
        except ConfigError:  # words that do not go together
            continue
        after = peak(changed, replace(device, ranks=count))
        if before - after >= WORTH * before:
            found.append(Knob(flags, before, after, resumable))
    return found


def _changes(run: Run, lengths: Lengths, device: Device) -> Iterator[tuple[str, str, dict[str, Any], bool, int]]:
    """flags; section and changed keys; whether a resumed run may take it; ranks."""
    fit, ranks = Fit.of(run.policy.fit), device.ranks
    whole = pass_tokens(run, lengths, device)
    half = max(lengths.longest, whole // 2)
    if half < whole:
        yield f"--micro-batch-tokens {half}", "optim", {"micro_batch_tokens": half}, True, ranks
    if not fit.checkpoint:
        words = (*run.policy.fit, "checkpoint")
        yield f"--fit {' '.join(words)}", "policy", {"fit": words}, True, ranks
    for words in _less_for_the_engine(run):
        yield f"--engine-args {' '.join(words)}", "rollout", {"engine_args": words}, True, ranks
    if not fit.offload and not device.on_cpu:
        words = (*run.policy.fit, "offload")
        yield f"--fit {' '.join(words)}", "policy", {"fit": words}, True, ranks
    if fit.adam == "fp32":
        words = (*(word for word in run.policy.fit if not word.startswith("adam=")), "adam=8bit")
        yield f"--fit {' '.join(words)}", "policy", {"fit": words}, False, ranks
    if not run.policy.lora:
        words = tuple(word for word in run.policy.fit if not word.startswith("shard="))
        beside = f" --fit {' '.join(words)}" if words != run.policy.fit else ""
        yield f"--lora rank=16{beside}", "policy", {"lora": ("rank=16",), "fit": words}, False, ranks
    more = max(2, 2 * ranks)
    yield f"--ranks {more} on {more} GPUs" if not device.on_cpu else f"--ranks {more}", "", {}, True, more


def _less_for_the_engine(run: Run) -> Iterator[tuple[str, ...]]:
    """Words of engine_args that give the engine half of what it has."""
    rollout, options = run.rollout, options_of(run.rollout)
    key = "memory" if rollout.engine == "vllm" else "batch" if rollout.engine == "transformers" else ""
    if key:
        rows = rollout.problems_per_step * rollout.group_size
        now = options.batch if key == "batch" else getattr(options, "memory", 0.0)
        half = f"{max(1, min(options.batch, rows) // 2)}" if key == "batch" else f"{now / 2:g}"
        yield (*(word for word in rollout.engine_args if not word.startswith(f"{key}=")), f"{key}={half}")
