"""trainer/cli/train.py: words to a run, interrupts, the dry run, and what may change on the way."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from verigym.trainer.cli import train as command
from verigym.trainer.cli.index import main
from verigym.trainer.cli.train import Interrupt, Invocation, resolve, take_apart
from verigym.trainer.config import ConfigError, Optim, Problems, Run
from verigym.trainer.settings import SECTION_OF, preset, read_run, to_toml

SMALL = [
    "--problems-per-step 2 --group-size 2 --max-new-tokens 6 --level 2 --env-args style=terse --objective dr_grpo",
    "--eval-problems 4 --eval-samples 2 --eval-every 0 --sft-steps 0 --lr 1e-4",
]
"""The smallest run that does everything."""


def words(*lines: str) -> list[str]:
    return " ".join(lines).split()


def test_the_commands_own_words_are_taken_out_wherever_they_stand() -> None:
    assert take_apart([]) == Invocation()
    assert take_apart(words("countdown-tiny --lr 1 --dry-run --level 1 2 --stop-at=5")) == Invocation(
        source="countdown-tiny", stop_at=5, dry_run=True, rest=("--lr", "1", "--level", "1", "2")
    )
    assert take_apart(words("--resume runs/x --steps 3")) == Invocation(resume=Path("runs/x"), rest=("--steps", "3"))
    assert take_apart(words("--dry_run --stop_at 7")) == Invocation(dry_run=True, stop_at=7)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "say what to train: a preset (code-tiny, countdown-"),
        ("--lr 1", "say what to train: a preset (code-tiny, countdown-"),
        ("--stop-at 0 --env countdown", "--stop-at '0' is not a step; give a whole number from 1"),
        ("--stop-at ten --env countdown", "--stop-at 'ten' is not a step; give a whole number from 1"),
        ("--stop-at", "--stop-at wants a value; see `verigym train --help`"),
        ("--resume --steps 3", "--resume wants a value; see `verigym train --help`"),
        ("countdown-tiny --dry-run=yes", "--dry-run takes no value, got 'yes'; write --dry-run alone"),
        (
            "countdown-tiny --dry-rn",
            "no flag --dry-rn (did you mean --dry-run?); `verigym train --help` lists all of them",
        ),
        ("countdown-tny", "no preset 'countdown-tny' (did you mean countdown-tiny?); the presets are "),
        ("absent.toml", "no file absent.toml; presets, without .toml, are code-tiny"),
        ("countdown-tiny extra", "unexpected word 'extra'; a preset or a file comes first"),
        (
            "--resume absent",
            "absent is not a run: it holds no config.toml; give the directory that `verigym train` printed",
        ),
    ],
)
def test_wrong_words_are_one_paragraph_and_exit_2(
    line: str, message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", *words(line)]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"verigym: {message}")
    assert printed.err.count("\n") == 1
    assert printed.out == ""
    assert list(tmp_path.iterdir()) == []


def test_no_preset_starts_from_the_defaults() -> None:
    assert resolve(take_apart(words("--env my_env.py --steps 3"))) == Run(
        problems=Problems(env="my_env.py"), optim=Optim(steps=3)
    )
    assert resolve(take_apart(["countdown-tiny"])) == read_run(preset("countdown-tiny"))


def test_a_resumed_run_takes_more_steps_and_nothing_that_changes_what_was_done(tmp_path: Path) -> None:
    old = read_run(preset("countdown-tiny"))
    (tmp_path / "config.toml").write_text(to_toml(old))
    new = resolve(take_apart(["--resume", str(tmp_path), "--steps", "999", "--checkpoints-kept", "5"]))
    assert (new.optim.steps, new.keep.checkpoints_kept) == (999, 5)
    assert (
        resolve(take_apart(["--resume", str(tmp_path), "--lr", str(old.optim.lr)])) == old
    )  # the same value is no change
    with pytest.raises(ConfigError) as caught:
        resolve(take_apart(["--resume", str(tmp_path), "--group-size", "99", "--steps", "999"]))
    assert str(caught.value).startswith(f"group_size is {old.rollout.group_size} in {tmp_path} and cannot become 99")
    with pytest.raises(ConfigError) as caught:
        resolve(take_apart(["countdown-tiny", "--resume", str(tmp_path)]))
    assert str(caught.value) == "--resume reads its settings from the run; leave 'countdown-tiny' out"
    assert set(command.MAY_CHANGE) < set(SECTION_OF)


def test_a_resumed_run_may_fit_its_memory_in_another_way_but_not_change_adams_moments(tmp_path: Path) -> None:
    old = read_run(preset("countdown-tiny"))
    (tmp_path / "config.toml").write_text(to_toml(old))
    resume = ["--resume", str(tmp_path)]
    flags = words("--micro-batch-tokens 512 --fit checkpoint --engine-args batch=8")
    new = resolve(take_apart([*resume, *flags]))
    assert new.optim.micro_batch_tokens == 512
    assert (new.policy.fit, new.rollout.engine_args) == (("checkpoint",), ("batch=8",))
    with pytest.raises(ConfigError, match=r"holds Adam's moments as adam=fp32, and they cannot become adam=8bit in"):
        resolve(take_apart([*resume, "--fit", "adam=8bit"]))


def test_help_shows_every_key_with_its_docstring_at_100_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["train", "--help"]) == 0
    page = capsys.readouterr().out
    assert page.startswith("usage: verigym train PRESET|FILE.toml [--flag value ...]\n")
    assert all(f"  --{key.replace('_', '-')}" in page for key in SECTION_OF)
    assert all(f" {section} options\n" in page for section in SECTION_OF.values())
    for own in ("--resume STR", "--stop-at INT", "--dry-run "):
        assert own in page
    assert "rollouts of each problem (G) (default: 8)" in page
    assert "(default: )" not in page
    assert max(map(len, page.splitlines())) <= 120


def test_the_first_interrupt_asks_and_the_second_stops_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    interrupt, before = Interrupt(), signal.getsignal(signal.SIGINT)  # ignored where the tests run in the background
    assert not interrupt()
    with command._listening(interrupt):
        signal.raise_signal(signal.SIGINT)
        assert interrupt()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    assert "stopping after this step, which is saved; once more stops at once" in capfd.readouterr().err


def test_a_dry_run_shows_a_verified_batch_and_what_is_needed_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    size = "--problems-per-step 32 --group-size 16 --max-new-tokens 5"
    assert main(words("train countdown-tiny --dry-run --name never", size)) == 0
    printed = capsys.readouterr().out
    for text in (
        "dry run: countdown level 2, tiny-llama",
        "max_new_tokens = 5",
        "minimise",
        "one batch, before any learning: 16 replies",
        "problem countdown@1/train/2/",
        "verdict  reward 0",
        "0 of 16 right",
        "sampled tokens (at most 2,560)",  # 32 problems x 16 rollouts x 5 tokens
        "memory, learning: ",
        "key-value cache",
        "at the peak, learning: about ",
        "; this machine has ",
    ):
        assert text in printed
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_is_saved_and_goes_on_as_if_nothing_had_happened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    run = tmp_path / "run"
    code = "import sys; from verigym.trainer.cli.index import main; sys.exit(main())"
    arguments = words("train --env countdown", *SMALL, f"--steps 100000 --out {run}")
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("step "):
            break
    process.send_signal(signal.SIGINT)
    printed, complaint = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "stopping after this step" in complaint
    assert f"it is saved; go on with: verigym train --resume {run}" in printed
    done = len((run / "metrics.jsonl").read_text().splitlines())
    assert 1 <= done < 100000

    assert main(["train", "--resume", str(run), "--steps", str(done + 1)]) == 0
    steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(1, done + 2))
    last = capsys.readouterr().out
    assert f"{done + 1} of {done + 1} steps in" in last
    assert "\ngreedy pass@1" in last


def test_stop_at_saves_and_exits_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    run = tmp_path / "run"
    assert main(words("train --env countdown", *SMALL, f"--steps 3 --stop-at 1 --out {run}")) == 0
    assert "1 of 3 steps" in capsys.readouterr().out
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 1
    assert main(["train", "--resume", str(run), "--stop-at", "2"]) == 0
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 2


def test_more_steps_given_to_a_resumed_run_stay_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    run = tmp_path / "run"
    assert main(words("train --env countdown", *SMALL, f"--steps 1 --out {run}")) == 0
    before = read_run(run / "config.toml")
    assert main(["train", "--resume", str(run), "--steps", "4", "--stop-at", "2"]) == 0
    after = read_run(run / "config.toml")
    assert (before.optim.steps, after.optim.steps) == (1, 4)
    assert replace(after, optim=before.optim) == before
    assert not list(run.glob(".*"))
    capsys.readouterr()
    assert main(["train", "--resume", str(run)]) == 0
    assert "4 of 4 steps in" in capsys.readouterr().out
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 4
