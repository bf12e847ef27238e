"""Verdicts to bytes and back, and what is refused on the way."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.verifiers.convert import WIRE_LIMIT, as_verdict, from_wire, parse_wire, printable, to_wire
from verigym.verifiers.verdict import Status, Verdict


class Scalar:
    """As numpy and torch scalars are."""

    def __init__(self, value: object) -> None:
        self.value = value

    def item(self) -> object:
        if isinstance(self.value, list):
            raise RuntimeError("more than one element")
        return self.value


def test_scalars_of_other_libraries_are_read() -> None:
    assert as_verdict(Scalar(True)).correct is True
    assert as_verdict(Scalar(0.5)).reward == 0.5
    assert as_verdict(Scalar([1, 2])).reason == "the grader returned a Scalar of more than one element"


def test_the_reason_names_what_came_back() -> None:
    assert as_verdict({}).reason == "the grader returned dict; return a Verdict, a bool or a number"
    assert as_verdict(float("-inf")).reason == "the grader returned -inf; a reward must be finite"


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([True, False, None]),
    st.sampled_from(list(Status)),
    st.text(alphabet=st.characters(categories=["L", "N", "P"]), max_size=100),
)
def test_a_verdict_survives_the_line(reward: float, correct: bool | None, status: Status, reason: str) -> None:
    verdict = Verdict(reward, correct, status, reason, {"form": 1.0}, reason)
    assert from_wire(parse_wire(json.dumps(to_wire(verdict)).encode())) == verdict


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (b"[" * 100_000, "not a flat record"),
        (b'{"a":' * 50_000, "not a flat record"),
        (b"x" * (WIRE_LIMIT + 1), "at most"),
        (b"7", "is a int, not a record"),
        (b'{"reward": NaN}', "finite"),
        (b'{"reward": ' + b"9" * 10_000 + b"}", "digits"),
        (b'"\xff"', "not UTF-8"),
        (b"", "Expecting value"),
    ],
)
def test_a_bad_frame_is_refused_without_recursion(frame: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_wire(frame)


@pytest.mark.parametrize(
    "change", [{"reward": "x"}, {"reward": None}, {"correct": 5}, {"status": "fine"}, {"parts": 3}, {"extracted": 1}]
)
def test_a_record_that_is_no_verdict_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        from_wire({**to_wire(Verdict.right("r")), **change})
    with pytest.raises(ValueError):
        from_wire(None)


def test_printable_is_one_clean_line() -> None:
    assert printable("a\nb\x00\ud800") == "a b ?"
    assert printable("x" * 100, 10) == "xxxxxxx..."


@given(st.text(alphabet=st.characters(), max_size=200))
def test_printable_always_encodes(text: str) -> None:
    assert printable(text).encode("utf-8").decode("utf-8").isprintable()
