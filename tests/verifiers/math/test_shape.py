"""Shapes of answers, by the text they are shown as."""

import pytest

from verigym.verifiers.math.answer import (
    Chain,
    Collection,
    Group,
    Matrix,
    Numeral,
    Ratio,
    Region,
    Relation,
    Value,
    Words,
)
from verigym.verifiers.math.bounds import TooLarge, Unreadable
from verigym.verifiers.math.option import choice
from verigym.verifiers.math.shape import read
from verigym.verifiers.math.tokens import Habits
from verigym.verifiers.math.units import factor

SHAPES = [
    ("5", Value, "5"),
    (r"5\text{ cm}", Value, "5 cm"),
    ("5 square inches", Value, "5 square inches"),
    (r"15\mbox{ cm}^2", Value, "15 cm ^ 2"),
    (r"60\text{ miles per hour}", Value, "60 miles per hour"),
    (r"\$36", Value, "36 $"),
    (r"5 \pmod 7", Value, "5 mod 7"),
    (r"\text{The answer is } 5", Value, "5"),
    (r"\text{Evelyn}", Words, "'evelyn'"),
    ("infinitely many", Words, "'infinitely many'"),
    (r"\text{an ellipse}", Words, "'ellipse'"),
    ("1,2", Collection, "{1, 2}"),
    (r"\{1, 2\}", Collection, "{1, 2}"),
    (r"1 \text{ or } 2", Collection, "{1, 2}"),
    (r"1, 2, \text{ and } 3", Collection, "{1, 2, 3}"),
    (r"1\pm\sqrt2", Collection, "{1 + sqrt(2), 1 - sqrt(2)}"),
    (r"\{\pm 1, 3\}", Collection, "{1, -1, 3}"),
    (r"\emptyset", Collection, "{}"),
    (r"\text{no solution}", Collection, "{}"),
    ("(1,2)", Group, "(1, 2)"),
    ("(1,2]", Group, "(1, 2]"),
    ("]1,2[", Group, "(1, 2)"),
    (r"\langle 1,2\rangle", Group, "(1, 2)"),
    ("x>3", Region, "x in (3, infinity)"),
    ("3<x", Region, "x in (3, infinity)"),
    ("2x>6", Region, "x in (3, infinity)"),
    ("-2x>6", Region, "x in (-infinity, -3)"),
    (r"1 \le x < 2", Region, "x in [1, 2)"),
    (r"x \ne 3", Region, "x in (-infinity, 3) u (3, infinity)"),
    ("|x-1|<3", Region, "x in (1 - 3, 1 + 3)"),
    (r"x<0 \text{ or } x>2", Region, "x in (-infinity, 0) u (2, infinity)"),
    (r"x>2 \text{ and } x<5", Region, "x in (2, 5)"),
    (r"(2,3)\cup[3,5]", Region, "(2, 5]"),
    (r"(0,9)\cap[3,12]", Region, "[3, 9)"),
    (r"\mathbb{R}\setminus\{3\}", Region, "(-infinity, 3) u (3, infinity)"),
    (r"x\in[1,2]", Region, "x in [1, 2]"),
    (r"\{x \mid x>3\}", Region, "x in (3, infinity)"),
    (r"\text{all real numbers}", Region, "(-infinity, infinity)"),
    (r"y \ge 2x", Relation, "2*x - y <= 0"),
    ("x=2+3=5", Chain, "x = 2 + 3 = 5"),
    ("1011_2", Numeral, "1011 in base 2"),
    (r"1f_{16}", Numeral, "1F in base 16"),
    ("3:4", Ratio, "3:4"),
    ("8:05 PM", Ratio, "8:5 pm"),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", Matrix, "[1, 2; 3, 4]"),
    (r"2\begin{pmatrix}1\\x\end{pmatrix}", Matrix, "[2*1; 2*x]"),
    (r"\begin{vmatrix}1&2\\3&4\end{vmatrix}", Value, "1*4 - 2*3"),
]


@pytest.mark.parametrize(("text", "kind", "shown"), SHAPES)
def test_shapes(text: str, kind: type, shown: str) -> None:
    found = read(text)
    assert isinstance(found, kind), found
    assert str(found) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5 is not it",
        "1<2<",
        "=",
        r"\begin{pmatrix}1&2\\3\end{pmatrix}",
        "3211_3 + 1",
        "19_8",
        r"x \in 3 \in 4",
        "(1,2",
    ],
)
def test_what_is_no_answer(text: str) -> None:
    with pytest.raises(Unreadable):
        read(text)


def test_lists_are_bounded() -> None:
    with pytest.raises(TooLarge, match="at most 256"):
        read(",".join(["1"] * 257))


def test_a_letter_behind_a_blank_may_be_a_unit() -> None:
    assert str(read("5 m")) == "5*m"
    assert str(read("5 m", Habits(letters=True))) == "5 m"


@pytest.mark.parametrize(
    ("have", "want", "ratio"),
    [
        ((), ("cm",), "1"),
        (("cm",), ("centimeters",), "1"),
        (("cm",), ("m",), "1/100"),
        (("hours",), ("minutes",), "60"),
        (("miles", "per", "hour"), ("mph",), "1"),
        (("cm", "^", "2"), ("square", "centimeters"), "1"),
        (("apples",), ("apple",), "1"),
        (("square", "units"), ("cm", "^", "2"), "1"),
        (("kg",), ("m",), None),
        (("apples",), ("pears",), None),
        (("$",), ("deg",), None),
        (("mod", "7"), ("mod", "5"), None),
    ],
)
def test_units(have: tuple[str, ...], want: tuple[str, ...], ratio: str | None) -> None:
    found = factor(have, want)
    assert (None if found is None else str(found)) == ratio


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("B", ("B", "")),
        ("(B)", ("B", "")),
        (r"\text{(B)}", ("B", "")),
        (r"\textbf{(B)}", ("B", "")),
        ("B.", ("B", "")),
        ("option B", ("B", "")),
        ("(B) 12", ("B", "12")),
        (r"\textbf{(B) }12", ("B", "12")),
        ("B, C", None),
        ("(B) or (C)", None),
        ("B+C", None),
        ("12", None),
        ("b", None),
        ("ABC", None),
    ],
)
def test_options(text: str, found: tuple[str, str] | None) -> None:
    assert choice(text) == found
