"""trainer/cli/envs.py and trainer/cli/report.py."""

import json
from pathlib import Path

import pytest

from verigym.envs import env_ids
from verigym.trainer.cli.index import main


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["envs", *words]) == 0
    return capsys.readouterr().out


def test_the_table_has_a_row_for_every_environment(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys).splitlines()
    assert lines[0].split() == ["id", "levels", "problems", "chance", "verifier", "description"]
    assert [line.split()[0] for line in lines[1:]] == env_ids()
    (gsm8k,) = (line for line in lines if line.startswith("gsm8k "))
    assert gsm8k.split()[1:5] == ["rows", "-", "-", "number"]


def test_a_filter_keeps_what_holds_it_and_one_alone_shows_its_levels(capsys: pytest.CaptureFixture[str]) -> None:
    assert [line.split()[0] for line in printed(capsys, "aime").splitlines()[1:]] == ["aime24", "aime25"]
    lines = printed(capsys, "countdown").splitlines()
    assert lines[1].startswith("countdown")
    assert lines[3].startswith("  level 2: ")
    assert "problems, chance " in lines[3]


def test_json_is_the_same_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    records = json.loads(printed(capsys, "--json"))
    assert [record["id"] for record in records] == env_ids()
    countdown = next(record for record in records if record["id"] == "countdown")
    assert set(countdown["levels"][0]) == {"level", "description", "space", "chance"}
    assert countdown["verifier"] == "expression"
    assert next(record for record in records if record["id"] == "gsm8k")["levels"] is None


def test_show_prints_problems_with_a_right_reply(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "countdown", "--show", "2", "--level", "2", "--env-args", "style=terse")
    assert text.count("== countdown@1/train/2/") == 2
    assert text.count("[verdict] reward 1, correct True, ok") == 2
    assert "[user] " in text and "[oracle] <answer>" in text


def test_show_plays_several_turns(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "guess-the-number", "--show", "1", "--level", "2")
    assert text.count("[oracle]") >= 2
    assert "[verdict] reward 1" in text


def test_someones_own_file_can_be_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "doubling.py"
    own.write_text(
        "from verigym.tasks import Problem\n"
        "def problem(rng, level):\n"
        "    n = rng.randrange(10**6)\n"
        "    return Problem(prompt=f'double {n}', answer=2 * n)\n"
        "def verify(problem, reply):\n"
        "    return reply.strip() == str(problem.answer)\n"
    )
    text = printed(capsys, str(own), "--show", "1")
    assert "[user] double " in text
    assert "[no oracle] the answer is " in text
    assert printed(capsys, str(own)).splitlines()[1].split()[0].endswith("doubling.py")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["countdwn"], "no environment's id holds 'countdwn'; did you mean countdown?"),
        (["zzz"], "no environment's id holds 'zzz'; run `verigym envs` for the list"),
        (["--show", "2"], "--show N needs an environment and a number from 1, as in: verigym envs countdown --show 2"),
        (["countdown", "--show", "0"], "--show N needs an environment and a number from 1"),
        (["countdown", "--show", "x"], "argument --show: invalid int value: 'x'; see `verigym envs --help`"),
        (["--jsn"], "unrecognized arguments: --jsn; see `verigym envs --help`"),
        (["countdown", "--show", "1", "--level", "99"], "countdown has no level 99; its levels are 1, 2"),
        (["countdown", "--show", "1", "--env-args", "terse"], "env_args holds 'terse', which is not key=value"),
        (
            ["countdown", "--show", "1", "--env-args", "stile=terse"],
            "countdown has no option 'stile'; did you mean 'style'",
        ),
        (["absent.py", "--show", "1"], "no file 'absent.py'"),
    ],
)
def test_wrong_words_are_one_paragraph(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["envs", *words]) == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith(f"verigym: {message}")
    assert complaint.count("\n") == 1


def test_report_wants_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report"]) == 2
    assert (
        capsys.readouterr().err == "verigym: report takes one run directory, got 0 words; write `verigym report RUN`\n"
    )
    assert main(["report", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"verigym: {tmp_path} is not a run: it holds no config.toml")


def test_report_prints_where_the_page_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "config.toml").write_text("")
    assert main(["report", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'report.html'}\n"
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
