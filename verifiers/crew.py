"""Threads that wait: for a server, a sandbox, or other verifiers.

    crew = Crew(8, "judge")
    crew.start(lambda: Verdict.right("yes")).result().correct        # True

Work that waits longest holds its own thread and no other. Threads start with need, at most `most` of them, and are
daemons: at exit nobody waits for what was still being graded.
"""

import os
import queue
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future

from verigym.verifiers.convert import describe
from verigym.verifiers.verdict import Verdict

_crews: dict[tuple[int, Hashable], "Crew"] = {}
_lock = threading.Lock()


class Crew:
    """At most `most` threads that each do one piece of work at a time, in the order in which it came."""

    def __init__(self, most: int, name: str) -> None:
        self._work: queue.SimpleQueue[tuple[Callable[[], Verdict], Future[Verdict]]] = queue.SimpleQueue()
        self._most, self._name = most, name
        self._threads: list[threading.Thread] = []
        self._idle = threading.Semaphore(0)
        self._lock = threading.Lock()

    def start(self, work: Callable[[], Verdict]) -> "Future[Verdict]":
        """`work()` on a thread. What it raises becomes `Verdict.error`."""
        future: Future[Verdict] = Future()
        with self._lock:
            self._work.put((work, future))
            if not self._idle.acquire(blocking=False) and len(self._threads) < self._most:
                thread = threading.Thread(target=self._serve, name=f"{self._name}-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()
        return future

    def _serve(self) -> None:
        while True:
            work, future = self._work.get()
            if future.set_running_or_notify_cancel():
                try:
                    verdict = work()
                except Exception as failure:  # a fault of ours must mask its sample, and never end the thread
                    verdict = Verdict.error(describe(failure))
                future.set_result(verdict)
            self._idle.release()


def shared_crew(lane: Hashable, most: int, name: str) -> Crew:
    """This process's crew for a lane, made at the first call (after a fork: a new one). Different lanes never wait for
    each other."""
    key = (os.getpid(), lane)
    with _lock:
        if key not in _crews:
            _crews[key] = Crew(most, name)
        return _crews[key]
