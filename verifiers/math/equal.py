r"""When two answers are the same: shape by shape, and values in layers from cheap to dear.

    same(r"\frac{1}{2}", "0.5")       # Finding(True, "exact", "1/2", "1/2")

1. one text after folding               4. normal forms (`normal.py`)
2. shapes: kind, count, order, units    5. values at points (`probe.py`)
3. exact rationals (`exact.py`)          6. what is left: NeedsAlgebra, for `algebra.py` in a worker

Equal is exact: a rounded value is not the value. The kind must agree: a list, set, range or relation that holds the
answer is not it. What is written in two ways that cannot be told apart (`1,234`, `3e-2`) may be read in both.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import islice

from verigym.verifiers.extract import alone
from verigym.verifiers.math import exact, normal
from verigym.verifiers.math.answer import Answer, Value
from verigym.verifiers.math.bounds import MAX_TEXT, TooLarge, Undefined, Unreadable
from verigym.verifiers.math.compare import LAYERS, Comparison, Leaf, NeedsAlgebra, never
from verigym.verifiers.math.option import choice
from verigym.verifiers.math.shape import read
from verigym.verifiers.math.tokens import Habits
from verigym.verifiers.math.tree import nodes
from verigym.verifiers.text import fold

SHOWN_NODES = 60
"""an expression of more nodes is shown as it was read, without its normal form"""


@dataclass(frozen=True)
class Finding:
    """Whether the answers are the same; by which layer; both in canonical form, "" where there was no need of one."""

    same: bool
    layer: str
    want: str = ""
    have: str = ""


def same(gold: str, got: str, leaf: Leaf = never) -> Finding:
    """Whether `got` is the answer `gold`. Raises TooLarge, NeedsAlgebra, or what `leaf` raises."""
    want, have = plain(gold), plain(got)
    if want == have and want:
        return Finding(True, "text")
    if len(got) > MAX_TEXT:
        raise TooLarge(f"an answer of {len(got)} characters; at most {MAX_TEXT} are read")
    if not have:
        return Finding(False, "empty")
    one, other = _quickly(want), _quickly(have)
    if one is not None and other is not None:
        return Finding(one == other, "exact", str(one), str(other))
    if (decided := _choices(gold, got, leaf)) is not None:
        return decided
    return _readings(gold, got, leaf)


def plain(text: str) -> str:
    """`text` folded, without blanks and without what changes no meaning: two answers with one plain text are one."""
    text = alone(fold(text).strip().removesuffix("."))
    text = _NOISE.sub("", text).replace(r"\dfrac", r"\frac").replace(r"\tfrac", r"\frac")
    return text.strip().removesuffix(".").strip()


def _quickly(text: str) -> Fraction | None:
    """The value of a plain whole number, decimal or fraction, which most answers are: a shorter way to what the reader
    would find."""
    match = _PLAIN.fullmatch(text)
    if match is None:
        return None
    if match[2]:
        return Fraction(match[1] + match[2])
    below = int(match[4] or match[6] or 1)
    return Fraction(int(match[1] + (match[3] or match[5])), below) if below else None


_PLAIN = re.compile(
    r"(-?)(?:([0-9]{1,40}(?:\.[0-9]{1,40})?|\.[0-9]{1,40})|\\frac\{([0-9]{1,40})\}\{([0-9]{1,40})\}|([0-9]{1,40})/([0-9]{1,40}))",
    re.ASCII,
)
_NOISE = re.compile(
    r"\\(?:left|right|displaystyle)(?![A-Za-z])"
    r"|(?<![A-Za-z0-9])(?:\\[,;:!]|\s)+|(?:\\[,;:!]|\s)+(?![A-Za-z0-9])"  # a blank between digits means something
)


def _choices(gold: str, got: str, leaf: Leaf) -> Finding | None:
    """Multiple choice: letters are compared where the gold is a letter; beside another gold a letter is passed over."""
    want, have = choice(gold), choice(got)
    if want is not None and not want[1]:
        small = re.fullmatch(r"(?:\\text\{)?\(([a-z])\)\}?", got.strip().strip("$"))
        letter = have[0] if have is not None else small[1].upper() if small else ""
        if letter:
            return Finding(letter == want[0], "choice", f"option {want[0]}", f"option {letter}")
    elif want is None and have is not None and have[1]:
        return same(gold, have[1], leaf)
    return None


def _readings(gold: str, got: str, leaf: Leaf) -> Finding:
    """The first reading of both texts by which they are one; else what the usual reading gives."""
    first: Finding | None = None
    undecided = False
    for wanted in _shapes(gold):
        for had in _shapes(got):
            try:
                finding = _compared(wanted, had, gold, got, leaf)
            except NeedsAlgebra:
                undecided = True
                continue
            if finding.same:
                return finding
            first = first or finding
    if undecided:
        raise NeedsAlgebra
    assert first is not None
    return first


def _shapes(text: str) -> Iterator[Answer | Unreadable]:
    """The usual reading of a text, and the others that it allows."""
    yield _shape(text, Habits())
    if re.search(r"[0-9],[0-9]{3}", text) and re.search(r"[\[({]|,.*,", text):
        yield _shape(text, Habits(thousands=False))
    if re.search(r"[0-9][eE][-+]?[0-9]", text):
        yield _shape(text, Habits(power=True))
    if re.search(r"[0-9]\s*[xX]\s*10\s*(?:\^|\*\*)", text):
        yield _shape(re.sub(r"(?<=[0-9])\s*[xX]\s*(?=10)", r"\\times ", text), Habits())
    if re.search(r"[0-9}](?:\s|~|\\[, ;:])+\\?[A-Za-z](?:[/^]|\s*\.?\$?$)", text):
        yield _shape(text, Habits(letters=True))


@lru_cache(maxsize=8192)
def _shape(text: str, habits: Habits) -> Answer | Unreadable:
    try:
        return read(alone(text), habits)
    except Unreadable as failure:
        return failure


def _compared(want: Answer | Unreadable, have: Answer | Unreadable, gold: str, got: str, leaf: Leaf) -> Finding:
    if isinstance(have, Unreadable):
        return Finding(False, "unreadable", shown(want), str(have))
    if isinstance(want, Unreadable):
        return Finding(False, "another text", "", shown(have))
    layers: list[str] = []
    verdict = Comparison(leaf, layers).of(want, have)
    layer = max(layers, key=LAYERS.index, default="shape")
    return Finding(verdict, layer, shown(want), shown(have))


def shown(answer: Answer | Unreadable) -> str:
    """An answer in its canonical form: rationals and normal forms where there is one."""
    if isinstance(answer, Value):
        try:
            found = exact.value(answer.tree)
            small = found is None and sum(1 for _ in islice(nodes(answer.tree), SHOWN_NODES)) < SHOWN_NODES
            text = str(found) if found is not None else str((small and normal.form(answer.tree)) or answer)
        except (TooLarge, Undefined, ValueError):
            return "a value beyond the bounds"
        return " ".join([text, *answer.unit])
    if isinstance(answer, Unreadable):
        return ""
    try:
        return str(answer)
    except (ValueError, RecursionError):  # digits beyond what Python writes
        return "an answer beyond the bounds"
