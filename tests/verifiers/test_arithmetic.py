"""Exact values of written arithmetic, and what it costs to refuse the rest."""

import contextlib
import math
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.verifiers.arithmetic import TooLarge, value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\frac{18}{8}", Fraction(9, 4)),
        (r"\frac12", Fraction(1, 2)),
        (r"\frac1{20}", Fraction(1, 20)),
        (r"\frac{-5}{14}", Fraction(-5, 14)),
        (r"{3 \over 17}", Fraction(3, 17)),
        (r"\binom{12}{3}", Fraction(220)),
        ("6!", Fraction(720)),
        ("-5!", Fraction(-120)),
        ("3^3", Fraction(27)),
        ("2^{-3}", Fraction(1, 8)),
        ("2^3^2", Fraction(512)),
        ("-2^2", Fraction(-4)),
        ("4^{1/2}", Fraction(2)),
        (r"\sqrt{\frac{9}{4}}", Fraction(3, 2)),
        (r"0.\overline{6}", Fraction(2, 3)),
        (r"0.8\overline{3}", Fraction(5, 6)),
        (r"5\frac{2}{3}", Fraction(17, 3)),
        ("2 1/2", Fraction(5, 2)),
        ("3½", Fraction(7, 2)),
        ("3²", Fraction(9)),
        (r"9 \times 10^{3}", Fraction(9000)),
        ("7{,}013{,}076", Fraction(7013076)),
        (r"26\%", Fraction(13, 50)),
        (r"\left(\dfrac{22}{5}\right)", Fraction(22, 5)),
        ("2(3)", Fraction(6)),
        (r"3\cdot-4", Fraction(-12)),
        (r"\frac{1}{68 \cdot 67!}", Fraction(1, math.factorial(68))),
        ("5^{115}+1", Fraction(5**115 + 1)),
        ("1-(-1)^{10^9}", Fraction(0)),
    ],
)
def test_values(text: str, expected: Fraction) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "(1,2)",
        "316, 318",
        "2 3",
        "1/0",
        "0^0",
        r"\frac{1}{0}",
        r"\sqrt{2}",
        r"\sqrt[3]{8}",
        "3!!",
        "2^{0.1}",
        "(1",
        "1)",
        r"3\frac{5}{2}",
        "٣",
        "nan",
        "0.\\overline{x}",
        "�",
        "1=1",
        "[1]",
        "-",
        "1+",
    ],
)
def test_what_is_not_plain_arithmetic(text: str) -> None:
    assert value(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "10**10**10",
        "10^{10^{10}}",
        "8^{8^{8^{8}}}",
        "((8!)!)!",
        "200000000!",
        r"\binom{10^9}{5\cdot10^8}",
        "2^{2^{34}}",
        "2^{-99999}",
        "(1/3)^{20000}",
        "9" * 1001,
        "(" * 2000,
        "-" * 2000 + "1",
        "2^" * 100 + "2",
        r"\sqrt{" * 60 + "1" + "}" * 60,
        "1+" * 2000 + "1",
        "*".join(["999!"] * 400),
    ],
)
def test_dear_text_is_refused_at_once(text: str) -> None:
    started = time.process_time()
    with pytest.raises(TooLarge):
        value(text)
    assert time.process_time() - started < 0.1


LEAVES = st.integers(0, 999).map(lambda n: (str(n), Fraction(n)))


def _join(pair: tuple[tuple[str, Fraction | None], str, tuple[str, Fraction | None]]) -> tuple[str, Fraction | None]:
    (left, a), kind, (right, b) = pair
    if a is None or b is None or (kind == "frac" and b == 0):
        return left, a
    if kind == "frac":
        return rf"\frac{{{left}}}{{{right}}}", a / b
    if kind == "cdot":
        return rf"({left}) \cdot ({right})", a * b
    return (f"({left}) - ({right})", a - b) if kind == "minus" else (f"{{{left}}}+{{{right}}}", a + b)


@given(
    st.recursive(
        LEAVES, lambda inner: st.tuples(inner, st.sampled_from(["frac", "cdot", "minus", "plus"]), inner).map(_join)
    )
)
def test_latex_computes_as_fractions_do(tree: tuple[str, Fraction]) -> None:
    text, expected = tree
    if len(text) <= 2048:
        assert value(text) == expected


PIECES = [*"0123456789+-*/^!(){}[].,% ", r"\frac", r"\sqrt", r"\binom", r"\overline"]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_any_text_is_a_value_none_or_too_large(text: str) -> None:
    with contextlib.suppress(TooLarge):
        assert isinstance(value(text), Fraction | None)
