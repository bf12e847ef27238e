"""Threads that wait: order, overlap, failures, lanes."""

import threading

from verigym.verifiers.crew import Crew, shared_crew
from verigym.verifiers.verdict import Status, Verdict


def test_slow_work_overlaps_and_holds_no_other() -> None:
    crew, met = Crew(3, "test"), threading.Barrier(3, timeout=10)

    def waits() -> Verdict:
        met.wait()  # passes only when three are at it at once
        return Verdict.right("together")

    assert [future.result(20).reason for future in [crew.start(waits) for _ in range(3)]] == ["together"] * 3


def test_no_more_threads_than_asked_for_and_none_without_need() -> None:
    crew, running, most, lock = Crew(2, "few"), 0, 0, threading.Lock()

    def counts() -> Verdict:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        with lock:
            running -= 1
        return Verdict.right("counted")

    assert all(future.result(20).correct for future in [crew.start(counts) for _ in range(200)])
    assert most <= 2
    one = Crew(50, "one")
    for _ in range(20):
        one.start(counts).result(20)
    assert sum(thread.name.startswith("one-") for thread in threading.enumerate()) <= 2


def test_what_work_raises_is_an_error_and_the_thread_lives() -> None:
    crew = Crew(1, "fails")
    verdict = crew.start(lambda: {}["x"]).result(20)
    assert verdict.status is Status.ERROR and verdict.reason.startswith("KeyError: 'x'")
    assert crew.start(lambda: Verdict.right("yes")).result(20).correct


def test_lanes_do_not_wait_for_each_other() -> None:
    release = threading.Event()
    stuck = shared_crew("a", 1, "a").start(lambda: Verdict.right(str(release.wait(20))))
    assert shared_crew("b", 1, "b").start(lambda: Verdict.right("free")).result(20).reason == "free"
    assert not stuck.done() and shared_crew("a", 1, "a") is shared_crew("a", 1, "a")
    release.set()
    assert stuck.result(20).reason == "True"
