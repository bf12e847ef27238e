r"""How the verifier `math` grades, beside math-verify alone, in the same run: errors, time an answer, answers a second.

Cases are JSONL rows with `gold`, `prediction`, `form` ("answer": what stands in the box; "response": a whole reply),
`expected_equal` and `kind`, as in the development set beside the authors' checkout. math-verify runs in this process as
its README says (parse both, verify, its own alarm of 5 s). Injection cases run in an empty working directory: a file
that appears there was written by a grader that executed a reply.

    python benchmarks/math_grading.py ../shared/data/math_grading_dev.jsonl     # exit code 1 where a bar is missed
    python benchmarks/math_grading.py cases.jsonl --json --kinds
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from verigym.verifiers import verify, verify_many
from verigym.verifiers.math import equal

ACCURACY, FALSE_PASSES, P99_MS, WORST_S, PER_SECOND = 0.98, 0.005, 50.0, 1.0, 2000.0
SHORT = 20
"""characters of a short answer, for the throughput"""
Case = dict[str, Any]


@dataclass
class Graded:
    """What one grader did with all cases. seconds: one at a time, warm."""

    name: str
    right: int
    cases: int
    false_passes: int
    negatives: int
    false_refusals: int
    positives: int
    p50_ms: float
    p99_ms: float
    worst_s: float
    executed: int
    wrong_kinds: dict[str, int]

    @property
    def accuracy(self) -> float:
        return self.right / self.cases


def ours(case: Case) -> bool:
    """The verdict of `math`."""
    return bool(verify("math", reply_of(case), case["gold"]).correct)


def theirs(case: Case) -> bool:
    """math-verify with its defaults. What it raises is a wrong answer here, as callers have it."""
    import logging

    import math_verify

    logging.disable(logging.ERROR)  # it logs every text it cannot read
    try:
        gold = math_verify.parse(f"${case['gold']}$")
        return bool(math_verify.verify(gold, math_verify.parse(reply_of(case))))
    except Exception:  # foreign code on hostile text
        return False


def reply_of(case: Case) -> str:
    """A whole reply."""
    return str(case["prediction"]) if case["form"] == "response" else rf"\boxed{{{case['prediction']}}}"


def graded(name: str, grade: Callable[[Case], bool], cases: Sequence[Case]) -> Graded:
    """Every case once, one at a time, after a few that load what is loaded once."""
    warm = ((r"\sqrt{2}", r"2^{1/2}"), (r"\frac13", r"\int_0^1 x^2 dx"))
    for gold, prediction in warm:
        grade({"gold": gold, "prediction": prediction, "form": "answer"})
    seconds, verdicts = [], []
    executed = 0
    for case in cases:
        started = time.perf_counter()
        verdicts.append(grade(case))
        seconds.append(time.perf_counter() - started)
        for file in Path.cwd().iterdir():
            executed += 1
            file.unlink()
    wrong = [case for case, verdict in zip(cases, verdicts, strict=True) if verdict != case["expected_equal"]]
    ordered = sorted(seconds)
    return Graded(
        name,
        right=len(cases) - len(wrong),
        cases=len(cases),
        false_passes=sum(not case["expected_equal"] for case in wrong),
        negatives=sum(not case["expected_equal"] for case in cases),
        false_refusals=sum(case["expected_equal"] for case in wrong),
        positives=sum(case["expected_equal"] for case in cases),
        p50_ms=1000 * ordered[len(ordered) // 2],
        p99_ms=1000 * ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))],
        worst_s=ordered[-1],
        executed=executed,
        wrong_kinds=dict(Counter(case["kind"] for case in wrong)),
    )


def per_second(cases: Sequence[Case], least_s: float = 4.0) -> float:
    """Short answers a second through `verify_many`; what the verifier remembers of texts is cleared between passes."""
    short = [case for case in cases if case["form"] == "answer" and len(case["prediction"]) <= SHORT]
    replies = [reply_of(case) for case in short]
    golds = [case["gold"] for case in short]
    verify_many("math", replies, golds)
    done, started = 0, time.perf_counter()
    while (took := time.perf_counter() - started) < least_s:
        equal._shape.cache_clear()
        verify_many("math", replies, golds)
        done += len(short)
    return done / took


def on_cores(cases: Sequence[Case]) -> float:
    """The same in as many processes as there are cores: how graders beside a trainer's workers share a machine."""
    import subprocess

    count = len(os.sched_getaffinity(0))
    code = "import json,sys; from math_grading import per_second; print(per_second(json.load(sys.stdin)))"
    where = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}

    def one(_: int) -> float:
        done = subprocess.run(
            [sys.executable, "-P", "-c", code],
            input=json.dumps(cases),
            capture_output=True,
            text=True,
            env=where,
            check=True,
        )
        return float(done.stdout)

    with ThreadPoolExecutor(count) as pool:
        return sum(pool.map(one, range(count)))


