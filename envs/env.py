"""A task and a verifier behind Gymnasium's `reset` and `step`: messages out, text in.

    env = Env(task, lambda problem, reply: reply.strip() == problem.answer)
    observation, info = env.reset(seed=7, options={"level": 3})
    observation, reward, terminated, truncated, info = env.step("42")       # info["verdict"]: Verdict

An environment of one turn shows the prompt and grades the reply. One of several turns is a generator function
`play(problem)`, which yields what the model sees, receives what it says and returns the verdict (see `play.py`). Many
episodes of one environment live side by side through `env.start(problem)`; `drive.py` runs them at once. Code of an
environment that raises costs its own sample: the verdict is `error`, with the exception and its line. Tokens are not
covered: environments speak messages.
"""

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from copy import copy
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from verigym.envs.grading import Grader, Inline, Verify
from verigym.envs.play import Move, Play, Session
from verigym.tasks.problem import Message, Problem
from verigym.tasks.supply import Task
from verigym.verifiers.verdict import Status, Verdict

FAILED = "verigym.failed"
"""Key in a problem's `meta`: its making failed, for this reason, and an episode of it ends in `error` before any
reply."""
DEFAULT_TURNS = 16
"""replies an environment of several turns takes at most, unless it says otherwise"""


class EnvError(ValueError):
    """An environment that cannot be made, or was used wrongly. The message says the value and the mend."""


def near(name: object, names: Any) -> str:
    """'did you mean ...' for a name that is not among `names`, or the list of them."""
    known = sorted(map(str, names))
    close = get_close_matches(str(name), known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known) or 'none'}"


def as_type(name: str, value: Any, default: Any) -> Any:
    """`value`, read as the type of `default` where it is text from a command line. Raises EnvError."""
    if not isinstance(value, str) or default is None or isinstance(default, str):
        return value
    if isinstance(default, bool):
        if value.lower() not in ("true", "false", "1", "0", "yes", "no"):
            raise EnvError(f"{name}={value!r} is neither true nor false")
        return value.lower() in ("true", "1", "yes")
    if isinstance(default, int | float):
        try:
            return type(default)(value)
        except ValueError:
            raise EnvError(f"{name}={value!r} is not a number") from None
    return value


