"""`check` as a function: what it takes, what it says of policies, rows and names, and how a child is watched."""

import json
from pathlib import Path

import pytest

from verigym.envs import EnvError, check
from verigym.envs.checks.child import Request, run
from verigym.envs.checks.run import CHECKS
from verigym.tasks.problem import Message

HEALTHY = str(Path(__file__).with_name("broken") / "healthy.py")


def test_a_built_in_environment_is_certified_and_the_report_is_plain_data() -> None:
    report = check("countdown", levels=(2,), n=5, skip=("speed",))
    assert report.ok and report.of("fail") == []
    assert report.env == "countdown" and report.of("skip") == ["difficulty"]
    assert [finding.name for finding in report.findings] == [name for name in CHECKS if name != "speed"]
    record = json.loads(json.dumps(report.summary()))
    assert record["ok"] is True and record["settings"]["levels"] == [2]
    assert {"name", "status", "figure", "reason", "evidence"} == set(record["findings"][0])
    with pytest.raises(KeyError, match="no finding 'speed' about countdown; there are form, oracle"):
        report["speed"]


def test_a_policy_orders_the_levels() -> None:
    def honest(messages: list[Message]) -> str:
        number = messages[-1]["content"].removeprefix("Double ").partition(".")[0]
        return f"<answer>{2 * int(number) if len(number) < 6 else 0}</answer>"

    def backwards(messages: list[Message]) -> str:
        number = messages[-1]["content"].removeprefix("Double ").partition(".")[0]
        return f"<answer>{2 * int(number) if len(number) > 6 else 0}</answer>"

    finding = check(HEALTHY, n=12, only=("difficulty",), policy=honest)["difficulty"]
    assert (finding.status, finding.figure) == ("pass", "100, 0 % right by level")
    finding = check(HEALTHY, n=12, only=("difficulty",), policy=backwards)["difficulty"]
    assert (finding.status, finding.reason) == ("fail", "level 2 is easier than level 1")
    counted = check(HEALTHY, only=("difficulty",), policy={1: (20, 30), 2: (9, 30)})["difficulty"]
    assert (counted.status, counted.figure) == ("pass", "67, 30 % right by level")


def test_a_policy_plays_several_turns() -> None:
    def bisect(messages: list[Message]) -> str:
        low = int(messages[0]["content"].split("from ")[1].split(" to ")[0])
        high = low + 99
        for said, told in zip(messages[1::2], messages[2::2], strict=True):
            guess = int(said["content"])
            low, high = (guess + 1, high) if told["content"] == "higher" else (low, guess - 1)
        return str((low + high) // 2)

    place = str(Path(HEALTHY).with_name("turns_healthy.py"))
    finding = check(place, n=4, only=("difficulty",), policy=bisect)["difficulty"]
    assert (finding.status, finding.reason) == ("skip", "there is one level only")
    assert finding.evidence == ("level 1: 4 of 4 right, [40, 100] %",)


def test_rows_are_checked_with_their_gold_answers(tmp_path: Path) -> None:
    rows = [{"question": f"What is {i} + {i}?", "final": str(2 * i)} for i in range(100, 400)]
    path = tmp_path / "sums.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = check(path, n=5, verifier="number", prompt="question", answer="final", skip=("speed",))
    assert report.of("fail") == [] and report["oracle"].status == "pass", report.summary()
    assert report["space"].status == "warn" and "few enough to learn by heart" in report["space"].reason


def test_data_that_is_not_here_is_a_shown_skip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VERIGYM_DATA", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    (finding,) = check("gsm8k", offline=True).findings
    assert (finding.name, finding.status) == ("made", "skip")
    assert finding.reason.startswith("its rows are not on this machine: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"env": "countdwn"}, "no environment 'countdwn'; did you mean 'countdown'?"),
        ({"env": "no_such.py"}, "no file 'no_such.py'"),
        ({"env": "countdown", "stile": "terse"}, "countdown has no option 'stile'; did you mean 'style'?"),
        ({"env": "countdown", "levels": (9,)}, "countdown has no level 9; there are 1, 2, 3, 4, 5, 6"),
        ({"env": "countdown", "splits": ("dev",)}, "countdown has no split 'dev'; there are train, validation, test"),
        ({"env": "countdown", "only": ("hedge",)}, "check knows no finding 'hedge'; did you mean 'hedges'?"),
        ({"env": "countdown", "n": 0}, "check: n=0 must be above 0"),
        ({"env": "countdown", "sandbox": object()}, "cannot travel to the child process that makes the environment"),
    ],
)
def test_what_cannot_be_asked_for_is_named(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(EnvError) as caught:
        check(**arguments)  # type: ignore[arg-type]
    assert message in str(caught.value)


def write(folder: Path, body: str) -> str:
    path = folder / "mine.py"
    path.write_text(
        "import os, time\nfrom verigym.tasks import Problem\nMADE = []\n"
        f"def problem(rng, level):\n    MADE.append(level)\n    {body}\n"
        "    return Problem(f'Say {rng.random()}', 'yes')\n"
        "def verify(problem, reply):\n    return reply == 'yes'\n"
    )
    return str(path)


def test_a_problem_that_hangs_is_stopped(tmp_path: Path) -> None:
    place = write(tmp_path, "time.sleep(0 if len(MADE) < 5 else 60)")
    found = run(Request("describe", place, deadline_s=0.2))
    assert found.hung.startswith("making problem ") and found.hung.endswith("did not end within 5.2 s")


@pytest.mark.parametrize("code", [0, 3])
def test_a_problem_that_ends_the_process_is_known_by_its_step(tmp_path: Path, code: int) -> None:
    place = write(tmp_path, f"len(MADE) < 5 or os._exit({code})")
    found = run(Request("describe", place))
    assert found.died.startswith(f"the process ended with exit code {code} at making problem ")
    assert not found.hung and found.of("described")


def test_what_the_check_writes_is_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    check(str(Path(HEALTHY).with_name("writes_a_file.py")), n=2, only=("effects",))
    assert list(tmp_path.iterdir()) == []
