"""Expressions as trees, for the tasks that print and compute them: a tree is a whole number or `(operator, left,
right)`.

    tree = ("-", ("+", 3, 25), 17)
    render(tree), value(tree), canonical(tree)      # ('3 + 25 - 17', Fraction(11, 1), '(+25+3-17)')

Values are exact rationals. It reads no text: reading a model's expression is the verifier's work.
"""

import random
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TypeAlias

Tree: TypeAlias = "int | tuple[str, Tree, Tree]"

PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2}


def value(tree: Tree) -> Fraction:
    """The exact value. Raises ZeroDivisionError where the tree divides by nought."""
    if isinstance(tree, int):
        return Fraction(tree)
    return apply(tree[0], value(tree[1]), value(tree[2]))


def apply(operator: str, left: Fraction, right: Fraction) -> Fraction:
    """`left operator right` for one of + - * /."""
    if operator == "+":
        return left + right
    if operator == "-":
        return left - right
    return left * right if operator == "*" else left / right


def render(tree: Tree, gap: str = " ") -> str:
    """The tree as text with no needless brackets; `gap` stands on both sides of an operator. A negative leaf gets
    brackets."""
    if isinstance(tree, int):
        return str(tree) if tree >= 0 else f"({tree})"
    operator, left, right = tree
    return f"{_inside(left, operator, False, gap)}{gap}{operator}{gap}{_inside(right, operator, True, gap)}"


def _inside(tree: Tree, operator: str, on_the_right: bool, gap: str) -> str:
    text = render(tree, gap)
    if isinstance(tree, int):
        return text
    below = PRECEDENCE[tree[0]] < PRECEDENCE[operator]
    same = PRECEDENCE[tree[0]] == PRECEDENCE[operator] and on_the_right and operator in "-/"
    return f"({text})" if below or same else text


def grouped_left(tree: Tree) -> Tree:
    """The tree that the text of `tree` is read as, from left to right: a + (b - c) is (a + b) - c. Its value stays."""
    if isinstance(tree, int):
        return tree
    operator, left, right = tree[0], grouped_left(tree[1]), grouped_left(tree[2])
    if operator in "+*" and not isinstance(right, int) and PRECEDENCE[right[0]] == PRECEDENCE[operator]:
        return (right[0], grouped_left((operator, left, right[1])), right[2])
    return (operator, left, right)


def canonical(tree: Tree) -> str:
    """A text that is the same for trees that differ only in the order or the grouping of sums and products."""
    if isinstance(tree, int):
        return str(tree)
    additive = PRECEDENCE[tree[0]] == 1
    terms = sorted(sign + canonical(part) for sign, part in _terms(tree, additive, False))
    return "(" + "".join(terms) + ")"


def _terms(tree: Tree, additive: bool, inverse: bool) -> Iterator[tuple[str, Tree]]:
    """The signed terms of a sum, or the factors of a product, with the sums (products) inside it opened up."""
    signs = "+-" if additive else "*/"
    if isinstance(tree, int) or tree[0] not in signs:
        yield signs[inverse], tree
        return
    yield from _terms(tree[1], additive, inverse)
    yield from _terms(tree[2], additive, inverse != (tree[0] == signs[1]))


def reductions(tree: Tree, gap: str = " ") -> list[str]:
    """The shown work: the text of the tree, then the text after each single step, down to its value."""
    lines = [render(tree, gap)]
    while not isinstance(tree, int):
        tree = _reduce(tree)
        lines.append(render(tree, gap) if not isinstance(tree, int) else str(tree))
    return lines


def _reduce(tree: Tree) -> Tree:
    if isinstance(tree, int):
        return tree
    operator, left, right = tree
    if not isinstance(left, int):
        return (operator, _reduce(left), right)
    if not isinstance(right, int):
        return (operator, left, _reduce(right))
    result = value(tree)
    if result.denominator != 1:
        raise ValueError(f"{render(tree)} is not a whole number")
    return int(result)


def operators_in(tree: Tree) -> set[str]:
    """The operators that the tree uses."""
    return set() if isinstance(tree, int) else {tree[0]} | operators_in(tree[1]) | operators_in(tree[2])


def combine(rng: random.Random, numbers: Sequence[int], operators: str, largest: int) -> "Tree | None":
    """A tree over all the numbers with steps that are positive whole numbers up to `largest`, or None where the draw
    ran into a dead end. Two parts are picked at random, then one operator among those that keep to the rule."""
    parts: list[tuple[int, Tree]] = [(number, number) for number in numbers]
    while len(parts) > 1:
        (left, left_tree), (right, right_tree) = (parts.pop(rng.randrange(len(parts))) for _ in range(2))
        results = {
            "+": left + right,
            "-": left - right,
            "*": left * right,
            "/": left // right if left % right == 0 else 0,
        }
        allowed = [operator for operator in operators if 0 < results[operator] <= largest]
        if not allowed:
            return None
        operator = rng.choice(allowed)
        parts.append((results[operator], (operator, left_tree, right_tree)))
    return parts[0][1]
