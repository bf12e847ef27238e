"""Running a trusted grader on untrusted text in worker processes, each item under a hard wall deadline.

    with WorkerPool("verigym.verifiers.number:number", workers=2, deadline_s=5.0) as pool:
        pool.submit("<answer>4</answer>", "4").result().correct      # True

How it works. Each slot is a thread here that owns one worker process, started afresh with `sys.executable` (never
forked from the caller), and speaks with it over its own socket: pickle on the way in, bounded flat JSON on the way out.
No signals, no semaphores, so it works from any thread, from asyncio (`asyncio.wrap_future(pool.submit(...))`) and
beside torch. Loading the function is waited for separately and is not charged to an item.

A slow item holds up nobody: while one runs for more than half a second, another worker stands in for its own, up to six
of them, and leaves when it is over. So what is waiting is delayed by other items' deadlines only where more than that
many are slow at once.

What a future gives (always a `Verdict`, never an exception):

    the function returned       its value through `as_verdict`
    the function raised         `error`, with exception, message and line
    the deadline passed         `timeout`; the worker is killed and replaced, other items are not touched
    memory ran out in Python    `timeout`: the reply is too dear to grade, reason "needs more than N MiB to grade"
    the worker died             once: tried again on a fresh worker; twice: `error`, with the signal or exit code
    the function cannot load    `error` for every item, with the reason

Not covered: this is no sandbox. Code from a reply must not be run in a worker; that is what `verigym.sandbox` is for.
What the function prints is thrown away.
"""

import atexit
import contextlib
import json
import os
import pickle
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from verigym.verifiers import frames
from verigym.verifiers.convert import WIRE_LIMIT, from_wire, parse_wire, printable
from verigym.verifiers.verdict import Verdict

MIB = 1 << 20
PATIENCE_S = 0.5
"""wall seconds after which an item is slow, and another worker stands in"""
STAND_INS = 6
"""workers that may stand in at once"""
START_S = 120.0
"""seconds a worker may take to load its function before it counts as dead"""
_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "RAYON_NUM_THREADS",
)


class _Unloadable(Exception):
    """The worker said that its function cannot be loaded: trying again is of no use."""


@dataclass
class _Item:
    arguments: bytes
    deadline_s: float
    future: "Future[Verdict]" = field(default_factory=Future)


