r"""Taking a LaTeX answer apart without computing anything: cleaning, units, lists, brackets, sides of equations,
intervals.

elements(r"\{1, 2\}")       # ("{", ["1", "2"])
"""

import re
from dataclasses import dataclass

from verigym.verifiers.extract import alone, closing_braces
from verigym.verifiers.text import fold

_MACROS = (
    (re.compile(r"\\[dtc]frac(?![A-Za-z])"), r"\\frac"),
    (re.compile(r"\\(?:left|right|displaystyle|textstyle|limits|big|Big|bigl|bigr|Bigl|Bigr)(?![A-Za-z])"), ""),
    (re.compile(r"\\(?:leqslant|leq)(?![A-Za-z])"), r"\\le "),
    (re.compile(r"\\(?:geqslant|geq)(?![A-Za-z])"), r"\\ge "),
    (re.compile(r"\\neq(?![A-Za-z])"), r"\\ne "),
    (re.compile(r"\\(?:varnothing|O)(?![A-Za-z])"), r"\\emptyset "),
    (re.compile(r"\\lt(?![A-Za-z])"), "<"),
    (re.compile(r"\\gt(?![A-Za-z])"), ">"),
    (re.compile(r"\\(?:lbrace)(?![A-Za-z])"), r"\\{"),
    (re.compile(r"\\(?:rbrace)(?![A-Za-z])"), r"\\}"),
    (re.compile(r"\\(?:quad|qquad)(?![A-Za-z])|(?<!\\)\\[,;:! ]|~"), " "),
    (
        re.compile(r"√ ?\(([^()]*)\)|√ ?([0-9.]+|[A-Za-z])|√ ?(?=\{)"),
        lambda m: rf"\sqrt{{{m[1] or m[2]}}}" if m[1] or m[2] else r"\sqrt",
    ),
    (re.compile(r"(^|[(,\[]) ?\+ ?(?=\\infty)"), r"\1"),
    (re.compile(r"\\(?:textbf|textit|textrm|mbox|mathrm|mathbf|mathit|operatorname|text)\s*\{"), r"\\text{"),
    (re.compile(r"\^\s*\{?\s*\\circ\s*\}?|\\degree(?![A-Za-z])"), r"\\text{ degrees}"),
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"\\\$|(?<!\\)\$"), ""),
)
_TEXT = re.compile(r"\\text\{([^{}]*)\}")
_SPACES_IN_TEXT = re.compile(r"\\text\{\s*([^{}]*?)\s*\}")
_BETWEEN = re.compile(
    r"\\text\{\s*(?:or|and|,\s*and|,)\s*\}|(?<![A-Za-z\\])(?:or|and)(?![A-Za-z])|\\(?:lor|vee)(?![A-Za-z])"
)
_ENVIRONMENT = re.compile(r"\\begin\{([pbBvV]?matrix)\}(.*)\\end\{\1\}", re.DOTALL)
_UNIT = re.compile(r"\\text\{([^{}]*)\}(?:\^\{?[23]\}?)?\.?$|(?<=[0-9}]) ?([A-Za-z]{3,}(?: [A-Za-z]+){0,3})\.?$")
_DIGITS = re.compile(r"(?<=[0-9])\\text\{\s*(?:st|nd|rd|th)\s*\}")
_PLURAL = re.compile(r"(?<=ch)es$|(?<=sh)es$|(?<=x)es$|(?<=[a-z]{3})s$")
LEFTOVER = frozenset(["not", "or", "and", "no", "is", "isn't", "wrong", "maybe", "either", "except", "neither", "none"])
FUNCTIONS = frozenset(["pi", "sqrt", "sin", "cos", "tan", "cot", "sec", "csc", "log", "ln", "exp", "infinity", "inf"])
MAX_WRAPS = 20
_OPEN, _SHUT = "([{", ")]}"
_RELATION = re.compile(r"\\(?:le|ge|ne)(?![A-Za-z])|[<>]")


def clean(text: str) -> str:
    """`text` in one spelling: look-alikes folded, sizes and spacing dropped, dollars and outer boxes and braces taken
    off."""
    text = alone(fold(text))
    for pattern, plain in _MACROS:
        text = pattern.sub(plain, text)
    text = _DIGITS.sub("", " ".join(text.split())).removesuffix(".").strip()
    for _ in range(MAX_WRAPS):
        inner = _unwrapped(text)
        if inner == text:
            break
        text = inner
    return text.removesuffix(".").strip()


