"""`verigym eval MODEL --env ID`: pass@k of a model on held-out problems, with 95 % intervals.

main(["runs/first", "--k", "1,8", "-n", "8"])
"""

import contextlib
import difflib
import io
import json
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from verigym.trainer.config import ConfigError, Run

if TYPE_CHECKING:
    from rich.table import Table

    from verigym.trainer.evaluation.evaluate import Report
    from verigym.trainer.evaluation.scores import Estimate, Scores

USAGE = "usage: verigym eval MODEL --env ID [--split test] [--k 1,4,16] [-n 16] ...; `verigym eval --help` explains"

LISTS = ("env_args", "engine_args", "level", "k", "stop")
"""Settings that take several values."""

SAY_EVERY = 10.0
"""Seconds between two lines of progress, at least."""


@dataclass(frozen=True)
class EvalSettings:
    """pass@k, maj@k and pass^k of MODEL on held-out problems, with 95 % intervals over problems. MODEL is a run (its
    newest checkpoint), a directory in Hugging Face layout, a Hub id, or a built-in tiny model."""

    env: str = ""
    """environment: a built-in id such as countdown, gsm8k or math500, `my_env.py`, `package.module:Name`, or a file
    of rows; when MODEL is a run, its own by default"""
    env_args: tuple[str, ...] = ()
    """options of the environment, each `key=value`, as in `path=data/gsm8k`"""
    split: str = "test"
    """which split the problems are from"""
    level: tuple[str, ...] = ()
    """levels, as in 1,2; none: all rows of a data set, the default level of a generator"""
    problems: int | None = None
    """how many problems; none: all rows of a data set, 256 of a generator"""
    k: tuple[str, ...] = ()
    """the k of pass@k, as in 1,4,16; each at most n; none: 1"""
    n: int = 1
    """samples a problem (-n)"""
    temperature: float = 1.0
    """sampling temperature; 0 is greedy"""
    top_p: float = 1.0
    """sample from the smallest set of tokens with this much probability"""
    top_k: int = 0
    """sample from this many likeliest tokens; 0 for all"""
    greedy: bool = False
    """one reply a problem, the likeliest token at each place"""
    max_new_tokens: int | None = None
    """longest reply, in tokens; none: that of the run, or 512"""
    stop: tuple[str, ...] = ()
    """texts that end a reply, beside the tokenizer's end token"""
    seed: int = 0
    """of everything random"""
    engine: Literal["transformers", "vllm", "vllm-server", "ray"] = "transformers"
    """what samples tokens; when MODEL is a run, not taken from it"""
    engine_args: tuple[str, ...] = ()
    """words for the engine, as in batch=64 (sequences decoded together), memory=0.8, url=http://host:8100"""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """of the weights and activations"""
    device: str = "auto"
    """auto (GPU when there is one), cpu, cuda, cuda:1"""
    out: str = ""
    """directory for samples.jsonl, settings.json and summary.json; by default one in runs/ named after model,
    environment and settings. The same command goes on where it was killed"""
    json: bool = False
    """print the summary as JSON in place of the table"""


def main(argv: Sequence[str]) -> int:
    """Runs the command. Raises ConfigError for what cannot work."""
    words = list(argv)
    if not words or "-h" in words or "--help" in words:
        if not words:
            print(USAGE)
            return 2
        from verigym.trainer.settings import print_help

        print_help(EvalSettings, "verigym eval MODEL")
        return 0
    if words[0].startswith("-"):
        raise ConfigError(f"which model? It comes first: verigym eval MODEL {' '.join(words)}")
    model = words[0]
    settings = adopt_run(model, parse(words[1:]))
    from verigym.trainer.evaluation.evaluate import evaluate

    name = "-".join(Path(part).stem for part in (model, settings.env))
    report = evaluate(
        model,
        env=settings.env,
        split=settings.split,
        k=numbers("k", settings.k) or (1,),
        n=settings.n,
        problems=settings.problems,
        level=numbers("level", settings.level),
        temperature=settings.temperature,
        top_p=settings.top_p,
        top_k=settings.top_k,
        max_new_tokens=512 if settings.max_new_tokens is None else settings.max_new_tokens,
        stop=settings.stop,
        seed=settings.seed,
        greedy=settings.greedy,
        out=settings.out or f"runs/eval-{name}-{{id}}",
        options=_options(settings.env_args),
        dtype=settings.dtype,
        device=settings.device,
        engine=settings.engine,
        engine_args=settings.engine_args,
        progress=_Progress(),
    )
    if settings.json:
        print(json.dumps(report.summary(), indent=2, ensure_ascii=False))
    else:
        show(report)
    return 0


