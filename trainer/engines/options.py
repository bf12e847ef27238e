"""The words of `--engine-args`, one dataclass an engine.

options_of(run.rollout).batch
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

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
    of one engine; nccl: ready for a trainer's weights over NCCL (`verigym serve`)."""

    batch: int = 256
    memory: float = 0.4
    tensor_parallel: int = 1
    nccl: bool = False


@dataclass(frozen=True)
class ServerOptions(EngineOptions):
    """vLLM servers (`verigym serve`). url: one or several; token_file: holds the servers' token; retry_s: how long a
    server that is away is waited for when no other is left; transfer: how weights get there, http or nccl (both sides
    on GPUs, servers started with the word nccl)."""

    url: tuple[str, ...] = ()
    token_file: str = ""
    retry_s: float = 60.0
    transfer: str = "http"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.transfer not in ("http", "nccl"):
            raise ValueError(f"transfer={self.transfer} sends no weights; write transfer=http or transfer=nccl")


@dataclass(frozen=True)
class RayOptions(EngineOptions):
    """A fleet of engines as Ray actors. engines: how many; inner: what each is, vllm or transformers; gpus: GPUs of
    each (a share is fine); memory, tensor_parallel: as of vllm; verifiers: actors that grade, 0 for this machine's own
    workers; address: of a cluster, none: the one that RAY_ADDRESS names, or a local one; retry_s: how long an actor is
    waited for when none is left."""

    batch: int = 256
    engines: int = 2
    inner: Literal["vllm", "transformers"] = "vllm"
    gpus: float = 0.0
    memory: float = 0.4
    tensor_parallel: int = 1
    verifiers: int = 0
    address: str = ""
    retry_s: float = 180.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.inner not in ("vllm", "transformers"):
            raise ValueError(f"inner={self.inner!r} is no engine for an actor; write inner=vllm or inner=transformers")
        if self.engines < 1:
            raise ValueError(f"engines={self.engines} samples nothing; write engines=1 or more")
        if self.verifiers < 0:
            raise ValueError(
                f"verifiers={self.verifiers} is negative; write verifiers=0 for this machine's own workers"
            )
        if self.gpus < 0 or (self.gpus > 1 and self.gpus % 1):
            raise ValueError(f"gpus={self.gpus:g}: an actor has a share of one GPU, or whole ones; write gpus=1")
        if self.tensor_parallel > 1 and self.gpus != self.tensor_parallel:
            raise ValueError(
                f"tensor_parallel={self.tensor_parallel} needs as many GPUs for each actor; write "
                f"gpus={self.tensor_parallel}"
            )


OPTIONS: dict[str, type[EngineOptions]] = {
    "transformers": TransformersOptions,
    "vllm": VllmOptions,
    "vllm-server": ServerOptions,
    "ray": RayOptions,
}


def options_of(rollout: "Rollout") -> EngineOptions:
    """The options of a run's engine. Raises ConfigError for a word that is none of its own."""
    return read(rollout.engine_args, OPTIONS[rollout.engine], where=f"engine_args of {rollout.engine}")
