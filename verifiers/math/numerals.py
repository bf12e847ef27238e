r"""Written numbers as exact rationals.

written("0.8(3)")       # Fraction(5, 6)
"""

from fractions import Fraction

from verigym.verifiers.math.bounds import MAX_DIGITS, TooLarge, bounded


def written(text: str) -> Fraction:
    """The exact value of a written number: `12`, `0.5`, `.5`, `0.8(3)` (repeating), `3e-2`. Raises TooLarge."""
    text, _, power = text.partition("e")
    whole, _, decimals = text.partition(".")
    fixed, _, cycle = decimals.partition("(")
    cycle = cycle.rstrip(")")
    if len(whole) + len(fixed) + len(cycle) > MAX_DIGITS:
        raise TooLarge(f"a number of more than {MAX_DIGITS} digits")
    value = Fraction(int(whole + fixed or "0"), 10 ** len(fixed))
    if cycle:
        value += Fraction(int(cycle), 10 ** len(fixed) * (10 ** len(cycle) - 1))
    if power:
        if abs(int(power)) > MAX_DIGITS:
            raise TooLarge(f"a number of more than {MAX_DIGITS} digits")
        value *= Fraction(10) ** int(power)
    return bounded(value)
