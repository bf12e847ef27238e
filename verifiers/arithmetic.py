r"""The exact value of a written arithmetic expression, plain or LaTeX: `3\cdot 2^{10}`, `\frac{1}{68!}`,
`0.\overline{6}`, `\binom{12}{3}`.

    value(r"\frac{18}{8}")       # Fraction(9, 4)

It covers rationals: + - * / ^ ! with whole exponents, fractions, binomials, mixed numbers, percent signs, repeating
decimals, square roots of squares. Anything else is None, and is left to a computer algebra system. Bounded before
computing: 2,048 characters, 50 levels, and results of at most 20,000 bits; beyond those `TooLarge`, so `10^{10^{10}}`
costs microseconds.
"""

import math
import re
from fractions import Fraction

from verigym.verifiers.text import fold

MAX_TEXT = 2048
MAX_DEPTH = 50
MAX_BITS = 20_000
MAX_DIGITS = 1000


class TooLarge(ValueError):
    """The expression leaves the bounds: the message says which."""


class _Other(Exception):
    """Not plain arithmetic."""


_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+)"
    r"|(?P<command>\\(?:[dt]?frac|[dt]?binom|sqrt|overline|times|cdot|div|over|left|right|displaystyle|[,;:! %$]))"
    r"|(?P<sign>\*\*|[-+*/^!(){}\[\]%]))",
    re.ASCII,
)
_SKIPPED = {r"\left", r"\right", r"\displaystyle", r"\,", r"\;", r"\:", r"\!", r"\ ", r"\$"}
_SAME = {r"\times": "*", r"\cdot": "*", r"\div": "/", "**": "^", r"\%": "%"}
_FRACTIONS = {r"\frac", r"\dfrac", r"\tfrac"}
_BINOMIALS = {r"\binom", r"\dbinom", r"\tbinom"}
_CLOSE = {"(": ")", "{": "}", "[": "]"}


def value(text: str) -> Fraction | None:
    """The exact value, or None when `text` is not plain arithmetic or is undefined. Raises TooLarge."""
    if len(text) > MAX_TEXT:
        raise TooLarge(f"an answer of {len(text)} characters; at most {MAX_TEXT} are read")
    tokens = _tokens(fold(text).replace("{,}", ","))
    if not tokens:
        return None
    reader = _Reader(tokens)
    try:
        result = reader.sum(0)
    except (_Other, ZeroDivisionError):
        return None
    return result if reader.at == len(tokens) else None


def _tokens(text: str) -> list[str]:
    """The tokens, or none when something is not arithmetic."""
    tokens: list[str] = []
    position, text = 0, text.strip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            return []
        position = match.end()
        token = match[match.lastgroup or 0]
        if token not in _SKIPPED:
            tokens.append(_SAME.get(token, token))
    return tokens


def _bounded(number: Fraction) -> Fraction:
    if number.numerator.bit_length() > MAX_BITS or number.denominator.bit_length() > MAX_BITS:
        raise TooLarge("a number of more than 6,000 digits")
    return number


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        root = _root(base) if exponent.denominator == 2 else None
        if root is None:
            raise _Other
        return _power(root, exponent * 2)
    if base in (0, 1, -1):
        if base == 0 and exponent <= 0:
            raise _Other
        return base ** int(exponent % 2 if base == -1 else 1) if exponent else Fraction(1)
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(exponent) * bits > MAX_BITS:
        raise TooLarge("a power of more than 6,000 digits")
    return base ** int(exponent)


def _root(base: Fraction) -> Fraction | None:
    """The rational square root, if there is one."""
    if base < 0:
        return None
    above, below = math.isqrt(base.numerator), math.isqrt(base.denominator)
    exact = above * above == base.numerator and below * below == base.denominator
    return Fraction(above, below) if exact else None


def _factorial(number: Fraction) -> Fraction:
    if number.denominator != 1 or number < 0:
        raise _Other
    if number > 2000:
        raise TooLarge("a factorial of more than 6,000 digits")
    return Fraction(math.factorial(int(number)))


def _binomial(above: Fraction, below: Fraction) -> Fraction:
    if above.denominator != 1 or below.denominator != 1 or above < 0 or below < 0:
        raise _Other
    if above > 5000:
        raise TooLarge("a binomial of more than 1,500 digits")
    return Fraction(math.comb(int(above), int(below)))


