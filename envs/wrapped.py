"""Environments around another one: what `python-tool` and `code-feedback` share.

    own, rest = own_options("python-tool", {"style": "terse", "max_calls": "2"}, {"max_calls": 4})
    inner_env(make, "python-tool", "countdown", rest, split="train", level=2)

The inner environment keeps its task, its problems and its verifier; only the prompt gets a few words more.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from verigym.envs.env import Env, EnvError, as_type
from verigym.tasks.problem import Message, Problem
from verigym.tasks.supply import Level, Task

ASKED = "verigym.asked"
"""Key in a problem's `meta`: the prompt of the inner environment"""


@dataclass(frozen=True)
class Told:
    """A task whose prompts end with `words`, or with what they say of a problem. Everything else is the inner task's:
    names, splits, answers, replies."""

    inner: Task
    words: str | Callable[[Problem], str]

    @property
    def id(self) -> str:
        return self.inner.id

    @property
    def version(self) -> int:
        return self.inner.version

    @property
    def levels(self) -> Mapping[int, Level]:
        return self.inner.levels

    @property
    def splits(self) -> Sequence[str]:
        return self.inner.splits

    @property
    def default_split(self) -> str:
        return self.inner.default_split

    def problem(self, index: int, *, split: str | None = None, level: int | None = None) -> Problem:
        return self._told(self.inner.problem(index, split=split, level=level))

    def problems(self, n: int | None, *, split: str | None = None, level: int | None = None) -> list[Problem]:
        return [self._told(problem) for problem in self.inner.problems(n, split=split, level=level)]

    def size(self, split: str | None = None) -> int | None:
        return self.inner.size(split)

    def oracle(self, problem: Problem) -> str | None:
        return self.inner.oracle(asked(problem))

    def form(self, problem: Problem, rng: Random) -> str | None:
        return self.inner.form(asked(problem), rng)

    def _told(self, problem: Problem) -> Problem:
        words = self.words if isinstance(self.words, str) else self.words(problem)
        if not words:
            return problem
        # What was told already keeps the prompt of its innermost environment, which is what oracles and graders read.
        return replace(problem, prompt=_ending(problem.prompt, words), meta={ASKED: problem.prompt, **problem.meta})


def asked(problem: Problem) -> Problem:
    """The problem as the inner environment asks it."""
    if ASKED not in problem.meta:
        return problem
    meta = {name: value for name, value in problem.meta.items() if name != ASKED}
    return replace(problem, prompt=problem.meta[ASKED], meta=meta)


def _ending(prompt: str | Sequence[Message], words: str) -> str | list[Message]:
    """A prompt with words added to its last message."""
    if isinstance(prompt, str):
        return prompt + words
    *before, last = (dict(message) for message in prompt)
    return [*before, {**last, "content": last["content"] + words}]


def own_options(
    id: str, options: Mapping[str, Any], defaults: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of the environment itself, read as the types of their defaults, and those of the inner one."""
    own = {name: as_type(f"{id}: {name}", options.get(name, default), default) for name, default in defaults.items()}
    return own, {name: value for name, value in options.items() if name not in defaults}


def check_choice(id: str, name: str, value: str, choices: Sequence[str]) -> None:
    """Raises EnvError where `value` is none of the choices."""
    if value not in choices:
        raise EnvError(f"{id}: {name}={value!r}; choose {' or '.join(map(repr, choices))}")


def inner_env(
    make: Callable[..., Env],
    id: str,
    task: str,
    options: Mapping[str, Any],
    *,
    split: str | None,
    level: int | str | None,
) -> Env:
    """The inner environment. Raises EnvError as `make` does, and for one that has several turns itself.

    `style` is an option of the wrapper too: an inner environment that has no styles is made without it.
    """
    if "style" in options and not _has_style(task):
        options = {name: value for name, value in options.items() if name != "style"}
    inner = make(task, split=split, level=level, **options)
    if inner.play is not None:
        raise EnvError(f"{id}: task={task!r} is an environment of several turns itself; name one of a single turn")
    return inner


def verifier_of(task: str, options: Mapping[str, Any]) -> str:
    """The name of the verifier that grades a task; "" where it is not one of `verigym.verifiers`."""
    from verigym.envs.builtin import TABLE

    return str(options.get("verifier") or (TABLE[task].verifier if task in TABLE else ""))


def _has_style(task: str) -> bool:
    from inspect import signature

    from verigym.envs.adapters.reasoning_gym.table import PREFIX
    from verigym.envs.builtin import TABLE
    from verigym.tasks.catalogue import load

    if task.startswith(PREFIX):
        return True
    entry = TABLE.get(task)
    if entry is None or entry.rows:
        return False
    generated: Any = entry.task or load(task)
    return "style" in signature(generated.make_problem).parameters
