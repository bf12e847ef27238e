"""The estimate of `verigym train --dry-run` against what runs then take, on a CPU.

Each case is a run of two steps in a process of its own: a model of 20 to 80 M random weights, so that the model and not
the libraries decide; replies run to their limit. Measured is the process's largest resident size over what it held
after the same code had run on a model of 0.1 M weights (libraries, threads, kernels). The case's own checkpoint and
held-out scores are part of the run. Ends with 1 when an estimate is off by more than a fifth.

glibc is told to give freed blocks back at once (MALLOC_MMAP_THRESHOLD_), as it does with the blocks of a large model,
which are over 32 MiB: what is measured is what tensors take. `--plain` leaves glibc as it is; it then keeps up to a
third more of a small model's memory for itself.

    python benchmarks/memory.py
    python benchmarks/memory.py --case "bf16, checkpoint"
"""

import argparse
import gc
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

from verigym.trainer.config import Evaluation, Keep, ObjectiveChoice, Optim, Policy, Problems, Rollout, Run

HERE = Path(__file__).resolve().parent
ALLOWED = 0.2
"""largest share by which an estimate may be off"""
SECONDS = 600.0
"""deadline of a case"""


@dataclass(frozen=True)
class Case:
    """One run. hidden, layers, vocabulary: of the model, whose MLP is 3 times as wide; rows: replies of a step, in
    groups of 8; tokens: of each; micro: tokens of a forward pass; kv: query heads to a key-value head."""

    name: str
    hidden: int = 512
    layers: int = 8
    vocabulary: int = 8192
    rows: int = 16
    tokens: int = 96
    micro: int = 1 << 20
    kv: int = 4
    dtype: str = "float32"
    fit: tuple[str, ...] = ()
    lora: tuple[str, ...] = ()
    kl: float = 0.0
    engine: str = "transformers"
    engine_args: tuple[str, ...] = ()
    lag: tuple[str, ...] = ()

    def run(self, model: str, out: Path) -> Run:
        """The settings of the case."""
        return Run(
            problems=Problems(env=f"{HERE / 'checksum.py'}:env", level=(2,)),
            policy=Policy(model=model, dtype=self.dtype, device="cpu", threads=1, fit=self.fit, lora=self.lora),
            rollout=Rollout(
                engine=self.engine,
                engine_args=self.engine_args,
                lag=self.lag,
                problems_per_step=self.rows // 8,
                group_size=8,
                max_new_tokens=self.tokens,
            ),
            objective=ObjectiveChoice("dr_grpo", kl_coef=self.kl),
            optim=Optim(steps=2, lr=1e-6, micro_batch_tokens=self.micro),
            evaluation=Evaluation(eval_every=0, eval_problems=1, eval_samples=1),
            keep=Keep(out=str(out), checkpoint_every=10**6),
        )


CASES = (
    Case("fp32, weights decide", hidden=768, layers=6, tokens=16),
    Case("fp32, one pass"),
    Case("fp32, four passes", rows=24, micro=1024),
    Case("fp32, long rows", rows=8, tokens=400),
    Case("fp32, checkpoint", rows=24, fit=("checkpoint",)),
    Case("fp32, packed", rows=24, fit=("packing=on",)),
    Case("fp32, large vocabulary", layers=2, vocabulary=32768),
    Case("fp32, reference", kl=0.01),
    Case("fp32, wide and few layers", hidden=1024, layers=3, rows=16),
    Case("bf16, weights decide", hidden=768, layers=6, tokens=16, dtype="bfloat16"),
    Case("bf16, one pass", rows=24, dtype="bfloat16"),
    Case("bf16, four passes", rows=24, micro=1024, dtype="bfloat16"),
    Case("bf16, checkpoint", rows=24, dtype="bfloat16", fit=("checkpoint",)),
    Case("bf16, reference", kl=0.01, dtype="bfloat16"),
    Case("sampling decides", layers=4, rows=64, kv=1, micro=128, fit=("checkpoint",)),
    Case(
        "sampling in small batches", layers=4, rows=64, kv=1, micro=128, fit=("checkpoint",), engine_args=("batch=16",)
    ),
    Case("one step ahead", rows=16, lag=("1",)),
    Case("LoRA", rows=16, lora=("rank=16",)),
    Case("LoRA, bf16", rows=16, lora=("rank=16",), dtype="bfloat16"),
    Case("vLLM", rows=16, engine="vllm", engine_args=("memory=0.25",)),
)


