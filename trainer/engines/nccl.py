"""Weights from a trainer's GPU to a server's GPUs through vLLM's own NCCL transfer, in place of HTTP: both sides of it.

    sender = Sender(ask, address="10.0.0.1")      # the trainer's side; ask(step, info) reaches the server
    sender.send(weights)
    carry_out(engine, "update", info)             # the server's side, for each step that was asked for

Asked for by `--engine-args transfer=nccl` in the run and `--engine-args nccl` at `verigym serve --engine vllm`. Each
server has an NCCL group of its own with the trainer, so that one that dies ends no other's.

This has not been run: it needs two GPUs with CUDA and was written against vLLM 0.32 without any. Weights are loaded by
the same method of vLLM's model as over HTTP, and the canary scores replies after every transfer.
"""

import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from verigym.trainer.engines.engine import Engine, EngineError

STEPS = {
    "count": ("", ""),
    "init": ("init_weight_transfer_engine", "init_info"),
    "begin": ("start_weight_update", ""),
    "update": ("update_weights", "update_info"),
    "finish": ("finish_weight_update", ""),
}
"""A step to the method of vLLM's workers, and to the name of its argument."""

Ask = Callable[[str, Mapping[str, Any]], int]


def carry_out(engine: Engine, step: str, info: Mapping[str, Any]) -> int:
    """One step on a server; returns how many workers its engine has. Raises EngineError where it has no such
    transfer."""
    from verigym.trainer.engines.vllm import VllmEngine

    if not isinstance(engine, VllmEngine) or not engine.nccl:
        raise EngineError(
            "this server takes no weights over NCCL; start it with `verigym serve ... --engine vllm --engine-args "
            "nccl` on a GPU, or leave transfer=nccl out"
        )
    if step not in STEPS:
        raise ValueError(f"{step[:40]!r} is no step of a transfer; the steps are {', '.join(STEPS)}")
    method, argument = STEPS[step]
    if method:
        engine.transfer(method, {argument: dict(info)} if argument else {})
    return engine.workers


class Sender:
    """The trainer's end. address: of this machine, as the server sees it."""

    def __init__(self, ask: Ask, *, address: str) -> None:
        self.ask, self._address = ask, address
        self._transfer: Any = None
        self._source: Any = None

    def send(self, weights: Mapping[str, Any]) -> None:
        """Sends weights, which may lie on the CPU. Raises what `ask` raises, and RuntimeError of NCCL's."""
        if self._transfer is None:
            self._join(weights)
        self._source.weights = weights
        self._transfer.send_weights()

    def close(self) -> None:
        """Leaves the group."""
        if self._transfer is not None:
            self._transfer.shutdown()
            self._transfer = None

    def _join(self, weights: Mapping[str, Any]) -> None:
        from vllm.distributed.weight_transfer.nccl_engine import NCCLTrainerInitInfo, NCCLTrainerWeightTransferEngine

        self._source = _source(weights)
        info = NCCLTrainerInitInfo(
            rank=0, master_address=self._address, master_port=_free_port(), world_size=1 + self.ask("count", {})
        )
        self._transfer = NCCLTrainerWeightTransferEngine.trainer_init(info, client=_Client(self), source=self._source)


class _Client:
    """What vLLM's sender asks of the other side, as steps of ours."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def init_weight_transfer_engine(self, init_info: dict[str, Any]) -> None:
        self._sender.ask("init", init_info)

    def start_weight_update(self) -> None:
        self._sender.ask("begin", {})

    def update_weights(self, update_info: Any) -> None:
        self._sender.ask("update", update_info)

    def finish_weight_update(self, weight_version: str | None = None) -> None:
        self._sender.ask("finish", {})


def _source(first: Mapping[str, Any]) -> Any:
    """Weights as vLLM's sender wants them: in one order, each on the GPU when its turn comes."""
    from vllm.distributed.weight_transfer.base import ParamMeta, WeightSource

    class Source(WeightSource):
        weights = first

        def metadata(self) -> list[Any]:
            return [ParamMeta(name, weight.dtype, tuple(weight.shape)) for name, weight in self.weights.items()]

        def __iter__(self) -> Iterator[tuple[str, Any]]:
            for name, weight in self.weights.items():
                yield name, weight.to("cuda", non_blocking=False)

    return Source()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])
