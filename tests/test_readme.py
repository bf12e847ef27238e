"""The README's own commands, run as a newcomer would type them, in an empty folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\S+)( run)?\n(.*?)^```", re.M | re.S)


def blocks(language: str, run: bool) -> list[str]:
    """The fenced blocks of a language, those marked `run` or the others."""
    return [text for name, marked, text in FENCE.findall(README) if name == language and bool(marked) == run]


def test_every_command_that_is_marked_runs(tmp_path: Path) -> None:
    (own_env,) = blocks("python", run=False)
    (tmp_path / "my_env.py").write_text(own_env)
    script = "set -euo pipefail\n" + "\n".join(blocks("bash", run=True))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert (tmp_path / "runs" / "first" / "report.html").exists()
    # The reversing model learns: the last lines of its training print before and after.
    before, after = [(float(words[2]), float(words[5])) for words in _scores(done.stdout)][-1]
    assert after > before + 0.1


def _scores(text: str) -> list[list[str]]:
    """The words of each line `sampled pass@1  BEFORE [LOW, HIGH]  AFTER [LOW, HIGH] ...`."""
    return [line.split() for line in text.splitlines() if line.startswith("sampled pass@1")]


def test_the_python_that_is_marked_runs() -> None:
    verifiers, rest = blocks("python", run=True)
    assert printed(verifiers) == [
        "normal form: sqrt(3) is sqrt(3)",
        "True",
        "True",
        "a valid colouring",
        "{'json_schema': 1.0, 'words': 1.0}",
        "0 of 1 instructions hold; punctuation:no_comma: a comma",
        "{'form': 1.0, 'math': 1.0}",
    ]
    lines = printed(rest)
    assert lines[1:3] == ["True", "0.6428571428571428"]
    assert lines[3:] == [
        "1 of 2 tests pass; test 2 fails: wrong answer, assert f(3) == 6, got 9",
        "b'hello\\n'",
        "144",
    ]


def printed(script: str) -> list[str]:
    """What a script prints."""
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
