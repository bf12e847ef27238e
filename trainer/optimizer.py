"""AdamW with fp32 master weights and fp32 gradient sums, its moments in fp32 or 8 bits, and the learning-rate schedule.

Weights kept in bf16 would swallow small updates (1 + 1e-3 is 1 in bf16), so a bf16 model gets an fp32 copy of every
weight, and the gradients of its micro-batches are summed in fp32. An fp32 model is its own master and pays nothing.

Its state is kept by the weights' names and whole, so that one saved by two ranks is read by one, or by four.

    optimizer = Optimizer(model.named_parameters(), betas=(0.9, 0.95), weight_decay=0.0)
    loss.backward(); optimizer.gather(); norm = optimizer.step(lr=1e-4, grad_clip=1.0)
"""

import math
from collections.abc import Iterable
from typing import Any

import torch

from verigym.trainer.config import ConfigError, Optim
from verigym.trainer.ranks import ALONE, Ranks, sum_gradients
from verigym.trainer.shard import local, whole


def learning_rate(optim: Optim, step: int) -> float:
    """The learning rate of a step (from 1): a linear rise over `warmup_steps`, then the schedule down to `min_lr` at
    the last step."""
    if step <= optim.warmup_steps:
        return optim.lr * step / optim.warmup_steps
    if optim.schedule == "constant":
        return optim.lr
    share = (step - optim.warmup_steps - 1) / max(1, optim.steps - optim.warmup_steps - 1)
    left = 1 - share if optim.schedule == "linear" else 0.5 * (1 + math.cos(math.pi * share))
    return optim.min_lr + (optim.lr - optim.min_lr) * left


class Optimizer:
    """AdamW over a model's weights; matrices decay, vectors (norms, biases) do not.

    ranks: those over which gradients are still to be summed; weights that are cut over ranks have theirs summed
    already. kind: of its moments, fp32, 8bit or paged8bit. offload: masters, gradient sums and moments lie on the CPU,
    copies also of fp32 weights. Raises ConfigError for a kind that cannot be had here."""

    def __init__(
        self,
        named: Iterable[tuple[str, torch.nn.Parameter]],
        *,
        betas: tuple[float, float],
        weight_decay: float,
        ranks: Ranks = ALONE,
        kind: str = "fp32",
        offload: bool = False,
    ) -> None:
        learned = {name: weight for name, weight in named if weight.requires_grad}
        self.names, self.weights, self.ranks, self.kind = list(learned), list(learned.values()), ranks, kind
        self.masters = [
            torch.nn.Parameter(p.detach().to("cpu" if offload else p.device, torch.float32, copy=True))
            if offload or p.dtype != torch.float32
            else p
            for p in self.weights
        ]
        groups = [
            {"params": [m for m in self.masters if m.ndim >= 2], "weight_decay": weight_decay},
            {"params": [m for m in self.masters if m.ndim < 2], "weight_decay": 0.0},
        ]
        self.adam = _adam(kind, [g for g in groups if g["params"]], betas)

    def forget(self) -> None:
        """Starts anew from where the weights are: no moments, as before the first step. The masters stay, so what a
        warm-up taught below the precision of bf16 is kept too."""
        self.adam.state.clear()

    def gather(self) -> None:
        """Adds the gradients of a micro-batch to the fp32 sums. Call after each backward pass."""
        for weight, master in zip(self.weights, self.masters, strict=True):
            if weight is master or weight.grad is None:
                continue
            gradient = weight.grad.to(master.device)
            master.grad = gradient.float() if master.grad is None else master.grad.add_(gradient)
            weight.grad = None

    def step(self, *, lr: float, grad_clip: float) -> float:
        """Moves the weights and forgets the gradients. Returns the gradient norm before clipping; where it is not
        finite, the weights stay as they were."""
        sum_gradients(self.masters, self.ranks)
        found = torch.nn.utils.clip_grad_norm_([m for m in self.masters if m.grad is not None], grad_clip)
        norm = float(whole(found))
        if math.isfinite(norm):
            for group in self.adam.param_groups:
                group["lr"] = lr
            self.adam.step()
            with torch.no_grad():
                for weight, master in zip(self.weights, self.masters, strict=True):
                    if weight is not master:
                        weight.copy_(master)
        self.adam.zero_grad(set_to_none=True)
        return norm

    def state_dict(self, *, keep: bool = True) -> dict[str, Any]:
        """By name: moments, and the master weights where they are copies. Where weights are cut, every rank must ask;
        one that does not `keep` what it is told needs room for one tensor."""
        state: dict[str, Any] = {"kind": self.kind, "adam": {}, "masters": {}}
        for name, weight, master in zip(self.names, self.weights, self.masters, strict=True):
            moments = {
                key: whole(value) if isinstance(value, torch.Tensor) else value
                for key, value in self.adam.state[master].items()
            }
            if keep:
                state["adam"][name] = moments
            if keep and weight is not master:
                state["masters"][name] = master.detach()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what `state_dict` gave, on any number of ranks. Raises ConfigError for moments of another kind."""
        if state["kind"] != self.kind:
            raise ConfigError(
                f"the checkpoint's moments are those of adam={state['kind']}, and cannot become adam={self.kind}; "
                f"resume with --fit adam={state['kind']}"
            )
        if self.kind != "fp32":
            _make_room(self.adam, [m for n, m in zip(self.names, self.masters, strict=True) if state["adam"].get(n)])
        for name, master in zip(self.names, self.masters, strict=True):
            for key, value in state["adam"].get(name, {}).items():
                self._restore(master, key, value)
            if name in state["masters"]:
                with torch.no_grad():
                    master.copy_(local(state["masters"][name], master))

    def _restore(self, master: torch.nn.Parameter, key: str, value: Any) -> None:
        held = self.adam.state[master]
        if not isinstance(value, torch.Tensor):
            held[key] = value
        elif self.kind != "fp32":
            held[key].copy_(value)
        else:
            found = local(value, master) if value.shape == master.shape else value
            held[key] = found.to(master.device, copy=True)  # not a part of a file


def _adam(kind: str, groups: list[dict[str, Any]], betas: tuple[float, float]) -> Any:
    """AdamW with moments of a kind."""
    if kind == "fp32":
        return torch.optim.AdamW(groups, lr=0.0, betas=betas, fused=True)
    if kind == "paged8bit" and any(p.device.type == "cpu" for group in groups for p in group["params"]):
        raise ConfigError(
            "adam=paged8bit moves moments between a GPU and the CPU's memory, and here they lie on the CPU; set --fit "
            "adam=8bit"
        )
    try:
        from bitsandbytes.optim import AdamW8bit, PagedAdamW8bit
    except ImportError as error:
        raise ConfigError(
            f"adam={kind} needs bitsandbytes ({error}); run `pip install bitsandbytes`, or set --fit adam=fp32"
        ) from error
    return (PagedAdamW8bit if kind == "paged8bit" else AdamW8bit)(groups, lr=0.0, betas=betas)


def _make_room(adam: Any, masters: list[torch.nn.Parameter]) -> None:
    """Lets an 8-bit AdamW make the buffers of its moments, which it would at its first step."""
    wanted = set(masters)
    for place, group in enumerate(adam.param_groups):
        for number, master in enumerate(group["params"]):
            if master in wanted:
                adam.init_state(group, master, place, number)
