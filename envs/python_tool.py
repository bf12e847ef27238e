"""`python-tool`: the model may run Python in the sandbox, sees what it printed, and answers. Over any task of one turn.

    env = make("python-tool", task="countdown", level=2, max_calls=3, state="fresh")
    observation, info = env.reset(seed=7)
    observation, *_ = env.step("<python>25 - 17 + 3</python>")       # "Output:\\n11"

A reply that holds a call runs it, and what follows the call in that reply counts for nothing, an answer included: the
model wrote it without having seen the output. Of several calls in a reply the first one runs. A call inside a closed
`<think>...</think>`, and one whose mark is not closed, is none. A reply without a call is the answer: the inner
environment's verifier grades that reply and nothing else, so what a tool printed never counts as an answer. When the
calls are used up the next reply is the answer whatever it holds.

| option      | default    | meaning                                                                                   |
|-------------|------------|-------------------------------------------------------------------------------------------|
| task        | arithmetic | the inner environment; what is not in this table is an option of it                       |
| call        | tag        | `tag`: <python>...</python>; `fence`: a ```python block, where the answer is not code     |
| state       | kept       | `kept`: a call sees what the earlier ones defined; `fresh`: it does not                   |
| style       | words      | of what the prompt says of the tool, and of the inner prompt where it has styles          |
| role        | user       | of the message with the output; `tool` where the model's chat template knows it           |
| max_calls   | 4          | in an episode                                                                             |
| cpu_s       | 5          | seconds of processor time of a call; wall_s (10) of the clock; memory_mb (256)            |
| output      | 1000       | characters that are shown of a call's output                                              |
| total_cpu_s | 20         | seconds of processor time of all calls of an episode, replays included                    |
| sandbox     |            | a `Sandbox` to run in; by default the one that the code verifiers of this process share   |

A limit that is hit is told to the model in the output. A failure of the sandbox ends the episode with `error`. Parts:
`tool_calls`, and `tool_errors` that raised or were stopped. With call="tag" train with `--stop '</python>'`: sampling
then ends with the call.
"""

import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import fields, replace
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from verigym.envs.env import Env, EnvError
from verigym.envs.tool_session import LONGEST, TRACEBACK_LINES, Cells, ToolLimits
from verigym.envs.wrapped import Told, asked, check_choice, inner_env, own_options, verifier_of
from verigym.sandbox.job import Outcome, Result
from verigym.tasks.problem import Message, Problem
from verigym.verifiers.verdict import Verdict

if TYPE_CHECKING:
    from verigym.sandbox import Sandbox

ID = "python-tool"
DESCRIPTION = "several turns: any task (task=) with calls of Python in the sandbox before the answer"
DEFAULTS: Mapping[str, Any] = {
    "task": "arithmetic",
    "call": "tag",
    "state": "kept",
    "role": "user",
    "sandbox": None,
    **{field.name: field.default for field in fields(ToolLimits)},
}
CHOICES = {"call": ("tag", "fence"), "state": ("kept", "fresh"), "role": ("user", "tool"), "style": ("words", "terse")}

WORDS = (
    "\n\nYou may run Python first. Write the code {form} and end your message there: the next message shows what it "
    "printed and the value of its last line. {times}{state}Give the final answer in a message without {mark}."
)
FORMS = {
    "tag": ("between <python> and </python>", "<python>"),
    "fence": ("in a ```python block", "such a block"),
}
STATES = {"kept": "Variables are kept from one to the next. ", "fresh": "Nothing is kept from one to the next. "}
TERSE = {"tag": "\n<python>{calls}", "fence": "\n```python {calls}"}
LAST = "(That was the last run: give the final answer.)"
HEADING = "Output:\n"

_OPENING = re.compile(r"^[ \t]*```[ \t]*(?:python|py)[ \t]*$", re.MULTILINE | re.IGNORECASE)
_CLOSING = re.compile(r"^[ \t]*```[ \t]*$", re.MULTILINE)


