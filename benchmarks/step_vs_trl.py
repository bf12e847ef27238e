"""One training step of verigym against one of TRL's GRPOTrainer: same model, prompts, lengths, batch, loss and reward.

Both run in processes of their own, in turn, on one CPU thread, with the same optimizer and versions of torch and
transformers. The model is a built-in tiny one whose tokenizer has an end token that it cannot emit, so every reply runs
to the limit and both sides sample the same number of tokens. A step is the wall time between two ends of a step:
sampling, reward, update, and what each trainer writes down. In bf16 verigym holds bf16 weights with fp32 masters; TRL
is measured both ways it can run, fp32 weights under autocast (what `bf16=True` gives) and bf16 weights throughout
(without masters), and the ratio that counts is to the faster. Not covered: vLLM, GPUs, several processes.

    python benchmarks/step_vs_trl.py                     # makes .venv-trl once, from the package registry
    python benchmarks/step_vs_trl.py --trl-python PATH   # an environment that is there already
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from our_side import ENV
from step_plan import Plan, Timed

from verigym.envs import make
from verigym.trainer.stream import ProblemStream
from verigym.trainer.tiny import build

HERE = Path(__file__).resolve().parent
PINS = ("torch==2.13.0", "trl==1.16.0", f"transformers=={version('transformers')}")
"""TRL's environment: the versions measured; transformers is the one verigym runs with."""
COLUMNS = (
    "batch",
    "precision",
    "trainer",
    "weights",
    "step, s",
    "sampling, s",
    "the rest, s",
    "processor, s",
    "prompt + sampled tokens",
    "ours / TRL (processor)",
)
WANTED = {"bf16": 0.7}
"""largest share of TRL's time that a step of ours may take, by precision; fp32 is measured without a limit"""


@dataclass(frozen=True)
class Setting:
    """A batch: `groups` prompts, `size` replies of each, `new_tokens` long."""

    name: str
    groups: int
    size: int
    new_tokens: int


SETTINGS = (Setting("small", 24, 16, 32), Setting("long", 8, 8, 256))
PRECISIONS = {
    "fp32": (("float32", False),),
    "bf16": (("float32", True), ("bfloat16", False)),
}
"""Name to the ways TRL runs it: dtype of the weights, and whether autocast lies over them."""


