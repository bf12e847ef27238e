"""The number verifier: a table of replies, and what a wrong answer raises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.number import number
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


@pytest.mark.parametrize("answer", ["forty-two", "", None, [42], {"value": 42}, True, float("nan")])
def test_a_wrong_answer_is_the_environments_fault(answer: object) -> None:
    with pytest.raises(WrongAnswer, match=r"^number: answer"):
        number("<answer>42</answer>", answer)


def test_a_tolerance_out_of_range() -> None:
    with pytest.raises(ValueError, match=r"tolerance=1.5 must be at least 0 and below 1"):
        number("<answer>42</answer>", 42, tolerance=1.5)


@given(st.text(alphabet=st.characters(), max_size=100))
def test_any_text_gets_a_verdict(text: str) -> None:
    assert number(f"<answer>{text}</answer>", "42").status in (Status.OK, Status.MALFORMED)
