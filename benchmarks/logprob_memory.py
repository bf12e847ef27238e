"""Peak memory of log-probs, forward and backward, at a real vocabulary: the plain form against blocks of it.

Each way runs in a process of its own, over the same hidden states [T, H] and head [V, H]. What is counted is the
resident peak over what lay there before: weights and hidden states do not count, the gradient of the head does, for
both. The numbers of both ways are compared.

    python benchmarks/logprob_memory.py                     # V = 151,936, T = 4,096, H = 896: 10 GiB, 3 minutes
    python benchmarks/logprob_memory.py --tokens 512
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from verigym.trainer import logprobs
from verigym.trainer.head import Scale

WANTED = 0.1
"""Largest share of the plain form's memory that ours may take."""
WAYS = {"plain": 1 << 40, "blocks": logprobs.CELLS}
"""Name to the most logits that may be held at once."""


def peak() -> int:
    """Bytes of the resident peak of this process since `forget_peak`."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def forget_peak() -> None:
    """The peak counts from here (Linux)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def measure(options: argparse.Namespace) -> dict[str, float]:
    """One way, in this process. Leaves its numbers in the folder."""
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    head = torch.nn.Linear(options.width, options.vocabulary, bias=False)
    hidden = torch.randn(options.tokens, options.width, requires_grad=True)
    targets = torch.randint(0, options.vocabulary, (options.tokens,))
    upstream = torch.randn(options.tokens)
    forget_peak()
    before, start = peak(), time.perf_counter()
    scale = Scale(1.0, None, 1.0)
    scores = logprobs._score(head, hidden, targets, scale, with_entropy=False, cells=WAYS[options.way])[:, 0]
    (scores * upstream).sum().backward()
    found = {"bytes": peak() - before, "seconds": time.perf_counter() - start}
    # A sample of the head's gradient: all of it would be half a gigabyte.
    kept = {
        "logp": scores.detach(),
        "hidden": hidden.grad,
        "head": head.weight.grad[:: options.vocabulary // 500].clone(),
    }
    torch.save(kept, Path(options.folder) / f"{options.way}.pt")
    return found


def differences(folder: Path) -> dict[str, float]:
    """How far the ways are apart: log-probs in nats, gradients as a share of the largest."""
    plain, blocks = (torch.load(folder / f"{way}.pt") for way in WAYS)
    off = {name: float((plain[name] - blocks[name]).abs().max()) for name in plain}
    return {name: d if name == "logp" else d / float(plain[name].abs().max()) for name, d in off.items()}


def main() -> int:
    """Measures both ways, prints the table, and returns 1 where ours takes more than the wanted share."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--vocabulary", type=int, default=151_936)
    parser.add_argument("--tokens", type=int, default=4096)
    parser.add_argument("--width", type=int, default=896, help="of the hidden states; 896 is Qwen2.5-0.5B")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--way", choices=list(WAYS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        print(json.dumps(measure(options)))
        return 0
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for way in WAYS:
            sizes = [f"--{name}={getattr(options, name)}" for name in ("vocabulary", "tokens", "width", "threads")]
            command = [sys.executable, __file__, *sizes, f"--way={way}", f"--folder={folder}"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"{way} ended with {done.returncode}:\n{done.stderr[-2000:]}")
            found[way] = json.loads(done.stdout)
        off = differences(Path(folder))
    print(
        f"V = {options.vocabulary:,}, T = {options.tokens:,}, H = {options.width:,}, fp32, {options.threads} thread\n"
    )
    print("| way | peak, MiB | of the plain form | forward and backward, s |\n|---|---|---|---|")
    for way, one in found.items():
        share = one["bytes"] / found["plain"]["bytes"]
        print(f"| {way} | {one['bytes'] / 2**20:,.0f} | {share:.1%} | {one['seconds']:.1f} |")
    gradient = 4 * options.vocabulary * options.width / 2**20
    print(
        f"\nOf both, {gradient:,.0f} MiB are the gradient of the head. They differ by at most {off['logp']:.1e} nats,"
    )
    print(
        f"in the gradient of the hidden states by {off['hidden']:.1e} of the largest, of the head by {off['head']:.1e}."
    )
    return int(found["blocks"]["bytes"] > WANTED * found["plain"]["bytes"])


if __name__ == "__main__":
    sys.exit(main())
