"""Intervals and comparisons for evaluation. The unit is the problem, never the sample (arXiv:2411.00640).

Scores are one number a problem (the mean over its samples, or its pass@k). Where problems come in families, pass the
family of each as `cluster`: whole families are resampled, and the standard error counts them. Only the standard
library.

Not covered: a correction for the number of checkpoints tried; the caller knows it, these functions do not.

    normal_interval([1.0, 0.0, 1.0, 1.0])      # (0.26, 1.24): few problems say little, and the interval says so
"""

import math
import random
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

Z95 = 1.959963984540054
"""standard normal quantile of a two-sided 95 % interval"""


def mean(scores: Sequence[float]) -> float:
    """The mean over problems. Raises ValueError when there is none."""
    if not scores:
        raise ValueError("no scores: at least 1 problem is needed")
    return math.fsum(scores) / len(scores)


def standard_error(scores: Sequence[float], cluster: Sequence[Hashable] | None = None) -> float:
    """s / sqrt(P) with the sample standard deviation s; with clusters sqrt(sum_c (sum_{p in c} (x_p - mean))^2) / P.

    Raises ValueError for fewer than 2 problems: one problem says nothing about the next.
    """
    if len(scores) < 2:
        raise ValueError(f"{len(scores)} problem: a standard error needs at least 2")
    centre = mean(scores)
    if cluster is None:
        return math.sqrt(math.fsum((x - centre) ** 2 for x in scores) / (len(scores) - 1) / len(scores))
    return math.sqrt(math.fsum(math.fsum(scores[p] - centre for p in c) ** 2 for c in _members(scores, cluster))) / len(
        scores
    )


def _members(scores: Sequence[float], cluster: Sequence[Hashable] | None) -> list[list[int]]:
    """The places of each cluster's problems, in order of first appearance; each problem alone without clusters."""
    if cluster is None:
        return [[p] for p in range(len(scores))]
    if len(cluster) != len(scores):
        raise ValueError(f"{len(cluster)} clusters for {len(scores)} scores: one a problem is needed")
    members: dict[Hashable, list[int]] = {}
    for place, name in enumerate(cluster):
        members.setdefault(name, []).append(place)
    return list(members.values())


def normal_interval(
    scores: Sequence[float], cluster: Sequence[Hashable] | None = None, z: float = Z95
) -> tuple[float, float]:
    """mean -+ z standard errors. Not cut to [0, 1]: an end outside says that the approximation is poor."""
    centre, half = mean(scores), z * standard_error(scores, cluster)
    return centre - half, centre + half


def wilson(n: int, correct: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's interval for `correct` right answers of `n`, one 0/1 try a problem. Always inside [0, 1]."""
    if n < 1 or not 0 <= correct <= n:
        raise ValueError(f"{correct} correct of {n}: needs n of at least 1 and 0 <= correct <= n")
    share, shrink = correct / n, 1 + z * z / n
    centre = (share + z * z / (2 * n)) / shrink
    half = z / shrink * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def resampled_means(scores: Sequence[float], resamples: Sequence[Sequence[int]]) -> list[float]:
    """The mean of each resample, given as places in `scores`."""
    return [mean([scores[place] for place in places]) for places in resamples]


def bootstrap_interval(
    scores: Sequence[float],
    cluster: Sequence[Hashable] | None = None,
    *,
    seed: int,
    resamples: int = 2000,
    level: float = 0.95,
    statistic: Callable[[Sequence[float]], float] = mean,
) -> tuple[float, float]:
    """The percentile interval of `statistic` over resampled problems (whole clusters), with replacement.

    The same seed gives the same interval. Raises ValueError when there is no problem or no resample.
    """
    if not scores or resamples < 1:
        raise ValueError(f"{len(scores)} problems and {resamples} resamples: at least 1 of each is needed")
    members, rng = _members(scores, cluster), random.Random(seed)
    values = sorted(
        statistic([scores[p] for chosen in rng.choices(members, k=len(members)) for p in chosen])
        for _ in range(resamples)
    )
    tail = (1 - level) / 2
    return _quantile(values, tail), _quantile(values, 1 - tail)


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Linear between the two nearest of the ordered values."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


@dataclass(frozen=True)
class Paired:
    """Two checkpoints on the same problems: difference a - b with its standard error over problems, z and 95 %
    interval."""

    difference: float
    standard_error: float
    z: float
    """difference over standard error; 0 when both are 0, infinite when only the error is"""
    low: float
    high: float


def paired_difference(a: Sequence[float], b: Sequence[float], cluster: Sequence[Hashable] | None = None) -> Paired:
    """The mean per-problem difference a - b. Same problems in the same order, same seeds. At least 2 problems."""
    gaps = _differences(a, b)
    difference, error = mean(gaps), standard_error(gaps, cluster)
    z = difference / error if error else math.copysign(math.inf, difference) if difference else 0.0
    return Paired(difference, error, z, difference - Z95 * error, difference + Z95 * error)


def _differences(a: Sequence[float], b: Sequence[float]) -> list[float]:
    if len(a) != len(b):
        raise ValueError(f"{len(a)} scores against {len(b)}: a paired comparison needs the same problems on both sides")
    return [x - y for x, y in zip(a, b, strict=True)]


EXACT_SUMS = 200_000
"""distinct sums up to which the sign-flip test is exact"""


def sign_flip(a: Sequence[float], b: Sequence[float], *, seed: int = 0, draws: int = 20_000) -> float:
    """The two-sided p of the sign-flip test: the share of sign assignments whose |sum of differences| is at least the
    one seen. Differences are taken to 1e-9.

    Exact while the differences have few enough distinct sums (they do for shares of a few samples); otherwise from
    `draws` random assignments, (hits + 1) / (draws + 1), which the seed fixes.
    """
    gaps = [round(gap * 1e9) for gap in _differences(a, b)]
    gaps = [gap for gap in gaps if gap]
    seen = abs(sum(gaps)) - len(gaps)  # each gap is off by half a unit at most: thirds that tie must still tie
    ways = _signed_sums(gaps)
    if ways is not None:
        return sum(number for total, number in ways.items() if abs(total) >= seen) / 2 ** len(gaps)
    rng = random.Random(seed)
    hits = sum(abs(sum(gap if rng.random() < 0.5 else -gap for gap in gaps)) >= seen for _ in range(draws))
    return (hits + 1) / (draws + 1)


def _signed_sums(gaps: Sequence[int]) -> dict[int, int] | None:
    """Every sum of the gaps with free signs, and how many assignments give it; None past EXACT_SUMS distinct sums."""
    ways = {0: 1}
    for gap in gaps:
        grown: dict[int, int] = {}
        for total, number in ways.items():
            for moved in (total + gap, total - gap):
                grown[moved] = grown.get(moved, 0) + number
        if len(grown) > EXACT_SUMS:
            return None
        ways = grown
    return ways


def mcnemar(only_a: int, only_b: int) -> float:
    """The two-sided exact McNemar p: min(1, 2 P[Bin(b + c, 1/2) <= min(b, c)]), from the problems that only one side
    got right."""
    if only_a < 0 or only_b < 0:
        raise ValueError(f"{only_a} and {only_b} discordant problems: counts cannot be negative")
    total = only_a + only_b
    tail = sum(math.comb(total, i) for i in range(min(only_a, only_b) + 1))
    return min(1.0, 2 * tail / 2**total)
