"""ZeRO by the deepspeed library (arXiv:1910.02054): moments and gradients cut over ranks (stage 2), weights too (3).

The library keeps the fp32 masters, sums the gradients and takes the step. What the rest of the trainer sees is what
FSDP2 shows it: a model that computes `within`, and an optimizer whose state is whole and has the weights' names, so
that one saved here goes on under fsdp, or on one rank without the library.

    optimizer = lay_out("deepspeed3", policy.model, ranks, run, reference=reference)
    loss.backward(); norm = optimizer.step(lr=1e-4, grad_clip=1.0)
"""

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch

from verigym.trainer import shard
from verigym.trainer.config import ConfigError, Run, require
from verigym.trainer.fit import Fit
from verigym.trainer.ranks import Ranks

Value = TypeVar("Value")

STAGES = {"deepspeed2": 2, "deepspeed3": 3}
"""The words of --fit shard= that mean this library."""

MOMENTS = ("exp_avg", "exp_avg_sq")


def lay_out(sharding: str, model: Any, ranks: Ranks, run: Run, *, reference: Any = None) -> "ZeroOptimizer":
    """Cuts a model over the ranks, in place, and gives its optimizer. The reference, which may be None, lies whole on
    each rank under stage 2, and is cut by FSDP2 under stage 3. Raises ConfigError for settings that do not go together,
    and where deepspeed is not installed."""
    fit, stage = Fit.of(run.policy.fit), STAGES[sharding]
    require(
        not fit.offload,
        f"offload with shard={sharding} is not built; set --fit offload shard=fsdp, or leave offload out",
    )
    shard.lay_out(sharding, [reference if stage == 3 else None], ranks, run.policy, fit)
    return ZeroOptimizer(
        model,
        ranks,
        stage=stage,
        half=run.policy.dtype == "bfloat16",
        betas=run.optim.betas,
        weight_decay=run.optim.weight_decay,
    )


class ZeroOptimizer:
    """AdamW by the library over a model that it cuts: the methods of `optimizer.Optimizer`.

    half: the model computes in bf16, with fp32 masters and gradient sums. Every rank must hold the same weights, and
    call every method. Raises ConfigError where deepspeed is not installed."""

    kind = "fp32"

    def __init__(
        self, model: Any, ranks: Ranks, *, stage: int, half: bool, betas: tuple[float, float], weight_decay: float
    ) -> None:
        deepspeed = _library(model.device.type)
        learned = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        self.ranks, self.stage, self.names, self.weights = ranks, stage, list(learned), list(learned.values())
        self.masters: list[torch.nn.Parameter] = []
        """None: the library holds them."""
        groups = [
            {"params": [w for w in self.weights if w.ndim >= 2], "weight_decay": weight_decay},
            {"params": [w for w in self.weights if w.ndim < 2], "weight_decay": 0.0},
        ]
        adam = torch.optim.AdamW([g for g in groups if g["params"]], lr=0.0, betas=betas, fused=True)
        largest_vector = max((w.numel() for w in self.weights if w.ndim < 2), default=0)
        computing = _Computing(model)
        with _modes_kept(model):
            self.engine, *_ = deepspeed.initialize(
                model=computing, optimizer=adam, config=_settings(stage, half, largest_vector)
            )
        self._adam, self._zero = adam, self.engine.optimizer
        self.forget()
        model.computes_in = torch.bfloat16 if half else model.dtype
        model.computed = self._computed(model)
        model.put_together = self._put_together

    def forget(self) -> None:
        """Starts anew from where the weights are: no moments, as before the first step. They become zero where they
        lie, because the library holds views of them."""
        for flat in self._flat():
            held = self._adam.state[flat]
            for key in MOMENTS:
                held.setdefault(key, torch.zeros_like(flat)).zero_()
            held.setdefault("step", torch.zeros((), dtype=torch.float32, device=flat.device)).zero_()
        if self.stage == 2:
            self._zero._lazy_init_hp_params_optimizer_state()  # else at the first step, and nothing could be restored

    def gather(self) -> None:
        """Nothing: a backward pass adds to the sums by itself."""

    def step(self, *, lr: float, grad_clip: float) -> float:
        """Moves the weights and forgets the gradients. Returns the gradient norm before clipping; where it is not
        finite, the weights stay as they were."""
        self._zero.clip_grad = grad_clip
        for group in self._zero.param_groups:
            group["lr"] = lr
        self.engine.step()
        return float(self.engine.get_global_grad_norm())

    def state_dict(self, *, keep: bool = True) -> dict[str, Any]:
        """As `Optimizer.state_dict` gives it, without masters: they are what `full_weights` gives. A rank that does not
        `keep` what it is told needs room for one tensor."""
        from deepspeed.utils import safe_get_full_optimizer_state

        state: dict[str, Any] = {"kind": self.kind, "adam": {}, "masters": {}}
        steps = self._adam.state[self._flat()[0]]["step"].cpu()
        for name, weight in zip(self.names, self.weights, strict=True):
            moments = {key: safe_get_full_optimizer_state(weight, key).cpu() for key in MOMENTS}
            if keep:
                state["adam"][name] = {"step": steps.clone(), **moments}
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what `Optimizer.state_dict` gave, on any number of ranks. Raises ConfigError for moments of another
        kind."""
        require(
            state["kind"] == self.kind,
            f"the checkpoint's moments are those of adam={state['kind']}, and cannot become adam={self.kind}; resume "
            f"with --fit shard=ddp adam={state['kind']}",
        )
        for name, weight in zip(self.names, self.weights, strict=True):
            for key in MOMENTS:
                if key in state["adam"].get(name, {}):
                    self._restore(weight, state["adam"][name][key], key)
            if name in state["masters"]:
                self._restore(weight, state["masters"][name], None)
        steps = max((float(moments["step"]) for moments in state["adam"].values() if moments), default=0.0)
        for flat in self._flat():
            self._adam.state[flat]["step"].fill_(steps)

    def _restore(self, weight: torch.nn.Parameter, value: torch.Tensor, key: str | None) -> None:
        """Moments, or without a key the master of a weight."""
        value = value.to(weight.device, torch.float32).flatten()
        if self.stage == 2:
            weight.set_full_hp_param(value, key)
            return
        share = weight.ds_tensor.numel()
        padded = torch.nn.functional.pad(value, (0, share * self.ranks.count - len(value)))
        self._zero.set_local_hp_param(padded[share * self.ranks.rank :][:share], weight, key)

    def _put_together(self, weight: torch.nn.Parameter) -> torch.Tensor:
        from deepspeed.utils import safe_get_full_fp32_param

        return safe_get_full_fp32_param(weight).detach().cpu()

    def _flat(self) -> list[torch.Tensor]:
        """This rank's masters, end to end."""
        zero = self._zero
        return list(zero.fp32_partitioned_groups_flat if self.stage == 3 else zero.single_partition_of_fp32_groups)

    def _computed(self, model: Any) -> Callable[..., Any]:
        """What `shard.within` calls: it computes as the forward pass of the library's own module. Gradients are means
        over ranks there, and sums are wanted: denominators are global."""

        def computed(function: Callable[..., Value], *args: Any, **kwargs: Any) -> Value:
            found = self.engine(lambda: function(model, *args, **kwargs))
            for tensor in found if isinstance(found, tuple) else (found,):
                if isinstance(tensor, torch.Tensor) and tensor.requires_grad:
                    tensor.register_hook(lambda gradient: gradient * self.ranks.count)
            return found

        return computed