class _Worker:
    """One process and the line to it. Used by one thread at a time, except `kill`, which any thread may call."""

    def __init__(self, settings: bytes) -> None:
        """Start the process. Raises OSError when the system refuses one."""
        self.served = 0
        self._settings = settings
        self.line, theirs = socket.socketpair()
        environment = {**os.environ, **dict.fromkeys(_ONE_THREAD, "1"), "PYTHONHASHSEED": "0"}
        command = [sys.executable, "-P", "-m", "verigym.verifiers.worker", str(theirs.fileno())]
        try:
            # A session of its own: Ctrl-C in the terminal is the caller's business, and the whole group can be killed.
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=environment,
                start_new_session=True,
            )
        except OSError:
            self.line.close()
            raise
        finally:
            theirs.close()

    def load(self) -> None:
        """Wait until the function is loaded. Raises _Unloadable, Late or Hangup."""
        until = time.monotonic() + START_S
        frames.send(self.line, self._settings, until)
        first = _record(frames.receive(self.line, WIRE_LIMIT, until))
        if "ready" not in first:
            raise _Unloadable(printable(str(first.get("failed", first)), 1000))

    def grade(self, item: _Item, slow: Callable[[], None]) -> tuple[Verdict, bool]:
        """The verdict, and whether the worker is still good; `slow` is called when it takes longer than most. Raises
        Late or Hangup: the worker must then be ended."""
        self.served += 1
        request = pickle.dumps((self.served, item.deadline_s, item.arguments))
        until = time.monotonic() + item.deadline_s
        frames.send(self.line, request, until)
        if item.deadline_s > PATIENCE_S and not frames.waiting(self.line, PATIENCE_S):
            slow()
        reply = _record(frames.receive(self.line, WIRE_LIMIT, until))
        if reply.get("serial") != self.served:
            raise frames.Hangup("it answered another question")
        try:
            return from_wire(reply.get("verdict")), reply.get("good") is True
        except ValueError as failure:
            raise frames.Hangup(str(failure)) from None

    def kill(self) -> None:
        """End the process and everything in its group."""
        if self.process.returncode is None:  # not reaped yet, so the number is still its own
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def end(self) -> str:
        """Kill, reap and close. Returns how the process ended, for a person."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=0.05)  # one that is dying on its own tells its own exit code
        self.kill()
        code = self.process.wait()
        self.line.close()
        if code >= 0:
            return f"exit code {code}"
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"


class WorkerPool:
    """A bounded pool of worker processes that grade with one function.

    target      "package.module:function" or "path/to/file.py:function", loaded once in each worker
    workers     processes at most; each is started when there is work for it
    deadline_s  wall seconds an item may take, from the moment a ready worker is handed it
    memory      bytes the function may allocate on top of what a loaded worker holds (Linux)
    preload     modules to import before the function is loaded
    pending     items in flight at most: `submit` waits for room beyond that
    recycle     a worker is replaced after so many items, which bounds what a leaking grader can hold

    Arguments must be plain data, or instances of classes that a worker can import. Raises ValueError for a setting out
    of range.
    """

    def __init__(
        self,
        target: str,
        *,
        workers: int = 2,
        deadline_s: float = 5.0,
        memory: int = 1024 * MIB,
        preload: Sequence[str] = (),
        pending: int = 1024,
        recycle: int = 5000,
    ) -> None:
        for name, value in (("workers", workers), ("deadline_s", deadline_s), ("memory", memory), ("pending", pending)):
            if not value > 0:
                raise ValueError(f"{name}={value} must be above 0")
        self.target, self.workers, self.deadline_s = target, workers, deadline_s
        path = [entry or str(Path.cwd()) for entry in sys.path]
        self._settings = json.dumps(
            {"target": target, "path": path, "preload": list(preload), "memory": memory}
        ).encode()
        self._recycle, self._owner = recycle, os.getpid()
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._room = threading.BoundedSemaphore(pending)
        self._lock = threading.Lock()
        self._idle = threading.Semaphore(0)
        self._threads: list[threading.Thread] = []
        self._slow = 0
        self._live: set[_Worker] = set()
        self._broken = ""
        self._closed = False
        atexit.register(self.close)

    def submit(self, *arguments: Any, deadline_s: float | None = None) -> "Future[Verdict]":
        """Grade one item. The future gives a `Verdict` whatever happens; waits here while `pending` items are in
        flight.

        Raises RuntimeError when the pool is closed, or was made in another process (make it after the fork).
        """
        if os.getpid() != self._owner:
            raise RuntimeError("this WorkerPool belongs to another process: make one after forking")
        item = _Item(b"", self.deadline_s if deadline_s is None else deadline_s)
        try:
            item.arguments = pickle.dumps(arguments)
        except Exception as failure:  # pickling runs the arguments' own code
            item.future.set_result(Verdict.error(f"cannot be sent to a worker: {type(failure).__name__}: {failure}"))
            return item.future
        self._room.acquire()
        with self._lock:
            if self._closed:
                self._room.release()
                raise RuntimeError("this WorkerPool is closed")
            self._queue.put(item)
            if not self._idle.acquire(blocking=False):
                self._enlist()
        return item.future

    def map(self, items: Iterable[Sequence[Any]], deadline_s: float | None = None) -> list[Verdict]:
        """The verdicts of `function(*item)` for every item, in order."""
        futures = [self.submit(*item, deadline_s=deadline_s) for item in items]
        return [future.result() for future in futures]

    def close(self) -> None:
        """End every worker. Items not graded yet get `Verdict.error`. May be called twice, and from any thread."""
        atexit.unregister(self.close)
        if os.getpid() != self._owner:
            return
        with self._lock:
            self._closed = True
            for worker in self._live:
                worker.kill()
            threads = list(self._threads)
            for _ in threads:
                self._queue.put(None)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(timeout=10)

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _enlist(self) -> None:
        """One more thread where there may be one. The lock is held."""
        if not self._closed and len(self._threads) < self.workers + min(self._slow, STAND_INS):
            name = f"verigym-grader-{len(self._threads)}"
            thread = threading.Thread(target=self._serve, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _slower(self) -> None:
        """An item turned out to be slow: another thread stands in where something waits."""
        with self._lock:
            self._slow += 1
            if not self._queue.empty():
                self._enlist()

    def _leaves(self) -> bool:
        """Whether the current thread has stood in for long enough; if not, it counts as idle from here on."""
        with self._lock:
            surplus = len(self._threads) > self.workers + min(self._slow, STAND_INS)
            if surplus and self._queue.empty() and not self._closed:
                self._threads.remove(threading.current_thread())
                return True
            if not self._closed:
                self._idle.release()
            return False

    def _serve(self) -> None:
        worker: _Worker | None = None
        while (item := self._queue.get()) is not None:
            if item.future.set_running_or_notify_cancel():
                verdict, worker = self._grade(worker, item)
                self._room.release()
                item.future.set_result(verdict)
            else:
                self._room.release()
            if self._leaves():
                break
        if worker is not None:
            self._end(worker)

    def _grade(self, worker: _Worker | None, item: _Item) -> tuple[Verdict, _Worker | None]:
        """The verdict, and the worker to use next (None: start one)."""
        told: list[bool] = []

        def slow() -> None:
            if not told:
                told.append(True)
                self._slower()

        try:
            return self._tried(worker, item, slow)
        finally:
            if told:
                with self._lock:
                    self._slow -= 1

    def _tried(self, worker: _Worker | None, item: _Item, slow: Callable[[], None]) -> tuple[Verdict, _Worker | None]:
        ending = ""
        for _ in range(2):
            if self._closed or self._broken:
                return Verdict.error(self._broken or "the pool was closed before this was graded"), worker
            try:
                worker = worker or self._start()
                verdict, good = worker.grade(item, slow)
            except frames.Late:
                if worker is not None:
                    self._end(worker)
                return Verdict.timeout(f"took more than {item.deadline_s:g} s to grade"), None
            except (frames.Hangup, OSError) as failure:
                ending = str(failure) if worker is None else f"{self._end(worker)}; {failure}"
                worker = None
                continue
            except _Unloadable as failure:
                self._broken = f"the grader {self.target!r} cannot be loaded: {failure}"
                continue
            if good and worker.served < self._recycle:
                return verdict, worker
            self._end(worker)
            return verdict, None
        if self._closed or self._broken:
            return Verdict.error(self._broken or "the pool was closed before this was graded"), worker
        return Verdict.error(f"the grader died twice on this reply: {ending}"), None

    def _start(self) -> _Worker:
        """A loaded worker. Raises Hangup, OSError or _Unloadable; nothing is left running then."""
        worker = _Worker(self._settings)
        with self._lock:
            self._live.add(worker)
            if self._closed:
                worker.kill()
        try:
            worker.load()
        except frames.Late:
            self._end(worker)
            raise frames.Hangup(f"it was not ready after {START_S:g} s") from None
        except frames.Hangup as failure:
            raise frames.Hangup(f"it died while loading ({self._end(worker)}): {failure}") from None
        except _Unloadable:
            self._end(worker)
            raise
        return worker

    def _end(self, worker: _Worker) -> str:
        ending = worker.end()
        with self._lock:
            self._live.discard(worker)
        return ending


def _record(frame: bytes) -> dict[str, Any]:
    try:
        return parse_wire(frame)
    except ValueError as failure:
        raise frames.Hangup(str(failure)) from None
