r"""Mathematical answers: equal means mathematically equal, whatever the form.

    verify("math", reply=r"So $x = \boxed{\frac{1}{2}}$.", answer="0.5").correct        # True

The final answer is extracted (`extract.py`, policy `marked`), compared by cheap exact rules in this process
(`math_rules.py`: text, words, units, rational arithmetic, lists, intervals), and only what they leave open goes to
math-verify in a worker process with a hard wall deadline (`math_algebra.py`). A hostile reply costs at most its own
deadline. The gold answer is a bare answer as in MATH (LaTeX without dollars), a number, or its text.

Bounds: an answer of 2,048 characters, 50 levels, 1,000 digits a number, results of 6,000 digits, 256 elements; powers
of sums up to 60 and other exponents up to 10,000 reach the algebra. An answer beyond them is refused with status
`timeout` (too dear) unless it is the gold text itself.
"""

import re
from typing import Any

from verigym.verifiers.answers import WrongAnswer, text_answer
from verigym.verifiers.arithmetic import TooLarge
from verigym.verifiers.convert import printable
from verigym.verifiers.extract import TAIL, after_thinking, boxes
from verigym.verifiers.extract import extract as find
from verigym.verifiers.math_rules import Finding, Leaf, NeedsAlgebra, never, same
from verigym.verifiers.verdict import Verdict

MAX_NESTING = 50
_JOIN = re.compile(r"[\s$,;.&\\]*(?:\\text\{\s*and\s*\}|and)?[\s$,;.&\\]*")
_CHOICE = re.compile(r"\bor\b", re.IGNORECASE)
_SUM_POWER = re.compile(r"[)\]]\s*\^\s*\{?\s*([0-9]{1,9})")
_POWER = re.compile(r"(?:\^|\*\*)\s*[{(]?\s*-?\s*([0-9]{1,9})")
_TOWER = re.compile(r"(?:\^|\*\*)[\s{(]*[0-9]+\s*(?:\^|\*\*|!)|!\s*\)*\s*!")
_LONG_NUMBER = re.compile(r"[0-9]{1001}")
_BIG_FACTORIAL = re.compile(r"[0-9]{4,}\s*\)*\s*!|\\binom\s*\{\s*[0-9]{5,}")


def read(reply: str, policy: str, strict: bool) -> tuple[list[str], str]:
    """The final answers in `reply`, and why there is none.

    One, as a rule. Boxes with only a comma or "and" between them are one list; boxes joined by "or" are several
    candidates.
    """
    found = find(reply, policy, strict)
    if found.text is None:
        return [], found.reason
    tail = (after_thinking(reply) or "")[-TAIL:]
    drawn = boxes(tail) if policy in ("marked", "boxed") else []
    if len(drawn) < 2 or drawn[-1][2].strip() != found.text:
        return [found.text], ""
    last = [drawn[-1]]
    for box in reversed(drawn[:-1]):
        between = tail[box[1] : last[0][0]]
        if len(between) > 40 or not (_JOIN.fullmatch(between) or (_CHOICE.search(between) and len(between) < 20)):
            break
        last.insert(0, box)
    texts = [box[2].strip() for box in last]
    return list(dict.fromkeys(texts)), ""


def conclude(answers: list[str], gold: str, leaf: Leaf) -> Verdict:
    """The verdict on extracted answers. Raises what `leaf` raises."""
    got = answers[0] if len(answers) == 1 else ", ".join(answers)
    try:
        finding = same(gold, got, leaf)
        if not finding.same and len(answers) > 1 and all(same(gold, one, leaf).same for one in answers):
            finding = Finding(True, "one answer in several forms")
    except TooLarge as failure:
        return Verdict.timeout(f"refused as too dear to grade: {failure}")
    shown = f"{printable(got)} against {printable(gold)}: {finding.why}"
    return Verdict.right(shown, got) if finding.same else Verdict.wrong(shown, got)


def too_dear(text: str) -> str:
    """Why `text` must not reach the algebra, or nothing."""
    depth = deepest = 0
    for character in text:
        depth += (character in "({[") - (character in ")}]")
        deepest = max(deepest, depth)
    if deepest > MAX_NESTING:
        return f"nested {deepest} deep; at most {MAX_NESTING} are read"
    if _LONG_NUMBER.search(text):
        return "a number of more than 1,000 digits"
    if _TOWER.search(text) or _BIG_FACTORIAL.search(text):
        return "a tower of powers, or a large factorial or binomial"
    if any(int(power[1]) > 60 for power in _SUM_POWER.finditer(text)):
        return "a power of a sum above 60"
    if any(int(power[1]) > 10_000 for power in _POWER.finditer(text)):
        return "an exponent above 10,000"
    return ""


def first_pass(
    reply: str, answer: Any, *, extract: str = "marked", strict: bool = True
) -> Verdict | tuple[list[str], str]:
    """The verdict, or, when algebra is needed, the arguments for the pool. Raises ValueError for an answer that is no
    text."""
    gold = text_answer(answer, "math")
    if not gold.strip():
        raise WrongAnswer("math: answer is empty")
    answers, reason = read(reply, extract, strict)
    if not answers:
        return Verdict.malformed(reason)
    try:
        return conclude(answers, gold, never)
    except NeedsAlgebra:
        refusal = too_dear(", ".join(answers))
        if refusal:
            return Verdict.timeout(f"refused as too dear to grade: {refusal}")
        return answers, gold
