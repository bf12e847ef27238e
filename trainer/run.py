"""A run on disk: one directory with everything about one training.

`metrics.jsonl` holds only what the seed decides, so two runs of one seed write the same bytes; seconds go to
`timing.jsonl`. Lines are appended whole; on resume, lines after the checkpoint are cut away and written again.

    directory = RunDirectory.create(Path("runs/first"), run, objective_text)
    directory.append(directory.metrics, {"step": 1, "reward": 0.25})
"""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from verigym.trainer.config import ConfigError, Run
from verigym.trainer.rollout import Rollout
from verigym.trainer.settings import read_run, to_toml


@dataclass(frozen=True)
class RunDirectory:
    """Paths of a run and what is done to them."""

    root: Path

    @property
    def config(self) -> Path:
        """The resolved settings; a valid input again."""
        return self.root / "config.toml"

    @property
    def objective(self) -> Path:
        """What is optimised, in words and symbols."""
        return self.root / "objective.txt"

    @property
    def metrics(self) -> Path:
        """One line a step, decided by the seed alone."""
        return self.root / "metrics.jsonl"

    @property
    def timing(self) -> Path:
        """Seconds of each step."""
        return self.root / "timing.jsonl"

    @property
    def eval(self) -> Path:
        """Held-out scores with intervals."""
        return self.root / "eval.jsonl"

    @property
    def rollouts(self) -> Path:
        """One file a step, bounded in size."""
        return self.root / "rollouts"

    @property
    def held_out(self) -> Path:
        """The samples of the held-out scores before and after."""
        return self.root / "held_out"

    @property
    def checkpoints(self) -> Path:
        """Finished checkpoints, newest last."""
        return self.root / "checkpoints"

    @property
    def reserve(self) -> Path:
        """Space kept back for a last checkpoint when the disk runs full."""
        return self.checkpoints / ".reserve"

    @classmethod
    def create(cls, root: Path, run: Run, objective_text: str) -> "RunDirectory":
        """A new run. Raises ConfigError when the directory already holds a run, or cannot be written."""
        directory = cls(cls.free(root))
        try:
            directory.rollouts.mkdir(parents=True, exist_ok=True)
            directory.checkpoints.mkdir(exist_ok=True)
            _write_whole(directory.objective, objective_text.rstrip() + "\n")
            _write_whole(directory.config, to_toml(run))
        except OSError as error:
            raise ConfigError(
                f"cannot write the run directory {root}: {error.strerror or error}; choose another --out"
            ) from error
        return directory

    @classmethod
    def free(cls, root: Path) -> Path:
        """`root`, where a new run may go there. Raises ConfigError when it holds a run, or anything else."""
        if cls(root).config.exists():
            raise ConfigError(
                f"{root} already holds a run; go on with `verigym train --resume {root}`, or choose another --out"
            )
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise ConfigError(f"{root} is not an empty directory; choose another --out")
        return root

    @classmethod
    def open(cls, root: Path) -> tuple["RunDirectory", Run]:
        """An existing run and its settings. Raises ConfigError when there is none."""
        directory = cls(root)
        if not directory.config.exists():
            raise ConfigError(
                f"{root} is not a run: it holds no config.toml; give the directory that `verigym train` printed"
            )
        return directory, read_run(directory.config)

    def rewrite_config(self, run: Run) -> None:
        """Puts the settings of `run` in place of those that were there."""
        _write_whole(self.config, to_toml(run))

    def append(self, path: Path, record: Mapping[str, Any]) -> None:
        """Adds one line to a .jsonl file."""
        # A lone surrogate becomes its JSON escape.
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")

    def read(self, path: Path) -> list[dict[str, Any]]:
        """The whole lines of a .jsonl file; none where there is no file."""
        return [json.loads(line) for line in _whole_lines(path)] if path.exists() else []

    def cut_after(self, step: int) -> None:
        """Forgets everything after `step`: lines of the logs (a torn last line too) and rollout files."""
        for path in (self.metrics, self.timing, self.eval):
            if path.exists():
                kept = [r for r in self.read(path) if r["step"] <= step and r.get("when") != "after"]
                _write_whole(path, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in kept))
        for path in self.rollouts.glob("step-*.jsonl"):
            if int(path.stem.removeprefix("step-")) > step:
                path.unlink()

    def write_rollouts(self, step: int, rollouts: Sequence[Rollout]) -> None:
        """Writes rollouts of a step for reading: address, messages, replies, verdict, token ids and log-probs."""
        lines = [json.dumps(rollout_record(step, rollout), ensure_ascii=False) + "\n" for rollout in rollouts]
        _write_whole(self.rollouts / f"step-{step:06d}.jsonl", "".join(lines))

    def hold_reserve(self, size: int) -> None:
        """Keeps `size` bytes of disk back. Raises ConfigError when the disk has not that much."""
        free = shutil.disk_usage(self.root).free
        message = (
            f"{self.root} has {free >> 20} MiB free, and one checkpoint takes about {size >> 20} MiB; make room, or "
            "choose another --out"
        )
        if free < 3 * size:  # a checkpoint being written, the one before it, and the reserve
            raise ConfigError(message)
        try:
            with self.reserve.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            raise ConfigError(message) from error

    def free_reserve(self) -> None:
        """Gives the reserved space back."""
        self.reserve.unlink(missing_ok=True)


def default_directory(run: Run) -> Path:
    """Where a run goes: --out, or runs/NAME, or runs/ENV-TIME."""
    if run.keep.out:
        return Path(run.keep.out)
    name = run.keep.name or f"{Path(run.problems.env).stem}-{datetime.now():%Y%m%d-%H%M%S}"
    return Path("runs") / name


def rollout_record(step: int, rollout: Rollout) -> dict[str, Any]:
    """One rollout as plain data."""
    verdict = rollout.verdict
    return {
        "step": step,
        "address": str(rollout.problem.address),
        "group": rollout.group,
        "sample": rollout.sample,
        "messages": rollout.problem.messages,
        "replies": list(rollout.replies),
        "reward": verdict.reward,
        "correct": verdict.correct,
        "status": str(verdict.status),
        "reason": verdict.reason,
        "parts": dict(verdict.parts),
        "extracted": verdict.extracted,
        "finish": rollout.finish,
        "version": rollout.version,
        "prompt_tokens": len(rollout.prompt_ids),
        "token_ids": list(rollout.token_ids),
        "logps": [round(logp, 6) for logp in rollout.logps],
    }


def _whole_lines(path: Path) -> list[str]:
    """Lines that were written whole: a `kill -9` can leave the last one torn."""
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = text.split("\n")[:-1]
    return [line for line in lines if line.startswith("{") and line.endswith("}")]


def _write_whole(path: Path, text: str) -> None:
    """Writes a file so that it is there whole or as it was before."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8", errors="backslashreplace")
    partial.replace(path)
