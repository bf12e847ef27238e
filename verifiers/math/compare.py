"""Comparing two shapes of answers, part by part, and two values in layers from cheap to dear.

Comparison(never, layers := []).of(Value(...), Value(...))       # True; layers then names what decided
"""

from collections.abc import Callable, Sequence

from verigym.verifiers.math import exact, normal, probe
from verigym.verifiers.math.answer import (
    Answer,
    Chain,
    Collection,
    Group,
    Interval,
    Matrix,
    Numeral,
    Ratio,
    Region,
    Relation,
    Value,
    Words,
)
from verigym.verifiers.math.bounds import TooLarge, Undefined
from verigym.verifiers.math.regions import as_region, tidy
from verigym.verifiers.math.traits import (
    coordinates,
    difference,
    endless,
    infinity,
    looks_like_time,
    minutes,
    name_of,
    percentage,
    rounded,
    unassigned,
    undefined,
    without_degrees,
)
from verigym.verifiers.math.tree import Tree, num, over, times
from verigym.verifiers.math.units import factor

Leaf = Callable[[Tree, Tree], bool]
"""decides whether two expressions are one where the layers here cannot"""


class NeedsAlgebra(Exception):
    """The cheap layers cannot decide."""


def never(one: Tree, other: Tree) -> bool:
    """A leaf that decides nothing."""
    raise NeedsAlgebra


