r"""From tokens to the shape of an answer: a value with its unit, words, a set, a tuple, a matrix, a region, a chain.

    read(r"x=4 \text{ or } x=-4")       # Collection of two chains
    read("5 m", Habits(letters=True))    # Value 5, unit ("m",)

Top down: separators first (`,` `;` or, and), then relations and equality signs, then brackets, then one value. Raises
Unreadable for what has no place, and TooLarge.
"""

import re
from collections.abc import Sequence

from verigym.verifiers.math.answer import (
    EMPTY,
    Answer,
    Chain,
    Collection,
    Group,
    Matrix,
    Numeral,
    Ratio,
    Value,
    Words,
)
from verigym.verifiers.math.bounds import MAX_DEPTH, MAX_PARTS, TooLarge, Unreadable
from verigym.verifiers.math.cut import OPEN, decimals, matching, split, stripped, top
from verigym.verifiers.math.read import expression
from verigym.verifiers.math.regions import LINE, RELATIONS, combined, has_sets, member, region_of_sets, relation
from verigym.verifiers.math.tokens import Habits, Token, tokenize
from verigym.verifiers.math.tree import MINUS_ONE, Tree, plus, times
from verigym.verifiers.math.units import PREFIXES, unit_start
from verigym.verifiers.math.vocabulary import words

_PAIRS = {"(": (")", "]"), "[": ("]", ")"), "\\{": ("\\}",), "{": ("}",), "<(": (")>",), "]": ("[", "]")}
HEDGES = words(
    "not or no none neither nor isn't isnt wrong incorrect maybe perhaps possibly either except unless unknown "
    "undetermined cannot can't never unsure guess false"
)
"""words that make what stands beside them something else than an answer"""
_LABELS = words(
    "the a an is are answer final result solution value therefore thus so hence we get it equals be must sum "
    "total area exactly about approximately roughly to option choice of x y n probability number length volume "
    "perimeter"
)
_BASES = {
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "twelve": 12,
}
_NOTHING = {
    ("no", "solution"),
    ("no", "solutions"),
    ("no", "real", "solution"),
    ("no", "real", "solutions"),
    ("empty", "set"),
    ("the", "empty", "set"),
}
_EVERYTHING = {
    ("all", "real", "numbers"),
    ("all", "reals"),
    ("real", "numbers"),
    ("the", "real", "numbers"),
    ("all", "real", "values"),
}


def read(text: str, habits: Habits = Habits()) -> Answer:  # noqa: B008 - immutable
    """The shape of an answer's text. Raises Unreadable and TooLarge."""
    tokens = stripped(tokenize(text, habits))
    if not tokens:
        raise Unreadable("it is empty")
    return Shaper(habits).answer(tokens, 0)


