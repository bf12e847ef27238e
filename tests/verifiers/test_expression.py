"""The expression verifier: own parser, each number once, hostile text."""

import contextlib
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.expression import MAX_TEXT, ExpressionError, evaluate, expression
from verigym.verifiers.verdict import Status

ANSWER = {"numbers": [25, 3, 17], "target": 11, "operators": "+-*/"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("3 + 25 - 17", "11 = 11"),
        ("25-17+3", "11 = 11"),
        ("(25 − 17) + 3", "11 = 11"),
        ("$25-(17-3)$", "11 = 11"),
        ("3+25-17 = 11", "11 = 11"),
        ("11 = 3+25-17", "11 = 11"),
        ("3+25-17 = 28-17 = 11", "11 = 11"),
        ("-17+25+3", "11 = 11"),
        ("+25-17+03", "11 = 11"),
        ("+ 3 + (+25 - 17)", "11 = 11"),
    ],
)
def test_right(text: str, reason: str) -> None:
    verdict = expression(f"<think>..</think><answer>{text}</answer>", ANSWER)
    assert (verdict.correct, verdict.reason, verdict.extracted) == (True, reason, text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("3 + 25 + 17", "45 is not 11"),
        ("11", "11 is not one of the numbers"),
        ("25 - 17", "it does not use 3"),
        ("3 + 25 - 17 + 3 - 3", "it uses 3 more often than it is given"),
        ("325 - 17", "325 is not one of the numbers"),
        ("17/(3+25-25-3)", "it divides by zero"),
        ("3+25-17 = 12", "11 = 12 is not so"),
        ("12 = 3+25-17", "12 = 11 is not so"),
        ("25/3-17", "-26/3 is not 11"),
        ("+3", "it does not use 17, 25"),
        ("+25+17-3", "39 is not 11"),
    ],
)
def test_wrong(text: str, reason: str) -> None:
    verdict = expression(f"<answer>{text}</answer>", ANSWER)
    assert (verdict.correct, verdict.status, verdict.reason) == (False, Status.OK, reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("94**61**4*6", "'**' is not an operator here"),
        ("9**9**9", "'**' is not an operator here"),
        ("25//3", "'//' is not an operator here"),
        ("25* *3", "'*' where a number should stand"),
        ("__import__('os')", "'_' has no place in an expression"),
        ("25^3", "'^' has no place in an expression"),
        ("25e3", "'e' has no place in an expression"),
        ("2.5", "'.' has no place in an expression"),
        ("٣+25", "'٣' has no place in an expression"),
        ("3+25²", "'^' has no place in an expression"),
        ("3+\ud800", "'?' has no place in an expression"),
        ("3+\x00", "' ' has no place in an expression"),
        ("(" * 300 + "3", "more than 50 brackets deep"),
        ("-" * 300 + "3", "more than 50 brackets deep"),
        ("(" * 100_000, "an expression of "),
        ("1+" * 190 + "1", "more than 64 numbers"),
        ("9" * 300, "a number of more than 12 digits"),
        ("3+", "it ends where a number should stand"),
        ("3 25", "'25' where an operator should stand"),
        ("(3+25", "a bracket is not closed"),
        ("3+25)", "')' where an operator should stand"),
        ("++3", "'+' where a number should stand"),
        ("3++25", "'+' where a number should stand"),
        ("25*+3", "'+' where a number should stand"),
        ("-+3", "'+' where a number should stand"),
        ("+", "it ends where a number should stand"),
        ("=", "it ends where a number should stand"),
        ("==", "it ends where a number should stand"),
    ],
)
def test_malformed(text: str, reason: str) -> None:
    started = time.process_time()
    verdict = expression(f"<answer>{text}</answer>", ANSWER)
    assert (verdict.correct, verdict.status) == (False, Status.MALFORMED)
    assert verdict.reason.startswith(reason) or len(text) > MAX_TEXT
    assert time.process_time() - started < 0.2


def test_operators_are_those_of_the_problem() -> None:
    verdict = expression("<answer>25 * 3 - 17</answer>", {**ANSWER, "target": 58, "operators": "+-"})
    assert (verdict.status, verdict.reason) == (Status.MALFORMED, "'*' is not allowed here, only + -")
    assert expression("<answer>25 * 3 - 17</answer>", {**ANSWER, "target": 58}).correct
    verdict = expression("<answer>+25</answer>", {"numbers": [25], "target": 25, "operators": "*/"})
    assert (verdict.status, verdict.reason) == (Status.MALFORMED, "'+' is not allowed here, only * /")


def test_repeated_numbers_are_used_as_often_as_given() -> None:
    answer = {"numbers": [4, 4, 2], "target": 10}
    assert expression("<answer>4+4+2</answer>", answer).correct
    assert expression("<answer>4+4+2+2-2</answer>", answer).correct is False
    assert "it does not use 4" in expression("<answer>4+2</answer>", answer).reason


def test_fractions_in_between_are_exact() -> None:
    assert expression("<answer>6/(1-3/4)</answer>", {"numbers": [1, 3, 4, 6], "target": 24}).correct
    assert expression("<answer>8/(3-8/3)</answer>", {"numbers": [3, 3, 8, 8], "target": 24}).correct


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "expression: answer must be a dict with 'numbers', got NoneType"),
        ({}, "answer has no field 'numbers'; it has none"),
        ({"numbers": []}, r"answer\['numbers'\] must be a list of whole numbers"),
        ({"numbers": [1, "2"]}, r"answer\['numbers'\] must be a list of whole numbers"),
        ({"numbers": [1]}, "answer has no field 'target'; it has 'numbers'"),
        ({"numbers": [1], "target": True}, r"answer\['target'\] must be an int, got bool"),
        ({"numbers": [1], "target": 1, "operators": "+^"}, r"must be some of \+-\*/, got '\+\^'"),
    ],
)
def test_a_wrong_answer_names_the_field(answer: object, message: str) -> None:
    with pytest.raises(WrongAnswer, match=message):
        expression("<answer>1</answer>", answer)


Tree = tuple[str, Fraction | None]


def _join(pair: tuple[Tree, str, Tree]) -> Tree:
    (left, a), operator, (right, b) = pair
    if a is None or b is None or (operator == "/" and b == 0):
        value = None
    else:
        value = {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: a / b}[operator]()
    return f"({left} {operator} {right})", value


TREES: st.SearchStrategy[Tree] = st.recursive(
    st.integers(0, 99).map(lambda n: (str(n), Fraction(n))),
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(_join),
    max_leaves=12,
)


@given(TREES)
def test_the_parser_computes_as_fractions_do(tree: Tree) -> None:
    text, value = tree
    if value is None:
        with pytest.raises(ZeroDivisionError):
            evaluate(text)
    else:
        assert evaluate(text)[0] == value


@given(st.lists(st.tuples(st.sampled_from("+-*"), st.integers(1, 50)), min_size=1, max_size=10))
def test_precedence_is_that_of_python(terms: list[tuple[str, int]]) -> None:
    text = "1" + "".join(f"{operator}{number}" for operator, number in terms)
    assert evaluate(text)[0] == eval(text)


@given(st.text(alphabet=st.sampled_from(list("0123456789+-*/()= .eE^\ud800\x00½²x")), max_size=80))
def test_any_text_gets_a_verdict(text: str) -> None:
    assert expression(f"<answer>{text}</answer>", ANSWER).status in (Status.OK, Status.MALFORMED)
    with contextlib.suppress(ExpressionError, ZeroDivisionError):
        evaluate(text)
