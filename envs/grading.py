"""Where a reply is graded: here, when grading is cheap and pure, or in worker processes under a deadline.

    Inline(lambda problem, reply: reply == problem.answer).submit(problem, "4").result()     # Verdict
    Pooled("my_env.py:verify", deadline_s=10.0).submit(problem, "4").result()

Both give a future that holds a `Verdict` whatever the grader does. Not covered: running code from a reply (see
`verigym.sandbox`).
"""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Protocol

from verigym.envs.play import failure_of
from verigym.tasks.problem import Problem
from verigym.verifiers.boxes import NoSandbox, shared_bench
from verigym.verifiers.convert import as_verdict
from verigym.verifiers.table import SANDBOXED, submit
from verigym.verifiers.verdict import Verdict

if TYPE_CHECKING:
    from verigym.verifiers.workers import WorkerPool

Verify = Callable[[Problem, str], Any]
"""From a problem and a reply to a Verdict, a bool or a number."""
MEMORY = 1 << 30
PENDING = 1 << 20
"""replies waiting to be graded at most: more than any batch, so that handing one over never waits"""


class Grader(Protocol):
    """What grades replies."""

    def submit(self, problem: Problem, reply: str) -> "Future[Verdict]": ...
    def open(self, workers: int) -> None:
        """Use so many worker processes from now on, where there are any."""

    def close(self) -> None:
        """End the workers. The next `submit` starts new ones."""


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

    def open(self, workers: int) -> None: ...
    def close(self) -> None: ...


class Named:
    """A verifier of `verigym.verifiers` on the problem's answer. Cheap ones run here; what a dear one leaves open goes
    to the worker processes that all users of that verifier in this process share, under a deadline."""

    def __init__(self, name: str, options: Mapping[str, Any] | None = None) -> None:
        self._name, self._options = name, dict(options or {})
        self._workers: int | None = None

    @property
    def runs_programs(self) -> bool:
        """Whether replies are run in the sandbox, so that a verdict may take as long as a program may."""
        return self._name in SANDBOXED

    def submit(self, problem: Problem, reply: str) -> "Future[Verdict]":
        try:
            return submit(self._name, reply, problem.answer, workers=self._workers, **self._options)
        except Exception as failure:  # an answer of the wrong form: the environment is at fault, not the reply
            done: Future[Verdict] = Future()
            done.set_result(failure_of(f"the verifier {self._name!r}", failure))
            return done

    def open(self, workers: int) -> None:
        """Raises NoSandbox where the verifier needs a sandbox and there is none: better at once than at each reply."""
        self._workers = workers
        if self._name in SANDBOXED:
            try:
                shared_bench(self._options.get("tier"), self._options.get("slots"))
            except ValueError as failure:
                raise NoSandbox(str(failure)) from None

    def close(self) -> None: ...


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
        self._pool: WorkerPool | None = None
        self._lock = threading.Lock()

    def submit(self, problem: Problem, reply: str) -> "Future[Verdict]":
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
            return self._pool.submit(*self._arguments(problem, reply))

    def open(self, workers: int) -> None:
        if workers != self._workers:
            self.close()
            self._workers = workers

    def close(self) -> None:
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()
