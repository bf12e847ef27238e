"""trainer/needs.py and trainer/knobs.py: which settings need what, and which knobs bring it down."""

from dataclasses import replace

import pytest

from verigym.trainer.config import ObjectiveChoice, Optim, Policy, Rollout, Run
from verigym.trainer.knobs import knobs
from verigym.trainer.needs import GIB, Device, Lengths, needs, this_device
from verigym.trainer.shapes import Shape, shape_named

pytest.importorskip("torch")  # for the size of a slice, which stands beside the sums that it bounds

SHAPE = Shape(parameters=10_000, layers=2, hidden=8, intermediate=16, kv_width=4, vocabulary=50)
LENGTHS = Lengths(prompt=4, reply=6, longest=10)
GPU = Device(on_cpu=False, memory=24 * GIB)


def small(**policy: object) -> Run:
    """32 rows of at most 10 tokens, 160 tokens a pass: two passes."""
    return Run(
        policy=Policy(**policy),  # type: ignore[arg-type]
        rollout=Rollout(problems_per_step=4, group_size=8, max_new_tokens=6),
        objective=ObjectiveChoice("dr_grpo"),
        optim=Optim(micro_batch_tokens=160),
    )


def test_fp32_by_hand() -> None:
    found = needs(small(), SHAPE, LENGTHS, GPU)
    stays = {"weights": 40_000, "master weights": 0, "Adam": 80_000}
    assert found.moments["learning"] == stays | {
        "gradients": 40_000,  # of the first pass, while the second one goes forward
        "activations": 2 * 544 * 160,
        # 16 rows less their prompts are counted: norm, states, logits
        "output head": 160 * 8 * 12 + 96 * 8 * 12 + 3 * 4 * 96 * 50,
        "head's gradient": 4 * 400,
    }
    assert found.moments["gradients"] == stays | {"gradients": 40_000 + 4 * 400, "activations": 160 * 544}
    assert found.moments["sampling"] == stays | {
        "key-value cache": 2 * 4 * 2 * 4 * 32 * 10,
        "logits": 3 * 4 * 32 * 50,
    }
    assert (found.moment, found.peak) == ("learning", sum(found.moments["learning"].values()))


def test_one_pass_has_no_gradients_before_its_end() -> None:
    run = replace(small(), optim=Optim(micro_batch_tokens=320))
    assert needs(run, SHAPE, LENGTHS).moments["learning"]["gradients"] == 0


def test_bf16_keeps_masters_and_sums_in_fp32() -> None:
    found = needs(small(dtype="bfloat16"), SHAPE, LENGTHS, GPU).moments
    assert found["learning"]["weights"] == 20_000
    assert found["learning"]["master weights"] == found["learning"]["gradients"] == 40_000
    # the sum, those of the last pass, and the embedding's, which is tied, once more
    assert found["gradients"]["gradients"] == 60_000 + 2 * 400


def test_what_fit_saves() -> None:
    plain = needs(small(dtype="bfloat16"), SHAPE, LENGTHS, GPU).moments["learning"]
    eight = needs(small(dtype="bfloat16", fit=("adam=8bit",)), SHAPE, LENGTHS, GPU).moments["learning"]
    assert eight["Adam"] == round(2.03125 * 10_000) < plain["Adam"]
    again = needs(small(dtype="bfloat16", fit=("checkpoint",)), SHAPE, LENGTHS, GPU).moments["learning"]
    assert again["activations"] == 160 * 2 * 2 * 8  # the layers' inputs; at the head, which takes more than a layer
    wide = replace(SHAPE, intermediate=200)
    layer = needs(small(dtype="bfloat16", fit=("checkpoint",)), wide, LENGTHS, GPU).moments["learning"]
    assert layer["activations"] == 160 * (2 * 2 * 8 + 304 + 2 * 4 * (200 - 16) + 2 * 2 * 200)
    assert "output head" not in layer
    assert again["activations"] < plain["activations"]
    away = needs(small(dtype="bfloat16", fit=("offload",)), SHAPE, LENGTHS, GPU)
    assert "Adam" not in away.moments["learning"]
    assert away.host == {"master weights": 40_000, "Adam": 80_000, "gradients": 40_000}
    here = needs(small(dtype="bfloat16", fit=("offload",)), SHAPE, LENGTHS)  # on a CPU there is nowhere to go
    assert here.host == {}
    assert here.moments["learning"]["Adam"] == 80_000


def test_a_reference_and_an_adapter() -> None:
    held = replace(small(), objective=ObjectiveChoice("grpo", kl_coef=0.1))
    assert needs(held, SHAPE, LENGTHS).moments["sampling"]["reference"] == 40_000
    adapted = small(dtype="bfloat16", lora=("rank=3",))
    parts = needs(adapted, SHAPE, LENGTHS, GPU).moments["gradients"]
    adapter = 4 * 2 * 3 * 128
    assert (parts["weights"], parts["adapter"], parts["Adam"], parts["gradients"]) == (
        20_000,
        adapter,
        2 * adapter,
        adapter,
    )
    both = replace(adapted, objective=ObjectiveChoice("grpo", kl_coef=0.1))
    assert needs(both, SHAPE, LENGTHS, GPU).moments["learning"]["reference"] == adapter


