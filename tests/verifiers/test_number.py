"""The number verifier: a table of replies, and what a wrong answer raises."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.number import magnitude, number
from verigym.verifiers.verdict import Status

TABLE = [
    ("<answer>42</answer>", "42", True),
    ("<answer>42.0</answer>", "42", True),
    ("#### 1,234", "1234", True),
    ("#### $581.00", "581", True),
    (r"\boxed{\$18}", "18", True),
    (r"\boxed{18\text{ dollars}}", "18", True),
    ("The answer is 18 apples.", "18", True),
    (r"\boxed{x = 18}", "18", True),
    ("<answer>17*3 = 51</answer>", "51", True),
    (r"\boxed{0.5}", r"\frac{1}{2}", True),
    (r"\boxed{25\%}", "25", True),
    (r"\boxed{25\%}", "0.25", True),
    (r"\boxed{0.25\%}", "0.25", False),
    (r"\boxed{41}", "42", False),
    (r"\boxed{42.0000001}", "42", False),
    (r"\boxed{-42}", "42", False),
    (r"\boxed{1} no, \boxed{2}", "1", False),
    (r"\boxed{1} no, \boxed{2}", "2", True),
    (r"\boxed{42}, \boxed{42}", "42", True),
    ("#### 42 … #### 41", "42", False),
]
UNREADABLE = [
    "",
    "42",
    "<answer>17*3</answer>",
    "<answer>42 or 43</answer>",
    "<answer>not 42</answer>",
    "<answer>42 no</answer>",
    "<answer>41 = 42</answer>",
    r"\boxed{41} or \boxed{42}",
    r"\boxed{42} or \boxed{41}",
    r"\boxed{41}, \boxed{42}",
    r"\boxed{42} or maybe 41",
    r"The answer is \boxed{42}, which is wrong.",
    "<answer>nan</answer>",
    "<answer>9**9**9</answer>",
    "<answer>__import__('os').getcwd()</answer>",
    "<answer>" + "9" * 100_000 + "</answer>",
    "<answer>1e999999999</answer>",
    "<answer>\ud800</answer>",
    "<answer>42\x00</answer>",
    "<answer>٤٢</answer>",
    "<think>42</think>",
]


@pytest.mark.parametrize(("reply", "answer", "right"), TABLE)
def test_table(reply: str, answer: str, right: bool) -> None:
    verdict = number(reply, answer)
    assert (verdict.correct, verdict.status) == (right, Status.OK), verdict.reason


@pytest.mark.parametrize("reply", UNREADABLE)
def test_unreadable(reply: str) -> None:
    verdict = number(reply, "42")
    assert (verdict.correct, verdict.reward, verdict.status) == (False, 0.0, Status.MALFORMED)
    assert verdict.reason


def test_reasons() -> None:
    assert number("<answer>41</answer>", "42").reason == "got 41, expected 42"
    assert number("<answer>x</answer>", "42").reason == "'x' is not a number"


def test_tolerance_is_relative_to_the_answer() -> None:
    assert number("<answer>101</answer>", 100, tolerance=0.01).correct
    assert not number("<answer>101.1</answer>", 100, tolerance=0.01).correct
    assert not number("<answer>0.001</answer>", 0, tolerance=0.5).correct


def test_units_can_be_refused() -> None:
    assert number("<answer>18 apples</answer>", "18", units=False).status is Status.MALFORMED


@pytest.mark.parametrize("answer", ["forty-two", "", None, [42], {"value": 42}, {"volume": 42}, True, float("nan")])
def test_a_wrong_answer_is_the_environments_fault(answer: object) -> None:
    with pytest.raises(WrongAnswer, match=r"^number: answer"):
        number("<answer>42</answer>", answer)


def test_a_tolerance_out_of_range() -> None:
    with pytest.raises(ValueError, match=r"tolerance=1.5 must be at least 0 and below 1"):
        number("<answer>42</answer>", 42, tolerance=1.5)


@given(st.text(alphabet=st.characters(), max_size=100))
def test_any_text_gets_a_verdict(text: str) -> None:
    assert number(f"<answer>{text}</answer>", "42").status in (Status.OK, Status.MALFORMED)


KM = {"value": "3.2", "unit": "km"}


@pytest.mark.parametrize(
    ("text", "correct", "reason"),
    [
        ("3.2 km", True, "3.2 km is 3.2 km"),
        ("3200 m", True, "3200 m is 3.2 km"),
        ("3.2", True, "3.2 is 3.2 km"),
        ("d = 3.2 km", True, "d = 3.2 km is 3.2 km"),
        ("3.2 km = 3200 m", True, "3.2 km = 3200 m is 3.2 km"),
        ("3200", False, "got 3200, expected 3.2 km"),
        ("3.2 m", False, "got 3.2 m, expected 3.2 km"),
        ("3.2 kg", False, "3.2 kg is of mass, expected length"),
    ],
)
def test_units(text: str, correct: bool, reason: str) -> None:
    verdict = number(f"<answer>{text}</answer>", KM)
    assert (verdict.correct, verdict.status, verdict.reason) == (correct, Status.OK, reason)


@pytest.mark.parametrize(
    "text", ["3.2 km or 3.3 km", "3.2 parsecs", "3.3 km = 3.2 km", "3.2 km = 3.2 kg", "km", "3.2 km, 4 km", "nan km"]
)
def test_units_that_cannot_be_read(text: str) -> None:
    verdict = number(f"<answer>{text}</answer>", KM)
    assert (verdict.correct, verdict.status) == (False, Status.MALFORMED)
    assert verdict.reason == f"'{text}' is not a number with a unit that is known"


def test_a_missing_unit_by_option() -> None:
    verdict = number("<answer>3.2</answer>", KM, missing_unit="refuse")
    assert (verdict.status, verdict.reason) == (Status.MALFORMED, "'3.2' has no unit")
    with pytest.raises(ValueError, match="missing_unit='no' must be 'accept' or 'refuse'"):
        number("<answer>3.2</answer>", KM, missing_unit="no")


def test_a_tolerance_counts_in_the_answers_unit() -> None:
    boiling = {"value": 100, "unit": "°C"}
    assert number("<answer>212 °F</answer>", boiling).correct
    assert number("<answer>372.15 K</answer>", boiling, tolerance=0.01).correct  # 99 °C
    assert not number("<answer>371.15 K</answer>", boiling, tolerance=0.01).correct
    assert number("<answer>3250 m</answer>", KM, absolute=0.05).correct
    assert not number("<answer>3251 m</answer>", KM, absolute=0.05).correct


@pytest.mark.parametrize(
    ("answer", "digits", "text", "correct"),
    [
        ("3.14159", 3, "3.14", True),
        ("3.14159", 3, "3.1415", True),
        ("3.14159", 3, "3.13", False),
        ("3.14159", 3, "3.1", False),
        ("0.0123456", 2, "0.012", True),
        ("0.0123456", 2, "0.013", False),
        ("123456", 3, "123000", True),
        ("123456", 3, "122000", False),
        ("999.6", 3, "1000", True),
        ("-2.5", 1, "-3", True),  # half a unit of the first digit
        ("-2.5", 1, "2.5", False),
        ("0", 3, "0", True),
        ("0", 3, "0.0001", False),
        ("1/3", 3, "0.333", True),
    ],
)
def test_significant_digits(answer: str, digits: int, text: str, correct: bool) -> None:
    assert number(f"<answer>{text}</answer>", answer, digits=digits).correct is correct


def test_magnitudes() -> None:
    for exponent in range(-30, 31):
        for first in (1, 3, 7, 9):
            assert magnitude(first * Fraction(10) ** exponent) == exponent
    assert magnitude(Fraction(10**1000 - 1)) == 999
    assert magnitude(Fraction(1, 10**1000)) == -1000
    assert magnitude(Fraction(-314)) == 2


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"value": "3", "unit": "parsec"}, r"number: answer\['unit'\] 'parsec' is not a unit"),
        ({"unit": "km"}, "number: answer has no field 'value' beside its 'unit'"),
        ({"value": "x", "unit": "km"}, "number: answer 'x' is not a number"),
        ({"value": None, "unit": "km"}, "number: answer must be a text or a number, got NoneType"),
        ({"value": 3, "unit": 5}, r"number: answer\['unit'\] must be a str, got int"),
    ],
)
def test_a_wrong_unit_is_the_environments_fault(answer: object, message: str) -> None:
    with pytest.raises(WrongAnswer, match=message):
        number("<answer>3 km</answer>", answer)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"absolute": -1.0}, "absolute=-1.0 must be at least 0 and finite"),
        ({"absolute": float("inf")}, "absolute=inf must be at least 0 and finite"),
        ({"tolerance": float("nan")}, "tolerance=nan must be at least 0"),
        ({"digits": -1}, "digits=-1 must be from 0"),
    ],
)
def test_margins_out_of_range(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        number("<answer>42</answer>", 42, **options)


@given(st.text(alphabet=st.characters(), max_size=60))
def test_any_text_gets_a_verdict_with_units_too(text: str) -> None:
    assert number(f"<answer>{text}</answer>", KM).status in (Status.OK, Status.MALFORMED)
    assert number(f"<answer>3 {text}</answer>", KM).status in (Status.OK, Status.MALFORMED)
