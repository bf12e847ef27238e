"""Exact values of written arithmetic, and what it costs to refuse the rest."""

import contextlib
import math
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.verifiers.math.bounds import MAX_BITS, TooLarge, Undefined, Unreadable
from verigym.verifiers.math.exact import value, whole_root
from verigym.verifiers.math.read import expression
from verigym.verifiers.math.tokens import tokenize


def read(text: str) -> Fraction | None:
    return value(expression(tokenize(text)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\frac{18}{8}", Fraction(9, 4)),
        (r"\frac{-5}{14}", Fraction(-5, 14)),
        (r"\binom{12}{3}", Fraction(220)),
        ("6!", Fraction(720)),
        ("7!!", Fraction(105)),
        ("-5!", Fraction(-120)),
        ("2^{-3}", Fraction(1, 8)),
        ("2^3^2", Fraction(512)),
        ("-2^2", Fraction(-4)),
        ("4^{1/2}", Fraction(2)),
        ("8^{-2/3}", Fraction(1, 4)),
        (r"\sqrt{\frac{9}{4}}", Fraction(3, 2)),
        (r"\sqrt[3]{-8}", Fraction(-2)),
        (r"0.8\overline{3}", Fraction(5, 6)),
        (r"5\frac{2}{3}", Fraction(17, 3)),
        ("3½", Fraction(7, 2)),
        (r"9 \times 10^{3}", Fraction(9000)),
        (r"26\%", Fraction(13, 50)),
        ("2(3)", Fraction(6)),
        (r"3\cdot-4", Fraction(-12)),
        (r"\log_2 8", Fraction(3)),
        (r"\log_4 8", Fraction(3, 2)),
        (r"\log_{1/2} 8", Fraction(-3)),
        (r"\log 0.01", Fraction(-2)),
        (r"\frac{1}{68 \cdot 67!}", Fraction(1, math.factorial(68))),
        ("5^{115}+1", Fraction(5**115 + 1)),
        ("1-(-1)^{10^9}", Fraction(0)),
        (r"\sum_{k=1}^{100} k", Fraction(5050)),
        (r"\prod_{k=1}^{5} k", Fraction(120)),
        (r"\lfloor -2.5\rfloor", Fraction(-3)),
        (r"\gcd(12,18)", Fraction(6)),
        ("|3-5|", Fraction(2)),
    ],
)
def test_values(text: str, expected: Fraction) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    "text", ["x", r"\sqrt{2}", r"\pi", r"\log_2 3", r"\sqrt{-4}", "2^{0.1}", r"\sin 0", "(-8)^{1/2}"]
)
def test_what_is_no_rational_by_these_rules(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize("text", ["1/0", "0^0", r"\frac{1}{1-1}", "0^{-1}"])
def test_no_value_is_undefined(text: str) -> None:
    with pytest.raises(Undefined):
        read(text)


@pytest.mark.parametrize(
    "text",
    [
        "10^{10^{10}}",
        "8^{8^{8^{8}}}",
        "((8!)!)!",
        "200000000!",
        r"\binom{10^9}{5\cdot10^8}",
        "2^{2^{34}}",
        "2^{-99999}",
        "(1/3)^{20000}",
        "*".join(["999!"] * 300),
        r"\sum_{k=1}^{10^9} k",
        r"\sum_{k=1}^{2000} \frac{1}{k}",
    ],
)
def test_dear_text_is_refused_at_once(text: str) -> None:
    started = time.process_time()
    with pytest.raises(TooLarge):
        read(text)
    assert time.process_time() - started < 0.5


@given(st.integers(0, 10**12), st.integers(2, 7))
def test_roots_of_whole_numbers(number: int, n: int) -> None:
    assert whole_root(number**n, n) == number
    found = whole_root(number, n)
    assert found is None or found**n == number


@given(st.text(alphabet="0123456789+-*/^!(){}.,% \\frac{}\\sqrt", max_size=40))
def test_anything_is_bounded(text: str) -> None:
    with contextlib.suppress(TooLarge, Undefined, Unreadable):
        found = read(text)
        assert found is None or found.numerator.bit_length() <= MAX_BITS + 64
