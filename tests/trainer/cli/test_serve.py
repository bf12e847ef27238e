"""What `verigym serve` refuses before it loads anything, and that its help loads nothing."""

import subprocess
import sys

import pytest

from verigym.sandbox.serving import ServeError
from verigym.trainer.cli.serve import main
from verigym.trainer.config import ConfigError


@pytest.fixture(autouse=True)
def no_token(monkeypatch):
    monkeypatch.delenv("VERIGYM_ENGINE_TOKEN", raising=False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--port", "70000"], "--port 70000 is none"),
        (["--engine", "ray"], "verigym serve --help"),
        (["--token-file", "/nothing/here"], "holds the token and nothing else"),
    ],
)
def test_settings_that_cannot_work_are_refused(words, said):
    with pytest.raises(ConfigError, match=said):
        main(["tiny-llama", *words])


def test_an_open_door_is_refused(monkeypatch, tmp_path):
    with pytest.raises(ServeError, match=r"use this engine.*VERIGYM_ENGINE_TOKEN"):
        main(["tiny-llama", "--host", "0.0.0.0"])
    (tmp_path / "token").write_text("short\n")
    with pytest.raises(ServeError, match="can be guessed"):
        main(["tiny-llama", "--token-file", str(tmp_path / "token")])


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom verigym.trainer.cli.serve import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=20, check=True)
    assert "--engine vllm-server" in " ".join(done.stdout.split()) and done.stdout.endswith("False\n")
