r"""Where the answer stands in a right reply, so that another text can be put in its place.

    form = find_form("So 6 * 7 = 42.\n<answer>42</answer>", answer="42")
    form.fill("41")                # "So 6 * 7 = 42.\n<answer>41</answer>"
    form.twice("42", "41")         # "...<answer>42</answer>\n<answer>41</answer>"

The oracle's own reply says how an environment wants its answers, whatever extracts them; nothing has to be declared.
"""

import re
from dataclasses import dataclass
from typing import Any

from verigym.verifiers.extract import boxes

_FENCE = re.compile(r"(```[^\n`]*\n)(.*?)(\n?```)", re.DOTALL)
_TAG = re.compile(r"<([A-Za-z_]\w{0,30})>")
_LINES = (re.compile(r"(####[ \t]*)([^\n]+)"), re.compile(r"(\b[Aa]nswer(?: is|:|=)[ \t]*:?[ \t]*)([^\n]+)"))
TAGS_LEFT_OUT = ("think", "reasoning", "python")
"""marks of what is no answer"""


@dataclass(frozen=True)
class Form:
    """A right reply taken apart. kind: tag, box, fence, line, inside (the answer stands in a sentence) or whole."""

    kind: str
    before: str
    opening: str
    content: str
    closing: str
    after: str = ""

    def fill(self, text: str) -> str:
        """The reply with `text` for its answer."""
        return f"{self.before}{self.mark(text)}{self.after}"

    def mark(self, text: str) -> str:
        """`text` marked as the answer, and nothing else."""
        return f"{self.opening}{text}{self.closing}"

    def twice(self, first: str, second: str) -> str:
        """Two answers, one after the other, each marked."""
        return self.several([first, second])

    def several(self, texts: list[str]) -> str:
        """Any number of answers, each marked."""
        return self.before + "\n".join(map(self.mark, texts)) + self.after

    @property
    def is_program(self) -> bool:
        """Whether the answer is code, in which "A or B" is no hedge but a syntax error."""
        return (
            self.kind == "fence" or re.search(r"^\s*(def |class |import |from \w+ import )", self.content) is not None
        )


def find_form(reply: str, answer: Any = None) -> Form:
    """The form of a right reply. answer: the problem's, for a reply that marks nothing."""
    spoken = reply.rfind("</think>")
    start = spoken + len("</think>") if spoken >= 0 else 0
    for find in (_tag, _box, _fence, _line):
        if form := find(reply, start):
            return form
    text = str(answer) if isinstance(answer, str | int | float) and not isinstance(answer, bool) else ""
    at = reply.rfind(text) if text else -1
    if at >= 0 and len(text) < len(reply.strip()):
        return Form("inside", reply[:at], "", text, "", reply[at + len(text) :])
    return Form("whole", "", "", reply, "")


def _tag(reply: str, start: int) -> Form | None:
    """The last pair of tags that closes."""
    last = None
    for match in _TAG.finditer(reply, start):
        end = reply.find(f"</{match[1]}>", match.end())
        if end >= 0 and match[1].lower() not in TAGS_LEFT_OUT:
            last = (match, end)
    if last is None:
        return None
    match, end = last
    closing = f"</{match[1]}>"
    return Form("tag", reply[: match.start()], match[0], reply[match.end() : end], closing, reply[end + len(closing) :])


def _box(reply: str, start: int) -> Form | None:
    found = [box for box in boxes(reply) if box[0] >= start]
    if not found:
        return None
    begin, end, content = found[-1]
    return Form("box", reply[:begin], r"\boxed{", content, "}", reply[end:])


def _fence(reply: str, start: int) -> Form | None:
    last = None
    for last in _FENCE.finditer(reply, start):  # noqa: B007 - only the last one counts
        pass
    return Form("fence", reply[: last.start()], last[1], last[2], last[3], reply[last.end() :]) if last else None


def _line(reply: str, start: int) -> Form | None:
    for pattern in _LINES:
        last = None
        for last in pattern.finditer(reply, start):  # noqa: B007 - only the last one counts
            pass
        if last:
            content = last[2].rstrip(". ")
            end = last.start(2) + len(content)
            return Form("line", reply[: last.start()], last[1], content, "", reply[end:])
    return None


def guessed_forms(answer: Any) -> list[str]:
    """Replies that may be right where no oracle says so: the answer, bare and in the usual marks."""
    if not isinstance(answer, str | int | float) or isinstance(answer, bool):
        return []
    text = str(answer)
    return [f"<answer>{text}</answer>", rf"\boxed{{{text}}}", text, f"The answer is {text}", f"#### {text}"]
