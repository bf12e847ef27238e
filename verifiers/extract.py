r"""Finding the final answer in a reply, by a declared policy.

    extract(r"... so \boxed{\frac12}", "boxed").text          # "\frac12"

| policy      | the answer is                                                                       |
|-------------|-------------------------------------------------------------------------------------|
| answer_tag  | the text of the last `<answer>...</answer>`                                          |
| boxed       | the contents of the last `\boxed{...}` or `\fbox{...}`                               |
| hash        | the rest of the last line that holds `####`                                          |
| final_line  | the rest of the sentence or line after the last "answer is", "answer:", "answer =" or  |
|             | a heading "Final Answer", without a "because ..." behind it                          |
| last_number | the last number in the reply                                                         |
| marked      | the first that is there of: boxed, answer_tag, hash, final_line                      |
| whole       | the whole reply                                                                      |

What stands in `<think>...</think>` never counts, and a reply whose last `<think>` is not closed has no answer. With
`strict=False` a policy falls back to `marked`, and an unclosed `<answer>` reaches to the end. There is no silent
fallback to the whole text. Only the last 16,384 characters of a reply are read (`whole`: a longer reply has no answer),
in linear time.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from verigym.verifiers.text import fold, squeeze

TAIL = 16_384
"""characters at the end of a reply that are looked at"""


@dataclass(frozen=True)
class Extraction:
    """text: the answer, or None; reason: what was missing when it is None."""

    text: str | None
    reason: str = ""


def after_thinking(reply: str) -> str | None:
    """What follows the reasoning: the reply without its `<think>` part, or None when that is not closed."""
    opened, closed = reply.rfind("<think>"), reply.rfind("</think>")
    if opened > closed:
        return None
    return reply[closed + len("</think>") :] if closed >= 0 else reply


def extract(reply: str, policy: str = "marked", strict: bool = True) -> Extraction:
    """The answer in `reply` by `policy`. Raises ValueError for an unknown policy, and for nothing else."""
    if policy not in POLICIES:
        raise ValueError(f"no extraction policy {policy!r}; the policies are {', '.join(POLICIES)}")
    finder, wanted = POLICIES[policy]
    rest = after_thinking(reply)
    if rest is None:
        return Extraction(None, "the reasoning is not closed: no </think> after the last <think>")
    if policy == "whole" and len(rest) > TAIL:
        return Extraction(None, f"the reply has {len(rest)} characters; at most {TAIL} are read as an answer")
    tail = rest[-TAIL:]
    text = finder(tail)
    if text is None and not strict:
        text = marked(tail)
        if text is None:
            _, tag, unclosed = tail.rpartition("<answer>")
            text = unclosed if tag else None
    if text is None:
        return Extraction(None, f"no {wanted} in the reply")
    if not text.strip():
        return Extraction(None, f"the {wanted} is empty")
    return Extraction(text.strip())


def answer_tag(text: str) -> str | None:
    """The contents of the last closed `<answer>` pair."""
    end = text.rfind("</answer>")
    start = text.rfind("<answer>", 0, end) if end >= 0 else -1
    return text[start + len("<answer>") : end] if start >= 0 else None


def boxes(text: str) -> list[tuple[int, int, str]]:
    r"""Every closed outermost `\boxed` or `\fbox`, in order: (start, end, contents)."""
    closing = closing_braces(text)
    found: list[tuple[int, int, str]] = []
    position = 0
    while match := _BOX.search(text, position):
        position = match.end()
        box = _box_at(text, match, closing)
        if box is not None:
            found.append(box)
            position = box[1]
    return found


def boxed(text: str) -> str | None:
    r"""The contents of the box that starts last. When it is never closed there is no answer, even if an earlier one
    is closed."""
    last = None
    for last in _BOX.finditer(text):  # noqa: B007 - only the last one counts
        pass
    box = _box_at(text, last, closing_braces(text)) if last else None
    return box[2] if box else None


def _box_at(text: str, match: re.Match[str], closing: dict[int, int]) -> tuple[int, int, str] | None:
    at = match.end()
    if at >= len(text):
        return None
    if text[at] != "{":  # TeX takes the next character alone
        return match.start(), at + 1, text[at]
    end = closing.get(at)
    return None if end is None else (match.start(), end + 1, text[at + 1 : end])


def closing_braces(text: str) -> dict[int, int]:
    """For each opening brace that is closed, the index of its closing one. Escaped braces are not counted."""
    opened: list[int] = []
    pairs: dict[int, int] = {}
    for match in _BRACE.finditer(text):
        if match.group() == "{":
            opened.append(match.start())
        elif match.group() == "}" and opened:
            pairs[opened.pop()] = match.start()
    return pairs


def hashed(text: str) -> str | None:
    """What follows the last `####` on its line."""
    _, mark, rest = text.rpartition("####")
    return rest.split("\n", 1)[0] if mark else None


def final_line(text: str) -> str | None:
    """What follows the last announcement of the answer, to the end of the sentence or line."""
    last = None
    for last in _ANNOUNCEMENT.finditer(text):  # noqa: B007 - only the last one counts
        pass
    if last is None:
        return None
    rest = text[last.end() :].lstrip("* \t:\n")
    line = _SENTENCE_END.split(rest.split("\n", 1)[0], maxsplit=1)[0]
    line = _REASON.split(line, maxsplit=1)[0].strip().removesuffix(".")
    return line.strip("* ").removesuffix(".").strip()


def last_number(text: str) -> str | None:
    """The last number, with its sign, thousands commas, fraction and percent sign."""
    found = _NUMBER.findall(fold(text))
    return found[-1].strip() if found else None


def marked(text: str) -> str | None:
    """The last stated final answer: box, tag, hash line or announcement, in this order."""
    for finder in (boxed, answer_tag, hashed, final_line):
        found = finder(text)
        if found is not None:
            return found
    return None


def whole(text: str) -> str | None:
    """All of it."""
    return text


def alone(text: str) -> str:
    """An extracted answer without math dollars, bold stars and quotes around it."""
    text = squeeze(text)
    for opening, closing in (("**", "**"), ("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("`", "`")):
        if len(text) > len(opening) + len(closing) and text.startswith(opening) and text.endswith(closing):
            text = text[len(opening) : -len(closing)].strip()
    return text


_BOX = re.compile(r"\\f?box(?:ed)?(?![A-Za-z])[ \t]{0,8}")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_ANNOUNCEMENT = re.compile(
    r"\banswer\*{0,2}(?:,? (?:therefore|then|thus|hence|here),?)?\s{0,4}"
    r"(?:(?:is|equals|(?:would|must|should|will) be)\b\s{0,4}:?|:|=)|\bfinal answer\*{0,2}[ \t]{0,4}\n",
    re.IGNORECASE,
)
_REASON = re.compile(r"[ ,]+(?:because|since|which|where)\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"\.\s")
_NUMBER = re.compile(r"(?<![\w.])-?(?:\d[\d,]{0,400})?(?:\.\d{1,400}|(?<=\d))(?:/\d{1,400})?%?", re.ASCII)

POLICIES: dict[str, tuple[Callable[[str], str | None], str]] = {
    "answer_tag": (answer_tag, "<answer>...</answer>"),
    "boxed": (boxed, r"\boxed{...}"),
    "hash": (hashed, "line with ####"),
    "final_line": (final_line, 'line with "the answer is" or "Final Answer:"'),
    "last_number": (last_number, "number"),
    "marked": (marked, r"final answer (\boxed{}, <answer>, ####, or 'the answer is')"),
    "whole": (whole, "reply"),
}
"""policy -> (finder, what it looks for, in words)"""
