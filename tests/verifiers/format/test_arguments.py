"""Fields of rules, read by the signature of their function."""

from typing import Any, Literal

import pytest

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.format.arguments import bind, fits


def rule(text: str, *, count: int, names: list[str] | None = None, how: Literal["up", "down"] = "up") -> str:
    """A rule to bind to."""
    return ""


def test_what_is_given_is_bound_and_nothing_is_filled_in() -> None:
    assert bind(rule, {"count": 3}, "rule") == {"count": 3}
    assert bind(rule, {"count": 3.0, "names": None, "how": "down"}, "rule") == {"count": 3, "how": "down"}
    assert type(bind(rule, {"count": 3.0}, "rule")["count"]) is int


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "rule needs the field 'count'"),
        ({"count": None}, "rule needs the field 'count'"),
        ({"count": 3, "name": ["a"]}, r"rule has no field 'name'; did you mean 'names'\?"),
        ({"count": 3, "zz": 1}, "rule has no field 'zz'; its fields are count, names, how"),
        ({"count": 3, "text": "a"}, "rule has no field 'text'"),
        ({"count": 2.5}, "rule: count=2.5 must be a whole number"),
        ({"count": float("nan")}, "rule: count=nan must be a whole number"),
        ({"count": 3, "names": "a"}, "rule: names='a' must be a list, not empty, each text"),
        ({"count": 3, "how": "left"}, "rule: how='left' must be one of 'up', 'down'"),
    ],
)
def test_what_does_not_fit(given: dict[str, object], message: str) -> None:
    with pytest.raises(WrongAnswer, match=message):
        bind(rule, given, "rule")


@pytest.mark.parametrize(
    ("value", "kind", "wanted"),
    [
        (1, int, True),
        (True, int, False),
        (True, bool, True),
        (None, int | None, True),
        ("a", int | None, False),
        (["a"], list[str], True),
        ([], list[str], False),
        (["a", 1], list[str], False),
        ([["a"], []], list[list[str]], False),
        ({"a": 1}, dict[str, Any], True),
        ({"a": 1}, dict[str, Any] | bool, True),
        ("a", Literal["a"], True),
        (object(), Any, True),
    ],
)
def test_types(value: object, kind: object, wanted: bool) -> None:
    assert fits(value, kind) is wanted
