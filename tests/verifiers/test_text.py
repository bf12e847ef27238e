"""Folding look-alikes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.verifiers.text import fold, squeeze


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("plain", "plain"),
        ("−5", "-5"),
        ("½", "1/2"),
        ("3½", "3 1/2"),
        ("x²", "x^{2}"),
        ("x¹²+1", "x^{12}+1"),
        ("101₂", "101_{2}"),
        ("\uff11\uff12", "12"),
        ("𝟒", "4"),
        ("2×3÷4", "2*3/4"),
        ("٣", "٣"),
        ("①", "①"),
        ("x ≥ 2", "x \\ge  2"),
        ("π", "\\pi "),
        ("𝜶+𝛼", "\\alpha +\\alpha "),
        ("a\u00a0b", "a b"),
        ("a\u200bb", "ab"),
        ("\ud800", "\ud800"),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text(alphabet=st.characters(), max_size=50))
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_squeeze() -> None:
    assert squeeze(" a \n\t b ") == "a b"
