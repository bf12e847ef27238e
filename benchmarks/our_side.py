"""verigym's side of `step_vs_trl.py`: `verigym.trainer.train` as anyone runs it, held-out scores cut to one problem.

python benchmarks/our_side.py PLAN.json ANSWER.json
"""

import json
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import torch
import transformers
from step_plan import Plan, Timed, counted

from verigym.trainer.config import Evaluation, Keep, ObjectiveChoice, Optim, Policy, Problems, Rollout, Run
from verigym.trainer.loop import train

ENV = f"{Path(__file__).with_name('checksum.py')}:env"


def run_of(plan: Plan, out: Path) -> Run:
    """The settings that `trl_side.py` mirrors: token-mean clipped loss, no KL, one update a step, one micro-batch."""
    return Run(
        problems=Problems(env=ENV, level=(2,)),
        policy=Policy(
            model=plan.model, dtype="bfloat16" if plan.dtype == "bfloat16" else "float32", device="cpu", threads=1
        ),
        rollout=Rollout(problems_per_step=plan.groups, group_size=plan.size, max_new_tokens=plan.new_tokens),
        objective=ObjectiveChoice("grpo", kl_coef=0.0, reduction="token-mean"),
        optim=Optim(steps=plan.all_steps, lr=plan.lr, micro_batch_tokens=1 << 20),
        evaluation=Evaluation(eval_every=0, eval_problems=1, eval_samples=1),
        keep=Keep(out=str(out), seed=plan.seed, checkpoint_every=10**6),
    )


def measure(plan: Plan) -> Timed:
    """Runs the plan."""
    ends: list[float] = []
    cpu_ends: list[float] = []

    def tick() -> bool:
        ends.append(time.perf_counter())
        cpu_ends.append(time.process_time())
        return False

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        train(run_of(plan, out), should_stop=tick)
        lines = {
            name: [json.loads(line) for line in (out / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
            for name in ("timing", "metrics")
        }
        kept = [
            [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            for path in sorted((out / "rollouts").glob("*.jsonl"))
        ]
    groups = [[tuple(row["replies"]) for row in rows[: plan.size]] for rows in kept]
    return Timed(
        seconds=counted([0.0, *(end - start for start, end in pairwise(ends))], plan),
        cpu=counted([0.0, *(end - start for start, end in pairwise(cpu_ends))], plan),
        sampling=counted([line["sample"] for line in lines["timing"]], plan),
        tokens=[int(n) for n in counted([line["tokens"]["sampled"] for line in lines["metrics"]], plan)],
        prompt=max(row["prompt_tokens"] for rows in kept for row in rows),
        distinct=min(len(set(replies)) / len(replies) for replies in groups),
        spread=1 - max(line["dead"] for line in lines["metrics"]),
        note=f"{plan.dtype} weights{', fp32 masters' if plan.dtype == 'bfloat16' else ''}; "
        f"verigym: torch {torch.__version__}, transformers {transformers.__version__}, "
        f"threads {torch.get_num_threads()}",
    )


if __name__ == "__main__":
    measure(Plan.read(Path(sys.argv[1]))).write(Path(sys.argv[2]))
