r"""The one answer that a reply commits to.

    committed(r"At first \boxed{3}, but it is \boxed{5}.", "marked", strict=True)       # (["5"], "")

The last stated answer counts, by the policies of `verigym.verifiers.extract`. Boxes (or tags) with nothing but a comma
or "and" between them are one list. What is joined by "or", within the boxes or beside the last one, is no commitment,
and neither is a last answer that is taken back in the same sentence.
"""

import re

from verigym.verifiers.extract import TAIL, after_thinking, boxes
from verigym.verifiers.extract import extract as find

_JOIN = re.compile(r"[\s$,;.&\\]*(?:\\text\{\s*and\s*\}|and)?[\s$,;.&\\]*")
_CHOICE = re.compile(r"\bor\b", re.IGNORECASE)
_TAG = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_SENTENCE = re.compile(r"[.!?](?=\s|$)|\n\s*\n")
_ASIDE = r"(?:\s+(?:maybe|perhaps|possibly|even|else|rather|is it))?"
_CLOSED = r"[\s$,;)\\\]]*"
_OTHER = re.compile(
    rf"{_CLOSED}(?:\\(?:text|quad)\s*\{{?\s*)*\b(?:or|alternatively)\b{_ASIDE}"
    r"[\s$\\({]*(?:[-+0-9\\.(\[{]|[a-zA-Z]\s*=|\b[a-zA-Z]\b)",
    re.IGNORECASE,
)
_SAME_AGAIN = re.compile(r"\bor\s+(?:equivalently|about|approximately|roughly|simply|in\b|as\b)", re.IGNORECASE)
_BEFORE = re.compile(rf"(?:[0-9$}})\]]|\b[a-zA-Z])\s*,?\s*\bor\b{_ASIDE}[\s$\\(\[]*$", re.IGNORECASE)
_NEVER = r"(?:cannot be|can't be|can not be|isn't|is not|was not|wasn't)\b"
_WRONG = (
    r"(?:not|never|no longer)\b"
    r"|(?:clearly |definitely |probably )?(?:wrong|incorrect|false|impossible|right\?|correct\?)"
)
_TAKEN_BACK = re.compile(
    rf"{_CLOSED}(?:\\?[.,])?\s*(?:but\s+)?(?:(?:that|this|it|which)\s+)?"
    rf"(?:{_NEVER}|(?:is|was|would be|seems)\s+(?:{_WRONG}))",
    re.IGNORECASE,
)


def committed(reply: str, policy: str, strict: bool) -> tuple[list[str], str]:
    """The final answers in `reply`, one as a rule, and why there is none. Raises ValueError for an unknown policy."""
    found = find(reply, policy, strict)
    if found.text is None:
        return [], found.reason
    tail = (after_thinking(reply) or "")[-TAIL:]
    marks = _marks(tail, policy, found.text)
    if not marks:
        return [found.text], ""
    last = [marks[-1]]
    for mark in reversed(marks[:-1]):
        between = tail[mark[1] : last[0][0]]
        if len(between) > 40 or not (_JOIN.fullmatch(between) or (_CHOICE.search(between) and len(between) < 20)):
            break
        last.insert(0, mark)
    texts = list(dict.fromkeys(mark[2].strip() for mark in last))
    reason = _undecided(tail, last[0][0], last[-1][1])
    return ([], reason) if reason else (texts, "")


def _marks(tail: str, policy: str, text: str) -> list[tuple[int, int, str]]:
    """The boxes or tags among which the extracted text is the last; none where it came from elsewhere."""
    if policy in ("marked", "boxed"):
        drawn = boxes(tail)
        if drawn and drawn[-1][2].strip() == text:
            return drawn
    if policy in ("marked", "answer_tag"):
        tags = [(match.start(), match.end(), match[1]) for match in _TAG.finditer(tail)]
        if tags and tags[-1][2].strip() == text:
            return tags
    return []


def _undecided(tail: str, start: int, end: int) -> str:
    """Why the answers between two places are no commitment, or nothing."""
    after = tail[end : end + 200]
    stop = _SENTENCE.search(after)
    sentence = after[: stop.start()] if stop and stop.start() > 0 else after
    if _TAKEN_BACK.match(sentence):
        return "the final answer is taken back in the same sentence"
    if _OTHER.match(sentence) and not _SAME_AGAIN.search(sentence[:40]):
        return "another answer stands beside the final one, joined by 'or'"
    if _BEFORE.search(tail[max(0, start - 40) : start]):
        return "another answer stands before the final one, joined by 'or'"
    return ""
