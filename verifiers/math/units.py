"""What stands behind a value: units of the closed table of `verigym.verifiers.units`, or words of any kind.

factor(("cm",), ("m",))       # Fraction(1, 100): one cm is so many m
"""

import re
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

from verigym.verifiers.math.tokens import Habits, Token
from verigym.verifiers.math.vocabulary import words as words_of
from verigym.verifiers.units import SYMBOLS, WORDS, Unit, read_unit

LETTERS = frozenset(["m", "g", "s", "h", "L", "N", "J", "W", "V", "K", "C", "F", "A", "d"])
"""letters that are a unit where a blank stands before them"""
PREFIXES = frozenset(["$", "€", "£", "¥", "₹"])
_MORE = words_of("units unit sq cu feet foot inches inch people person ways way times dollars cents degrees percent")
_GENERIC = frozenset([("unit",), ("square", "unit"), ("sq", "unit"), ("cubic", "unit"), ("cu", "unit")])
_PLURAL = re.compile(r"(?<=ch)es$|(?<=sh)es$|(?<=x)es$|(?<=[a-z]{2}[^s])s$")


def is_unit(run: str) -> bool:
    """Whether letters side by side name a unit when a value stands before them."""
    return run in SYMBOLS or run.casefold() in WORDS or run.casefold() in _MORE


def unit_start(tokens: Sequence[Token], habits: Habits) -> int:
    """Where the words or units at the end of a value begin."""
    at = len(tokens)
    while step := _step_back(tokens, at, habits):
        at -= step
    return at


def _step_back(tokens: Sequence[Token], at: int, habits: Habits) -> int:
    """How many tokens before a place belong to the unit: a name, a power, or a sign between names."""
    token, before = (tokens[place] if place >= 0 else None for place in (at - 1, at - 2))
    if token is None:
        return 0
    if token.kind == "word" or (before is not None and _is_named(token, habits)):
        return 1
    if before is None:
        return 0
    if token.kind == "name" and token.text in ("C", "F", "K") and "deg" in (before.text, tokens[at - 3].text):
        return 1  # `20^\circ C`, with or without braces
    if token.text in ("2", "3") and before.text == "^" and at > 2 and _is_named(tokens[at - 3], habits):
        return 2
    if token.text == "}" and at > 4 and [one.text for one in tokens[at - 4 : at - 2]] == ["^", "{"]:
        return 4 if _is_named(tokens[at - 5], habits) else 0
    if token.text in ("/", "*", "-") and at < len(tokens):
        return int(_is_named(before, habits) or (token.text == "/" and tokens[at].kind == "word"))
    return 0


def _is_named(token: Token, habits: Habits) -> bool:
    if token.kind == "run":
        return is_unit(token.text) or len(token.text) > 3
    return token.kind == "word" or (token.kind == "name" and habits.letters and token.text in LETTERS)


def factor(have: Sequence[str], want: Sequence[str]) -> Fraction | None:
    """How many `want` one `have` is; 1 where either is missing or generic, None where they are different units."""
    one, other = _plain(have), _plain(want)
    if not one or not other or one == other or one in _GENERIC or other in _GENERIC:
        return Fraction(1)
    left, right = _unit(one), _unit(other)
    if left is None or right is None or left.powers != right.powers or left.offset or right.offset:
        return Fraction(1) if left is not None and left == right else None
    return left.factor / right.factor


@lru_cache(maxsize=4096)
def _plain(words: Sequence[str]) -> tuple[str, ...]:
    """Words in lower case and the singular, symbols as they are; `per` and signs kept."""
    plain = []
    for word in (word.replace(".", "") for word in words):
        if word in SYMBOLS or len(word) < 3:
            plain.append(word)
        else:
            plain.append(_PLURAL.sub("", word.casefold()))
    return tuple(plain)


@lru_cache(maxsize=4096)
def _unit(words: tuple[str, ...]) -> Unit | None:
    return read_unit(" ".join(words).replace(" ^ ", "^").replace("{ ", "").replace(" }", ""))
