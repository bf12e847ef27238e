"""`code-feedback`: a program that fails is told why, and the model may try again. Over any task graded by `code`.

    env = make("code-feedback", task="python-programs", level=2, max_turns=3, show="test")
    observation, info = env.reset(seed=7)
    observation, *_ = env.step("def f(x): return x")     # "Not right yet: test 1 fails: wrong answer, input ..."

Every reply is a whole program; the last one counts. It is judged by the task's own tests, which are hidden, and the
feedback is taken from public ones: `meta["public"]`, an answer of the same form, or where the task has it otherwise
(python-programs: three inputs that are no hidden test; bug-repair: the examples of the prompt; MBPP: its tests, all of
which the prompt shows).

| option    | default         | meaning                                                                               |
|-----------|-----------------|---------------------------------------------------------------------------------------|
| task      | python-programs | the inner environment; what is not in this table is an option of it                   |
| max_turns | 3               | programs that may be sent                                                             |
| show      | test            | of public tests: `test`, the first that fails with input, expected and got; `reason`, |
|           |                 | which one fails and how; `count`, how many pass; `never`                              |
| hidden    | never           | the same of hidden tests, when all public ones pass or there are none                 |
| discount  | 1.0             | factor of the reward for every turn after the first                                   |
| length    | 600             | characters of feedback                                                                |
| style     | words           | `terse`: the feedback alone; also of the inner prompt, where it has styles            |

What leaks. hidden="never": one bit a turn, that some hidden test fails. `count` and `reason`: how many pass, or which
one fails and how. `test`: an input and its expected output a turn, which a model can write into its next program, so
a reward then proves less. A program that passes the public tests is never told it is right unless the
hidden ones say so too. What is run may not lie about either: expected outputs stay outside the sandbox.

The verdict is that of the last program, with parts `tries` and `first_try` (1 where the first program was right).
"""

import random
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import Any

from verigym.envs.env import Env, EnvError
from verigym.envs.wrapped import Told, asked, check_choice, inner_env, own_options, verifier_of
from verigym.tasks.problem import Problem
from verigym.verifiers.convert import printable
from verigym.verifiers.verdict import Status, Verdict

ID = "code-feedback"
DESCRIPTION = "several turns: any programming task (task=) with feedback on a program that fails"
DEFAULTS: Mapping[str, Any] = {
    "task": "python-programs",
    "max_turns": 3,
    "show": "test",
    "hidden": "never",
    "discount": 1.0,
    "length": 600,
}
SHOWS = ("test", "reason", "count", "never")
MOST_TURNS = 64

WORDS = (
    "\n\nA program that does not pass its tests is answered with what is wrong, and you may send another one: "
    "{turns} in all, always the whole program. The last one counts."
)
TERSE = "\n{turns} tries"
AGAIN = "Not right yet: {feedback}\nSend the whole program again: {left}."
NO_MORE = "it does not pass all hidden tests."


