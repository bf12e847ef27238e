"""trainer/out_of_memory.py: what a run that ran out of memory says, saves, and how it goes on."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch

from verigym.trainer import session as sessions
from verigym.trainer.checkpoint import newest_checkpoint
from verigym.trainer.config import Run, RunStopped
from verigym.trainer.engines.transformers import TransformersEngine
from verigym.trainer.loop import train
from verigym.trainer.optimizer import Optimizer
from verigym.trainer.out_of_memory import ran_out
from verigym.trainer.update import Learner

REFUSED = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate "
    "8589934592 bytes. Error code 12 (Cannot allocate memory)"
)


def fails(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, call: int, error: BaseException) -> None:
    """From its call number `call` on, `owner.name` raises."""
    whole, calls = getattr(owner, name), []

    def half(*args: Any, **settings: Any) -> Any:
        calls.append(1)
        if len(calls) >= call:
            raise error
        return whole(*args, **settings)

    monkeypatch.setattr(owner, name, half)


def steps_of(run: Run) -> list[dict[str, Any]]:
    lines = (Path(run.keep.out) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    ("error", "is_one"),
    [
        (REFUSED, True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (MemoryError(), True),
        (OSError(12, "Cannot allocate memory"), True),
        (OSError(28, "No space left on device"), False),
        (RuntimeError("shape '[2, 3]' is invalid for input of size 5"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_says_that_memory_ran_out(error: BaseException, is_one: bool) -> None:
    assert ran_out(error) == is_one


def test_learning_that_runs_out_saves_the_step_before_and_the_resumed_run_is_the_calm_one(
    small_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    calm = small_run("calm")
    train(calm)
    run = small_run("poor")
    with monkeypatch.context() as patch:
        fails(patch, Learner, "_backward", 4, REFUSED)  # one mini-batch a step: in step 4
        with pytest.raises(RunStopped) as caught:
            train(run)
    message = str(caught.value)
    assert message.startswith("out of memory while learning in step 4 ([enforce fail at alloc_cpu.cpp:127]")
    assert "Step 3 is saved. By the estimate that takes " in message
    assert "activations " in message
    assert "What brings it down: --micro-batch-tokens " in message
    command = message.rpartition("Then: verigym train ")[2]
    assert command.startswith(f"--resume {run.keep.out} --micro-batch-tokens ")
    assert newest_checkpoint(run.keep.out) == Path(run.keep.out) / "checkpoints" / "step-000003"

    train(run, resume=Path(run.keep.out))
    assert steps_of(run) == steps_of(calm)  # on a CPU the same bits


def test_the_command_of_the_message_works(
    small_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from verigym.trainer.cli.index import main

    run = small_run()
    with monkeypatch.context() as patch:
        fails(patch, Learner, "_backward", 2, REFUSED)
        with pytest.raises(RunStopped) as caught:
            train(run)
    words = str(caught.value).rpartition("Then: verigym ")[2].split()
    assert main(words) == 0
    assert "4 of 4 steps" in capsys.readouterr().out
    assert len(steps_of(run)) == 4


def test_sampling_that_runs_out_names_the_engines_knob(
    small_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small_run(policy={"model": "tiny-llama"}, evaluation={"eval_every": 0})
    fails(monkeypatch, TransformersEngine, "advance", 4, torch.OutOfMemoryError("CUDA out of memory."))
    with pytest.raises(RunStopped, match=r"out of memory while sampling in step \d \(CUDA out of memory\.\)") as caught:
        train(run)
    assert "--engine-args batch=8" in str(caught.value)  # of 16 rollouts
    assert "micro" not in str(caught.value)


def test_a_step_whose_weights_have_moved_is_not_saved(
    small_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small_run(optim={"updates_per_step": 2}, warmup={"sft_steps": 0})
    fails(monkeypatch, Optimizer, "step", 6, MemoryError())  # the second of step 3
    with pytest.raises(RunStopped) as caught:
        train(run)
    assert str(caught.value).startswith(
        "out of memory while learning in step 3 (MemoryError). The newest checkpoint is step-000002. By the estimate"
    )
    monkeypatch.undo()
    train(run, resume=Path(run.keep.out))
    assert [line["step"] for line in steps_of(run)] == [1, 2, 3, 4]


def test_before_the_first_step_there_is_nothing_to_save(
    small_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    fails(monkeypatch, Optimizer, "step", 1, REFUSED)
    with pytest.raises(RunStopped, match=r"out of memory while warming up .* Nothing was learned yet, and nothing is"):
        train(small_run())


def test_loading_that_runs_out_says_what_to_try(small_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise REFUSED

    monkeypatch.setattr(sessions, "load_policy", refuse)
    run = small_run()
    with pytest.raises(RunStopped, match=r"out of memory while loading tiny-llama \(\[enforce .* nothing was started"):
        train(run)
    assert not Path(run.keep.out).exists()


def test_another_error_is_left_as_it_is(small_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    fails(monkeypatch, Learner, "_backward", 2, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match=r"^shapes do not match$"):
        train(small_run())


def test_a_resumed_run_may_change_how_it_fits_its_memory(small_run: Callable[..., Run]) -> None:
    run = small_run()
    train(run, stop_at=2)
    policy = replace(run.policy, fit=("checkpoint",))
    rollout = replace(run.rollout, engine_args=("batch=4",))
    changed = replace(run, policy=policy, rollout=rollout, optim=replace(run.optim, micro_batch_tokens=64))
    train(changed, resume=Path(run.keep.out))
    calm = small_run("calm")
    train(calm)
    for mine, theirs in zip(steps_of(changed), steps_of(calm), strict=True):
        assert mine["grad_norm"] == pytest.approx(theirs["grad_norm"], rel=1e-4)
        assert mine["reward"] == theirs["reward"]
