r"""Reading sums, products, integrals and limits: forms that restate a task as often as they answer it.

Each function goes on where a `read.Reader` stands behind the command. Raises Unreadable.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from verigym.verifiers.math.bounds import Unreadable
from verigym.verifiers.math.tokens import Token
from verigym.verifiers.math.tree import Tree, num

if TYPE_CHECKING:
    from verigym.verifiers.math.read import Reader


def series(reader: "Reader", kind: str, depth: int) -> Tree:
    """`\\sum_{k=1}^{n} a`: the term is the product behind it."""
    reader.expect("_")
    reader.expect("{")
    name = reader.take()
    if name.kind != "name":
        raise Unreadable(f"a {kind} over {name.text!r}")
    reader.expect("=")
    low = reader.sum(depth + 1)
    reader.expect("}")
    reader.expect("^")
    high = reader.bound_of(depth)
    reader.bound.append(name.text)
    body = reader.product(depth + 1)
    reader.bound.pop()
    return (kind, name.text, low, high, body)


def integral(reader: "Reader", depth: int) -> Tree:
    """`\\int_a^b f dx`: up to the first `dx`."""
    reader.expect("_")
    low = reader.bound_of(depth)
    reader.expect("^")
    high = reader.bound_of(depth)
    ends = [at for at in range(reader.at, len(reader.tokens)) if _differential(reader.tokens[at : at + 2])]
    if not ends:
        raise Unreadable("an integral without its dx")
    inside = reader.tokens[reader.at : ends[0]]
    token = reader.tokens[ends[0]]
    name, reader.at = (
        (token.text[1], ends[0] + 1) if token.kind == "run" else (reader.tokens[ends[0] + 1].text, ends[0] + 2)
    )
    inner = type(reader)(inside)
    inner.budget, inner.bound = reader.budget, [*reader.bound, name]
    body = inner.sum(depth + 1) if inside else num(1)
    if inner.at < len(inside):
        raise Unreadable(f"{inside[inner.at].text!r} inside an integral")
    reader.budget = inner.budget
    return ("int", name, low, high, body)


def limit(reader: "Reader", depth: int) -> Tree:
    """`\\lim_{x \\to a} f`."""
    reader.expect("_")
    reader.expect("{")
    name = reader.take()
    if name.kind != "name":
        raise Unreadable(f"a limit over {name.text!r}")
    reader.expect("->")
    to = reader.sum(depth + 1)
    reader.expect("}")
    reader.bound.append(name.text)
    body = reader.product(depth + 1)
    reader.bound.pop()
    return ("lim", name.text, to, body)


def _differential(pair: Sequence[Token]) -> bool:
    if pair[0].kind == "run":
        return len(pair[0].text) == 2 and pair[0].text[0] == "d"
    return len(pair) == 2 and pair[0].text == "d" and pair[0].kind == "name" and pair[1].kind == "name"
