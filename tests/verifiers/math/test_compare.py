"""Comparing: every case of the table both ways where it must be symmetric, and what names and percent signs do."""

import pytest

from verigym.verifiers.math.bounds import TooLarge
from verigym.verifiers.math.compare import NeedsAlgebra
from verigym.verifiers.math.equal import plain, same
from verigym.verifiers.math.shape import read
from verigym.verifiers.math.traits import name_of

SYMMETRIC = [
    (r"\frac12", "0.5", True),
    (r"\sqrt8", r"2\sqrt2", True),
    ("x^2-1", "(x-1)(x+1)", True),
    (r"\sin^2 x", r"1-\cos^2 x", True),
    ("(1,2)", r"\begin{pmatrix}1\\2\end{pmatrix}", True),
    ("x>3", r"(3,\infty)", True),
    (r"\{1,2\}", "2,1", True),
    ("3:4", "6:8", True),
    (r"5\text{ cm}", r"50\text{ mm}", True),
    (r"5\text{ cm}", "5", True),
    (r"25\%", "0.25", True),
    (r"25\%", "25", True),
    (r"0.25\%", "0.25", False),
    (r"\infty", r"-\infty", False),
    ("5", "five", True),
    ("5", "six", False),
    ("y=2x+1", "2x-y+1=0", True),
    ("y=2x+1", "y=2x", False),
    ("8:05 AM", "8:05", True),
    ("15:30", "3:30 PM", True),
    ("15:30", "3:30 AM", False),
    ("12:30", "6:15", False),
    ("(1,2)", "[1,2]", False),
    ("(1,2)", r"\{1,2\}", False),
]


@pytest.mark.parametrize(("one", "other", "verdict"), SYMMETRIC)
def test_both_ways(one: str, other: str, verdict: bool) -> None:
    assert same(one, other).same is verdict
    assert same(other, one).same is verdict


def test_a_name_goes_one_way() -> None:
    assert same("5", "x=5").same
    assert same("x=5", "5").same
    assert not same("x=5", "y=5").same
    assert not same("2a+b=5", "5").same
    assert same(r"\{5\}", "5").same  # the one solution
    assert not same("5", r"\{5\}").same  # a set that holds the answer


@pytest.mark.parametrize(
    ("text", "named"),
    [
        *[("x", True), ("x_1", True), ("f(x)", True), ("a+b", True), ("AB", True), (r"\sin A", True), ("|AB|", True)],
        *[("2x", False), ("3", False), ("x^2", False), ("x+1", False), (r"\text{Area}", True), (r"\text{not}", False)],
    ],
)
def test_names(text: str, named: bool) -> None:
    assert bool(name_of(read(text))) is named


def test_what_is_left_to_the_algebra() -> None:
    with pytest.raises(NeedsAlgebra):
        same(r"\frac13", r"\int_0^1 x^2 dx")


def test_beyond_the_bounds() -> None:
    with pytest.raises(TooLarge):
        same("4", "10^{10^{10}}")
    assert same("10^{10^{10}}", "10^{10^{10}}").layer == "text"


def test_plain_texts() -> None:
    assert plain(r"$\left( \dfrac{1}{2} \right)$.") == plain(r"(\frac{1}{2})")
    assert plain("a b") != plain("c d")
