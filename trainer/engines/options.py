"""The words of `--engine-args`, one dataclass an engine.

options_of(run.rollout).batch
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from verigym.trainer.words import read

if TYPE_CHECKING:
    from verigym.trainer.config import Rollout


@dataclass(frozen=True)
class EngineOptions:
    """What every engine takes. canary_warn, canary_stop: how far the mean probability ratio of sampler and trainer may
    be off before a warning and before the run stops, as shares; canary_rows: replies that are scored again after each
    sync."""

    batch: int = 512
    """most sequences decoded together"""
    canary_warn: float = 0.02
    canary_stop: float = 0.05
    canary_rows: int = 4

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError(f"batch={self.batch} is too small; write batch=1 or more")
        if self.canary_rows < 1:
            raise ValueError(f"canary_rows={self.canary_rows} checks nothing; write canary_rows=4")
        if not 0 < self.canary_warn <= self.canary_stop:
            raise ValueError(
                f"canary_warn={self.canary_warn:g} canary_stop={self.canary_stop:g}: a warning comes before the stop; "
                "write canary_warn=0.02 canary_stop=0.05"
            )


@dataclass(frozen=True)
class TransformersOptions(EngineOptions):
    """The embedded engine."""


@dataclass(frozen=True)
class VllmOptions(EngineOptions):
    """vLLM in this process. memory: share of the GPU's memory, on a CPU GiB of key-value cache; tensor_parallel: GPUs
    of one engine."""

    batch: int = 256
    memory: float = 0.4
    tensor_parallel: int = 1


@dataclass(frozen=True)
class ServerOptions(EngineOptions):
    """vLLM servers (`verigym serve`). url: one or several; token_file: holds the servers' token; retry_s: how long a
    server that is away is waited for when no other is left."""

    url: tuple[str, ...] = ()
    token_file: str = ""
    retry_s: float = 60.0


@dataclass(frozen=True)
class RayOptions(EngineOptions):
    """A fleet of vLLM engines as Ray actors. engines, gpus: how many, and GPUs of each (a share is fine); verifiers:
    actors that grade, 0 for this machine's own workers; address: of a cluster, none: the one that RAY_ADDRESS names,
    or a local one."""

    engines: int = 2
    gpus: float = 0.0
    memory: float = 0.4
    verifiers: int = 0
    address: str = ""


OPTIONS: dict[str, type[EngineOptions]] = {
    "transformers": TransformersOptions,
    "vllm": VllmOptions,
    "vllm-server": ServerOptions,
    "ray": RayOptions,
}


def options_of(rollout: "Rollout") -> EngineOptions:
    """The options of a run's engine. Raises ConfigError for a word that is none of its own."""
    return read(rollout.engine_args, OPTIONS[rollout.engine], where=f"engine_args of {rollout.engine}")
