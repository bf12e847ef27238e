"""Rules on the markdown of a reply: headings, sections, lists, emphasis, dividers, code blocks.

    headings("# A\\n## B", exact=2)                                       # "": nothing is wrong
    code_blocks("```python\\nx\\n```", exact=1, language="python")         # ""

Each function gives what is wrong, or an empty text; what a line is stands in `blocks.py`.
"""

import re
from itertools import pairwise
from typing import Any, Literal

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.convert import printable
from verigym.verifiers.format import blocks
from verigym.verifiers.format.arguments import bind
from verigym.verifiers.format.counting import amount, words

_CODE = re.compile(r"`[^`\n]*`")
_BOLD = re.compile(r"(?<!\*)\*\*(?![\s*])([^*\n]+)(?<!\s)\*\*(?!\*)|(?<![\w_])__(?![\s_])([^_\n]+)(?<!\s)__(?![\w_])")
_ITALIC = re.compile(r"(?<!\*)\*(?![\s*])([^*\n]+)(?<!\s)\*(?!\*)|(?<![\w_])_(?![\s_])([^_\n]+)(?<!\s)_(?![\w_])")


def headings(
    text: str,
    *,
    level: int | None = None,
    titles: list[str] | None = None,
    nested: bool = False,
    min: int | None = None,
    max: int | None = None,
    exact: int | None = None,
) -> str:
    """How many headings (of one level), which titles stand in which order, and, with `nested`, that no heading skips a
    level downwards."""
    if level is not None and not 1 <= level <= 6:
        raise WrongAnswer(f"headings: level={level} must be from 1 to 6")
    found = [one for one in blocks.outline(text) if level is None or one.level == level]
    if titles is not None and (fault := _in_order([one.title for one in found], titles)):
        return fault
    if nested and (fault := _skips(blocks.outline(text))):
        return fault
    if (min, max, exact) == (None, None, None) and (titles is not None or nested):
        return ""
    return amount(len(found), "headings" if level is None else f"headings of level {level}", min, max, exact)


def _in_order(found: list[str], wanted: list[str]) -> str:
    there = [_plain(title) for title in found]
    at = -1
    for title in wanted:
        if _plain(title) not in there:
            return f"no heading {printable(title)!r}"
        places = [place for place, one in enumerate(there) if one == _plain(title) and place > at]
        if not places:
            return f"the heading {printable(title)!r} is out of order"
        at = places[0]
    return ""


def _skips(found: list[blocks.Heading]) -> str:
    for before, after in pairwise(found):
        if after.level > before.level + 1:
            return f"the heading {printable(after.title)!r} skips from level {before.level} to {after.level}"
    return ""


def sections(text: str, *, sections: list[dict[str, Any]], only: bool = True) -> str:
    """The sections, each of them with its heading: {"title": ..., "level": 2, "bullets": 3, "numbered": 2,
    "min_words": 5}, in this order; `title` alone is needed. only: there are no other headings, and no text before the
    first."""
    wanted = [bind(_section, one, f"section {number}") for number, one in enumerate(sections, 1)]
    found = blocks.outline(text)
    lines = blocks.plain_lines(text)
    if only:
        if len(found) != len(wanted):
            return f"{len(found)} headings, not {len(wanted)}"
        if any(line.strip() for line in lines[: found[0].line]):
            return "text before the first heading"
    elif fault := _in_order([one.title for one in found], [one["title"] for one in wanted]):
        return fault
    at = 0
    for one in wanted:
        while not only and _plain(found[at].title) != _plain(one["title"]):
            at += 1
        end = found[at + 1].line if at + 1 < len(found) else len(lines)
        if fault := _section_fault(found[at], lines[found[at].line + 1 : end], one):
            return fault
        at += 1
    return ""


def _section(
    text: str,
    *,
    title: str,
    level: int | None = None,
    bullets: int | None = None,
    numbered: int | None = None,
    min_words: int | None = None,
) -> str:
    """The fields of one section; see `sections`."""
    return ""


