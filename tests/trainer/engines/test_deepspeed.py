"""Two gloo ranks under deepspeed, stages 2 and 3, learn what one process learns without it."""

import json
import math
import runpy
from pathlib import Path

import pytest

pytest.importorskip("deepspeed")

import torch

from verigym.trainer.ranks import ALONE
from verigym.trainer.zero import STAGES

pytestmark = pytest.mark.engines

HERE = Path(__file__).parent
WORKER = runpy.run_path(str(HERE / "deepspeed_worker.py"))
run_group = runpy.run_path(str(HERE.parent / "rank_group.py"))["run_group"]


@pytest.fixture(scope="module", params=STAGES)
def way(request):
    """How the weights lie over the two."""
    return request.param


@pytest.fixture(scope="module")
def two(way, tmp_path_factory):
    """What each of two ranks found."""
    folder = tmp_path_factory.mktemp(way)
    run_group(2, str(folder), way, worker=HERE / "deepspeed_worker.py")
    return [torch.load(folder / f"found-{rank}.pt", weights_only=False) for rank in (0, 1)]


@pytest.mark.parametrize("name", WORKER["NAMES"])
def test_two_ranks_have_the_gradient_and_the_record_of_one(two, way, name):
    expected = WORKER["learn"](name, way, ALONE)
    assert expected["norm"] > 0
    for rank in two:
        found = rank["learn", name]
        assert len(found["gradients"]) == len(expected["gradients"]) == (2 if name == "grpo" else 1)
        for gradient, wanted in zip(found["gradients"], expected["gradients"], strict=True):
            assert float((gradient - wanted).abs().max()) <= 1e-6 * float(wanted.abs().max())
        assert found["norm"] == pytest.approx(expected["norm"], rel=1e-6)
        assert found["loss"] == pytest.approx(expected["loss"], abs=1e-6)
        assert found["sums"].tolist() == pytest.approx(expected["sums"].tolist(), rel=1e-5, abs=1e-5)
        assert found["largest"] == pytest.approx(expected["largest"], abs=1e-6)
        assert found["counts"] == expected["counts"]


def test_stage_3_cuts_the_weights_and_stage_2_leaves_them_whole(two, way):
    whole = sum(weight.numel() for weight in WORKER["load_policy"]("tiny-qwen2").model.parameters())
    held = two[0]["learn", "grpo"]["held"]
    assert held == whole if STAGES[way] == 2 else held < whole / 100


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_two_steps_are_those_of_one_process(two, way, dtype, tmp_path):
    expected = WORKER["steps"](ALONE, way, tmp_path, dtype=dtype, until=2)
    near(two[0]["first", dtype], expected, dtype)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_checkpoint_of_two_goes_on_with_two_and_with_one_without_deepspeed(two, way, dtype, tmp_path):
    saved = two[0]["first", dtype]["saved"]
    alone = WORKER["steps"](ALONE, way, tmp_path, Path(saved), dtype=dtype, until=4)
    near(two[0]["again", dtype], alone, dtype)
    for name, weight in two[0]["again", dtype]["masters"].items():
        assert torch.equal(weight, two[1]["again", dtype]["masters"][name])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_gradient_that_is_not_finite_moves_nothing(two, dtype):
    for rank in two:
        first, second = rank["not finite", dtype]["norms"]
        assert not math.isfinite(first) and second > 0 and math.isfinite(second)
        assert rank["not finite", dtype]["stayed"]


def test_a_whole_run_has_the_numbers_of_one_process(two, way, tmp_path):
    expected = [json.loads(line) for line in WORKER["whole_run"](ALONE, way, tmp_path)]
    for rank in two:
        found = [json.loads(line) for line in rank["run"]]
        assert [line["step"] for line in found] == [1, 2, 3]
        for line, wanted in zip(found, expected, strict=True):
            assert line.keys() == wanted.keys() and line["tokens"] == wanted["tokens"]
            for key, value in wanted.items():
                close = isinstance(value, float)
                assert line[key] == (pytest.approx(value, rel=1e-4, abs=1e-5) if close else value), key


def near(found, expected, dtype):
    """The norms of both, and their fp32 weights, which a step of 1e-3 has moved from two to four times."""
    rounding, apart = (1e-4, 1e-6) if dtype == "float32" else (2e-2, 1e-4)
    assert found["norms"] == pytest.approx(expected["norms"], rel=rounding)
    assert found["masters"].keys() == expected["masters"].keys()
    for name, weight in found["masters"].items():
        assert weight.dtype == torch.float32
        assert float((weight - expected["masters"][name]).detach().abs().mean()) <= apart, name
