"""Intervals and paired comparisons: by hand, against enumeration, and that the same seed gives the same interval."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.trainer.evaluation import statistics

SCORES = [1.0, 0.0, 0.5, 0.5]  # mean 0.5, sample variance 1/6


def test_standard_error_by_hand() -> None:
    assert statistics.mean(SCORES) == 0.5
    assert statistics.standard_error(SCORES) == pytest.approx(math.sqrt(1 / 6 / 4))
    # clusters {1, 0} and {0.5, 0.5}: both sum to 0 around the mean; {1, 0.5} and {0, 0.5}: sums +0.5, -0.5
    assert statistics.standard_error(SCORES, ["a", "a", "b", "b"]) == 0.0
    assert statistics.standard_error(SCORES, [1, 2, 1, 2]) == pytest.approx(math.sqrt(0.5) / 4)
    low, high = statistics.normal_interval(SCORES, z=2.0)
    assert (low, high) == pytest.approx((0.5 - 2 * math.sqrt(1 / 24), 0.5 + 2 * math.sqrt(1 / 24)))


def test_too_few_problems_are_errors() -> None:
    with pytest.raises(ValueError, match="1 problem: a standard error needs at least 2"):
        statistics.standard_error([1.0])
    with pytest.raises(ValueError, match="no scores: at least 1 problem is needed"):
        statistics.mean([])
    with pytest.raises(ValueError, match="3 clusters for 4 scores"):
        statistics.standard_error(SCORES, [1, 2, 3])
    with pytest.raises(ValueError, match="0 problems and 10 resamples"):
        statistics.bootstrap_interval([], seed=0, resamples=10)


def test_wilson_by_hand_and_at_the_ends() -> None:
    # z = 2, n = 4, 2 right: centre (0.5 + 0.5) / 2 = 0.5, half = 2/2 * sqrt(1/16 + 1/16) = sqrt(1/8)
    assert statistics.wilson(4, 2, z=2.0) == pytest.approx((0.5 - math.sqrt(1 / 8), 0.5 + math.sqrt(1 / 8)))
    assert statistics.wilson(10, 0)[0] == 0.0 and statistics.wilson(10, 10)[1] == pytest.approx(1.0)
    assert statistics.wilson(10, 0)[1] > 0.2
    with pytest.raises(ValueError, match="5 correct of 4"):
        statistics.wilson(4, 5)


def test_bootstrap_is_seeded_and_about_as_wide_as_the_normal_interval() -> None:
    scores = [float(i % 3 == 0) for i in range(120)]
    found = statistics.bootstrap_interval(scores, seed=3)
    assert found == statistics.bootstrap_interval(scores, seed=3)
    assert found != statistics.bootstrap_interval(scores, seed=4)
    assert found == pytest.approx(statistics.normal_interval(scores), abs=0.02)


def test_bootstrap_resamples_whole_clusters() -> None:
    scores, cluster = [1.0, 0.0] * 50, [i // 2 for i in range(100)]
    assert statistics.bootstrap_interval(scores, cluster, seed=0, resamples=200) == (0.5, 0.5)
    low, high = statistics.bootstrap_interval(scores, seed=0, resamples=200)
    assert high - low > 0.1


def test_bootstrap_takes_any_statistic() -> None:
    assert statistics.bootstrap_interval([1.0, 2.0, 9.0], seed=0, resamples=300, statistic=max) == (1.0, 9.0)


def test_paired_difference_by_hand() -> None:
    found = statistics.paired_difference([1.0, 1.0, 0.0], [0.0, 1.0, 0.5])  # gaps 1, 0, -0.5: mean 1/6, variance 7/12
    error = math.sqrt(7 / 12 / 3)
    assert (found.difference, found.standard_error, found.z) == pytest.approx((1 / 6, error, 1 / 6 / error))
    assert (found.low, found.high) == pytest.approx((1 / 6 - 1.96 * error, 1 / 6 + 1.96 * error), abs=1e-4)
    assert statistics.paired_difference([1.0, 1.0], [0.5, 0.5]).z == math.inf
    assert statistics.paired_difference([0.0, 0.0], [0.5, 0.5]).z == -math.inf
    assert statistics.paired_difference([1.0, 0.0], [1.0, 0.0]).z == 0.0
    with pytest.raises(ValueError, match="3 scores against 2: a paired comparison needs the same problems"):
        statistics.paired_difference([1.0, 0.0, 1.0], [1.0, 0.0])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=7))
def test_sign_flip_is_the_share_of_assignments_at_least_as_far_out(pairs: list[tuple[int, int]]) -> None:
    a, b = [x / 3 for x, _ in pairs], [y / 3 for _, y in pairs]
    gaps = [x - y for x, y in pairs]
    sums = [
        abs(sum(s * g for s, g in zip(signs, gaps, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(gaps))
    ]
    assert statistics.sign_flip(a, b) == pytest.approx(sum(s >= abs(sum(gaps)) for s in sums) / len(sums), abs=1e-12)


def test_sign_flip_of_many_problems_is_exact_for_shares_and_seeded_otherwise() -> None:
    a, b = [(i * 7 % 17) / 16 for i in range(256)], [(i * 5 % 17) / 16 for i in range(256)]
    assert 0.0 < statistics.sign_flip(a, b, seed=1) == statistics.sign_flip(a, b, seed=2) <= 1.0
    odd = [math.sin(i) for i in range(40)]
    zero = [0.0] * 40
    assert statistics.sign_flip(odd, zero, seed=1) == statistics.sign_flip(odd, zero, seed=1)
    assert statistics.sign_flip([1.0 + math.sin(i) / 9 for i in range(40)], zero, draws=99) == 0.01


def test_mcnemar_by_hand() -> None:
    assert statistics.mcnemar(5, 0) == pytest.approx(2 / 32)
    assert statistics.mcnemar(3, 1) == pytest.approx(2 * (1 + 4) / 16)
    assert statistics.mcnemar(2, 2) == 1.0 and statistics.mcnemar(0, 0) == 1.0
    with pytest.raises(ValueError, match="counts cannot be negative"):
        statistics.mcnemar(-1, 2)
