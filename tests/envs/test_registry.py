"""`make`: names of every kind, and what is said of a name that is none."""

import subprocess
import sys
from pathlib import Path

import pytest

import verigym.envs
from verigym.envs import EnvError, env_ids, make

MODULE = """
from verigym.envs import Env
from verigym.tasks import Generated, Level, Problem

def problem(rng, level):
    return f"Say {rng.random()}.", "yes"

def verify(problem, reply):
    return reply == problem.answer

TASK = Generated("said", lambda rng, level: Problem(f"Say {rng.random()}.", "yes"), {1: Level("", 10**6, 0.0)})
ready = Env(TASK, verify)

def build(strict=True):
    return Env(TASK, (lambda p, r: r == p.answer) if strict else (lambda p, r: True))

def wrong():
    return 3

class Holder:
    problem = staticmethod(problem)
    verify = staticmethod(verify)
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A distribution `their_envs` on sys.path, with an entry point, as an installer would leave it."""
    (tmp_path / "their_envs").mkdir()
    (tmp_path / "their_envs" / "__init__.py").write_text("")
    (tmp_path / "their_envs" / "games.py").write_text(MODULE)
    info = tmp_path / "their_envs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-envs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[verigym.envs]\nyes-game = their_envs.games:build\ngone-game = their_envs.nowhere:build\n"
        "countdown = their_envs.games\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return "their_envs.games"


@pytest.fixture(autouse=True)
def _forget_the_package() -> None:
    for name in [name for name in sys.modules if name.startswith("their_envs")]:
        del sys.modules[name]


def test_a_module_is_an_environment(package: str) -> None:
    for name in (package, f"{package}:Holder"):
        with make(name, split="test") as env:
            problem = env.problem(0)
            assert (env.id, env.split) == (name, "test")
            assert env.verify(problem, "yes").correct is True and env.verify(problem, "no").correct is False


def test_an_env_or_a_function_that_makes_one(package: str) -> None:
    first, second = make(f"{package}:ready"), make(f"{package}:ready", split="test")
    assert (first.split, second.split) == ("train", "test")  # copies: two users do not share a state
    assert make(f"{package}:build", strict=False).verify(first.problem(0), "no").correct is True
    with pytest.raises(EnvError, match=r"cannot be called with the options \{'stirct': 1\}"):
        make(f"{package}:build", stirct=1)
    with pytest.raises(EnvError, match="is a finished Env and takes no options, got strict"):
        make(f"{package}:ready", strict=1)
    with pytest.raises(EnvError, match=r"returned int; it must return a verigym\.envs\.Env"):
        make(f"{package}:wrong")
    with pytest.raises(EnvError, match=r"there is no 'redy' in their_envs\.games; did you mean 'ready'"):
        make(f"{package}:redy")


def test_entry_points_are_found_and_built_in_names_win(package: str) -> None:
    assert {"yes-game", "gone-game"} <= set(env_ids()) and env_ids().count("countdown") == 1
    assert "their_envs.games" not in sys.modules  # listing imports nothing
    env = make("yes-game")
    assert env.verify(env.problem(0), "yes").correct is True
    assert make("countdown").task.id == "countdown"
    with pytest.raises(EnvError, match=r"cannot import 'their_envs\.nowhere'"):
        make("gone-game")


def test_a_name_that_is_nothing_gets_the_nearest_and_what_else_there_is() -> None:
    with pytest.raises(EnvError) as caught:
        make("countdwn")
    assert str(caught.value) == (
        "no environment 'countdwn'; did you mean 'countdown'? Besides a built-in id, an environment is my_env.py, "
        "package.module:Name, an entry point of the group verigym.envs, or a file of rows (.jsonl, .jsonl.gz, "
        ".parquet); rows of a Hub id are `rows` with path=ID"
    )
    with pytest.raises(EnvError, match="no environment 'zzzzzz'; the built-in ones are countdown, arithmetic"):
        make("zzzzzz")
    with pytest.raises(EnvError, match="no environment ''"):
        make("")


def test_missing_modules_and_rows_are_named(tmp_path: Path) -> None:
    with pytest.raises(EnvError, match=r"cannot import 'no\.such' for the environment 'no\.such:Name'"):
        make("no.such:Name")
    with pytest.raises(EnvError, match=r"gone\.jsonl"):
        make(str(tmp_path / "gone.jsonl"))


def test_a_path_object_and_levels_as_text_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "small.py"
    path.write_text("LEVELS = range(1, 4)\n" + MODULE)
    assert make(path, level="2").reset(seed=1)[1]["problem"].address.level == 2
    with pytest.raises(EnvError, match="level='two' is not a whole number"):
        make(path, level="two")


def test_the_public_names_and_a_light_import() -> None:
    assert verigym.envs.__all__ == ["Env", "EnvError", "Episode", "check", "env_ids", "make"]
    program = (
        "import sys, time\nbegan = time.perf_counter()\nimport verigym.envs\ntook = time.perf_counter() - began\n"
        "heavy = {'torch', 'sympy', 'math_verify', 'datasets', 'gymnasium', 'numpy', 'asyncio'} & set(sys.modules)\n"
        "print(took, sorted(heavy))"
    )
    command = [sys.executable, "-P", "-c", program]
    said = [subprocess.check_output(command, text=True).split(" ", 1) for _ in range(3)]
    assert {heavy.strip() for _, heavy in said} == {"[]"}
    assert min(float(took) for took, _ in said) < 0.25  # about 0.06 s on an idle machine


def test_the_folder_says_so_when_it_is_imported_under_another_name() -> None:
    root = Path(__file__).parents[2]
    found = subprocess.run([sys.executable, "-c", "import envs"], cwd=root, capture_output=True, text=True, check=False)
    assert "this is verigym.envs, imported as 'envs': run `verigym`, or `python -P -m`" in found.stderr
