"""A child's workbench: problems asked for and replies graded one step at a time, each under the eyes of the parent.

bench = Bench(desk, env)
problem = bench.problem("train", 1, 0)                # None where the environment raised: that is a record `failed`
solved = bench.solve(problem)                         # its right reply, graded
bench.grade(problem, ["<answer>7</answer>"], "a constant").correct
"""

import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from verigym.envs.checks.child import SOON_S
from verigym.envs.checks.forms import Form, find_form, guessed_forms
from verigym.envs.checks.inside import MAKE_S, Desk
from verigym.envs.env import FAILED, EnvError
from verigym.tasks.problem import Problem
from verigym.tasks.splits import SpaceTooSmall
from verigym.verifiers.convert import describe, printable
from verigym.verifiers.verdict import Status, Verdict

if TYPE_CHECKING:
    from verigym.envs.env import Env, Episode

REASON = 240
MOST_TIMEOUTS = 3
"""verdicts that ran into a deadline before a probe stops asking: each costs seconds"""
_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


@dataclass(frozen=True)
class Graded:
    """A verdict and what it cost. seconds: of the slowest turn; status: as of the verdict, `error` where something was
    raised through it; told: whether the verdict has a reason of one line."""

    reward: float
    correct: bool | None
    status: str
    reason: str
    seconds: float
    told: bool

    @property
    def scored(self) -> bool:
        return self.status != Status.ERROR

    @property
    def said(self) -> list[Any]:
        """What must be the same whenever this reply is graded."""
        return [round(self.reward, 9), self.correct, self.status]


@dataclass(frozen=True)
class Solved:
    """A problem with its right replies, turn by turn. guessed: no oracle wrote them; they are the answer in a form that
    was tried out."""

    problem: Problem
    replies: tuple[str, ...]
    graded: Graded
    guessed: bool

    @property
    def form(self) -> Form:
        return find_form(self.replies[-1], self.problem.answer)


