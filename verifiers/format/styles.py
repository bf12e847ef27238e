r"""The shapes of a whole reply, by name: reasoning and answer tags, a box, a number, a line that states the answer.

    fault_of("<think>2+2</think><answer>4</answer>", "r1", strict=True)      # ""

Each style is a small function that says what is wrong. A form is easily met without an answer: use it as a gate or
with a small weight (`compose.py`).
"""

from collections.abc import Callable
from difflib import get_close_matches

from verigym.verifiers.extract import TAIL, after_thinking, boxes, extract

_R1_TAGS = ("<think>", "</think>", "<answer>", "</answer>")


def r1(reply: str, strict: bool) -> str:
    """`<think>...</think><answer>...</answer>`. Strict: each tag once, nothing before, between or behind but white
    space. Lenient: the tags stand in this order somewhere, the last of each counting."""
    if strict:
        for tag in _R1_TAGS:
            if reply.count(tag) != 1:
                return f"{tag} stands {reply.count(tag)} times, not once"
    places = [reply.rfind(tag) for tag in _R1_TAGS]
    for tag, place in zip(_R1_TAGS, places, strict=True):
        if place < 0:
            return f"no {tag}"
    if places != sorted(places):
        return "the tags are not in the order <think>, </think>, <answer>, </answer>"
    _, think_end, answer_start, answer_end = places
    if not reply[answer_start + len("<answer>") : answer_end].strip():
        return "the <answer> is empty"
    if strict:
        if reply[: places[0]].strip():
            return "text before <think>"
        if reply[think_end + len("</think>") : answer_start].strip():
            return "text between </think> and <answer>"
        if reply[answer_end + len("</answer>") :].strip():
            return "text behind </answer>"
    return ""


def tag(reply: str, strict: bool) -> str:
    """`<answer>...</answer>` after the reasoning. Strict: exactly one pair, and nothing but white space behind it."""
    found = extract(reply, "answer_tag")
    if found.text is None:
        return found.reason
    rest = after_thinking(reply) or ""
    if strict and (rest.count("<answer>") != 1 or rest.count("</answer>") != 1):
        return "more than one <answer> or </answer>"
    if strict and rest.rpartition("</answer>")[2].strip():
        return "text behind </answer>"
    return ""


def boxed(reply: str, strict: bool) -> str:
    r"""A closed, filled `\boxed{}` after the reasoning. Strict: exactly one."""
    found = extract(reply, "boxed")
    if found.text is None:
        return found.reason
    count = len(boxes((after_thinking(reply) or "")[-TAIL:]))
    return f"{count} boxes, not one" if strict and count != 1 else ""


def number(reply: str, strict: bool) -> str:
    """A number after the reasoning. Strict: the reply ends with it, but for a full stop."""
    found = extract(reply, "last_number")
    if found.text is None:
        return found.reason
    rest = (after_thinking(reply) or "").rstrip().removesuffix(".")
    return "the reply does not end with its last number" if strict and not rest.endswith(found.text) else ""


def line(reply: str, strict: bool) -> str:
    """A line "The answer is ..." or "#### ..."; strict: it is the last line."""
    found = extract(reply, "hash")
    found = found if found.text is not None else extract(reply, "final_line")
    if found.text is None:
        return found.reason
    last = (after_thinking(reply) or "").rstrip().rpartition("\n")[2]
    if strict and extract(last, "hash").text is None and extract(last, "final_line").text is None:
        return "the answer is not announced in the last line"
    return ""


STYLES: dict[str, Callable[[str, bool], str]] = {
    "r1": r1,
    "answer_tag": tag,
    "boxed": boxed,
    "number": number,
    "line": line,
}
"""style -> check(reply, strict), which gives what is wrong, or an empty text"""


def fault_of(reply: str, style: str, strict: bool) -> str:
    """What is wrong with the form of `reply`, or an empty text. Raises ValueError for an unknown style."""
    if style not in STYLES:
        near = get_close_matches(style, STYLES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"format has no style {style!r}{hint} The styles are {', '.join(STYLES)}")
    return STYLES[style](reply, strict)
