"""Normal forms: the text they are written as, and agreement with evaluation, which shares no code with them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.verifiers.math.bounds import Undefined
from verigym.verifiers.math.exact import value
from verigym.verifiers.math.normal import agree, form
from verigym.verifiers.math.read import expression
from verigym.verifiers.math.tokens import tokenize
from verigym.verifiers.math.tree import Tree, num, replaced


def read(text: str) -> Tree:
    return expression(tokenize(text))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("(x+1)^2", "x^2 + 2*x + 1"),
        ("(x-1)(x+1)-x^2", "-1"),
        ("x-x", "0"),
        (r"\frac{y+4}{9}", "1/9*y + 4/9"),
        (r"\frac{x}{y}", "x/y"),
        (r"\sqrt{12}", "2*sqrt(3)"),
        (r"\sqrt{\frac13}", "1/3*sqrt(3)"),
        (r"(\sqrt2+1)(\sqrt2-1)", "1"),
        (r"\sqrt{-4}", "2*i"),
        ("(7+3i)^2", "42*i + 40"),
        ("i^{7}", "-i"),
        ("3^{n+1}", "3*3^n"),
        (r"\sin(a+b)", "sin(a + b)"),
        ("2x^{3}y", "2*x^3*y"),
    ],
)
def test_forms(text: str, written: str) -> None:
    assert str(form(read(text))) == written


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        (r"\frac{1}{k-1}-\frac{1}{k}", r"\frac{1}{k(k-1)}", True),
        (r"\frac{1}{\sqrt3}", r"\frac{\sqrt3}{3}", True),
        (r"\sin(a+b)", r"\sin(b+a)", True),
        ("x^2", "y^2", False),
        ("x^2+1", "x^2", False),
        (r"\sin^2 x+\cos^2 x", "1", None),
        ("|x|", "|-x|", None),
        ("AB", "BA", False),
    ],
)
def test_agreement(one: str, other: str, verdict: bool | None) -> None:
    left, right = form(read(one)), form(read(other))
    assert left is not None and right is not None
    assert agree(left, right) is verdict


def test_bounds_and_undefined() -> None:
    assert form(read("(a+b+c+d)^{60}")) is None
    assert form(read("".join(f"(x+y_{{{n}}})" for n in range(40)))) is None
    with pytest.raises(Undefined):
        form(read(r"\frac{1}{x-x}"))


LEAVES = st.sampled_from([("sym", "x"), ("sym", "y"), num(1), num(2), num(-3), num(Fraction(1, 2))])
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.tuples(st.just("add"), inner, inner)
        | st.tuples(st.just("mul"), inner, inner)
        | st.tuples(st.just("pow"), inner, st.integers(0, 3).map(num))
    ),
    max_leaves=8,
)


@given(TREES, TREES, st.fractions(max_denominator=50), st.fractions(max_denominator=50))
def test_forms_say_what_values_say(one: Tree, other: Tree, x: Fraction, y: Fraction) -> None:
    def at(tree: Tree) -> Fraction | None:
        return value(replaced(replaced(tree, "x", num(x)), "y", num(y)))

    try:
        left, right = form(one), form(other)
        values = at(one), at(other)
    except Undefined:
        return
    assert left is not None and right is not None
    if agree(left, right):
        assert values[0] == values[1]
    again = form(("add", one, ("mul", num(-1), one)))
    assert again is not None and not again.above