def parse(argv: Sequence[str]) -> EvalSettings:
    """The settings that flags describe. Raises ConfigError for an unknown flag, with the nearest one, and for a value
    that does not fit."""
    import tyro

    lists = {f"--{field.name.replace('_', '-')}": field.name in LISTS for field in fields(EvalSettings)}
    words: list[str] = []
    current = ""
    for word in argv:
        name, equals, value = ("--n" + word[2:] if word == "-n" or word.startswith("-n=") else word).partition("=")
        flag = name.replace("_", "-")
        if not word.startswith("--") and flag != "--n":
            # Each value of a list becomes a flag of its own: `--level 1 2` is `--level 1 --level 2`.
            words.append(f"{current}={word}" if lists.get(current) else word)
            continue
        if flag not in lists and flag.replace("--no-", "--") not in ("--greedy", "--json"):
            near = difflib.get_close_matches(flag, lists, 1, 0.6)
            hint = f"; did you mean {near[0]}?" if near else ";"
            raise ConfigError(f"no flag {name}{hint} `verigym eval --help` lists all of them")
        current = flag
        if equals or not lists.get(flag):
            words.append(flag + equals + value)
    message = io.StringIO()
    try:
        with contextlib.redirect_stderr(message):
            return tyro.cli(EvalSettings, args=words, config=(tyro.conf.UseAppendAction,), add_help=False)
    except SystemExit as stop:
        told = " ".join(re.sub(r"[─│╭╮╰╯]|-{3,}", " ", message.getvalue()).split())
        raise ConfigError(f"these flags do not fit: {told} `verigym eval --help` lists all of them") from stop


def adopt_run(model: str, settings: EvalSettings) -> EvalSettings:
    """The settings with what was left open taken from the run that `model` may be. Raises ConfigError when no
    environment is named."""
    run = _run_of(model)
    if not settings.env and run is None:
        raise ConfigError(
            f"which environment? Name it: verigym eval {model} --env countdown; `verigym envs` lists what there is"
        )
    if run is None:
        return settings
    if not settings.env:
        own = run.problems
        settings = replace(
            settings,
            env=own.env,
            env_args=settings.env_args or own.env_args,
            level=settings.level or tuple(map(str, own.level)),
            stop=settings.stop or run.rollout.stop,
        )
    longest = run.rollout.max_new_tokens if settings.max_new_tokens is None else settings.max_new_tokens
    return replace(settings, max_new_tokens=longest)


def numbers(name: str, words: Sequence[str]) -> tuple[int, ...]:
    """`1,4 16` as (1, 4, 16). Raises ConfigError for what is not a whole number."""
    parts = [part for word in words for part in word.replace(",", " ").split()]
    for part in parts:
        if not part.isdecimal():
            raise ConfigError(f"{name} holds {part!r}, which is not a whole number; write --{name} 1,4,16")
    return tuple(map(int, parts))


