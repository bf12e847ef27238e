"""Expression trees: text, value and identity agree with Python's own arithmetic."""

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.tasks.math.trees import canonical, combine, grouped_left, reductions, render, value

LEAVES = st.integers(-20, 20).filter(bool)
TREES = st.recursive(LEAVES, lambda inner: st.tuples(st.sampled_from("+-*/"), inner, inner), max_leaves=7)


@given(TREES)
def test_text_and_tree_have_one_value(tree: object) -> None:
    try:
        wanted = value(tree)
    except ZeroDivisionError:
        return
    text = render(tree)
    numbers = {f"F{index}": part for index, part in enumerate(text.replace("(", " ").replace(")", " ").split())}
    assert numbers
    # Every number becomes a Fraction, so that Python computes the text exactly.
    exact = "".join(f"Fraction({piece})" if piece.isdigit() else piece for piece in _pieces(text))
    assert eval(exact, {"Fraction": Fraction}) == wanted
    assert value(grouped_left(tree)) == wanted
    assert render(grouped_left(tree)) == text


def _pieces(text: str) -> list[str]:
    pieces: list[str] = []
    for character in text:
        if character.isdigit() and pieces and pieces[-1].isdigit():
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (("-", 1, ("-", 2, 3)), "1 - (2 - 3)"),
        (("-", ("-", 1, 2), 3), "1 - 2 - 3"),
        (("+", 1, ("-", 2, 3)), "1 + 2 - 3"),
        (("*", ("+", 1, 2), 3), "(1 + 2) * 3"),
        (("/", 8, ("*", 2, 2)), "8 / (2 * 2)"),
        (("*", 2, ("/", 8, 4)), "2 * 8 / 4"),
        (("-", 5, -3), "5 - (-3)"),
    ],
)
def test_brackets_stand_only_where_they_are_needed(tree: object, text: str) -> None:
    assert render(tree) == text
    assert render(tree, gap="") == text.replace(" ", "")


def test_order_and_grouping_are_not_identity() -> None:
    assert canonical(("-", ("+", 3, 25), 17)) == canonical(("+", 25, ("-", 3, 17))) == "(+25+3-17)"
    assert canonical(("*", 2, ("+", 3, 4))) == canonical(("*", ("+", 4, 3), 2))
    assert canonical(("-", 3, 4)) != canonical(("-", 4, 3))
    assert canonical(("*", 2, ("+", 3, 4))) != canonical(("+", ("*", 2, 3), 4))


def test_reductions_show_one_step_at_a_time() -> None:
    assert reductions(("*", ("+", 1, 2), ("-", 9, 5))) == ["(1 + 2) * (9 - 5)", "3 * (9 - 5)", "3 * 4", "12"]
    assert reductions(("-", ("-", 1, 5), 2)) == ["1 - 5 - 2", "(-4) - 2", "-6"]
    with pytest.raises(ValueError, match="7 / 2 is not a whole number"):
        reductions(("/", 7, 2))


def test_combine_keeps_every_step_positive_whole_and_small() -> None:
    rng = random.Random(5)
    seen = set()
    for _ in range(500):
        numbers = [rng.randint(1, 99) for _ in range(5)]
        tree = combine(rng, numbers, "+-*/", 999)
        if tree is None:
            continue
        seen.add(True)

        def check(part: object) -> list[int]:
            if isinstance(part, int):
                return [part]
            assert value(part).denominator == 1
            assert 0 < value(part) <= 999
            return check(part[1]) + check(part[2])

        assert sorted(check(tree)) == sorted(numbers)
    assert seen
