r"""The dear layer of the math verifier: math-verify on top of sympy. Runs in a worker process only (see `workers.py`).

    equal(r"(x+1)^2", "x^2+2x+1")       # True, in the worker's own time

No alarm of its own: the pool's wall deadline ends what takes too long. A gold answer is parsed once per worker.
"""

import logging
from functools import lru_cache
from typing import Any

from verigym.verifiers.arithmetic import TooLarge
from verigym.verifiers.convert import printable
from verigym.verifiers.math_rules import same
from verigym.verifiers.verdict import Status, Verdict

DIGITS = 40
"""two numbers must agree to this many digits, relative to their size"""


def grade(answers: list[str], gold: str) -> Verdict:
    """Whether the one extracted answer is `gold`, with algebra allowed. Called by the pool."""
    from verigym.verifiers.math import conclude  # late: math imports this module's name as a pool target

    return conclude(answers, gold, equal)


def equal(gold: str, got: str) -> bool:
    """Whether math-verify holds the two for equal and, where both are numbers, an evaluation to 40 digits agrees."""
    from math_verify import verify

    logging.disable(logging.CRITICAL)  # it logs every text it cannot read
    wanted, read = parsed(gold), parsed(got)
    if not wanted or not read:
        return False
    if not verify(wanted, read, timeout_seconds=None, raise_on_error=False):
        return False
    return _numbers_agree(wanted[0], read[0])


@lru_cache(maxsize=1024)
def parsed(text: str) -> list[Any]:
    """What math-verify reads in `text`; empty when it reads nothing."""
    from math_verify import LatexExtractionConfig, parse

    return list(parse(f"${text}$", extraction_config=[LatexExtractionConfig()], parsing_timeout=None))


def _numbers_agree(wanted: Any, read: Any) -> bool:
    """False only when both are plain numbers that differ: math-verify rounds, and compares in absolute terms."""
    import sympy

    if not all(isinstance(one, sympy.Expr) and one.is_number for one in (wanted, read)):
        return True
    try:
        size = abs(sympy.N(wanted, DIGITS + 10))
        gap = abs(sympy.N(wanted - read, DIGITS + 10, maxn=400))
        return bool(gap <= size * sympy.Float(10) ** -DIGITS)
    except (TypeError, ValueError):  # complex infinity, undefined
        return False


__all__ = ["Status", "TooLarge", "equal", "grade", "parsed", "printable", "same"]