class Shaper:
    """Reads shapes with one set of habits."""

    def __init__(self, habits: Habits) -> None:
        self.habits = habits

    def answer(self, tokens: list[Token], depth: int) -> Answer:
        """The shape of these tokens."""
        if depth > MAX_DEPTH:
            raise TooLarge(f"an answer nested more than {MAX_DEPTH} deep")
        tokens = stripped(tokens)
        if not tokens:
            raise Unreadable("a part of it is empty")
        if (words := self.words(tokens)) is not None:
            return words
        if len(tokens) == 1 and tokens[0].kind == "const" and tokens[0].text == "R":
            return LINE
        if tokens[0].text == "]" and (reversed_ := self.bracketed(tokens, depth)) is not None:
            return reversed_
        if len(tokens) > 1 and tokens[0].text == "\\{" and matching(tokens, 0) == len(tokens) - 1:
            return self.collection(tokens[1:-1], depth, braces=True)
        pieces, joints = split(tokens, (",", ";", "or", "and"))
        if len(pieces) > 1:
            return self.joined(pieces, joints, depth)
        if has_sets(tokens):
            return region_of_sets(tokens, self.interval)
        if any(token.text in RELATIONS for token in top(tokens)):
            return self.related(tokens, depth)
        if any(token.text in ("=", "~") for token in top(tokens)):
            return self.chain(tokens, depth)
        return self.single(tokens, depth)

    def single(self, tokens: list[Token], depth: int) -> Answer:
        """One thing without separators and relations at its top."""
        for reader in (self.plus_minus, self.bracketed, self.matrix, self.numeral, self.ratio):
            found: Answer | None = reader(tokens, depth)
            if found is not None:
                return found
        return self.value(tokens)

    def words(self, tokens: list[Token]) -> Answer | None:
        """Words alone; None for anything else."""
        if len(tokens) == 1 and tokens[0].kind == "const" and tokens[0].text == "empty":
            return EMPTY
        if len(tokens) == 1 and tokens[0].kind == "run":
            text = tokens[0].text
            return Words((text.casefold(),)) if len(text) > 2 and not (len(text) == 3 and text.isupper()) else None
        if not all(token.kind in ("word", "run", "name") or token.text in ("-", "'", ",", "/") for token in tokens):
            return None
        plain = [token.text.casefold() for token in tokens if token.kind in ("word", "run", "name")]
        if not any(token.kind in ("word", "run") and len(token.text) > 1 for token in tokens):
            if all(token.kind == "word" for token in tokens) and len(plain) == 1:
                return Words((plain[0],))
            return None
        if any(token.text == "," for token in tokens) or not _wordy(tokens):
            return None
        if tuple(plain) in _NOTHING:
            return EMPTY
        if tuple(plain) in _EVERYTHING:
            return LINE
        if plain and plain[0] in ("the", "a", "an") and len(plain) > 1:
            plain = plain[1:]
        return Words(tuple(word.strip(".'’") for text in plain for word in text.split("-") if word))

    def joined(self, pieces: list[list[Token]], joints: list[str], depth: int) -> Answer:
        """Parts between commas, semicolons, "or" and "and"."""
        if len(pieces) > MAX_PARTS:
            raise TooLarge(f"a list of {len(pieces)} parts; at most {MAX_PARTS} are read")
        parts = [self.answer(piece, depth + 1) for piece in pieces if piece]
        if len(parts) == 1:
            return parts[0]
        region = combined(parts, joints)
        return region if region is not None else Collection(tuple(_spread(parts)))

    def collection(self, tokens: list[Token], depth: int, braces: bool) -> Answer:
        if not tokens:
            return EMPTY
        bars, _ = split(tokens, ("|", ":"))
        if len(bars) == 2 and any(token.text in RELATIONS or token.text == "in" for token in bars[1]):
            return self.answer(bars[1], depth + 1)  # { x | x > 3 }
        pieces, _ = split(tokens, (",", ";", "and", "or"))
        if len(pieces) > MAX_PARTS:
            raise TooLarge(f"a set of {len(pieces)} elements; at most {MAX_PARTS} are read")
        return Collection(tuple(_spread([self.answer(piece, depth + 1) for piece in pieces])), braces)

    def chain(self, tokens: list[Token], depth: int) -> Answer:
        sides, joints = split(tokens, ("=", "~"))
        if len(sides) > 12 or not all(sides[1:]):
            raise Unreadable("an equation without a side")
        if not sides[0]:  # `= 5`, `\approx 5`
            sides, joints = sides[1:], joints[1:]
        rough = len(joints) - joints.index("~") if "~" in joints else 0
        shapes = [self.answer(side, depth + 1) for side in sides]
        if len(shapes) == 1:
            return shapes[0]
        return Chain(tuple(shapes), rough, tuple(decimals(side) for side in sides))

    def related(self, tokens: list[Token], depth: int) -> Answer:
        """Inequalities, and `x \\in S`."""
        sides, signs = split(tokens, RELATIONS)
        if "in" not in signs:
            return relation(sides, signs, self.tree)
        if len(signs) > 1 or len(sides[0]) != 1 or sides[0][0].kind != "name" or not sides[1]:
            raise Unreadable("a membership of other than one name")
        return member(sides[0][0].text, self.answer(sides[1], depth + 1))

    def plus_minus(self, tokens: list[Token], depth: int) -> Answer | None:
        """Both values of `1 \\pm 2`; the signs of several `\\pm` go together, and `\\mp` the other way."""
        if not any(token.kind == "op" and token.text in ("+-", "-+") for token in tokens):
            return None
        both = []
        for signs in ({"+-": "+", "-+": "-"}, {"+-": "-", "-+": "+"}):
            one = [token._replace(text=signs[token.text]) if token.text in signs else token for token in tokens]
            both.append(self.answer(one, depth + 1))
        return Collection(tuple(both))

    def bracketed(self, tokens: list[Token], depth: int) -> Answer | None:
        """A tuple, point, vector or interval: brackets around everything with parts inside; brackets around one thing
        are dropped."""
        opening, closing = tokens[0].text, tokens[-1].text
        if tokens[0].kind != "op" or opening not in ("(", "[", "<(", "]") or closing not in _PAIRS[opening]:
            return None
        if opening != "]" and matching(tokens, 0) != len(tokens) - 1:
            return None
        pieces, _ = split(tokens[1:-1], (",", ";"))
        if len(pieces) == 1:
            inner = pieces[0]
            if inner and inner[0].text == "begin:matrix" and inner[-1].text == "end:matrix":
                return self.matrix(inner, depth)
            if opening in ("(", "[") and inner and not any(token.text in OPEN for token in inner if token.kind == "op"):
                return self.answer(inner, depth + 1) if _wordy(inner) else None
            return None
        if len(pieces) > MAX_PARTS:
            raise TooLarge(f"a list of {len(pieces)} parts; at most {MAX_PARTS} are read")
        if opening == "]" or closing == "[":  # ]a, b[ is how some write an open interval
            opening, closing = {"]": "(", "[": "["}[opening], {"[": ")", "]": "]"}[closing]
        if opening == "<(":
            opening, closing = "(", ")"
        return Group(opening, tuple(self.answer(piece, depth + 1) for piece in pieces), closing)

    def interval(self, tokens: list[Token]) -> Answer:
        """What stands between signs of union: an interval, a set or a name of a set."""
        return self.answer(tokens, 1)

    def matrix(self, tokens: list[Token], depth: int) -> Answer | None:
        """A matrix, maybe with a factor before it."""
        starts = [at for at, token in enumerate(tokens) if token == ("cmd", "begin:matrix", token.gap)]
        if not starts:
            return self.determinant(tokens)
        if len(starts) > 1 or tokens[-1].text not in ("end:matrix", "T"):
            raise Unreadable("more than one matrix")
        turned = tokens[-1].text == "T"
        end = next(at for at, token in enumerate(tokens) if token.text == "end:matrix")
        if turned and [token.text for token in tokens[end + 1 :]] != ["^", "T"]:
            raise Unreadable("something behind a matrix")
        rows = self.rows(tokens[starts[0] + 1 : end])
        before = tokens[: starts[0]]
        while before and before[-1].text in ("*", "("):
            before = before[:-1]
        if before:
            factor = MINUS_ONE if [token.text for token in before] == ["-"] else expression(before)
            rows = tuple(tuple(times(factor, cell) for cell in row) for row in rows)
        return Matrix(tuple(zip(*rows, strict=True)) if turned else rows)

    def rows(self, tokens: list[Token]) -> tuple[tuple[Tree, ...], ...]:
        lines = [line for line in split(tokens, ("\\\\",))[0] if line]
        cells = [[expression(cell) for cell in split(line, ("&",))[0] if cell] for line in lines]
        if not cells or len({len(row) for row in cells}) != 1 or not cells[0]:
            raise Unreadable("a matrix with rows of different lengths")
        if sum(map(len, cells)) > MAX_PARTS:
            raise TooLarge(f"a matrix of more than {MAX_PARTS} cells")
        return tuple(map(tuple, cells))

    def determinant(self, tokens: list[Token]) -> Answer | None:
        if tokens[0] == ("cmd", "begin:determinant", tokens[0].gap) and tokens[-1].text == "end:determinant":
            rows = self.rows(tokens[1:-1])
            if len(rows) == len(rows[0]) <= 4:
                return Value(_determinant(rows))
        return None

    def numeral(self, tokens: list[Token], depth: int) -> Answer | None:
        """`1011_2`, `1F_{16}`, `1011_{\\text{two}}`."""
        marks = [at for at, token in enumerate(tokens) if token.text == "_"]
        if len(marks) != 1 or not all(token.kind in ("num", "name", "run") for token in tokens[: marks[0]]):
            return None
        digits = "".join(token.text for token in tokens[: marks[0]])
        base = "".join(token.text for token in tokens[marks[0] + 1 :]).strip("{}()").casefold()
        number = _BASES.get(base) or (int(base) if base.isdecimal() and len(base) < 3 else 0)
        if not re.fullmatch(r"[0-9][0-9A-Za-z]*|[A-F]+", digits) or not 2 <= number <= 36:
            return None
        if any(int(digit, 36) >= number for digit in digits):
            raise Unreadable(f"a digit that base {number} does not have")
        return Numeral(digits.lstrip("0").upper() or "0", number)

    def ratio(self, tokens: list[Token], depth: int) -> Answer | None:
        """`3:4:5`, `8:05`, `8:05 pm`, `3 to 4`."""
        half = ""
        while tokens and tokens[-1].kind in ("word", "run", "name") and len(tokens) > 3:
            word = tokens[-1].text.casefold().replace(".", "")
            if word in ("am", "pm"):
                half, tokens = word, tokens[:-1]
            elif word in ("m", "a", "p") and len(tokens) > 4:
                half, tokens = word + half, tokens[:-1]
            else:
                return None
        pieces, _ = split(tokens, (":",))
        if len(pieces) < 2:
            return None
        clock = len(pieces) in (2, 3) and all(
            len(piece) == 1 and re.fullmatch("[0-9]{1,2}" if place == 0 else "[0-5][0-9]", piece[0].text)
            for place, piece in enumerate(pieces)
        )
        return Ratio(tuple(expression(piece) for piece in pieces), clock, half)

    def value(self, tokens: list[Token]) -> Answer:
        """An expression with the unit behind or the currency before it."""
        unit: list[str] = []
        if not tokens:
            raise Unreadable("a part of it is empty")
        marks = [at for at, token in enumerate(tokens) if token.kind == "cmd" and token.text == "mod"]
        if marks and marks[0] > 0:
            return self.modulo(tokens, marks[0])
        if tokens[0].text in PREFIXES and len(tokens) > 1:
            unit, tokens = [tokens[0].text], tokens[1:]
        elif tokens[0].text in "+-" and len(tokens) > 2 and tokens[1].text in PREFIXES:
            unit, tokens = [tokens[1].text], [tokens[0], *tokens[2:]]
        start = unit_start(tokens, self.habits)
        words = tokens[start:]
        if words and start == 0:
            return self.labelled(tokens)
        if any(token.text.casefold() in HEDGES for token in words):
            raise Unreadable("words beside the answer")
        unit += [token.text for token in words]
        if any(token.kind == "word" or _speech(token) for token in tokens[:start]):
            return self.labelled(tokens)
        tree = expression(tokens[:start])
        if [word.casefold() for word in unit] == ["percent"]:
            return Value(("fn", "percent", tree))
        return Value(tree, tuple(unit))

    def modulo(self, tokens: list[Token], at: int) -> Answer:
        """`5 \\pmod 7`: the modulus is like a unit."""
        before = tokens[: at - 1] if at > 1 and tokens[at - 1].text == "(" else tokens[:at]
        modulus = "".join(token.text for token in tokens[at + 1 :]).strip("{}()")
        if not modulus.isalnum():
            raise Unreadable("a modulus that is no number")
        return Value(expression(before), ("mod", modulus))

    def labelled(self, tokens: list[Token]) -> Answer:
        """`The answer is 5`, `x is 5`: words of a closed list before a value."""
        at = 0
        while at < len(tokens) and tokens[at].kind in ("word", "run", "name") and tokens[at].text.casefold() in _LABELS:
            at += 1
        rest = tokens[at:]
        while rest and rest[0].text in (":", "="):
            rest = rest[1:]
        before = [token for token in rest[: unit_start(rest, self.habits)] if token.kind == "word"]
        if at > 0 and rest and not before and tokens[at - 1].kind != "name":
            return self.answer(rest, 2)
        if tokens[0].kind == "word" and all(token.kind in ("word", "run", "num") for token in tokens):
            return Words(tuple(token.text.casefold().strip(".'’") for token in tokens))  # `\\text{Row 3}`
        raise Unreadable("words beside the answer")

    def tree(self, tokens: list[Token]) -> Tree:
        """An expression; its unit, if any, is dropped."""
        found = self.value(stripped(tokens))
        if not isinstance(found, Value):
            raise Unreadable("words in a relation")
        return found.tree


