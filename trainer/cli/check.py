"""`verigym check ENV`: certifies environments: built-in ones, one's own file, a module, rows, wrapped ones.

    main(["countdown", "my_env.py", "-n", "50"])

Exit code 0 where nothing failed, 1 where something did, 2 for what cannot be asked for.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NoReturn

from verigym.trainer.config import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from verigym.envs.checks.report import Finding, Report

COLOURS = {"pass": "green", "warn": "yellow", "fail": "bold red", "skip": "bright_black"}
LINES = 4
"""lines of evidence that are printed for a finding"""
LONGEST = 300
WIDTH = 120
CORES_EACH = 2
"""processes that a check of one environment uses at once, where it is alone"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see `verigym check --help`")


def main(argv: Sequence[str]) -> int:
    """Runs the command. Raises ConfigError and EnvError for what cannot be asked for."""
    given = _parser().parse_args(argv)
    names = chosen(given.env, given.all)
    settings: dict[str, Any] = {
        "levels": _numbers(given.level),
        "splits": [part for word in given.split for part in word.split(",")],
        "n": given.n,
        "seed": given.seed,
        "deadline_s": given.deadline,
        "only": _words(given.only),
        "skip": _words(given.skip),
        "offline": given.all,
        **_options(given.env_args),
    }
    if given.policy and len(names) > 1:
        raise ConfigError(f"--policy takes one environment, got {len(names)}: its model answers one at a time")
    if given.policy:
        settings["policy"] = rates(given.policy, names[0], given)
    jobs = given.jobs or os.cpu_count() or 1
    began = time.monotonic()
    reports = _check_all(names, settings, jobs, quiet=given.json)
    if given.json:
        records = [report.summary() for report in reports]
        print(json.dumps(records if len(names) > 1 or given.all else records[0], indent=2))
    else:
        show(reports, time.monotonic() - began)
    return 0 if all(report.ok for report in reports) else 1


def chosen(words: Sequence[str], everything: bool) -> list[str]:
    """The environments that are named; a word with * or ? stands for all ids that match. everything: all built-in ones.
    Raises ConfigError for none, and for a pattern that fits nothing."""
    from verigym.envs import env_ids
    from verigym.envs.builtin import TABLE
    from verigym.envs.registry import AROUND

    names = [*TABLE, *AROUND] if everything else []
    for word in words:
        if not any(mark in word for mark in "*?"):
            names.append(word)
            continue
        found = [name for name in env_ids() if fnmatchcase(name, word)]
        if not found:
            raise ConfigError(f"no environment's id fits {word!r}; `verigym envs` lists them")
        names += found
    if not names:
        raise ConfigError("which environment? Name one, as in: verigym check countdown, or check --all built-in ones")
    return [name for name in dict.fromkeys(names) if name != "rows" or "rows" in words]


def _check_all(names: Sequence[str], settings: Mapping[str, Any], jobs: int, quiet: bool) -> "list[Report]":
    """The reports, in order; several environments at once, with a line on stderr as each is done."""
    from verigym.envs.checks.run import check

    if len(names) == 1:
        return [check(names[0], jobs=min(jobs, CORES_EACH), **settings)]

    def one(name: str) -> "Report":
        report = check(name, jobs=1, **settings)
        if not quiet:
            bad = ", ".join(report.of("fail"))
            print(f"{name}: {bad + ' failed' if bad else 'ok'}, {report.seconds:.0f} s", file=sys.stderr, flush=True)
        return report

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        return list(pool.map(one, names))


def rates(model: str, env: str, given: argparse.Namespace) -> dict[int, tuple[int, int]]:
    """Level to (right, tried) of a model's sampled replies. Raises what `evaluate` does."""
    from verigym.envs import make
    from verigym.trainer.evaluation.evaluate import evaluate

    with make(env, **_options(given.env_args)) as made:
        levels = _numbers(given.level) or sorted(made.task.levels)
        split = given.split[-1].split(",")[-1] if given.split else made.task.splits[-1]
    report = evaluate(
        model,
        env=env,
        split=split,
        level=levels,
        problems=given.n * len(levels),
        seed=given.seed,
        max_new_tokens=given.max_new_tokens,
        options=_options(given.env_args),
    )
    return {
        level: (sum(tally.c for tally in part.tallies), sum(tally.n for tally in part.tallies))
        for level, part in report.scores.by_level().items()
    }


