"""trainer/cli/rehearsal.py: the dry run beside what a machine has."""

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch")

from verigym.trainer.cli.rehearsal import rehearse
from verigym.trainer.cli.requirements import ROOM, requirements
from verigym.trainer.config import Run
from verigym.trainer.needs import Device, Lengths, needs
from verigym.trainer.shapes import shape_named

LENGTHS = Lengths(prompt=100, reply=300, longest=700)
SHAPE = shape_named("Qwen/Qwen2.5-0.5B")


def test_the_estimate_stands_beside_what_the_machine_has(
    small_run: Callable[..., Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.iterdir())
    rehearse(small_run())
    printed = capsys.readouterr().out
    assert "a step: 16 replies, about " in printed
    for moment in ("learning", "gradients", "sampling"):
        assert f"\nmemory, {moment}: " in printed
    assert "; this machine has " in printed
    assert "that is too much" not in printed
    assert sorted(tmp_path.iterdir()) == before


def test_what_does_not_fit_is_said_with_the_knobs(small_run: Callable[..., Run]) -> None:
    run = small_run()
    need = needs(run, SHAPE, LENGTHS, Device()).peak
    room = round(need / ROOM)
    assert "too much" not in requirements(run, SHAPE, LENGTHS, Device(memory=room + 1), whose="it")
    assert "too much" not in requirements(run, SHAPE, LENGTHS, Device(memory=0), whose="it")  # nobody knows
    page = requirements(run, SHAPE, LENGTHS, Device(memory=room - 10), whose="it")
    assert "that is too much. What brings it down, by the same estimate, each alone:\n  --" in page
    assert "\n  --fit checkpoint: " in page
