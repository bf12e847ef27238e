r"""Reading short structured answers: lists of items and pairs of a name and a value, as people write them.

    items(r"\{1, 2,\text{ and }3\}")            # ["1", "2", "3"]
    pairs("Ann: knight, Bob is a knave")        # ({"ann": "knight", "bob": "knave"}, "")

The verifiers of structured answers share it. At most 4,096 characters are read, in linear time; what the items mean is
the verifiers' own business.
"""

import re

from verigym.verifiers.commit import committed
from verigym.verifiers.convert import printable
from verigym.verifiers.extract import alone
from verigym.verifiers.text import fold, squeeze
from verigym.verifiers.verdict import Verdict

MAX_TEXT = 4096
_WRAPPER = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mathit|operatorname|mbox|emph)\s{0,4}\{([^{}]*)\}")
_LATEX_SPACE = re.compile(r"\\[,;!: ]|~|\\q?quad(?![A-Za-z])|\\left(?![A-Za-z])|\\right(?![A-Za-z])")
_ARROW = re.compile(r"[→⟶➔]|\\(?:[Rr]ight|[Ll]ongright)arrow(?![A-Za-z])|\\to(?![A-Za-z])|[-=]{1,3}>")
_BRACKETS = (("{", "}"), (r"\{", r"\}"), ("[", "]"), ("(", ")"))
_PAIRS = re.compile(r"[,;\n]| and ")
_SAYS = re.compile(r"\s*(?::|=|->| is | starts at )\s*(?:(?:an?|the) )?")
_ITEMS = re.compile(r"[,;\n]|\band\b")


def short(reply: str, extract: str, strict: bool) -> tuple[str, Verdict | None]:
    """The text that the reply commits to, and None; or nothing and why there is none to read.

    Boxes (or tags) with nothing but a comma or "and" between them are one list, with commas between its items.
    """
    texts, reason = committed(reply, extract, strict)
    if not texts:
        return "", Verdict.malformed(reason)
    text = ", ".join(texts)
    if len(text) > MAX_TEXT:
        return "", Verdict.malformed(f"an answer of {len(text)} characters; at most {MAX_TEXT} are read")
    return text, None


def plain(text: str) -> str:
    """A word as it is compared: single spaces, no case, no stars or quotes around it."""
    return squeeze(text).strip("*`'\"").casefold()


def unwrapped(text: str) -> str:
    r"""`text` folded, without LaTeX spaces, `\text{}` and its kin, math dollars and bold stars; lines are kept."""
    text = _LATEX_SPACE.sub(" ", fold(text).replace(r"\\", "\n").replace("{,}", ","))
    text = _ARROW.sub(" -> ", text)
    for _ in range(4):
        inside = _WRAPPER.sub(r"\1", text)
        if inside == text:
            break
        text = inside
    for mark in ("$", "**", r"\(", r"\)", r"\[", r"\]"):
        text = text.replace(mark, "")
    return text.strip()


def unbracketed(text: str) -> str:
    """`text` without one pair of brackets around the whole of it."""
    text = text.strip()
    for opening, closing in _BRACKETS:
        if len(text) >= len(opening) + len(closing) and text.startswith(opening) and text.endswith(closing):
            inner = text[len(opening) : -len(closing)]
            if opening not in inner and closing not in inner:
                return inner.strip()
    return text


def items(text: str, separator: str = "") -> list[str]:
    """The items of a list, with or without brackets around it, none of them empty.

    separator  the one mark between items; without it commas, semicolons, lines and the word "and"
    """
    inner = unbracketed(unwrapped(text)).removesuffix(".")
    if separator.strip() or not separator:
        pieces = inner.split(separator) if separator else _ITEMS.split(inner)
    else:
        pieces = inner.split()
    return [squeeze(piece).strip("*`'\"") for piece in pieces if piece.strip()]


def pairs(text: str) -> tuple[dict[str, str], str]:
    """Names to values, both `plain`, and what is wrong (the pairs read so far stand beside it).

    A pair is `name: value` (also `=`, `->`, "is a", "starts at"); pairs end at commas, semicolons, lines or "and".
    """
    got: dict[str, str] = {}
    for pair in _PAIRS.split(unbracketed(unwrapped(text))):
        if not pair.strip():
            continue
        sides = _SAYS.split(pair.strip().rstrip("."), maxsplit=1)
        if len(sides) != 2:
            return got, f"{printable(pair.strip())!r} is not of the form name: value"
        name, value = map(plain, sides)
        if name in got:
            return got, f"{printable(name)!r} is given twice"
        got[name] = value
    return got, ""


def whole_number(text: str) -> int | None:
    """The integer that `text` writes in at most 18 ASCII digits, or None."""
    digits = text.strip()
    return int(digits) if re.fullmatch(r"[+-]?[0-9]{1,18}", digits) else None


def label(text: str) -> str:
    """An extracted answer of one word: unwrapped, alone, on one line."""
    return squeeze(alone(unwrapped(text)))