def trl_python() -> str:
    """The interpreter of `.venv-trl` beside the repository's folders, made where it is missing."""
    folder = HERE.parent / ".venv-trl"
    python = folder / "bin" / "python"
    if not python.exists() or subprocess.run([python, "-c", "import trl"], capture_output=True, check=False).returncode:
        print(f"making {folder.name} with {' '.join(PINS)}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PINS], check=True)
    return str(python)


def save_model(folder: Path) -> None:
    """A tiny model that never ends a reply: its tokenizer has an end token that its output layer does not."""
    model, tokenizer = build("tiny-qwen2", seed=0)
    tokenizer.add_special_tokens({"eos_token": "<never>"})
    if tokenizer.eos_token_id < model.config.vocab_size:
        raise RuntimeError(
            f"the end token {tokenizer.eos_token_id} lies within the {model.config.vocab_size} of the model"
        )
    model.config.eos_token_id = model.generation_config.eos_token_id = None  # both trainers take the tokenizer's
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def save_prompts(path: Path, plan: Plan) -> None:
    """The prompts of every step of `our_side.py`, in its order."""
    stream = ProblemStream(make(ENV).task, split="train", levels=(2,), seed=plan.seed)
    problems, _ = stream.take(plan.groups * plan.all_steps, 0)
    path.write_text("".join(json.dumps(problem.messages) + "\n" for problem in problems), encoding="utf-8")


def run_side(python: str, script: str, plan: Plan, folder: Path) -> Timed:
    """Runs one side in a process with one thread. Raises RuntimeError with the end of what it said where it fails."""
    asked, answered = folder / "plan.json", folder / "answer.json"
    plan.write(asked)
    env = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(
        [python, str(HERE / script), str(asked), str(answered)], env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{script} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return Timed.read(answered)


def measure(setting: Setting, precision: str, options: argparse.Namespace) -> tuple[Timed, list[Timed]]:
    """(ours, TRL in each of its ways), the sides taking turns so that another load on the machine meets both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plan = Plan(
            model=str(folder / "model"),
            prompts=str(folder / "prompts.jsonl"),
            groups=setting.groups,
            size=setting.size,
            new_tokens=setting.new_tokens,
            warmup=options.warmup,
            steps=options.steps,
            dtype="float32" if precision == "fp32" else "bfloat16",
        )
        save_model(Path(plan.model))
        save_prompts(Path(plan.prompts), plan)
        sides = [(sys.executable, "our_side.py", plan)] + [
            (options.trl_python, "trl_side.py", replace(plan, dtype=dtype, autocast=autocast))
            for dtype, autocast in PRECISIONS[precision]
        ]
        found: list[Timed] = []
        for turn in range(options.rounds):
            answers = [run_side(*side, folder) for side in sides]
            found = [a + b for a, b in zip(found, answers, strict=True)] if turn else answers
    return found[0], found[1:]


def rows(setting: Setting, precision: str, ours: Timed, theirs: list[Timed]) -> list[str]:
    """Lines of the table, ours first; each of TRL's with the ratio of our step to it."""
    batch = f"{setting.name}: {setting.groups} x {setting.size}, {setting.new_tokens} tokens | {precision}"
    lines = []
    for who, side in (("verigym", ours), *(("TRL", side) for side in theirs)):
        cells = (
            batch,
            who,
            side.note.partition(";")[0],
            f"{side.step:.3f}",
            f"{side.sample:.3f}",
            f"{side.step - side.sample:.3f}",
            f"{side.processor:.3f}",
        )
        ratio = "" if side is ours else f"{ours.step / side.step:.2f} ({ours.processor / side.processor:.2f})"
        lines.append(f"| {' | '.join(cells)} | {side.prompt} + {side.tokens[0]} | {ratio} |")
    return lines


def check(ours: Timed, theirs: list[Timed]) -> None:
    """Raises RuntimeError where the sides did not do the same work."""
    for side in (ours, *theirs):
        works = [(one.prompt, *sorted(set(one.tokens))) for one in (ours, side)]
        if works[0] != works[1] or len(works[0]) != 2:
            raise RuntimeError(f"the sides did different work: prompt and sampled tokens {works[0]} and {works[1]}")
        if side.distinct < 1 or side.spread < 1:
            raise RuntimeError(
                f"{side.note}: {side.distinct:.0%} of replies differ, {side.spread:.0%} of groups have several rewards"
            )


def processor() -> str:
    """The processor's name and what it has for bf16, from /proc/cpuinfo where there is one."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine()
    fields = dict(line.split(":", 1) for line in info.read_text(encoding="utf-8").splitlines() if ":" in line)
    known = {name.strip(): value.strip() for name, value in fields.items()}
    bf16 = [flag for flag in ("amx_bf16", "avx512_bf16") if flag in known.get("flags", "").split()]
    return f"{known.get('model name', platform.machine())} ({', '.join(bf16) or 'no bf16 instructions'})"


def main() -> int:
    """Measures every setting, prints the table, and returns 1 where a step of ours takes more than the wanted share."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trl-python", help="interpreter that has TRL; without it .venv-trl is made once")
    parser.add_argument("--steps", type=int, default=12, help="counted steps of each run")
    parser.add_argument("--warmup", type=int, default=3, help="steps before them that do not count (at least 1)")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each side, taking turns; their steps are pooled")
    parser.add_argument("--settings", nargs="+", choices=[s.name for s in SETTINGS], default=[s.name for s in SETTINGS])
    parser.add_argument("--precisions", nargs="+", choices=list(PRECISIONS), default=list(PRECISIONS))
    options = parser.parse_args()
    if min(options.steps, options.warmup, options.rounds) < 1:
        parser.error("--steps, --warmup and --rounds are 1 or more")
    options.trl_python = options.trl_python or trl_python()
    load = f"load at the start {os.getloadavg()[0]:.1f}"
    print(f"{processor()}, {os.cpu_count()} cores, one thread for each side; {load}\n")
    print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|", flush=True)
    worst, notes = dict[str, float](), dict[str, None]()
    for setting in SETTINGS:
        for precision in options.precisions if setting.name in options.settings else ():
            ours, theirs = measure(setting, precision, options)
            check(ours, theirs)
            ratio = ours.step / min(side.step for side in theirs)
            worst[precision] = max(worst.get(precision, 0.0), ratio)
            print("\n".join(rows(setting, precision, ours, theirs)), flush=True)
            notes |= dict.fromkeys(side.note.partition("; ")[2] for side in (ours, *theirs))
    counts = f"{options.steps} steps in each of {options.rounds} runs, {options.warmup} warm-up steps left out"
    print(f"\nMedians of {counts}. {'. '.join(notes)}.")
    for precision, ratio in worst.items():
        limit = f"wanted: at most {WANTED[precision]}" if precision in WANTED else "no limit set"
        print(f"Largest ratio to the faster TRL in {precision}: {ratio:.2f} ({limit}).")
    return int(any(worst.get(precision, 0.0) > limit for precision, limit in WANTED.items()))


if __name__ == "__main__":
    sys.exit(main())
