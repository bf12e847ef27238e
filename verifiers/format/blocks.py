"""Markdown as lines: fenced code blocks, headings, lists, dividers. Everything else here reads through these.

    outline("# A\\n- one\\n")[0]       # Heading(level=1, title="A", line=0)

CommonMark's rules for the parts that are asked for in practice: headings that begin with #, lists with -, *, + or a
number, dividers of ***, --- or ___, fences of ``` or ~~~. Nothing inside a fence counts as anything. Underlined
headings and indented code are not covered. Linear time.
"""

import re
from dataclasses import dataclass

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([^\n]*)$")
_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?$")
_BULLET = re.compile(r"([ \t]*)[-*+][ \t]+(\S.*)$")
_NUMBERED = re.compile(r"([ \t]*)([0-9]{1,9})[.)][ \t]+(\S.*)$")
_DIVIDER_MARKS = ("*", "-", "_")


@dataclass(frozen=True)
class Fence:
    """One fenced block: its language (the first word behind the opening fence, in lower case), its text, and whether it
    is closed."""

    language: str
    text: str
    closed: bool


@dataclass(frozen=True)
class Heading:
    level: int
    title: str
    line: int


def fences(text: str) -> tuple[list[Fence], list[str]]:
    """The fenced blocks in order, and the lines outside of them (a block leaves one empty line)."""
    found: list[Fence] = []
    outside: list[str] = []
    opened, inside = "", [""]
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if not opened:
            if mark and not (mark[1][0] == "`" and "`" in mark[2]):
                opened, inside = mark[1], [(mark[2].split() or [""])[0].lower()]
                outside.append("")
            else:
                outside.append(line)
        elif mark and mark[1].startswith(opened) and not mark[2].strip():
            found.append(Fence(inside[0], "\n".join(inside[1:]), True))
            opened = ""
        else:
            inside.append(line)
    if opened:
        found.append(Fence(inside[0], "\n".join(inside[1:]), False))
    return found, outside


def plain_lines(text: str) -> list[str]:
    """The lines outside of fenced blocks."""
    return fences(text)[1]


def heading(line: str) -> tuple[int, str] | None:
    """The level and the title of a heading, or None."""
    found = _HEADING.match(line)
    return (len(found[1]), (found[2] or "").strip().rstrip("#").rstrip()) if found else None


def outline(text: str) -> list[Heading]:
    """The headings in order, with the number of their line among `plain_lines`."""
    marked = [(number, heading(line)) for number, line in enumerate(plain_lines(text))]
    return [Heading(*found, line=number) for number, found in marked if found]


def bullet(line: str) -> str | None:
    """The text of an item of a bulleted list, or None; a divider is none."""
    found = _BULLET.match(line)
    return found[2] if found and not divider(line) else None


def numbered(line: str) -> tuple[int, str] | None:
    """The number and the text of an item of a numbered list, or None."""
    found = _NUMBERED.match(line)
    return (int(found[2]), found[3]) if found else None


def divider(line: str) -> bool:
    """Whether a line is a horizontal rule: three or more of one of * - _, and blanks."""
    marks = "".join(line.split())
    return len(marks) >= 3 and marks[0] in _DIVIDER_MARKS and marks == marks[0] * len(marks)
