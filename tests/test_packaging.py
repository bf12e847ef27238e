"""What is installed is what is in the tree: every package, module and preset; and the console script is quick."""

import importlib.metadata
import os
import resource
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))
NOT_SHIPPED = {"__pycache__", ".DS_Store"}


def files_of_the_tree() -> list[Path]:
    """Every file under the packages that a person wrote."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    return [path for path in found if not NOT_SHIPPED & set(path.parts) and path.suffix != ".pyc"]


def test_the_package_list_is_the_trees() -> None:
    there = {
        f"verigym.{'.'.join(path.parent.relative_to(ROOT).parts)}"
        for path in files_of_the_tree()
        if path.suffix == ".py"
    }
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == sorted(there)
    for path in files_of_the_tree():
        if path.suffix == ".py":
            assert (path.parent / "__init__.py").is_file(), f"{path.parent} holds modules but no __init__.py"


def test_a_wheel_holds_every_file_of_the_packages(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", minversion="77")
    tree = tmp_path / "tree"  # a copy: a build leaves its own folders behind, and takes stale files from them
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree / name)
    code = f"from setuptools import build_meta; print(build_meta.build_wheel({str(tmp_path)!r}))"
    built = subprocess.run([sys.executable, "-P", "-c", code], cwd=tree, capture_output=True, text=True, check=True)
    with zipfile.ZipFile(tmp_path / built.stdout.splitlines()[-1]) as wheel:
        names = set(wheel.namelist())
    wanted = {f"verigym/{path.relative_to(ROOT).as_posix()}" for path in files_of_the_tree()}
    assert wanted <= names
    assert any(name.startswith("verigym/trainer/presets/") for name in wanted)
    rest = {name for name in names - wanted if ".dist-info/" not in name}
    assert not rest, "the wheel holds files that the packages do not"
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text.splitlines()[0]
    assert "END OF TERMS AND CONDITIONS" in text
    assert PROJECT["project"]["license"] == "Apache-2.0"


def test_the_installed_version_is_the_projects() -> None:
    assert importlib.metadata.version("verigym") == PROJECT["project"]["version"]


def test_every_extra_that_a_message_names_exists() -> None:
    from verigym.trainer.cli.index import EXTRA_OF

    extras = PROJECT["project"]["optional-dependencies"]
    for package, extra in EXTRA_OF.items():
        assert any(requirement.replace("-", "_").startswith(package) for requirement in extras[extra]), (
            f"{package} is not in [{extra}]"
        )


def run(*words: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """`verigym WORDS` and the CPU seconds it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = "import sys; from verigym.trainer.cli.index import main; sys.exit(main())"
    environment = {**os.environ, "COLUMNS": "100"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *words], capture_output=True, text=True, check=False, env=environment
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["train", "--help"], ["envs", "--help"], ["report", "--help"]]
)
def test_help_and_version_answer_at_once(words: list[str]) -> None:
    done, seconds = run(*words)
    assert done.returncode == 0
    assert done.stderr == ""
    # 0.3 s of wall time on an idle machine; CPU time, and twice as much, so that a busy one does not fail it.
    assert seconds < 0.6


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["trian"]])
def test_the_index_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys; from verigym.trainer.cli.index import main; code = main(sys.argv[1:]); "
        "print('loaded', *{name.partition('.')[0] for name in sys.modules}); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code, *words], capture_output=True, text=True, check=False)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "loaded" in loaded
    assert not {"torch", "numpy", "sympy", "vllm", "tyro", "rich", "transformers", "datasets"} & loaded


def test_the_console_script_is_installed() -> None:
    script = Path(sys.executable).with_name("verigym")
    if not script.exists():
        pytest.skip(f"no console script beside {sys.executable}: verigym is on the path but not installed here")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"verigym {PROJECT['project']['version']}\n"
