"""Shaping a reward after it was given: by length, by repetition, by form; scaled and clipped.

    soft_overlong(Verdict.right("4 = 4"), 90, limit=100, cache=20).reward                  # 1 - 0.5
    cosine(Verdict.wrong("5, not 4"), 0, limit=100).reward                                 # -1, and rising to -0.5

Each is a pure function from a verdict, and what is known of its reply, to a verdict. The rules, the same for all:

- `parts[name]` is what the step added to the reward, so the reward before and all steps add up to the reward after.
- `correct`, status, reason and extracted text are never changed: shaping says what to learn, not what is right.
- An `error` passes through as it is. A reward that is no longer finite becomes an `error`.
- Numbers that are not finite, or of no sense, raise ValueError before any reply is seen.

A length is in tokens, the end token included, where the caller counts tokens; these functions take its word.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import replace

from verigym.verifiers.verdict import Verdict


def cosine(
    verdict: Verdict,
    length: int,
    *,
    limit: int,
    right: tuple[float, float] = (1.0, 0.5),
    wrong: tuple[float, float] = (-1.0, -0.5),
    exceed: float | None = -1.0,
    name: str = "cosine",
) -> Verdict:
    """long + (short - long) (1 + cos(pi n / limit)) / 2 in place of the reward.  arXiv:2502.03373, section 4.2

    limit         length from which a reply exceeds, tokens
    right, wrong  the reward of no length and of `limit`, as (short, long). The paper's (2, 1) and (-10, 0)
    exceed        the reward of a reply of `limit` or more, right or wrong (paper: -10). None: as at the limit

    Partial credit is not looked at. A verdict that says neither right nor wrong becomes an `error`.
    """
    _check_length(length)
    _at_least(1, limit=limit)
    _finite(right_short=right[0], right_long=right[1], wrong_short=wrong[0], wrong_long=wrong[1], exceed=exceed or 0.0)
    if verdict.scored and verdict.correct is None:
        return replace(Verdict.error(f"{name} needs a verdict that says right or wrong"), parts=verdict.parts)
    if exceed is not None and length >= limit:
        return changed(verdict, exceed, name)
    short, long = right if verdict.correct else wrong
    fall = (1.0 + math.cos(math.pi * min(1.0, length / limit))) / 2
    return changed(verdict, long + (short - long) * fall, name)


def soft_overlong(
    verdict: Verdict, length: int, *, limit: int, cache: int, weight: float = 1.0, name: str = "overlong"
) -> Verdict:
    """Adds weight times: 0 up to `limit - cache` tokens, then linear to -1 at `limit`, then -1.  DAPO, arXiv:2503.14476

    limit, cache   generation limit and width of the slope, tokens (paper: 20480 and 4096)
    """
    _check_length(length)
    _at_least(1, limit=limit, cache=cache)
    _finite(weight=weight)
    if cache > limit:
        raise ValueError(f"cache={cache} tokens is wider than the limit of {limit}; set cache to {limit} or less")
    fall = min(0.0, max(-1.0, (limit - cache - length) / cache))
    return changed(verdict, verdict.reward + weight * fall, name)


def lcpo_exact(verdict: Verdict, length: int, *, target: int, alpha: float = 3e-4, name: str = "lcpo") -> Verdict:
    """R - alpha |target - n|: hit the length that the prompt asks for.  LCPO-Exact, arXiv:2503.04697"""
    _check_length(length)
    _at_least(1, target=target)
    _finite(alpha=alpha)
    return changed(verdict, verdict.reward - alpha * abs(target - length), name)


def lcpo_max(
    verdict: Verdict, length: int, *, target: int, alpha: float = 3e-4, delta: float = 0.5, name: str = "lcpo"
) -> Verdict:
    """R clip(alpha (target - n) + delta; 0, 1): stay below the length that the prompt allows.  LCPO-Max,
    arXiv:2503.04697"""
    _check_length(length)
    _at_least(1, target=target)
    _finite(alpha=alpha, delta=delta)
    return changed(verdict, verdict.reward * min(1.0, max(0.0, alpha * (target - length) + delta)), name)


def repetition(
    verdict: Verdict, tokens: Sequence[Hashable], *, weight: float, n: int = 40, name: str = "repetition"
) -> Verdict:
    """R - weight (1 - distinct n-grams / all n-grams): nothing for a reply without repeats, almost `weight` for one
    that says the same again and again.  arXiv:2502.03373, appendix, as one number for the reply

    tokens   token ids, or the words of the reply;  n   tokens of an n-gram (paper: 40; words: 3 to 5)
    """
    _at_least(1, n=n)
    _finite(weight=weight)
    return changed(verdict, verdict.reward - weight * repeated_share(tokens, n), name)


def repeated_share(tokens: Sequence[Hashable], n: int) -> float:
    """The share of n-grams that stood earlier in `tokens`; 0 where there is none."""
    count = len(tokens) - n + 1
    if count < 1:
        return 0.0
    distinct = {tuple(tokens[start : start + n]) for start in range(count)}
    return 1.0 - len(distinct) / count


def gate(verdict: Verdict, first: Verdict, *, otherwise: float = 0.0, name: str = "gate") -> Verdict:
    """The reward as it is where `first` is correct ("format first"), and `otherwise` where it is not."""
    _finite(otherwise=otherwise)
    if not first.scored:
        return _failed(verdict, first, name)
    return changed(verdict, verdict.reward if first.correct else otherwise, name)


def add(verdict: Verdict, other: Verdict, *, weight: float, name: str) -> Verdict:
    """R + weight times the reward of `other`."""
    _finite(weight=weight)
    if not other.scored:
        return _failed(verdict, other, name)
    return changed(verdict, verdict.reward + weight * other.reward, name)


def scale(verdict: Verdict, by: float, *, name: str = "scale") -> Verdict:
    """R times `by`."""
    _finite(by=by)
    return changed(verdict, verdict.reward * by, name)


def clip(verdict: Verdict, low: float, high: float, *, name: str = "clip") -> Verdict:
    """R held between `low` and `high`."""
    _finite(low=low, high=high)
    if not low <= high:
        raise ValueError(f"clip bounds low={low}, high={high}: low must not be above high")
    return changed(verdict, min(max(verdict.reward, low), high), name)


def changed(verdict: Verdict, reward: float, name: str) -> Verdict:
    """The verdict with another reward, and the difference as the part `name`."""
    if not verdict.scored:
        return verdict
    if not math.isfinite(reward):
        return replace(Verdict.error(f"{name}: the reward is {reward}, not finite"), parts=verdict.parts)
    return replace(verdict, reward=reward, parts={**verdict.parts, name: reward - verdict.reward})


def _failed(verdict: Verdict, other: Verdict, name: str) -> Verdict:
    """What comes of a verdict when the part `name`, which belongs to it, could not be graded."""
    return replace(other, reason=f"{name}: {other.reason}", parts=verdict.parts) if verdict.scored else verdict


def _check_length(length: int) -> None:
    if length < 0:
        raise ValueError(f"a length of {length} tokens; it must be 0 or more")


def _at_least(least: int, **values: int) -> None:
    for name, value in values.items():
        if value < least:
            raise ValueError(f"{name}={value} is too small; set it to {least} or more")


def _finite(**values: float) -> None:
    for name, value in values.items():
        if not math.isfinite(value):
            raise ValueError(f"{name}={value} must be finite")
