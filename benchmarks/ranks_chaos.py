"""Chaos over ranks: a run of 60 steps whose ranks are killed at random moments, against one that nobody disturbs.

    python -P benchmarks/ranks_chaos.py [--steps 60] [--ranks 2] [--kills 4] [--seed 0] [--fit shard=fsdp]

Both are `verigym train ... --ranks N` (FSDP2, gloo on a CPU). While the disturbed one goes on under --max-restarts, one
of its ranks, drawn by the seed, is killed with SIGKILL whenever the run has taken another few steps, drawn too. Told
are: whether every step is there once, the largest relative difference of any number of metrics.jsonl and eval.jsonl
from the calm run, and what a death costs: seconds, and steps taken twice. It exits with 1 where a step is missing or
twice, or a number differs by more than 1e-6.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DEADLINE_S = 900.0
VERIGYM = [sys.executable, "-P", "-c", "from verigym.trainer.cli.index import main; raise SystemExit(main())"]
RUN = [
    *("--env", "countdown", "--env-args", "style=terse", "--level", "2", "--objective", "dr_grpo", "--lr", "1e-3"),
    *("--problems-per-step", "8", "--group-size", "4", "--max-new-tokens", "12", "--sft-steps", "4"),
    *("--eval-every", "20", "--eval-problems", "8", "--eval-samples", "2", "--checkpoint-every", "5", "--threads", "1"),
]


def start(options: argparse.Namespace, out: Path, restarts: int, log: Path) -> "subprocess.Popen[bytes]":
    """A run in `out`, whose words go to `log`."""
    words = [*RUN, "--steps", str(options.steps), "--fit", options.fit, "--ranks", str(options.ranks)]
    return subprocess.Popen(
        [*VERIGYM, "train", *words, "--max-restarts", str(restarts), "--out", str(out)],
        stdout=subprocess.DEVNULL,
        stderr=log.open("wb"),
    )


def ranks_of(parent: int) -> list[int]:
    """The processes of a run's ranks."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(child) for child in children]


def lines(path: Path) -> list[dict[str, object]]:
    """The whole lines of a .jsonl file."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.split("\n")[:-1]]


def disturb(process: "subprocess.Popen[bytes]", options: argparse.Namespace, metrics: Path) -> list[tuple[int, int]]:
    """Kills ranks until the run has ended. Returns (rank, step after which) of each death."""
    dice, deaths = random.Random(options.seed), []
    moments = sorted(dice.sample(range(2, options.steps - 1), options.kills))
    deadline = time.monotonic() + DEADLINE_S
    while process.poll() is None:
        if time.monotonic() > deadline:
            process.kill()
            raise SystemExit(f"the run took more than {DEADLINE_S:.0f} s")
        step = len(lines(metrics))
        if moments and step >= moments[0]:
            found = ranks_of(process.pid)
            if len(found) == options.ranks:
                time.sleep(dice.uniform(0, 0.3))
                rank = dice.randrange(options.ranks)
                os.kill(found[rank], signal.SIGKILL)
                deaths.append((rank, step))
                moments.pop(0)
                while process.poll() is None and set(ranks_of(process.pid)) & set(found):
                    time.sleep(0.05)
        time.sleep(0.02)
    return deaths


def difference(one: object, other: object) -> float:
    """The largest relative difference of any number in two records; infinite where they are not alike."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return max((difference(one[key], other[key]) for key in one), default=0.0)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return max((difference(*pair) for pair in zip(one, other, strict=True)), default=0.0)
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) / max(1.0, abs(one))
    return 0.0 if one == other else float("inf")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("--steps", 60), ("--ranks", 2), ("--kills", 4), ("--seed", 0)):
        parser.add_argument(name, type=int, default=default)
    parser.add_argument("--fit", default="shard=fsdp")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, seconds = Path(folder), {}
        for name, restarts in (("calm", 0), ("chaos", options.kills)):
            began = time.monotonic()
            process = start(options, root / name, restarts, root / f"{name}.log")
            try:
                deaths = disturb(process, options, root / name / "metrics.jsonl") if restarts else []
                code = process.wait(DEADLINE_S)
            finally:
                process.kill()
            seconds[name] = time.monotonic() - began
            print((root / f"{name}.log").read_text(errors="replace").strip())
            if code:
                print(f"{name}: ended with exit code {code}")
                return 1
        steps = [line["step"] for line in lines(root / "chaos" / "metrics.jsonl")]
        once = steps == list(range(1, options.steps + 1))
        worst = max(
            difference(lines(root / "calm" / file), lines(root / "chaos" / file))
            for file in ("metrics.jsonl", "eval.jsonl")
        )
        again = sum(step % 5 for _, step in deaths)
        cost = (seconds["chaos"] - seconds["calm"]) / max(1, len(deaths))
    print(f"\n{options.ranks} ranks, {options.fit}, {options.steps} steps, {len(deaths)} deaths")
    print("deaths (rank, after step): " + ", ".join(f"({rank}, {step})" for rank, step in deaths))
    print(f"every step once: {'yes' if once else f'NO: {steps}'}")
    print(f"largest relative difference from the calm run: {worst:.1e}")
    print(f"a death costs {cost:.1f} s; about {again} steps were taken twice; calm {seconds['calm']:.0f} s")
    return 0 if once and worst <= 1e-6 and len(deaths) == options.kills else 1


if __name__ == "__main__":
    sys.exit(main())
