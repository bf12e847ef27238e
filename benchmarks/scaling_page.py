"""Writes docs/scaling.md: how the cost of a step grows, measured on tiny models here and computed elsewhere.

Measured are processor seconds on one thread, so that another load on the machine disturbs little; computed are the sums
of `verigym.trainer.needs` and `verigym.trainer.cost`. Two minutes on a CPU.

    python benchmarks/scaling_page.py > docs/scaling.md
"""

import json
import math
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from verigym.trainer.cli.requirements import ROOM
from verigym.trainer.config import ObjectiveChoice, Optim, Policy, Rollout, Run
from verigym.trainer.cost import LEARNING, NETWORK, SAMPLING, Hardware, exchange_seconds, learning_flops, step_time
from verigym.trainer.estimate import readable
from verigym.trainer.needs import GIB, Lengths, needs
from verigym.trainer.shapes import CONFIGS, Shape, shape_named, shape_of

COUNTS = (1, 2, 4, 8, 16, 32, 64)
PROMPT = 160


@dataclass(frozen=True)
class Size:
    """What is measured. hidden, layers: of the model; group, reply: of the step, which has 4 groups."""

    hidden: int = 128
    layers: int = 4
    group: int = 8
    reply: int = 64

    def configuration(self) -> dict[str, Any]:
        """As a config.json."""
        heads = self.hidden // 32
        return dict(CONFIGS["Qwen/Qwen2.5-0.5B"]) | {
            "hidden_size": self.hidden,
            "intermediate_size": 3 * self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": heads,
            "num_key_value_heads": heads,
            "vocab_size": 512,
        }


def processor(work: Callable[[], Any], repeats: int = 3) -> float:
    """The least processor seconds of some runs, after one that does not count."""
    times = []
    for _ in range(repeats + 1):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times[1:])


def measured(size: Size, folder: Path) -> tuple[float, float, float]:
    """Processor seconds of sampling a step and of learning from it, and operations of the learning as computed."""
    from gpu import CPU, build, learner_of, rollouts

    from verigym.trainer.engines.engine import Request, Sampling
    from verigym.trainer.engines.transformers import TransformersEngine

    (folder / "config.json").write_text(json.dumps(size.configuration()), encoding="utf-8")
    prompt, rows = 16, 4 * size.group
    plan = replace(CPU, rows=rows, width=prompt + size.reply, prompt=prompt, micro=1 << 20)
    model = build(str(folder), plan)
    drawn = rollouts([plan.width] * rows, prompt, 512, size.group)
    learner = learner_of(model, plan, ())
    engine = TransformersEngine(model, pad_id=0, batch=rows)
    requests = [Request(rollout.prompt_ids, seed=i) for i, rollout in enumerate(drawn)]
    sampling = processor(lambda: engine.generate(requests, Sampling(size.reply)))
    learning = processor(lambda: learner.update(drawn, 1))
    shape = shape_of(model.config, sum(weight.numel() for weight in model.parameters()))
    return sampling, learning, rows * plan.width * learning_flops(shape, plan.width)