def save_model(case: Case, folder: Path) -> None:
    """A model with random weights. Its tokenizer knows as many characters as it has outputs, so that any reply reads as
    text of its own."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from verigym.trainer.tiny import character_tokenizer

    tokenizer = character_tokenizer()
    tokenizer.add_tokens([chr(0x10000 + i) for i in range(case.vocabulary - len(tokenizer))])
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=case.vocabulary,
        hidden_size=case.hidden,
        intermediate_size=3 * case.hidden,
        num_hidden_layers=case.layers,
        num_attention_heads=case.hidden // 64,
        num_key_value_heads=max(1, case.hidden // 64 // case.kv),
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def resident(key: str) -> int:
    """VmRSS (now) or VmHWM (most so far) of this process, bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(key))


def child(case: Case, folder: Path) -> dict[str, object]:
    """Runs a case in this process: bytes measured, bytes estimated, the moment and the parts of the estimate."""
    from transformers import AutoConfig

    from verigym.trainer.loop import train
    from verigym.trainer.needs import Device, Lengths, needs
    from verigym.trainer.shapes import on_meta, shape_of

    warm = replace(case, name="warm", hidden=64, layers=2, vocabulary=512, rows=8, tokens=16)
    save_model(warm, folder / "warm")
    train(warm.run(str(folder / "warm"), folder / "warm-run"))
    gc.collect()
    held = resident("VmRSS")
    run = case.run(str(folder / "model"), folder / "run")
    train(run)
    peak = resident("VmHWM")
    config = AutoConfig.from_pretrained(folder / "model")
    shape = shape_of(config, sum(p.numel() for p in on_meta(config).parameters()))
    line = json.loads((folder / "run" / "rollouts" / "step-000001.jsonl").read_text().splitlines()[0])
    prompt = int(line["prompt_tokens"])
    found = needs(run, shape, Lengths(prompt, case.tokens, prompt + case.tokens), Device())
    return {
        "weights": shape.parameters,
        "measured": peak - held,
        "estimated": found.peak,
        "moment": found.moment,
        "parts": dict(found.moments[found.moment]),
    }


def measure(case: Case, *, plain: bool = False, deadline: float = SECONDS) -> dict[str, object]:
    """A case in a process of its own. Raises RuntimeError with the end of what it said where it fails."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_model(case, folder / "model")
        (folder / "case.json").write_text(json.dumps(asdict(case)), encoding="utf-8")
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false",
            "MALLOC_MMAP_THRESHOLD_": "65536",
        }
        if not plain:
            environment["MALLOC_MMAP_THRESHOLD_"] = "65536"
        done = subprocess.run(
            [sys.executable, "-P", str(HERE / "memory.py"), "--child", str(folder)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=deadline,
        )
        if done.returncode:
            raise RuntimeError(f"{case.name} ended with {done.returncode}:\n{done.stderr[-3000:]}")
        return dict(json.loads((folder / "answer.json").read_text(encoding="utf-8")))


def main(argv: list[str]) -> int:
    """Prints the table. 1 where an estimate is off by more than `ALLOWED`."""
    from verigym.trainer.estimate import readable

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", help="only this one (may be given more than once)")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--plain", action="store_true", help="leave glibc's allocator as it is")
    parser.add_argument("--parts", action="store_true", help="say what the estimates are made of")
    given = parser.parse_args(argv)
    if given.child:
        fields = json.loads((given.child / "case.json").read_text(encoding="utf-8"))
        case = Case(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()})
        (given.child / "answer.json").write_text(json.dumps(child(case, given.child)), encoding="utf-8")
        return 0
    print(f"{date.today()}, {platform.machine()}, one thread; `python benchmarks/memory.py`\n")
    print(
        "| case | weights | measured | estimated | at | estimated / measured |\n|---|---|---|---|---|---|", flush=True
    )
    wrong = 0
    for case in CASES:
        if given.case and case.name not in given.case:
            continue
        found = measure(case, plain=given.plain)
        ratio = found["estimated"] / found["measured"]  # type: ignore[operator]
        wrong += abs(ratio - 1) > ALLOWED
        sizes = f"{readable(found['measured'])} | {readable(found['estimated'])}"  # type: ignore[arg-type]
        print(
            f"| {case.name} | {found['weights'] / 1e6:.0f} M | {sizes} | {found['moment']} | {ratio:.2f} |",  # type: ignore[operator]
            flush=True,
        )
        if given.parts:
            print({k: readable(v) for k, v in found["parts"].items()})  # type: ignore[attr-defined]
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
