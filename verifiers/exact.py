"""Text equal to text.

    exact("<answer>abc</answer>", "abc").correct        # True

Nothing is said of meaning: `1.0` is not `1` here (see `number.py`).
"""

from typing import Any

from verigym.verifiers.answers import accepted
from verigym.verifiers.convert import printable
from verigym.verifiers.extract import extract as find
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
    found = find(reply, extract, strict)
    if found.text is None:
        return Verdict.malformed(found.reason)

    def shape(text: str) -> str:
        text = text if verbatim else squeeze(fold(text))
        return text.casefold() if ignore_case else text

    got = shape(found.text)
    if any(got == shape(one) for one in wanted):
        return Verdict.right(f"the text is {printable(found.text)!r}", found.text)
    return Verdict.wrong(f"got {printable(found.text)!r}, expected {printable(wanted[0])!r}", found.text)
