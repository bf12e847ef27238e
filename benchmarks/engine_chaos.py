"""Chaos over servers: a run of 60 steps whose engines behind `verigym serve` are killed at random moments.

    python -P benchmarks/engine_chaos.py server          # [--steps 60] [--kills 8] [--seed 0]
    python -P benchmarks/engine_chaos.py server-vllm

Two servers on loopback, of the transformers engine or of vLLM, sample for `verigym train ... --engine vllm-server`.
Whenever the run has taken another few steps, drawn by the seed, one of them gets SIGKILL, or (one time in four)
SIGTERM; it is started again at the same address, as a supervisor would. Told are: whether every step is there once,
whether each holds every sample of every problem once and by the weights of the step before, whether the tokens'
accounts add up, and how many requests were sampled again. The exit code is 1 when any of them is wrong.
`ray_chaos.py` does the same over Ray actors.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from ray_chaos import PROBLEMS, SAMPLES, VERIGYM, faults, lines

DEADLINE_S, START_S, PERIOD_S = 1500.0, 120.0, 0.05
ENGINES = {"server": "transformers", "server-vllm": "vllm"}
RUN = [
    *("train", "--env", "countdown", "--env-args", "style=terse", "--level", "1", "--threads", "1"),
    *("--problems-per-step", str(PROBLEMS), "--group-size", str(SAMPLES), "--max-new-tokens", "24", "--lr", "1e-3"),
    *("--sft-steps", "20", "--sft-batch", "32", "--eval-every", "0", "--eval-problems", "8", "--eval-samples", "1"),
    *("--checkpoint-every", "50", "--rollouts-kept", "1000", "--engine", "vllm-server"),
]


@dataclass
class Server:
    """One server, started again at its address whenever it has died. starts: how often."""

    words: list[str]
    log: Path
    environment: dict[str, str]
    port: int = 0
    starts: int = 0
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    def begin(self) -> None:
        self.starts += 1
        with self.log.open("wb") as said:
            self.process = subprocess.Popen(
                [*VERIGYM, "serve", *self.words, "--port", str(self.port)],
                stdout=said,
                stderr=said,
                env=self.environment,
            )

    def ready(self) -> None:
        """Waits for the address that it listens at."""
        assert self.process is not None
        until = time.monotonic() + START_S
        while "use it:" not in self.log.read_text(errors="replace"):
            if self.process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"a server does not start: {self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(PERIOD_S)
        self.port = int(self.log.read_text().split("http://127.0.0.1:")[1].split()[0])

    def tend(self) -> None:
        """Starts it again where it has ended."""
        if self.process is not None and self.process.poll() is not None:
            self.begin()


def disturb(
    process: "subprocess.Popen[bytes]", servers: list[Server], options: argparse.Namespace, metrics: Path
) -> list[tuple[int, str]]:
    """Ends servers and starts them again until the run has ended. Returns the step after which each was ended, and by
    what."""
    dice, deaths = random.Random(options.seed), []
    moments = sorted(dice.sample(range(1, options.steps - 1), options.kills))
    deadline = time.monotonic() + DEADLINE_S
    while process.poll() is None:
        if time.monotonic() > deadline:
            raise SystemExit(f"the run took more than {DEADLINE_S:.0f} s")
        step = len(lines(metrics))
        if moments and step >= moments[0]:
            time.sleep(dice.uniform(0, 0.5))
            gentle = dice.random() < 0.25
            victim = dice.choice(servers).process
            assert victim is not None
            victim.send_signal(signal.SIGTERM if gentle else signal.SIGKILL)
            deaths.append((step, "SIGTERM" if gentle else "SIGKILL"))
            moments.pop(0)
        for server in servers:
            server.tend()
        time.sleep(PERIOD_S)
    return deaths


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=ENGINES)
    for name, default in (("--steps", 60), ("--kills", 8), ("--seed", 0)):
        parser.add_argument(name, type=int, default=default)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out, log, token = Path(folder) / "run", Path(folder) / "log", Path(folder) / "token"
        token.write_text("a token of the chaos benchmark")
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        words = ["tiny-llama", "--engine", ENGINES[options.kind], "--threads", "1", "--token-file", str(token)]
        words += ["--engine-args", "memory=0.2", "batch=32"] if options.kind == "server-vllm" else []
        servers = [Server(words, Path(folder) / f"server-{i}", environment) for i in range(2)]
        process: subprocess.Popen[bytes] | None = None
        try:
            for server in servers:
                server.begin()
            for server in servers:
                server.ready()
            urls = [f"url=http://127.0.0.1:{server.port}" for server in servers]
            began = time.monotonic()
            places = ("--engine-args", *urls, f"token_file={token}", f"retry_s={START_S}")
            with log.open("wb") as said:
                process = subprocess.Popen(
                    [*VERIGYM, *RUN, *places, "--steps", str(options.steps), "--out", str(out)],
                    stdout=said,
                    stderr=said,
                    env=environment,
                )
            deaths = disturb(process, servers, options, out / "metrics.jsonl")
            seconds = time.monotonic() - began
        finally:
            for one in (process, *(server.process for server in servers)):
                if one is not None:
                    one.kill()
                    one.wait()
        if process.returncode:
            print(log.read_text(errors="replace")[-3000:])
            print(f"the run ended with exit code {process.returncode}")
            return 1
        wrong = faults(out, options.steps)
        again = sum(int(line["resampled"]) for line in lines(out / "metrics.jsonl"))  # type: ignore[call-overload]
    wrong += [f"only {len(deaths)} of {options.kills} servers were ended"] if len(deaths) < options.kills else []
    print(f"{options.kind}: {options.steps} steps, {seconds:.0f} s, {len(deaths)} servers ended:")
    print("  " + ", ".join(f"{how} after step {step}" for step, how in deaths))
    starts = sum(server.starts for server in servers)
    print(f"{options.steps * PROBLEMS * SAMPLES} rollouts, each once; {again} requests sampled again; {starts} starts")
    print("\n".join(["WRONG:", *wrong[:10]]) if wrong else "steps, rollouts, versions and tokens add up")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