LAYERS = ["shape", "words", "exact", "normal form", "points", "algebra"]
_NUMBERS = {
    "zero": 0,
    **{
        word: n
        for n, word in enumerate(("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), 1)
    },
    **{"eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17},
    **{"eighteen": 18, "nineteen": 19, "twenty": 20, "hundred": 100, "thousand": 1000},
}


class Comparison:
    """Compares shapes, and notes the layers that decided."""

    def __init__(self, leaf: Leaf, layers: list[str]) -> None:
        self.leaf, self.layers = leaf, layers

    def of(self, want: Answer, have: Answer) -> bool:
        """Whether `have` is the answer `want`."""
        if isinstance(want, Chain):
            return self.equation(want, have)
        if isinstance(have, Chain):
            return self.chain(want, have)
        if isinstance(want, Region) or isinstance(have, Region):
            return self.regions(want, have)
        if isinstance(want, Collection) and isinstance(have, Collection):
            return self.in_any_order(unassigned(want.parts), unassigned(have.parts))
        if isinstance(want, Group):
            return self.group(want, have)
        if isinstance(want, Matrix):
            return self.matrix(want, have)
        if isinstance(want, Words) or isinstance(have, Words):
            return self.words(want, have)
        if isinstance(want, Ratio) or isinstance(have, Ratio):
            return self.ratio(want, have)
        if isinstance(want, Relation) and isinstance(have, Relation):
            return self.relation(want, have)
        if isinstance(want, Value) and isinstance(have, Value):
            return self.values(want, have)
        if isinstance(want, Numeral) and isinstance(have, Numeral):
            return want == have
        if isinstance(want, Collection) and len(want.parts) == 1 and want.braces:
            return self.of(want.parts[0], have)  # the one solution, for a set of one
        return False

    # values

    def values(self, want: Value, have: Value) -> bool:
        """Two values with their units: a unit on one side only is ignored, and two that differ are converted."""
        (want_tree, want_unit), (have_tree, have_unit) = without_degrees(want), without_degrees(have)
        ratio = factor(have_unit, want_unit)
        if ratio is None:
            return False
        if self.trees(want_tree, have_tree if ratio == 1 else times(num(ratio), have_tree)):
            return True
        return self.percent(want_tree, want_unit, have_tree, have_unit)

    def percent(self, want: Tree, want_unit: Sequence[str], have: Tree, have_unit: Sequence[str]) -> bool:
        """A percent sign on one side only is a unit there, for values above 1."""
        marked = [percentage(tree, unit) for tree, unit in ((want, want_unit), (have, have_unit))]
        if (marked[0] is None) == (marked[1] is None):
            return False
        bare, inside = (want, marked[1]) if marked[1] is not None else (have, marked[0])
        assert inside is not None
        size = exact.value(bare)
        return size is not None and abs(size) > 1 and self.trees(bare, inside)

    def trees(self, want: Tree, have: Tree) -> bool:
        """Two expressions, layer by layer."""
        unending = endless(want) or endless(have)
        if want == have and not unending:
            self.layers.append("shape")
            return not undefined(want)
        if unending:
            self.layers.append("shape")
            return infinity(want) == infinity(have) != ""
        found = self.exactly(want, have)
        if found is None:
            found = self.normally(want, have)
        if found is None:
            self.layers.append("points")
            found = probe.same(want, have)
        if found is None:
            self.layers.append("algebra")
            found = self.leaf(want, have)
        return found

    def exactly(self, want: Tree, have: Tree) -> bool | None:
        try:
            value = exact.value(have)
        except Undefined:
            self.layers.append("exact")
            return False
        try:
            wanted = exact.value(want)
        except (TooLarge, Undefined):  # a gold answer may be as large as it likes
            return None if value is None else False
        if value is None or wanted is None:
            return None
        self.layers.append("exact")
        return value == wanted

    def normally(self, want: Tree, have: Tree) -> bool | None:
        try:
            one, other = normal.form(want), normal.form(have)
        except Undefined:
            self.layers.append("normal form")
            return False
        if one is None or other is None:
            return None
        found = normal.agree(one, other)
        if found is not None:
            self.layers.append("normal form")
        return found

    # chains

    def equation(self, want: Chain, have: Answer) -> bool:
        """The gold is an equation: `x = 5` is answered by 5; any other by an equation with the same solutions."""
        name = name_of(want.sides[0])
        if len(want.sides) > 2:
            return self.of(Chain((want.sides[0], want.sides[-1])), have)
        if not isinstance(have, Chain):
            return name != "" and not isinstance(have, Relation) and self.of(want.sides[1], have)
        other = name_of(have.sides[0])
        if name and other == name:
            return all(self.of(want.sides[1], side) for side in have.sides[1:])
        if len(have.sides) != 2:
            return False
        trees = [difference(one) for one in (want, have)]
        if trees[0] is None or trees[1] is None:
            return False
        return self.proportional(trees[0], trees[1], either_sign=True)

    def chain(self, want: Answer, have: Chain) -> bool:
        """The reply is a chain: names in front, and every other side must be the answer; sides after an approximate
        sign must be its rounding."""
        sides = list(have.sides)
        decimals = list(have.written) or [""] * len(sides)
        if len(sides) == 2 and not have.rough and _is_variable(sides[1]) and not name_of(sides[0]):
            sides, decimals = sides[::-1], decimals[::-1]  # `5 = x`
        while len(sides) > 1 and name_of(sides[0]) and not self.quietly(want, sides[0]):
            sides, decimals = sides[1:], decimals[1:]
        exactly = len(sides) - min(have.rough, len(sides) - 1)
        if isinstance(want, Group | Collection) and len(have.sides) == 2 and isinstance(have.sides[1], Region):
            return self.of(want, have.sides[1])
        if not all(self.of(want, side) for side in sides[:exactly]):
            return False
        return all(
            rounded(want, side, places) for side, places in zip(sides[exactly:], decimals[exactly:], strict=True)
        )

    def quietly(self, want: Answer, side: Answer) -> bool:
        """Whether a name is the answer itself, as `n` is in `n = 2n - n`."""
        return isinstance(want, Value) and isinstance(side, Value) and want.tree == side.tree

    def proportional(self, want: Tree, have: Tree, *, either_sign: bool) -> bool:
        self.layers.append("points")
        found = probe.proportion(want, have)
        if found is None:
            self.layers.append("algebra")
            return self.leaf(want, have)
        return found > 0 or (either_sign and found < 0)

    # parts

    def in_order(self, want: Sequence[Answer], have: Sequence[Answer]) -> bool:
        return len(want) == len(have) and all(self.of(one, other) for one, other in zip(want, have, strict=True))

    def in_any_order(self, want: Sequence[Answer], have: Sequence[Answer]) -> bool:
        left = list(have)
        if len(want) != len(have):
            return False
        for one in want:
            match = next((other for other in left if self.of(one, other)), None)
            if match is None:
                return False
            left.remove(match)
        return True

    def group(self, want: Group, have: Answer) -> bool:
        if isinstance(have, Group):
            return (want.opening, want.closing) == (have.opening, have.closing) and self.in_order(
                want.parts, have.parts
            )
        if isinstance(have, Matrix) and want.opening == "(" and 1 in (len(have.rows), len(have.rows[0])):
            return self.in_order(want.parts, [Value(cell) for row in have.rows for cell in row])
        if isinstance(have, Collection) and want.opening == "(":
            values = coordinates(have.parts)
            return values is not None and self.in_order(want.parts, values)
        return False

    def matrix(self, want: Matrix, have: Answer) -> bool:
        if isinstance(have, Group) and have.opening == "(" and 1 in (len(want.rows), len(want.rows[0])):
            return self.in_order([Value(cell) for row in want.rows for cell in row], have.parts)
        if not isinstance(have, Matrix) or [len(row) for row in want.rows] != [len(row) for row in have.rows]:
            return False
        cells = zip((c for row in want.rows for c in row), (c for row in have.rows for c in row), strict=True)
        return all(self.trees(one, other) for one, other in cells)

    def regions(self, want: Answer, have: Answer) -> bool:
        one, other = as_region(want), as_region(have)
        if any(isinstance(side, Collection) and side.parts for side in (want, have)):
            return False  # a set of values; the empty one may be an empty region
        if one is None or other is None or (one.name and other.name and one.name != other.name):
            return False
        left, wanted = list(tidy(other.pieces)), tidy(one.pieces)
        if len(left) != len(wanted):
            return False
        for piece in wanted:
            match = next((candidate for candidate in left if self.intervals(piece, candidate)), None)
            if match is None:
                return False
            left.remove(match)
        return True

    def intervals(self, want: Interval, have: Interval) -> bool:
        if (want.low_in, want.high_in) != (have.low_in, have.high_in):
            return False
        for one, other in ((want.low, have.low), (want.high, have.high)):
            if (one is None) != (other is None):
                return False
            if one is not None and other is not None and not self.trees(one, other):
                return False
        return True

    def relation(self, want: Relation, have: Relation) -> bool:
        return want.sign == have.sign and self.proportional(want.tree, have.tree, either_sign=want.sign == "!=")

    # words and marks

    def words(self, want: Answer, have: Answer) -> bool:
        self.layers.append("words")
        if isinstance(want, Words) and isinstance(have, Words):
            return want.words == have.words
        text, other = (want, have) if isinstance(want, Words) else (have, want)
        if isinstance(text, Words) and isinstance(other, Value) and len(text.words) == 1:
            word = text.words[0]
            return word in _NUMBERS and self.trees(num(_NUMBERS[word]), other.tree)
        return False

    def ratio(self, want: Answer, have: Answer) -> bool:
        """Parts in order; `2:4` is `1:2`, and is 1/2, unless both are times of day."""
        if isinstance(want, Ratio) and isinstance(have, Ratio):
            if len(want.parts) != len(have.parts):
                return False
            if want.half and have.half and want.half != have.half:
                return False
            if all(self.trees(one, other) for one, other in zip(want.parts, have.parts, strict=True)):
                return True
            if want.clock and have.clock:
                return bool(want.half) != bool(have.half) and minutes(want) == minutes(have)
            pairs = list(zip(want.parts, have.parts, strict=True))
            first, second = pairs[0]
            return all(self.trees(times(first, other), times(second, one)) for one, other in pairs[1:])
        ratio, value = (want, have) if isinstance(want, Ratio) else (have, want)
        if not isinstance(ratio, Ratio) or not isinstance(value, Value) or len(ratio.parts) != 2 or ratio.half:
            return False
        if ratio.clock and isinstance(want, Ratio) and looks_like_time(ratio):
            return False
        return self.trees(over(*ratio.parts), value.tree)


def _is_variable(answer: Answer) -> bool:
    return isinstance(answer, Value) and answer.tree[0] == "sym"
