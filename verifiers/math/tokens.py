r"""Cutting a written answer into tokens of a closed vocabulary; nothing else gets any further.

    tokenize(r"\dfrac{1}{2}\text{ cm}")       # cmd frac, op {, num 1, op }, op {, num 2, op }, word cm

LaTeX of every habit, plain text and folded Unicode come out alike: sizes, spacing, colours and fonts are dropped,
`\dfrac` is `frac`, `\leqslant` is `<=`. A command or character outside the vocabulary raises `Unreadable`, so no text
of a reply reaches any interpreter. Linear in the text, which is at most 2,048 characters.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from verigym.verifiers.math.bounds import MAX_TEXT, TooLarge, Unreadable
from verigym.verifiers.math.vocabulary import (
    COLOURS,
    COMMANDS,
    CONSTANTS,
    ENVIRONMENTS,
    ESCAPED,
    FONTS,
    FUNCTIONS,
    GREEK,
    NUMBER_SETS,
    OPERATORS,
    PLAIN,
    SPACING,
    SYMBOLS,
    TEXTS,
    WRAPPERS,
)
from verigym.verifiers.text import fold


class Token(NamedTuple):
    """kind: num, name (one letter, or several as one name), run (letters side by side: a product, a unit or a word),
    word (from `\\text`), fn, const, cmd, op; gap: a blank stood before it."""

    kind: str
    text: str
    gap: bool = False


class Habits(NamedTuple):
    """How to read what may be read in two ways. thousands: `1,234` is one number; power: `3e-2` is 0.03; letters:
    `5 m` is five metres."""

    thousands: bool = True
    power: bool = False
    letters: bool = False


_THOUSANDS = re.compile(
    r"[1-9][0-9]{0,2}(?:(?:,|\{,\}|,\\!|,\{\}|\\,) ?[0-9]{3})+(?![0-9])(?:\.[0-9]+)?"
    r"|[1-9][0-9]{0,2}(?: [0-9]{3})+(?![0-9/]| ?/)"
)
_GROUPS = re.compile(r"[^0-9.]")
_REPEATING = re.compile(
    r"([0-9]*)\.([0-9]*)(?:\\(?:overline|bar|dot)\s*(?:\{\s*([0-9]{1,200})\s*\}|([0-9]))|\(([0-9]{1,200})\))"
)
_DOTS = re.compile(r"([0-9]*)\.([0-9]{2,60})(?:\.\.\.|\\l?dots|…)")
_COMMA_DECIMAL = re.compile(r"([0-9]+)\{,\}([0-9]+)")
_POWER = re.compile(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)[eE]([+-]?[0-9]{1,5})(?![0-9A-Za-z.])")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+")
_SPACE = re.compile(r"(?:\s|~|\\[,;:!>/ ]|\\\n|\{\})+")
_COMMAND = re.compile(r"\\([A-Za-z]+)\*?")
_LETTERS = re.compile(r"[A-Za-z]+")
_WORD = re.compile(r"[^\W\d_]+(?:[-'’.][^\W\d_]+)*", re.UNICODE)
_UPRIGHT = re.compile(r"\s*\{\s*([ie])\s*\}")
r"""`\mathrm{i}` and `\mathrm{e}` are the constants"""
_GROUP = re.compile(r"\s*\{([^{}]*)\}")
_SIGNS = re.compile(r"\*\*|<=|>=|!=|==|=>|->|\+-|\+/-|\.\.\.")


def tokenize(text: str, habits: Habits = Habits()) -> list[Token]:  # noqa: B008 - immutable
    """The tokens of `text`. Raises Unreadable, and TooLarge beyond 2,048 characters."""
    if len(text) > MAX_TEXT:
        raise TooLarge(f"an answer of {len(text)} characters; at most {MAX_TEXT} are read")
    return list(_Cutter(fold(text), habits).tokens())


class _Cutter:
    """A place in a text."""

    def __init__(self, text: str, habits: Habits) -> None:
        self.text, self.habits, self.at = text, habits, 0

    def tokens(self) -> Iterator[Token]:
        while self.at < len(self.text):
            space = _SPACE.match(self.text, self.at)
            gap = space is not None
            if space:
                self.at = space.end()
                if self.at == len(self.text):
                    return
            yield from self.one(gap)

    def one(self, gap: bool) -> Iterator[Token]:
        text, at = self.text, self.at
        character = text[at]
        if character.isascii() and (character.isdigit() or character == "."):
            yield self.number(gap)
        elif character == "\\":
            yield from self.command(gap)
        elif character.isascii() and character.isalpha():
            match = _LETTERS.match(text, at)
            assert match is not None
            self.at = match.end()
            yield from letters(match.group(), gap)
        elif signs := _SIGNS.match(text, at):
            self.at = signs.end()
            sign = {"**": "^", "==": "=", "+/-": "+-"}.get(signs.group(), signs.group())
            yield Token("op", sign, gap)
        elif character in PLAIN:
            self.at += 1
            yield Token("op", character, gap)
        elif character == "$":
            self.at += 1
            yield Token("op", "$", gap)
        elif word := _WORD.match(text, at):
            self.at = word.end()
            yield Token("word", word.group(), gap)
        elif character in "€£¥₹¢":
            self.at += 1
            yield Token("word", character, gap)
        elif character in '?"`@':
            raise Unreadable(f"{character!r} has no place in an answer")
        else:
            raise Unreadable(f"{character!r} is not in the vocabulary")

    def number(self, gap: bool) -> Token:
        text, at = self.text, self.at
        for pattern, written in ((_REPEATING, repeating), (_DOTS, dotted)):
            match = pattern.match(text, at)
            number = written(match) if match else None
            if match and number:
                self.at = match.end()
                return Token("num", number, gap)
        if self.habits.thousands and (match := _THOUSANDS.match(text, at)):
            self.at = match.end()
            return Token("num", _GROUPS.sub("", match.group()), gap)
        if self.habits.power and (match := _POWER.match(text, at)):
            self.at = match.end()
            return Token("num", f"{match[1]}e{match[2]}", gap)
        if match := _COMMA_DECIMAL.match(text, at):
            self.at = match.end()
            return Token("num", f"{match[1]}.{match[2]}", gap)
        if match := _NUMBER.match(text, at):
            self.at = match.end()
            return Token("num", match.group(), gap)
        if text.startswith("...", at):
            self.at += 3
            return Token("op", "...", gap)
        if not text[at + 1 :].strip(" ~.\n}"):  # a full stop at the end
            self.at += 1
            return Token("op", ".", gap)
        raise Unreadable("'.' where a number should go on")

    def command(self, gap: bool) -> Iterator[Token]:
        text = self.text
        match = _COMMAND.match(text, self.at)
        if match is None:
            character = text[self.at + 1 : self.at + 2]
            if not character.strip():  # a blank that was cut off behind it
                self.at += 1
                return
            if character not in ESCAPED or not character:
                raise Unreadable(f"{text[self.at : self.at + 2]!r} is not in the vocabulary")
            self.at += 2
            yield Token("word" if character == "$" else "op", ESCAPED[character], gap)
            return
        name = match[1]
        self.at = match.end()
        if name in SPACING or name in WRAPPERS:
            return
        if name in TEXTS:
            if upright := _UPRIGHT.match(text, self.at):
                self.at = upright.end()
                yield Token("name", upright[1], gap)
                return
            yield from self.words(gap)
        elif name in FONTS:
            yield self.fancy(name, gap)
        elif name in COLOURS:
            group = _GROUP.match(text, self.at)
            self.at = group.end() if group else self.at
        elif name in ("begin", "end"):
            yield from self.environment(name, gap)
        elif name in ("mathbb", "Bbb"):
            group = _GROUP.match(text, self.at) or re.compile(r"\s*([A-Z])").match(text, self.at)
            inside = group[1].strip() if group else ""
            if inside not in NUMBER_SETS or group is None:
                raise Unreadable(f"\\mathbb{{{inside}}} is not in the vocabulary")
            self.at = group.end()
            yield Token("const", inside, gap)
        elif name in GREEK or name in SYMBOLS:
            yield Token("name", f"\\{name.removeprefix('var')}", gap)
        else:
            for table, kind in (
                (CONSTANTS, "const"),
                (FUNCTIONS, "fn"),
                (COMMANDS, "cmd"),
                (OPERATORS, "op"),
            ):
                if name in table:
                    yield Token(kind, table[name], gap)
                    return
            raise Unreadable(f"\\{name[:40]} is not in the vocabulary")

    def words(self, gap: bool) -> Iterator[Token]:
        r"""What stands in `\text{...}`: words, and numbers and signs between them."""
        group = _GROUP.match(self.text, self.at)
        if group is None:
            rest = self.text[self.at :].lstrip()
            if not rest.startswith("{"):
                return  # `\rm cm`: the rest is read as it stands
            inner = self.text[: self.at] and rest
            if not inner.startswith("{"):
                raise Unreadable("a \\text without its braces")
            return  # `\text{ $x$ {..} }`: read as it stands, the braces as a group
        self.at = group.end()
        first = gap
        for token in _text_tokens(group[1], self.habits):
            yield token._replace(gap=token.gap or first)
            first = False

    def fancy(self, name: str, gap: bool) -> Token:
        r"""`\mathbf{i}` is another name than `i`; `\mathbf{12}` is a number."""
        group = _GROUP.match(self.text, self.at)
        single = re.compile(r"\s*(\\[A-Za-z]+|[A-Za-z0-9])").match(self.text, self.at) if group is None else None
        found = group or single
        if found is None:
            return Token("op", "", gap)
        self.at = found.end()
        inside = found[1].strip()
        if _NUMBER.fullmatch(inside):
            return Token("num", inside, gap)
        if name in ("mathbf", "bold", "boldsymbol", "bm", "pmb") and (len(inside) > 3 or inside in FUNCTIONS):
            return Token("word", inside, gap)
        if not re.fullmatch(r"\\?[A-Za-z]+(?:_[A-Za-z0-9])?", inside):
            raise Unreadable(f"\\{name}{{{inside[:20]}}} is not in the vocabulary")
        return Token("name", f"{{{inside}}}", gap)

    def environment(self, name: str, gap: bool) -> Iterator[Token]:
        group = _GROUP.match(self.text, self.at)
        kind = group[1].strip() if group else ""
        if group is None or kind not in ENVIRONMENTS:
            raise Unreadable(f"\\{name}{{{kind[:20]}}} is not in the vocabulary")
        self.at = group.end()
        if name == "begin" and kind == "array" and (columns := _GROUP.match(self.text, self.at)):
            self.at = columns.end()
        if ENVIRONMENTS[kind]:
            yield Token("cmd", f"{name}:{ENVIRONMENTS[kind]}", gap)


def _text_tokens(text: str, habits: Habits) -> Iterator[Token]:
    cutter = _Cutter(text, habits)
    while cutter.at < len(text):
        space = _SPACE.match(text, cutter.at)
        if space:
            cutter.at = space.end()
            if cutter.at == len(text):
                return
        word = _WORD.match(text, cutter.at)
        if word:
            cutter.at = word.end()
            lower = word.group().casefold()
            if lower in ("or", "and"):
                yield Token("op", lower, space is not None)
            elif lower in FUNCTIONS and lower not in ("re", "im", "sign", "floor", "min", "max"):
                yield Token("fn", FUNCTIONS[lower], space is not None)
            else:
                yield Token("word", word.group(), space is not None)
        elif text[cutter.at] == ".":
            if cutter.at + 1 < len(text) and text[cutter.at + 1].isdigit():
                yield from cutter.one(space is not None)
            else:
                cutter.at += 1  # a full stop, or one of an abbreviation
        elif text[cutter.at] in '?"`':
            cutter.at += 1
        else:
            yield from cutter.one(space is not None)


def letters(run: str, gap: bool) -> Iterator[Token]:
    """Letters side by side, outside `\\text`: a function, a constant, a joint, one name, or a run."""
    lower = run.casefold()
    if run in FUNCTIONS and len(run) > 1 and run not in ("Re", "Im", "re", "im"):
        yield Token("fn", FUNCTIONS[run], gap)
    elif run in CONSTANTS and run != "circ":
        yield Token("const", CONSTANTS[run], gap)
    elif lower in ("or", "and"):
        yield Token("op", lower, gap)
    elif run in ("sqrt", "binom", "mod"):
        yield Token("cmd", run, gap)
    elif run in GREEK and run not in ("in",):
        yield Token("name", f"\\{run.removeprefix('var')}", gap)
    elif len(run) == 1:
        yield Token("name", run, gap)
    else:
        for name in ("sin", "cos", "tan", "cot", "sec", "csc", "ln", "log"):
            if run.startswith(name) and len(run) == len(name) + 1 and lower not in ("sing", "sins", "logs", "tank"):
                yield Token("fn", name, gap)
                yield Token("name", run[-1])
                return
        yield Token("run", run, gap)


def repeating(match: re.Match[str]) -> str | None:
    """`0.8\\overline{3}` as `0.8(3)`; `0.5(3)` may be a product and is left alone unless nothing stands before the
    bracket."""
    whole, fixed = match[1] or "0", match[2]
    cycle = match[3] or match[4] or match[5]
    if match[5] and fixed:
        return None
    return f"{whole}.{fixed}({cycle})"


def dotted(match: re.Match[str]) -> str | None:
    """`0.1666...` as `0.1(6)`: the shortest cycle that the digits end with, seen three times (twice when longer)."""
    whole, digits = match[1] or "0", match[2]
    for length in range(1, len(digits) // 2 + 1):
        cycle, times = digits[-length:], 3 if length == 1 else 2
        if digits.endswith(cycle * times):
            rest = digits
            while rest.endswith(cycle):
                rest = rest[: -len(cycle)]
            return f"{whole}.{rest}({cycle})"
    return None
