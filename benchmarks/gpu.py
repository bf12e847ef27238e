"""One GPU, measured: the update step, its memory, and sampling with the embedded engine, beside the GPU's own rates.

Needs torch, transformers and accelerate, and this file in its checkout; verigym need not be installed and nothing is
downloaded: models have the shapes of Qwen2.5-0.5B and 1.5B and random weights. Prints Markdown. Wanted: at least 40 %
of the GPU's stated bf16 rate in the update at 1.5 B, rows of 4,096 tokens. Operations are 6 a weight and token, and
those of attention; what `checkpoint` computes a second time is not counted. Some minutes, and up to 60 GB.

    python benchmarks/gpu.py > gpu.md
    python benchmarks/gpu.py --cpu                 # a tiny version, to see that it works
"""

import argparse
import gc
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from verigym.trainer.rollout import Rollout
    from verigym.trainer.shapes import Shape
    from verigym.trainer.update import Learner

HERE = Path(__file__).resolve().parent
WANTED = 0.4
"""Share of the stated rate that the update should reach."""
GROUP = 4


@dataclass(frozen=True)
class Plan:
    """Sizes of the measurements. models: known to `shapes.py`, or a configuration; rows, width: of the update; micro:
    tokens of a forward pass; log_probs: tokens scored at once; batch, new: sequences and new tokens of sampling;
    square: of the matrix product; copied: bytes."""

    models: tuple[str, ...]
    device: str
    dtype: str
    rows: int
    width: int
    prompt: int
    micro: int
    log_probs: int
    batch: int
    new: int
    square: int
    copied: int
    repeats: int


GPU = Plan(
    ("Qwen/Qwen2.5-0.5B", "Qwen/Qwen2.5-1.5B"),
    "cuda",
    "bfloat16",
    rows=16,
    width=4096,
    prompt=256,
    micro=16384,
    log_probs=4096,
    batch=128,
    new=128,
    square=8192,
    copied=1 << 32,
    repeats=3,
)
CPU = Plan(
    ("tiny-qwen2",),
    "cpu",
    "float32",
    rows=8,
    width=96,
    prompt=16,
    micro=384,
    log_probs=64,
    batch=4,
    new=8,
    square=256,
    copied=1 << 22,
    repeats=1,
)