def test_over_ranks_everything_is_cut_or_what_the_word_says() -> None:
    four = replace(GPU, ranks=4)
    run = replace(small(dtype="bfloat16"), optim=Optim(micro_batch_tokens=40))
    whole, cut = needs(run, SHAPE, LENGTHS, GPU), needs(run, SHAPE, LENGTHS, four)
    for part in ("weights", "master weights", "Adam", "gradients"):
        assert cut.moments["learning"][part] == whole.moments["learning"][part] / 4
    assert cut.moments["learning"]["gathered"] == 2 * (2 * SHAPE.layer + SHAPE.embedding)
    assert cut.moments["sampling"]["engine's weights"] == 20_000  # the embedded engine has all of them
    zero2 = needs(replace(run, policy=replace(run.policy, fit=("shard=zero2",))), SHAPE, LENGTHS, four)
    assert (zero2.moments["learning"]["weights"], zero2.moments["learning"]["Adam"]) == (20_000, 20_000)
    ddp = needs(replace(run, policy=replace(run.policy, fit=("shard=ddp",))), SHAPE, LENGTHS, four)
    assert ddp.moments["learning"]["Adam"] == 80_000


def test_engines_elsewhere_take_nothing_and_one_that_samples_ahead_stays_while_the_trainer_learns() -> None:
    def under(engine: str, *args: str, lag: tuple[str, ...] = ()) -> Run:
        rollout = replace(small().rollout, engine=engine, engine_args=args, lag=lag)
        return replace(small(dtype="bfloat16"), rollout=rollout)

    assert needs(under("vllm-server", "url=http://localhost:1"), SHAPE, LENGTHS, GPU).moments["sampling"].keys() == {
        "weights",
        "master weights",
        "Adam",
    }
    share = int(0.25 * 24 * GIB)
    asleep = needs(under("vllm", "memory=0.25"), SHAPE, LENGTHS, GPU).moments
    assert (asleep["sampling"]["vLLM's share"], "vLLM's share" in asleep["learning"]) == (share, False)
    awake = needs(under("vllm", "memory=0.25", lag=("1",)), SHAPE, LENGTHS, GPU).moments
    assert awake["learning"]["vLLM's share"] == share
    ahead = needs(under("transformers", lag=("1",)), SHAPE, LENGTHS).moments
    assert ahead["learning"]["engine's weights"] == 20_000
    assert ahead["learning"]["key-value cache"] > 0


def test_this_machines_memory_is_known() -> None:
    assert GIB // 4 < this_device("cpu").memory < 10**15
    assert this_device("cpu", ranks=2).memory == this_device("cpu").memory // 2


def test_knobs_say_what_they_bring_in_order_and_whether_a_run_that_goes_on_may_take_them() -> None:
    shape, lengths = shape_named("Qwen/Qwen2.5-1.5B"), Lengths(200, 500, 1200)
    run = Run(policy=Policy(dtype="bfloat16", fit=("packing=on",)), objective=ObjectiveChoice("dr_grpo"))
    found = knobs(run, shape, lengths, GPU)
    assert [knob.flags for knob in found] == [
        "--micro-batch-tokens 7800",
        "--fit packing=on checkpoint",
        "--fit packing=on offload",
        "--fit packing=on adam=8bit",
        "--lora rank=16",
        "--ranks 2 on 2 GPUs",
    ]
    assert [knob.resumable for knob in found] == [True, True, True, False, False, True]
    peak = needs(run, shape, lengths, GPU).peak
    assert all(knob.before == peak and knob.after < 0.98 * peak for knob in found)
    checkpointed = replace(run, policy=replace(run.policy, fit=("packing=on", "checkpoint")))
    assert found[1].after == needs(checkpointed, shape, lengths, GPU).peak
    assert str(found[3]).endswith(", in a new run")


def test_knobs_of_one_moment_are_those_that_bring_that_one_down() -> None:
    shape, lengths = shape_named("Qwen/Qwen2.5-1.5B"), Lengths(200, 500, 1200)
    run = Run(policy=Policy(dtype="bfloat16"), objective=ObjectiveChoice("dr_grpo"))
    flags = [knob.flags for knob in knobs(run, shape, lengths, GPU, moments=("sampling",))]
    assert flags[0] == "--engine-args batch=128"  # of 256 rollouts
    assert not any("micro" in flag or "checkpoint" in flag for flag in flags)
    vllm = replace(run, rollout=Rollout(engine="vllm", engine_args=("memory=0.4",)))
    assert "--engine-args memory=0.2" in [k.flags for k in knobs(vllm, shape, lengths, GPU, moments=("sampling",))]


def test_a_knob_that_is_turned_is_not_named_again() -> None:
    shape, lengths = shape_named("Qwen/Qwen2.5-1.5B"), Lengths(200, 500, 1200)
    policy = Policy(dtype="bfloat16", fit=("checkpoint", "offload", "adam=8bit"), lora=("rank=8",))
    run = Run(policy=policy, objective=ObjectiveChoice("dr_grpo"), optim=Optim(micro_batch_tokens=1200))
    assert not any("--fit" in knob.flags or "--lora" in knob.flags for knob in knobs(run, shape, lengths, GPU))
