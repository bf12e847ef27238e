"""Written numbers as exact rationals."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.verifiers.rational import read_number

HALF = Fraction(1, 2)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42", Fraction(42)),
        ("-42", Fraction(-42)),
        ("- 42", Fraction(-42)),
        ("+42", Fraction(42)),
        ("007", Fraction(7)),
        ("1,234,567", Fraction(1234567)),
        ("1{,}234", Fraction(1234)),
        ("0.5", HALF),
        (".5", HALF),
        ("5.", Fraction(5)),
        ("1,000.5", Fraction(2001, 2)),
        ("1/2", HALF),
        ("-1/-2", HALF),
        ("½", HALF),
        (r"\frac{1}{2}", HALF),
        (r"\dfrac12", HALF),
        (r"-\frac{-2}{4}", HALF),
        (r"2\frac{1}{2}", Fraction(5, 2)),
        ("2 1/2", Fraction(5, 2)),
        ("-2½", Fraction(-5, 2)),
        ("50%", HALF),
        (r"50\%", HALF),
        ("5e-1", HALF),
        (r"5 \times 10^{-1}", HALF),
        ("1.2*10^3", Fraction(1200)),
        ("(7)", Fraction(7)),
        (r"\text{7}", Fraction(7)),
        ("1" * 1000, Fraction(int("1" * 1000))),
    ],
)
def test_numbers(text: str, value: Fraction) -> None:
    number = read_number(text)
    assert number is not None
    assert number.value == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        ".",
        "nan",
        "inf",
        "2+3",
        "2*3",
        "1/0",
        r"\frac{1}{0}",
        "1 2",
        "1,2",
        "12,34",
        "1,2345",
        "1 / 2 / 3",
        "0x10",
        "1_000",
        "٣",
        "²",
        "1e99999",
        "1e9999999999",
        "10^{9999}",
        "1" * 1001,
        "1" * 100_000,
        "((" * 10_000,
        "7 apples",
        "--7",
        "7\x00",
        "\ud800",
    ],
)
def test_no_numbers(text: str) -> None:
    assert read_number(text) is None


@given(st.fractions())
def test_a_fraction_is_read_as_it_is_written(value: Fraction) -> None:
    number = read_number(str(value))
    assert number is not None
    assert number.value == value


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_a_decimal_is_read_as_it_is_written(value: Decimal) -> None:
    number = read_number(f"{value:,f}")
    assert number is not None
    assert number.value == Fraction(value)


@given(st.text(alphabet=st.sampled_from(list("0123456789.,/%-+eE^{}()\\ frac½²")), max_size=60))
def test_any_text_is_a_number_or_none(text: str) -> None:
    assert read_number(text) is None or isinstance(read_number(text).value, Fraction)
