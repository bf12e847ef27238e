r"""Taking lists of tokens apart at the signs that stand outside all brackets.

split(tokenize("a, (b, c)"), (",", ";"))       # [[a], [(, b, ,, c, )]], [","]
"""

from collections.abc import Sequence
from itertools import pairwise

from verigym.verifiers.math.tokens import Token

OPEN = {"(": 1, "[": 1, "{": 1, "\\{": 1, "<(": 1, "floor(": 1, "ceil(": 1}
_SHUT = {")": 1, "]": 1, "}": 1, "\\}": 1, ")>": 1, ")floor": 1, ")ceil": 1}


def stripped(tokens: list[Token]) -> list[Token]:
    """Without dollars, a full stop at the end, and braces around everything."""
    tokens = [token for token in tokens if token.text not in ("$", "", "=>") or token.kind != "op"]
    while tokens and tokens[-1].kind == "op" and tokens[-1].text in (".", ",", ";", ":"):
        tokens.pop()
    while tokens and tokens[0].kind == "op" and tokens[0].text in ("=", ":"):
        tokens = tokens[1:]
    while len(tokens) > 1 and tokens[0].text == "{" and matching(tokens, 0) == len(tokens) - 1:
        if any(token.kind == "cmd" and token.text in ("over", "choose") for token in tokens):
            break
        tokens = tokens[1:-1]
    return tokens


def top(tokens: Sequence[Token]) -> list[Token]:
    """The operators that stand outside all brackets."""
    found, depth, bars = [], 0, 0
    for token in tokens:
        if token.kind == "cmd" and token.text.startswith(("begin:", "end:")):
            depth += 1 if token.text.startswith("begin:") else -1
        if token.kind != "op":
            continue
        if token.text in OPEN:
            depth += 1
        elif token.text in _SHUT:
            depth -= 1
        elif depth <= 0 and not bars:
            found.append(token)
    return found


def split(tokens: Sequence[Token], signs: Sequence[str]) -> tuple[list[list[Token]], list[str]]:
    """Cut at operators that stand outside all brackets; the pieces and the operators between them."""
    pieces: list[list[Token]] = [[]]
    joints: list[str] = []
    depth = 0
    for token in tokens:
        if token.kind == "cmd" and token.text.startswith(("begin:", "end:")):
            depth += 1 if token.text.startswith("begin:") else -1
        elif token.kind == "op" and token.text in OPEN:
            depth += 1
        elif token.kind == "op" and token.text in _SHUT:
            depth -= 1
        if depth <= 0 and token.kind == "op" and token.text in signs:
            pieces.append([])
            joints.append(token.text)
        else:
            pieces[-1].append(token)
    if len(pieces) > 1:
        kept = [at for at, piece in enumerate(pieces) if piece or at == 0]
        if signs[0] == ",":
            joints = [_joint(joints[before:at]) for before, at in pairwise(kept)]
            pieces = [pieces[at] for at in kept]
            if pieces and not pieces[0]:
                pieces, joints = pieces[1:], joints[1:]
    return pieces, joints


def _joint(signs: list[str]) -> str:
    """What `, and` or `; or` come to."""
    return next((sign for sign in signs if sign in ("or", "and")), signs[0] if signs else ",")


def matching(tokens: Sequence[Token], at: int) -> int:
    """Where the bracket at a place is closed; -1 where it is not."""
    depth = 0
    for place in range(at, len(tokens)):
        token = tokens[place]
        if token.kind != "op":
            continue
        if token.text in OPEN:
            depth += 1
        elif token.text in _SHUT:
            depth -= 1
            if depth == 0:
                return place
    return -1


def decimals(tokens: Sequence[Token]) -> str:
    """The written digits behind the point of a plain decimal."""
    numbers = [token.text for token in tokens if token.kind == "num"]
    return numbers[0].partition(".")[2] if len(numbers) == 1 else ""
