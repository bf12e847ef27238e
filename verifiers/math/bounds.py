"""What an answer may cost: bounds that are checked before anything is computed, and the errors that name them.

bounded(Fraction(10) ** 300)       # the same number, or TooLarge
"""

from fractions import Fraction

MAX_TEXT = 2048
"""characters of one answer"""
MAX_DEPTH = 50
"""levels of brackets"""
MAX_NODES = 2500
"""nodes of one expression"""
MAX_BITS = 20_000
"""of a number's numerator or denominator: about 6,000 digits"""
MAX_DIGITS = 1000
"""of a number as it is written"""
MAX_PARTS = 256
"""elements of one set, list or matrix"""


class TooLarge(ValueError):
    """The answer leaves the bounds: the message says which."""


class Unreadable(ValueError):
    """The answer is not in the vocabulary, or makes no sense in it: the message says where."""


class Undefined(ArithmeticError):
    """The answer has no value, such as a division by zero."""


def bounded(number: Fraction) -> Fraction:
    """The number. Raises TooLarge."""
    if number.numerator.bit_length() > MAX_BITS or number.denominator.bit_length() > MAX_BITS:
        raise TooLarge("a number of more than 6,000 digits")
    return number
