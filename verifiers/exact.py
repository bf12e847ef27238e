"""Text equal to text.

    exact("<answer>abc</answer>", "abc").correct        # True

Nothing is said of meaning: `1.0` is not `1` here (see `number.py`).
"""

from typing import Any

from verigym.verifiers.answers import accepted
from verigym.verifiers.commit import committed
from verigym.verifiers.convert import printable
from verigym.verifiers.text import fold, squeeze
from verigym.verifiers.verdict import Verdict


def exact(
    reply: str,
    answer: Any,
    *,
    extract: str = "marked",
    strict: bool = True,
    verbatim: bool = False,
    ignore_case: bool = False,
) -> Verdict:
    """Whether the extracted text is the answer, or one of several.

    answer       a text, a number (compared as it is written), or a list of accepted ones
    extract      extraction policy (`extract.py`); strict=False lets it fall back to other markers
    verbatim     compare character by character; otherwise look-alike characters are folded and runs of white space are
                 one space
    ignore_case  compare without regard to case

    Raises ValueError when `answer` is something else.
    """
    wanted = accepted(answer, "exact")
    texts, reason = committed(reply, extract, strict)
    if not texts:
        return Verdict.malformed(reason)
    if len(texts) > 1:
        return Verdict.malformed(f"{len(texts)} answers, and one is wanted", ", ".join(texts))
    (text,) = texts

    def shape(written: str) -> str:
        written = written if verbatim else squeeze(fold(written))
        return written.casefold() if ignore_case else written

    got = shape(text)
    if any(got == shape(one) for one in wanted):
        return Verdict.right(f"the text is {printable(text)!r}", text)
    return Verdict.wrong(f"got {printable(text)!r}, expected {printable(wanted[0])!r}", text)