def build(
    make: Callable[..., Env],
    *,
    split: str | None = None,
    level: int | str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Env:
    """The environment. make: `verigym.envs.make`, for the inner one. Raises EnvError for an option that is out of
    range, and for a task that is not graded by `code`: other verdicts name the right answer."""
    own, rest = own_options(ID, options or {}, DEFAULTS)
    style = str(rest.get("style", "words"))
    for name, choices in (("show", SHOWS), ("hidden", SHOWS)):
        check_choice(ID, name, own[name], choices)
    check_choice(ID, "style", style, ("words", "terse"))
    for name, low, high in (("max_turns", 1, MOST_TURNS), ("discount", 0.0, 1.0), ("length", 20, 10_000)):
        if not low <= own[name] <= high:
            raise EnvError(f"{ID}: {name}={own[name]} is out of range; set it from {low} to {high}")
    verifier = verifier_of(own["task"], rest)
    if verifier != "code":
        raise EnvError(
            f"{ID}: task={own['task']!r} is graded by {verifier or 'its own verifier'}, not by 'code', and what that "
            "says may name the answer; take humaneval, mbpp, python-programs, or rows with verifier=code"
        )
    inner = inner_env(make, ID, own["task"], rest, split=split, level=level)
    words = (TERSE if style == "terse" else WORDS).format(turns=own["max_turns"]) if own["max_turns"] > 1 else ""
    return Env(
        Told(inner.task, words),
        inner.grader,
        play=_play(inner, own, style),
        id=ID,
        description=DESCRIPTION,
        split=inner.split,
        level=inner.level,
        max_turns=own["max_turns"],
        oracle=lambda problem, messages: inner.oracle(asked(problem)),
        open_ended=inner.open_ended,
    )


def _play(inner: Env, own: Mapping[str, Any], style: str) -> Callable[[Problem], Generator[Any, Any, Verdict]]:
    def play(problem: Problem) -> Generator[Any, Any, Verdict]:
        hidden = asked(problem)
        public = public_tests(inner.task.id, hidden)
        shown: Any = problem.messages
        for turn in range(1, own["max_turns"] + 1):
            reply: str = yield shown
            verdict: Verdict = yield inner.grader.submit(hidden, reply)
            if turn == 1:
                first = verdict
            if not verdict.scored or verdict.correct or turn == own["max_turns"]:
                break
            feedback = ""
            if public is not None and own["show"] != "never" and verdict.status is not Status.MALFORMED:
                seen: Verdict = yield inner.grader.submit(replace(hidden, answer=public), reply)
                if not seen.scored:
                    return seen
                feedback = "" if seen.correct else told(seen, own["show"])
            feedback = printable(feedback or told(verdict, own["hidden"]), own["length"])
            left = own["max_turns"] - turn
            shown = AGAIN.format(feedback=feedback, left="the last try" if left == 1 else f"{left} tries are left")
            if style == "terse":
                shown = feedback
        parts = {**verdict.parts, "tries": float(turn), "first_try": float(bool(first.correct))}
        return replace(verdict, reward=verdict.reward * own["discount"] ** (turn - 1), parts=parts)

    return play


def told(verdict: Verdict, show: str) -> str:
    """What the model is told of a verdict of `code` that is not right. That there is no program in the reply is always
    told."""
    if verdict.status is not Status.OK:
        return f"{verdict.reason}." if verdict.status is Status.MALFORMED or show != "never" else NO_MORE
    count, _, failing = verdict.reason.partition("; ")
    if show == "never":
        return NO_MORE
    if show == "count":
        return f"{count}."
    return f"{failing.partition(',')[0] if show == 'reason' else failing or verdict.reason}."


def public_tests(task: str, problem: Problem) -> Any:
    """Tests that the model may see, as an answer for `code`, or None where the problem has none."""
    if "public" in problem.meta:
        return problem.meta["public"]
    return _PUBLIC[task](problem) if task in _PUBLIC else None


def _of_program(problem: Problem) -> Any:
    """Three inputs that no hidden test has, and what the right program gives for them."""
    from verigym.tasks.code.chains import read
    from verigym.tasks.code.programs import examples, hidden_calls

    chain = read(problem.meta["domain"], problem.meta["program"])
    hidden = [call["args"][0] for call in problem.answer["calls"]]
    return hidden_calls(chain, examples(random.Random(problem.key), chain, hidden, 3))


def _of_repair(problem: Problem) -> Any:
    from verigym.tasks.code.chains import read
    from verigym.tasks.code.programs import hidden_calls

    return hidden_calls(read(problem.meta["domain"], problem.meta["program"]), problem.meta["shown"])


_PUBLIC: Mapping[str, Callable[[Problem], Any]] = {
    "python-programs": _of_program,
    "bug-repair": _of_repair,
    "mbpp": lambda problem: problem.answer,
    "mbpp_sanitized": lambda problem: problem.answer,
}
"""Tasks whose public tests are found otherwise than in `meta`"""
