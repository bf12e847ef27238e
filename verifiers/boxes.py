"""The sandbox that the code verifiers of this process share, and the threads that wait for it.

    bench = shared_bench()                      # VERIGYM_SANDBOX_TIER, VERIGYM_SANDBOX_SLOTS, VERIGYM_SANDBOX_URL
    bench.run(Job("print(1)")).stdout

Made at the first need, one for each process (a fork makes its own) and setting, and closed at exit. Where no tier works
`shared_bench` raises NoSandbox, each time with the same reason and without probing again.
"""

import atexit
import os
import threading
from collections.abc import Callable, MutableMapping, Sequence
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any

from verigym.verifiers.crew import Crew
from verigym.verifiers.verdict import Verdict

if TYPE_CHECKING:
    from verigym.sandbox import Job, Result, Sandbox

TIER = "VERIGYM_SANDBOX_TIER"
ALLOW_UNSAFE = "VERIGYM_SANDBOX_ALLOW_UNSAFE"
"""without it tier unsafe is refused, whoever asks; with it training and evaluation are"""

Memo = MutableMapping[bytes, Any]
"""what is known already in one call of `verify_many`: digest of (program, test) -> what came of it"""

RECENT = 16_384
"""outcomes of (program, test) that a bench remembers, a few hundred bytes each"""

_benches: dict[tuple[int, str, int, tuple[str, ...]], "Bench | NoSandbox"] = {}
_lock = threading.Lock()


class NoSandbox(RuntimeError):
    """No sandbox here, or it failed at this job: the text says why. Never the program's fault."""


def open_sandbox(tier: str | None = None, slots: int | None = None, preload: Sequence[str] = ()) -> "Sandbox":
    """The sandbox that options and environment ask for: this is where the choice is made.

    tier    auto, namespaces, landlock ..., or unsafe under VERIGYM_SANDBOX_ALLOW_UNSAFE=1. None: VERIGYM_SANDBOX_TIER,
            else remote where VERIGYM_SANDBOX_URL (one address or several with commas, with VERIGYM_SANDBOX_TOKEN) is
            set, else auto
    slots   programs at once; None: VERIGYM_SANDBOX_SLOTS, else as many as there are cores
    preload modules that every program finds imported already

    Raises ValueError for a setting that is none, and SandboxUnavailable.
    """
    from verigym.sandbox import Sandbox, SandboxUnavailable

    endpoints = tuple(one.strip() for one in os.environ.get("VERIGYM_SANDBOX_URL", "").split(",") if one.strip())
    tier = tier or os.environ.get(TIER) or ("remote" if endpoints else "auto")
    text = os.environ.get("VERIGYM_SANDBOX_SLOTS", "")
    if slots is None and text:
        if not text.isdecimal() or int(text) < 1:
            raise ValueError(f"VERIGYM_SANDBOX_SLOTS={text!r} is no number of slots; set it to 1 or more")
        slots = int(text)
    if tier == "remote":
        token = os.environ.get("VERIGYM_SANDBOX_TOKEN")
        return Sandbox(slots, tier, preload=preload, endpoints=endpoints, token=token)
    allowed = os.environ.get(ALLOW_UNSAFE, "") not in ("", "0")
    if tier == "unsafe" and not allowed:
        raise SandboxUnavailable(
            f"tier unsafe runs programs with your rights: set {ALLOW_UNSAFE}=1 if you trust all of them"
        )
    return Sandbox(slots, tier, preload=preload, allow_unsafe=allowed and tier == "unsafe")


class Bench:
    """A sandbox, threads that each grade one reply at a time on it, and the tests that are under way."""

    def __init__(self, box: "Sandbox") -> None:
        self.box = box
        self._crew = Crew(2 * box.slots, "code")
        self._lock = threading.Lock()
        self._under_way: dict[bytes, Future[Any]] = {}
        self._recent: dict[bytes, Any] = {}

    def start(self, work: Callable[[], Verdict]) -> "Future[Verdict]":
        """`work()` on a thread of the bench. What it raises becomes `Verdict.error`."""

        def graded() -> Verdict:
            try:
                return work()
            except NoSandbox as failure:
                return Verdict.error(str(failure))

        return self._crew.start(graded)

    def run(self, job: "Job") -> "Result":
        """Run a job and wait. Raises NoSandbox when the sandbox, not the program, failed."""
        from verigym.sandbox import Outcome, SandboxUnavailable

        try:
            result = self.box.run(job)
        except SandboxUnavailable as failure:
            raise NoSandbox(str(failure)) from None
        except CancelledError:
            raise NoSandbox("the sandbox was closed before this was graded") from None
        if result.outcome is Outcome.SANDBOX_ERROR:
            raise NoSandbox(result.detail or "the sandbox failed")
        return result

    def once(self, key: bytes, work: Callable[[], Any], memo: Memo | None) -> Any:
        """`work()`, or what it gave for the same key: in this memo (None: the last RECENT of this bench), or in another
        thread that is at it now. A group says the same program again and again."""
        with self._lock:
            memo = self._recent if memo is None else memo
            if key in memo:
                return memo[key]
            running = self._under_way.get(key)
            if running is None:
                mine: Future[Any] = Future()
                self._under_way[key] = mine
        if running is not None:
            found = running.result()
        else:
            try:
                found = work()
                mine.set_result(found)
            except BaseException as failure:
                mine.set_exception(failure)
                raise
            finally:
                with self._lock:
                    del self._under_way[key]
        with self._lock:
            memo[key] = found
            if memo is self._recent and len(memo) > RECENT:
                del memo[next(iter(memo))]
        return found

    def forget(self, key: bytes, memo: Memo | None) -> None:
        """Let `work` run again for this key: what came of it may not be so next time."""
        with self._lock:
            (self._recent if memo is None else memo).pop(key, None)


def shared_bench(tier: str | None = None, slots: int | None = None, preload: Sequence[str] = ()) -> Bench:
    """This process's bench for these settings. Raises NoSandbox, and ValueError for a setting that is none."""
    from verigym.sandbox import SandboxUnavailable

    key = (os.getpid(), tier or "", slots or 0, tuple(preload))
    with _lock:
        if key not in _benches:
            try:
                _benches[key] = Bench(open_sandbox(tier, slots, preload))
            except SandboxUnavailable as failure:
                _benches[key] = NoSandbox(str(failure))
        found = _benches[key]
    if isinstance(found, NoSandbox):
        raise found
    return found


@atexit.register
def close_benches() -> None:
    """Close every shared sandbox of this process; the next need makes a new one."""
    with _lock:
        mine = [key for key in _benches if key[0] == os.getpid()]
        benches = [_benches.pop(key) for key in mine]
    for bench in benches:
        if isinstance(bench, Bench):
            bench.box.close()
