r"""Two expressions at points: one clear difference refutes, agreement everywhere to many digits confirms.

    same(expression(tokenize(r"\sin^2 x+\cos^2 x")), expression(tokenize("1")))       # True

The rules. Points are rationals of both signs, drawn from a hash of both expressions, so they cannot be prepared for and
are the same in every process. A point where either side is undefined, or not real although no `i` stands in either, is
no point. Values are computed to 100 digits and more, and the difference must be below 10^-D of the largest value met on
the way, where D is 75 plus the digits between the largest and the smallest number that the expressions hold, so that
`1 + 10^{-300}` is not 1 and rounding is not mistaken for a difference. One point that differs refutes. Six that agree
confirm (one, without variables). With fewer than three points in reach nothing is said: None.

Bounded: 400 nodes, values between 10^-2000 and 10^2000. Functions are mpmath's; nothing is searched for.
"""

import hashlib
import random
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from verigym.verifiers.math.bounds import TooLarge, Undefined
from verigym.verifiers.math.tree import Tree, has, names, nodes, num, replaced
from verigym.verifiers.math.vocabulary import words

DIGITS = 75
GUARD = 25
"""digits computed beyond those compared"""
ENOUGH, LEAST, TRIED = 6, 3, 18
MOST_NODES = 400
MOST_DECADES = 2000
"""between 1 and the largest or smallest value that is followed"""
MOST_TERMS = 400
"""of a sum or product"""


class NoValue(Exception):
    """The expression has no value here that could be compared."""


def same(one: Tree, other: Tree) -> bool | None:
    """Whether two expressions have one value. Raises TooLarge."""
    if sum(1 for tree in (one, other) for _ in nodes(tree)) > MOST_NODES:
        raise TooLarge(f"expressions of more than {MOST_NODES} parts")
    variables = sorted(names(one) | names(other))
    imaginary = has(one, "i") or has(other, "i")
    agreed = 0
    for point in _points(one, other, variables):
        verdict = _same_here(one, other, point, complex_too=imaginary or not variables)
        if verdict is False:
            return False
        agreed += verdict is True
        if agreed >= (ENOUGH if variables else 1):
            return True
    return True if agreed >= LEAST else None


def proportion(one: Tree, other: Tree) -> int | None:
    """The sign of the constant c with one = c * other; 0 where there is none, None where that cannot be told. It says
    whether two equations are one, and with a c above 0 two inequalities. Raises TooLarge."""
    variables = sorted(names(one) | names(other))
    for point in _points(one, other, variables):
        try:
            left, _, _ = at(one, point, DIGITS)
            right, _, _ = at(other, point, DIGITS)
        except (NoValue, Undefined):
            continue
        if left and right and not left.imag and not right.imag:
            here, there = _placed(one, point), _placed(other, point)
            verdict = same(("mul", one, there), ("mul", other, here))
            return None if verdict is None else (1 if left.real * right.real > 0 else -1) if verdict else 0
    return None


def _placed(tree: Tree, point: Mapping[str, Fraction]) -> Tree:
    for name, value in point.items():
        tree = replaced(tree, name, num(value))
    return tree


def at(tree: Tree, point: Mapping[str, Fraction], digits: int) -> tuple[Any, int, int]:
    """(value, decades of the largest value met on the way, decades of the numbers written in the expression), the value
    as an mpmath number. Raises NoValue, Undefined and TooLarge."""
    import mpmath

    with mpmath.workdps(digits):
        evaluator = _Evaluator(mpmath, point)
        try:
            found = evaluator.of(tree)
        except (ZeroDivisionError, ValueError, OverflowError, ArithmeticError) as failure:
            if isinstance(failure, Undefined | TooLarge):
                raise
            raise NoValue from None
        return mpmath.mpc(found), evaluator.most, evaluator.spread


def _same_here(one: Tree, other: Tree, point: Mapping[str, Fraction], *, complex_too: bool) -> bool | None:
    import mpmath

    try:
        digits = DIGITS
        for _ in range(2):
            left, most, spread = at(one, point, digits + GUARD)
            right, most2, spread2 = at(other, point, digits + GUARD)
            most, wanted = max(most, most2), DIGITS + max(spread, spread2)
            if wanted <= digits:
                break
            digits = wanted
    except TooLarge:
        if not point:
            raise
        return None
    except (NoValue, Undefined):
        return None
    with mpmath.workdps(digits + GUARD):
        tiny = mpmath.mpf(10) ** (most - digits)
        if not complex_too and (abs(left.imag) > tiny or abs(right.imag) > tiny):
            return None
        return bool(abs(left - right) <= tiny)


