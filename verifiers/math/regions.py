r"""Parts of the real line: intervals, unions, and inequalities in one variable.

`x > 3`, `3 < x`, `2x > 6`, `x \in (3, \infty)`, `(3, \infty)` and `\{x \mid x > 3\}` are one region. An inequality that
is none, such as `y < 2x`, stays a `Relation`.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from verigym.verifiers.math.answer import Answer, Collection, Group, Interval, Region, Relation, Value
from verigym.verifiers.math.bounds import TooLarge, Undefined, Unreadable
from verigym.verifiers.math.normal import form
from verigym.verifiers.math.probe import NoValue, at
from verigym.verifiers.math.tokens import Token
from verigym.verifiers.math.tree import Tree, has, minus, names, num, plus

RELATIONS = ("<", "<=", ">", ">=", "!=", "in")
_SETS = ("cup", "cap", "\\")
WHOLE = Interval(None, False, None, False)
LINE = Region((WHOLE,))
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "!=": "!="}


def has_sets(tokens: Sequence[Token]) -> bool:
    """Whether unions, intersections or differences are written here."""
    return any(token.kind == "op" and token.text in _SETS for token in tokens) and not any(
        token.kind == "op" and token.text == "=" for token in tokens
    )


def region_of_sets(tokens: list[Token], read: Callable[[list[Token]], Answer]) -> Region:
    """Intervals and sets joined by signs, from left to right. Raises Unreadable."""
    pieces: list[list[Token]] = [[]]
    signs: list[str] = []
    name = ""
    if len(tokens) > 2 and tokens[0].kind == "name" and tokens[1].text == "in":
        name, tokens = tokens[0].text, tokens[2:]
    for token in tokens:
        if token.kind == "op" and token.text in _SETS:
            signs.append(token.text)
            pieces.append([])
        else:
            pieces[-1].append(token)
    regions = []
    for piece in pieces:
        if len(piece) == 1 and piece[0].kind == "const" and piece[0].text == "R":
            regions.append(LINE)
            continue
        found = as_region(read(piece)) if piece else None
        if found is None:
            raise Unreadable("a union of what is no interval")
        regions.append(found)
    whole = regions[0]
    for sign, other in zip(signs, regions[1:], strict=True):
        if sign == "cup":
            whole = Region((*whole.pieces, *other.pieces), whole.name or other.name)
        else:
            whole = met(whole, complement(other) if sign == "\\" else other)
    return Region(tidy(whole.pieces), name or whole.name)


def as_region(answer: Answer) -> Region | None:
    """A region, an interval in brackets, or a set of points, as a region; None for anything else."""
    if isinstance(answer, Region):
        return answer
    if isinstance(answer, Group) and len(answer.parts) == 2 and all(isinstance(part, Value) for part in answer.parts):
        low, high = (part.tree for part in answer.parts if isinstance(part, Value))
        return Region((Interval(_end(low), answer.opening == "[", _end(high), answer.closing == "]"),))
    if isinstance(answer, Collection) and all(isinstance(part, Value) for part in answer.parts):
        points = [part.tree for part in answer.parts if isinstance(part, Value)]
        return Region(tuple(Interval(point, True, point, True) for point in points))
    return None


def relation(sides: list[list[Token]], signs: list[str], read: Callable[[list[Token]], Tree]) -> Answer:
    """The region or relation that sides and the signs between them write. Raises Unreadable."""
    if not all(sides):
        raise Unreadable("a relation without a side")
    trees = [read(side) for side in sides]
    if len(trees) == 2:
        return _simple(trees[0], signs[0], trees[1])
    upward = {sign[0] == "<" for sign in signs}
    if len(trees) != 3 or len(upward) != 1 or "!=" in signs:
        raise Unreadable("a chain of relations that is no interval")
    if upward == {False}:
        trees, signs = trees[::-1], [_FLIPPED[sign] for sign in signs[::-1]]
    low, middle, high = trees
    if middle[0] == "sym" and middle[1] not in names(low) | names(high):
        return Region((Interval(_end(low), signs[0] == "<=", _end(high), signs[1] == "<="),), middle[1])
    one, other = _simple(low, signs[0], middle), _simple(middle, signs[1], high)
    if isinstance(one, Region) and isinstance(other, Region) and one.name == other.name:
        return met(one, other)
    raise Unreadable("a chain of relations that is no interval")


def member(name: str, region: Answer) -> Answer:
    """`x \\in ...`."""
    if isinstance(region, Region):
        return Region(region.pieces, name)
    found = as_region(region) if isinstance(region, Group) else None
    return Region(found.pieces, name) if found is not None else region


def _simple(left: Tree, sign: str, right: Tree) -> Answer:
    """Two sides with a sign: solved for the variable where that is a matter of one step."""
    for one, mark, other in ((left, sign, right), (right, _FLIPPED[sign], left)):
        if one[0] == "sym" and not names(other):
            return _region(one[1], mark, other)
        if one[:2] == ("fn", "abs") and not names(other):
            found = _around(one[2], mark, other)
            if found is not None:
                return found
    return _linear(left, sign, right) or _relation(left, sign, right)


def _region(name: str, sign: str, end: Tree) -> Region:
    closed = sign in ("<=", ">=")
    if sign == "!=":
        return Region((Interval(None, False, end, False), Interval(end, False, None, False)), name)
    if sign[0] == "<":
        return Region((Interval(None, False, _end(end), closed),), name)
    return Region((Interval(_end(end), closed, None, False),), name)


def _around(inside: Tree, sign: str, size: Tree) -> Region | None:
    """|x - a| against a size."""
    solved = _solved(inside)
    if solved is None or sign == "!=":
        return None
    name, slope, root = solved
    if abs(slope) != 1:
        return None
    low, high = minus(num(root), size), plus(num(root), size)
    closed = sign in ("<=", ">=")
    if sign[0] == "<":
        return Region((Interval(low, closed, high, closed),), name)
    return Region((Interval(None, False, low, closed), Interval(high, closed, None, False)), name)


def _linear(left: Tree, sign: str, right: Tree) -> Region | None:
    solved = _solved(minus(left, right))
    if solved is None:
        return None
    name, slope, root = solved
    return _region(name, sign if slope > 0 else _FLIPPED[sign], num(root))


def _solved(tree: Tree) -> tuple[str, Fraction, Fraction] | None:
    """(variable, slope, root) of a linear expression in one variable with rational coefficients."""
    if len(names(tree)) != 1:
        return None
    try:
        found = form(tree)
    except Undefined:
        return None
    if found is None or not found.plain or set(found.below) != {()}:
        return None
    (name,) = names(tree)
    slope = found.above.get(((name, 1),), Fraction(0)) / found.below[()]
    rest = found.above.get((), Fraction(0)) / found.below[()]
    if not slope or set(found.above) - {((name, 1),), ()}:
        return None
    return name, slope, -rest / slope


def _relation(left: Tree, sign: str, right: Tree) -> Relation:
    if sign[0] == ">":
        left, right, sign = right, left, _FLIPPED[sign]
    return Relation(minus(left, right), sign)


def _end(tree: Tree) -> Tree | None:
    """None for an infinite end."""
    return None if has(tree, "inf") else tree


def number(tree: Tree) -> Any:
    """The value of an end, or None where it has none that can be ordered."""
    if names(tree):
        return None
    try:
        found, _, _ = at(tree, {}, 40)
    except (NoValue, Undefined, TooLarge):
        return None
    return found.real if abs(found.imag) < abs(found.real) * 10**-30 + 10**-30 else None


def _bounds(piece: Interval) -> tuple[Any, Any] | None:
    """(low, high) as numbers with infinities; None where they cannot be ordered."""
    low = float("-inf") if piece.low is None else number(piece.low)
    high = float("inf") if piece.high is None else number(piece.high)
    return None if low is None or high is None else (low, high)


def tidy(pieces: Sequence[Interval]) -> tuple[Interval, ...]:
    """The pieces in order, those that touch joined, empty ones left out; as they are where ends cannot be ordered."""
    bounds = [_bounds(piece) for piece in pieces]
    if len(pieces) == 1 or None in bounds:
        return tuple(pieces)
    ordered = sorted(
        (pair for pair in zip(bounds, pieces, strict=True) if pair[0] is not None and not _empty(pair[0], pair[1])),
        key=lambda pair: (pair[0][0], not pair[1].low_in),  # type: ignore[index]
    )
    joined: list[tuple[Any, Interval]] = []
    for bound, piece in ordered:
        assert bound is not None
        if joined:
            (low, high), last = joined[-1]
            if bound[0] < high or (bound[0] == high and (piece.low_in or last.high_in)):
                longer = bound[1] > high or (bound[1] == high and piece.high_in)
                end, end_in = (piece.high, piece.high_in) if longer else (last.high, last.high_in)
                joined[-1] = ((low, max(high, bound[1])), Interval(last.low, last.low_in, end, end_in))
                continue
        joined.append((bound, piece))
    return tuple(piece for _, piece in joined)


def _empty(bound: tuple[Any, Any], piece: Interval) -> bool:
    return bool(bound[0] > bound[1] or (bound[0] == bound[1] and not (piece.low_in and piece.high_in)))


def met(one: Region, other: Region) -> Region:
    """The intersection. Raises Unreadable where ends cannot be ordered."""
    pieces = []
    for left in one.pieces:
        for right in other.pieces:
            first, second = _bounds(left), _bounds(right)
            if first is None or second is None:
                raise Unreadable("an intersection of intervals whose ends cannot be ordered")
            low = max((first[0], not left.low_in, 0), (second[0], not right.low_in, 1))
            high = min((first[1], left.high_in, 0), (second[1], right.high_in, 1))
            starts, ends = (left, right)[low[2]], (left, right)[high[2]]
            piece = Interval(starts.low, starts.low_in, ends.high, ends.high_in)
            if not _empty((low[0], high[0]), piece):
                pieces.append(piece)
    return Region(tidy(pieces), one.name or other.name)


def complement(region: Region) -> Region:
    """All that is not in it. Raises Unreadable where ends cannot be ordered."""
    pieces = tidy(region.pieces)
    if any(_bounds(piece) is None for piece in pieces):
        raise Unreadable("a difference of intervals whose ends cannot be ordered")
    left: list[Interval] = []
    low, low_in, open_start = None, False, True
    for piece in pieces:
        if piece.low is not None:
            left.append(Interval(low, low_in, piece.low, not piece.low_in))
        low, low_in = piece.high, not piece.high_in
        open_start = piece.high is not None
        if not open_start:
            return Region(tuple(left), region.name)
    left.append(Interval(low, low_in, None, False))
    return Region(tuple(left), region.name)


def combined(parts: Sequence[Answer], joints: Sequence[str]) -> Region | None:
    """Regions of one variable, joined: "and" is the intersection, "or" the union, and a comma the union of parts that
    are apart, else the intersection. None where these are not all such regions."""
    regions = [part for part in parts if isinstance(part, Region)]
    if len(regions) != len(parts) or len({region.name for region in regions}) != 1:
        return None
    union = tuple(piece for region in regions for piece in region.pieces)
    if "or" in joints:
        return Region(tidy(union), regions[0].name)
    both = regions[0]
    for region in regions[1:]:
        both = met(both, region)
    if "and" in joints or both.pieces:
        return both
    return Region(tidy(union), regions[0].name)
