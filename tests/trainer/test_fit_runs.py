"""Whole small runs under the words of --fit: they learn the same, and go on bit for bit."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from verigym.trainer.checkpoint import checkpoint_path, newest_checkpoint
from verigym.trainer.display import SilentDisplay
from verigym.trainer.loop import train
from verigym.trainer.run import RunDirectory


def weights(root):
    return load_file(newest_checkpoint(root) / "model.safetensors")


def resume(root):
    directory, run = RunDirectory.open(Path(root))
    return train(run, resume=directory.root)


def short(small_run, name, *words, dtype="float32", **changes):
    changes = {"evaluation": {"eval_every": 0, "eval_problems": 2}, "optim": {"steps": 3}, **changes}
    return small_run(name, policy={"fit": words, "dtype": dtype}, **changes)


@pytest.mark.parametrize(
    ("words", "dtype"), [(("checkpoint",), "float32"), (("packing=on", "checkpoint", "offload"), "bfloat16")]
)
def test_a_run_that_stopped_goes_on_bit_for_bit(small_run, words, dtype):
    reference = {"objective": {"kl_coef": 0.1}}  # a frozen model beside it, loaded anew
    whole = train(short(small_run, "whole", *words, dtype=dtype, **reference))
    half = train(short(small_run, "half", *words, dtype=dtype, **reference), stop_at=2)
    rest = resume(half.directory)
    assert (whole.directory / "metrics.jsonl").read_bytes() == (rest.directory / "metrics.jsonl").read_bytes()
    assert all(torch.equal(a, weights(rest.directory)[name]) for name, a in weights(whole.directory).items())


def test_every_word_learns_what_none_learns(small_run):
    plain = weights(train(short(small_run, "plain", "packing=off")).directory)
    for number, words in enumerate((("checkpoint", "packing=off"), ("packing=on",), ("packing=on", "checkpoint"))):
        found = weights(train(short(small_run, f"run{number}", *words)).directory)
        assert all(torch.allclose(found[name], a, atol=2e-5) for name, a in plain.items()), words


def test_auto_takes_the_very_steps_of_off_where_little_is_padding(small_run):
    one_length = {"problems": {"level": (3,)}, "rollout": {"max_new_tokens": 1}}
    found = [weights(train(short(small_run, how, f"packing={how}", **one_length)).directory) for how in ("auto", "off")]
    assert all(torch.equal(a, found[1][name]) for name, a in found[0].items())


def test_a_bf16_run_goes_on_from_its_warm_up(small_run):
    """Masters that were taken before the warm-up would undo it in the first step."""
    changes = {"optim": {"steps": 1, "lr": 1e-9}, "warmup": {"sft_steps": 3, "sft_lr": 1e-2}}
    run = short(small_run, "run", dtype="bfloat16", **changes)
    root = train(run).directory / "checkpoints"
    before, after = (load_file(checkpoint_path(root, step) / "model.safetensors") for step in (0, 1))
    assert all(torch.allclose(tensor, after[name], atol=1e-6, rtol=1e-2) for name, tensor in before.items())


def test_what_came_to_nothing_is_said(small_run):
    said = []

    class Listening(SilentDisplay):
        def warn(self, text):
            said.append(text)

    train(short(small_run, "run", "offload"), display=Listening(), stop_at=1)
    assert sum("--fit offload changes nothing here" in text for text in said) == 1
