"""Weights cut over ranks (FSDP2, arXiv:2304.11277): each rank holds a share of every weight, its gradient and its
moments, and gathers a block's weights while it computes with them.

The whole model is one root, so tied embeddings, the last norm and the head are gathered together; each decoder block is
a piece of its own. What computes with the model goes through `within`, which is a plain call for a model that is not
cut. Gradients are *summed* over ranks, because denominators are global.

fsdp and zero3 are one thing by two names (arXiv:1910.02054, stage 3); under zero2 (stage 2) a block's weights, once
gathered, stay until the backward pass is through: half the traffic, and room for all weights.

    cut(model, ranks, half=False)
    scores = within(model, score_tokens, ids, attention, prompt_lengths, mask, temperature=1.0)
    full_weights(model)["model.embed_tokens.weight"]         # every rank must ask
"""

from collections.abc import Callable, Mapping, Sequence
from types import MethodType
from typing import Any, TypeVar

import torch

from verigym.trainer.config import Policy, require
from verigym.trainer.fit import Fit
from verigym.trainer.ranks import Ranks

Value = TypeVar("Value")


def lay_out(sharding: str, models: Sequence[Any], ranks: Ranks, policy: Policy, fit: Fit) -> None:
    """Cuts models over the ranks as the settings say, those that are None aside. Raises ConfigError for settings that
    do not go together."""
    require(
        not policy.lora,
        f"lora with shard={sharding}: an adapter is small enough to lie whole on each rank; set --fit shard=ddp, or "
        "leave shard out",
    )
    require(
        fit.adam == "fp32",
        f"adam={fit.adam} with shard={sharding}: 8-bit moments cannot be cut over ranks; set --fit shard=ddp, or "
        "adam=fp32",
    )
    for model in models:
        if model is not None:
            cut(model, ranks, half=policy.dtype == "bfloat16", stay=sharding == "zero2", offload=fit.offload)


def cut(model: Any, ranks: Ranks, *, half: bool, stay: bool = False, offload: bool = False) -> Any:
    """Cuts a model's weights over the ranks, in place, and returns it. Every rank must hold the same weights.

    half: compute in bf16; the cut weights themselves become fp32 and gradients are summed in fp32, so they are the
    masters that a bf16 model needs. stay: gathered weights stay for the backward pass. offload: shares lie in the CPU's
    memory between uses."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import (
        CPUOffloadPolicy,
        MixedPrecisionPolicy,
        OffloadPolicy,
        fully_shard,
        register_fsdp_forward_method,
    )

    device = torch.device(ranks.device("auto" if torch.cuda.is_available() and model.device.type != "cpu" else "cpu"))
    settings = {
        "mesh": init_device_mesh(device.type, (ranks.count,)),
        "mp_policy": MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
        if half
        else MixedPrecisionPolicy(),
        "reshard_after_forward": False if stay else None,
        "offload_policy": CPUOffloadPolicy() if offload and device.type == "cuda" else OffloadPolicy(),
    }
    for piece in [*_blocks(model), model]:
        for weight in piece.parameters():
            if half and weight.dtype == torch.bfloat16:
                weight.data = weight.data.float()
        fully_shard(piece, **settings)
        piece.set_gradient_divide_factor(1.0)
        # Gloo knows sums only; without this the factor would be handed to it.
        piece.set_force_sum_reduction_for_comms(True)
    model.computes_in = torch.bfloat16 if half else model.dtype
    model.computed = MethodType(_computed, model)
    register_fsdp_forward_method(model, "computed")
    return model


def is_cut(model: Any) -> bool:
    """Whether a model's weights are cut over ranks."""
    return hasattr(model, "computed")


def within(model: Any, function: Callable[..., Value], *args: Any, **kwargs: Any) -> Value:
    """`function(model, ...)`, with the weights of a cut model there while it runs."""
    if not is_cut(model):
        return function(model, *args, **kwargs)
    found = model.computed(function, *args, **kwargs)
    if not torch.is_grad_enabled() and hasattr(model, "reshard"):
        for piece in (*_blocks(model), model):  # else what stays gathered stays as it is now until a backward pass
            piece.reshard()
    return found


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor with the shares of all ranks, on the CPU; every rank must ask. One that is not cut, as it is."""
    full = getattr(tensor.detach(), "full_tensor", None)
    return tensor.detach() if full is None else full().cpu()


def local(tensor: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """This rank's share of a whole tensor, cut as `like` is."""
    if not hasattr(like, "full_tensor"):
        return tensor
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements, src_data_rank=None)


def full_weights(model: Any, *, keep: bool = True) -> Mapping[str, torch.Tensor]:
    """The weights of a model by name, whole and on the CPU where they were cut; every rank must ask. One that does not
    `keep` what it is told needs room for one tensor, and gets nothing."""
    found, put_together = {}, getattr(model, "put_together", whole)  # of `zero.py`
    for name, weight in model.named_parameters():
        tensor = put_together(weight)
        if keep:
            found[name] = tensor
    return found


def copy_weights(model: Any, reference: Any) -> None:
    """Gives a reference the weights of a model, laid out as its own are. Every rank must call it."""
    if not hasattr(model, "put_together"):
        reference.load_state_dict(model.state_dict())
        return
    pairs = zip(model.parameters(), reference.parameters(), strict=True)
    with torch.no_grad():
        for weight, kept in pairs:
            kept.copy_(local(model.put_together(weight).to(kept.dtype), kept))


def compute_dtype(model: Any) -> torch.dtype:
    """What a model computes in: the type of its weights, or of what is gathered of them."""
    return model.computes_in if is_cut(model) else model.dtype


def _computed(self: Any, function: Callable[..., Value], *args: Any, **kwargs: Any) -> Value:
    return function(self, *args, **kwargs)


def _blocks(model: Any) -> list[Any]:
    """The decoder blocks: what the model itself names as not to be split over devices."""
    names = set(getattr(model, "_no_split_modules", None) or ())
    return [module for module in model.modules() if type(module).__name__ in names]
