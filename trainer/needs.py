"""What memory a run needs, from its settings and the shape of its model: one sum for each moment of a step, of which
the largest is the peak.

Moments: `learning` (the beginning of a backward pass: activations, a part of the logits, and from the second
micro-batch on the gradients), `gradients` (its end), `sampling`. What stays throughout is in all three. Per device:
over several ranks what is cut into parts is divided by their number. Replies are taken at their limit, because some
will be.

    needs(run, shape, Lengths(prompt=60, reply=200, longest=572)).peak
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from verigym.trainer.config import Run
from verigym.trainer.engines.options import options_of
from verigym.trainer.estimate import (
    FLOAT32,
    activations,
    adapter_weights,
    cache_token,
    engine_memory,
    head_memory,
    kept,
    layer_activations,
)
from verigym.trainer.fit import Fit
from verigym.trainer.lag import Lag
from verigym.trainer.lora import Lora
from verigym.trainer.shapes import Shape

GIB = 1 << 30

MEMINFO = Path("/proc/meminfo")
CONTAINER = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@dataclass(frozen=True)
class Lengths:
    """Tokens of a sequence. prompt, reply: means; longest: prompt and reply together, at most."""

    prompt: float
    reply: float
    longest: int


@dataclass(frozen=True)
class Device:
    """What one process learns on. on_cpu: no GPU; memory: bytes there are, 0: not known; ranks: processes that learn
    together, a device each."""

    on_cpu: bool = True
    memory: int = 0
    ranks: int = 1


ALONE = Device()
"""A process of its own on a CPU."""


@dataclass(frozen=True)
class Needs:
    """Bytes on each device. moments: name to what memory holds then, by part; host: what `--fit offload` keeps on the
    CPU beside a GPU."""

    moments: Mapping[str, Mapping[str, int]]
    host: Mapping[str, int] = field(default_factory=dict)

    @property
    def moment(self) -> str:
        """The moment that needs most."""
        return max(self.moments, key=lambda name: sum(self.moments[name].values()))

    @property
    def peak(self) -> int:
        """What that moment needs."""
        return sum(self.moments[self.moment].values())


def this_device(name: str, ranks: int = 1) -> Device:
    """The device called `name` (`cpu`, `cuda`, `cuda:1`) of this machine. Memory: of a GPU; of the machine or of the
    container that this process may fill, if that is less."""
    if name.startswith("cuda"):
        import torch

        return Device(False, torch.cuda.get_device_properties(name).total_memory, ranks)
    found = []
    if MEMINFO.is_file():
        found += [
            int(line.split()[1]) << 10 for line in MEMINFO.read_text().splitlines() if line.startswith("MemTotal")
        ]
    for limit in CONTAINER:
        if limit.is_file() and (text := limit.read_text().strip()).isdigit():
            found.append(int(text))
    return Device(True, min(found, default=0) // ranks, ranks)


def needs(run: Run, shape: Shape, lengths: Lengths, device: Device = ALONE) -> Needs:
    """What a run needs on one device."""
    fit = Fit.of(run.policy.fit)
    stays, host = _stays(run, shape, device)
    at_end, before = _gradients(run, shape, device, several=_passes(run, lengths, device) > 1)
    sampling, beside = _engine(run, shape, lengths, device)
    layer = layer_activations(shape, value_bytes=_value_bytes(run), lora=bool(run.policy.lora), on_cpu=device.on_cpu)
    last = 0 if fit.checkpoint else pass_tokens(run, lengths, device) * layer
    moments = {
        "learning": stays | beside | {"gradients": before} | _pass(run, shape, lengths, device),
        "gradients": stays | beside | {"gradients": at_end, "activations": last},
        "sampling": stays | sampling,
    }
    return Needs(moments, host)


def _value_bytes(run: Run) -> int:
    return 2 if run.policy.dtype == "bfloat16" else FLOAT32


def _stays(run: Run, shape: Shape, device: Device) -> tuple[dict[str, int], dict[str, int]]:
    """What a device holds throughout, and what lies on the CPU for it."""
    fit, lora, value_bytes = Fit.of(run.policy.fit), Lora.of(run.policy.lora), _value_bytes(run)
    cut = _cut(run, device)
    if lora is None:
        held = kept(shape.parameters, value_bytes=value_bytes, adam=fit.adam)
    else:  # the adapter is in fp32, its own master
        adapter = kept(adapter_weights(shape, lora), value_bytes=FLOAT32, adam=fit.adam)
        held = {"weights": value_bytes * shape.parameters, "adapter": adapter["weights"], "Adam": adapter["Adam"]}
    if run.resolve().needs_reference:
        held["reference"] = held["adapter"] if lora else value_bytes * shape.parameters
    shares = {name: size // cut.get(name, 1) for name, size in held.items()}
    if cut["weights"] > 1:  # the layer at hand and the head are whole for as long as they work
        shares["gathered"] = value_bytes * (2 * shape.layer + shape.embedding)
    if not fit.offload or device.on_cpu:
        return shares, {}
    host = {name: shares.pop(name) for name in ("master weights", "Adam") if name in shares}
    learned = shares.get("adapter", FLOAT32 * shape.parameters // cut.get("Adam", 1))
    return shares, host | {"master weights": learned, "gradients": learned}


def _cut(run: Run, device: Device) -> dict[str, int]:
    """Over how many ranks each part is divided."""
    sharding = Fit.of(run.policy.fit).sharding(device.ranks, lora=bool(run.policy.lora))
    moments = ("master weights", "Adam") if sharding in ("fsdp", "zero2", "zero3", "deepspeed2", "deepspeed3") else ()
    whole = ("weights", "gradients", "reference") if sharding in ("fsdp", "zero3", "deepspeed3") else ()
    return {"weights": 1, "gradients": 1} | dict.fromkeys((*moments, *whole), device.ranks)


def _gradients(run: Run, shape: Shape, device: Device, *, several: bool) -> tuple[int, int]:
    """Bytes of gradients when a backward pass ends, and of what of them is there when a forward pass ends: a sum in
    fp32, to which a bf16 model's own gradients are added after each pass; at the end the embedding's are there twice,
    before the one is added to the other. Offloaded, the sum lies on the CPU."""
    fit, lora, value_bytes = Fit.of(run.policy.fit), Lora.of(run.policy.lora), _value_bytes(run)
    learned = (adapter_weights(shape, lora) if lora else shape.parameters) // _cut(run, device)["gradients"]
    own, embedding = (FLOAT32, 0) if lora else (value_bytes, value_bytes * shape.embedding)
    if fit.offload and not device.on_cpu:
        return own * learned + embedding, 0
    summed = FLOAT32 * learned
    passing = own * learned if several and own < FLOAT32 else 0
    return summed + passing + embedding, summed if several else 0


def pass_tokens(run: Run, lengths: Lengths, device: Device) -> int:
    """Most tokens of a forward pass of one rank: as many rows as micro_batch_tokens takes, at least one."""
    rows = _rows(run, device)
    return lengths.longest * max(1, min(rows, run.optim.micro_batch_tokens // lengths.longest))


def _rows(run: Run, device: Device) -> int:
    """Rollouts of a mini-batch that fall to one rank."""
    rollout = run.rollout
    return math.ceil(rollout.problems_per_step * rollout.group_size / run.optim.updates_per_step / device.ranks)


def _passes(run: Run, lengths: Lengths, device: Device) -> int:
    """Forward passes of one rank in a mini-batch, at most."""
    return math.ceil(_rows(run, device) * lengths.longest / pass_tokens(run, lengths, device))


def _pass(run: Run, shape: Shape, lengths: Lengths, device: Device) -> dict[str, int]:
    """What one forward pass keeps for its backward pass, at the head, which comes first, or in the last layer."""
    from verigym.trainer.logprobs import CELLS

    fit, lora, value_bytes = Fit.of(run.policy.fit), bool(run.policy.lora), _value_bytes(run)
    tokens = pass_tokens(run, lengths, device)
    counted = tokens - round(lengths.prompt) * (tokens // lengths.longest)
    ended, backward = activations(
        shape,
        tokens,
        value_bytes=value_bytes,
        checkpoint=fit.checkpoint,
        lora=lora,
        on_cpu=device.on_cpu,
        mask_width=lengths.longest if device.on_cpu and fit.packing != "on" else 0,
    )
    head = head_memory(shape, tokens, counted, CELLS, value_bytes=value_bytes)
    gradient = {} if lora else {"head's gradient": value_bytes * shape.embedding}
    if backward > head:
        return {"activations": ended + backward} | gradient
    return {"activations": ended, "output head": head} | gradient


def _engine(run: Run, shape: Shape, lengths: Lengths, device: Device) -> tuple[dict[str, int], dict[str, int]]:
    """What the engine adds while it samples, and what of it is there while the trainer learns."""
    rollout, value_bytes = run.rollout, _value_bytes(run)
    options, ahead = options_of(rollout), Lag.of(rollout.lag).steps > 0
    copy = {"engine's weights": value_bytes * shape.parameters}
    if rollout.engine in ("vllm-server", "ray"):
        return {}, {}
    if rollout.engine == "vllm":
        memory = getattr(options, "memory", 0.0)
        if device.on_cpu:
            there = copy | {"key-value cache": round(memory * GIB)}
            return there, there
        share = {"vLLM's share": round(memory * device.memory)}  # its weights and its cache
        return share, share if ahead else {}
    sequences = min(options.batch, math.ceil(rollout.problems_per_step * rollout.group_size / device.ranks))
    own = ahead or _cut(run, device)["weights"] > 1
    cache = engine_memory(shape, value_bytes=value_bytes, sequences=sequences, sequence_tokens=lengths.longest)
    return (copy if own else {}) | cache, (copy | (cache if ahead else {})) if own else {}


def cache_tokens(memory: float, shape: Shape, value_bytes: int) -> int:
    """Tokens whose keys and values fit into so many bytes."""
    return max(0, int(memory // cache_token(shape, value_bytes)))
