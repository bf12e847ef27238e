"""An audit of reasoning-gym, by itself and as verigym wraps it: writes docs/reasoning-gym.md.

    python -P benchmarks/reasoning_gym_audit.py                          # all generators, about 15 minutes of one core
    python -P benchmarks/reasoning_gym_audit.py --checks checks.jsonl    # with the findings of `verigym check --json`
    python -P benchmarks/reasoning_gym_audit.py --checks checks.jsonl --keep    # those alone

What the package does alone is asked of throw-away processes (`reasoning_gym_raw.py`) and, where its scorers are given
hostile answers, of our sandbox, in which nothing can be written or reached. The wrapped environments run as always.
"""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("VERIGYM_SANDBOX_SLOTS", "1")

from verigym.envs import Env, make
from verigym.envs.adapters.reasoning_gym import calls, checks
from verigym.envs.adapters.reasoning_gym.rules import FAULTY, RULES
from verigym.envs.adapters.reasoning_gym.table import PREFIX, rows

ROOT = Path(__file__).parents[1]
MARK = b"RAN-THE-ANSWER"
INJECTIONS = (
    "__import__('sys').stdout.write('RAN-THE-ANSWER')",
    "[[__import__('sys').stdout.write('RAN-THE-ANSWER')]]",
    "().__class__.__base__.__subclasses__() and print('RAN-THE-ANSWER')",
)
TOWERS = ("9**9**9**9**9", "A+999999999999", "U999999999", "factorial(10**9)", "1e999999999")
TRIVIAL = ("", " ", "0", "1", "True", "No", "[]", "{}", "x", "the answer")
HEDGE = " or maybe something else"
SCORE_S = 3.0
CHUNK = 15
"""generators that are looked at between two writings of the page"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--items", type=int, default=20, help="problems of a generator for repeats and overlaps")
    arguments.add_argument("--checks", type=Path, help="a file with a line of `verigym check --json` for each")
    arguments.add_argument("--out", type=Path, default=ROOT / "docs/reasoning-gym.md")
    arguments.add_argument("names", nargs="*", help="look at these anew, and keep the other rows of the page")
    arguments.add_argument("--keep", action="store_true", help="keep all rows, and write the checks into them")
    given = arguments.parse_args()
    names = given.names or ([] if given.keep else list(rows()))
    found = read_checks(given.checks)
    lines = written(given.out) if given.names or given.keep else {}
    for start in range(0, len(names), CHUNK):
        chunk = names[start : start + CHUNK]
        raw = [raw_run(seed, given.items, chunk) for seed in (1, 2)]
        other = digests(chunk)
        for name in chunk:
            first, second = raw[0].get(name, {}), raw[1].get(name, {})
            alone = {**first, "processes": first.get("digest") == second.get("digest"), **scores(name)}
            lines[name] = line(name, alone, wrap(name, other.get(name)), "")
            print(lines[name], flush=True)
        write(given, lines, found)
    write(given, lines, found)


def written(path: Path) -> dict[str, str]:
    """The rows that a page has already, by generator."""
    there = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    cells = [(one, one.split("|")[1].strip()) for one in there if one.count("|") == 18]
    return {name: one for one, name in cells if name in rows()}


def write(given: argparse.Namespace, lines: Mapping[str, str], found: Mapping[str, str]) -> None:
    """The page, with what `verigym check` found in the last column."""
    full = []
    for name in rows():
        if name in lines:
            *cells, checked, _ = lines[name].split("|")
            full.append("|".join([*cells, f" {found.get(name, checked.strip())} ", ""]))
    given.out.write_text(page(full, given.items), encoding="utf-8")


def raw_run(hash_seed: int, items: int, names: list[str]) -> dict[str, dict[str, Any]]:
    """What `reasoning_gym_raw.py` finds, by generator."""
    script = ROOT / "benchmarks/reasoning_gym_raw.py"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-P", str(script), str(items), *names],
            cwd=folder,
            env={**os.environ, "PYTHONHASHSEED": str(hash_seed), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
    records = (json.loads(one) for one in done.stdout.splitlines() if one.startswith('{"name"'))
    return {record.pop("name"): record for record in records}


def scores(name: str) -> dict[str, Any]:
    """What their scorer gives the gold answer, trivial answers and hostile ones, on three problems of its default."""
    drawn = calls.run("draw", name, 0, {}, [[11, 12, 13, 14, 15]], cpu_s=60.0)
    entries = [one for one in (drawn.value or [[]])[0] if isinstance(one, list)][:3]
    found: dict[str, Any] = {"oracle": None, "trivial": 0.0, "hedge": 0.0, "raises": 0, "runs": False, "hangs": False}
    for number, (question, answer, metadata) in enumerate(entries):
        held = {"question": question, "answer": answer, "metadata": metadata}

        def asked(text: str, held: Mapping[str, Any] = held) -> Any:
            result = calls.run("score", name, 0, {}, held, text, cpu_s=SCORE_S)
            found["runs"] |= MARK in result.stdout
            found["hangs"] |= str(result.outcome) in ("cpu_timeout", "wall_timeout", "memory")
            found["raises"] += bool(result.ok and len(result.value) > 1)
            return result.value[0] if result.ok and len(result.value) == 1 else 0.0

        if answer is not None:
            found["oracle"] = min(asked(answer), 1.0 if found["oracle"] is None else found["oracle"])
            found["hedge"] = max(found["hedge"], asked(answer + HEDGE))
        for text in (*TRIVIAL, question):
            if text != answer:
                found["trivial"] = max(found["trivial"], asked(text))
        if number == 0:
            for text in (*INJECTIONS, *TOWERS):
                asked(text)
    return found


def wrap(name: str, elsewhere: str | None) -> dict[str, Any]:
    """What the wrapped environment does with the same, at its first usable level."""
    found: dict[str, Any] = {"oracle": None, "hedge": 0, "trivial": 0, "hostile": 0, "overlap": 0, "n": 0}
    if not rows()[name].levels:
        return {"none": True}
    with make(PREFIX + name, accept_faults=True) as env:
        found["same"] = digest(env) == elsewhere
        families = {split: {p.family for p in some(env, split)} for split in ("train", "test")}
        found["overlap"] = len(families["train"] & families["test"])
        for problem in some(env, "train"):
            found["n"] += 1
            gold = problem.answer["oracle"] if problem.answer else None
            if gold is not None:
                right = env.verify(problem, env.oracle(problem) or "").correct is True
                found["oracle"] = right if found["oracle"] is None else found["oracle"] and right
                found["hedge"] += env.verify(problem, tagged(gold + HEDGE)).reward > 0
            for text in (*TRIVIAL, problem.answer["question"] if problem.answer else ""):
                found["trivial"] += env.verify(problem, tagged(text)).reward > 0 and text != gold
            for text in (*INJECTIONS, *TOWERS) if found["n"] == 1 else ():
                verdict = env.verify(problem, tagged(text))
                found["hostile"] += verdict.reward > 0 or not verdict.scored
    return found


def some(env: Env, split: str, count: int = 5) -> Iterator[Any]:
    try:
        yield from env.task.problems(count, split=split)
    except ValueError:  # a space too small for this split
        return


def tagged(text: str) -> str:
    return f"<answer>{text}</answer>"


def digest(env: Env) -> str:
    """Five problems, in one line."""
    parts = [f"{p.key}|{p.answer['oracle'] if p.answer else None}" for p in some(env, "train")]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()


def digests(names: list[str]) -> dict[str, str]:
    """`digest` of every wrapped environment, made in another process with another hash seed."""
    program = (
        "import json, sys\nsys.path.insert(0, sys.argv[1])\n"
        "from reasoning_gym_audit import digest, make, PREFIX, rows\n"
        "print(json.dumps({n: digest(make(PREFIX + n, accept_faults=True)) for n in sys.argv[2:] if rows()[n].levels}))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, str(Path(__file__).parent), *names],
        env={**os.environ, "PYTHONHASHSEED": "77"},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def read_checks(path: Path | None) -> dict[str, str]:
    """Generator to what `verigym check` failed it for; "pass" for nothing."""
    found = {}
    for text in path.read_text(encoding="utf-8").splitlines() if path else ():
        report = json.loads(text)
        failed = [one["name"] for one in report["findings"] if one["status"] == "fail"]
        found[report["env"].removeprefix(PREFIX)] = "pass" if report["ok"] else ", ".join(failed)
    return found


def line(name: str, alone: Mapping[str, Any], wrapped: Mapping[str, Any], checked: str) -> str:
    def share(value: float | None) -> str:
        return "-" if value is None else f"{100 * value:.0f} %"

    def mark(bad: object, text: str = "yes") -> str:
        return f"**{text}**" if bad else "-"

    if "next" in alone:
        repeats = (
            "same" if alone["again"] and alone["processes"] else "**hash seed**" if alone["again"] else "**never**"
        )
    else:
        repeats = "stopped" if "stopped" in alone else "failed"
    raw = [
        repeats,
        share(alone.get("next")),
        share(alone.get("far")),
        "none" if alone["oracle"] is None else f"{alone['oracle']:.3g}",
        f"{alone['trivial']:.2g}",
        f"{alone['hedge']:.2g}",
        mark(alone["raises"]),
        mark(alone["runs"]),
        mark(alone["hangs"]),
    ]
    if "none" in wrapped:
        ours = ["no usable level", *["-"] * 5]
    else:
        ours = [
            "yes" if wrapped["same"] else "**no**",
            str(wrapped["overlap"]),
            {None: "none", True: "1", False: "**below 1**"}[wrapped["oracle"]],
            f"{wrapped['trivial']}",
            f"{wrapped['hedge']}",
            f"{wrapped['hostile']}",
        ]
    return f"| {name} | {' | '.join(raw)} | {' | '.join(ours)} | {checked} |"


def page(lines: list[str], items: int) -> str:
    text = Path(__file__).with_name("reasoning_gym_page.md").read_text(encoding="utf-8")
    left_out = ", ".join(f"`{name}`" for name, row in rows().items() if not row.levels)
    values = {
        "version": version("reasoning-gym"),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "date": time.strftime("%Y-%m-%d"),
        "items": str(items),
        "generators": str(len(rows())),
        "left_out": left_out or "none",
        "faulty": "; ".join(f"`{name}`: {why}" for name, why in FAULTY.items()),
        "checked": str(len(RULES)),
        "decided": str(sum(rule.check is not None and rule.check not in checks.OPENING for rule in RULES.values())),
        "rows": "\n".join(lines),
    }
    for key, value in values.items():
        text = text.replace("{" + key + "}", value)
    return text


if __name__ == "__main__":
    main()
