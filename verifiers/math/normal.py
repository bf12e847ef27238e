r"""The normal form of an expression: a quotient of two polynomials with rational coefficients.

    form(expression(tokenize("(x+1)(x-1)")))       # x^2 - 1, over 1

What is no polynomial (`\sin x`, `2^n`, `\pi`) is an atom, itself written in normal form, so `\sin(a+b)` and `\sin(b+a)`
are one. Square roots of rationals are reduced to square-free ones, and `i` squares to -1. Equal normal forms are equal
expressions. Different ones are different where every atom is a variable, and say nothing otherwise. Bounded: 200 terms,
powers of sums up to 60; beyond that there is none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from verigym.verifiers.math.bounds import TooLarge, Undefined
from verigym.verifiers.math.exact import power, value
from verigym.verifiers.math.tree import Tree, num

MAX_TERMS = 200
MAX_POWER = 60
MAX_WORK = 5_000
"""products of terms for one form"""

Term = tuple[tuple[str, int], ...]
"""atoms and their exponents, in the order of their names"""
Polynomial = dict[Term, Fraction]


class NoForm(Exception):
    """Too large for a normal form."""


@dataclass(frozen=True)
class Form:
    """above over below; plain: whether every atom is a variable."""

    above: Polynomial
    below: Polynomial
    plain: bool

    def __str__(self) -> str:
        above, below = (text if text.isalnum() else f"({text})" for text in (written(self.above), written(self.below)))
        return written(self.above) if self.below == _ONE else f"{above}/{below}"


_ONE: Polynomial = {(): Fraction(1)}
_SQUARES = "sqrt "
"""an atom of this name and a square-free number is its root"""


def form(tree: Tree) -> Form | None:
    """The normal form, or None beyond its bounds. Raises Undefined for a division by zero."""
    builder = _Builder()
    try:
        above, below = builder.of(tree)
    except (NoForm, TooLarge):
        return None
    return Form(*_reduced(above, below), builder.plain)


def agree(one: Form, other: Form) -> bool | None:
    """Whether two forms are one expression; None where that is not decided here."""
    try:
        left, right = multiply(one.above, other.below), multiply(other.above, one.below)
    except NoForm:
        return None
    if left == right:
        return True
    return False if one.plain and other.plain else None


def written(polynomial: Polynomial) -> str:
    """A polynomial in plain text, terms in a fixed order."""
    if not polynomial:
        return "0"
    text = ""
    for term in sorted(polynomial, key=lambda term: (-sum(n for _, n in term), term)):
        factor = polynomial[term]
        atoms = "*".join(_plain(name) if n == 1 else f"{_plain(name)}^{n}" for name, n in term)
        size = str(abs(factor)) if abs(factor) != 1 or not atoms else ""
        sign = " - " if factor < 0 else " + "
        text += sign + "*".join(piece for piece in (size, atoms) if piece)
    return text[3:] if text.startswith(" + ") else "-" + text[3:]


def _plain(name: str) -> str:
    name = name.removeprefix("\\")
    return f"sqrt({name.removeprefix(_SQUARES)})" if name.startswith(_SQUARES) else name


def add(one: Polynomial, other: Polynomial, sign: int = 1) -> Polynomial:
    """one + sign * other."""
    total = dict(one)
    for term, factor in other.items():
        new = total.get(term, Fraction(0)) + sign * factor
        if new:
            total[term] = new
        else:
            total.pop(term, None)
    if len(total) > MAX_TERMS:
        raise NoForm
    return total


def multiply(one: Polynomial, other: Polynomial) -> Polynomial:
    """The product, with squares of roots and of i worked out."""
    if len(one) * len(other) > 10 * MAX_TERMS:
        raise NoForm
    total: Polynomial = {}
    for left, first in one.items():
        for right, second in other.items():
            term, factor = _times(left, right, first * second)
            new = total.get(term, Fraction(0)) + factor
            if new:
                total[term] = new
            else:
                total.pop(term, None)
    if len(total) > MAX_TERMS or any(
        max(f.numerator.bit_length(), f.denominator.bit_length()) > 4000 for f in total.values()
    ):
        raise NoForm
    return total


def _times(left: Term, right: Term, factor: Fraction) -> tuple[Term, Fraction]:
    if not left or not right:
        return left or right, factor
    powers = dict(left)
    for name, exponent in right:
        powers[name] = powers.get(name, 0) + exponent
    term, more = _worked_out(powers.items())
    return term, factor * more


def _worked_out(powers: Iterable[tuple[str, int]]) -> tuple[Term, Fraction]:
    """Powers of atoms as a term, with the squares of roots and of i as a factor."""
    factor, kept = Fraction(1), []
    for name, exponent in powers:
        if name == "i" or name.startswith(_SQUARES):
            squared, rest = divmod(exponent, 2)
            if squared:
                factor *= power(Fraction(-1 if name == "i" else int(name.removeprefix(_SQUARES))), Fraction(squared))
            exponent = rest  # noqa: PLW2901
        if exponent:
            kept.append((name, exponent))
    return tuple(sorted(kept)), factor


class _Builder:
    """Builds one form; remembers whether an atom was anything but a variable, and how much work it was."""

    def __init__(self, work: int = MAX_WORK) -> None:
        self.plain, self.work = True, work

    def times(self, one: Polynomial, other: Polynomial) -> Polynomial:
        self.work -= len(one) * len(other)
        if self.work < 0:
            raise NoForm
        return multiply(one, other)

    def of(self, tree: Tree) -> tuple[Polynomial, Polynomial]:
        kind = tree[0]
        if kind == "num":
            return ({(): tree[1]} if tree[1] else {}), _ONE
        if kind == "sym":
            return {((tree[1], 1),): Fraction(1)}, _ONE
        if kind == "const":
            self.plain = False
            if tree[1] == "inf":
                raise NoForm
            return {((tree[1], 1),): Fraction(1)}, _ONE
        if kind == "add":
            return self.sum(tree[1:])
        if kind == "mul":
            return self.product(tree[1:])
        if kind == "pow":
            return self.power(tree)
        if kind == "root" and (inside := _rational(tree[2])) is not None and tree[1] == num(2):
            return self.square_root(inside)
        return self.atom(tree)

    def sum(self, parts: Iterable[Tree]) -> tuple[Polynomial, Polynomial]:
        above: Polynomial = {}
        below = _ONE
        for part in parts:
            top, bottom = self.of(part)
            if bottom == below:
                above = add(above, top)
            else:
                above = add(self.times(above, bottom), self.times(top, below))
                below = self.times(below, bottom)
        return above, below

    def product(self, parts: Iterable[Tree]) -> tuple[Polynomial, Polynomial]:
        above = below = _ONE
        for part in parts:
            top, bottom = self.of(part)
            above, below = self.times(above, top), self.times(below, bottom)
        return above, below

    def power(self, tree: Tree) -> tuple[Polynomial, Polynomial]:
        exponent = _rational(tree[2])
        if exponent is None or exponent.denominator != 1:
            base = _rational(tree[1])
            if exponent == Fraction(1, 2) and base is not None:
                return self.square_root(base)
            return self.exponential(tree)
        n = int(exponent)
        top, bottom = self.of(tree[1])
        if n < 0:
            if not top:
                raise Undefined("a division by zero")
            top, bottom, n = bottom, top, -n
        elif n == 0 and not top:
            raise Undefined("zero to the power zero")
        return self.raised(top, n), self.raised(bottom, n)

    def raised(self, base: Polynomial, n: int) -> Polynomial:
        if len(base) == 1:
            ((term, factor),) = base.items()
            if abs(n) > 10_000:
                raise NoForm
            kept, more = _worked_out((name, exponent * n) for name, exponent in term)
            return {kept: power(factor, Fraction(n)) * more}
        if n > MAX_POWER:
            raise NoForm
        result: Polynomial = _ONE
        for _ in range(n):
            result = self.times(result, base)
        return result

    def exponential(self, tree: Tree) -> tuple[Polynomial, Polynomial]:
        """`2^{n+1}` is `2 * 2^n`: the terms of the exponent become factors."""
        if tree[2][0] != "add":
            return self.atom(tree)
        return self.product([("pow", tree[1], part) for part in tree[2][1:]])

    def square_root(self, inside: Fraction) -> tuple[Polynomial, Polynomial]:
        """sqrt(a/b) as a rational times the root of a square-free whole number."""
        self.plain = False
        if inside == 0:
            return {}, _ONE
        radicand = abs(inside.numerator) * inside.denominator
        outside, radicand = _square_free(radicand)
        term = {f"{_SQUARES}{radicand}": 1} if radicand != 1 else {}
        if inside < 0:
            term["i"] = 1
        return {tuple(sorted(term.items())): Fraction(outside, inside.denominator)}, _ONE

    def atom(self, tree: Tree) -> tuple[Polynomial, Polynomial]:
        self.plain = False
        pieces = []
        for part in tree[1:]:
            if isinstance(part, tuple):
                top, bottom = _Builder(self.work // 4).of(part)
                pieces.append(str(Form(*_reduced(top, bottom), True)))
            else:
                pieces.append(str(part))
        return {((_named(tree[0], pieces), 1),): Fraction(1)}, _ONE


def _named(kind: str, pieces: list[str]) -> str:
    """An atom's name, as a person writes it."""
    if kind == "pow":
        base, exponent = (piece if piece.isalnum() else f"({piece})" for piece in pieces)
        return f"{base}^{exponent}"
    if kind == "fn":
        return f"{pieces[0]}({', '.join(pieces[1:])})"
    return f"{kind}({', '.join(pieces)})"


