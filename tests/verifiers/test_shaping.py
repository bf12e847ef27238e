"""Shaping: arithmetic by hand, and what shaping must never touch."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.verifiers import shaping
from verigym.verifiers.verdict import Status, Verdict

RIGHT, WRONG = Verdict.right("yes", "4"), Verdict.wrong("no", "5")
ERROR = Verdict.error("it broke")
UNSAID = Verdict(0.7, None)


@pytest.mark.parametrize(
    ("verdict", "length", "reward"),
    [
        (RIGHT, 0, 1.0),  # cos 0 = 1: the short end
        (RIGHT, 50, 0.75),  # cos(pi/2) = 0: half way between 1 and 0.5
        (RIGHT, 25, 0.5 + 0.5 * (1 + math.sqrt(0.5)) / 2),  # cos(pi/4) = sqrt(1/2)
        (WRONG, 0, -1.0),
        (WRONG, 50, -0.75),
        (RIGHT, 100, -1.0),  # at the limit: exceeded, right or wrong
        (WRONG, 4000, -1.0),
        (Verdict.malformed("no box"), 50, -0.75),
        (Verdict.wrong("close", reward=0.9), 50, -0.75),  # partial credit is not looked at
    ],
)
def test_cosine_by_hand(verdict: Verdict, length: int, reward: float) -> None:
    shaped = shaping.cosine(verdict, length, limit=100)
    assert shaped.reward == pytest.approx(reward)
    assert shaped.parts["cosine"] == pytest.approx(reward - verdict.reward)


def test_cosine_with_the_papers_numbers() -> None:
    paper: dict[str, Any] = {"limit": 200, "right": (2.0, 1.0), "wrong": (-10.0, 0.0), "exceed": -10.0}
    assert shaping.cosine(RIGHT, 100, **paper).reward == pytest.approx(1.5)
    assert shaping.cosine(WRONG, 100, **paper).reward == pytest.approx(-5.0)
    assert shaping.cosine(RIGHT, 200, **paper).reward == -10.0
    assert shaping.cosine(RIGHT, 300, **{**paper, "exceed": None}).reward == pytest.approx(1.0)  # held at the limit


def test_cosine_cannot_be_read_from_a_verdict_that_says_neither() -> None:
    verdict = shaping.cosine(UNSAID, 5, limit=100)
    assert (verdict.status, verdict.reason) == (Status.ERROR, "cosine needs a verdict that says right or wrong")


@pytest.mark.parametrize(
    ("length", "added"), [(0, 0.0), (80, 0.0), (81, -0.05), (90, -0.5), (100, -1.0), (101, -1.0), (9999, -1.0)]
)
def test_soft_overlong_by_hand(length: int, added: float) -> None:
    verdict = shaping.soft_overlong(RIGHT, length, limit=100, cache=20)
    assert (verdict.reward, verdict.parts["overlong"]) == (pytest.approx(1 + added), pytest.approx(added))
    assert shaping.soft_overlong(RIGHT, length, limit=100, cache=20, weight=0.5).reward == pytest.approx(1 + added / 2)


def test_lcpo_by_hand() -> None:
    # |100 - 150| = 50 tokens too many, at 0.01 each
    assert shaping.lcpo_exact(RIGHT, 150, target=100, alpha=0.01).reward == pytest.approx(0.5)
    assert shaping.lcpo_exact(WRONG, 80, target=100, alpha=0.01).reward == pytest.approx(-0.2)
    assert shaping.lcpo_exact(RIGHT, 1512, target=512).reward == pytest.approx(0.7)  # the paper's alpha, 3e-4
    # 0.01 (60 - 50) + 0.5 = 0.6; far below: held at 1; far above: at 0
    assert shaping.lcpo_max(RIGHT, 50, target=60, alpha=0.01).reward == pytest.approx(0.6)
    assert shaping.lcpo_max(RIGHT, 1, target=600, alpha=0.01).reward == 1.0
    assert shaping.lcpo_max(RIGHT, 600, target=60, alpha=0.01).reward == 0.0
    assert shaping.lcpo_max(WRONG, 50, target=60, alpha=0.01).reward == 0.0
    assert shaping.lcpo_max(Verdict.wrong("half", reward=0.5), 50, target=60, alpha=0.01).parts == {
        "lcpo": pytest.approx(-0.2)
    }


@pytest.mark.parametrize(
    ("tokens", "n", "share"),
    [
        ([], 2, 0.0),
        ([1], 2, 0.0),
        ([1, 2], 2, 0.0),
        ([1, 2, 1, 2], 2, 1 / 3),  # 12 21 12: one of three stood before
        ([7] * 11, 2, 0.9),  # ten bigrams, one distinct
        (["a", "b", "c", "a", "b", "c"], 3, 0.25),  # abc bca cab abc
        ([1, 2, 3, 4], 5, 0.0),
    ],
)
def test_repetition_by_hand(tokens: list[Any], n: int, share: float) -> None:
    assert shaping.repeated_share(tokens, n) == pytest.approx(share)
    verdict = shaping.repetition(RIGHT, tokens, weight=0.2, n=n)
    assert verdict.reward == pytest.approx(1 - 0.2 * share)


def test_gate_bonus_scale_and_clip_by_hand() -> None:
    assert shaping.gate(RIGHT, Verdict.right("tags")).parts == {"gate": 0.0}
    shut = shaping.gate(RIGHT, Verdict.malformed("no tags"), otherwise=-0.5)
    assert (shut.reward, shut.correct, shut.status, shut.parts) == (-0.5, True, Status.OK, {"gate": -1.5})
    assert shaping.gate(RIGHT, UNSAID).reward == 0.0  # a gate opens for what is right, not for what is liked
    assert shaping.add(WRONG, Verdict.right("tags"), weight=0.1, name="format").parts == {"format": 0.1}
    assert shaping.scale(RIGHT, 0.9).reward == 0.9
    assert shaping.clip(Verdict.wrong("far", reward=-3.0), -1.0, 1.0).parts == {"clip": 2.0}
    assert shaping.clip(RIGHT, -1.0, 0.5).reward == 0.5


def test_a_part_that_failed_fails_the_whole() -> None:
    for shaped in (shaping.gate(RIGHT, ERROR), shaping.add(RIGHT, ERROR, weight=1.0, name="gate")):
        assert (shaped.status, shaped.reason) == (Status.ERROR, "gate: it broke")


STEPS: dict[str, Any] = {
    "cosine": lambda verdict, n: shaping.cosine(verdict, n, limit=64),
    "overlong": lambda verdict, n: shaping.soft_overlong(verdict, n, limit=64, cache=16, weight=0.3),
    "lcpo": lambda verdict, n: shaping.lcpo_exact(verdict, n, target=32),
    "lcpo_max": lambda verdict, n: shaping.lcpo_max(verdict, n, target=32, name="lcpo_max"),
    "repetition": lambda verdict, n: shaping.repetition(verdict, [1, 2] * n, weight=0.2, n=4),
    "gate": lambda verdict, n: shaping.gate(verdict, RIGHT if n % 2 else WRONG),
    "format": lambda verdict, n: shaping.add(verdict, RIGHT, weight=0.1, name="format"),
    "scale": lambda verdict, n: shaping.scale(verdict, 0.5),
    "clip": lambda verdict, n: shaping.clip(verdict, -0.2, 0.9),
}


@given(
    st.lists(st.sampled_from(list(STEPS)), unique=True),
    st.integers(0, 200),
    st.sampled_from([RIGHT, WRONG, Verdict.malformed("no box"), Verdict.wrong("half", reward=0.5)]),
)
def test_parts_add_up_to_the_reward_and_nothing_else_is_touched(names: list[str], n: int, verdict: Verdict) -> None:
    shaped = verdict
    for name in names:
        shaped = STEPS[name](shaped, n)
    assert list(shaped.parts) == names
    assert verdict.reward + sum(shaped.parts.values()) == pytest.approx(shaped.reward)
    for kept in ("correct", "status", "reason", "extracted"):
        assert getattr(shaped, kept) == getattr(verdict, kept)


@pytest.mark.parametrize("name", STEPS)
def test_an_error_passes_through(name: str) -> None:
    assert STEPS[name](ERROR, 7) == ERROR


def test_a_reward_beyond_all_numbers_is_an_error_and_not_a_score() -> None:
    huge = Verdict(1e308, True)
    verdict = shaping.scale(huge, 1e10)
    assert (verdict.status, verdict.reason) == (Status.ERROR, "scale: the reward is inf, not finite")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: shaping.cosine(RIGHT, 1, limit=0), "limit=0 is too small; set it to 1 or more"),
        (lambda: shaping.cosine(RIGHT, -1, limit=5), "a length of -1 tokens; it must be 0 or more"),
        (lambda: shaping.cosine(RIGHT, 1, limit=5, right=(math.nan, 0.0)), "right_short=nan must be finite"),
        (lambda: shaping.cosine(RIGHT, 1, limit=5, exceed=-math.inf), "exceed=-inf must be finite"),
        (lambda: shaping.soft_overlong(RIGHT, 1, limit=5, cache=0), "cache=0 is too small"),
        (lambda: shaping.soft_overlong(RIGHT, 1, limit=5, cache=6), "cache=6 tokens is wider than the limit of 5"),
        (lambda: shaping.lcpo_exact(RIGHT, 1, target=0), "target=0 is too small"),
        (lambda: shaping.lcpo_max(RIGHT, 1, target=9, delta=math.nan), "delta=nan must be finite"),
        (lambda: shaping.repetition(RIGHT, [], weight=math.inf), "weight=inf must be finite"),
        (lambda: shaping.repetition(RIGHT, [], weight=1.0, n=0), "n=0 is too small"),
        (lambda: shaping.gate(RIGHT, RIGHT, otherwise=math.nan), "otherwise=nan must be finite"),
        (lambda: shaping.add(RIGHT, RIGHT, weight=math.nan, name="x"), "weight=nan must be finite"),
        (lambda: shaping.scale(RIGHT, math.nan), "by=nan must be finite"),
        (lambda: shaping.clip(RIGHT, 1.0, 0.0), "clip bounds low=1.0, high=0.0: low must not be above high"),
    ],
)
def test_numbers_of_no_sense_are_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
