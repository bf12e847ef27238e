r"""The verifiers by name, and `verify` / `verify_many`, which run any of them.

    verify("math", reply=r"... \boxed{\frac12}", answer="0.5").correct          # True
    verify_many("number", replies, answers)                                      # order kept, one verdict each

Most verifiers are bounded pure functions and run in the caller. `math` runs its cheap rules here and sends only the
rest to worker processes. `code` finds the program here and runs it in the sandbox. What only waits, `judge` and
`compose`, does so in threads. Workers, sandbox and threads are shared by the whole process, started at the first need,
and ended at exit.
"""

import importlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from verigym.verifiers.verdict import Verdict

if TYPE_CHECKING:
    from verigym.verifiers.boxes import Memo
    from verigym.verifiers.workers import WorkerPool

VERIFIERS: dict[str, str] = {
    "exact": "verigym.verifiers.exact:exact",
    "number": "verigym.verifiers.number:number",
    "expression": "verigym.verifiers.expression:expression",
    "format": "verigym.verifiers.format.check:format_",
    "ifeval": "verigym.verifiers.format.ifeval:ifeval",
    "assignment": "verigym.verifiers.constraints:assignment",
    "sudoku": "verigym.verifiers.constraints:sudoku",
    "path": "verigym.verifiers.constraints:path",
    "queens": "verigym.verifiers.constraints:queens",
    "schedule": "verigym.verifiers.constraints:schedule",
    "sat": "verigym.verifiers.constraints:sat",
    "knapsack": "verigym.verifiers.constraints:knapsack",
    "subset-sum": "verigym.verifiers.constraints:subset_sum",
    "choice": "verigym.verifiers.choice:choice",
    "set": "verigym.verifiers.listed:set_",
    "sequence": "verigym.verifiers.listed:sequence",
    "graph": "verigym.verifiers.graph:graph",
    "program": "verigym.verifiers.program:program",
    "math": "verigym.verifiers.math.verify:first_pass",
    "code": "verigym.verifiers.code:code",
    "compose": "verigym.verifiers.composition:compose",
    "judge": "verigym.verifiers.judge.verifier:judge",
}
"""name -> function(reply, answer, **options), imported at its first use. It gives a Verdict, or what `POOLED`,
`SANDBOXED` or `THREADED` goes on with: arguments for worker processes, or a plan"""

POOLED: Mapping[str, str] = {
    "math": "verigym.verifiers.math.algebra:grade",
    "format": "verigym.verifiers.format.check:grade",
}
"""name -> what worker processes run on the arguments that the first pass left open"""

SANDBOXED: Mapping[str, str] = {"code": "verigym.verifiers.code_judge:judge"}
"""name -> function(plan, bench, memo, deadline_s), which runs programs in the sandbox from a thread of `boxes.Bench`"""

THREADED: Mapping[str, str] = {
    "compose": "verigym.verifiers.composition:run",
    "judge": "verigym.verifiers.judge.verifier:run",
}
"""name -> function(plan, deadline_s), which mostly waits, for a server or for other verifiers. It runs in a thread of
the plan's own lane (`crew.py`), of which there are `plan.most` at most"""

DEADLINE_S = 5.0
"""wall seconds that one reply may cost in a worker, unless the caller says otherwise"""

_pools: dict[tuple[int, str, int], "WorkerPool"] = {}
_pools_lock = threading.Lock()


def verifier_names() -> list[str]:
    """The names that `verify` knows."""
    return list(VERIFIERS)


@cache
def function_of(name: str) -> Callable[..., Any]:
    """The function behind a name of `VERIFIERS`. Raises ValueError for an unknown name, with the nearest one."""
    if name not in VERIFIERS:
        near = get_close_matches(name, VERIFIERS, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"no verifier {name!r}; {hint}The verifiers are {', '.join(VERIFIERS)}")
    return _imported(VERIFIERS[name])


@cache
def _imported(target: str) -> Callable[..., Any]:
    module, _, function = target.partition(":")
    return cast("Callable[..., Any]", getattr(importlib.import_module(module), function))


