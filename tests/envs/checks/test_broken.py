"""`check` on environments with one fault each, as files: exactly that finding fails, and the healthy twins pass."""

from functools import cache
from pathlib import Path

import pytest

from verigym.envs import check
from verigym.envs.checks.report import Report
from verigym.verifiers.convert import printable

BROKEN = Path(__file__).with_name("broken")

FAILING = [
    ("chance_too_low", "floors", "constant, level 1: "),
    ("clock", "repeatable", "a later day: train/1/0: the prompt differs"),
    ("constant_reward", "floors", "(nothing is due to an empty reply)"),
    ("dies", "hostile", "the grader died twice on this reply: exit code 3"),
    ("either_accepted", "hedges", "A or B, "),
    ("empty_prompt", "form", "`problem` returned an empty prompt"),
    (
        "evals_reply",
        "hostile",
        "the Python or shell code of the reply 'Python for a shell, marked as the answer' was run",
    ),
    ("global_random", "repeatable", "the same again: train/1/0: the prompt"),
    ("hangs", "hostile", "infinity: timeout, reward 0 after "),
    ("hash_seed", "repeatable", "another hash seed: train/1/0: the prompt differs"),
    ("hedge_accepted", "hedges", "A, then B, "),
    ("inline_dies", "hostile", ""),
    ("inline_eats_memory", "hostile", "megabyte of digits: error, reward 0 after "),
    ("inline_hangs", "hostile", ""),
    ("inline_settings", "effects", "the interpreter's recursion limit was changed from 1000 to 100000"),
    ("leaky_split", "splits", "prompts of "),
    ("mutates_problem", "isolated", "mutates_problem@1/train/1/0"),
    ("nan_reward", "hostile", "empty: error, reward 0 after "),
    ("oracle_raises", "oracle", "AssertionError: no idea (oracle_raises.py:"),
    ("order", "repeatable", "another order: train/1/0: the prompt"),
    ("out_of_range", "oracle", "ok, reward 2: right twice"),
    ("partial_credit", "floors", "0 of 30 right, mean reward 0.1"),
    ("raises", "hostile", "IndexError: list index out of range (raises.py:"),
    ("reseeds", "repeatable", "train/1/0"),
    ("shared_state", "isolated", "[1.0, True, 'ok'], then [0.0, False, 'ok']"),
    ("small_space", "space", "1,000,000 are declared"),
    ("substring", "hedges", "spray in one, "),
    ("turns_shared", "isolated", "alone, None beside another conversation"),
    ("writes_a_file", "effects", "a file appeared: work/verdicts.log"),
    ("wrong_oracle", "oracle", "ok, reward 0: the grader said so"),
]
"""Fixture, the one finding that fails, and what a line of its evidence holds."""

DEADLINE_S = {"inline_hangs": 1.0}
"""shorter than the default, so that a hang is quick to find"""
PROBLEMS = {"wrong_oracle": 60, "partial_credit": 30}
"""more than the others need, where the fault is rare or small"""


@cache
def certify(name: str) -> Report:
    place = f"{BROKEN / name}.py" + (":build" if name.startswith("inline_") else "")
    n, deadline_s = PROBLEMS.get(name, 10), DEADLINE_S.get(name, 10.0)
    return check(place, n=n, deadline_s=deadline_s, skip=("speed", "difficulty"))


def told(report: Report) -> str:
    return "\n".join(f"{one.name} {one.status}: {one.reason} {one.evidence[:3]}" for one in report.findings)


@pytest.mark.parametrize("name", ["healthy", "inline_healthy", "turns_healthy"])
def test_a_healthy_environment_passes(name: str) -> None:
    report = certify(name)
    assert {str(finding.status) for finding in report.findings} == {"pass"}, told(report)
    assert len(report.findings) == 10 and report.ok


@pytest.mark.parametrize(("name", "finding", "evidence"), FAILING)
def test_one_fault_is_one_finding(name: str, finding: str, evidence: str) -> None:
    report = certify(name)
    assert report.of("fail") == [finding], told(report)
    assert not report.ok
    assert not evidence or any(evidence in line for line in report[finding].evidence), told(report)
    assert all(line == printable(line, 2000) for one in report.findings for line in (one.reason, *one.evidence))


def test_every_fixture_is_used() -> None:
    files = {path.stem for path in BROKEN.glob("*.py")}
    assert files == {name for name, *_ in FAILING} | {
        "healthy",
        "inline_healthy",
        "turns_healthy",
        "leaked_answer",
        "problem_raises",
    }


def test_a_hang_and_a_death_in_the_callers_process_name_the_reply() -> None:
    hung, died = certify("inline_hangs"), certify("inline_dies")
    assert hung["hostile"].reason.startswith("the verdict on the hostile reply 'null' (")
    assert hung["hostile"].reason.endswith("did not end within 6 s")
    assert died["hostile"].reason.startswith(
        "the process ended with exit code 3 at the verdict on the hostile reply 'null'"
    )
    assert hung["effects"].status == "skip" and hung["effects"].reason.endswith("(see hostile)")


def test_a_leaked_answer_is_a_warning() -> None:
    report = certify("leaked_answer")
    assert (report.of("fail"), report.of("warn")) == ([], ["form"]), told(report)
    assert report["form"].reason == "the answer stands in the prompt, word for word, in 48 of 48"


def test_an_environment_that_cannot_be_made_is_a_finding_with_its_line() -> None:
    (finding,) = certify("problem_raises").findings
    assert (finding.name, finding.status) == ("made", "fail")
    assert "`problem` raised ZeroDivisionError" in finding.reason and "problem_raises.py:" in finding.reason


def test_the_same_seed_says_the_same() -> None:
    once, again = certify("turns_healthy").summary(), certify.__wrapped__("turns_healthy").summary()
    for one, two in zip(once["findings"], again["findings"], strict=True):
        if one["name"] not in ("hostile", "isolated", "splits", "space"):  # those name times, or counts that time ends
            assert one == two
