"""From graded samples to numbers: pass@k, pass^k and maj@k with 95 % intervals over problems, and the comparison of
two scores.

Everything here is a pure function of what was sampled. A pass is `verdict.correct`, never a reward above some bar, so
partial credit and format bonuses pass nothing. Samples whose verdict is `error` leave n and are counted; so do
verdicts that do not rule. The problem is the unit of every interval (arXiv:2411.00640), and its family where families
repeat.

    scores = Scores((Sample("double@1/test/1/0", correct=True), Sample("double@1/test/1/1", correct=False)))
    pass_at(scores, 1)        # Estimate(value=0.5, low=0.0945, high=0.9055, ...)
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from verigym.trainer.config import ConfigError, require
from verigym.trainer.evaluation.passk import maj_at_k, pass_at_k, pass_hat_k
from verigym.trainer.evaluation.statistics import (
    Z95,
    mcnemar,
    paired_difference,
    sign_flip,
    standard_error,
    wilson,
)
from verigym.verifiers.verdict import Status


class NoAccuracy(ValueError):
    """Samples that cannot make an accuracy: none was ruled right or wrong."""


@dataclass(frozen=True)
class Sample:
    """One sampled reply with its verdict; a line of samples.jsonl.

    problem: the address; key and family: see `verigym.tasks.problem.Problem`; tokens: sampled ones, the end token
    included; earlier: the replies before the last one, in an environment of several turns."""

    problem: str
    sample: int = 0
    correct: bool | None = None
    status: str = "ok"
    extracted: str | None = None
    reward: float = 0.0
    reason: str = ""
    reply: str = ""
    earlier: tuple[str, ...] = ()
    tokens: int = 0
    finish: str = "stop"
    seed: int = 0
    level: int = 0
    key: str = ""
    family: str = ""

    @property
    def ruled(self) -> bool:
        """Whether it counts: the grader did not fail, and said right or wrong."""
        return self.correct is not None and self.status != Status.ERROR


@dataclass(frozen=True)
class Tally:
    """The samples of one problem: n ruled, c of them right. votes: (answer, right) of each ruled sample that has an
    answer."""

    problem: str
    family: str
    level: int
    n: int
    c: int
    votes: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class Estimate:
    """A mean over problems with its 95 % interval. problems: how many it rests on; left_out: those with too few ruled
    samples; method: wilson, normal, or clustered (by family)."""

    value: float
    low: float
    high: float
    problems: int
    left_out: int
    method: str


@dataclass(frozen=True)
class Comparison:
    """The mean over problems of `after - before`, its standard error and 95 % interval, and the p of no difference.
    test: mcnemar (one 0/1 try a problem), or sign-flip (of problems, or of families where they repeat)."""

    difference: float
    se: float
    low: float
    high: float
    p: float
    test: str
    problems: int


@dataclass(frozen=True)
class Scores:
    """What was sampled on a set of problems, and how it was graded."""

    samples: tuple[Sample, ...]

    @cached_property
    def tallies(self) -> tuple[Tally, ...]:
        """One per problem, in the order in which problems were first met."""
        found: dict[str, list[Sample]] = {}
        for sample in self.samples:
            found.setdefault(sample.problem, []).append(sample)
        return tuple(_tally(samples) for samples in found.values())

    @property
    def statuses(self) -> dict[str, int]:
        """Samples by status."""
        return dict(Counter(sample.status for sample in self.samples))

    @property
    def errors(self) -> int:
        """Samples whose grading failed: they leave n."""
        return sum(sample.status == Status.ERROR for sample in self.samples)

    @property
    def unruled(self) -> int:
        """Samples that were graded, but not as right or wrong: they leave n too."""
        return sum(not sample.ruled for sample in self.samples) - self.errors

    @property
    def most(self) -> int:
        """Ruled samples of the problem that has the most: the largest k of which anything can be said."""
        return max((tally.n for tally in self.tallies), default=0)

    @property
    def truncated(self) -> float:
        """Share of replies that the length limit cut."""
        return _mean([sample.finish == "length" for sample in self.samples])

    @property
    def length(self) -> float:
        """Mean tokens of a reply."""
        return _mean([sample.tokens for sample in self.samples])

    @property
    def first_error(self) -> str:
        """The reason of the first `error` verdict, or nothing."""
        return next((sample.reason for sample in self.samples if sample.status == Status.ERROR), "")

    def by_level(self) -> dict[int, "Scores"]:
        """The same samples, apart by the level of their problems."""
        levels = sorted({sample.level for sample in self.samples})
        return {level: Scores(tuple(s for s in self.samples if s.level == level)) for level in levels}


def pass_at(scores: Scores, k: int) -> Estimate:
    """pass@k: the chance that one of k samples is right, unbiased (arXiv:2107.03374), mean over problems. Problems
    with fewer than k ruled samples are left out. Raises ConfigError when that leaves none, NoAccuracy when nothing
    was ruled at all."""
    return _over_problems(scores, k, lambda tally: pass_at_k(n=tally.n, c=tally.c, k=k), exact=k == 1)


def pass_hat(scores: Scores, k: int) -> Estimate:
    """pass^k: the chance that all k samples are right (arXiv:2406.12045). Raises as `pass_at`."""
    return _over_problems(scores, k, lambda tally: pass_hat_k(n=tally.n, c=tally.c, k=k), exact=k == 1)


def maj_at(scores: Scores, k: int) -> Estimate:
    """maj@k: the chance that the most frequent answer of k samples is right (arXiv:2203.11171); ties share the
    credit, replies without an answer do not vote. Answers are the same when their texts are, blanks apart. Raises as
    `pass_at`."""
    return _over_problems(scores, k, lambda tally: _majority(tally, k), exact=k == 1)


def comparable(before: Scores, after: Scores, k: int) -> bool:
    """Whether any problem has k ruled samples in both, which `compare` needs."""
    enough = [{tally.problem for tally in scores.tallies if tally.n >= k} for scores in (before, after)]
    return not enough[0].isdisjoint(enough[1])


def compare(before: Scores, after: Scores, k: int = 1) -> Comparison:
    """pass@k of two scores on the same problems. Problems with fewer than k ruled samples in either are left out of
    both. Raises ConfigError when the problems differ."""
    first, second = ({tally.problem: tally for tally in scores.tallies} for scores in (before, after))
    odd = first.keys() ^ second.keys()
    require(
        not odd,
        f"the two scores are of different problems: {len(odd)} were sampled for one of them only, such as "
        f"{min(odd, default='')}; compare scores of one environment, split, level and number of problems",
    )
    both = [(first[name], second[name]) for name in first if min(first[name].n, second[name].n) >= k]
    for scores in (before, after):
        if all(tally.n < k for tally in scores.tallies):
            raise _too_few(scores, k)
    require(bool(both), f"no problem has k={k} samples that count in both scores; compare at a smaller k")
    old, new = ([pass_at_k(n=tally.n, c=tally.c, k=k) for tally in side] for side in zip(*both, strict=True))
    families = [tally.family for tally, _ in both]
    groups = len(set(families))
    error = (
        paired_difference(new, old, families if groups < len(families) else None).standard_error if groups > 1 else 0.0
    )
    # Problems that all change alike show no spread, which does not make the interval a point: as for a score of 0.
    half = Z95 * error or wilson(groups, 0)[1]
    difference = _mean(new) - _mean(old)
    if groups == len(families) and all(a.n == 1 == b.n for a, b in both):
        gained = sum(a < b for a, b in zip(old, new, strict=True))
        lost = sum(a > b for a, b in zip(old, new, strict=True))
        p, test = mcnemar(gained, lost), "mcnemar"
    else:
        p, test = sign_flip(_by_family(new, families), _by_family(old, families)), "sign-flip"
    low, high = max(-1.0, difference - half), min(1.0, difference + half)
    return Comparison(difference, error, low, high, p, test, len(both))


def _over_problems(scores: Scores, k: int, value: Callable[[Tally], float], *, exact: bool) -> Estimate:
    """The mean of a per-problem value. exact: with one sample a problem the value is 0 or 1, and Wilson's interval
    holds."""
    require(k >= 1, f"k={k} is too small; k is a number of samples, 1 or more")
    tallies = [tally for tally in scores.tallies if tally.n >= k]
    if not tallies:
        raise _too_few(scores, k)
    values, families = [value(tally) for tally in tallies], [tally.family for tally in tallies]
    groups = len(set(families))
    mean, left_out = math.fsum(values) / len(values), len(scores.tallies) - len(tallies)
    clustered = groups < len(tallies)
    half = Z95 * standard_error(values, families if clustered else None) if groups > 1 else 0.0
    if half == 0 or (exact and not clustered and all(tally.n == 1 for tally in tallies)):
        # Problems that all score alike show no spread, and a normal interval would be a point: count families as tries.
        right = math.fsum(values) * groups / len(values)
        low, high = wilson(groups, math.floor(right))[0], wilson(groups, math.ceil(right))[1]
        return Estimate(mean, low, high, len(tallies), left_out, "wilson")
    method = "clustered" if clustered else "normal"
    return Estimate(mean, max(0.0, mean - half), min(1.0, mean + half), len(tallies), left_out, method)


def _too_few(scores: Scores, k: int) -> Exception:
    """Why no problem has k ruled samples."""
    if not scores.samples:
        return ConfigError("nothing was sampled, so there is no score; ask for 1 problem or more")
    if any(sample.ruled for sample in scores.samples):
        errors = f" ({scores.errors} verdicts were errors: {scores.first_error})" if scores.errors else ""
        return ConfigError(
            f"k={k} needs {k} samples of a problem, and no problem has more than {scores.most} that count{errors}; "
            f"set -n {k} or more"
        )
    if scores.errors == len(scores.samples):
        return NoAccuracy(
            f"all {scores.errors} verdicts are errors, so nothing was scored; the first: {scores.first_error}"
        )
    return NoAccuracy(
        f"none of {len(scores.samples)} verdicts says right or wrong (`correct` is None), as with a learned reward: it "
        "can train a policy, but it cannot be an accuracy; evaluate with a verifier that checks the answer"
    )


def _tally(samples: Sequence[Sample]) -> Tally:
    ruled = [sample for sample in samples if sample.ruled]
    first = samples[0]
    votes = [
        ("".join(s.extracted.split()), bool(s.correct))
        for s in ruled
        if s.extracted is not None and s.status == Status.OK
    ]
    return Tally(
        first.problem,
        first.family or first.problem,
        first.level,
        len(ruled),
        sum(bool(s.correct) for s in ruled),
        tuple(votes),
    )


def _majority(tally: Tally, k: int) -> float:
    """maj@k of one problem; samples that do not vote are None."""
    answers: list[str | None] = [answer for answer, _ in tally.votes]
    right = {answer for answer, correct in tally.votes if correct}
    return maj_at_k([*answers, *[None] * (tally.n - len(answers))], right, k)


def _by_family(values: Sequence[float], families: Sequence[str]) -> list[float]:
    """The sum of the values of each family."""
    sums: dict[str, float] = {}
    for value, family in zip(values, families, strict=True):
        sums[family] = sums.get(family, 0.0) + value
    return list(sums.values())


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0
