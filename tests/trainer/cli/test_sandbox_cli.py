"""trainer/cli/sandbox.py: serving from the command line, its refusals, and no training behind no walls."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from verigym.sandbox import Job, Sandbox, SandboxUnavailable
from verigym.trainer.cli.index import main
from verigym.trainer.cli.tokens import find_token
from verigym.trainer.config import ConfigError
from verigym.trainer.safety import refuse_unsafe

TOKEN = "a token of twenty-odd"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VERIGYM_SANDBOX_TOKEN", "VERIGYM_SANDBOX_TIER", "VERIGYM_SANDBOX_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def box_works() -> None:
    try:
        Sandbox(1).close()
    except SandboxUnavailable as failure:
        pytest.skip(str(failure))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_stop(box_works: None, number: signal.Signals) -> None:
    code = "import sys; from verigym.trainer.cli.index import main; sys.exit(main())"
    words = [sys.executable, "-P", "-c", code, "sandbox", "serve", "--port", "0", "--slots", "1"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("VERIGYM_SANDBOX")}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as server:
        try:
            assert server.stdout is not None
            first = server.stdout.readline()
            found = re.fullmatch(r"tier \w+, 1 slot, 2 jobs may wait, at (http://127\.0\.0\.1:\d+)\n", first)
            assert found is not None, first
            token = server.stdout.readline().removeprefix("token, until this ends: ").strip()
            assert server.stdout.readline().startswith(f"use it: VERIGYM_SANDBOX_URL={found[1]} ")
            with Sandbox(1, "remote", endpoints=[found[1]], token=token) as box:
                assert box.run(Job("print(1)")).stdout == b"1\n"
                server.send_signal(number)
                said, errors = server.communicate(timeout=20)
            assert (server.returncode, errors) == (0, "")
            assert said == "stopped\n"
        finally:
            server.kill()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--host", "0.0.0.0"], "0.0.0.0 is not a loopback address: whoever reaches it could run programs here"),
        (["--tier", "unsafe"], "tier unsafe runs programs with your rights; add --allow-unsafe"),
        (["--slots", "0"], "--slots 0 is too small; set it to 1 or more"),
        (["--waiting", "-1"], "--waiting -1 is too small; set it to 1 or more"),
        (["--port", "99999"], "--port 99999 is none; give 1 to 65535, or 0 for a free one"),
        (["--token-file", "/nowhere/token"], "--token-file /nowhere/token: "),
        (["--tire", "auto"], "unrecognized arguments: --tire auto; see `verigym sandbox serve --help`"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_2(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sandbox", "serve", *words]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"verigym: {message}") and told.count("\n") == 1


def test_a_token_comes_from_the_file_then_the_environment_then_chance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    monkeypatch.setenv("VERIGYM_SANDBOX_TOKEN", "from the environment")
    assert find_token(file, "VERIGYM_SANDBOX_TOKEN") == (TOKEN, True)
    assert find_token(None, "VERIGYM_SANDBOX_TOKEN") == ("from the environment", True)
    monkeypatch.delenv("VERIGYM_SANDBOX_TOKEN")
    (first, given), (second, _) = find_token(None, "VERIGYM_SANDBOX_TOKEN"), find_token(None, "VERIGYM_SANDBOX_TOKEN")
    assert not given and len(first) >= 32 and first != second


def test_a_short_token_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "token"
    file.write_text("1234\n")
    assert main(["sandbox", "serve", "--token-file", str(file)]) == 2
    assert "a token of 4 characters can be guessed" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["train", "countdown-tiny", "--steps", "1"], ["eval", "tiny-llama", "--env", "countdown"]]
)
def test_training_and_evaluation_refuse_an_unsafe_tier(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VERIGYM_SANDBOX_TIER", "unsafe")
    monkeypatch.chdir(tmp_path)
    assert main([*words, "--out", str(tmp_path / "run")]) == 2
    told = capsys.readouterr().err
    assert told.startswith("verigym: VERIGYM_SANDBOX_TIER=unsafe: ")
    assert "runs what a model writes, and tier unsafe holds nothing" in told
    assert list(tmp_path.iterdir()) == []  # not one step, not one file


def test_an_option_of_the_environment_is_no_way_around(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="--env-args tier=unsafe: training runs what a model writes"):
        refuse_unsafe("training", {"style": "terse", "tier": "unsafe"})
    monkeypatch.setenv("VERIGYM_SANDBOX_TIER", "landlock")
    refuse_unsafe("training", {"tier": "landlock"})
    monkeypatch.setenv("VERIGYM_SANDBOX_ALLOW_UNSAFE", "1")
    with pytest.raises(ConfigError, match="VERIGYM_SANDBOX_ALLOW_UNSAFE=1: training runs what a model writes"):
        refuse_unsafe("training", {})
