r"""The dear layer of the math verifier: math-verify on top of sympy. Runs in a worker process only (see `workers.py`).

    equal(r"(x+1)^2", "x^2+2x+1")       # True, in the worker's own time

No alarm of its own: the pool's wall deadline ends what takes too long. A gold answer is parsed once per worker.
"""

import logging
import re
from functools import lru_cache
from typing import Any

from verigym.verifiers.math import conclude
from verigym.verifiers.verdict import Verdict

DIGITS = 40
"""two numbers must agree to this many digits, relative to their size"""


def grade(answers: list[str], gold: str) -> Verdict:
    """Whether the one extracted answer is `gold`, with algebra allowed. Called by the pool."""
    return conclude(answers, gold, equal)


def equal(gold: str, got: str) -> bool:
    """Whether the two are equal: numbers and functions by evaluation, everything else as math-verify sees it."""
    from math_verify import verify

    logging.disable(logging.CRITICAL)  # it logs every text it cannot read
    wanted, read = parsed(gold), parsed(got)
    if not wanted or not read:
        return False
    evaluated = agree(wanted[0], read[0])
    if evaluated is not None:
        return evaluated
    return bool(verify(wanted, read, timeout_seconds=None, raise_on_error=False))


@lru_cache(maxsize=1024)
def parsed(text: str) -> list[Any]:
    """What math-verify reads in `text`; empty when it reads nothing. A lone `i` is the imaginary unit."""
    import sympy
    from math_verify import LatexExtractionConfig, parse

    for pattern, plain in _READABLE:
        text = pattern.sub(plain, text)
    read = parse(f"${text}$", extraction_config=[LatexExtractionConfig()], parsing_timeout=None)
    if read and isinstance(read[0], sympy.Expr) and {str(symbol) for symbol in read[0].free_symbols} == {"i"}:
        read[0] = read[0].subs(dict.fromkeys(read[0].free_symbols, sympy.I))
    return list(read) if read and not isinstance(read[0], str) else []


def agree(wanted: Any, read: Any) -> bool | None:
    """Whether two expressions in the same names have the same value at several points, to 40 digits relative to their
    size.

    math-verify rounds to six decimals and compares in absolute terms, so it is not asked where this can tell. None when
    either is no expression, or cannot be evaluated at three points at least.
    """
    import sympy

    if not all(isinstance(one, sympy.Expr) and not one.is_Matrix for one in (wanted, read)):
        return None
    names = sorted({str(symbol) for one in (wanted, read) for symbol in one.free_symbols})
    told = 0
    for point in range(6 if names else 1):
        values = {
            name: sympy.Rational(*_POINTS[(point * 5 + place) % len(_POINTS)]) for place, name in enumerate(names)
        }
        pair = [one.subs({symbol: values[str(symbol)] for symbol in one.free_symbols}) for one in (wanted, read)]
        verdict = _same_number(*pair)
        if verdict is False:
            return False
        told += verdict is True
    return True if told >= (3 if names else 1) else None


def _same_number(one: Any, other: Any) -> bool | None:
    """Whether two closed expressions have one value; None when either has none that is finite."""
    import sympy

    try:
        if one == other:
            return _finite(sympy.N(one, DIGITS)) or None
        first, second = sympy.N(one, DIGITS + 10), sympy.N(other, DIGITS + 10)
        if not _finite(first) or not _finite(second):
            return None
        gap, size = abs(sympy.N(one - other, DIGITS + 10, maxn=400)), max(abs(first), abs(second))
        nothing = (one == 0 or other == 0) and gap < sympy.Float(10) ** -100  # zero has no size to be relative to
        return bool(nothing or gap <= size * sympy.Float(10) ** -DIGITS)
    except (TypeError, ValueError, ArithmeticError):
        return None


def _finite(number: Any) -> bool:
    return all(part.is_Float or part.is_Rational for part in number.as_real_imag())


_READABLE = (
    (re.compile(r"(\\(?:sin|cos|tan|cot|sec|csc))\^\{?2\}? ?([A-Za-z]|\\[a-z]+)(?![A-Za-z(])"), r"(\1(\2))^2"),
    (
        re.compile(r"\\(gamma|beta|zeta)(?![A-Za-z])"),
        lambda match: match[1][0] + "_{99}",
    ),  # else constants and functions
)
"""spellings that math-verify misreads, and what it is given instead"""
_POINTS = ((13, 7), (-17, 11), (5, 3), (-8, 5), (29, 13), (3, 19), (-31, 23), (41, 37), (-2, 29), (53, 17), (7, 31))
"""rationals of both signs that no textbook expression treats specially"""