def table(rows: Sequence[Graded]) -> str:
    """A markdown table."""
    lines = [
        "| grader | accuracy | false passes | false refusals | p50, ms | p99, ms | worst, s | executed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row.name} | {row.accuracy:.1%} ({row.right} of {row.cases}) "
            f"| {row.false_passes / max(1, row.negatives):.1%} ({row.false_passes}) "
            f"| {row.false_refusals / max(1, row.positives):.1%} ({row.false_refusals}) "
            f"| {row.p50_ms:.2f} | {row.p99_ms:.1f} | {row.worst_s:.2f} | {row.executed} |"
        )
    return "\n".join(lines)


def missed(row: Graded, speed: float | None) -> list[str]:
    """The bars that are missed; those of time only where a speed was measured."""
    bars = [
        (row.accuracy >= ACCURACY, f"accuracy {row.accuracy:.3f}, wanted {ACCURACY}"),
        (row.false_passes <= FALSE_PASSES * row.negatives, f"{row.false_passes} false passes of {row.negatives}"),
        (row.executed == 0, f"{row.executed} replies were executed"),
    ]
    if speed is not None:
        bars += [
            (row.p99_ms <= P99_MS, f"p99 {row.p99_ms:.1f} ms, wanted {P99_MS:g}"),
            (row.worst_s <= WORST_S, f"worst case {row.worst_s:.2f} s, wanted {WORST_S:g}"),
            (speed >= PER_SECOND, f"{speed:.0f} short answers a second, wanted {PER_SECOND:g}"),
        ]
    return [text for held, text in bars if not held]


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path, help="JSONL")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--kinds", action="store_true", help="list the kinds of the wrong cases")
    parser.add_argument("--untimed", action="store_true", help="no bar on time: for a machine that others use too")
    given = parser.parse_args(words)
    cases = [json.loads(line) for line in given.cases.read_text(encoding="utf-8").splitlines()]
    home = Path.cwd()
    with tempfile.TemporaryDirectory() as empty:
        os.chdir(empty)
        try:
            rows = [graded("verigym math", ours, cases), graded("math-verify alone", theirs, cases)]
        finally:
            os.chdir(home)
    one, all_cores = (None, None) if given.untimed else (per_second(cases), on_cores(cases))
    faults = missed(rows[0], all_cores)
    if given.json:
        print(
            json.dumps(
                {"rows": [asdict(row) for row in rows], "per_second": [one, all_cores], "missed": faults}, indent=2
            )
        )
    else:
        print(table(rows))
        if one is not None:
            cores = len(os.sched_getaffinity(0))
            print(f"\nshort answers: {one:.0f} a second in one process, {all_cores:.0f} on {cores} cores")
        if given.kinds:
            print(*(f"{row.name}: {row.wrong_kinds}" for row in rows), sep="\n")
        print(*(f"missed: {fault}" for fault in faults), sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
