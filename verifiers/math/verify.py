r"""The verifier `math`: equal means mathematically equal, whatever the form.

    verify("math", reply=r"So $x = \boxed{\frac{1}{2}}$.", answer="0.5").correct        # True

The answer that the reply commits to is found (`verifiers/commit.py`), read by our own parser with a closed vocabulary
(`tokens.py`, `read.py`, `shape.py`) and compared in layers, cheap ones first (`equal.py`), all of them bounded. What
they leave open (integrals, limits, endless sums, values in reach at too few points) goes to sympy in a worker process
with a hard wall deadline (`algebra.py`). The reason names the layer and both canonical forms.

The gold answer is a bare answer as in MATH (LaTeX without dollars), a number, or its text. Bounds: an answer of 2,048
characters, 50 levels, 1,000 digits a number, results of 6,000 digits, 256 elements. An answer beyond them is refused
with status `timeout` (too dear) unless it is the gold text itself.
"""

import re
from typing import Any

from verigym.verifiers.answers import WrongAnswer, text_answer
from verigym.verifiers.commit import committed
from verigym.verifiers.convert import printable
from verigym.verifiers.math.bounds import TooLarge
from verigym.verifiers.math.compare import Leaf, NeedsAlgebra, never
from verigym.verifiers.math.equal import Finding, same
from verigym.verifiers.verdict import Verdict

_OPEN = re.compile(r"\\(?:sum|prod|i*int|oint|lim)(?![A-Za-z])|[∑∏∫]")
SHOWN = 60
"""characters of a canonical form in a reason"""


def first_pass(
    reply: str, answer: Any, *, extract: str = "marked", strict: bool = True, closed_form: bool = False
) -> Verdict | tuple[list[str], str]:
    """The verdict, or, when algebra is needed, the arguments for the pool.

    extract, strict   the extraction policy (`extract.py`)
    closed_form       an unevaluated sum, product, integral or limit is wrong: it restates a task

    Raises ValueError for an answer that is no text, and for an unknown policy.
    """
    gold = text_answer(answer, "math")
    if not gold.strip():
        raise WrongAnswer("math: answer is empty")
    answers, reason = committed(reply, extract, strict)
    if not answers:
        return Verdict.malformed(reason)
    if closed_form and any(_OPEN.search(one) for one in answers):
        return Verdict.wrong("an unevaluated sum, product, integral or limit where a value is asked for", answers[0])
    try:
        return conclude(answers, gold, never)
    except NeedsAlgebra:
        return answers, gold


def conclude(answers: list[str], gold: str, leaf: Leaf) -> Verdict:
    """The verdict on extracted answers. Raises NeedsAlgebra, or what `leaf` raises."""
    got = answers[0] if len(answers) == 1 else ", ".join(answers)
    try:
        finding = same(gold, got, leaf)
        if not finding.same and len(answers) > 1 and all(same(gold, one, leaf).same for one in answers):
            finding = Finding(True, "one answer in several forms")
    except TooLarge as failure:
        return Verdict.timeout(f"refused as too dear to grade: {failure}")
    reason = told(finding, gold, got)
    return Verdict.right(reason, got) if finding.same else Verdict.wrong(reason, got)


def told(finding: Finding, gold: str, got: str) -> str:
    """One line: the layer that decided, and both forms."""
    if finding.layer == "unreadable":
        return f"unreadable: {finding.have} (expected {printable(finding.want or gold, SHOWN)})"
    have, want = (printable(form or text, SHOWN) for form, text in ((finding.have, got), (finding.want, gold)))
    return f"{finding.layer}: {have} {'is' if finding.same else 'is not'} {want}"
