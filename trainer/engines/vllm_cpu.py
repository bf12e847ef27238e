"""vLLM's worker on a CPU, so that it samples from weights that can be changed.

Three things differ from vLLM's own. Linear layers multiply by their weights as they are: vLLM would pack them into
handles of its kernels and let go of the weights, after which new ones fail to load, or (worse) load without an error
and change nothing. Heads of a width that its attention has no kernel for (16) are filled up with zeros to the next one,
which changes no product. And the process stays its owner's: memory is not bound to one node, torch's number of threads
can still be set.

vLLM is given this class by its name (`worker_cls`), in this process or in a server's:

    EngineArgs(worker_cls=vllm_cpu.PATH, ...)

Not covered: mixtures of experts and convolutions, which vLLM packs by other ways (the engine refuses them).
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from vllm.model_executor.layers import utils as layers
from vllm.model_executor.layers.attention import attention
from vllm.model_executor.models import registry
from vllm.v1.attention.backends.cpu_attn import CPUAttentionBackend
from vllm.v1.sample import sampler
from vllm.v1.worker.cpu_worker import CPUWorker

from verigym.trainer.engines.vllm_worker import Receiver

PATH = "verigym.trainer.engines.vllm_cpu.Worker"


@contextmanager
def replaced(holder: Any, name: str, value: Any) -> Iterator[None]:
    """Puts something else in the place of an attribute, as long as this lasts. Raises AttributeError where there is no
    such attribute: a vLLM that this was not written for."""
    before = getattr(holder, name)
    setattr(holder, name, value)
    try:
        yield
    finally:
        setattr(holder, name, before)


@contextmanager
def looks_here() -> Iterator[None]:
    """Has vLLM look at a model's class in this process. It would start another one, so as not to touch a GPU too early,
    which takes 10 seconds wherever it has not kept what it saw."""
    with replaced(registry, "_run_in_subprocess", lambda look: look()):
        yield


class Worker(Receiver, CPUWorker):
    """A worker whose model takes new weights in place."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        with replaced(torch.ops._C, "init_cpu_memory_env", lambda nodes: None):
            super().__init__(*args, **kwargs)

    def init_device(self) -> None:
        """Sets up as vLLM does, and gives `torch.set_num_threads` back, which vLLM replaces for good."""
        with replaced(torch, "set_num_threads", torch.set_num_threads):
            super().init_device()

    def load_model(self, **kwargs: Any) -> None:
        """Makes the model out of plain layers."""
        sampler.batched_count_greater_than = _count_at_least
        with plain_layers():
            super().load_model(**kwargs)


@contextmanager
def plain_layers() -> Iterator[None]:
    """Models that are made while this lasts keep their weights, and fill up heads of a width without a kernel."""
    with ExitStack() as stack:
        stack.enter_context(replaced(layers, "dispatch_cpu_unquantized_gemm", _keep_weight))
        stack.enter_context(replaced(attention.Attention, "__init__", _widened(attention.Attention.__init__)))
        yield


def _keep_weight(layer: Any, remove_weight: bool) -> None:
    layer.cpu_linear = torch.nn.functional.linear


def _widened(make: Callable[..., None]) -> Callable[..., None]:
    """The constructor of an attention layer, for heads of any width. The scale is given by the model, from the true
    width; keys, values and queries are filled up with zeros, which add nothing to their products."""

    def init(self: Any, num_heads: int, head_size: int, *args: Any, **kwargs: Any) -> None:
        width = min((w for w in CPUAttentionBackend.get_supported_head_sizes() if w >= head_size), default=head_size)
        make(self, num_heads, width, *args, **kwargs)
        if width != head_size:
            self.forward = _filled(self.forward, head_size, width)

    return init


def _filled(forward: Callable[..., torch.Tensor], own: int, width: int) -> Callable[..., torch.Tensor]:
    """The forward pass of an attention layer of heads of `width`, for queries, keys and values [T, heads x own]."""

    def fill(x: torch.Tensor | None) -> torch.Tensor | None:
        if x is None:
            return None
        return torch.nn.functional.pad(x.reshape(x.shape[0], -1, own), (0, width - own)).flatten(1)

    def run(query: torch.Tensor, key: torch.Tensor | None, value: torch.Tensor | None) -> torch.Tensor:
        out = forward(fill(query), fill(key), fill(value))
        return out.reshape(out.shape[0], -1, width)[..., :own].flatten(1)

    return run


def _count_at_least(x: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """How many numbers of each row are at least as large as its value: ranks of sampled tokens, which verigym does not
    look at. vLLM compiles its own form in the first sample, for 10 to 20 seconds and with a compiler that may be
    missing."""
    return (x >= values).sum(-1)
