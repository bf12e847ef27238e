r"""What the comparison wants to know of one answer: its name, its degrees, whether it is infinite, undefined, rounded.

name_of(Value(("sym", "x")))       # "('sym', 'x')", and "" for what is no name
"""

from collections.abc import Sequence
from fractions import Fraction

from verigym.verifiers.math import exact, probe
from verigym.verifiers.math.answer import Answer, Chain, Numeral, Ratio, Value, Words
from verigym.verifiers.math.bounds import TooLarge, Undefined
from verigym.verifiers.math.shape import HEDGES
from verigym.verifiers.math.tree import MINUS_ONE, OPEN_FORMS, Tree, has, minus, names, nodes, times


def without_degrees(value: Value) -> tuple[Tree, tuple[str, ...]]:
    """Degree signs outside functions are a unit; those inside (`\\sin 30^\\circ`) are part of the value."""
    if not has(value.tree, "deg"):
        return value.tree, value.unit
    bare = _without_degrees(value.tree)
    if bare == value.tree:
        return value.tree, value.unit
    scale = value.unit[0] if value.unit and value.unit[0] in ("C", "F", "K") else ""
    return bare, (f"deg{scale}",) if scale else ("deg", *value.unit)


def _without_degrees(tree: Tree) -> Tree:
    if tree[:2] == ("fn", "deg"):
        return tree[2]
    if tree[0] in ("add", "mul"):
        return tuple(_without_degrees(part) if isinstance(part, tuple) else part for part in tree)
    return tree


def percentage(tree: Tree, unit: Sequence[str]) -> Tree | None:
    """What stands before a percent sign, or None."""
    if tree[:2] == ("fn", "percent"):
        return tree[2]
    if tree[0] == "mul" and tree[1] == MINUS_ONE and len(tree) == 3 and tree[2][:2] == ("fn", "percent"):
        return times(MINUS_ONE, tree[2][2])
    return tree if [word.casefold() for word in unit] == ["percent"] else None


def undefined(tree: Tree) -> bool:
    """Whether an expression without variables has no value: such a one is equal to nothing."""
    if names(tree) or any(one[0] in OPEN_FORMS for one in nodes(tree)):
        return False
    try:
        exact.value(tree)
    except Undefined:
        return True
    except TooLarge:
        return False
    return False


def endless(tree: Tree) -> bool:
    """Whether an infinity stands in it as a value, and not as a bound of a sum."""
    if tree[0] in OPEN_FORMS:
        return False
    return tree == ("const", "inf") or any(isinstance(part, tuple) and endless(part) for part in tree[1:])


def infinity(tree: Tree) -> str:
    """`+` or `-` for an infinity, with nothing for anything else."""
    if tree == ("const", "inf"):
        return "+"
    if tree[0] == "mul" and len(tree) == 3 and tree[1] == MINUS_ONE and tree[2] == ("const", "inf"):
        return "-"
    return ""


def name_of(answer: Answer) -> str:
    """What one assigns to: a variable, `f(x)`, words, or a combination of variables alone (`a+b`, `|AB|`)."""
    if isinstance(answer, Words):
        return "" if HEDGES & set(answer.words) else " ".join(answer.words)
    if isinstance(answer, Numeral) or not isinstance(answer, Value) or answer.unit:
        return ""
    tree = answer.tree
    if tree[0] == "mul" and len(tree) == 3 and tree[1][0] == "sym" and tree[1][1] in ("f", "g", "h", "P", "p", "F"):
        return f"{tree[1][1]}(...)" if tree[2][0] in ("num", "sym") else ""
    return repr(tree) if names(tree) and all(_is_plain(one) for one in nodes(tree)) else ""


def _is_plain(node: Tree) -> bool:
    if node[0] == "num":
        return bool(node == MINUS_ONE)
    if node[0] == "pow":
        return bool(node[2] == MINUS_ONE)
    return node[0] in ("sym", "add", "mul") or (node[0] == "fn" and node[1] in _PLAIN_FUNCTIONS)


_PLAIN_FUNCTIONS = frozenset(["abs", "sin", "cos", "tan", "cot", "sec", "csc", "conj", "deg", "max", "min", "det"])


def difference(chain: Chain) -> Tree | None:
    left, right = chain.sides
    if not isinstance(left, Value) or not isinstance(right, Value):
        return None
    return minus(left.tree, right.tree)


def unassigned(parts: Sequence[Answer]) -> Sequence[Answer]:
    """`x = 1, x = 2` as 1 and 2, where it is the same name each time."""
    found = {name_of(part.sides[0]) for part in parts if isinstance(part, Chain)}
    if len(found) != 1 or "" in found:
        return parts
    return [part.sides[-1] if isinstance(part, Chain) and len(part.sides) == 2 else part for part in parts]


def coordinates(parts: Sequence[Answer]) -> list[Answer] | None:
    """`x = 1, y = 2` as 1 and 2, where the names are different and in order."""
    if not all(isinstance(part, Chain) and len(part.sides) == 2 for part in parts):
        return None
    found = [name_of(part.sides[0]) for part in parts if isinstance(part, Chain)]
    if len(set(found)) != len(found) or "" in found or sorted(found) != found:
        return None
    return [part.sides[1] for part in parts if isinstance(part, Chain)]


def rounded(want: Answer, side: Answer, places: str) -> bool:
    """Whether a side behind an approximate sign is the value, rounded or cut to the digits it is written with."""
    if not isinstance(want, Value) or not isinstance(side, Value):
        return False
    try:
        rough = exact.value(side.tree)
        found, _, _ = probe.at(minus(want.tree, side.tree), {}, 40)
    except (probe.NoValue, Undefined, TooLarge, KeyError):
        return False
    return rough is not None and bool(abs(found) * 10 ** len(places) < 1)


def minutes(time: Ratio) -> Fraction | None:
    """Minutes since midnight, a time without am or pm being of a day of 24 hours."""
    parts = [part[1] for part in time.parts]
    hours = parts[0]
    if time.half:
        hours = hours % 12 + (12 if time.half == "pm" else 0)
    return Fraction(hours * 60 + parts[1])


def looks_like_time(ratio: Ratio) -> bool:
    """Two written digits for the minutes, and an hour of the day."""
    hour, minute = (part[1] for part in ratio.parts)
    return bool(hour < 24 and minute < 60 and (minute >= 10 or ratio.clock))