def growth() -> Iterator[str]:
    """What doubling one thing multiplies, measured."""
    base = Size()
    changes = {
        "group size 8 to 16": {"group": 16},
        "group size 8 to 32": {"group": 32},
        "reply 64 to 128": {"reply": 128},
        "reply 64 to 256": {"reply": 256},
        "width 128 to 256": {"hidden": 256},
        "layers 4 to 8": {"layers": 8},
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        before = measured(base, folder)
        yield f"| 4 x 8 replies of 64, width 128, 4 layers | {before[0]:.2f} s | {before[1]:.2f} s | |"
        for title, change in changes.items():
            after = measured(replace(base, **change), folder)
            ratios = [new / old for new, old in zip(after, before, strict=True)]
            yield f"| {title} | x {ratios[0]:.1f} | x {ratios[1]:.1f} | x {ratios[2]:.1f} |"


def run_of(groups: int, size: int, limit: int, *, fit: Sequence[str], lora: bool = False, engine: str = "vllm") -> Run:
    """A step in bf16 under Dr. GRPO."""
    return Run(
        policy=Policy(dtype="bfloat16", fit=tuple(fit), lora=("rank=32",) if lora else ()),
        rollout=Rollout(
            engine=engine,  # type: ignore[arg-type]
            engine_args=("url=http://elsewhere:8100",) if engine == "vllm-server" else (),
            problems_per_step=groups,
            group_size=size,
            max_new_tokens=limit,
        ),
        objective=ObjectiveChoice("dr_grpo"),
        optim=Optim(micro_batch_tokens=16384),
    )


def lengths_of(limit: int) -> Lengths:
    """Replies at half of their limit on the mean."""
    return Lengths(PROMPT, limit / 2, PROMPT + limit)


def steps(shape: Shape, hardware: Hardware, sizes: Sequence[tuple[int, int, int]]) -> Iterator[str]:
    """One model on one kind of machine, steps of several sizes."""
    for groups, size, limit in sizes:
        run, lengths = run_of(groups, size, limit, fit=("checkpoint",)), lengths_of(limit)
        took, peak = step_time(run, shape, lengths, hardware), needs(run, shape, lengths, hardware.device)
        yield (
            f"| {groups} x {size} | {limit:,} | {took.sampling:,.0f} s | {took.learning:,.0f} s | "
            f"{readable(sum(peak.moments['learning'].values()))} |"
        )


def smallest(run: Run, shape: Shape, lengths: Lengths) -> tuple[int, int] | None:
    """The least number of H100 that hold the trainer alone, and what each then holds."""
    for count in COUNTS:
        hardware = Hardware("H100", count)
        peak = needs(run, shape, lengths, hardware.device).peak
        if peak <= ROOM * hardware.gpu.memory * GIB:
            return count, peak
    return None


def models() -> Iterator[str]:
    """From 0.5 B to 70 B: what holds them, and what a step costs on 64."""
    lengths, many = lengths_of(4096), Hardware("H100", 64)
    for name in ("Qwen2.5-0.5B", "Qwen2.5-1.5B", "Qwen2.5-7B", "Qwen2.5-14B", "Qwen2.5-32B", "Llama-3.1-70B"):
        shape = shape_named(f"{'meta-llama' if name.startswith('Llama') else 'Qwen'}/{name}")
        kinds = (
            {"fit": ("checkpoint",)},
            {"fit": ("checkpoint", "adam=8bit")},
            {"fit": ("checkpoint", "offload")},
            {"fit": ("checkpoint",), "lora": True},
        )
        cells = []
        for kind in kinds:
            found = smallest(run_of(256, 16, 4096, engine="vllm-server", **kind), shape, lengths)  # type: ignore[arg-type]
            cells.append(f"{found[0]} ({readable(found[1])})" if found else "does not fit")
        run = run_of(256, 16, 4096, fit=("checkpoint",), engine="vllm-server")
        took = step_time(run, shape, lengths, many)
        passes = math.ceil(256 * 16 * (lengths.prompt + lengths.reply) / 64 / run.optim.micro_batch_tokens)
        exchange = exchange_seconds(shape, passes)
        yield (
            f"| {name} | {' | '.join(cells)} | {took.learning:,.0f} s | {exchange:,.0f} s | {took.sampling:,.0f} s |"
        )


def page() -> Iterator[str]:
    """The page, line by line."""
    today = f"{date.today()}, {platform.machine()}, one thread"
    seven = shape_named("Qwen/Qwen2.5-7B")
    yield f"""# How cost grows

Made by `python benchmarks/scaling_page.py` ({today}). What stands under *measured* was measured
there, on tiny models and a CPU. Everything about GPUs is computed, from sums that `trainer/needs.py` (memory) and
`trainer/cost.py` (time) write out; nobody has measured it. `verigym train PRESET --dry-run --meta 8xH100` does the same
sums for a run of yours.

## The sums

P weights, L layers, Q width of all query heads, T tokens of a sequence, per token:

- **learning**: `6 P + 6 T L Q` operations, a third more with `--fit checkpoint`; `2 P + 2 T L Q` more for a reference,
  and for old log-probs where there are several updates a step or sampling runs ahead. At {LEARNING:.0%} of the GPU's
  rate.
- **sampling**: a turn gives every sequence that is still going one token and reads all weights once, `2 P` bytes in
  bf16, and each sequence's keys and values. At {SAMPLING["vllm"]:.0%} of the memory's bandwidth under vLLM. A step has
  at least as many turns as its longest reply has tokens: few long replies leave a GPU idle, many sequences share the
  reading.
- **memory**, bytes a weight in bf16: 2 weights, 4 fp32 masters, 8 Adam (2 with `adam=8bit`), 4 to 6 gradients; over N
  ranks each is divided by N (`shard=fsdp`). Activations grow with `--micro-batch-tokens` alone, not with the batch;
  with `checkpoint` they are 2 bytes x L x width a token, and one layer. Logits are never held whole.

## Measured: what grows with what

Processor seconds of one step of a tiny model, and what a change multiplies them by; beside it the operations of
learning by the sum above.

| change | sampling | learning | learning, computed |
|---|---|---|---|"""
    yield from growth()
    yield """
Sampling grows slower than the group, because sequences are decoded together, and faster than the reply, because each
token looks at all before it.

## Computed: group size and length

Qwen2.5-7B on 8 x H100, vLLM in the trainer's processes, `--fit checkpoint`; replies at half of their limit on the mean.
Memory is what a GPU holds while it learns.

| problems x replies | limit | sampling | learning | memory |
|---|---|---|---|---|"""
    sizes = [(128, 4, 2048), (128, 8, 2048), (128, 16, 2048), (128, 32, 2048)]
    yield from steps(seven, Hardware("H100", 8), [*sizes, (128, 8, 512), (128, 8, 8192), (128, 8, 16384)])
    yield """
The group and the number of problems cost alike. A longer limit costs more than its tokens: sampling waits for the
longest reply, attention grows with the square, and one row must fit into a pass.

## Computed: machines

Qwen2.5-7B, 128 x 8 replies of at most 2,048 tokens, on more GPUs:

| GPUs | sampling | learning | a step | memory of each |
|---|---|---|---|---|"""
    run, lengths = run_of(128, 8, 2048, fit=("checkpoint",)), lengths_of(2048)
    for count in COUNTS:
        hardware = Hardware("H100", count)
        took, peak = step_time(run, seven, lengths, hardware), needs(run, seven, lengths, hardware.device)
        held = sum(peak.moments["learning"].values())
        fits = "" if held <= ROOM * hardware.gpu.memory * GIB else ", too much"
        times = " | ".join(f"{seconds:,.0f} s" for seconds in (took.sampling, took.learning, took.seconds))
        yield f"| {count} | {times} | {readable(held)}{fits} |"
    yield f"""
Learning is divided among the GPUs; sampling is only until its longest reply decides. From there on, more GPUs want
larger batches, or sampling that runs beside learning (`--lag 1`).

## Computed: models up to 70 B on 64 GPUs

A step of 256 x 16 replies of at most 4,096 tokens. Left: the least number of H100 (80 GB) that hold the trainer,
engines elsewhere (`--engine vllm-server` or `ray`), and what each then holds. Right: seconds of a step on 64;
*exchange* is what cut weights cost at {NETWORK:g} GB/s a GPU, beside the arithmetic, so it costs time where it is the
larger; *sampling* is on as many GPUs again. Beside an
adapter the weights are not cut.

| model | full | `adam=8bit` | `offload` | `--lora rank=32` | learning | exchange | sampling |
|---|---|---|---|---|---|---|---|"""
    yield from models()
    yield """
Not in these sums: the exchange of gradients inside a machine, a larger model's need to lie over several GPUs while it
samples (`tensor_parallel=`), grading, held-out scores, checkpoints (which the lead gathers whole: 14 bytes a weight
pass through one machine), and every surprise of a real network.

## When it does not fit

`--dry-run` says so beside what the machine has, and a run that runs out of memory says what it was doing, saves the
last step where it can, and ends with the command that goes on. Both name these knobs in this order, each with what it
brings: `--micro-batch-tokens` (the gradient does not depend on it), `--fit checkpoint` (a third more arithmetic),
`--engine-args batch=` or `memory=` (the engine's share), `--fit offload`, `--fit adam=8bit`, `--lora rank=16`,
`--ranks`. A run that goes on may take all but `adam=` and `--lora`."""


if __name__ == "__main__":
    for line in page():
        print(line, flush=True)
    sys.exit(0)
