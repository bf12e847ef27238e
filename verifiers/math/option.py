r"""Multiple choice: the letter of an option, however it is written.

choice(r"\textbf{(B)}")       # ("B", "")
"""

import re

_OPTION = re.compile(r"^(?:the )?(?:option|choice|answer)\s+(?=\(?[A-Z]\b)", re.IGNORECASE)
_CHOICE = re.compile(
    r"(?:\\(?:text|textbf|mathrm|mathbf|textrm|bf)\s*)*\{*\s*\(?\s*(?:\\(?:text|textbf|mathrm|mathbf)\s*\{)?\s*"
    r"([A-Z])\s*\}?\s*([).:]?)\s*\}*\s*\)?\s*"
)


def choice(text: str) -> tuple[str, str] | None:
    r"""(letter, what stands beside it) of `B`, `(B)`, `\text{(B)}`, `B.`, `(B) 12`; None for anything else."""
    whole = _OPTION.sub("", text.strip().strip("$").strip())
    match = _CHOICE.match(whole)
    if match is None:
        return None
    rest = whole[match.end() :].strip(" .}$")
    marked = "(" in match.group() or match[2]
    if rest and not (marked and (match[2] or ")" in match.group())):
        return None
    if rest and re.match(r"[-+*/^=<>_!,;)]|or\b|and\b|\\(?:text\{ *)?(?:or|and|cdot|times)\b", rest):
        return None
    return match[1], rest
