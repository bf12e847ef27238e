"""The processes that train one policy together, each with a share of the rows and, where it is cut, of the weights.

Started by `verigym train --ranks 2`, by torchrun or by accelerate, they find one another through the environment that
these set (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT). All ranks take the same steps in the same order; one
of them, the lead, writes files and speaks.

    ranks = Ranks.join("cpu")
    rollouts = ranks.gather(roll(ranks.share(problems)))     # everybody's, in the order of the problems
    if ranks.lead: ...
    ranks.leave()
"""

import contextlib
import os
import pickle
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from verigym.trainer.config import ConfigError

if TYPE_CHECKING:
    import torch

Item = TypeVar("Item")

PATIENCE = timedelta(hours=3)
"""Longest that a rank waits for the others: the lead may be evaluating. The death of one ends the wait at once, because
its connections close, or because whoever started the ranks ends them all."""

LOST = 76
"""Exit code of a rank that could not go on because another one was gone."""

BUCKET = 1 << 25
"""Most numbers summed over ranks at once: 128 MiB in fp32."""


@dataclass(frozen=True)
class Ranks:
    """rank: this process's number, from 0; count: of all of them; local: its number on its machine, which is the GPU it
    takes. A single process is rank 0 of 1, and every method is then the identity."""

    rank: int = 0
    count: int = 1
    local: int = 0

    @classmethod
    def join(cls, device: str = "auto") -> "Ranks":
        """The ranks that the environment tells of, once all of them are here; ALONE where it tells of none. device: of
        the settings; GPUs speak through NCCL, CPUs and plain objects through gloo. Raises ConfigError for an
        environment that makes no sense."""
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if count < 2:
            return ALONE
        missing = [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
        if missing:
            raise ConfigError(
                f"WORLD_SIZE={count}, but {' and '.join(missing)} are not set; start the ranks with "
                f"`verigym train ... --ranks {count}`, torchrun or accelerate launch, or unset WORLD_SIZE"
            )
        import torch
        import torch.distributed as dist

        ranks = cls(int(os.environ["RANK"]), count, int(os.environ.get("LOCAL_RANK", "0")))
        on_gpu = ranks.device(device).startswith("cuda")
        if on_gpu:
            torch.cuda.set_device(ranks.local)
        if not dist.is_initialized():
            dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo", timeout=PATIENCE)
        return ranks

    @property
    def lead(self) -> bool:
        """Whether this is the one process that writes files and speaks."""
        return self.rank == 0

    @property
    def several(self) -> bool:
        """Whether there are others."""
        return self.count > 1

    def device(self, device: str) -> str:
        """The device of this rank, where the settings say `device`: each rank of a machine takes a GPU of its own.
        Raises ConfigError for more ranks than GPUs."""
        if not self.several or device == "cpu":
            return device
        import torch

        here = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if here == 0 and device == "auto":
            return "cpu"
        if ":" in device or self.local >= here:
            raise ConfigError(
                f"device={device!r} with {self.count} ranks on a machine of {here} GPUs: each rank takes one of its "
                "own; set --device cuda and no more ranks than GPUs, or --device cpu"
            )
        return f"cuda:{self.local}"

    def share(self, items: Sequence[Item]) -> list[Item]:
        """This rank's part of the items, one after the other; parts differ by at most one in length."""
        start, end = (len(items) * place // self.count for place in (self.rank, self.rank + 1))
        return list(items[start:end])

    def gather(self, items: Sequence[Item]) -> list[Item]:
        """The items of all ranks, in the order of the ranks. Every rank must call it."""
        if not self.several:
            return list(items)
        import torch.distributed as dist

        parts: list[Any] = [None] * self.count
        dist.all_gather_object(parts, list(items))
        return [item for part in parts for item in part]

    def tell(self, value: Item) -> Item:
        """The lead's value; what the others pass is not looked at. Every rank must call it."""
        if not self.several:
            return value
        import torch.distributed as dist

        told = [value if self.lead else None]
        dist.broadcast_object_list(told, src=0)
        return told[0]  # type: ignore[return-value]

    def led(self, work: Callable[[], Item]) -> Item:
        """What `work` gives on the lead, which alone does it; an error that it raises there is raised everywhere."""
        if not self.several:
            return work()
        return _settled(self.tell(_outcome(work) if self.lead else (None, None)))

    def each(self, work: Callable[[], None]) -> None:
        """Does a piece of work on each rank; an error on one is raised everywhere."""

        def done() -> tuple[()]:
            work()
            return ()

        self.all(done)

    def all(self, work: Callable[[], Sequence[Item]]) -> list[Item]:
        """The items that `work` gives on each rank, in the order of the ranks; an error on one is raised everywhere."""
        if not self.several:
            return list(work())
        return [item for outcome in self.gather([_outcome(work)]) for item in _settled(outcome)]

    def sum(self, tensor: "torch.Tensor") -> "torch.Tensor":
        """The sum over ranks, in place."""
        return self._reduced(tensor, "SUM")

    def largest(self, tensor: "torch.Tensor") -> "torch.Tensor":
        """The maximum over ranks, in place."""
        return self._reduced(tensor, "MAX")

    def wait(self) -> None:
        """Comes back when every rank is here."""
        self.gather([])

    def leave(self, code: int = 0) -> NoReturn:
        """Ends this process: without Python's own clearing up, which torch's threads may turn into an abort."""
        import torch.distributed as dist

        if code == 0:
            with contextlib.suppress(RuntimeError):
                self.wait()
                dist.destroy_process_group()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    def _reduced(self, tensor: "torch.Tensor", how: str) -> "torch.Tensor":
        if self.several:
            import torch.distributed as dist

            dist.all_reduce(tensor, op=getattr(dist.ReduceOp, how))
        return tensor


ALONE = Ranks()


def sum_gradients(parameters: "Sequence[torch.nn.Parameter]", ranks: Ranks) -> None:
    """Adds up the gradients of whole (not cut) weights over ranks, in buckets. A weight that has a gradient on one rank
    has one on all of them afterwards. Every rank must call it."""
    if not ranks.several:
        return
    import torch

    found = torch.tensor([float(weight.grad is not None) for weight in parameters])
    moved = [weight for weight, has in zip(parameters, ranks.largest(found).tolist(), strict=True) if has]
    for weight in moved:
        if weight.grad is None:
            weight.grad = torch.zeros_like(weight)
    while moved:
        bucket = [moved.pop(0)]
        size = bucket[0].numel()
        while moved and size + moved[0].numel() <= BUCKET and moved[0].dtype == bucket[0].dtype:
            size += moved[0].numel()
            bucket.append(moved.pop(0))
        flat = ranks.sum(torch.cat([weight.grad.flatten() for weight in bucket if weight.grad is not None]))
        for weight, part in zip(bucket, flat.split([weight.numel() for weight in bucket]), strict=True):
            weight.grad = part.view_as(weight)


def _settled(outcome: tuple[Item | None, Exception | None]) -> Item:
    """What a piece of work gave; raises what it raised."""
    value, error = outcome
    if error is not None:
        raise error
    return value  # type: ignore[return-value]


def _outcome(work: Callable[[], Item]) -> tuple[Item | None, Exception | None]:
    """What a piece of work gives or raises, as something that can be sent to another process."""
    try:
        return work(), None
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:  # an error of somebody's own class, made of more than its words
            return None, RuntimeError(f"{type(error).__name__}: {error}")
        return None, error
