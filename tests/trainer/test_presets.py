"""trainer/presets: each is dry-run on paper, on its real configuration with its model on the meta device, and its
header says what that finds."""

import re

import pytest

pytest.importorskip("torch")

from verigym.trainer.cli import paper
from verigym.trainer.cli.index import main
from verigym.trainer.cli.requirements import ROOM
from verigym.trainer.config import Run
from verigym.trainer.cost import step_time
from verigym.trainer.needs import ALONE, needs
from verigym.trainer.settings import preset, preset_names, read_run
from verigym.trainer.shapes import Shape, config_of, on_meta, shape_of

REAL = [name for name in preset_names() if not name.endswith("-tiny")]


def sized(run: Run) -> tuple[Shape, int]:
    """The shape of a run's model, and its context."""
    config = config_of(run.policy.model)
    return shape_of(config, sum(w.numel() for w in on_meta(config).parameters())), config.max_position_embeddings


def test_the_presets_are_these() -> None:
    assert REAL == [
        "countdown-qwen2.5-0.5b",
        "countdown-qwen2.5-1.5b",
        "gsm8k-qwen2.5-0.5b",
        "gsm8k-qwen2.5-1.5b",
        "gsm8k-qwen2.5-1.5b-lora",
        "math-qwen2.5-7b",
        "math-qwen2.5-7b-dapo",
        "math-qwen2.5-7b-gspo",
    ]


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_is_rehearsed_on_paper(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("a dry run on paper reached for the network"))
    assert main(["train", name, "--dry-run", "--meta"]) == 0
    printed = capsys.readouterr().out
    run = read_run(preset(name))
    rows = run.rollout.problems_per_step * run.rollout.group_size
    for text in ("on the meta device", "minimise", f"a step: {rows:,} replies", "memory, learning: ", "at the peak, "):
        assert text in printed
    assert (f"{run.optim.steps} steps: " in printed) == (name in REAL)  # no hours for a CPU
    assert "that is too much" not in printed


@pytest.mark.parametrize("name", REAL)
def test_a_header_names_hardware_that_holds_the_run_and_the_hours_that_are_computed(name: str) -> None:
    run, hardware = read_run(preset(name)), paper.stated_hardware(preset(name))
    assert hardware is not None
    shape, context = sized(run)
    lengths = paper.lengths_of(run, context)
    assert needs(run, shape, lengths, hardware.device).peak < ROOM * hardware.gpu.memory * 2**30
    computed = run.optim.steps * step_time(run, shape, lengths, hardware).seconds / 3600
    text = preset(name).read_text(encoding="utf-8")
    stated = re.search(r"^# Expect: about ([\d.]+) hours, computed and not measured\. ", text, re.MULTILINE)
    assert stated, "the header says about how many hours, and that they are computed"
    assert float(stated[1]) == pytest.approx(computed, abs=0.06, rel=0.02)
    assert re.search(r"^# .*(arXiv:\d{4}\.\d{5}|No published figure)", text, re.MULTILINE), "a source, or that none is"


def test_presets_for_a_cpu_are_held_by_a_small_one() -> None:
    for name in set(preset_names()) - set(REAL):
        run = read_run(preset(name))
        shape, context = sized(run)
        assert paper.stated_hardware(preset(name)) is None
        assert needs(run, shape, paper.lengths_of(run, context), ALONE).peak < 2**29
