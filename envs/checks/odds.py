"""The statistics of a check: tests that an honest environment fails once in a thousand checks, not once a week.

ALPHA is the chance that a check of an environment without fault fails in one finding for bad luck alone. A finding that
makes `m` comparisons makes each at ALPHA / m (Bonferroni). Everything is exact or a proved bound; nothing is normal by
assumption.

    binomial_tail(7, 40, 0.05)        # P(7 or more of 40), each with chance 0.05
"""

import math
from collections.abc import Callable, Sequence

ALPHA = 0.001


def binomial_tail(hits: int, n: int, p: float) -> float:
    """P(X >= hits) for X ~ Binomial(n, p). p in [0, 1]."""
    if hits <= 0:
        return 1.0
    if hits > n or p <= 0.0:
        return 0.0
    if p >= 1.0:
        return 1.0
    log_p, log_q = math.log(p), math.log1p(-p)
    terms = [
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * log_p + (n - k) * log_q
        for k in range(hits, n + 1)
    ]
    top = max(terms)
    return min(1.0, math.exp(top) * math.fsum(math.exp(term - top) for term in terms))


def mean_tail(total: float, n: int, p: float) -> float:
    """A bound on P(sum >= total) for the sum of n independent rewards in [0, 1] whose mean is at most p: e times the
    binomial tail (Bentkus, On Hoeffding's inequalities, Annals of Probability 32, 2004)."""
    return min(1.0, math.e * binomial_tail(math.ceil(total - 1e-9), n, p))


def interval(hits: int, n: int, alpha: float = 0.05) -> tuple[float, float]:
    """The exact (Clopper-Pearson) interval of a rate, by bisection of the binomial tails."""
    if n == 0:
        return 0.0, 1.0
    low = 0.0 if hits == 0 else _solve(lambda p: binomial_tail(hits, n, p) < alpha / 2)
    high = 1.0 if hits == n else _solve(lambda p: 1 - binomial_tail(hits + 1, n, p) > alpha / 2)
    return low, high


def _solve(below: Callable[[float], bool]) -> float:
    """The place in [0, 1] where `below` turns from True to False."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2


def rises(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Fisher's exact test, one-sided: the chance of as many successes in `second` as there are, or more, where both
    (successes, tries) have one rate."""
    (a, n), (b, m) = first, second
    total, ways = a + b, math.comb(n + m, a + b)
    return sum(math.comb(m, k) * math.comb(n, total - k) for k in range(b, min(m, total) + 1)) / ways


def repeats_tail(pairs: int, draws: int, space: float) -> float:
    """P(as many pairs of equal draws, or more) for `draws` even draws from `space` things; Poisson, with the number of
    pairs that is expected."""
    expected = draws * (draws - 1) / (2 * space)
    if pairs <= 0:
        return 1.0
    if expected <= 0:
        return 0.0
    log_terms = [k * math.log(expected) - expected - math.lgamma(k + 1) for k in range(pairs)]
    return max(0.0, 1.0 - math.fsum(math.exp(term) for term in log_terms))


def distinct_estimate(distinct: int, once: int, twice: int) -> float:
    """How many things there are, of which draws met some once and some twice (Chao 1984, bias-corrected). Uneven draws
    make it too low, never much too high."""
    return distinct + once * (once - 1) / (2 * (twice + 1))


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed; 0 without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0
