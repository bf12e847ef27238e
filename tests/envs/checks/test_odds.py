"""The statistics of a check against numbers worked by hand, and how seldom an honest environment fails."""

import random
from math import comb, e, exp

import pytest

from verigym.envs.checks.odds import (
    ALPHA,
    binomial_tail,
    distinct_estimate,
    interval,
    mean_tail,
    quantile,
    repeats_tail,
    rises,
)


def test_binomial_tails_by_hand() -> None:
    assert binomial_tail(2, 3, 0.5) == pytest.approx(4 / 8)  # 3 ways for two of three, 1 for three
    assert binomial_tail(1, 10, 0.1) == pytest.approx(1 - 0.9**10)
    assert [binomial_tail(0, 5, 0.0), binomial_tail(1, 5, 0.0), binomial_tail(6, 5, 0.9), binomial_tail(5, 5, 1.0)] == [
        1.0,
        0.0,
        0.0,
        1.0,
    ]
    exact = sum(comb(200, k) * 0.02**k * 0.98 ** (200 - k) for k in range(12, 201))
    assert binomial_tail(12, 200, 0.02) == pytest.approx(exact)


def test_the_mean_of_rewards_is_bounded_by_a_binomial_tail() -> None:
    assert mean_tail(3.0, 30, 0.01) == pytest.approx(e * binomial_tail(3, 30, 0.01))
    assert mean_tail(2.2, 30, 0.01) == mean_tail(3.0, 30, 0.01)  # rounded up
    assert mean_tail(0.0, 30, 0.01) == 1.0


def test_a_bound_that_holds_for_rewards_between_0_and_1() -> None:
    drawn = random.Random(5)  # rewards of 0, 0.5 and 1 with mean 0.1: how often is the bound below 5 percent?
    values = [0.0] * 17 + [0.5] * 2 + [1.0]
    low = sum(mean_tail(sum(drawn.choice(values) for _ in range(40)), 40, 0.1) < 0.05 for _ in range(2000))
    assert low / 2000 < 0.05


def test_an_interval_by_hand() -> None:
    assert interval(0, 10) == (0.0, pytest.approx(1 - 0.025**0.1))  # (1 - p)^10 = 0.025
    assert interval(10, 10) == (pytest.approx(0.025**0.1), 1.0)
    low, high = interval(3, 20)
    assert binomial_tail(3, 20, low) == pytest.approx(0.025)
    assert 1 - binomial_tail(4, 20, high) == pytest.approx(0.025)
    assert interval(0, 0) == (0.0, 1.0)


def test_a_rise_by_hand() -> None:
    # 0 of 3, then 3 of 3: of the C(6, 3) = 20 ways to place three successes, one puts all into the second.
    assert rises((0, 3), (3, 3)) == pytest.approx(1 / 20)
    assert rises((3, 3), (0, 3)) == pytest.approx(1.0)
    assert rises((5, 30), (28, 30)) < ALPHA < rises((10, 30), (14, 30))


def test_repeats_by_hand() -> None:
    # 11 draws make 55 pairs; from 55 things one equal pair is expected: P(at least one) = 1 - 1/e.
    assert repeats_tail(1, 11, 55) == pytest.approx(1 - exp(-1))
    assert repeats_tail(0, 11, 55) == 1.0
    assert repeats_tail(1, 1, 10) == 0.0


def test_an_estimate_of_the_distinct_by_hand() -> None:
    assert distinct_estimate(10, 4, 1) == 10 + 4 * 3 / 4
    drawn = random.Random(1)
    counts = [0] * 1000
    for _ in range(1500):
        counts[drawn.randrange(1000)] += 1
    met, once, twice = sum(c > 0 for c in counts), counts.count(1), counts.count(2)
    assert 900 < distinct_estimate(met, once, twice) < 1150


def test_quantiles() -> None:
    assert [quantile([3, 1, 2], share) for share in (0.01, 0.5, 0.99)] == [1, 2, 3]
    assert quantile([], 0.5) == 0.0