def _reduced(above: Polynomial, below: Polynomial) -> tuple[Polynomial, Polynomial]:
    """With a leading coefficient of 1 below, so that forms of one quotient are written alike more often. Raises
    Undefined where nothing is below."""
    if not below:
        raise Undefined("a division by zero")
    if not above:
        return {}, _ONE
    lead = below[min(below)]
    return {term: factor / lead for term, factor in above.items()}, {term: f / lead for term, f in below.items()}


def _square_free(number: int) -> tuple[int, int]:
    """(s, r) with number = s * s * r, square factors of primes below 1000 taken out."""
    outside = 1
    if number.bit_length() > 256:
        raise NoForm
    for prime in _PRIMES:
        while number % (prime * prime) == 0:
            number //= prime * prime
            outside *= prime
        if prime * prime > number:
            break
    root = value(("root", num(2), num(number)))
    return (outside * int(root), 1) if root is not None else (outside, number)


def _rational(tree: Tree) -> Fraction | None:
    return tree[1] if tree[0] == "num" else value(tree) if not _open(tree) else None


def _open(tree: Tree) -> bool:
    """Whether a variable or constant stands in the tree, so that it is no rational."""
    return tree[0] in ("sym", "const") or any(isinstance(part, tuple) and _open(part) for part in tree[1:])


_PRIMES = [n for n in range(2, 1000) if all(n % d for d in range(2, int(n**0.5) + 1))]
