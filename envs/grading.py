"""Where a reply is graded: here, when grading is cheap and pure, or in worker processes under a deadline.

    Inline(lambda problem, reply: reply == problem.answer).submit(problem, "4").result()     # Verdict
    Pooled("my_env.py:verify", deadline_s=10.0).submit(problem, "4").result()

Both give a future that holds a `Verdict` whatever the grader does. Not covered: running code from a reply (see
`verigym.sandbox`).

Processes and sandboxes may also be on other machines (`Machines`). What moves there is what would go to them here:
`Pooled`, and `Named` where the verifier works in processes or runs programs. `Inline` and a judge, whose key is this
machine's, stay, and so does a `play` itself; what a play hands to a grader that moves, goes with it.
"""

import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from verigym.envs.play import failure_of
from verigym.tasks.problem import Problem
from verigym.verifiers.boxes import NoSandbox, shared_bench
from verigym.verifiers.convert import as_verdict
from verigym.verifiers.table import POOLED, SANDBOXED, submit
from verigym.verifiers.verdict import Verdict

if TYPE_CHECKING:
    from verigym.verifiers.workers import WorkerPool

Verify = Callable[[Problem, str], Any]
"""From a problem and a reply to a Verdict, a bool or a number."""
MEMORY = 1 << 30
PENDING = 1 << 20
"""replies waiting to be graded at most: more than any batch, so that handing one over never waits"""


class Machines(Protocol):
    """Machines that grade in place of this one. What they are told to do is a function of a module that is installed
    there, with plain data."""

    def submit(self, grade: Callable[..., "Future[Verdict]"], *arguments: Any) -> "Future[Verdict]":
        """What `grade(*arguments)` gives on one of them."""

    def everywhere(self, prepare: Callable[..., None], *arguments: Any) -> None:
        """Has each of them do `prepare(*arguments)`. Raises what it raises there."""

    def close(self) -> None:
        """Leave them."""


class Grader(Protocol):
    """What grades replies."""

    def submit(self, problem: Problem, reply: str) -> "Future[Verdict]": ...
    def open(self, workers: int, machines: Machines | None = None) -> None:
        """Use so many worker processes from now on, where there are any; or other `machines`, where it can move."""

    def close(self) -> None:
        """End the workers. The next `submit` starts new ones, here."""


class Inline:
    """Grades at once, in this process: for graders that are fast and cannot hang."""

    def __init__(self, verify: Verify) -> None:
        self._verify = verify

    def submit(self, problem: Problem, reply: str) -> "Future[Verdict]":
        done: Future[Verdict] = Future()
        try:
            done.set_result(as_verdict(self._verify(problem, reply)))
        except (Exception, SystemExit) as failure:  # the environment's own code: one sample, never the step
            done.set_result(failure_of("verify", failure))
        return done

    def open(self, workers: int, machines: Machines | None = None) -> None: ...
    def close(self) -> None: ...


class Named:
    """A verifier of `verigym.verifiers` on the problem's answer. Cheap ones run here; what a dear one leaves open goes
    to the worker processes that all users of that verifier in this process share, under a deadline."""

    def __init__(self, name: str, options: Mapping[str, Any] | None = None) -> None:
        self._name, self._options = name, dict(options or {})
        self._workers: int | None = None
        self._machines: Machines | None = None

    @property
    def runs_programs(self) -> bool:
        """Whether replies are run in the sandbox, so that a verdict may take as long as a program may."""
        return self._name in SANDBOXED

    def submit(self, problem: Problem, reply: str) -> "Future[Verdict]":
        if self._machines is not None:
            return self._machines.submit(submit_named, self._name, self._options, reply, problem.answer)
        return submit_named(self._name, self._options, reply, problem.answer, self._workers)

    def open(self, workers: int, machines: Machines | None = None) -> None:
        """Raises NoSandbox where the verifier needs a sandbox and there is none: better at once than at each reply."""
        self._workers = workers
        self._machines = machines if machines is not None and self._moves() else None
        if self._machines is not None:
            self._machines.everywhere(prepare_named, self._name, self._options)
        else:
            prepare_named(self._name, self._options)

    def close(self) -> None:
        self._machines = None

    def _moves(self) -> bool:
        """Whether another machine can do as well: where processes or sandboxes grade, and no judge."""
        from verigym.verifiers.composition import parts_of

        names = parts_of(self._options["spec"]) if self._name == "compose" else {self._name}
        return bool(names & {*POOLED, *SANDBOXED}) and "judge" not in names


