"""AdamW with fp32 master weights and fp32 gradient sums, and the learning-rate schedule.

Weights kept in bf16 would swallow small updates (1 + 1e-3 is 1 in bf16), so a bf16 model gets an fp32 copy of every
weight, and the gradients of its micro-batches are summed in fp32. An fp32 model is its own master and pays nothing.

    optimizer = Optimizer(model.parameters(), betas=(0.9, 0.95), weight_decay=0.0)
    loss.backward(); optimizer.gather(); norm = optimizer.step(lr=1e-4, grad_clip=1.0)
"""

import math
from collections.abc import Iterable
from typing import Any

import torch

from verigym.trainer.config import Optim


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
    """AdamW over a model's weights; matrices decay, vectors (norms, biases) do not."""

    def __init__(
        self, parameters: Iterable[torch.nn.Parameter], *, betas: tuple[float, float], weight_decay: float
    ) -> None:
        self.weights = [p for p in parameters if p.requires_grad]
        self.masters = [p if p.dtype == torch.float32 else torch.nn.Parameter(p.detach().float()) for p in self.weights]
        groups = [
            {"params": [m for m in self.masters if m.ndim >= 2], "weight_decay": weight_decay},
            {"params": [m for m in self.masters if m.ndim < 2], "weight_decay": 0.0},
        ]
        self.adam = torch.optim.AdamW([g for g in groups if g["params"]], lr=0.0, betas=betas, fused=True)

    def gather(self) -> None:
        """Adds the gradients of a micro-batch to the fp32 sums. Call after each backward pass."""
        for weight, master in zip(self.weights, self.masters, strict=True):
            if weight is master or weight.grad is None:
                continue
            master.grad = weight.grad.float() if master.grad is None else master.grad.add_(weight.grad)
            weight.grad = None

    def step(self, *, lr: float, grad_clip: float) -> float:
        """Moves the weights and forgets the gradients. Returns the gradient norm before clipping; where it is not
        finite, the weights stay as they were."""
        norm = float(torch.nn.utils.clip_grad_norm_([m for m in self.masters if m.grad is not None], grad_clip))
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

    def state_dict(self) -> dict[str, Any]:
        """Moments, and the master weights where they are copies."""
        copies = [m.detach() for w, m in zip(self.weights, self.masters, strict=True) if w is not m]
        return {"adam": self.adam.state_dict(), "masters": copies}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what `state_dict` gave."""
        self.adam.load_state_dict(state["adam"])
        copies = [m for w, m in zip(self.weights, self.masters, strict=True) if w is not m]
        with torch.no_grad():
            for master, saved in zip(copies, state["masters"], strict=True):
                master.copy_(saved)