class _Computing(torch.nn.Module):
    """A model whose forward pass is whatever is to be computed with it.

    All ranks must call the same modules in the same order. One whose rows have no counted tokens has nothing to ask of
    the output head, and asks for nothing."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.asked = False
        model.get_output_embeddings().register_forward_pre_hook(self._ask)

    def forward(self, work: Callable[[], Value]) -> Value:
        self.asked = False
        found = work()
        if not self.asked:
            head = self.model.get_output_embeddings()
            head(torch.zeros(0, head.in_features, dtype=self.model.dtype, device=self.model.device))
        return found

    def _ask(self, *_: Any) -> None:
        self.asked = True


def _settings(stage: int, half: bool, largest_vector: int) -> dict[str, Any]:
    """The library's configuration. Every `step` is the end of as many backward passes as there were."""
    return {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        "managed_gradient_accumulation": False,
        "zero_allow_untested_optimizer": True,
        "steps_per_print": None,
        "bf16": {"enabled": half, "check_grad_overflow": True},
        "data_types": {"grad_accum_dtype": "fp32"},
        "communication_data_type": "fp32",
        "zero_optimization": {
            "stage": stage,
            "overlap_comm": False,
            "stage3_param_persistence_threshold": largest_vector,  # vectors stay whole, matrices are cut
        },
    }


@contextmanager
def _modes_kept(model: Any) -> Iterator[None]:
    """The library puts a model into training mode; here it stays as it is, so that dropout stays off."""
    before = {module: module.training for module in model.modules()}
    try:
        yield
    finally:
        for module, was in before.items():
            module.training = was


def _library(device: str) -> Any:
    """The deepspeed module, told to be quiet. On a CPU it would compile an operator of its own first, for minutes, that
    gloo replaces."""
    if device == "cpu":
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    try:
        import deepspeed
    except ImportError as error:
        raise ConfigError(
            f'shard=deepspeed2 and deepspeed3 need deepspeed ({error}); run `pip install "verigym[deepspeed]"`, or set '
            "--fit shard=fsdp"
        ) from error
    logging.getLogger("DeepSpeed").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message="`torch.distributed.* is deprecated", category=FutureWarning)  # it calls
    if device == "cpu":
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    return deepspeed
