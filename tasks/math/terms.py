r"""Writing sums the way a textbook does: no coefficient 1, no term 0, one sign between terms.

    polynomial([2, 0, -1])                      # '2x^2 - 1'
    combination([(3, "x"), (-1, "y")])          # '3x - y'
    ratio(Fraction(-6, 4)), latex(Fraction(-6, 4))      # ('-3/2', '-\\frac{3}{2}')

Numbers are whole or exact rationals. It reads nothing: reading a model's answer is the verifier's work.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import gcd, isqrt


def combination(terms: Iterable[tuple[int, str]], gap: str = " ") -> str:
    """A sum of whole multiples of symbols; the symbol "" is a plain number. `gap` stands on both sides of a sign."""
    text = ""
    for factor, symbol in terms:
        if factor == 0:
            continue
        size = abs(factor)
        body = symbol if size == 1 and symbol else f"{size}{symbol}"
        if text:
            text += f"{gap}{'-' if factor < 0 else '+'}{gap}{body}"
        else:
            text = f"-{body}" if factor < 0 else body
    return text or "0"


def polynomial(coefficients: Sequence[int], gap: str = " ", variable: str = "x") -> str:
    """The polynomial with these coefficients, the highest power first."""
    highest = len(coefficients) - 1
    return combination(((one, power(variable, highest - place)) for place, one in enumerate(coefficients)), gap)


def power(variable: str, exponent: int) -> str:
    """`x^3`, `x`, or nothing for the exponent 0."""
    if exponent == 0:
        return ""
    return variable if exponent == 1 else f"{variable}^{exponent}"


def times(one: Sequence[int], other: Sequence[int]) -> list[int]:
    """The coefficients of a product of two polynomials."""
    product = [0] * (len(one) + len(other) - 1)
    for place, left in enumerate(one):
        for shift, right in enumerate(other):
            product[place + shift] += left * right
    return product


def at(coefficients: Sequence[int], x: Fraction) -> Fraction:
    """The value of a polynomial at `x`."""
    value = Fraction(0)
    for one in coefficients:
        value = value * x + one
    return value


def ratio(value: Fraction | int) -> str:
    """A rational in lowest terms: `-7/3`, `5`."""
    return str(Fraction(value))


def latex(value: Fraction | int) -> str:
    r"""A rational in LaTeX: `-\frac{7}{3}`, `5`."""
    value = Fraction(value)
    if value.denominator == 1:
        return str(value)
    return f"{'-' if value < 0 else ''}\\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def square_part(n: int) -> tuple[int, int]:
    """(a, b) with n = a * a * b and b free of squares, for a positive n."""
    outside, inside = 1, n
    for a in range(isqrt(n), 1, -1):
        if n % (a * a) == 0:
            return a, n // (a * a)
    return outside, inside


def root(n: int, factor: int = 1) -> str:
    r"""`factor` times the square root of a positive whole number, in lowest terms: `5`, `\sqrt{3}`, `2\sqrt{3}`."""
    outside, inside = square_part(n)
    outside *= factor
    if inside == 1:
        return str(outside)
    return f"{'' if outside == 1 else outside}\\sqrt{{{inside}}}"


def primitive(*numbers: int) -> tuple[int, ...]:
    """The numbers without their common divisor, the first that is not 0 made positive."""
    divisor = gcd(*numbers) or 1
    first = next((one for one in numbers if one), 1)
    return tuple(one // divisor * (1 if first > 0 else -1) for one in numbers)
