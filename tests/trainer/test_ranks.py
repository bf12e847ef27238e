"""Several ranks learn what one does: the same gradient, the same record, whatever the objective."""

import runpy
from pathlib import Path

import pytest
import torch

from verigym.trainer.config import ConfigError
from verigym.trainer.ranks import ALONE, Ranks, sum_gradients

HERE = Path(__file__).parent
WORKER = runpy.run_path(str(HERE / "rank_worker.py"))
run_group = runpy.run_path(str(HERE / "rank_group.py"))["run_group"]
NAMES = list(WORKER["OBJECTIVES"])


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What each of two ranks found."""
    folder = tmp_path_factory.mktemp("ranks")
    run_group(2, str(folder), "talk+updates+runs")
    return [torch.load(folder / f"talk+updates+runs-2-{rank}.pt", weights_only=False) for rank in (0, 1)]


@pytest.fixture(scope="module")
def alone():
    """What one process finds."""
    return {name: WORKER["learn"](name, "ddp", ALONE) for name in NAMES}


@pytest.fixture(scope="module")
def one_run(tmp_path_factory):
    """The metrics of the same runs with one process."""
    return WORKER["runs"](ALONE, tmp_path_factory.mktemp("alone"))


@pytest.mark.parametrize(("name", "way"), WORKER["CASES"])
def test_two_ranks_have_the_gradient_and_the_record_of_one(two, alone, name, way):
    expected = alone[name]
    assert expected["norm"] > 0
    for rank in two:
        found = rank["updates"][name, way]
        assert len(found["gradients"]) == len(expected["gradients"]) == (2 if name == "grpo" else 1)
        for gradient, wanted in zip(found["gradients"], expected["gradients"], strict=True):
            assert float((gradient - wanted).abs().max()) <= 1e-6 * float(wanted.abs().max())
        assert found["norm"] == pytest.approx(expected["norm"], rel=1e-6)
        assert found["loss"] == pytest.approx(expected["loss"], abs=1e-6)
        assert found["sums"].tolist() == pytest.approx(expected["sums"].tolist(), rel=1e-6, abs=1e-6)
        assert found["largest"] == pytest.approx(expected["largest"], abs=1e-6)
        assert found["counts"] == expected["counts"]


@pytest.mark.parametrize("name", ["dapo", "grpo"])
def test_whole_runs_of_two_ranks_have_the_numbers_of_one(two, one_run, name):
    for rank in two:
        found = rank["runs"][name]
        assert [line["step"] for line in found] == [1, 2, 3]
        for line, wanted in zip(found, one_run[name], strict=True):
            assert line.keys() == wanted.keys() and line["tokens"] == wanted["tokens"]
            for key, value in wanted.items():
                close = isinstance(value, float)
                assert line[key] == (pytest.approx(value, rel=1e-5, abs=1e-5) if close else value), (name, key)


def test_what_ranks_say_to_one_another(two):
    first, second = (rank["talk"] for rank in two)
    assert (first["share"], second["share"]) == (["a", "b"], ["c", "d", "e"])
    for said in (first, second):
        assert said["gather"] == [0, 1, 1] and said["all"] == [0, 1]
        assert said["tell"] == "from 0" and said["led"] == 0
        assert said["sum"].tolist() == [2.0, 1.0] and said["largest"].tolist() == [1.0]


def test_an_error_of_one_rank_is_raised_on_all(two):
    for rank in two:
        assert rank["talk"]["errors"] == [
            "ValueError: rank 1 has a word to say",
            "OSError: the disk is full",
            "RuntimeError: Odd: 7",
        ]


def test_alone_every_method_is_the_identity():
    numbers = torch.tensor([1.0, 2.0])
    assert ALONE.lead and not ALONE.several
    assert ALONE.share("abc") == ["a", "b", "c"] and ALONE.gather((1, 2)) == [1, 2]
    assert ALONE.tell(7) == 7 and ALONE.led(lambda: 8) == 8 and ALONE.all(lambda: (9,)) == [9]
    assert ALONE.sum(numbers) is numbers and ALONE.largest(numbers) is numbers
    assert ALONE.device("cuda:1") == "cuda:1"
    with pytest.raises(ValueError, match="as it was"):
        ALONE.each(lambda: int("as it was"))
    weight = torch.nn.Parameter(torch.ones(2))
    sum_gradients([weight], ALONE)
    assert weight.grad is None


def test_shares_are_one_after_the_other_and_differ_by_one_at_most():
    for count in (1, 2, 3, 5):
        shares = [Ranks(rank, count).share(range(7)) for rank in range(count)]
        assert [item for share in shares for item in share] == list(range(7))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_no_environment_no_ranks(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert Ranks.join() is ALONE
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert Ranks.join() is ALONE


def test_half_an_environment_is_refused(monkeypatch):
    for name in ("RANK", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    with pytest.raises(ConfigError, match=r"WORLD_SIZE=2, but RANK and MASTER_PORT are not set; start the ranks with"):
        Ranks.join()


def test_more_ranks_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert Ranks(1, 2, 1).device("auto") == Ranks(9, 16, 1).device("cuda") == "cuda:1"
    assert Ranks(1, 2, 1).device("cpu") == "cpu"
    for ranks, device in ((Ranks(2, 3, 2), "auto"), (Ranks(0, 2, 0), "cuda:1")):
        with pytest.raises(ConfigError, match="each rank takes one of its own"):
            ranks.device(device)
