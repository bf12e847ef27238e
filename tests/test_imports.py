"""What imports what: folders' arrows point down, the core is light, and the public names are there."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "sandbox": {"sandbox"},
    "tasks": {"tasks"},
    "verifiers": {"verifiers", "sandbox"},
    "envs": {"envs", "tasks", "verifiers", "sandbox"},
    "trainer": {"trainer", "envs", "tasks", "verifiers", "sandbox"},
}
"""Folder to the folders it may import (design.md, section 2)."""

ONE_LANGUAGE = ("verigym.verifiers.program", "verigym.tasks.code.dsl")
"""The one import across: the task that makes list programs and the verifier that runs them share their language."""

PUBLIC = {
    "verigym.sandbox": {"Call", "Job", "Limits", "Outcome", "Result", "Sandbox"},
    "verigym.tasks": {"Problem", "load"},
    "verigym.verifiers": {"Status", "Verdict", "verify", "verify_many"},
    "verigym.envs": {"Env", "check", "env_ids", "make"},
    "verigym.trainer": {"evaluate", "pass_at_k", "train"},
}
"""Names that each package promises (design.md, section 3); more may be added, none taken away."""

HEAVY = {
    "torch",
    "transformers",
    "sympy",
    "math_verify",
    "datasets",
    "vllm",
    "matplotlib",
    "pandas",
    "gymnasium",
    "httpx",
    "jsonschema",
    "referencing",
    "reasoning_gym",
}


def modules(folder: str) -> Iterator[tuple[str, Path]]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        yield f"verigym.{dotted}", path


def loaded_after(code: str) -> set[str]:
    """Top-level modules in a fresh interpreter after `code`."""
    program = f"import sys\n{code}\nprint('loaded', *{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_arrows_only_point_down(folder: str) -> None:
    wrong = []
    for name, path in modules(folder):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            targets = []
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{name}, line {node.lineno}: a relative import; write `from verigym...`"
                targets = [node.module or ""]
                if node.module == "verigym":
                    targets = [f"verigym.{alias.name}" for alias in node.names]
            for target in targets:
                first, _, rest = target.partition(".")
                allowed = rest.partition(".")[0] in MAY_IMPORT[folder] or (name, target) == ONE_LANGUAGE
                if first == "verigym" and not allowed:
                    wrong.append(f"{name}, line {node.lineno}: {target}")
                if first in MAY_IMPORT:
                    wrong.append(f"{name}, line {node.lineno}: {target} without `verigym.`")
    assert not wrong


@pytest.mark.parametrize("folder", ["sandbox", "tasks", "verifiers", "envs"])
def test_every_module_of_the_core_is_light(folder: str) -> None:
    names = [name for name, _ in modules(folder)]
    assert len(names) > 3
    assert not HEAVY & loaded_after("\n".join(f"import {name}" for name in names))


def test_the_trainer_and_its_command_line_are_light_until_used() -> None:
    names = ["verigym.trainer"] + [f"verigym.trainer.{name}" for name in ("config", "settings", "display", "estimate")]
    names += [name for name, _ in modules("trainer/cli") if not name.endswith("rehearsal")]
    loaded = loaded_after("\n".join(f"import {name}" for name in names))
    assert not HEAVY & loaded
    assert "rich" not in loaded


@pytest.mark.parametrize("package", PUBLIC)
def test_public_names_are_all_there(package: str) -> None:
    if package == "verigym.trainer":
        pytest.importorskip("torch")
    module = importlib.import_module(package)
    assert set(module.__all__) >= PUBLIC[package]
    assert sorted(module.__all__) == list(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_package_under_its_bare_name_says_how_to_run_it(folder: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import {folder}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert (
        f"ImportError: this is verigym.{folder}, imported as '{folder}': run `verigym`, or `python -P -m`"
        in done.stderr
    )