def _unwrapped(text: str) -> str:
    for opening in (r"\boxed{", r"\fbox{", "{"):
        if text.startswith(opening) and closing_braces(text).get(len(opening) - 1) == len(text) - 1:
            if opening == "{" and r"\over" in text:
                return text
            return text[len(opening) : -1].strip()
    match = _TEXT.fullmatch(text)
    if match and re.fullmatch(r"[-+0-9.,/% ]+", match[1]):  # \mathrm{91}
        return match[1].strip()
    return text


def bare(text: str) -> str:
    """`text` without blanks: two answers with one bare form are the same text."""
    return _SPACES_IN_TEXT.sub(r"\\text{\1}", text).replace(" ", "")


def words(text: str) -> str | None:
    r"""`text` as words in lower case when it is words and no formula: `\text{Yes}`, `infinitely many`, or one choice
    letter `(A)`."""
    flat = _TEXT.sub(r" \1 ", text)
    plain = " ".join((flat.replace("-", " ") if flat != text else flat).split()).strip(" .")
    if re.fullmatch(r"\(?[A-Z]\)?", plain):
        return plain.strip("()").casefold()
    if not re.fullmatch(r"[^\W\d_]+(?:[ '’][^\W\d_]+)*", plain) or plain.casefold() in FUNCTIONS:
        return None
    if flat != text or len(plain) > 2:
        return plain.casefold() if flat != text or not FUNCTIONS & set(plain.casefold().split()) else None
    return None


def split_unit(text: str) -> tuple[str, str]:
    """(`text` without its unit, the unit in lower case and the singular, or nothing)."""
    match = _UNIT.search(text)
    if match is None or match.start() == 0:
        return text, ""
    unit = " ".join((match[1] or match[2] or "").casefold().replace(".", "").split())
    if LEFTOVER & set(unit.split()) or FUNCTIONS & set(unit.split()):
        return text, ""
    power = "".join(character for character in match.group() if character in "23") if match[1] else ""
    singular = " ".join(_PLURAL.sub("", word) for word in unit.split())
    return text[: match.start()].strip(), singular + power


def split_top(text: str, separators: str) -> list[str]:
    """`text` split at the single characters `separators` that stand outside all brackets."""
    pieces, depth, start, position = [], 0, 0, 0
    while position < len(text):
        character = text[position]
        if character == "\\":
            if text[position + 1 : position + 2] in ("{", "}"):
                depth += 1 if text[position + 1] == "{" else -1
            position += 2
            continue
        if character in _OPEN:
            depth += 1
        elif character in _SHUT:
            depth -= 1
        elif character in separators and depth <= 0:
            pieces.append(text[start:position])
            start = position + 1
        position += 1
    return [piece.strip() for piece in [*pieces, text[start:]]]


def sides(text: str) -> list[str]:
    """The sides of a chain of equations; one side when there is none."""
    return split_top(text.replace(r"\ne ", "≠"), "=") if "=" in text else [text]


def is_name(text: str) -> bool:
    r"""Whether `text` is what one assigns to: a letter, maybe with an index, `f(x)`, or words."""
    return bool(
        re.fullmatch(r"(?:\\[A-Za-z]+|[A-Za-z])(?:_\{?\w+\}?)?'?(?: ?\( ?[a-zA-Z](?:, ?[a-zA-Z])* ?\))?", text)
        or re.fullmatch(r"\\text\{[^{}]*\}", text)
    )