def show(report: "Report") -> None:
    """Prints the result for a person."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=120)
    console.print(headline(report), markup=False)
    console.print(table(report))
    for note in notes(report):
        console.print(note, markup=False)


def headline(report: "Report") -> str:
    """What was measured, in a line."""
    settings = report.settings
    manner = f"at temperature {settings['temperature']:g}" if settings["temperature"] else "greedy"
    cut = "".join(
        f", {name} {settings[key]:g}"
        for key, name, off in (("top_p", "top-p", 1.0), ("top_k", "top-k", 0))
        if settings[key] != off
    )
    samples = f"{settings['n']} samples each" if settings["n"] > 1 else "one sample each"
    problems = f"{settings['problems']} {settings['split']} problems"
    return f"{settings['model']} on {settings['env']}: {problems}, {samples}, {manner}{cut}"


def table(report: "Report") -> "Table":
    """Rows of pass@k, maj@k, pass^k and of each level; a column for each k."""
    from rich.table import Table

    drawn = Table("", *(f"k = {k}" for k in report.pass_at))
    rows: list[tuple[str, Mapping[int, Estimate]]] = [("pass@k", report.pass_at)]
    if any(k > 1 for k in report.pass_at):
        rows += [("maj@k", report.maj_at), ("pass^k", report.pass_hat)]
    levels = report.levels()
    if len(levels) > 1:
        rows += [(f"pass@k, level {level}", estimates) for level, estimates in levels.items()]
    for name, estimates in rows:
        drawn.add_row(name, *(cell(estimates[k]) if k in estimates else "-" for k in report.pass_at))
    return drawn


def cell(estimate: "Estimate") -> str:
    """`12.3 % [9.8, 15.1]`"""
    return f"{100 * estimate.value:.1f} % \\[{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


def notes(report: "Report") -> list[str]:
    """What a reader must know beside the table."""
    scores, total = report.scores, len(report.scores.samples)
    statuses = ", ".join(
        f"{name} {count}" for name, count in sorted(scores.statuses.items(), key=lambda item: -item[1])
    )
    found = [
        f"replies: {scores.length:.0f} tokens on average, {100 * scores.truncated:.1f} % cut by the limit of "
        f"{report.settings['max_new_tokens']}; verdicts: {statuses}",
    ]
    right = sum(tally.c for tally in scores.tallies)
    if right == 0:
        bound = max(estimate.high for k, estimate in report.pass_at.items() if k == min(report.pass_at))
        formless = scores.statuses.get("malformed", 0)
        form = f"; {formless} hold no answer in the wanted form" if formless else ""
        found.append(
            f"No reply was right (0 of {total}){form}. "
            f"pass@{min(report.pass_at)} is below {100 * bound:.1f} % with 95 % confidence."
        )
    if scores.errors:
        share = 100 * scores.errors / total
        found.append(
            f"errors, which do not count as wrong answers: {scores.errors} of {total} verdicts ({share:.1f} %); "
            f"the first: {scores.first_error}"
        )
    if scores.unruled:
        found.append(f"verdicts that say neither right nor wrong, and do not count: {scores.unruled} of {total}")
    left_out = {k: estimate.left_out for k, estimate in report.pass_at.items() if estimate.left_out}
    if left_out:
        found.append(
            "problems left out, with fewer than k samples that count: "
            + ", ".join(f"{n} at k = {k}" for k, n in left_out.items())
        )
    if any(estimate.method == "clustered" for estimate in report.pass_at.values()):
        found.append("Intervals count families of problems, because families repeat.")
    found.append("Brackets are 95 % intervals over problems." + (f" Samples: {report.out}" if report.out else ""))
    return found


class _Progress:
    """Lines on stderr while samples come in."""

    def __init__(self) -> None:
        self.started = self.said = time.monotonic()

    def __call__(self, scores: "Scores", total: int) -> None:
        now, done = time.monotonic(), len(scores.samples)
        if now - self.said < SAY_EVERY or done == total:
            return
        self.said = now
        right = sum(sample.correct is True for sample in scores.samples)
        print(f"{done} of {total} samples, {right} right, {now - self.started:.0f} s", file=sys.stderr, flush=True)


def _run_of(model: str) -> Run | None:
    """The settings of the run that `model` is a directory of, or None."""
    if not (Path(model) / "config.toml").is_file():
        return None
    from verigym.trainer.run import RunDirectory

    return RunDirectory.open(Path(model))[1]


def _options(pairs: Sequence[str]) -> dict[str, Any]:
    for pair in pairs:
        if "=" not in pair:
            raise ConfigError(f"env_args holds {pair!r}, which is not key=value; write --env-args {pair}=...")
    return dict(pair.split("=", 1) for pair in pairs)
