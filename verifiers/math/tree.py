"""Expressions as small tuples, and writing them down in one canonical form.

    ("add", ("num", Fraction(1)), ("sym", "x"))       # 1 + x

| node                                   | meaning                                                                  |
|----------------------------------------|--------------------------------------------------------------------------|
| ("num", q)                             | the rational q                                                           |
| ("sym", name)                          | a variable; names are compared letter by letter                          |
| ("const", "pi" / "e" / "i" / "inf")    | a constant                                                               |
| ("add", a, b, ...), ("mul", a, b, ...) | sums and products                                                        |
| ("pow", a, b), ("root", n, a)          | powers; the n-th root, real where a is real and n odd                    |
| ("fn", name, a, ...)                   | sin, ln, log (base, argument), abs, fact, binom, floor, deg, ...         |
| ("sum" / "prod", k, low, high, a)      | over whole k                                                             |
| ("int", x, low, high, a), ("lim", x, to, a) | left to the algebra                                                 |
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, TypeAlias

Tree: TypeAlias = tuple[Any, ...]

MINUS_ONE: Tree = ("num", Fraction(-1))
CONSTANTS = frozenset(["pi", "e", "i", "inf"])
OPEN_FORMS = frozenset(["sum", "prod", "int", "lim"])
"""nodes that restate a task rather than answer it"""


def num(value: int | Fraction) -> Tree:
    """A number."""
    return ("num", Fraction(value))


def negative(tree: Tree) -> Tree:
    """-tree."""
    return num(-tree[1]) if tree[0] == "num" else ("mul", MINUS_ONE, tree)


def plus(left: Tree, right: Tree) -> Tree:
    """left + right; flat, so that a long sum is no deep tree."""
    return (*left, right) if left[0] == "add" else ("add", left, right)


def minus(left: Tree, right: Tree) -> Tree:
    """left - right."""
    return plus(left, negative(right))


def times(left: Tree, right: Tree) -> Tree:
    """left * right; flat."""
    return (*left, right) if left[0] == "mul" else ("mul", left, right)


def over(above: Tree, below: Tree) -> Tree:
    """above / below."""
    return times(above, ("pow", below, MINUS_ONE))


def children(tree: Tree) -> Iterator[Tree]:
    """The trees inside a node."""
    return (part for part in tree[1:] if isinstance(part, tuple))


def nodes(tree: Tree) -> Iterator[Tree]:
    """Every node, the tree itself first."""
    stack = [tree]
    while stack:
        one = stack.pop()
        yield one
        stack.extend(children(one))


def names(tree: Tree) -> frozenset[str]:
    """The free variables."""
    if tree[0] == "sym":
        return frozenset([tree[1]])
    found = frozenset[str]().union(*(names(part) for part in children(tree)))
    if tree[0] in OPEN_FORMS:
        found -= {tree[1]}
    return found


def has(tree: Tree, *kinds: str) -> bool:
    """Whether a node of one of these kinds, or a function or constant of that name, stands in the tree."""
    return any(one[0] in kinds or (one[0] in ("fn", "const") and one[1] in kinds) for one in nodes(tree))


def replaced(tree: Tree, name: str, value: Tree) -> Tree:
    """The tree with `value` for a variable."""
    if tree == ("sym", name):
        return value
    if tree[0] in OPEN_FORMS and tree[1] == name:
        return tree
    return tuple(replaced(part, name, value) if isinstance(part, tuple) else part for part in tree)


def write(tree: Tree) -> str:
    """The tree in plain text, for a person."""
    return _write(tree, 0)


_LEVEL = {"add": 1, "mul": 2, "pow": 3}


def _write(tree: Tree, outer: int) -> str:
    kind = tree[0]
    if kind == "num":
        text = str(tree[1])
        return f"({text})" if outer > 1 and (tree[1] < 0 or "/" in text) else text
    if kind == "sym":
        return str(tree[1]).lstrip("\\")
    if kind == "const":
        return "infinity" if tree[1] == "inf" else str(tree[1])
    level = _LEVEL.get(kind, 4)
    if kind == "add":
        text = _write(tree[1], 1)
        for part in tree[2:]:
            written = _write(part, 1)
            text += f" - {written[1:]}" if written.startswith("-") else f" + {written}"
    elif kind == "mul":
        text = _product(tree[1:])
    elif kind == "pow":
        text = f"{_write(tree[1], 4)}^{_write(tree[2], 4)}"
    elif kind == "root":
        inside = _write(tree[2], 0)
        text = f"sqrt({inside})" if tree[1] == ("num", Fraction(2)) else f"root({_write(tree[1], 0)}, {inside})"
    elif kind == "fn":
        text = _call(tree)
    else:
        text = f"{kind}({', '.join(_write(part, 0) if isinstance(part, tuple) else str(part) for part in tree[1:])})"
    return f"({text})" if level < outer or (level == outer == 4 and kind == "pow") else text


def _product(parts: tuple[Tree, ...]) -> str:
    above = [part for part in parts if not _inverse(part)]
    below = [part[1] for part in parts if _inverse(part)]
    sign = ""
    if above and above[0] == MINUS_ONE:
        above, sign = above[1:], "-"
    text = sign + ("*".join(_write(part, 2) for part in above) or "1")
    return text + "".join(f"/{_write(part, 3)}" for part in below)


def _inverse(tree: Tree) -> bool:
    return tree[0] == "pow" and tree[2] == MINUS_ONE


def _call(tree: Tree) -> str:
    name, inside = tree[1], [_write(part, 0) for part in tree[2:]]
    if name == "fact":
        return f"{_write(tree[2], 4)}!"
    if name == "abs":
        return f"|{inside[0]}|"
    if name == "deg":
        return f"{_write(tree[2], 4)}°"
    return f"{name}({', '.join(inside)})"