class Episode:
    """One problem being solved. Made by `Env.start`.

    messages      the whole conversation so far
    observation   what is new since the last reply (the prompt, at first)
    replies       what the model said
    verdict       None until the end. Set from the start where the environment failed to make or open the problem
    """

    def __init__(self, env: "Env", problem: Problem) -> None:
        self.problem = problem
        self.messages: list[Message] = []
        self.observation: list[Message] = []
        self.replies: list[str] = []
        self.verdict: Verdict | None = None
        self._env = env
        self._waiting = False
        self._session = Session(env.play, problem, env.deadline_s) if env.play is not None else None
        if FAILED in problem.meta:
            self._end(Verdict.error(str(problem.meta[FAILED])))
        else:
            self._take(self._session.open() if self._session is not None else problem.messages)

    def submit(self, text: str, truncated: bool = False) -> "Future[Verdict | None]":
        """Give the model's reply. The future holds the verdict, or None when the conversation goes on.

        truncated   the reply was cut by a length limit. It is graded all the same; unless it is correct the status
                    becomes `truncated`, and a conversation that would go on ends.
        Raises EnvError when the episode has ended or an earlier reply is still being graded.
        """
        if not isinstance(text, str):
            raise EnvError(f"a reply is text, got {type(text).__name__}")
        if self.verdict is not None:
            raise EnvError(f"this episode has ended ({self.verdict.reason or self.verdict.status}): start another")
        if self._waiting:
            raise EnvError("the last reply is still being graded: wait for its future first")
        self._waiting = True
        self.replies.append(text)
        self.messages.append({"role": "assistant", "content": text})
        self.observation = []
        outcome: Future[Verdict | None] = Future()
        outcome.set_running_or_notify_cancel()  # from here on nobody can cancel it, so setting its result is safe
        move: Future[Any] = (
            self._session.send(text) if self._session is not None else self._env.grader.submit(self.problem, text)
        )
        move.add_done_callback(lambda done: outcome.set_result(self._settle(done.result(), truncated)))
        return outcome

    def reply(self, text: str, truncated: bool = False) -> Verdict | None:
        """`submit`, waited for: the verdict, or None when the conversation goes on."""
        return self.submit(text, truncated).result()

    def give_up(self, verdict: Verdict) -> None:
        """End the episode with a verdict from outside, such as `error` when the policy failed."""
        self._end(verdict)

    def close(self) -> None:
        """End the episode; a `play` that waits for a reply is closed, so its `finally` blocks run."""
        if self._session is not None:
            self._session.close()

    def _settle(self, move: Move, truncated: bool) -> Verdict | None:
        self._waiting = False
        if isinstance(move, Verdict):
            self._end(_cut(move) if truncated else move)
        elif truncated:
            self._end(Verdict(0.0, False, Status.TRUNCATED, "the reply was cut by the length limit before the end"))
        elif len(self.replies) >= self._env.max_turns:
            self._end(Verdict(0.0, False, Status.TRUNCATED, f"no verdict after {len(self.replies)} turns"))
        else:
            self._take(move)
        return self.verdict

    def _take(self, move: Move) -> None:
        if isinstance(move, Verdict):
            self._end(move)
        else:
            self.observation = move
            self.messages.extend(dict(message) for message in move)

    def _end(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.close()


def _cut(verdict: Verdict) -> Verdict:
    """The verdict on a reply that was cut by the length limit."""
    if verdict.correct or verdict.status in (Status.ERROR, Status.TIMEOUT):
        return verdict
    reason = f"cut by the length limit; {verdict.reason}" if verdict.reason else "cut by the length limit"
    return replace(verdict, status=Status.TRUNCATED, reason=reason)


class Env:
    """A task with the code that grades it.

    task         where problems come from
    verify       `verify(problem, reply)` returns a Verdict, a bool or a number; or a `Grader`, such as worker processes
    play         generator function of an environment of several turns; it need not have `verify`
    split, level what `reset` draws from when its options do not say
    max_turns    replies of one episode at most (1 without `play`)
    deadline_s   wall seconds for one turn of `play`; None for code that is trusted not to hang
    oracle       `oracle(problem, messages)`: the right reply to a conversation so far; the task's own by default
    open_ended   why any of many texts is right, so that "A or B" is no hedge; "" where one answer is wanted
    reward_range lowest and highest reward of a verdict

    `reset` without a seed goes on with the sequence that the last seed began (seed 0 at first), so a program replays.
    """

    _episode: Episode | None

    def __init__(
        self,
        task: Task,
        verify: Verify | Grader | None = None,
        *,
        play: Play | None = None,
        id: str | None = None,
        description: str = "",
        split: str = "train",
        level: int | None = None,
        max_turns: int | None = None,
        deadline_s: float | None = None,
        oracle: Callable[[Problem, list[Message]], str | None] | None = None,
        open_ended: str = "",
        reward_range: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        self.task, self.play, self.id, self.description = task, play, id or task.id, description
        if verify is None and play is None:
            raise EnvError(f"{self.id} has neither `verify` nor `play`: give it one of them")
        self.grader: Grader = verify if verify is not None and not callable(verify) else Inline(verify or _no_verify)
        self.max_turns = (DEFAULT_TURNS if play is not None else 1) if max_turns is None else max_turns
        if self.max_turns < 1:
            raise EnvError(f"max_turns={self.max_turns} leaves no room for a reply; set it to 1 or more")
        self.deadline_s = deadline_s
        self.open_ended, self.reward_range = open_ended, reward_range
        self.split = self._known_split(split)
        self.level = None if level is None else self._known_level(level)
        self._oracle = oracle
        self._forget()

    def at(self, *, split: str | None = None, level: int | None = None) -> "Env":
        """The same environment, drawing from another split or level. Raises EnvError for an unknown one."""
        other = copy(self)
        other.split = self.split if split is None else self._known_split(split)
        other.level = self.level if level is None else self._known_level(level)
        other._forget()
        return other

    def problem(self, index: int, *, split: str | None = None, level: int | None = None) -> Problem:
        """The problem at an address. Raises EnvError for an unknown split, level or index, SpaceTooSmall where the
        task does."""
        try:
            return self.task.problem(
                index,
                split=self.split if split is None else self._known_split(split),
                level=self.level if level is None else self._known_level(level),
            )
        except (KeyError, IndexError) as failure:
            raise EnvError(str(failure.args[0] if failure.args else failure)) from failure

    def start(self, problem: Problem) -> Episode:
        """A new episode. Its `verdict` is set already where the environment failed before any reply."""
        return Episode(self, problem)

    def verify(self, problem: Problem, reply: str) -> Verdict:
        """The verdict on a whole reply to a problem. Of an environment with `play`, its `verify` alone."""
        return self.grader.submit(problem, reply).result()

    def oracle(self, problem: Problem, messages: list[Message] | None = None) -> str | None:
        """The right reply to the conversation so far (the prompt alone by default), or None where none is known."""
        if self._oracle is not None:
            return self._oracle(problem, messages if messages is not None else self.start(problem).messages)
        return self.task.oracle(problem)

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[list[Message], dict[str, Any]]:
        """Start an episode. options: `level`, `index`, `split`. The same seed gives the same problem in any process.

        info holds `problem`, and `verdict`: None, unless the environment failed and the episode is over already.
        """
        chosen = dict(options or {})
        for name in chosen:
            if name not in ("level", "index", "split"):
                raise EnvError(f"reset has no option {name!r}; {near(name, ('level', 'index', 'split'))}")
        if seed is not None:
            self._seed, self._count = seed, 0
        if chosen.get("index") is None:
            chosen["index"] = self._draw(chosen.get("split") or self.split)
        self.close_episode()
        episode = self.start(self.problem(**chosen))
        self._episode, self._told = episode, False
        return [dict(message) for message in episode.observation], self._info(episode)

    def step(self, text: str) -> tuple[list[Message], float, bool, bool, dict[str, Any]]:
        """Give the model's reply: (new messages, reward, terminated, truncated, info). Raises EnvError before `reset`
        or after the end.

        truncated: the turn limit ended the episode. The reward of a verdict whose status is `error` is 0 and means
        nothing.
        """
        episode = self._episode
        if episode is None:
            raise EnvError("step before reset: call env.reset() first")
        if self._told:
            raise EnvError("step after the end of the episode: call env.reset() first")
        verdict = episode.verdict or episode.reply(text)  # one that failed before any reply says so at its first step
        cut = verdict is not None and verdict.status is Status.TRUNCATED
        observation = [dict(message) for message in episode.observation]
        self._told = ended = verdict is not None
        return observation, verdict.reward if verdict else 0.0, ended and not cut, cut, self._info(episode)

    def close_episode(self) -> None:
        """End the episode of `reset`, if there is one."""
        if self._episode is not None:
            self._episode.close()
            self._episode = None

    def close(self) -> None:
        """End the episode of `reset` and the workers. The environment can be used again; workers then start anew."""
        self.close_episode()
        self.grader.close()

    def __enter__(self) -> "Env":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Env({self.id!r}, split={self.split!r})"

    def _forget(self) -> None:
        self._seed, self._count = 0, 0
        self._episode = None
        self._told = False

    def _info(self, episode: Episode) -> dict[str, Any]:
        return {"problem": episode.problem, "verdict": episode.verdict}

    def _draw(self, split: str) -> int:
        """The index that the seed and the number of resets since then hash to."""
        digest = hashlib.sha256(f"{self.id}|{self._seed}|{self._count}".encode()).digest()
        self._count += 1
        size = self.task.size(self._known_split(split))
        if size == 0:
            raise EnvError(f"the {split} split of {self.id} is empty; {near(split, self.task.splits)}")
        return int.from_bytes(digest[:8], "big") % (size or 2**31)

    def _known_split(self, split: str) -> str:
        if split not in self.task.splits:
            raise EnvError(f"{self.id} has no split {split!r}; {near(split, self.task.splits)}")
        return split

    def _known_level(self, level: int) -> int:
        if level not in self.task.levels:
            known = ", ".join(map(str, sorted(self.task.levels))) or "none"
            raise EnvError(f"{self.id} has no level {level!r}; its levels are {known}")
        return level


def _no_verify(problem: Problem, reply: str) -> Verdict:
    return Verdict.error("this environment is graded by its `play` alone and has no `verify`")