def _points(one: Tree, other: Tree, variables: list[str]) -> Any:
    if not variables:
        yield {}
        return
    digest = hashlib.sha256(repr((one, other)).encode("utf-8", "replace")).digest()
    rng = random.Random(int.from_bytes(digest[:8], "big"))
    whole = has(one, "fact", "fact2", "binom", "sum", "prod", "floor", "ceil", "gcd", "lcm") or has(
        other, "fact", "fact2", "binom", "sum", "prod", "floor", "ceil", "gcd", "lcm"
    )
    for turn in range(TRIED):
        if whole and turn % 3:  # factorials and sums speak of whole numbers
            yield {name: Fraction(rng.randint(2, 12) + 9 * place) for place, name in enumerate(variables)}
        else:
            # Every other point positive, so that roots and logarithms have their six; a third of them large.
            spread = (7, 3, 40)[turn % 3]
            yield {
                name: Fraction(rng.randint(1, 9973 * spread), 9973) * (1 if turn % 2 else rng.choice((1, -1)))
                for name in variables
            }


class _Evaluator:
    """Values of one expression at one point. most: decades of the largest; spread: decades of the largest or smallest
    power or number. Sums and functions do not count for it: what is tiny there may be rounding."""

    def __init__(self, mpmath: Any, point: Mapping[str, Fraction]) -> None:
        self.mp, self.point = mpmath, point
        self.most = self.spread = 0

    def of(self, tree: Tree) -> Any:
        found = self.one(tree)
        if found:
            size = abs(found)
            if not self.mp.isfinite(size):
                raise NoValue
            decades = int(self.mp.mag(size) * 0.30103)
            if abs(decades) > MOST_DECADES:
                raise TooLarge(f"a value of {abs(decades)} decades; at most {MOST_DECADES} are followed")
            self.most = max(self.most, decades)
            if tree[0] == "num" or (tree[0] == "pow" and not _may_cancel(tree[1])):
                self.spread = max(self.spread, abs(decades))
        return found

    def one(self, tree: Tree) -> Any:
        kind, mp = tree[0], self.mp
        if kind == "num":
            return mp.mpf(tree[1].numerator) / tree[1].denominator
        if kind == "sym":
            value = self.point[tree[1]]
            return mp.mpf(value.numerator) / value.denominator
        if kind == "const":
            if tree[1] == "inf":
                raise NoValue
            return {"pi": mp.pi, "e": mp.e, "i": mp.mpc(0, 1)}[tree[1]] * 1
        if kind == "add":
            total = self.of(tree[1])
            for part in tree[2:]:
                total += self.of(part)
            return total
        if kind == "mul":
            total = self.of(tree[1])
            for part in tree[2:]:
                total *= self.of(part)
            return total
        if kind == "pow":
            return self.power(tree)
        if kind == "root":
            return self.root(self.of(tree[1]), self.of(tree[2]))
        if kind == "fn":
            return self.function(tree[1], [self.of(part) for part in tree[2:]])
        if kind in ("sum", "prod"):
            return self.series(tree)
        raise NoValue

    def power(self, tree: Tree) -> Any:
        base = self.of(tree[1])
        if tree[2][0] == "num":
            exponent = tree[2][1]
            if exponent.denominator == 1:
                if not base and exponent <= 0:
                    raise Undefined("a division by zero")
                self._check(base, exponent)
                return base ** int(exponent)
            if exponent.denominator % 2 and exponent.denominator < 100:
                self._check(base, exponent)
                return self.root(self.mp.mpf(exponent.denominator), base) ** int(exponent.numerator)
        exponent = self.of(tree[2])
        if not base:
            raise NoValue
        self._check(base, exponent)
        return base**exponent

    def _check(self, base: Any, exponent: Any) -> None:
        """A power is looked at before it is computed. Raises TooLarge."""
        size = abs(base)
        decades = abs(self.mp.mag(size) * 0.30103) if size else 0
        bound = abs(exponent) if isinstance(exponent, Fraction) else abs(self.mp.mpc(exponent))
        if bound > 10**9 or (decades + 1) * float(bound) > 20 * MOST_DECADES:
            raise TooLarge("a power of more than 40,000 digits")

    def root(self, degree: Any, inside: Any) -> Any:
        mp = self.mp
        n = int(degree.real) if mp.isint(degree) else 0
        if not 1 <= n <= 1000:
            raise NoValue
        if n % 2 and not mp.im(inside) and mp.re(inside) < 0:
            return -mp.root(-mp.re(inside), n)
        return mp.root(inside, n)

    def function(self, name: str, inside: list[Any]) -> Any:
        mp, x = self.mp, inside[0]
        if any(abs(value) > 10**30 for value in inside) and name not in (
            "abs",
            "percent",
            "ln",
            "log",
            "log10",
            "max",
            "min",
        ):
            raise TooLarge(f"{name} of a value above 10^30")
        if name == "percent":
            return x / 100
        if name == "deg":
            return x * mp.pi / 180
        if name == "ln":
            return self.logarithm(x)
        if name == "log10":
            return self.logarithm(x) / mp.log(10)
        if name == "log":
            return self.logarithm(inside[1]) / self.logarithm(x)
        if name in ("abs", "conj", "re", "im"):
            return {"abs": abs, "conj": mp.conj, "re": mp.re, "im": mp.im}[name](x)
        if name == "cis":
            return mp.expjpi(x / mp.pi)
        if name in _TRIGONOMETRIC:
            return self.trigonometric(name, x)
        if mp.im(x):
            raise NoValue
        if name in ("floor", "ceil", "sgn"):
            return {"floor": mp.floor, "ceil": mp.ceil, "sgn": mp.sign}[name](x)
        if name in ("max", "min"):
            if any(mp.im(value) for value in inside):
                raise NoValue
            return {"max": max, "min": min}[name](mp.re(value) for value in inside)
        if name in ("fact", "binom") and abs(x) <= 5000 and abs(inside[-1]) <= 5000:
            return mp.factorial(x) if name == "fact" else mp.binomial(*inside)
        if name in ("gcd", "lcm", "fact2") and all(mp.isint(value) and abs(value) < 10**9 for value in inside):
            from verigym.verifiers.math.exact import value as exactly

            found = exactly(("fn", name, *(num(int(mp.re(value))) for value in inside)))
            if found is not None:
                return mp.mpf(found.numerator) / found.denominator
        raise NoValue

    def logarithm(self, x: Any) -> Any:
        if not x:
            raise NoValue
        return self.mp.log(x)

    def trigonometric(self, name: str, x: Any) -> Any:
        if name.startswith("arc") and not self.mp.im(x):
            real = self.mp.re(x)
            if (name in ("arcsin", "arccos") and abs(real) > 1) or (name in ("arcsec", "arccsc") and abs(real) < 1):
                raise NoValue
        found = getattr(self.mp, name.replace("arc", "a"))(x)
        # A pole is met a hair beside: what should be infinite is merely huge.
        if self.mp.mag(found) > 0.9 * self.mp.mp.prec:
            raise NoValue
        return found

    def series(self, tree: Tree) -> Any:
        kind, name, low, high, body = tree
        if has(body, "sum", "prod"):
            raise NoValue  # one inside another is left to the algebra, where there is a deadline
        first, last = self.of(low), self.of(high)
        if not self.mp.isint(first) or not self.mp.isint(last):
            raise NoValue
        first, last = int(self.mp.re(first)), int(self.mp.re(last))
        if last - first >= MOST_TERMS or (last - first) * sum(1 for _ in nodes(body)) > 5 * MOST_TERMS:
            raise TooLarge(f"a series of {last - first + 1} terms; at most {MOST_TERMS} are evaluated")
        total = self.mp.mpf(0 if kind == "sum" else 1)
        for k in range(first, last + 1):
            term = self.of(replaced(body, name, num(k)))
            total = total + term if kind == "sum" else total * term
        return total


def _may_cancel(tree: Tree) -> bool:
    return any(one[0] in ("add", "fn") for one in nodes(tree))


_TRIGONOMETRIC = words("sin cos tan cot sec csc sinh cosh tanh coth arcsin arccos arctan arccot arcsec arccsc")
