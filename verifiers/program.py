"""Programs of the list language of `verigym.tasks.code.dsl`, judged by what they compute.

    program("<answer>sort | take 2</answer>", {"cases": [[[3, 1, 2], [1, 2]]], "hidden": []}).correct      # True

The interpreter is bounded and knows no Python, so it runs in this process.
"""

from typing import Any

from verigym.tasks.code.dsl import ProgramError
from verigym.tasks.code.dsl import program as parse
from verigym.verifiers.answers import WrongAnswer, field
from verigym.verifiers.convert import printable
from verigym.verifiers.extract import alone
from verigym.verifiers.extract import extract as find
from verigym.verifiers.verdict import Verdict


def program(reply: str, answer: Any, *, extract: str = "marked", strict: bool = True) -> Verdict:
    """Whether the extracted program gives the right list in every case, shown and hidden.

    answer  {"cases": [[[3, 1], [1, 3]], ...], "hidden": [the same form]}: pairs of input and output list; hidden may be
            left out

    The reason counts the cases that failed and shows none, so a log of reasons is no leak of hidden cases. Raises
    ValueError when `answer` has another form.
    """
    shown = _cases(answer, "cases")
    hidden = _cases({"hidden": [], **answer}, "hidden")
    found = find(reply, extract, strict)
    if found.text is None:
        return Verdict.malformed(found.reason)
    try:
        function = parse(alone(found.text))
    except ProgramError as failure:
        return Verdict.malformed(printable(str(failure), 200), found.text)
    failed = {"shown": 0, "hidden": 0}
    for kind, cases in (("shown", shown), ("hidden", hidden)):
        for given, wanted in cases:
            try:
                failed[kind] += function(given) != wanted
            except ProgramError as failure:
                return Verdict.wrong(printable(str(failure), 200), found.text)
    if any(failed.values()):
        return Verdict.wrong(
            f"{failed['shown']} of {len(shown)} shown and {failed['hidden']} of {len(hidden)} hidden cases fail",
            found.text,
        )
    return Verdict.right(f"all {len(shown) + len(hidden)} cases pass", found.text)


def _cases(answer: Any, name: str) -> list[tuple[list[int], list[int]]]:
    cases = field(answer, name, list, "program")
    for case in cases:
        if not (isinstance(case, list | tuple) and len(case) == 2 and all(isinstance(side, list) for side in case)):
            raise WrongAnswer(f"program: answer[{name!r}] must hold pairs of an input list and an output list")
    if name == "cases" and not cases:
        raise WrongAnswer("program: answer['cases'] is empty; give at least one case")
    return [(case[0], case[1]) for case in cases]