def submit_named(
    name: str, options: Mapping[str, Any], reply: str, answer: Any, workers: int | None = 1
) -> "Future[Verdict]":
    """The verdict of a verifier by its name, on the machine that this is called on."""
    try:
        return submit(name, reply, answer, workers=workers, **options)
    except Exception as failure:  # an answer of the wrong form: the environment is at fault, not the reply
        done: Future[Verdict] = Future()
        done.set_result(failure_of(f"the verifier {name!r}", failure))
        return done


def prepare_named(name: str, options: Mapping[str, Any]) -> None:
    """Starts the sandbox of a verifier that needs one, on the machine that this is called on. Raises NoSandbox."""
    if name in SANDBOXED:
        try:
            shared_bench(options.get("tier"), options.get("slots"))
        except ValueError as failure:
            raise NoSandbox(str(failure)) from None


class Pooled:
    """Grades in worker processes, which start with the first reply.

    target      "package.module:function" or "path/to/file.py:function"
    arguments   from a problem and a reply to what the function is called with; (problem, reply) itself by default
    """

    def __init__(
        self,
        target: str,
        *,
        arguments: Callable[[Problem, str], tuple[Any, ...]] = lambda problem, reply: (problem, reply),
        deadline_s: float = 10.0,
        preload: tuple[str, ...] = (),
    ) -> None:
        self._target, self._arguments, self._deadline_s, self._preload = target, arguments, deadline_s, preload
        self._workers = 1
        self._machines: Machines | None = None
        self._pool: WorkerPool | None = None
        self._lock = threading.Lock()

    def submit(self, problem: Problem, reply: str) -> "Future[Verdict]":
        arguments = self._arguments(problem, reply)
        if self._machines is not None:
            settings = self._target, self._deadline_s, self._preload
            return self._machines.submit(submit_pooled, settings, arguments)
        return self.grade(*arguments)

    def grade(self, *arguments: Any) -> "Future[Verdict]":
        """What the function says of its arguments, in a worker process here."""
        from verigym.verifiers.workers import WorkerPool

        with self._lock:
            if self._pool is None:
                self._pool = WorkerPool(
                    self._target,
                    workers=self._workers,
                    deadline_s=self._deadline_s,
                    memory=MEMORY,
                    preload=self._preload,
                    pending=PENDING,
                )
            return self._pool.submit(*arguments)

    def open(self, workers: int, machines: Machines | None = None) -> None:
        if workers != self._workers:
            self.close()
            self._workers = workers
        self._machines = machines
        if machines is not None:
            machines.everywhere(look_in, [entry for entry in sys.path if entry])

    def close(self) -> None:
        self._machines = None
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()


def submit_pooled(settings: tuple[str, float, tuple[str, ...]], arguments: tuple[Any, ...]) -> "Future[Verdict]":
    """What the worker processes of the machine that this is called on say; settings: target, deadline, preload. A file
    must lie there under the same path."""
    return _pooled(settings).grade(*arguments)


def look_in(path: list[str]) -> None:
    """Finds modules where another process does, what is found here first."""
    sys.path.extend(entry for entry in path if entry not in sys.path)


@cache
def _pooled(settings: tuple[str, float, tuple[str, ...]]) -> Pooled:
    target, deadline_s, preload = settings
    return Pooled(target, deadline_s=deadline_s, preload=preload)
