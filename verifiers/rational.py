r"""Reading one written number as an exact rational: `-1,234.50`, `\frac{3}{4}`, `2 1/2`, `12.5%`, `2 \times 10^{3}`.

    read_number("2 1/2").value       # Fraction(5, 2)

It reads numbers, not sums: `2+3` is refused, so that a task cannot be answered by restating it. Bounded: at most 1,000
digits, and powers of ten up to 1,000. Non-ASCII digits are refused.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from verigym.verifiers.text import fold

MAX_DIGITS = 1000
MAX_EXPONENT = 1000
MAX_TEXT = 4 * MAX_DIGITS


@dataclass(frozen=True)
class Number:
    """value: the exact rational, percent already divided by 100; percent: a percent sign was there."""

    value: Fraction
    percent: bool = False


_DECIMAL = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+"
_WHOLE = r"[0-9]+"
_DECIMAL_ONLY = re.compile(rf"([+-]?)\s*({_DECIMAL})", re.ASCII)
_SCIENTIFIC = re.compile(
    rf"([+-]?)\s*({_DECIMAL})\s*(?:[eE]([+-]?[0-9]{{1,5}})|(?:\*|x|\\times|\\cdot)\s*10\s*(?:\^|\*\*)\s*"
    r"(?:\{\s*([+-]?\s*[0-9]{1,5})\s*\}|\(([+-]?[0-9]{1,5})\)|([+-]?[0-9]{1,5})))",
    re.ASCII,
)
_SLASH = re.compile(rf"([+-]?)\s*({_DECIMAL})\s*/\s*([+-]?)\s*({_DECIMAL})", re.ASCII)
_MIXED = re.compile(rf"([+-]?)\s*({_WHOLE})\s+({_WHOLE})\s*/\s*({_WHOLE})", re.ASCII)
_FRAC = re.compile(
    rf"([+-]?)\s*({_WHOLE})?\s*\\[dt]?frac\s*(?:\{{\s*([+-]?)\s*({_DECIMAL})\s*\}}|\s*([0-9]))\s*"
    rf"(?:\{{\s*([+-]?)\s*({_DECIMAL})\s*\}}|([0-9]))",
    re.ASCII,
)
_NOISE = re.compile(r"\\[,;!: ]|\\left|\\right(?![A-Za-z])|\\displaystyle|~")
_WRAPPED = re.compile(r"(?:\\(?:text|mathrm|mathbf|textbf|boxed)\s*)?\{([^{}]*)\}|\(([^()]*)\)")


def tidy(text: str) -> str:
    r"""`text` folded, without LaTeX spacing, `{,}`, `\$` and `\%` undone."""
    text = fold(text).strip().replace("{,}", ",").replace(r"\%", "%").replace(r"\$", "$")
    return _NOISE.sub("", text).strip()


def read_number(text: str) -> Number | None:
    """The number that `text` writes, or None when it writes none (or one out of bounds, or a division by zero)."""
    if len(text) > MAX_TEXT:
        return None
    text = tidy(text)
    while wrapped := _WRAPPED.fullmatch(text):
        text = (wrapped.group(1) if wrapped.group(1) is not None else wrapped.group(2)).strip()
    percent = text.endswith("%")
    value = _read(text.rstrip("%").strip() if percent else text)
    if value is None:
        return None
    return Number(value / 100 if percent else value, percent)


def _read(text: str) -> Fraction | None:
    try:
        if match := _DECIMAL_ONLY.fullmatch(text):
            return _signed(match[1], _decimal(match[2]))
        if match := _SCIENTIFIC.fullmatch(text):
            exponent = int((match[3] or match[4] or match[5] or match[6]).replace(" ", ""))
            if abs(exponent) > MAX_EXPONENT:
                return None
            return _signed(match[1], _decimal(match[2]) * Fraction(10) ** exponent)
        if match := _SLASH.fullmatch(text):
            return _signed(match[1], _decimal(match[2]) / _signed(match[3], _decimal(match[4])))
        if match := _MIXED.fullmatch(text):
            return _signed(match[1], _decimal(match[2]) + _decimal(match[3]) / _decimal(match[4]))
        if match := _FRAC.fullmatch(text):
            above = _signed(match[3] or "", _decimal(match[4] or match[5]))
            below = _signed(match[6] or "", _decimal(match[7] or match[8]))
            whole = _decimal(match[2]) if match[2] else Fraction(0)
            return _signed(match[1], whole + above / below)
    except (ZeroDivisionError, OverflowError):
        return None
    return None


def _decimal(text: str) -> Fraction:
    digits = text.replace(",", "")
    if len(digits) > MAX_DIGITS:
        raise OverflowError
    whole, _, part = digits.partition(".")
    return Fraction(int(whole + part or "0"), 10 ** len(part))


def _signed(sign: str, value: Fraction) -> Fraction:
    return -value if sign == "-" else value
