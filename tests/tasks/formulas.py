"""Formulas as the mathematics tasks write them, evaluated for the tests, exactly or in floats: the text is our own."""

import math
import re
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from types import CodeType
from typing import Any

NAMES = r"exp|sin|cos|ln|sqrt|pi|[xyz]"
TOKEN = re.compile(rf"\s*(?:(?P<number>\d+)|(?P<name>{NAMES})|(?P<mark>[-+*/^()|]))")


def evaluate(text: str, number: Callable[[Any], Any] = Fraction, **values: Any) -> Any:
    """The value of a formula in LaTeX or plain text. number: what digits become, Fraction or float."""
    known = {"exp": math.exp, "sin": math.sin, "cos": math.cos, "ln": math.log, "sqrt": math.sqrt, "pi": math.pi}
    return eval(_compiled(text), {"__builtins__": {}, "N": number, "abs": abs}, known | values)


@cache
def _compiled(text: str) -> CodeType:
    return compile(_python(text), "formula", "eval")


def _python(text: str) -> str:
    text = re.sub(r"\\sqrt\{(\d+)\}", r" sqrt(\1)", text)
    text = re.sub(r"e\^\{([^{}]*)\}", r" exp(\1)", text)
    while (shorter := re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)/(\2))", text)) != text:
        text = shorter
    text = text.replace("\\", " ")
    pieces: list[str] = []
    place, ends, bars = 0, False, 0
    while place < len(text.rstrip()):
        match = TOKEN.match(text, place)
        assert match is not None, f"{text!r} at {place}"
        place = match.end()
        kind, token = match.lastgroup, match[match.lastgroup or 0]
        begins = kind != "mark" or token == "(" or (token == "|" and bars % 2 == 0)
        if ends and begins:
            pieces.append("*")
        if token == "|":
            bars += 1
            token = "abs(" if bars % 2 else ")"
        pieces.append(f"N({token})" if kind == "number" else token.replace("^", "**"))
        ends = kind == "number" or token == ")" or token in ("x", "y", "z", "pi")
    return "".join(pieces)
