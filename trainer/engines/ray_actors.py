"""What a Ray actor of a fleet does: it holds one engine of any kind, and speaks to nobody but its link.

    actor = cluster.actor(EngineActor)
    actor.open.remote(Setup.of(policy, rollout, "cpu"), packed(weights), 3)
    actor.load_weights.remote(packed(weights), 4)

The engine samples while it is polled, in the actor's main thread; a link keeps two polls on their way, so that it is
never idle between them. What an engine raises goes to the link as it is.
"""

import os
import pickle
import shutil
import socket
import tempfile
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verigym.trainer.engines.engine import Completion, Engine, EngineError, Request, Sampling

if TYPE_CHECKING:
    import torch

    from verigym.trainer.config import Rollout
    from verigym.trainer.policy import Policy

GATHER_S = 0.02
"""How long a poll goes on once something has ended, so that replies come in handfuls; seconds."""

RANKS = "RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"
"""What a rank of the trainer has in its environment, which a local cluster inherits: an engine is no rank."""

Packed = Mapping[str, tuple[str, tuple[int, ...], Any]]
"""Name to dtype, shape and bytes (a NumPy array, which Ray hands over without a copy)."""


def packed(weights: "Mapping[str, torch.Tensor]") -> Packed:
    """Tensors on the CPU as Ray can share them; bfloat16 stays what it is."""
    import torch

    return {
        name: (
            str(tensor.dtype).removeprefix("torch."),
            tuple(tensor.shape),
            tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy(),
        )
        for name, tensor in weights.items()
    }


def unpacked(weights: Packed) -> "dict[str, torch.Tensor]":
    """The tensors again. They lie in memory that is shared and must not be written."""
    import torch

    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch says that the bytes are read-only: they are
        for name, (dtype, shape, data) in weights.items():
            found[name] = torch.from_numpy(data).view(getattr(torch, dtype)).reshape(shape)
    return found


@dataclass(frozen=True)
class Setup:
    """What an actor needs to open its engine beside the weights. policy: without its model, pickled with the model's
    configuration and, where it learns an adapter, that of the adapter; rollout: how the engine is to be opened."""

    policy: bytes
    dtype: str
    rollout: "Rollout"

    @classmethod
    def of(cls, policy: "Policy", rollout: "Rollout", device: str) -> "Setup":
        """Of a policy whose engine will be on `device` there."""
        bare = replace(policy, model=None, device=device)
        adapter = next(iter(getattr(policy.model, "peft_config", {}).values()), None)
        dtype = str(next(policy.model.parameters()).dtype).removeprefix("torch.")
        config = policy.model.config
        plain = type(config).from_dict(config.to_dict())  # without the attention that only the trainer has
        return cls(pickle.dumps((bare, plain, adapter)), dtype, rollout)

    def build(self, weights: Packed) -> "Policy":
        """The policy, on the CPU, with these weights; those of an adapter come later. Raises EngineError where they are
        not those of the model."""
        import torch
        from transformers import AutoModelForCausalLM
        from transformers.initialization import no_init_weights

        from verigym.trainer.attention import use_fast_attention

        bare, config, adapter = pickle.loads(self.policy)
        with no_init_weights():
            model = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, self.dtype)).eval()
        model.tie_weights()
        use_fast_attention(model)
        own = dict(model.named_parameters())
        if own.keys() != weights.keys():
            odd = sorted(own.keys() ^ weights.keys())[:3]
            raise EngineError(f"the weights are not those of the model's configuration: {', '.join(odd)}")
        with torch.no_grad():
            for name, weight in unpacked(weights).items():
                own[name].copy_(weight)
        if adapter is not None:
            from peft import get_peft_model

            model = get_peft_model(model, adapter)
        return replace(bare, model=model)


class EngineActor:
    """One engine, as `RayLink` calls it."""

    def __init__(self) -> None:
        for name in RANKS:
            os.environ.pop(name, None)
        self._engine: Engine | None = None
        self._adapted = False
        self._names: dict[int, int] = {}
        self._folder = ""

    def hello(self) -> str:
        """The machine that the actor was put on."""
        return socket.gethostname()

    def open(self, setup: Setup, weights: Packed, version: int) -> None:
        """Opens the engine on these weights. Raises ConfigError or EngineError where it cannot be opened."""
        from verigym.trainer.engines.open import open_engine

        policy = setup.build(weights)
        self._adapted = hasattr(policy.model, "peft_config")
        if setup.rollout.engine == "transformers":
            policy.model.to(policy.device)
        self._engine = open_engine(setup.rollout, policy, version=version, own_copy=True)

    @property
    def engine(self) -> Engine:
        """The open engine."""
        if self._engine is None:
            raise EngineError("the actor holds no engine: `open` comes first")
        return self._engine

    def submit(self, items: Sequence[tuple[int, Request]], sampling: Sampling) -> None:
        """Takes requests under the link's tickets. Raises ValueError as `Engine.add`."""
        tickets = self.engine.add([request for _, request in items], sampling)
        self._names.update(zip(tickets, (ticket for ticket, _ in items), strict=True))

    def poll(self, wait_s: float) -> list[tuple[int, Completion]]:
        """Samples until something has ended, `wait_s` seconds at most; returns at once where nothing is under way."""
        ended: list[tuple[int, Completion]] = []
        until = time.monotonic() + wait_s
        while self.engine.busy and (left := until - time.monotonic()) > 0:
            if found := self.engine.advance(left):
                ended += found
                until = min(until, time.monotonic() + GATHER_S)
        return [(self._names.pop(ticket), completion) for ticket, completion in ended]

    def cancel(self, names: Iterable[int] | None) -> None:
        """As `Engine.cancel`, by the link's tickets."""
        gone = None if names is None else set(names)
        self.engine.cancel(None if gone is None else [t for t, name in self._names.items() if name in gone])

    def load_weights(self, weights: Packed, version: int) -> None:
        """As `Engine.load_weights`. Weights under an adapter stay what they were when the engine opened."""
        self.engine.load_weights({} if self._adapted else unpacked(weights), version)

    def load_adapter(self, files: Mapping[str, bytes], version: int) -> None:
        """As `Engine.load_adapter`, of a folder's files."""
        before, self._folder = self._folder, tempfile.mkdtemp(prefix="verigym-adapter-")
        for name, data in files.items():
            (Path(self._folder) / name).write_bytes(data)
        self.engine.load_adapter(Path(self._folder), version)
        shutil.rmtree(before, ignore_errors=True)

    def sleep(self) -> None:
        """As `Engine.sleep`."""
        self.engine.sleep()

    def wake(self) -> None:
        """As `Engine.wake`."""
        self.engine.wake()

    def close(self) -> None:
        """As `Engine.close`."""
        if self._engine is not None:
            self._engine.close()
        shutil.rmtree(self._folder, ignore_errors=True)