def verify(
    name: str, reply: str, answer: Any, *, workers: int | None = None, deadline_s: float | None = None, **options: Any
) -> Verdict:
    """What the verifier `name` says of `reply`. Never raises for a reply, whatever it is.

    reply       the model's whole text; anything but a str is `malformed`
    answer      what the problem holds; its form is told by the verifier's own docstring
    workers     worker processes for `math` (2, or 1 on a machine with one core); `code` has the option `slots`
    deadline_s  wall seconds for this reply in a worker (5); for `code`, after which no further test is begun (none);
                for `judge`, for all of its waiting (its option `wait_s`)
    options     the verifier's own, such as extract="boxed" or strict=False

    Raises ValueError for an unknown name or option, and for an `answer` of the wrong form: those are the environment's
    faults.
    """
    return submit(name, reply, answer, workers=workers, deadline_s=deadline_s, **options).result()


def verify_many(
    name: str,
    replies: Sequence[str],
    answers: Sequence[Any],
    *,
    workers: int | None = None,
    deadline_s: float | None = None,
    **options: Any,
) -> list[Verdict]:
    """One verdict for each reply, in order. Arguments as for `verify`.

    A reply that is too dear costs its own deadline and delays no other. `code` runs a test once for all replies with
    the same program. An `answer` of the wrong form gives `Verdict.error` for its own sample. Raises ValueError for an
    unknown name or option, or when there are not as many answers as replies.
    """
    if len(replies) != len(answers):
        raise ValueError(
            f"verify_many got {len(replies)} replies and {len(answers)} answers: it needs one answer for each reply"
        )
    check_options(name, options)
    memo: Memo = {}
    futures: list[Future[Verdict]] = []
    for reply, answer in zip(replies, answers, strict=True):
        try:
            futures.append(_submit(name, reply, answer, workers, deadline_s, options, memo))
        except ValueError as failure:
            futures.append(_done(Verdict.error(str(failure))))
    return [future.result() for future in futures]


def submit(
    name: str,
    reply: str,
    answer: Any,
    *,
    workers: int | None = None,
    deadline_s: float | None = None,
    **options: Any,
) -> "Future[Verdict]":
    """`verify` as a future: done at once for what is graded here, and later for what workers grade. Raises as `verify`
    does.

    In asyncio: `await asyncio.wrap_future(submit("math", reply, answer))`.
    """
    check_options(name, options)
    return _submit(name, reply, answer, workers, deadline_s, options, None)


def _submit(  # noqa: PLR0917
    name: str,
    reply: Any,
    answer: Any,
    workers: int | None,
    deadline_s: float | None,
    options: Mapping[str, Any],
    memo: "Memo | None",
) -> "Future[Verdict]":
    if not isinstance(reply, str):
        return _done(Verdict.malformed(f"the reply is {type(reply).__name__}, not text"))
    outcome = function_of(name)(reply, answer, **options)
    if isinstance(outcome, Verdict):
        return _done(outcome)
    if name in SANDBOXED:
        from verigym.verifiers.boxes import NoSandbox, shared_bench

        try:
            bench = shared_bench(outcome.tier, outcome.slots)
        except NoSandbox as failure:
            return _done(Verdict.error(str(failure)))
        judge = _imported(SANDBOXED[name])
        return bench.start(lambda: judge(outcome, bench, memo, deadline_s))
    if name in THREADED:
        from verigym.verifiers.crew import shared_crew

        waits = _imported(THREADED[name])
        return shared_crew(outcome.lane, outcome.most, name).start(lambda: waits(outcome, deadline_s))
    pool = shared_pool(POOLED[name], workers)
    return pool.submit(*outcome, deadline_s=DEADLINE_S if deadline_s is None else deadline_s)


def _done(verdict: Verdict) -> "Future[Verdict]":
    future: Future[Verdict] = Future()
    future.set_result(verdict)
    return future


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Raises ValueError for an unknown verifier, and for an option that it does not have."""
    known = function_of(name).__kwdefaults__ or {}
    for option in options:
        if option not in known:
            near = get_close_matches(option, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ValueError(f"verifier {name!r} has no option {option!r}; {hint}Its options are {', '.join(known)}")


def shared_pool(target: str, workers: int | None = None) -> "WorkerPool":
    """This process's pool for `target`, made at the first call (after a fork: a new one)."""
    from verigym.verifiers.workers import WorkerPool

    count = workers if workers is not None else min(2, os.cpu_count() or 1)
    key = (os.getpid(), target, count)
    with _pools_lock:
        if key not in _pools:
            _pools[key] = WorkerPool(target, workers=count, deadline_s=DEADLINE_S)
        return _pools[key]