def elements(text: str) -> tuple[str, list[str]]:
    r"""(kind, parts) of an answer made of parts.

    kind `{`: a set or list without order, from `\{1, 2\}`, `1, 2`, `1 \text{ or } 2`, `\pm 2`
    kind `()`, `(]`, `[)`, `[]`: a tuple or interval in these brackets, with its parts in order
    kind ``: one value, in one part
    """
    spaced = _BETWEEN.sub(",", text)
    if re.fullmatch(r"\\emptyset|\\\{ ?\\\}", text):
        return "{", []
    if spaced.startswith(r"\{") and spaced.endswith(r"\}") and spaced.count(r"\{") == 1:
        return "{", _spread([part for part in split_top(spaced[2:-2], ",;") if part])
    parts = [part for part in split_top(spaced, ",;") if part]
    if len(parts) > 1:
        return "{", _spread(parts)
    if r"\pm" in text and not any(bracket in text for bracket in ("[", "(")):
        return "{", _spread([text])
    if len(text) > 2 and text[0] in "([" and text[-1] in ")]":
        inside = split_top(text[1:-1], ",;")
        if len(inside) > 1 and _wraps(text):
            return text[0] + text[-1], inside
    return "", [text]


def _wraps(text: str) -> bool:
    depth = 0
    for position, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if depth == 0:
            return position == len(text) - 1
    return False


def _spread(parts: list[str]) -> list[str]:
    """Each part with a plus-minus sign as two."""
    spread: list[str] = []
    for part in parts:
        spread += [part.replace(r"\pm", sign).strip() for sign in "+-"] if r"\pm" in part else [part]
    return spread


def matrix(text: str) -> list[list[str]] | None:
    """The cells of a matrix, or None."""
    match = _ENVIRONMENT.fullmatch(text)
    if match is None or match[1] in ("vmatrix", "Vmatrix") or r"\begin" in match[2]:
        return None
    rows = [row for row in re.split(r"\\\\(?:\[[^\]]*\])?", match[2]) if row.strip()]
    return [[cell.strip() for cell in row.split("&")] for row in rows]


@dataclass(frozen=True)
class Span:
    """An interval: its ends as texts (`-\\infty` and `\\infty` for none), and whether each belongs to it."""

    low: str
    low_closed: bool
    high: str
    high_closed: bool


def has_relation(text: str) -> bool:
    """Whether an order or inequality sign stands in `text`."""
    return _RELATION.search(text) is not None


def spans(text: str) -> tuple[str, list[Span]] | None:
    r"""(variable or nothing, intervals) of a union of intervals or of order relations in one variable, or None for
    anything else."""
    text = re.sub(r"^([A-Za-z]) ?\\in(?![A-Za-z])", "", text).strip()
    if r"\cup" in text:
        pieces = [_interval(piece.strip()) for piece in re.split(r"\\cup(?![A-Za-z])", text)]
        return ("", [piece for piece in pieces if piece]) if all(pieces) else None
    if has_relation(text):
        found = [_relation(piece.strip()) for piece in _BETWEEN.sub(",", text).split(",")]
        if not all(found) or len({piece[0] for piece in found if piece}) != 1:
            return None
        if len(found) > 1 and " and " in text.replace("{", " ").replace("}", " "):
            return None  # an intersection: left to algebra
        return found[0][0] if found[0] else "", [piece[1] for piece in found if piece]
    one = _interval(text)
    return ("", [one]) if one else None


def _interval(text: str) -> Span | None:
    kind, parts = elements(text)
    if kind not in ("()", "(]", "[)", "[]") or len(parts) != 2:
        return None
    return Span(_end(parts[0]), kind[0] == "[", _end(parts[1]), kind[1] == "]")


def _end(text: str) -> str:
    return bare(text).removeprefix("+") if r"\infty" in text else text


def _relation(text: str) -> tuple[str, Span] | None:
    signs = [match.group() for match in _RELATION.finditer(text)]
    parts = [part.strip() for part in _RELATION.split(text)]
    closed = [sign in (r"\le", r"\ge") for sign in signs]
    upward = {sign in ("<", r"\le") for sign in signs}
    if r"\ne" in signs or len(upward) != 1 or not all(parts):
        return None
    if upward == {False}:
        parts, closed = parts[::-1], closed[::-1]
    if len(parts) == 3 and is_name(parts[1]):
        return parts[1], Span(parts[0], closed[0], parts[2], closed[1])
    if len(parts) == 2 and is_name(parts[0]) and not is_name(parts[1]):
        return parts[0], Span(r"-\infty", False, parts[1], closed[0])
    if len(parts) == 2 and is_name(parts[1]) and not is_name(parts[0]):
        return parts[1], Span(parts[0], closed[0], r"\infty", False)
    return None