def build(
    make: Callable[..., Env],
    *,
    split: str | None = None,
    level: int | str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Env:
    """The environment. make: `verigym.envs.make`, for the inner one. Raises EnvError for an option that is out of
    range, or an inner environment that cannot be made."""
    own, rest = own_options(ID, options or {}, DEFAULTS)
    style = str(rest.get("style", "words"))
    for name, choices in CHOICES.items():
        check_choice(ID, name, style if name == "style" else own[name], choices)
    if own["call"] == "fence" and verifier_of(own["task"], rest) == "code":
        raise EnvError(f"{ID}: the answers of {own['task']} are programs in such blocks themselves; use call='tag'")
    try:
        limits = ToolLimits(**{field.name: own[field.name] for field in fields(ToolLimits)})
    except ValueError as failure:
        raise EnvError(f"{ID}: {failure}") from None
    inner = inner_env(make, ID, own["task"], rest, split=split, level=level)
    return Env(
        Told(inner.task, told(own["call"], own["state"], limits.max_calls, style)),
        inner.grader,
        play=_play(inner, own, limits, style),
        id=ID,
        description=DESCRIPTION,
        split=inner.split,
        level=inner.level,
        max_turns=limits.max_calls + 1,
        oracle=lambda problem, messages: oracle(inner, problem, messages, own["call"]),
        open_ended=inner.open_ended,
    )


def told(call: str, state: str, calls: int, style: str) -> str:
    """What is added to a prompt."""
    if style == "terse":
        return TERSE[call].format(calls=calls)
    form, mark = FORMS[call]
    times = "You may do so once. " if calls == 1 else f"You may do so up to {calls} times. "
    return WORDS.format(form=form, mark=mark, times=times, state=STATES[state] if calls > 1 else "")


def find_call(reply: str, call: str) -> str | None:
    """The code of the first call in a reply, or None. Linear in the length of the reply."""
    spoken = reply.rpartition("</think>")[2]
    if call == "tag":
        _, opened, rest = spoken.partition("<python>")
        code, closed, _ = rest.partition("</python>")
        return code if opened and closed else None
    opening = _OPENING.search(spoken)
    closing = _CLOSING.search(spoken, opening.end()) if opening else None
    return spoken[opening.end() : closing.start()] if opening and closing else None


def _play(
    inner: Env, own: Mapping[str, Any], limits: ToolLimits, style: str
) -> Callable[[Problem], Generator[Any, Any, Verdict]]:
    terse = style == "terse"

    def play(problem: Problem) -> Generator[Any, Any, Verdict]:
        cells = Cells(limits, kept=own["state"] == "kept", traceback_lines=1 if terse else TRACEBACK_LINES)
        reply: str = yield problem.messages
        while (code := find_call(reply, own["call"])) is not None and cells.left:
            if len(code) > LONGEST:
                shown = cells.refuse(f"not run: {len(code)} characters of code, at most {LONGEST} are taken")
            else:
                code = dedent(code).strip("\n")
                box = _shared() if own["sandbox"] is None else own["sandbox"]
                result: Result = yield box.submit(cells.job(code))
                if result.outcome is Outcome.SANDBOX_ERROR:
                    return _with_parts(Verdict.error(f"the sandbox failed at a call: {result.detail}"), cells)
                shown = cells.shown(code, result)
            text = shown.text if terse else HEADING + shown.text
            if not cells.left and not terse:
                text += f"\n{LAST}"
            reply = yield {"role": own["role"], "content": text}
        verdict: Verdict = yield inner.grader.submit(asked(problem), reply)
        if code is not None:
            verdict = replace(verdict, reason=f"no call was left; {verdict.reason}")
        return _with_parts(verdict, cells)

    return play


def _with_parts(verdict: Verdict, cells: Cells) -> Verdict:
    parts = {"tool_calls": float(cells.calls), "tool_errors": float(cells.failures)}
    return replace(verdict, parts={**verdict.parts, **parts})


def _shared() -> "Sandbox":
    from verigym.verifiers.boxes import shared_bench

    return shared_bench().box


def oracle(inner: Env, problem: Problem, messages: list[Message], call: str) -> str | None:
    """A right way through: over arithmetic and countdown one call, and then what it printed; over anything else the
    inner oracle's reply at once."""
    code = _code(inner.task.id, problem)
    if code is None:
        return inner.oracle(asked(problem))
    if all(message["role"] != "assistant" for message in messages):
        return f"<python>{code}</python>" if call == "tag" else f"```python\n{code}\n```"
    printed = messages[-1]["content"].removeprefix(HEADING).partition("\n")[0]
    return f"<answer>{printed}</answer>"


def _code(task: str, problem: Problem) -> str | None:
    if task == "arithmetic":
        return str(problem.meta["expression"]).replace("/", "//")
    if task == "countdown":
        return _SEARCH.format(**problem.answer)
    return None


_SEARCH = """\
def ways(terms):
    if len(terms) == 1:
        yield terms[0]
    for i, (a, x) in enumerate(terms):
        for j, (b, y) in enumerate(terms):
            rest = [t for k, t in enumerate(terms) if k not in (i, j)]
            for sign in {operators!r}:
                if i != j and (i < j or sign in "-/") and (sign != "/" or b and a % b == 0):
                    value = a + b if sign == "+" else a - b if sign == "-" else a * b if sign == "*" else a // b
                    yield from ways([*rest, (value, f"({{x}} {{sign}} {{y}})")])

print(next(text for value, text in ways([(n, str(n)) for n in {numbers}]) if value == {target}))"""
"""The search that a person would write: pairs of numbers put together until one is left"""