def _section_fault(found: blocks.Heading, body: list[str], wanted: dict[str, Any]) -> str:
    name = printable(wanted["title"], 40)
    if _plain(found.title) != _plain(wanted["title"]):
        return f"the heading {printable(found.title, 40)!r} stands where {name!r} is wanted"
    if "level" in wanted and found.level != wanted["level"]:
        return f"the heading {name!r} is of level {found.level}, not {wanted['level']}"
    counts = {
        "bullets": sum(blocks.bullet(line) is not None for line in body),
        "numbered": sum(blocks.numbered(line) is not None for line in body),
    }
    for kind, count in counts.items():
        if kind in wanted and count != wanted[kind]:
            what = "bullets" if kind == "bullets" else "numbered items"
            return f"{count} {what} under {name!r}, not {wanted[kind]}"
    return amount(len(words("\n".join(body))), f"words under {name!r}", wanted.get("min_words", 0), None, None)


def bullets(
    text: str,
    *,
    min: int | None = None,
    max: int | None = None,
    exact: int | None = None,
    min_words: int = 0,
    only: bool = False,
) -> str:
    """How many items of bulleted lists; min_words: what each holds at least; only: nothing else stands in the reply."""
    lines = blocks.plain_lines(text)
    items = [blocks.bullet(line) for line in lines]
    if only and any(item is None and line.strip() for item, line in zip(items, lines, strict=True)):
        return "something other than bullets"
    for item in items:
        if item is not None and len(words(item)) < min_words:
            return f"the bullet {printable(item, 40)!r} has fewer than {min_words} words"
    return amount(sum(item is not None for item in items), "bullets", min, max, exact)


def numbered(
    text: str, *, min: int | None = None, max: int | None = None, exact: int | None = None, min_words: int = 0
) -> str:
    """How many items of numbered lists; each list counts 1, 2, 3 from its first item on."""
    found = list(filter(None, map(blocks.numbered, blocks.plain_lines(text))))
    expected = 1
    for number, item in found:
        if number not in (1, expected):
            return f"an item is numbered {number} where {expected} is next"
        if len(words(item)) < min_words:
            return f"the item {printable(item, 40)!r} has fewer than {min_words} words"
        expected = number + 1
    return amount(len(found), "numbered items", min, max, exact)


def emphasis(
    text: str,
    *,
    style: Literal["bold", "italic"],
    min: int | None = None,
    max: int | None = None,
    exact: int | None = None,
    words: list[str] | None = None,
) -> str:
    """How many spans are **bold** or *italic* (also with underscores), and which texts are among them."""
    pattern = _BOLD if style == "bold" else _ITALIC
    found = [one[1] or one[2] for line in blocks.plain_lines(text) for one in pattern.finditer(_CODE.sub("", line))]
    spans = [_plain(span) for span in found if span.strip()]
    for word in words or []:
        if _plain(word) not in spans:
            return f"{printable(word)!r} is not {style}"
    if (min, max, exact) == (None, None, None) and words:
        return ""
    return amount(len(spans), f"{style} spans", min, max, exact)


def dividers(text: str, *, min: int | None = None, max: int | None = None, exact: int | None = None) -> str:
    """How many horizontal rules: lines of ***, --- or ___."""
    return amount(sum(map(blocks.divider, blocks.plain_lines(text))), "dividers", min, max, exact)


def code_blocks(
    text: str,
    *,
    language: str | None = None,
    only: bool = False,
    min: int | None = None,
    max: int | None = None,
    exact: int | None = None,
) -> str:
    """How many fenced blocks, all closed and filled; of which declared language; only: nothing stands outside."""
    found, outside = blocks.fences(text)
    for number, block in enumerate(found, 1):
        if not block.closed:
            return f"code block {number} is not closed"
        if not block.text.strip():
            return f"code block {number} is empty"
        if language is not None and block.language != language.lower():
            return f"code block {number} is declared {printable(block.language)!r}, not {language!r}"
    if only and any(line.strip() for line in outside):
        return "text outside the code blocks"
    return amount(len(found), "code blocks", min, max, exact)


def _plain(title: str) -> str:
    return " ".join(title.split()).strip("*_`").casefold()