class _Reader:
    """Recursive descent over tokens; `depth` bounds the recursion."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.at = tokens, 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def sum(self, depth: int) -> Fraction:
        if depth > MAX_DEPTH:
            raise TooLarge(f"an answer nested more than {MAX_DEPTH} deep")
        total = self.product(depth)
        while self.peek() in ("+", "-"):
            sign = self.take()
            term = self.product(depth)
            total = _bounded(total + term if sign == "+" else total - term)
        return total

    def product(self, depth: int) -> Fraction:
        total = self.signed(depth)
        while True:
            token = self.peek()
            if token in ("*", "/"):
                self.take()
                factor = self.signed(depth)
                total = _bounded(total * factor if token == "*" else total / factor)
            elif token in ("(", r"\sqrt") or token in _BINOMIALS or token in _FRACTIONS:
                total = _bounded(total * self.postfix(depth))  # juxtaposition
            else:
                return total

    def signed(self, depth: int) -> Fraction:
        if self.peek() in ("+", "-"):
            if depth > MAX_DEPTH:
                raise TooLarge(f"an answer nested more than {MAX_DEPTH} deep")
            sign = self.take()
            operand = self.signed(depth + 1)
            return -operand if sign == "-" else operand
        return self.postfix(depth)

    def postfix(self, depth: int) -> Fraction:
        """An atom with factorials, percent signs and a power behind it."""
        number = self.atom(depth)
        while self.peek() in ("!", "%", "^"):
            token = self.take()
            if token == "!":
                if self.peek() == "!":  # a double factorial means something else
                    raise _Other
                number = _bounded(_factorial(number))
            elif token == "%":
                number /= 100
            elif self.peek() == "-":
                self.take()
                number = _power(number, -self.postfix(depth + 1))
            else:
                number = _power(number, self.exponent(depth + 1))
        return number

    def exponent(self, depth: int) -> Fraction:
        if depth > MAX_DEPTH:
            raise TooLarge(f"an answer nested more than {MAX_DEPTH} deep")
        return self.argument(depth) if self.peek() in ("{", r"\frac") else self.postfix(depth)

    def atom(self, depth: int) -> Fraction:
        token = self.take()
        if token in _CLOSE and token != "[":
            number = self.sum(depth + 1)
            if self.peek() == r"\over" and token == "{":
                self.take()
                number = _bounded(number / self.sum(depth + 1))
            if self.take() != _CLOSE[token]:
                raise _Other
            return number
        if token in _FRACTIONS:
            return _bounded(self.argument(depth) / self.argument(depth))
        if token in _BINOMIALS:
            return _binomial(self.argument(depth), self.argument(depth))
        if token == r"\sqrt":
            return self.square_root(depth)
        if token and (token[0].isdigit() or token[0] == "."):
            return self.literal(token, depth)
        raise _Other

    def square_root(self, depth: int) -> Fraction:
        if self.peek() == "[":
            raise _Other
        root = _root(self.argument(depth))
        if root is None:
            raise _Other
        return root

    def literal(self, token: str, depth: int) -> Fraction:
        """A decimal, with a repeating part, or the fraction of a mixed number, behind it."""
        number = _decimal(token)
        if self.peek() == r"\overline" and "." in token:
            self.take()
            if self.take() != "{":
                raise _Other
            repeated = self.take()
            if not repeated.isdecimal() or self.take() != "}":
                raise _Other
            places = len(token.partition(".")[2])
            number += _bounded(Fraction(_decimal(repeated), 10**places * (10 ** len(repeated) - 1)))
        elif self.peek() in _FRACTIONS and number.denominator == 1 and "." not in token:
            part = self.atom(depth)
            if not 0 < part < 1:
                raise _Other  # 3\frac{5}{2} is neither a mixed number nor clearly a product
            number += part
        elif self.peek().isdecimal():
            number = self.mixed(number)
        return number

    def mixed(self, number: Fraction) -> Fraction:
        """`2 1/2`: only as `whole blank part / part`."""
        part = self.tokens[self.at : self.at + 3]
        if number.denominator != 1 or len(part) != 3 or part[1] != "/" or not part[2].isdecimal():
            raise _Other
        self.at += 3
        fraction = _decimal(part[0]) / _decimal(part[2])
        if not 0 < fraction < 1:
            raise _Other
        return number + fraction

    def argument(self, depth: int) -> Fraction:
        r"""What \frac and its like take: a braced expression, or one digit of the next number."""
        token = self.peek()
        if token == "{":
            return self.atom(depth + 1)
        if token[:1].isdigit():
            if len(token) == 1:
                self.take()
            else:
                self.tokens[self.at] = token[1:]
            return Fraction(int(token[0]))
        raise _Other


def _decimal(token: str) -> Fraction:
    digits = token.replace(",", "")
    if len(digits) > MAX_DIGITS:
        raise TooLarge(f"a number of {len(digits)} digits; at most {MAX_DIGITS} are read")
    whole, _, part = digits.partition(".")
    return Fraction(int(whole + part), 10 ** len(part)) if whole + part else Fraction(0)
