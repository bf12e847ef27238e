"""Values at points: what is confirmed, what is refuted, and what is left open."""

import pytest

from verigym.verifiers.math.bounds import TooLarge
from verigym.verifiers.math.probe import proportion, same
from verigym.verifiers.math.read import expression
from verigym.verifiers.math.tokens import tokenize
from verigym.verifiers.math.tree import Tree


def read(text: str) -> Tree:
    return expression(tokenize(text))


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        (r"\sin^2 x+\cos^2 x", "1", True),
        (r"\csc^2 t", r"1+\cot^2 t", True),
        (r"\sqrt{7+4\sqrt3}", r"2+\sqrt3", True),
        (r"\sqrt{x^2}", "|x|", True),
        (r"\sqrt{x^2}", "x", False),
        ("|x|", "x", False),
        (r"\ln x^2", r"2\ln x", True),
        (r"\binom{n}{2}", r"\frac{n(n-1)}{2}", True),
        (r"\sum_{k=1}^n k", r"\frac{n(n+1)}{2}", True),
        ("n!", "n(n-1)!", True),
        ("n!", "n^2", False),
        ("e^{i\\pi}", "-1", True),
        (r"\sin\pi", "0", True),
        (r"\tan\frac{\pi}{4}", "1", True),
        (r"\arcsin\frac12", r"\frac{\pi}{6}", True),
        (r"\sin 30^\circ", "0.5", True),
        # as close as one likes and not the same
        ("1", "1+10^{-22}", False),
        ("0", "e^{-70}", False),
        (r"\frac{1}{\sqrt2}+10^{-300}", r"\frac{\sqrt2}{2}", False),
        (r"\pi", "3.14159265358979323846264338327950288419716939937510", False),
        (r"e^{-(x^2+200)}", "0", False),
        # nothing to compare
        (r"\tan 90^\circ", "0", None),
        (r"\ln(-1-x^2)+y", "y", None),
        (r"\arcsin(2+x^2)", "0", None),
    ],
)
def test_same(one: str, other: str, verdict: bool | None) -> None:
    assert same(read(one), read(other)) is verdict
    assert same(read(other), read(one)) is verdict


@pytest.mark.parametrize(
    ("one", "other", "sign"),
    [
        ("2x-y+1", "y-2x-1", -1),
        ("x-3", "2x-6", 1),
        (r"\sqrt2 x-2", r"x-\sqrt2", 1),
        ("x^2-4", "x-2", 0),
        ("x", "y", 0),
        ("x^2+y^2-25", r"\frac{x^2}{25}+\frac{y^2}{25}-1", 1),
    ],
)
def test_proportion(one: str, other: str, sign: int) -> None:
    assert proportion(read(one), read(other)) == sign


@pytest.mark.parametrize("text", ["9^{9^9}", "e^{e^{e^{9}}}", r"\sin(10^{300})", r"\sum_{k=1}^{10^6}\sin k"])
def test_large_values_are_refused(text: str) -> None:
    with pytest.raises(TooLarge):
        same(read(text), read("3"))


def test_points_do_not_depend_on_the_process() -> None:
    from verigym.verifiers.math.probe import _points

    one, other = read("x+y"), read("y+x")
    assert list(_points(one, other, ["x", "y"])) == list(_points(one, other, ["x", "y"]))
    first = next(iter(_points(one, other, ["x", "y"])))
    assert first != next(iter(_points(one, read("2y+x"), ["x", "y"])))
