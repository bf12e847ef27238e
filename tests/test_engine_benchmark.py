"""benchmarks/engine_throughput.py: equal work on both sides, taken in turns."""

from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import engine_throughput

    return engine_throughput


def test_workloads_repeat_and_mixed_ones_have_a_long_tail(bench: Any) -> None:
    even, mixed = bench.works(200, 128, 16)
    assert (even, mixed) == tuple(bench.works(200, 128, 16))
    assert set(even.limits) == {64} and even.prompts == mixed.prompts
    assert max(mixed.limits) == 128 and sum(mixed.limits) / 200 < 64


def test_sides_take_turns_after_a_round_that_does_not_count(bench: Any) -> None:
    called: list[str] = []
    sides = [lambda: called.append("ours") or 7, lambda: called.append("bare") or 7]
    measured = bench.measure(sides, rounds=2)
    assert called == ["ours", "bare"] * 3
    assert [side.tokens for side in measured] == [7, 7]


def test_different_work_is_not_compared(bench: Any) -> None:
    work = bench.works(4, 16, 2)[0]
    ours, bare = bench.Measured(10, 1.0, 2.0), bench.Measured(10, 2.0, 3.0)
    line, ratio = bench.row("transformers", "model.generate", work, ours, bare)
    assert ratio == 1.5 and "| 2.00 | 1.50 |" in line
    with pytest.raises(RuntimeError, match="different work: 10 and 9 tokens"):
        bench.row("transformers", "model.generate", work, ours, bench.Measured(9, 1.0, 1.0))


def test_both_sides_of_the_embedded_engine_sample_every_token(bench: Any) -> None:
    policy = bench.small_policy(128, 1, 4096)
    for work in bench.works(5, 12, 2):
        ours, bare = bench.transformers_pair(policy, work)
        assert ours() == bare() == sum(work.limits)
