"""Expressions: what is read, by the text it is written back as."""

from fractions import Fraction

import pytest

from verigym.verifiers.math.bounds import TooLarge, Unreadable
from verigym.verifiers.math.numerals import written
from verigym.verifiers.math.read import expression
from verigym.verifiers.math.tokens import tokenize
from verigym.verifiers.math.tree import names, nodes, num, replaced, write


def read(text: str) -> str:
    return write(expression(tokenize(text)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1+2*3", "1 + 2*3"),
        ("-x^2", "-x^2"),
        ("(-x)^2", "(-x)^2"),
        ("2^3^2", "2^(3^2)"),
        ("1/2x", "1*x/2"),
        ("a/b/c", "a/b/c"),
        ("2xy", "2*x*y"),
        ("yx^2", "y*x^2"),
        ("AB", "AB"),
        (r"\frac12", "1/2"),
        (r"\frac1{20}", "1/20"),
        (r"\frac{x+1}2", "(x + 1)/2"),
        (r"{3 \over 17}", "3/17"),
        (r"{5 \choose 2}", "binom(5, 2)"),
        (r"5\frac{2}{3}", "17/3"),
        (r"5\frac{3}{2}", "5*3/2"),
        (r"1{4 \over 5}", "9/5"),
        ("2 1/2", "5/2"),
        ("21/2", "21/2"),
        (r"\sqrt2x", "sqrt(2)*x"),
        (r"\sqrt13", "sqrt(13)"),
        (r"\sqrt[3]{x}", "root(3, x)"),
        (r"\sin x\cos x", "sin(x)*cos(x)"),
        (r"\sin 2x+1", "sin(2*x) + 1"),
        (r"\sin^2 x", "sin(x)^2"),
        (r"\sin^{-1} x", "arcsin(x)"),
        (r"\sin(x)y", "sin(x)*y"),
        (r"\log_2 8", "log(2, 8)"),
        (r"\ln\frac{a}{b}", "ln(a/b)"),
        (r"e^{i\pi}", "e^(i*pi)"),
        ("|x-1||y|", "|x - 1|*|y|"),
        (r"\left|\frac{x}{2}\right|", "|x/2|"),
        (r"\lfloor x\rfloor", "floor(x)"),
        ("5!", "5!"),
        (r"60^\circ", "60°"),
        (r"x_1+x_{12}", "x_1 + x_12"),
        ("f'", "f'"),
        ("C(5,2)", "binom(5, 2)"),
        (r"\sum_{i=1}^n i^2", "sum(i, 1, n, i^2)"),
        (r"\int_0^1 x^2 dx", "int(x, 0, 1, x^2)"),
        (r"\lim_{x\to 0}\frac{\sin x}{x}", "lim(x, 0, sin(x)/x)"),
        (r"\overline{AB}", "overline AB"),
        ("3 - -2", "3 + 2"),
    ],
)
def test_expressions(text: str, expected: str) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1+",
        "(1",
        "1)",
        "2 3",
        "*3",
        "word",
        "not",
        r"\frac{1}",
        "|x",
        r"\int_0^1 x",
        r"\sum_{k}^3 k",
        "x^",
        "1=1",
        "()",
    ],
)
def test_what_makes_no_sense_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        read(text)


@pytest.mark.parametrize(
    "text", ["(" * 60 + "1" + ")" * 60, "-" * 60 + "1", "2^" * 60 + "2", "5" + "!" * 20, "9" * 1001]
)
def test_bounds(text: str) -> None:
    with pytest.raises(TooLarge):
        read(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", Fraction(12)),
        (".5", Fraction(1, 2)),
        ("0.8(3)", Fraction(5, 6)),
        ("0.(142857)", Fraction(1, 7)),
        ("0.(9)", Fraction(1)),
        ("3e-2", Fraction(3, 100)),
    ],
)
def test_written_numbers(text: str, value: Fraction) -> None:
    assert written(text) == value


def test_trees() -> None:
    tree = expression(tokenize(r"\sum_{k=1}^n kx"))
    assert names(tree) == {"n", "x"}
    assert len(list(nodes(tree))) == 6
    assert write(replaced(tree, "n", num(3))) == "sum(k, 1, 3, k*x)"
    assert replaced(tree, "k", num(3)) == tree
