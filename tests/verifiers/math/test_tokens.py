"""The closed vocabulary: what is read, how it is spelled afterwards, and what is refused."""

import contextlib
import time

import pytest

from verigym.verifiers.math.bounds import TooLarge, Unreadable
from verigym.verifiers.math.tokens import Habits, tokenize


def texts(text: str, habits: Habits = Habits()) -> list[str]:  # noqa: B008 - immutable
    return [token.text for token in tokenize(text, habits)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\dfrac{1}{2}", ["frac", "{", "1", "}", "{", "2", "}"]),
        (r"\left( 1 \right]", ["(", "1", "]"]),
        (r"x \leqslant 3", ["x", "<=", "3"]),
        (r"a\cdot b \times c", ["a", "*", "b", "*", "c"]),
        ("7{,}013{,}076", ["7013076"]),
        (r"11,\! 111,\! 111", ["11111111"]),
        (r"7\,013\,076", ["7013076"]),
        ("013,076", ["013", ",", "076"]),
        ("3{,}5", ["3.5"]),
        (r"0.8\overline{3}", ["0.8(3)"]),
        (r"0.\bar 3", ["0.(3)"]),
        ("0.(3)", ["0.(3)"]),
        ("0.5(3)", ["0.5", "(", "3", ")"]),
        ("0.1666...", ["0.1(6)"]),
        ("0.4545...", ["0.(45)"]),
        ("0.123...", ["0.123", "..."]),
        ("x² + ½", ["x", "^", "{", "2", "}", "+", "1", "/", "2"]),
        ("√5 ≤ ∛2", ["sqrt", "5", "<=", "sqrt", "[", "3", "]", "2"]),
        ("−5×3", ["-", "5", "*", "3"]),
        ("sinx", ["sin", "x"]),
        ("pi", ["pi"]),
        ("alpha", [r"\alpha"]),
        (r"\varphi", [r"\phi"]),
        (r"\text{ or }", ["or"]),
        (r"\text{12 cm}", ["12", "cm"]),
        (r"\mathrm{i}", ["i"]),
        (r"\mathbf{i}", ["{i}"]),
        (r"\mathbf{12}", ["12"]),
        (r"\textcolor{red}{5}", ["{", "5", "}"]),
        (r"\$36", ["$", "36"]),
        ("5.", ["5", "."]),
        (r"5\ ", ["5"]),
        (r"\begin{array}{cc}1\end{array}", ["begin:matrix", "1", "end:matrix"]),
    ],
)
def test_every_habit_comes_out_alike(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


def test_what_may_be_read_in_two_ways() -> None:
    assert texts("1,234") == ["1234"]
    assert texts("1,234", Habits(thousands=False)) == ["1", ",", "234"]
    assert texts("3e-2") == ["3", "e", "-", "2"]
    assert texts("3e-2", Habits(power=True)) == ["3e-2"]


def test_kinds() -> None:
    kinds = [(token.kind, token.text) for token in tokenize(r"2x\sin ab \text{cm} \pi ABC")]
    assert kinds == [
        ("num", "2"),
        ("name", "x"),
        ("fn", "sin"),
        ("run", "ab"),
        ("word", "cm"),
        ("const", "pi"),
        ("run", "ABC"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        r"\def\x{1}",
        r"\input{a}",
        r"\write18",
        "a@b",
        "x\x00",
        "٣",
        "５٣",
        "\ud800",
        '"5"',
        "5..2",
        r"\mathbb{A}",
        "#5",
        "`5`",
    ],
)
def test_what_is_outside_the_vocabulary_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        tokenize(text)


def test_it_is_bounded_and_linear() -> None:
    with pytest.raises(TooLarge, match="2049 characters; at most 2048"):
        tokenize("1" * 2049)
    for piece in ("1,", "{", "\\", r"\text{", "0.(", "1{,}", "a ", "~", "0.1", r"\begin{", "((", "1 234 "):
        started = time.process_time()
        with contextlib.suppress(Unreadable):
            tokenize((piece * 2048)[:2048])
        assert time.process_time() - started < 0.2, piece
