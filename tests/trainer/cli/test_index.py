"""trainer/cli/index.py: what a person sees when something is wrong, and with which exit code."""

import errno
import os
import subprocess
import sys
import types
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NoReturn

import pytest

from verigym.envs import EnvError
from verigym.tasks.splits import SpaceTooSmall
from verigym.trainer.cli.index import COMMANDS, main
from verigym.trainer.config import ConfigError, RunStopped


class UnknownName(KeyError):
    """Stands for a KeyError of ours, whose str() would be quoted."""


UnknownName.__module__ = "verigym.tests"


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Sequence[str]], int | None]], None]:
    """Makes a function the command `fake`."""

    def install(function: Callable[[Sequence[str]], int | None]) -> None:
        module = types.ModuleType("fake_command")
        module.main = function  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "fake_command", module)
        monkeypatch.setitem(COMMANDS, "fake", ("fake_command:main", "a test's command"))

    return install


def raising(error: BaseException) -> Callable[[Sequence[str]], NoReturn]:
    def function(argv: Sequence[str]) -> NoReturn:
        raise error

    return function


def test_every_command_in_the_table_exists_and_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for name, (place, line) in COMMANDS.items():
        module, _, function = place.partition(":")
        assert callable(getattr(import_module(module), function))
        assert line and "\n" not in line
        try:
            code = main([name, "--help"])
        except SystemExit as stop:  # argparse and tyro end a --help so
            code = int(stop.code or 0)
        assert code == 0
        printed = capsys.readouterr().out
        assert printed.startswith(f"usage: verigym {name}")
        assert len(printed.splitlines()) > 3


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["--help"], ["-h"], ["help"]):
        assert main(words) == 0
        printed = capsys.readouterr().out
        assert all(f"  {name:<8} {line}" in printed for name, (_, line) in COMMANDS.items())


def test_an_unknown_command_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trian", "x"]) == 2
    assert capsys.readouterr().err.startswith("verigym: no command 'trian' (did you mean train?); `verigym --help`")
    assert main(["zzzzz"]) == 2
    assert capsys.readouterr().err.startswith("verigym: no command 'zzzzz'; `verigym --help` explains train, eval")


def test_a_command_gets_its_words_and_gives_its_exit_code(command: Callable[..., None]) -> None:
    seen: list[Sequence[str]] = []
    command(seen.append)
    assert main(["fake", "a", "--b=1"]) == 0
    assert seen == [["a", "--b=1"]]
    command(lambda argv: 3)
    assert main(["fake"]) == 3


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ConfigError("lr=0 learns nothing; set --lr"), 2, "lr=0 learns nothing; set --lr"),
        (EnvError("no environment 'x'"), 2, "no environment 'x'"),
        (SpaceTooSmall("too few"), 2, "too few"),
        (UnknownName("no level 'x'"), 2, "no level 'x'"),
        (RunStopped("stopped after step 3: the disk is full"), 1, "stopped after step 3: the disk is full"),
        (
            ModuleNotFoundError("No module named 'torch'", name="torch"),
            2,
            'this needs torch, which is not installed; run: pip install "verigym[train]"',
        ),
        (
            ModuleNotFoundError("No module named 'transformers.x'", name="transformers.x"),
            2,
            'this needs transformers, which is not installed; run: pip install "verigym[train]"',
        ),
        (
            OSError(errno.ENOSPC, "No space left on device", "runs/x/metrics.jsonl"),
            2,
            "No space left on device: runs/x/metrics.jsonl; free some space, or write elsewhere with --out DIR",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "/runs"),
            2,
            "Permission denied: /runs; make it writable, or write elsewhere with --out DIR",
        ),
    ],
)
def test_what_we_can_explain_is_one_paragraph(
    error: Exception, code: int, message: str, command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    command(raising(error))
    assert main(["fake"]) == code
    assert capsys.readouterr().err == f"verigym: {message}\n"


@pytest.mark.parametrize(
    "error",
    [
        KeyError("x"),
        ValueError("x"),
        ZeroDivisionError("x"),
        FileNotFoundError(errno.ENOENT, "No such file", "x"),
        ModuleNotFoundError("No module named 'verigym.absent'", name="verigym.absent"),
        ImportError("cannot import name"),
    ],
)
def test_a_bug_keeps_its_traceback(error: Exception, command: Callable[..., None]) -> None:
    command(raising(error))
    with pytest.raises(type(error)) as caught:
        main(["fake"])
    assert caught.value is error


@pytest.mark.parametrize("words", [["train", "countdown-tiny"], ["train", "countdown-tiny", "--dry-run"]])
def test_without_torch_training_says_what_to_install(words: list[str]) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        f"from verigym.trainer.cli.index import main; sys.exit(main({words!r}))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == 'verigym: this needs torch, which is not installed; run: pip install "verigym[train]"\n'


def test_ctrl_c_is_quiet(command: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    command(raising(KeyboardInterrupt()))
    assert main(["fake"]) == 130
    assert capsys.readouterr() == ("", "")


def test_a_closed_pipe_is_quiet() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    code = "import sys; from verigym.trainer.cli.index import main; sys.exit(main(['--help']))"
    done = subprocess.run([sys.executable, "-P", "-c", code], stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")
