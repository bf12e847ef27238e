"""trainer/cost.py: operations and seconds, checked by hand."""

from dataclasses import replace

import pytest

from verigym.trainer.config import ConfigError, ObjectiveChoice, Optim, Policy, Rollout, Run
from verigym.trainer.cost import (
    GPUS,
    LEARNING,
    SAMPLING,
    Hardware,
    decode_seconds,
    exchange_seconds,
    learning_flops,
    step_time,
)
from verigym.trainer.needs import GIB, Lengths
from verigym.trainer.shapes import shape_named

SHAPE = shape_named("Qwen/Qwen2.5-1.5B")
LENGTHS = Lengths(prompt=100, reply=400, longest=1000)
RUN = Run(
    policy=Policy(dtype="bfloat16"),
    rollout=Rollout(problems_per_step=64, group_size=8, engine="vllm", engine_args=("batch=256",)),
    objective=ObjectiveChoice("dr_grpo"),
)


def test_six_operations_a_weight_and_six_a_pair_of_positions() -> None:
    assert learning_flops(SHAPE, 0) == 6 * SHAPE.parameters
    assert learning_flops(SHAPE, 500) - learning_flops(SHAPE, 0) == 6 * 500 * 28 * 1536
    assert learning_flops(SHAPE, 500, checkpoint=True) == pytest.approx(4 / 3 * learning_flops(SHAPE, 500))
    assert learning_flops(SHAPE, 0, lora=True) == 4 * SHAPE.parameters


def test_one_sequence_is_decoded_as_fast_as_the_weights_are_read() -> None:
    gpu = GPUS["A100"]
    read = 2 * SHAPE.parameters + 2 * 2 * 28 * 256 * 300  # bf16 weights; keys and values of 300 positions
    assert decode_seconds(SHAPE, 1, 300, gpu, 0.5) == pytest.approx(read / (0.5 * 2039e9))


def test_a_step_by_hand() -> None:
    # 512 rows of 500 tokens; 900 turns at least, or 512 * 400 tokens in turns of 256: 800; so 900 turns of 227 rows
    found = step_time(RUN, SHAPE, LENGTHS, Hardware.of("A100"))
    learning = 512 * 500 * learning_flops(SHAPE, 500) / (LEARNING * 312e12)
    going = 512 * 400 / 900
    decoding = 900 * decode_seconds(SHAPE, going, 300, GPUS["A100"], SAMPLING["vllm"])
    reading = 64 * 100 * (2 * SHAPE.parameters + 2 * 100 * 28 * 1536) / (LEARNING * 312e12)
    assert found.learning == pytest.approx(learning)
    assert found.sampling == pytest.approx(decoding + reading)
    assert found.seconds == pytest.approx(learning + decoding + reading)


def test_sampling_ahead_hides_the_shorter_of_the_two_and_scores_once_more() -> None:
    ahead = step_time(replace(RUN, rollout=replace(RUN.rollout, lag=("1",))), SHAPE, LENGTHS, Hardware.of("A100"))
    plain = step_time(RUN, SHAPE, LENGTHS, Hardware.of("A100"))
    assert ahead.seconds == max(ahead.sampling, ahead.learning)
    assert ahead.learning == pytest.approx(plain.learning * 4 / 3)
    several = step_time(replace(RUN, optim=Optim(updates_per_step=2)), SHAPE, LENGTHS, Hardware.of("A100"))
    assert several.learning == pytest.approx(plain.learning * 4 / 3)


def test_more_gpus_learn_faster_in_proportion_and_sample_faster_than_one() -> None:
    one, eight = (step_time(RUN, SHAPE, LENGTHS, Hardware.of(text)) for text in ("A100", "8xA100"))
    assert eight.learning == pytest.approx(one.learning / 8)
    assert one.sampling / 8 < eight.sampling < one.sampling  # the longest reply is as long as it was


def test_cut_weights_are_received_twice_and_gradients_sent_once_a_pass() -> None:
    assert exchange_seconds(SHAPE, 4) == pytest.approx(4 * 6 * SHAPE.parameters / 50e9)


def test_hardware_is_named_in_one_way_or_another() -> None:
    for text in ("8xH100", "8 x H100", "8xh100"):
        assert Hardware.of(text) == Hardware("H100", 8)
    assert Hardware.of("L4") == Hardware("L4", 1)
    assert str(Hardware("A100-40", 2)) == "2 x A100-40 (40 GB)"
    assert (Hardware("H100", 8).device.memory, Hardware("H100", 8).device.ranks) == (80 * GIB, 8)


@pytest.mark.parametrize("text", ["", "8", "0xH100", "8xH10", "eight H100", "H100x8"])
def test_other_hardware_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not known; write COUNTxGPU, as in 8xH100, of H200, H100"):
        Hardware.of(text)