def show(reports: "Sequence[Report]", seconds: float) -> None:
    """Prints reports for a person: a table of each, or, of several, one of all and what is wrong with each."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH)
    if len(reports) == 1:
        _show_one(console, reports[0])
    else:
        _show_many(console, reports)
    failed = [report.env for report in reports if not report.ok]
    if len(reports) > 1:
        console.print(
            f"{len(reports)} environments in {seconds:.0f} s: {len(failed)} failed"
            + (f" ({', '.join(failed)})" if failed else ""),
            markup=False,
        )


def _show_one(console: "Console", report: "Report") -> None:
    from rich.markup import escape
    from rich.table import Table

    n, seed = report.settings["n"], report.settings["seed"]
    console.print(f"{report.env}: {n} problems a level, seed {seed}, {report.seconds:.1f} s", markup=False)
    table = Table("check", "", "figure", "what was found", box=None, pad_edge=False)
    for finding in report.findings:
        colour = COLOURS[finding.status]
        table.add_row(
            finding.name, f"[{colour}]{finding.status}[/]", escape(_cut(finding.figure)), escape(_cut(finding.reason))
        )
    console.print(table)
    for finding in report.findings:
        _show_evidence(console, finding)
    bad, warned = report.of("fail"), report.of("warn")
    verdict = f"FAILED: {', '.join(bad)}" if bad else "passed" + (f"; warnings: {', '.join(warned)}" if warned else "")
    console.print(f"{report.env} {verdict}", markup=False, style="bold red" if bad else "green")


def _show_many(console: "Console", reports: "Sequence[Report]") -> None:
    from rich.table import Column, Table

    from verigym.envs.checks.run import CHECKS

    used = [name for name in CHECKS if any(name == finding.name for report in reports for finding in report.findings)]
    table = Table(Column("environment", overflow="fold"), *used, box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for report in reports:
        cells = {finding.name: finding.status for finding in report.findings}
        row = [f"[{COLOURS[cells[name]]}]{cells[name]}[/]" if name in cells else "" for name in used]
        if "made" in cells:
            row = [f"[{COLOURS[cells['made']]}]{cells['made']}[/]"] + [""] * (len(used) - 1)
        table.add_row(report.env, *row)
    console.print(table)
    for report in reports:
        for finding in report.findings:
            where = f"{report.env}, {finding.name}"
            if finding.status in ("warn", "fail") or finding.name == "made":
                console.print(f"{where}: {_cut(finding.reason)}", markup=False, style=COLOURS[finding.status])
            if finding.status == "fail":
                _show_lines(console, finding)


def _show_evidence(console: "Console", finding: "Finding") -> None:
    """The lines behind a warning or a failure, where there are more than the reason."""
    if finding.status in ("warn", "fail") and finding.evidence and finding.evidence != (finding.reason,):
        console.print(f"{finding.name}:", markup=False, style=COLOURS[finding.status])
        _show_lines(console, finding)


def _show_lines(console: "Console", finding: "Finding") -> None:
    for line in finding.evidence[:LINES]:
        console.print(f"  {_cut(line)}", markup=False)
    if len(finding.evidence) > LINES:
        console.print(f"  and {len(finding.evidence) - LINES} more; --json has all", markup=False)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _numbers(words: Sequence[str]) -> list[int]:
    parts = _words(words)
    for part in parts:
        if not part.isdecimal():
            raise ConfigError(f"level holds {part!r}, which is not a whole number; write --level 1,4")
    return [int(part) for part in parts]


def _words(words: Sequence[str]) -> list[str]:
    return [part for word in words for part in word.split(",") if part]


def _options(pairs: Sequence[str]) -> dict[str, str]:
    for pair in pairs:
        if "=" not in pair:
            raise ConfigError(f"env_args holds {pair!r}, which is not key=value; write --env-args {pair}=...")
    return dict(pair.split("=", 1) for pair in pairs)


def _parser() -> argparse.ArgumentParser:
    from verigym.envs.checks.run import CHECKS

    parser = _Parser(
        prog="verigym check",
        description="Certify environments. All of an environment runs in child processes that can be killed.\n"
        "Exit code 1 where something fails. What is looked at is told below.",
        epilog="\n".join(f"  {name:<11} {what}" for name, what in CHECKS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("env", nargs="*", metavar="ENV", help="a name, file or module, as for train; * fits many ids")
    parser.add_argument("--all", action="store_true", help="all built-in ones; data sets where VERIGYM_DATA has them")
    parser.add_argument("--env-args", nargs="+", default=[], metavar="KEY=VALUE", help="options, as style=terse")
    parser.add_argument("--level", nargs="+", default=[], help="levels, as 1,4; all by default")
    parser.add_argument("--split", nargs="+", default=[], help="splits; all by default")
    parser.add_argument("-n", type=int, default=30, help="problems of a level that are replied to (30)")
    parser.add_argument("--seed", type=int, default=0, help="of the sample; the same seed says the same again")
    parser.add_argument("--deadline", type=float, default=10.0, metavar="S", help="seconds for one verdict (10)")
    parser.add_argument(
        "--policy", metavar="MODEL", help="a run, directory or Hub id: are higher levels harder for it?"
    )
    parser.add_argument("--max-new-tokens", type=int, default=512, help="longest reply of --policy, in tokens")
    parser.add_argument("--only", nargs="+", default=[], metavar="CHECK", help="these checks alone, as floors,hedges")
    parser.add_argument("--skip", nargs="+", default=[], metavar="CHECK", help="not these checks")
    parser.add_argument("--jobs", type=int, default=0, help="environments at once; by default one a core")
    parser.add_argument("--json", action="store_true", help="print JSON: a record, or a list where there are several")
    return parser
