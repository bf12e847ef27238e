"""`load` and the names it knows."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

import verigym.tasks
from verigym.tasks import Generated, Task, load, task_ids
from verigym.tasks.catalogue import DATASETS, GENERATED
from verigym.tasks.code.sets import SETS
from verigym.tasks.format.sets import INSTRUCTION_SETS
from verigym.tasks.math.sets import SOURCES
from verigym.tasks.supply import UnknownName


def test_every_name_leads_to_the_task_of_that_name() -> None:
    assert task_ids() == [*GENERATED, *DATASETS]
    assert (*SOURCES, *SETS, *INSTRUCTION_SETS) == DATASETS
    sources = (*SOURCES.items(), *SETS.items(), *INSTRUCTION_SETS.items())
    assert all(source.id == name for name, source in sources)
    for name in GENERATED:
        task = load(name)
        assert isinstance(task, Generated)
        assert (task.id, task.version) == (name, 1)


def test_split_and_level_become_the_defaults() -> None:
    task: Task = load("countdown", split="test", level=3)
    problem = task.problem(0)
    assert (problem.address.split, problem.address.level) == ("test", 3)
    assert len(task.problems(4)) == 4
    assert load("countdown").problem(0).address.split == "train"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("countdwon", "no task 'countdwon'; did you mean 'countdown'?"),
        ("gsm-8k", "no task 'gsm-8k'; did you mean 'gsm8k'?"),
        ("zzzz", "no task 'zzzz'; the tasks are countdown, arithmetic"),
        ("a/b/c", "no task 'a/b/c'"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(name: str, message: str) -> None:
    with pytest.raises(UnknownName) as error:
        load(name)
    assert isinstance(error.value, KeyError)
    assert str(error.value).startswith(message)


def test_unknown_options_splits_levels_and_styles() -> None:
    with pytest.raises(TypeError, match=r"countdown has no option 'stile'; did you mean 'style'\?"):
        load("countdown", stile="terse")
    with pytest.raises(TypeError, match=r"gsm8k has no option 'promt'; did you mean 'prompt'\?"):
        load("gsm8k", promt="question")
    with pytest.raises(TypeError, match=r"humaneval has no option 'pth'; did you mean 'path'\?"):
        load("humaneval", pth="rows.jsonl")
    with pytest.raises(ValueError, match=r"no style 'ters'; did you mean 'terse'\?"):
        load("countdown", style="ters")
    with pytest.raises(KeyError, match=r"countdown has no split 'tests'; did you mean 'test'\?"):
        load("countdown", split="tests")
    with pytest.raises(KeyError, match="countdown has no level 9; its levels are 1, 2, 3, 4, 5, 6"):
        load("countdown", level=9)


def test_files_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "sums.jsonl"
    path.write_text("".join(json.dumps({"q": f"{i} + 1?", "a": i + 1}) + "\n" for i in range(300)))
    task = load(str(path), split="test", prompt="q", answer="a")
    assert task.id == "sums"
    assert task.problem(0).address.split == "test"
    assert task.problem(0).answer == str(int(task.problem(0).key.split()[0]) + 1)
    (tmp_path / "set").mkdir()
    path.rename(tmp_path / "set" / "train.jsonl")
    assert load(str(tmp_path / "set"), prompt="q", answer="a").splits == ("train", "validation")
    with pytest.raises(KeyError, match="has no split 'test'; its splits are train, validation"):
        load(str(tmp_path / "set"), split="test", prompt="q", answer="a")


def test_public_names() -> None:
    assert verigym.tasks.__all__ == [
        "Address",
        "Generated",
        "Level",
        "Problem",
        "SpaceTooSmall",
        "Task",
        "load",
        "task_ids",
    ]
    assert all(hasattr(verigym.tasks, name) for name in verigym.tasks.__all__)


def test_importing_the_package_imports_no_task_and_nothing_heavy() -> None:
    code = (
        "import sys, verigym.tasks; print(*(name for name in sys.modules if name.startswith(('verigym.', 'datasets'))))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert loaded <= {"verigym.tasks"} | {
        f"verigym.tasks.{name}" for name in ("catalogue", "problem", "splits", "supply")
    }


def test_the_package_says_so_when_it_is_imported_under_another_name() -> None:
    spec = importlib.util.spec_from_file_location("tasks", verigym.tasks.__file__)
    with pytest.raises(ImportError, match=r"this is verigym\.tasks, imported as 'tasks'"):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
