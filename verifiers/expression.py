"""Arithmetic that must reach a target with given numbers, read by an own parser and computed in exact rationals.

    answer = {"numbers": [25, 3, 17], "target": 11, "operators": "+-*/"}
    expression("<answer>3 + 25 - 17</answer>", answer).correct        # True

Never `eval`. The vocabulary is closed: ASCII digits, the operators of the problem, round brackets and `=`. Powers,
`//`, letters, decimal points and digits of other scripts are refused. Bounded: 400 characters, 50 brackets deep, 12
digits a number, 64 numbers.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.answers import field as answer_field
from verigym.verifiers.convert import printable
from verigym.verifiers.extract import alone
from verigym.verifiers.extract import extract as find
from verigym.verifiers.text import fold
from verigym.verifiers.verdict import Verdict

MAX_TEXT = 400
MAX_DEPTH = 50
MAX_DIGITS = 12
MAX_NUMBERS = 64
OPERATORS = "+-*/"
_LATEX = ((r"\times", "*"), (r"\cdot", "*"), (r"\div", "/"), (r"\left", ""), (r"\right", ""))


class ExpressionError(ValueError):
    """The text is not an expression in the closed vocabulary, or leaves its bounds."""


@dataclass
class _Reader:
    """A position in a list of tokens, and the numbers read so far."""

    tokens: Sequence[str]
    operators: str
    at: int = 0
    numbers: list[int] = field(default_factory=list)

    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""


def evaluate(text: str, operators: str = OPERATORS) -> tuple[Fraction, list[int]]:
    """The value of `text` and the numbers it uses, in order.

    A leading sign is allowed where it is an operator. Raises ExpressionError, and ZeroDivisionError for a division by
    zero.
    """
    reader = _Reader(_tokens(text), operators)
    value = _sum(reader, 0)
    if reader.next():
        raise ExpressionError(f"{reader.next()!r} where an operator should stand")
    return value, reader.numbers


def _tokens(text: str) -> list[str]:
    if len(text) > MAX_TEXT:
        raise ExpressionError(f"an expression of {len(text)} characters; at most {MAX_TEXT} are read")
    tokens: list[str] = []
    glued: bool | None = False
    for character in text:
        digit = character in "0123456789"
        if digit and glued:
            tokens[-1] += character
            if len(tokens[-1]) > MAX_DIGITS:
                raise ExpressionError(f"a number of more than {MAX_DIGITS} digits")
        elif digit or character in "+-*/()":
            if character in "*/" and tokens and tokens[-1] == character and glued is None:
                raise ExpressionError(f"{character * 2!r} is not an operator here")
            tokens.append(character)
        elif not character.isspace():
            raise ExpressionError(f"{printable(character)!r} has no place in an expression")
        # None: the operator just read, so that `**` and `//` are told from `* *`
        glued = digit or (None if character in "*/" else False)
    return tokens


def _sum(reader: _Reader, depth: int) -> Fraction:
    if reader.next() == "+":  # a signed sum, such as +25 - 17 + 3
        _operator(reader)
    total = _product(reader, depth)
    while reader.next() in ("+", "-"):
        sign = _operator(reader)
        term = _product(reader, depth)
        total = total + term if sign == "+" else total - term
    return total


def _product(reader: _Reader, depth: int) -> Fraction:
    total = _factor(reader, depth)
    while reader.next() in ("*", "/"):
        sign = _operator(reader)
        factor = _factor(reader, depth)
        total = total * factor if sign == "*" else total / factor
    return total


def _factor(reader: _Reader, depth: int) -> Fraction:
    if depth > MAX_DEPTH:
        raise ExpressionError(f"more than {MAX_DEPTH} brackets deep")
    token = reader.next()
    if token == "-":
        _operator(reader)
        return -_factor(reader, depth + 1)
    reader.at += 1
    if token == "(":
        value = _sum(reader, depth + 1)
        if reader.next() != ")":
            raise ExpressionError("a bracket is not closed")
        reader.at += 1
        return value
    if not token.isdecimal():
        raise ExpressionError(
            f"{token!r} where a number should stand" if token else "it ends where a number should stand"
        )
    reader.numbers.append(int(token))
    if len(reader.numbers) > MAX_NUMBERS:
        raise ExpressionError(f"more than {MAX_NUMBERS} numbers")
    return Fraction(int(token))


def _operator(reader: _Reader) -> str:
    token = reader.next()
    if token not in reader.operators:
        raise ExpressionError(f"{token!r} is not allowed here, only {' '.join(reader.operators)}")
    reader.at += 1
    return token


def expression(reply: str, answer: Any, *, extract: str = "marked", strict: bool = True) -> Verdict:
    """Whether the extracted expression uses each number exactly once and reaches the target.

    answer  {"numbers": [25, 3, 17], "target": 11, "operators": "+-*/"}; operators may be left out

    `3+25-17 = 11` is read too: one side must use the numbers, and all sides must agree. A division by zero is wrong.
    Raises ValueError when `answer` has another form.
    """
    numbers, target, operators = _problem(answer)
    found = find(reply, extract, strict)
    if found.text is None:
        return Verdict.malformed(found.reason)
    text = fold(alone(found.text))
    for latex, plain in _LATEX:
        text = text.replace(latex, plain)
    if len(text) > MAX_TEXT:
        return Verdict.malformed(f"an expression of {len(text)} characters; at most {MAX_TEXT} are read")
    try:
        sides = [evaluate(side, operators) for side in text.split("=")]
    except ExpressionError as failure:
        return Verdict.malformed(str(failure), found.text)
    except ZeroDivisionError:
        return Verdict.wrong("it divides by zero", found.text)
    value = sides[0][0]
    for other, _ in sides[1:]:
        if other != value:
            return Verdict.wrong(f"{_written(value)} = {_written(other)} is not so", found.text)
    faults = [_misuse(used, numbers) for _, used in sides]
    if all(faults):
        return Verdict.wrong(faults[0], found.text)
    if value != target:
        return Verdict.wrong(f"{_written(value)} is not {target}", found.text)
    return Verdict.right(f"{_written(value)} = {target}", found.text)


def _problem(answer: Any) -> tuple[list[int], int, str]:
    numbers = answer_field(answer, "numbers", list, "expression")
    if not numbers or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in numbers):
        raise WrongAnswer("expression: answer['numbers'] must be a list of whole numbers from 0 up")
    operators = answer_field({"operators": OPERATORS, **answer}, "operators", str, "expression")
    if not operators or set(operators) - set(OPERATORS):
        raise WrongAnswer(f"expression: answer['operators'] must be some of {OPERATORS}, got {operators!r}")
    return numbers, answer_field(answer, "target", int, "expression"), operators


def _misuse(used: list[int], given: list[int]) -> str:
    """What is wrong with the numbers used, or nothing."""
    have, want = Counter(used), Counter(given)
    for number in have:
        if number not in want:
            return f"{number} is not one of the numbers"
        if have[number] > want[number]:
            return f"it uses {number} more often than it is given"
    missing = sorted((want - have).elements())
    return f"it does not use {', '.join(map(str, missing))}" if missing else ""


def _written(value: Fraction) -> str:
    return printable(str(value), 60)
