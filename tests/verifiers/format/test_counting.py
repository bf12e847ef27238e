"""Words, sentences, paragraphs and lines, counted by hand."""

import pytest

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.format.counting import (
    amount,
    capital_words,
    check_bounds,
    lines,
    paragraphs,
    sentences,
    word_runs,
    words,
)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", []),
        ("... -- !", []),
        ("Well-known, isn't it?", ["Well-known,", "isn't", "it?"]),
        ("one—two -- three", ["one", "two", "three"]),
        ("3.14 and 1,000", ["3.14", "and", "1,000"]),
        ("日本 is ok", ["日", "本", "is", "ok"]),
        ("1. First\n2) Second", ["First", "Second"]),
        ("in 1. place", ["in", "1.", "place"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("\x00 \ud800 a", ["a"]),
    ],
)
def test_words(text: str, wanted: list[str]) -> None:
    assert words(text) == wanted


def test_word_runs_are_those_of_the_reference() -> None:
    assert word_runs("Well-known, isn't it_1?") == ["Well", "known", "isn", "t", "it_1"]


def test_capital_words() -> None:
    text = "I saw NASA's U.S. X-RAY and AND/OR, not Ok; R2D2 7 DON'T"
    assert capital_words(text) == ["I", "U.S", "X-RAY", "AND/OR", "R2D2", "DON'T"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", []),
        ("!!! ... ?", []),
        ("Hello", ["Hello"]),
        ("Dr. Smith left at 5 p.m. today. Why?", ["Dr. Smith left at 5 p.m. today.", "Why?"]),
        ("all lower case. no capitals. here", ["all lower case.", "no capitals.", "here"]),
        ("Wait... what? No! Yes.", ["Wait... what?", "No!", "Yes."]),
        ("1. First do this.\n2. Then that.", ["1. First do this.", "2. Then that."]),
        ("The U.S. Army came. It left at 5 p.m. The end.", ["The U.S. Army came.", "It left at 5 p.m.", "The end."]),
        ("Pi is 3.14. See www.example.com for it", ["Pi is 3.14.", "See www.example.com for it"]),
        ('He said "Go." Then he left.', ['He said "Go."', "Then he left."]),
        ("It was I. Then J. K. Rowling came.", ["It was I.", "Then J. K. Rowling came."]),
        ("A title\n\nand text. More", ["A title\n\nand text.", "More"]),
        ("**Bold.** (Aside.) Last.", ["**Bold.**", "(Aside.)", "Last."]),
        ("今日は。元気ですか？", ["今日は。", "元気ですか？"]),
        ("यह है। वह है।", ["यह है।", "वह है।"]),
        ("See Fig. 3. Then No. It is No. 5.", ["See Fig. 3.", "Then No.", "It is No. 5."]),
        ("Cats, dogs, etc. and more. Also etc. The end", ["Cats, dogs, etc. and more.", "Also etc.", "The end"]),
    ],
)
def test_sentences(text: str, wanted: list[str]) -> None:
    assert sentences(text) == wanted


def test_paragraphs_and_lines() -> None:
    assert paragraphs("\n\na\nb\n \t\n\nc\n") == ["a\nb", "c"]
    assert lines("a\n\n  \nb\r\nc") == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("count", "bounds", "wanted"),
    [
        (3, (3, None, None), ""),
        (2, (3, None, None), "2 words, fewer than 3"),
        (3, (None, 3, None), ""),
        (4, (None, 3, None), "4 words, more than 3"),
        (3, (None, None, 3), ""),
        (4, (None, None, 3), "4 words, not 3"),
        (4, (2, 3, None), "4 words, more than 3"),
        (0, (None, None, 0), ""),
    ],
)
def test_amounts(count: int, bounds: tuple[int | None, int | None, int | None], wanted: str) -> None:
    assert amount(count, "words", *bounds) == wanted


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"min": 3, "max": 2}, "words: min=3 is above max=2"),
        ({"min": 3, "exact": 3}, "words: exact=3 stands beside min or max"),
        ({"max": -1}, "words: min, max and exact must be at least 0"),
    ],
)
def test_bounds_that_nothing_can_meet(bounds: dict[str, int], message: str) -> None:
    with pytest.raises(WrongAnswer, match=message):
        check_bounds("words", **bounds)
    with pytest.raises(WrongAnswer, match="needs min, max or exact"):
        amount(1, "words", None, None, None)


@pytest.mark.parametrize("text", ["." * 200_000 + "x", "A. " * 70_000, ".x" * 100_000, "\n" * 200_000, "漢" * 200_000])
def test_long_texts_are_counted_in_linear_time(text: str) -> None:
    for count in (words, sentences, paragraphs, lines, capital_words):
        count(text)  # a quadratic rule would take minutes here
