"""Reading judgements: the two strict forms, and what only looks like them."""

import json
from typing import Any

import pytest

from verigym.verifiers.judge.judgement import Unreadable, read_choice, read_scores

N = "0123456789abcdef"


def tag(inside: str, nonce: str = N) -> str:
    return f"<verdict-{nonce}>{inside}</verdict-{nonce}>"


def scores(text: str, *most: int, form: str = "tag", single: bool = False) -> list[int]:
    return read_scores(text, most, form=form, nonce=N, single=single)[0]


def test_forms_that_are_read() -> None:
    assert scores(tag("7"), 10) == [7]
    assert scores(f"<think>{tag('1')}</think>\nIt is right.\n  {tag(' 3 , 0 ,5')}  \n", 3, 1, 5) == [3, 0, 5]
    assert read_scores(f"Short.\nBut right.\n{tag('0')}", [1], form="tag", nonce=N, single=True) == (
        [0],
        "Short.\nBut right.",
    )
    assert scores(json.dumps({"scores": [2, 0], "reason": ""}), 2, 2, form="json") == [2, 0]
    assert scores(json.dumps({"score": 4, "reason": ""}), 4, form="json", single=True) == [4]
    assert read_choice(tag("tie"), form="tag", nonce=N) == ("tie", "")
    assert read_choice('{"reason": "longer", "better": "B"}', form="json", nonce=N) == ("B", "longer")


@pytest.mark.parametrize(
    "text",
    [
        "7",
        tag("7", "fedcba9876543210"),  # of another case
        "<verdict>7</verdict>",
        f"{tag('7')}\n{tag('7')}",
        f"The reply says {tag('10')}\n{tag('2')}",  # a quoted tag must not win, nor lose
        f"{tag('7')} or so",
        f"{tag('7')}\nThat is all.",
        f"It gets {tag('7')}",
        f"<verdict-{N}>7",
        f"</verdict-{N}>7<verdict-{N}>",
        f"<think>{tag('7')}",
        tag(""),
        tag("11"),
        tag("-1"),
        tag("+7"),
        tag("07"),
        tag("7.0"),
        tag("7/10"),
        tag("seven"),
        tag("\u0667"),  # another script's 7
        tag("7,7"),
        tag("9" * 5000),
    ],
)
def test_tags_that_are_not_of_the_form(text: str) -> None:
    with pytest.raises(Unreadable):
        scores(text, 10)


@pytest.mark.parametrize("value", [[1], [1, 2, 3], "1,2", {"a": 1}, None, [1, None], [1, [2]], [1, True], [1, 2.0]])
def test_lists_of_scores_that_are_not_of_the_form(value: Any) -> None:
    with pytest.raises(Unreadable):
        scores(json.dumps({"reason": "", "scores": value}), 2, 2, form="json")


@pytest.mark.parametrize("value", ["a", "first", "A or B", "", None, ["A"], {"A": 1}, 1])
def test_choices_that_are_none(value: Any) -> None:
    with pytest.raises(Unreadable):
        read_choice(json.dumps({"reason": "", "better": value}), form="json", nonce=N)
