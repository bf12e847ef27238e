"""trainer/cli/check.py: what is printed, and the exit codes."""

import json
from pathlib import Path

import pytest

from verigym.trainer.cli.check import chosen
from verigym.trainer.cli.index import main

BROKEN = Path(__file__).parents[2] / "envs" / "checks" / "broken"
QUICK = ("-n", "5", "--only", "form,oracle,hedges")


def test_a_pass_is_a_table_and_exit_code_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "countdown", "--level", "2", "--env-args", "style=terse", *QUICK]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("countdown: 5 problems a level, seed 0, ")
    assert lines[1].split() == ["check", "figure", "what", "was", "found"]
    assert [line.split()[:2] for line in lines[2:5]] == [["form", "pass"], ["oracle", "pass"], ["hedges", "pass"]]
    assert lines[-1] == "countdown passed"
    assert max(map(len, lines)) <= 120


def test_a_failure_shows_its_evidence_and_exits_1(capsys: pytest.CaptureFixture[str]) -> None:
    place = str(BROKEN / "substring.py")
    assert main(["check", place, *QUICK]) == 1
    printed = capsys.readouterr().out
    assert "hedges  fail" in printed and f"{place} FAILED: hedges" in printed
    assert "and 1 more; --json has all" in printed


def test_several_are_a_table_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    names = [str(BROKEN / "healthy.py"), str(BROKEN / "substring.py")]
    assert main(["check", *names, *QUICK]) == 1
    captured = capsys.readouterr()
    assert captured.out.splitlines()[0].split() == ["environment", "form", "oracle", "hedges"]
    assert "2 environments in " in captured.out and f"1 failed ({names[1]})" in captured.out
    assert f"{names[0]}: ok, " in captured.err and f"{names[1]}: hedges failed, " in captured.err


def test_json_holds_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(BROKEN / "wrong_oracle.py"), "-n", "60", "--only", "oracle", "--json"]) == 1
    record = json.loads(capsys.readouterr().out)
    assert (record["ok"], record["settings"]["n"]) == (False, 60)
    assert [finding["name"] for finding in record["findings"]] == ["oracle"]
    assert record["findings"][0]["evidence"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "which environment? Name one, as in: verigym check countdown, or check --all built-in ones"),
        (["countdwn"], "no environment 'countdwn'; did you mean 'countdown'?"),
        (["zzz*"], "no environment's id fits 'zzz*'; `verigym envs` lists them"),
        (["countdown", "--only", "hedge"], "check knows no finding 'hedge'; did you mean 'hedges'?"),
        (["countdown", "--level", "x"], "level holds 'x', which is not a whole number; write --level 1,4"),
        (["countdown", "--env-args", "style"], "env_args holds 'style', which is not key=value"),
        (["countdown", "-n", "x"], "argument -n: invalid int value: 'x'; see `verigym check --help`"),
        (["countdown", "sort", "--policy", "runs/x"], "--policy takes one environment, got 2"),
    ],
)
def test_what_cannot_be_asked_for_exits_2(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *words]) == 2
    assert message in capsys.readouterr().err


def test_names_and_patterns() -> None:
    assert chosen(["*sort", "countdown", "count*down"], False) == ["sort", "countdown"]
    everything = chosen([], True)
    assert {"countdown", "python-tool", "gsm8k"} <= set(everything)
    assert "rows" not in everything and not any("/" in name for name in everything)
