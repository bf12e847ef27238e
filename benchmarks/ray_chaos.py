"""Chaos over Ray actors: a run of 60 steps whose engines or verifiers are killed at random moments.

    python -P benchmarks/ray_chaos.py ray          # [--steps 60] [--kills 6] [--seed 0] [--inner transformers]
    python -P benchmarks/ray_chaos.py verifiers

The run is `verigym train ... --engine ray --engine-args engines=2 verifiers=2` on tiny programs, which the verifiers
run in their sandboxes. Whenever it has taken another few steps, drawn by the seed, a process of the chosen kind gets
SIGKILL. Told are: whether every step is there once, whether each holds every sample of every problem once and by the
weights of the step before, whether the tokens' accounts add up, how many requests were sampled again, and verdicts that
are errors (an actor's death must not make one). The exit code is 1 when any of them is wrong.
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

DEADLINE_S = 1200.0
KINDS = {"ray": "ray::EngineActor", "verifiers": "ray::GraderActor"}
"""Kind to how Ray calls the processes of its actors."""
MARK = "VERIGYM_CHAOS"
PROBLEMS, SAMPLES = 8, 4
VERIGYM = [sys.executable, "-P", "-c", "from verigym.trainer.cli.index import main; raise SystemExit(main())"]
RUN = [
    *("train", "--env", "python-programs", "--env-args", "style=terse", "--level", "2", "--threads", "1"),
    *("--problems-per-step", str(PROBLEMS), "--group-size", str(SAMPLES), "--max-new-tokens", "48", "--lr", "1e-3"),
    *("--sft-steps", "60", "--sft-batch", "32", "--sft-lr", "3e-3", "--sft-replies", "form", "--eval-every", "0"),
    *("--eval-problems", "8", "--eval-samples", "1", "--checkpoint-every", "50", "--rollouts-kept", "1000"),
    *("--engine", "ray"),
]


def actors(kind: str, mark: str) -> list[int]:
    """The processes of this run's actors of a kind."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            named = process.name.isdigit() and (process / "cmdline").read_bytes().startswith(kind.encode())
            if named and f"{MARK}={mark}".encode() in (process / "environ").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue  # it has ended meanwhile
    return sorted(found)


def lines(path: Path) -> list[dict[str, object]]:
    """The whole lines of a .jsonl file."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.split("\n")[:-1]]


def disturb(process: "subprocess.Popen[bytes]", options: argparse.Namespace, metrics: Path, mark: str) -> list[int]:
    """Kills actors until the run has ended. Returns the step after which each died."""
    dice, deaths = random.Random(options.seed), []
    moments = sorted(dice.sample(range(1, options.steps - 1), options.kills))
    deadline = time.monotonic() + DEADLINE_S
    while process.poll() is None:
        if time.monotonic() > deadline:
            raise SystemExit(f"the run took more than {DEADLINE_S:.0f} s")
        step = len(lines(metrics))
        found = actors(KINDS[options.kind], mark) if moments and step >= moments[0] else []
        if found:
            time.sleep(dice.uniform(0, 0.5))
            os.kill(dice.choice(found), signal.SIGKILL)
            deaths.append(step)
            moments.pop(0)
        time.sleep(0.05)
    return deaths


def faults(run: Path, steps: int) -> list[str]:
    """What is wrong with a run, in words."""
    wrong = []
    metrics = lines(run / "metrics.jsonl")
    if [line["step"] for line in metrics] != list(range(1, steps + 1)):
        wrong.append(f"the steps are {[line['step'] for line in metrics]}")
    whole = {(group, sample) for group in range(PROBLEMS) for sample in range(SAMPLES)}
    for line in metrics:
        step, tokens = line["step"], dict(line["tokens"])  # type: ignore[call-overload]
        rollouts = lines(run / "rollouts" / f"step-{step:06d}.jsonl")
        if len(rollouts) != len(whole) or {(one["group"], one["sample"]) for one in rollouts} != whole:
            wrong.append(f"step {step} holds {len(rollouts)} rollouts, or one twice")
        if {one["version"] for one in rollouts} != {step - 1}:  # type: ignore[operator]
            wrong.append(f"step {step} was sampled by versions {sorted({str(one['version']) for one in rollouts})}")
        sampled = tokens.pop("sampled")
        if sampled != sum(tokens.values()):
            wrong.append(f"step {step}: {sampled} tokens sampled and {sum(tokens.values())} accounted for")
        if line["errors"]:
            wrong.append(f"step {step}: a share of {line['errors']} of the verdicts is an error")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    for name, default in (("--steps", 60), ("--kills", 6), ("--seed", 0)):
        parser.add_argument(name, type=int, default=default)
    parser.add_argument("--inner", default="transformers")
    options = parser.parse_args()
    mark = f"{os.getpid()}-{time.time_ns()}"
    with tempfile.TemporaryDirectory() as folder:
        out, log, began = Path(folder) / "run", Path(folder) / "log", time.monotonic()
        words = ["--engine-args", "engines=2", "verifiers=2", f"inner={options.inner}", "--steps", str(options.steps)]
        with log.open("wb") as said:
            process = subprocess.Popen(
                [*VERIGYM, *RUN, *words, "--out", str(out)],
                stdout=said,
                stderr=said,
                env={**os.environ, MARK: mark, "OMP_NUM_THREADS": "1"},
            )
            try:
                deaths = disturb(process, options, out / "metrics.jsonl", mark)
            finally:
                process.kill()
                code = process.wait()
        seconds = time.monotonic() - began
        if code:
            print(log.read_text(errors="replace")[-3000:])
            print(f"the run ended with exit code {code}")
            return 1
        wrong = faults(out, options.steps)
        again = sum(int(line["resampled"]) for line in lines(out / "metrics.jsonl"))  # type: ignore[call-overload]
        correct = [float(line["correct"]) for line in lines(out / "metrics.jsonl")]  # type: ignore[arg-type]
    time.sleep(3)
    left = [pid for kind in KINDS.values() for pid in actors(kind, mark)]
    wrong += [f"{len(left)} actors are left behind"] if left else []
    wrong += [f"only {len(deaths)} of {options.kills} kills found somebody"] if len(deaths) < options.kills else []
    samples = options.steps * PROBLEMS * SAMPLES
    print(f"{options.kind}: {options.steps} steps, {len(deaths)} kills after steps {deaths}, {seconds:.0f} s")
    print(
        f"{samples} rollouts, each once; {again} requests sampled again; correct {correct[0]:.2f} to {correct[-1]:.2f}"
    )
    print("\n".join(["WRONG:", *wrong[:10]]) if wrong else "steps, rollouts, versions, tokens and verdicts add up")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
