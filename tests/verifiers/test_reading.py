"""Short structured answers: items and pairs, as people write them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.verifiers.reading import MAX_TEXT, items, label, pairs, plain, short, unbracketed, unwrapped, whole_number


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1, 2, 3", ["1", "2", "3"]),
        (r"\{1, 2,\text{ and }3\}", ["1", "2", "3"]),
        ("[a; b]\n", ["a", "b"]),
        ("red and sand", ["red", "sand"]),
        ("**x**, `y`", ["x", "y"]),
        (", ,", []),
        ("{1, 2} or {3}", ["{1", "2} or {3}"]),
    ],
)
def test_items(text: str, found: list[str]) -> None:
    assert items(text) == found


def test_items_by_one_separator() -> None:
    assert items("a, b | c", "|") == ["a, b", "c"]
    assert items("a  b\tc", " ") == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "got", "fault"),
    [
        ("Ann: knight, Bob is a knave", {"ann": "knight", "bob": "knave"}, ""),
        ("A = 1; B -> 2\nC → 3 and D is the fourth", {"a": "1", "b": "2", "c": "3", "d": "fourth"}, ""),
        ("A starts at 0", {"a": "0"}, ""),
        (r"\text{Ann: knight}", {"ann": "knight"}, ""),
        ("{A: 1}", {"a": "1"}, ""),
        ("A: 1, A: 2", {"a": "1"}, "'a' is given twice"),
        ("A: 1, B", {"a": "1"}, "'B' is not of the form name: value"),
        ("", {}, ""),
    ],
)
def test_pairs(text: str, got: dict[str, str], fault: str) -> None:
    assert pairs(text) == (got, fault)


def test_unwrapping() -> None:
    assert unwrapped(r"$\textbf{\text{A}}$ \to **B**") == "A  ->  B"
    assert unbracketed("(a, b)") == "a, b"
    assert unbracketed("(a), (b)") == "(a), (b)"
    assert unbracketed("{") == "{"
    assert label(r" \text{ B }") == "B"
    assert plain(" **New  York** ") == "new york"


@pytest.mark.parametrize(
    ("text", "number"),
    [("12", 12), ("-3", -3), ("+3", 3), (" 7 ", 7), ("", None), ("1.0", None), ("1e3", None), ("٣", None),
     ("9" * 18, 10**18 - 1), ("9" * 19, None), ("--3", None), ("+-3", None)],
)  # fmt: skip
def test_whole_numbers(text: str, number: int | None) -> None:
    assert whole_number(text) == number


def test_no_answer_and_a_long_one() -> None:
    assert short("nothing", "answer_tag", True)[1].reason == "no <answer>...</answer> in the reply"
    assert short("<answer>4</answer>", "answer_tag", True) == ("4", None)
    long = short(f"<answer>{'x' * (MAX_TEXT + 1)}</answer>", "answer_tag", True)[1]
    assert long.reason == "an answer of 4097 characters; at most 4096 are read"


@pytest.mark.parametrize("piece", [r"\text{", "{", r"\left", "$", "\\", "(", "->", " and ", ": ", "~", "\n", "=", "-"])
def test_reading_is_linear(piece: str) -> None:
    text = piece * (MAX_TEXT // len(piece))
    started = time.process_time()
    for _ in range(20):
        items(text)
        pairs(text)
    assert time.process_time() - started < 2.0


@given(st.text(alphabet=st.characters(), max_size=80))
def test_any_text_is_read(text: str) -> None:
    assert all(item.strip() for item in items(text) if item)
    pairs(text)
    label(text)
