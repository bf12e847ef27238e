"""How a model is made to fit: the words of `--fit` that change how it computes, and not what.

fitted = prepare(policy.model, Fit.of(("checkpoint", "packing=on")), tell=print)
fitted.packing.plan(widths, places, 16384)
"""

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from verigym.trainer.attention import use_packed_attention
from verigym.trainer.config import ConfigError
from verigym.trainer.fit import Fit
from verigym.trainer.packing import PADDED, Packing, find_packing


@dataclass(frozen=True)
class Fitted:
    """What came of the words. offload: whether the optimizer's state leaves the GPU."""

    packing: Packing = PADDED
    offload: bool = False

    def also(self, model: Any) -> None:
        """Lets another model of the same make, which may be None, read the rows that the first one does."""
        if model is not None and self.packing.able:
            use_packed_attention(model)


def prepare(model: Any, fit: Fit, *, tell: Callable[[str], None]) -> Fitted:
    """Makes a model compute as `fit` says, and tells what came to nothing. Raises ConfigError for what cannot be
    done."""
    on_cpu = model.device.type == "cpu"
    if fit.liger:
        _use_liger(model)
    if fit.checkpoint:
        _use_checkpoints(model)
    if fit.offload and on_cpu:
        tell("--fit offload changes nothing here: the optimizer's state lies on the CPU, as the weights do")
    packing = find_packing(model, fit.packing)
    if packing.reason:
        tell(f"--fit packing={fit.packing}: {packing.reason}")
    return Fitted(packing, fit.offload and not on_cpu)


def _use_checkpoints(model: Any) -> None:
    if not getattr(model, "supports_gradient_checkpointing", False):
        raise ConfigError(
            f"--fit checkpoint: {type(model).__name__} cannot compute its activations again; leave checkpoint out, and "
            "set a smaller --micro-batch-tokens"
        )
    model.gradient_checkpointing_enable({"use_reentrant": False})


def _use_liger(model: Any) -> None:
    if model.device.type != "cuda":
        raise ConfigError(f"--fit liger: its kernels run on a GPU, and the model lies on {model.device}; leave it out")
    if importlib.util.find_spec("liger_kernel") is None:
        raise ConfigError("--fit liger needs liger-kernel; run `pip install liger-kernel`, or leave it out")
    from liger_kernel.transformers import _apply_liger_kernel_to_instance

    # Its fused loss is of no use here: the loss is not a cross-entropy, and `head.py` holds no logits either.
    _apply_liger_kernel_to_instance(model=model, fused_linear_cross_entropy=False, cross_entropy=False)


@contextmanager
def recomputing(model: Any) -> Iterator[None]:
    """A forward pass whose activations are computed again in the backward pass, where `prepare` was told so.

    transformers does that for layers in training mode only. Their parts stay in evaluation mode, so that dropout stays
    off; and outside of this the layers do, because one that computes again keeps no cache to sample with."""
    layers = [layer for layer in model.modules() if getattr(layer, "gradient_checkpointing", False)]
    if not torch.is_grad_enabled() or not layers:
        yield
        return
    before = [layer.training for layer in layers]
    for layer in layers:
        layer.training = True
    try:
        yield
    finally:
        for layer, was in zip(layers, before, strict=True):
            layer.training = was
