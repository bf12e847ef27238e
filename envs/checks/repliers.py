"""Repliers that deserve nothing, and hedges around a right answer.

    floors(problem_text, form, common="42", other="7")     # {"empty": "", "constant": "<answer>42</answer>", ...}
    hedges(form, wrong=["41", "40", ...])                  # {"A or B": "<answer>42 or 41</answer>", ...}

A floor does not know the answer: the share of problems that it gets right is held against the declared chance. A hedge
holds the right answer among wrong ones without committing to it: none may be right. A wrong answer that is corrected
later is no hedge, as the last answer counts; so of two marked answers it is the right one first, the wrong one last.
"""

import re
from collections.abc import Sequence

from verigym.envs.checks.forms import Form

LOOKING = ("echo", "echo, marked", "first number", "last number")
"""floors that copy from the problem; the others do not look at it"""
NOTHING = ("empty", "blanks")
SPRAYED = 12
"""candidate answers in a spray at most"""
_DEFINED = re.compile(r"^(?:async )?def (\w+)", re.MULTILINE)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def floors(prompt: str, form: Form, common: str | None, other: str | None) -> dict[str, str]:
    """Floor to its reply. form: of another problem's right reply, so that nothing of this one's is in it; common: the
    commonest right answer of other problems; other: some other problem's. None where there is none."""
    numbers = _NUMBER.findall(prompt)
    found = {"empty": "", "blanks": " \n\t\n", "echo": prompt, "echo, marked": form.mark(prompt)}
    for name, text in (
        ("constant", common),
        ("first number", numbers[0] if numbers else None),
        ("last number", numbers[-1] if numbers else None),
        ("another's answer", other),
    ):
        if text is not None:
            found[name] = form.fill(text)
    return found


def stubs(program: str) -> list[str]:
    """Programs that define what a right one defines, and are wrong almost everywhere: whatever they are asked, they
    give one thing. Another problem's program would define another name, and be no rival."""
    names = _DEFINED.findall(program)
    return [
        "\n\n".join(f"def {name}(*given, **named):\n    return {value}" for name in names) or f"print({value})"
        for value in ("None", "-7919", "'nothing'")
    ]


def hedges(form: Form, wrong: Sequence[str]) -> dict[str, str]:
    """Hedge to its reply. form: of this problem's right reply; wrong: answers, the first of which is wrong for it.

    A program is hedged only by several programs: "A or B" would be a syntax error.
    """
    right = form.content.strip()
    others = list(dict.fromkeys(wrong))[: SPRAYED - 1]
    middle = len(others) // 2
    spray = [*others[1 : middle + 1], right, *others[middle + 1 :], others[0]]
    found = {"A, then B": form.twice(right, others[0]), "spray, marked each": form.several(spray)}
    if not form.is_program:
        found["A or B"] = form.fill(f"{right} or {others[0]}")
        found["B or A"] = form.fill(f"{others[0]} or {right}")
        found["spray in one"] = form.fill(", ".join(spray))
    return found