class Bench:
    """Foreign code at arm's length. timeouts: verdicts so far that a deadline ended."""

    def __init__(self, desk: Desk, env: "Env") -> None:
        self.desk, self.env, self.timeouts = desk, env, 0
        self._guess: int | None = None
        self._warm = False

    @property
    def tired(self) -> bool:
        """Whether too many verdicts ran into a deadline to go on."""
        return self.timeouts >= MOST_TIMEOUTS

    def places(self) -> list[tuple[str, int]]:
        """The splits and levels that are asked for and there. Of rows, a level may be in some splits only."""
        request, task = self.desk.request, self.env.task
        splits = [split for split in task.splits if not request.splits or split in request.splits]
        levels = [level for level in sorted(task.levels) if not request.levels or level in request.levels]
        sized = [split for split in splits if self.rows(split) is not None]
        return [
            (split, level) for split in splits for level in levels if split not in sized or self._there(split, level)
        ]

    def rows(self, split: str, level: int | None = None) -> int | None:
        """The rows of a split, or of a level of it; None of a generator."""
        with self.desk.doing(f"the size of the {split} split"):
            size = self.env.task.size(split)
            if size is None or level is None:
                return size
            return len(self.env.task.problems(None, split=split, level=level))

    def _there(self, split: str, level: int) -> bool:
        try:
            with self.desk.doing(f"a row of the {split} split"):
                self.env.problem(0, split=split, level=level)
        except EnvError:
            return False
        except Exception:  # the border to foreign code; asking again will say it
            return True
        return True

    def indices(self, split: str, level: int, n: int) -> Iterator[int]:
        """Indices of a sample: the first n of a generator, n at most of rows."""
        size = self.rows(split, level)
        return iter(range(n if size is None else min(n, size)))

    def problem(self, split: str, level: int, index: int) -> Problem | None:
        """A problem, or None where the environment failed, which is then a record."""
        what = f"making problem {index} of the {split} split at level {level}"
        try:
            with self.desk.doing(what):
                problem = self.env.problem(index, split=split, level=level)
        except SpaceTooSmall as failure:
            self.desk.found("too small", what=what, why=printable(str(failure), REASON), split=split, level=level)
            return None
        except Exception as failure:  # the border to foreign code
            self.desk.found("failed", making=True, what=what, why=printable(describe(failure), REASON))
            return None
        if FAILED in problem.meta:
            self.desk.found("failed", making=True, what=what, why=printable(str(problem.meta[FAILED]), REASON))
            return None
        return problem

    def grade(self, problem: Problem, replies: Sequence[str], name: str) -> Graded:
        """Play replies to the end; the last one is said again while the conversation goes on."""
        slowest, turn = 0.0, 0
        try:
            with self.desk.doing(f"opening an episode of {problem.address}"):
                episode = self.env.start(problem)
            while episode.verdict is None:
                reply = replies[min(turn, len(replies) - 1)]
                slowest = max(slowest, self._say(episode, reply, name))
                turn += 1
            verdict = episode.verdict
        except BaseException as failure:  # nothing may come through a grader, not even what ends a process
            verdict = Verdict.error(f"raised through the environment: {describe(failure)}")
        return self._graded(verdict, slowest)

    def _graded(self, verdict: Verdict, seconds: float) -> Graded:
        self.timeouts += verdict.status is Status.TIMEOUT and seconds >= SOON_S
        reason = str(verdict.reason)
        told = bool(reason.strip()) and len(reason.splitlines()) == 1
        return Graded(
            verdict.reward, verdict.correct, str(verdict.status), printable(reason, REASON), round(seconds, 6), told
        )

    def _say(self, episode: "Episode", reply: str, name: str) -> float:
        limit_s = None if self._warm else MAKE_S  # workers start with the first reply
        with self.desk.doing(f"the verdict on {name} ({episode.problem.address})", limit_s):
            began = time.perf_counter()
            episode.reply(reply)
            took = time.perf_counter() - began
        self._warm, took = True, took if self._warm else 0.0
        return took

    def solve(self, problem: Problem) -> Solved | None:
        """The right replies by the oracle; without one, by the first guessed form that is right. None without either.

        An oracle that raises is a record `failed`.
        """
        try:
            with self.desk.doing(f"the oracle of {problem.address}"):
                first = self.env.oracle(problem, None if self.env.max_turns == 1 else self.env.start(problem).messages)
        except BaseException as failure:  # the border to foreign code
            self._oracle_failed(problem, describe(failure))
            return None
        if first is not None and not isinstance(first, str):
            self._oracle_failed(problem, f"it returned {type(first).__name__}, not text")
            return None
        return self._guessed(problem) if first is None else self._played(problem)

    def _oracle_failed(self, problem: Problem, why: str) -> None:
        self.desk.found("failed", making=False, what=f"the oracle of {problem.address}", why=printable(why, REASON))

    def right_reply(self, problem: Problem) -> str | None:
        """The last right reply to a problem, not graded where that is not needed to have it."""
        if self.env.max_turns == 1:
            try:
                with self.desk.doing(f"the oracle of {problem.address}"):
                    reply = self.env.oracle(problem)
            except BaseException:  # the border to foreign code; `solve` will say it
                return None
            if isinstance(reply, str):
                return reply
        solved = self.solve(problem)
        return solved.replies[-1] if solved is not None else None

    def _played(self, problem: Problem) -> Solved | None:
        slowest, replies = 0.0, []
        try:
            episode = self.env.start(problem)
            while episode.verdict is None:
                with self.desk.doing(f"the oracle of {problem.address}"):
                    reply = self.env.oracle(problem, episode.messages)
                if not isinstance(reply, str):
                    break
                replies.append(reply)
                slowest = max(slowest, self._say(episode, reply, "the oracle's reply"))
            verdict = episode.verdict or Verdict.wrong("the oracle had no reply to go on with")
            episode.close()
        except BaseException as failure:  # as in `grade`
            verdict = Verdict.error(f"raised through the environment: {describe(failure)}")
        return Solved(problem, tuple(replies) or ("",), self._graded(verdict, slowest), False)

    def _guessed(self, problem: Problem) -> Solved | None:
        if self.env.max_turns != 1:
            return None
        forms = guessed_forms(problem.answer)
        order = range(len(forms)) if self._guess is None else [self._guess] if self._guess < len(forms) else []
        for number in order:
            graded = self.grade(problem, [forms[number]], "the answer itself")
            if graded.correct or self._guess is not None:
                self._guess = number
                return Solved(problem, (forms[number],), graded, True)
        return None


def digest(value: Any) -> str:
    """A short digest of plain data that does not depend on the order of sets or the addresses of objects."""
    return hashlib.sha256(json.dumps(canonical(value)).encode()).hexdigest()[:16]


def canonical(value: Any, depth: int = 0) -> Any:
    """`value` as JSON data in one order."""
    if depth > 40:
        return "..."
    if value is None or isinstance(value, bool | str | int):
        return value if not isinstance(value, int) or abs(value) < 10**4000 else hex(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Mapping):
        pairs = [[canonical(name, depth + 1), canonical(item, depth + 1)] for name, item in value.items()]
        return ["map", *sorted(pairs, key=json.dumps)]
    if isinstance(value, set | frozenset):
        return ["set", *sorted((canonical(item, depth + 1) for item in value), key=json.dumps)]
    if isinstance(value, list | tuple):
        return [canonical(item, depth + 1) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__name__, *(canonical(getattr(value, one.name), depth + 1) for one in fields(value))]
    return _ADDRESS.sub("0x", repr(value))


def digest_of(problem: Problem) -> str:
    """A digest of all of a problem."""
    return digest([problem.messages, problem.answer, problem.key, problem.family, dict(problem.meta)])
