"""What n graded samples of a problem say of k: pass@k and its family, voting, best-of-n. Unbiased, exact, and of one
problem.

Average over problems with `statistics.py`. Counts: n samples, c of them correct, 1 <= k <= n. Correctness is a
verifier's yes or no, never "any reward above 0". Only the standard library.

    pass_at_k(n=8, c=3, k=2)      # 0.6428571428571428
"""

import math
from collections import Counter
from collections.abc import Collection, Hashable, Sequence


def _check(n: int, c: int, k: int) -> None:
    if not 0 <= c <= n:
        raise ValueError(f"c={c} correct of n={n} samples: c must lie in 0..n")
    if not 1 <= k <= n:
        raise ValueError(
            f"k={k} needs between 1 and n={n} samples: draw at least k samples a problem, or ask for a smaller k"
        )


def pass_at_k(n: int, c: int, k: int) -> float:
    """The chance that at least one of k samples is correct: 1 - C(n-c, k) / C(n, k).  arXiv:2107.03374

    Raises ValueError unless 0 <= c <= n and 1 <= k <= n.
    """
    _check(n, c, k)
    return 1.0 - math.comb(n - c, k) / math.comb(n, k)


def pass_hat_k(n: int, c: int, k: int) -> float:
    """pass^k, the chance that all k samples are correct: C(c, k) / C(n, k).  arXiv:2406.12045"""
    _check(n, c, k)
    return math.comb(c, k) / math.comb(n, k)


def g_pass_at_k(n: int, c: int, k: int, tau: float) -> float:
    """The chance that at least max(1, ceil(tau k)) of k samples are correct.  arXiv:2412.13147

    tau in [0, 1]: 0 is pass@k, 1 is pass^k.
    """
    _check(n, c, k)
    if not 0.0 <= tau <= 1.0:
        raise ValueError(f"tau={tau} is a share of k and must lie in [0, 1]")
    # tau often comes as i / k, whose product with k may land a hair above i
    return _at_least(n, c, k, max(1, math.ceil(tau * k - 1e-9)))


def mg_pass_at_k(n: int, c: int, k: int) -> float:
    """(2/k) sum of G-Pass@k at tau = i/k, for i from ceil(k/2) + 1 to k.  arXiv:2412.13147"""
    _check(n, c, k)
    return 2.0 / k * math.fsum(_at_least(n, c, k, i) for i in range(math.ceil(k / 2) + 1, k + 1))


def _at_least(n: int, c: int, k: int, wanted: int) -> float:
    """The chance that at least `wanted` of k drawn samples are correct."""
    ways = sum(math.comb(c, j) * math.comb(n - c, k - j) for j in range(wanted, min(c, k) + 1))
    return ways / math.comb(n, k)


def winners(answers: Sequence[Hashable | None], weights: Sequence[float] | None = None) -> list[Hashable]:
    """The answers with the most votes, several when they tie, in the order they first appear.  arXiv:2203.11171

    answers  one a sample, normalised, so that equal ones compare equal; None (unparsable) does not vote
    weights  votes of each sample, 1 by default; sums within 1e-12 of one another tie
    """
    if weights is not None and len(weights) != len(answers):
        raise ValueError(f"{len(weights)} weights for {len(answers)} answers: one a sample is needed")
    votes: dict[Hashable, list[float]] = {}
    for answer, weight in zip(answers, weights or [1.0] * len(answers), strict=True):
        if answer is not None:
            votes.setdefault(answer, []).append(weight)
    totals = {answer: math.fsum(parts) for answer, parts in votes.items()}
    return [answer for answer, total in totals.items() if math.isclose(total, max(totals.values()), abs_tol=1e-12)]


def vote_credit(
    answers: Sequence[Hashable | None], right: Collection[Hashable], weights: Sequence[float] | None = None
) -> float:
    """The share of the winning answers that are right: 1, 0, or in between when right and wrong ones tie. 0 without a
    vote."""
    elected = winners(answers, weights)
    return sum(answer in right for answer in elected) / len(elected) if elected else 0.0


def maj_at_k(answers: Sequence[Hashable | None], right: Collection[Hashable], k: int) -> float:
    """The mean of `vote_credit` over all k-subsets of the samples, exactly, without listing them.  arXiv:2203.11171

    answers  one a sample, None where unparsable;  right  the answers that are right (several may be)

    For each right answer, each number g of votes it may get and each number of others that tie with it, counts the
    subsets in which it is elected; such a subset is worth 1 / (1 + ties) to it.
    """
    _check(len(answers), 0, k)
    counts = Counter(answer for answer in answers if answer is not None)
    silent = len(answers) - counts.total()
    worth: dict[int, float] = {}
    for answer in counts:
        if answer in right and counts[answer] not in worth:
            others = [count for other, count in counts.items() if other != answer]
            worth[counts[answer]] = _election_share(counts[answer], others, silent, k)
    subsets = math.comb(len(answers), k)
    return math.fsum(worth[count] / subsets for answer, count in counts.items() if answer in right)


def _election_share(own: int, others: Sequence[int], silent: int, k: int) -> float:
    """The sum over k-subsets of 1 / (number of winners) where the answer with `own` samples is one of them."""
    share = 0.0
    for got in range(1, min(own, k) + 1):
        ways = {(0, 0): 1}  # (votes of the others, how many of them tie) -> subsets of their samples
        for count in others:
            grown: dict[tuple[int, int], int] = {}
            for (votes, ties), number in ways.items():
                for more in range(min(count, got, k - got - votes) + 1):
                    state = (votes + more, ties + (more == got))
                    grown[state] = grown.get(state, 0) + number * math.comb(count, more)
            ways = grown
        share += math.comb(own, got) * math.fsum(
            number * math.comb(silent, k - got - votes) / (1 + ties) for (votes, ties), number in ways.items()
        )
    return share


def best_of_n(proxy: Sequence[float], gold: Sequence[float], k: int) -> float:
    """The expected gold score of the proxy's favourite among k of the n samples: sum_i C(i-1, k-1) / C(n, k) gold_(i),
    sorted by proxy, ascending. Samples the proxy scores alike share their places equally.

    proxy, gold  one score a sample. Raises ValueError unless they are equally many and 1 <= k <= n.
    """
    if len(proxy) != len(gold):
        raise ValueError(f"{len(proxy)} proxy scores for {len(gold)} gold scores: both are needed of each sample")
    _check(len(proxy), 0, k)
    levels: dict[float, list[float]] = {}
    for score, value in zip(proxy, gold, strict=True):
        levels.setdefault(score, []).append(value)
    places = [math.fsum(levels[score]) / len(levels[score]) for score in sorted(levels) for _ in levels[score]]
    return math.fsum(math.comb(i, k - 1) * value for i, value in enumerate(places)) / math.comb(len(proxy), k)
