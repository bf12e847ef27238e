r"""When two mathematical answers are the same: the policy, in layers from cheap to dear, on cleaned LaTeX.

    same(r"\frac{1}{2}", "0.5", leaf=never)       # Finding(True, ...)

1. one text                          5. sets and lists without order, tuples, intervals, matrices, ratios: part by part
2. words equal only words            6. a chain of equations: every side must be the answer
3. units: two different ones differ   7. `x = 5` answers `5`, and the other way round
4. exact rational arithmetic         8. what is left goes to `leaf(gold, got)`, a computer algebra system

Equal is exact: a rounded value is not the value. The type must agree: a list, range or relation that holds the answer
is not it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from verigym.verifiers import math_shape as shape
from verigym.verifiers.arithmetic import TooLarge, value

MAX_TEXT = 2048
MAX_PARTS = 256
MAX_DEPTH = 6

Leaf = Callable[[str, str], bool]


class NeedsAlgebra(Exception):
    """Raised by the leaf of the first pass: the cheap layers cannot decide."""


@dataclass(frozen=True)
class Finding:
    """Whether the answers are the same, and why, in a few words."""

    same: bool
    why: str


def never(gold: str, got: str) -> bool:
    """A leaf that decides nothing."""
    raise NeedsAlgebra


def same(gold: str, got: str, leaf: Leaf, depth: int = 0) -> Finding:
    """Whether `got` is the answer `gold`. Raises TooLarge, or what `leaf` raises."""
    if gold.strip() == got.strip() and got.strip():
        return Finding(True, "the same text")
    if len(got) > MAX_TEXT:
        raise TooLarge(f"an answer of {len(got)} characters; at most {MAX_TEXT} are read")
    if depth > MAX_DEPTH:
        raise TooLarge(f"an answer of more than {MAX_DEPTH} layers of parts")
    gold, got = shape.clean(gold), shape.clean(got)
    if shape.bare(gold) == shape.bare(got) and got:
        return Finding(True, "the same text")
    if not got:
        return Finding(False, "empty")
    for rule in (
        _by_words,
        _by_base,
        _by_units,
        _by_arithmetic,
        _by_matrix,
        _by_spans,
        _by_parts,
        _by_sides,
        _by_ratio,
    ):
        finding = rule(gold, got, leaf, depth)
        if finding is not None:
            return finding
    return Finding(leaf(gold, got), "by algebra")


def _by_words(gold: str, got: str, leaf: Leaf, depth: int) -> Finding | None:
    want, have = shape.words(gold), shape.words(got)
    if want is not None and have is not None:
        return Finding(want == have, "words")
    if (want is None) == (have is None):
        return None
    if have is not None and (len(have) > 1 or r"\text" in got):
        return Finding(False, "words where a formula is expected")
    if want is not None and len(want) > 1:
        return Finding(False, "a formula where words are expected")
    return None


def _by_base(gold: str, got: str, leaf: Leaf, depth: int) -> Finding | None:
    written = [re.fullmatch(r"([0-9A-Fa-f]+)_\{?(?:\\text\{)?([0-9]+)\}?\}?", shape.bare(text)) for text in (gold, got)]
    if not any(written):
        return None
    if not all(written):
        return (
            Finding(False, "a numeral with its base on one side only")
            if value_or_none(gold) or value_or_none(got)
            else None
        )
    pairs = [(one[1].lstrip("0").casefold(), int(one[2][:9])) for one in written if one]
    return Finding(pairs[0] == pairs[1], "numerals with their bases")


def _by_units(gold: str, got: str, leaf: Leaf, depth: int) -> Finding | None:
    (want, want_unit), (have, have_unit) = shape.split_unit(gold), shape.split_unit(got)
    leftover = shape.LEFTOVER & set(re.sub(r"[^a-z' ]", " ", got.casefold()).split())
    if leftover - {"or", "and"} and r"\text" in got:
        return Finding(False, "words beside the answer")
    if not want_unit and not have_unit:
        return None
    if want_unit and have_unit and want_unit != have_unit:
        return Finding(False, f"another unit: {have_unit}")
    return same(want, have, leaf, depth + 1)


def _by_arithmetic(gold: str, got: str, leaf: Leaf, depth: int) -> Finding | None:
    have = value(got)
    try:
        want = value(gold)
    except TooLarge:  # a gold answer may be as large as it likes
        return None if have is None else Finding(False, "another number")
    if want is None or have is None:
        return None
    if want == have:
        return Finding(True, "the same number")
    unit = got.endswith("%") and "%" not in gold and abs(want) > 1 and have * 100 == want
    return Finding(unit, "a percent sign as unit" if unit else "another number")


def _by_matrix(gold: str, got: str, leaf: Leaf, depth: int) -> Finding | None:
    want, have = shape.matrix(gold), shape.matrix(got)
    if want is None or have is None:
        return None
    if [len(row) for row in want] != [len(row) for row in have]:
        return Finding(False, "a matrix of another shape")
    return _in_order([c for row in want for c in row], [c for row in have for c in row], leaf, depth)


def _by_spans(gold: str, got: str, leaf: Leaf, depth: int) -> Finding | None:
    want_relation = shape.has_relation(gold) or r"\cup" in gold
    have_relation = shape.has_relation(got) or r"\cup" in got
    if not want_relation and not have_relation:
        return None
    want, have = shape.spans(gold), shape.spans(got)
    if want and have:
        if want[0] and have[0] and want[0] != have[0]:
            return Finding(False, "another variable")
        return Finding(_spans_agree(want[1], have[1], leaf, depth), "intervals")
    if have_relation and not want_relation and not want:
        return Finding(False, "a relation where a value is expected")
    return None


def _spans_agree(want: list[shape.Span], have: list[shape.Span], leaf: Leaf, depth: int) -> bool:
    left = list(have)
    for span in want:
        for other in left:
            if (span.low_closed, span.high_closed) != (other.low_closed, other.high_closed):
                continue
            if _ends_agree(span.low, other.low, leaf, depth) and _ends_agree(span.high, other.high, leaf, depth):
                left.remove(other)
                break
        else:
            return False
    return not left


def _ends_agree(want: str, have: str, leaf: Leaf, depth: int) -> bool:
    if r"\infty" in want or r"\infty" in have:
        return shape.bare(want) == shape.bare(have)
    return same(want, have, leaf, depth + 1).same


def _by_parts(gold: str, got: str, leaf: Leaf, depth: int) -> Finding | None:
    (want_kind, want), (have_kind, have) = shape.elements(gold), shape.elements(got)
    if not want_kind and not have_kind:
        return None
    if len(have) > MAX_PARTS:
        raise TooLarge(f"a list of {len(have)} parts; at most {MAX_PARTS} are read")
    if want_kind != have_kind:
        opaque = (not have_kind and "\\" in got) or (not want_kind and "\\" in gold)
        return None if opaque and "{" not in (want_kind, have_kind) else Finding(False, "another kind of answer")
    if len(want) != len(have):
        return Finding(False, f"{len(have)} parts, not {len(want)}")
    if want_kind == "{":
        return _in_any_order([_assigned(part) for part in want], [_assigned(part) for part in have], leaf, depth)
    return _in_order(want, have, leaf, depth)


def _assigned(part: str) -> str:
    pieces = shape.sides(part)
    return pieces[1] if len(pieces) == 2 and shape.is_name(pieces[0]) else part


def _in_order(want: list[str], have: list[str], leaf: Leaf, depth: int) -> Finding:
    for number, (one, other) in enumerate(zip(want, have, strict=False), 1):
        if not same(one, other, leaf, depth + 1).same:
            return Finding(False, f"part {number} differs")
    return Finding(True, f"all {len(want)} parts agree")


def _in_any_order(want: list[str], have: list[str], leaf: Leaf, depth: int) -> Finding:
    left = list(have)
    for one in want:
        match = next((other for other in left if same(one, other, leaf, depth + 1).same), None)
        if match is None:
            return Finding(False, "an element is missing")
        left.remove(match)
    return Finding(True, f"all {len(want)} elements agree")


def _by_sides(gold: str, got: str, leaf: Leaf, depth: int) -> Finding | None:
    want, have = shape.sides(gold), shape.sides(got)
    if len(want) == 1 and len(have) == 1:
        return None
    if len(have) > 10 or not all(have) or not all(want):
        return Finding(False, "an equation without a side")
    if len(want) == 1:
        values = have[1:] if shape.is_name(have[0]) else have
        for side in values:
            if not same(gold, side, leaf, depth + 1).same:
                return Finding(False, "a side of the equation is not the answer")
        return Finding(True, "every side is the answer")
    if len(want) == 2 and shape.is_name(want[0]):
        if len(have) == 1:
            return same(want[1], got, leaf, depth + 1)
        if shape.is_name(have[0]):
            if shape.bare(have[0]) != shape.bare(want[0]):
                return None
            return same(want[1], "=".join(have[1:]), leaf, depth + 1)
    return Finding(False, "an equation is expected") if len(have) == 1 else None


def _by_ratio(gold: str, got: str, leaf: Leaf, depth: int) -> Finding | None:
    want, have = shape.split_top(gold, ":"), shape.split_top(got, ":")
    if len(want) == 1 and len(have) == 1:
        return None
    if len(want) != len(have):
        return Finding(False, "a ratio on one side only") if len(want) > 1 and len(have) > 1 else None
    return _in_order(want, have, leaf, depth)


def value_or_none(text: str) -> Fraction | None:
    """The exact value of plain arithmetic, None for anything else or anything too large."""
    try:
        return value(text)
    except TooLarge:
        return None
