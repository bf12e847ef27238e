"""benchmarks/gpu.py, memory.py and scaling_page.py: that they run, and on what alone."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

BARE = """
import runpy, sys
from importlib.machinery import PathFinder

class Bare:  # a machine with torch, transformers and accelerate, where verigym is not installed
    missing = {"jsonschema", "tyro", "tomli_w", "datasets", "matplotlib", "peft", "vllm", "ray", "bitsandbytes"}
    find_distributions = PathFinder.find_distributions

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in cls.missing else PathFinder.find_spec(name, path, target)

sys.meta_path = [Bare if f is PathFinder else f for f in sys.meta_path if "editable" not in repr(f).lower()]
try:
    import verigym.trainer
    sys.exit("verigym is there without its checkout")
except ModuleNotFoundError:
    pass
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_the_gpu_script_needs_nothing_but_its_checkout() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", BARE, str(BENCHMARKS / "gpu.py"), "--cpu"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for text in ("`python benchmarks/gpu.py --cpu`", "| 96 tokens each | packing=on checkpoint |", "Log-probs of 64"):
        assert text in done.stdout
    speeds = [float(n.replace(",", "")) for n in re.findall(r"(?:checkpoint|packing=on) \| ([\d,]+) \|", done.stdout)]
    assert len(speeds) == 4
    assert min(speeds) > 0
    assert "out of memory" not in done.stdout


def test_long_tailed_lengths_are_what_they_are_called(on_path: Any) -> None:
    from gpu import GPU, long_tailed

    lengths = long_tailed(1000, GPU.width, GPU.prompt)
    assert max(lengths) == GPU.width
    assert sum(n - GPU.prompt for n in lengths) / 1000 / (GPU.width - GPU.prompt) == pytest.approx(1 / 3.6, abs=0.01)


def test_cases_of_memory_differ_and_are_runs(on_path: Any, tmp_path: Path) -> None:
    from memory import CASES, Case

    assert len({case.name for case in CASES}) == len(CASES) >= 15
    run = Case("x", rows=24, fit=("checkpoint",)).run("model", tmp_path)
    assert (run.rollout.problems_per_step, run.rollout.group_size, run.policy.fit) == (3, 8, ("checkpoint",))
    assert all(case.run("model", tmp_path).optim.steps == 2 for case in CASES)


def test_what_a_run_takes_is_what_was_estimated(on_path: Any) -> None:
    from memory import ALLOWED, Case, measure

    case = Case("small", hidden=768, layers=3, vocabulary=4096, rows=8, tokens=32)  # 22 M weights
    found = measure(case, deadline=60)
    assert isinstance(found["estimated"], int)
    assert found["estimated"] == pytest.approx(found["measured"], rel=ALLOWED)


def test_the_page_on_scaling_holds_models_up_to_70b_on_64_gpus(on_path: Any) -> None:
    from scaling_page import models

    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in models()]
    assert [row[0] for row in rows] == [
        "Qwen2.5-0.5B",
        "Qwen2.5-1.5B",
        "Qwen2.5-7B",
        "Qwen2.5-14B",
        "Qwen2.5-32B",
        "Llama-3.1-70B",
    ]
    needed = [int(row[1].partition(" ")[0]) for row in rows]
    assert needed == sorted(needed)
    assert needed[0] == 1
    assert needed[-1] <= 64
    page = (BENCHMARKS.parent / "docs" / "scaling.md").read_text(encoding="utf-8")
    assert all("| " + " | ".join(row) + " |" in page for row in rows), "docs/scaling.md is not what its script writes"
