"""Checkpoints: a directory in Hugging Face layout plus the trainer's state, there whole or not at all.

A checkpoint is written under a name that is never read, forced to disk, and renamed; a `kill -9` at any moment leaves
the one before it. State is weights, optimizer, step, data cursor and curriculum; everything else is derived from the
seed. Weights and moments are whole and have names, so a run that two ranks saved goes on with one, or with four.

    save(directory, policy, optimizer, TrainerState(step=50, cursor=1200, tokens=10**6), keep=2)
    newest_checkpoint("runs/first")     # .../checkpoints/step-000050
"""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from verigym.trainer.quiet import without_progress_bars
from verigym.trainer.ranks import ALONE, Ranks

STATE = "trainer_state.json"
OPTIMIZER = "optimizer.pt"
NAME = re.compile(r"step-(\d{6,})")


@dataclass(frozen=True)
class TrainerState:
    """Where a run stands. step: rollout batches learned from; cursor: problems drawn; tokens: sampled so far;
    curriculum: what it has learned of the levels (`curriculum.py`), nothing before the first step."""

    step: int
    cursor: int
    tokens: int
    curriculum: Mapping[str, Any] = field(default_factory=dict)


def checkpoint_path(checkpoints: Path, step: int) -> Path:
    """The directory of the checkpoint after `step`."""
    return checkpoints / f"step-{step:06d}"


def newest_checkpoint(run: Path | str) -> Path | None:
    """The newest finished checkpoint of a run, or None."""
    found = sorted(_finished(Path(run) / "checkpoints"))
    return found[-1][1] if found else None


def save(
    checkpoints: Path,
    policy: Any,
    optimizer: Any,
    state: TrainerState,
    *,
    keep: int,
    ranks: Ranks = ALONE,
    beside: Mapping[str, str] | None = None,
) -> Path:
    """Writes the checkpoint of `state` and removes all but the `keep` newest. beside: texts to write with it, by file
    name. Every rank must call it; the lead gathers what is cut and writes. Raises OSError, on every rank (and leaves
    nothing half-done under a name that is read), when the disk will not take it."""
    import torch

    from verigym.trainer.shard import compute_dtype

    weights = whole_state(policy.model, keep=ranks.lead)
    moments = optimizer.state_dict(keep=ranks.lead)
    if weights and compute_dtype(policy.model) != torch.float32:
        moments["masters"] = dict(weights)  # the cut weights of a bf16 model are its fp32 masters
    return ranks.led(lambda: _write(checkpoints, policy, weights, moments, state, keep=keep, beside=beside or {}))


def _write(
    checkpoints: Path,
    policy: Any,
    weights: Any,
    moments: dict[str, Any],
    state: TrainerState,
    *,
    keep: int,
    beside: Mapping[str, str],
) -> Path:
    import torch

    final = checkpoint_path(checkpoints, state.step)
    partial = checkpoints / f".{final.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        save_policy(policy.model, policy.tokenizer, partial, weights)
        torch.save(moments, partial / OPTIMIZER)
        for name, text in beside.items():
            (partial / name).write_text(text, encoding="utf-8")
        (partial / STATE).write_text(json.dumps(asdict(state)) + "\n", encoding="utf-8")
        for path in [*partial.rglob("*"), partial]:
            _force_to_disk(path)
        if final.exists():
            shutil.rmtree(final)
        partial.rename(final)
        _force_to_disk(checkpoints)
    except (OSError, RuntimeError) as error:  # torch.save reports a full disk as RuntimeError
        shutil.rmtree(partial, ignore_errors=True)
        raise OSError(f"could not write the checkpoint {final}: {error}") from error
    for _, old in sorted(_finished(checkpoints))[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def save_policy(model: Any, tokenizer: Any, directory: Path, weights: Any = None) -> None:
    """Model and tokenizer in Hugging Face layout, without the library's progress bars. weights: from `whole_state`, of
    a model whose own are cut over ranks. Of a model that learns an adapter, the adapter alone."""
    from verigym.trainer import adapters

    with without_progress_bars():
        if adapters.adapted(model):
            adapters.write_adapter(model, directory)
        elif weights is None:
            model.save_pretrained(directory)
        else:
            from verigym.trainer.shard import compute_dtype

            kind = compute_dtype(model)
            model.save_pretrained(directory, state_dict={name: tensor.to(kind) for name, tensor in weights.items()})
            model.config.dtype = str(kind).removeprefix("torch.")  # not that of the masters
            model.config.save_pretrained(directory)
        tokenizer.save_pretrained(directory)


def whole_state(model: Any, *, keep: bool) -> Any:
    """The weights of a model that is cut over ranks, gathered for whoever keeps them; None where it is not cut. Every
    rank must call it."""
    from verigym.trainer.shard import full_weights, is_cut

    return full_weights(model, keep=keep) if is_cut(model) else None


def load_state(checkpoint: Path, optimizer: Any) -> TrainerState:
    """Restores the optimizer from a checkpoint and returns where the run stood."""
    import torch

    optimizer.load_state_dict(torch.load(checkpoint / OPTIMIZER, map_location="cpu", weights_only=True, mmap=True))
    return read_state(checkpoint)


def read_state(checkpoint: Path) -> TrainerState:
    """Where the run stood."""
    return TrainerState(**json.loads((checkpoint / STATE).read_text(encoding="utf-8")))


def _finished(checkpoints: Path) -> list[tuple[int, Path]]:
    if not checkpoints.is_dir():
        return []
    named = ((NAME.fullmatch(path.name), path) for path in checkpoints.iterdir())
    return [(int(match[1]), path) for match, path in named if match and (path / STATE).exists()]


def _force_to_disk(path: Path) -> None:
    # Some file systems refuse fsync on a directory; the rename is then as durable as they allow.
    with contextlib.suppress(PermissionError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