@contextmanager
def importable() -> Iterator[None]:
    """`verigym` from this checkout: its folders are the sub-packages of a namespace package of that name."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "verigym").symlink_to(HERE.parent, target_is_directory=True)
        sys.path.insert(0, folder)
        try:
            yield
        finally:
            sys.path.remove(folder)


def seconds(work: Callable[[], Any], repeats: int) -> float:
    """The least of `repeats` times, after one that does not count."""
    best = float("inf")
    for repeat in range(repeats + 1):
        _wait()
        started = time.perf_counter()
        work()
        _wait()
        best = min(best, time.perf_counter() - started) if repeat else best
    return best


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def peak_of(work: Callable[[], Any]) -> int:
    """Most bytes that tensors took on the GPU while `work` ran; 0 on a CPU."""
    if not torch.cuda.is_available():
        work()
        return 0
    torch.cuda.reset_peak_memory_stats()
    work()
    _wait()
    return torch.cuda.max_memory_allocated()


def own_rates(plan: Plan) -> tuple[float, float]:
    """Operations a second of a large matrix product, and bytes a second that are read and written by a copy."""
    dtype = getattr(torch, plan.dtype)
    left, right = (torch.randn(plan.square, plan.square, device=plan.device, dtype=dtype) for _ in range(2))
    rate = 2 * plan.square**3 / seconds(lambda: left @ right, 10 * plan.repeats)
    source = torch.zeros(plan.copied, dtype=torch.uint8, device=plan.device)
    target = torch.empty_like(source)
    return rate, 2 * plan.copied / seconds(lambda: target.copy_(source), 3 * plan.repeats)


def build(name: str, plan: Plan) -> Any:
    """A model of random weights on the device."""
    from transformers import AutoModelForCausalLM

    from verigym.trainer.shapes import config_of

    torch.manual_seed(0)
    with torch.device(plan.device):
        return AutoModelForCausalLM.from_config(config_of(name)).to(getattr(torch, plan.dtype)).eval()


def rollouts(lengths: Sequence[int], prompt: int, vocabulary: int, group: int = GROUP) -> "list[Rollout]":
    """Replies of given lengths, prompt included, in groups whose rewards differ."""
    from verigym.tasks.problem import Problem
    from verigym.trainer.rollout import Rollout
    from verigym.verifiers.verdict import Verdict

    rng = random.Random(0)
    found = []
    for i, length in enumerate(lengths):
        ids = tuple(rng.randrange(vocabulary) for _ in range(length))
        said, verdict = length - prompt, Verdict.right("") if i % group == 0 else Verdict.wrong("")
        flags, logps = (True,) * said, (-1.0,) * said
        found.append(
            Rollout(
                Problem(prompt="", answer=""),
                i // group,
                i % group,
                ids[:prompt],
                ids[prompt:],
                flags,
                logps,
                "stop",
                0,
                ("",),
                verdict,
            )
        )
    return found


def long_tailed(rows: int, width: int, prompt: int) -> list[int]:
    """Lengths of which a few are at the limit and the mean is about 0.3 of it, shuffled."""
    replies = [max(1, round((width - prompt) * ((i + 1) / rows) ** 2.6)) for i in range(rows)]
    random.Random(1).shuffle(replies)
    return [prompt + reply for reply in replies]


def learner_of(model: Any, plan: Plan, words: Sequence[str]) -> "Learner":
    """What learns in a run with these words of `--fit`."""
    from verigym.trainer.config import Optim
    from verigym.trainer.fit import Fit
    from verigym.trainer.memory import prepare
    from verigym.trainer.objective.presets import PRESETS
    from verigym.trainer.optimizer import Optimizer
    from verigym.trainer.update import Learner

    fit = Fit.of(words)
    fitted = prepare(model, fit, tell=lambda text: print(f"<!-- {text} -->"))
    optimizer = Optimizer(model.named_parameters(), betas=(0.9, 0.95), weight_decay=0.0, kind=fit.adam)
    settings = Optim(steps=100, lr=1e-6, micro_batch_tokens=plan.micro)
    return Learner(
        model,
        optimizer,
        PRESETS["dr_grpo"],
        settings,
        pad_id=0,
        temperature=1.0,
        limit=plan.width,
        packing=fitted.packing,
    )


def update(name: str, plan: Plan, words: Sequence[str], lengths: Sequence[int]) -> tuple[float, int]:
    """Seconds of `Learner.update` over rows of these lengths, and its peak memory."""
    model = build(name, plan)
    learner = learner_of(model, plan, words)
    drawn = rollouts(lengths, plan.prompt, model.config.vocab_size)
    took = seconds(lambda: learner.update(drawn, 1), plan.repeats)
    return took, peak_of(lambda: learner.update(drawn, 1))


def estimated(name: str, plan: Plan, words: Sequence[str], lengths: Sequence[int]) -> int:
    """What `--dry-run` says of that update's peak."""
    from verigym.trainer.config import ObjectiveChoice, Optim, Policy, Rollout, Run
    from verigym.trainer.needs import Device, Lengths, needs

    rollout = Rollout(problems_per_step=len(lengths) // GROUP, group_size=GROUP, max_new_tokens=plan.width)
    run = Run(
        policy=Policy(dtype="bfloat16" if plan.dtype == "bfloat16" else "float32", fit=tuple(words)),
        rollout=rollout,
        objective=ObjectiveChoice("dr_grpo"),
        optim=Optim(micro_batch_tokens=plan.micro),
    )
    mean = sum(lengths) / len(lengths)
    device = Device(on_cpu=plan.device == "cpu")
    found = needs(run, shape(name), Lengths(plan.prompt, mean - plan.prompt, max(lengths)), device).moments
    return max(sum(found[moment].values()) for moment in ("learning", "gradients"))


def shape(name: str) -> "Shape":
    """The shape of a model."""
    from verigym.trainer.shapes import config_of, on_meta, shape_of

    config = config_of(name)
    return shape_of(config, sum(weight.numel() for weight in on_meta(config).parameters()))


def log_probs(name: str, plan: Plan, cells: int) -> int:
    """Peak memory of one row's log-probs and their gradient, above what was there before."""
    from verigym.trainer.logprobs import score_tokens

    model, total = build(name, plan), plan.log_probs
    ids = torch.randint(model.config.vocab_size, (1, total), device=plan.device)
    mask = torch.ones((1, total - 1), dtype=torch.bool, device=plan.device)
    before = torch.cuda.memory_allocated() if torch.cuda.is_available() else 0

    def work() -> None:
        first = torch.ones(1, dtype=torch.long, device=plan.device)
        score_tokens(model, ids, torch.ones_like(ids), first, mask, temperature=1.0, cells=cells).logp.sum().backward()

    return peak_of(work) - before


def sampling(name: str, plan: Plan) -> tuple[float, float]:
    """Tokens a second of the embedded engine, and bytes a second that its decoding reads: weights and keys and
    values."""
    from verigym.trainer.engines.engine import Request, Sampling
    from verigym.trainer.engines.transformers import TransformersEngine
    from verigym.trainer.estimate import cache_token

    model, rng = build(name, plan), random.Random(0)
    engine = TransformersEngine(model, pad_id=0, batch=plan.batch)
    vocabulary = model.config.vocab_size
    requests = [
        Request(tuple(rng.randrange(vocabulary) for _ in range(plan.prompt)), seed=i) for i in range(plan.batch)
    ]
    took = seconds(lambda: engine.generate(requests, Sampling(plan.new)), 1)
    size, value_bytes = shape(name), getattr(torch, plan.dtype).itemsize
    context = plan.batch * (plan.prompt + plan.new / 2)
    read = plan.new * (value_bytes * size.body + cache_token(size, value_bytes) * context)
    return plan.batch * plan.new / took, read / took


def attempt(work: Callable[[], str]) -> str:
    """A row of a table; one that did not fit says so."""
    try:
        return work()
    except torch.OutOfMemoryError:
        return "out of memory"
    finally:
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def report(plan: Plan) -> bool:
    """Prints everything. True where the update is as fast as it should be, or nobody can say."""
    from verigym.trainer.cost import GPUS, learning_flops
    from verigym.trainer.logprobs import CELLS

    name = torch.cuda.get_device_name() if plan.device == "cuda" else f"CPU, {os.cpu_count()} cores"
    known = next((gpu for key, gpu in GPUS.items() if key in name.upper().replace(" ", "")), None)
    matmul, copy = own_rates(plan)
    top = known.rate * 1e12 if known else matmul
    print(f"| rate of {name} | measured | stated |\n|---|---|---|")
    product = f"{plan.dtype} product of {plan.square} x {plan.square}"
    print(f"| {product}, TFLOP/s | {matmul / 1e12:.4g} | {_or(known, 'rate')} |")
    print(f"| copy, read and written, GB/s | {copy / 1e9:.4g} | {_or(known, 'bandwidth')} |\n")
    full, tail = [plan.width] * plan.rows, long_tailed(plan.rows, plan.width, plan.prompt)
    of = "stated" if known else "measured"
    print(f"Update, {plan.rows} rows, {plan.micro:,} tokens a pass; MFU is of the {of} rate:\n")
    print("| model | rows | fit | tokens/s | MFU | peak | estimated |\n|---|---|---|---|---|---|---|")
    best = 0.0
    for model in plan.models:
        for title, lengths, words in (
            (f"{plan.width:,} tokens each", full, ("packing=on", "checkpoint")),
            (f"{plan.width:,} tokens each", full, ("packing=on",)),
            (f"mean/max {sum(tail) / len(tail) / plan.width:.2f}", tail, ("packing=on", "checkpoint")),
            (f"mean/max {sum(tail) / len(tail) / plan.width:.2f}", tail, ("packing=off", "checkpoint")),
        ):
            mfu = []

            def row(model: str = model, lengths: list[int] = lengths, words: tuple[str, ...] = words) -> str:
                took, peak = update(model, plan, words, lengths)
                tokens, size = sum(lengths), shape(model)
                operations = sum(n * learning_flops(size, n) for n in lengths)
                mfu.append(operations / took / top)  # noqa: B023
                sizes = f"{_size(peak)} | {_size(estimated(model, plan, words, lengths))}"
                return f"{tokens / took:,.0f} | {mfu[-1]:.1%} | {sizes}"  # noqa: B023

            print(f"| {model} | {title} | {' '.join(words)} | {attempt(row)} |", flush=True)
            if lengths is full and model == plan.models[-1]:
                best = max(best, *mfu)
    print(f"\nLog-probs of {plan.log_probs:,} tokens and their gradient, peak above the weights:\n")
    print("| model | in blocks | plain |\n|---|---|---|")
    for model in plan.models:
        cells = [attempt(lambda c=c, m=model: _size(log_probs(m, plan, c))) for c in (CELLS, 1 << 62)]
        print(f"| {model} | {' | '.join(cells)} |", flush=True)
    print(f"\nSampling with the embedded engine, {plan.batch} sequences, {plan.prompt} + {plan.new} tokens:\n")
    print("| model | tokens/s | bytes read, of the copy's rate |\n|---|---|---|")
    for model in plan.models:

        def sampled(model: str = model) -> str:
            tokens, read = sampling(model, plan)
            return f"{tokens:,.0f} | {read / copy:.1%}"

        print(f"| {model} | {attempt(sampled)} |", flush=True)
    return known is None or best >= WANTED


def _size(size: int) -> str:
    """GiB, or that nothing was measured."""
    return f"{size / 2**30:.2f} GiB" if size > 0 else "not measured"


def _or(known: Any, field: str) -> str:
    return f"{getattr(known, field):g}" if known else "not known"


def main(argv: list[str]) -> int:
    """Prints the page. 1 where the update misses its goal, 2 without a GPU."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpu", action="store_true", help="a tiny version on the CPU")
    given = parser.parse_args(argv)
    if not given.cpu and not torch.cuda.is_available():
        print("no GPU is seen by torch; `--cpu` runs a tiny version", file=sys.stderr)
        return 2
    import transformers

    print(f"{date.today()}, Python {platform.python_version()}, torch {torch.__version__}, ", end="")
    print(f"transformers {transformers.__version__}; `python benchmarks/gpu.py{' --cpu' if given.cpu else ''}`\n")
    with importable():
        return 0 if report(CPU if given.cpu else GPU) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
