"""The shapes of an answer. `shape.py` reads them, `equal.py` compares them.

Interval(("num", Fraction(3)), False, None, False)       # (3, infinity)
"""

from dataclasses import dataclass, field
from typing import TypeAlias

from verigym.verifiers.math.tree import Tree, write


@dataclass(frozen=True)
class Value:
    """One value, with the words behind it (`cm`, `square feet`) where there are some."""

    tree: Tree
    unit: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join([write(self.tree), *self.unit])


@dataclass(frozen=True)
class Words:
    """Text that is no formula, in lower case."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        return repr(" ".join(self.words))


@dataclass(frozen=True)
class Numeral:
    """Digits with their base, as in 1011_2."""

    digits: str
    base: int

    def __str__(self) -> str:
        return f"{self.digits} in base {self.base}"


@dataclass(frozen=True)
class Ratio:
    """`a:b:c`; clock: hours and minutes, with am or pm where it is said."""

    parts: tuple[Tree, ...]
    clock: bool = False
    half: str = ""

    def __str__(self) -> str:
        return ":".join(map(write, self.parts)) + (f" {self.half}" if self.half else "")


@dataclass(frozen=True)
class Group:
    """Parts in order between brackets: a tuple, point, vector or interval."""

    opening: str
    parts: "tuple[Answer, ...]"
    closing: str

    def __str__(self) -> str:
        return f"{self.opening}{', '.join(map(str, self.parts))}{self.closing}"


@dataclass(frozen=True)
class Collection:
    """Parts without order: a set in braces, or a list. braces: they were written."""

    parts: "tuple[Answer, ...]"
    braces: bool = False

    def __str__(self) -> str:
        return "{" + ", ".join(map(str, self.parts)) + "}"


@dataclass(frozen=True)
class Matrix:
    """Rows of values."""

    rows: tuple[tuple[Tree, ...], ...]

    def __str__(self) -> str:
        return "[" + "; ".join(", ".join(map(write, row)) for row in self.rows) + "]"


@dataclass(frozen=True)
class Interval:
    """From low to high; None is without end."""

    low: Tree | None
    low_in: bool
    high: Tree | None
    high_in: bool

    def __str__(self) -> str:
        low = "-infinity" if self.low is None else write(self.low)
        high = "infinity" if self.high is None else write(self.high)
        return f"{'[' if self.low_in else '('}{low}, {high}{']' if self.high_in else ')'}"


@dataclass(frozen=True)
class Region:
    """A union of intervals on the real line; name: the variable that is in it, or nothing."""

    pieces: tuple[Interval, ...]
    name: str = ""

    def __str__(self) -> str:
        text = " u ".join(map(str, self.pieces)) or "the empty set"
        return f"{self.name} in {text}" if self.name else text


@dataclass(frozen=True)
class Relation:
    """An inequality that is no region: tree SIGN 0 with sign <, <= or !=."""

    tree: Tree
    sign: str

    def __str__(self) -> str:
        return f"{write(self.tree)} {self.sign} 0"


@dataclass(frozen=True)
class Chain:
    """Sides joined by equality signs. rough: how many of the last are joined by an approximate one."""

    sides: "tuple[Answer, ...]"
    rough: int = 0
    written: tuple[str, ...] = field(default=(), compare=False)
    """the digits behind the point of each side, for the rounded ones"""

    def __str__(self) -> str:
        return " = ".join(map(str, self.sides))


Answer: TypeAlias = Value | Words | Numeral | Ratio | Group | Collection | Matrix | Region | Relation | Chain
EMPTY = Collection((), True)
