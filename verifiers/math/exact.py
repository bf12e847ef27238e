r"""The exact value of an expression without variables, as a rational; every step is bounded before it is computed.

    value(expression(tokenize(r"\binom{12}{3} - 2^3")))       # Fraction(212, 1)

None where the value is no rational that these rules reach (radicals that are no squares, logarithms, variables).
`10^{10^{10}}` costs microseconds: TooLarge.
"""

import math
from collections.abc import Callable
from fractions import Fraction

from verigym.verifiers.math.bounds import MAX_BITS, TooLarge, Undefined, bounded
from verigym.verifiers.math.tree import Tree, has, nodes, num, replaced

MOST_TERMS = 2000
"""of a sum or product over whole numbers"""
MOST_STEPS = 20_000
"""terms times nodes of a term"""


class _Other(Exception):
    """Not a rational by these rules."""


def value(tree: Tree) -> Fraction | None:
    """The exact value. Raises TooLarge, and Undefined for a division by zero."""
    try:
        return _value(tree)
    except _Other:
        return None


def _value(tree: Tree) -> Fraction:
    kind = tree[0]
    if kind == "num":
        return Fraction(tree[1])
    if kind == "add":
        total = Fraction(0)
        for part in tree[1:]:
            total = bounded(total + _value(part))
        return total
    if kind == "mul":
        product = Fraction(1)
        for part in tree[1:]:
            product = bounded(product * _value(part))
        return product
    if kind == "pow":
        return power(_value(tree[1]), _value(tree[2]))
    if kind == "root":
        return _root(_value(tree[1]), _value(tree[2]))
    if kind == "fn":
        return _function(tree)
    if kind in ("sum", "prod"):
        return _series(tree)
    raise _Other


def power(base: Fraction, exponent: Fraction) -> Fraction:
    """base ^ exponent. Raises TooLarge and Undefined; not rational: an internal signal that `value` turns into None."""
    if exponent.denominator != 1:
        if exponent.denominator > 64:
            raise _Other
        return power(_root(Fraction(exponent.denominator), base), Fraction(exponent.numerator))
    if base == 0:
        if exponent <= 0:
            raise Undefined("zero to a power that is not positive")
        return Fraction(0)
    if base in (1, -1):
        return base if exponent % 2 else Fraction(1)
    bits = max(base.numerator.bit_length(), base.denominator.bit_length()) - 1
    if abs(exponent) * bits > MAX_BITS:
        raise TooLarge("a power of more than 6,000 digits")
    return bounded(base ** int(exponent))


def _root(degree: Fraction, inside: Fraction) -> Fraction:
    """The exact root where it is rational."""
    if degree.denominator != 1 or not 1 <= degree <= 64:
        raise _Other
    n = int(degree)
    if inside < 0:
        if n % 2 == 0:
            raise _Other
        return -_root(degree, -inside)
    above, below = whole_root(inside.numerator, n), whole_root(inside.denominator, n)
    if above is None or below is None:
        raise _Other
    return Fraction(above, below)


def whole_root(number: int, n: int) -> int | None:
    """The n-th root of a whole number from 0 up, where it is whole."""
    if n == 2:
        root = math.isqrt(number)
        return root if root * root == number else None
    if number < 2:
        return number
    low, high = 1, 1 << (number.bit_length() // n + 1)
    while low < high:
        middle = (low + high + 1) // 2
        if middle**n <= number:
            low = middle
        else:
            high = middle - 1
    return low if low**n == number else None


def _function(tree: Tree) -> Fraction:
    name, *parts = tree[1:]
    if name not in _FUNCTIONS:
        if name == "log" and len(parts) == 2:
            return _logarithm(_value(parts[0]), _value(parts[1]))
        if name == "log10":
            return _logarithm(Fraction(10), _value(parts[0]))
        raise _Other
    return _FUNCTIONS[name](*(_value(part) for part in parts))


def _whole(number: Fraction) -> int:
    if number.denominator != 1:
        raise _Other
    return int(number)


def _factorial(number: Fraction) -> Fraction:
    n = _whole(number)
    if n < 0:
        raise _Other
    if n > 2000:
        raise TooLarge("a factorial of more than 6,000 digits")
    return Fraction(math.factorial(n))


def _double_factorial(number: Fraction) -> Fraction:
    n = _whole(number)
    if not 0 <= n <= 2000:
        raise TooLarge("a double factorial above 2000") if n > 0 else _Other
    return Fraction(math.prod(range(n, 0, -2)))


def _binomial(above: Fraction, below: Fraction) -> Fraction:
    n, k = _whole(above), _whole(below)
    if n < 0 or k < 0:
        raise _Other
    if n > 5000:
        raise TooLarge("a binomial of more than 1,500 digits")
    return Fraction(math.comb(n, k))


def _logarithm(base: Fraction, inside: Fraction) -> Fraction:
    """The logarithm where both are powers of one rational with small exponents."""
    if base <= 0 or base == 1 or inside <= 0:
        raise _Other
    if inside == 1:
        return Fraction(0)
    guess = math.log2(inside.numerator) - math.log2(inside.denominator)
    size = math.log2(base.numerator) - math.log2(base.denominator)
    ratio = Fraction(guess / size).limit_denominator(64)
    if abs(ratio.numerator) > 4096 or ratio.numerator == 0:
        raise _Other
    if power(inside, Fraction(ratio.denominator)) != power(base, Fraction(ratio.numerator)):
        raise _Other
    return ratio


def _series(tree: Tree) -> Fraction:
    kind, name, low, high, body = tree
    if has(body, "sum", "prod"):
        raise _Other  # one inside another is left to the algebra, where there is a deadline
    first, last = _whole(_value(low)), _whole(_value(high))
    if (last - first) * sum(1 for _ in nodes(body)) > MOST_STEPS:
        raise TooLarge(f"a series of {last - first + 1} long terms")
    if last - first >= MOST_TERMS:
        raise TooLarge(f"a series of {last - first + 1} terms; at most {MOST_TERMS} are added up")
    total = Fraction(0 if kind == "sum" else 1)
    for k in range(first, last + 1):
        term = _value(replaced(body, name, num(k)))
        total = bounded(total + term if kind == "sum" else total * term)
        if total.denominator.bit_length() > MAX_BITS // 20:
            raise TooLarge("a series whose terms have no small common denominator")
    return total


def _gcd(*numbers: Fraction) -> Fraction:
    return Fraction(math.gcd(*map(_whole, numbers)))


def _lcm(*numbers: Fraction) -> Fraction:
    return Fraction(math.lcm(*map(_whole, numbers)))


_FUNCTIONS: dict[str, Callable[..., Fraction]] = {
    "fact": _factorial,
    "fact2": _double_factorial,
    "binom": _binomial,
    "percent": lambda number: number / 100,
    "abs": abs,
    "floor": lambda number: Fraction(math.floor(number)),
    "ceil": lambda number: Fraction(math.ceil(number)),
    "sgn": lambda number: Fraction((number > 0) - (number < 0)),
    "gcd": _gcd,
    "lcm": _lcm,
    "max": max,
    "min": min,
    "re": lambda number: number,
    "im": lambda number: Fraction(0),
    "conj": lambda number: number,
}