def _speech(token: Token) -> bool:
    """Whether letters side by side are a word of a sentence."""
    return (
        token.kind == "run"
        and (len(token.text) > 3 or token.text.casefold() in _LABELS | HEDGES)
        and not token.text.isupper()
    )


def _wordy(tokens: Sequence[Token]) -> bool:
    """Whether letters here are words, and no product of variables."""
    return (
        any(token.kind == "word" for token in tokens)
        or any(token.kind == "run" and len(token.text) > 3 for token in tokens)
        or (len(tokens) > 1 and all(token.kind == "run" for token in tokens) and any(len(t.text) > 2 for t in tokens))
    )


def _spread(parts: list[Answer]) -> list[Answer]:
    """Each part that stands for two (`\\pm 2`) as two."""
    spread: list[Answer] = []
    for part in parts:
        if isinstance(part, Collection) and not part.braces:
            spread += part.parts
        elif isinstance(part, Chain) and isinstance(part.sides[-1], Collection) and not part.sides[-1].braces:
            spread += [Chain((*part.sides[:-1], one)) for one in part.sides[-1].parts]
        else:
            spread.append(part)
    return spread


def _determinant(rows: tuple[tuple[Tree, ...], ...]) -> Tree:
    if len(rows) == 1:
        return rows[0][0]
    total: Tree | None = None
    for column, cell in enumerate(rows[0]):
        minor = tuple(row[:column] + row[column + 1 :] for row in rows[1:])
        term = times(cell, _determinant(minor))
        term = times(MINUS_ONE, term) if column % 2 else term
        total = term if total is None else plus(total, term)
    assert total is not None
    return total
