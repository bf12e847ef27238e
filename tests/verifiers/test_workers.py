"""The process model: deadlines, deaths, memory, order, threads, asyncio, and nothing left behind."""

import asyncio
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from verigym.verifiers.verdict import Status, Verdict
from verigym.verifiers.workers import MIB, STAND_INS, WorkerPool

GRADERS = """
import os, sys, time
from dataclasses import dataclass
from pathlib import Path

def grade(kind, value=0):
    if kind == "sleep":
        time.sleep(value)
    elif kind == "spin in C":
        return (10**9) ** (10**8) > value
    elif kind == "allocate":
        return len(b"x" * (8 << 30)) > 0
    elif kind == "exit":
        os._exit(3)
    elif kind == "sys.exit":
        sys.exit(0)
    elif kind == "raise":
        raise ValueError("no such luck")
    elif kind == "junk":
        print("{}" * 1000)
        os.write(1, b"junk")
        os.write(2, b"junk")
        print(sys.stdin.read())
    elif kind == "close all":
        os.closerange(3, 256)
    elif kind == "deep parts":
        from verigym.verifiers import Verdict
        return Verdict(1.0, True, parts={"a": [[[]]]})
    elif kind == "long":
        from verigym.verifiers import Verdict
        return Verdict.right("r" * 10**7, "e" * 10**7)
    elif kind == "surrogates":
        from verigym.verifiers import Verdict
        return Verdict.right("\\ud800 \\n", value)
    elif kind == "once":
        marker = Path(value)
        if not marker.exists():
            marker.write_text(str(os.getpid()))
            time.sleep(60)
    elif kind == "pid":
        return os.getpid()
    elif kind == "threads":
        return os.environ["OMP_NUM_THREADS"] == "1"
    elif kind == "child":
        import subprocess
        Path(value).write_text(str(subprocess.Popen(["sleep", "60"]).pid))
        time.sleep(60)
    elif kind == "value":
        return value
    return True

@dataclass
class Local:
    text: str
"""


@pytest.fixture(scope="module")
def graders(tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("graders") / "graders.py"
    place.write_text(GRADERS)
    return f"{place}:grade"


@pytest.fixture(scope="module")
def pool(graders: str):
    with WorkerPool(graders, workers=1, deadline_s=10.0, memory=512 * MIB) as one:
        yield one


def alive(pid: int) -> bool:
    """Whether the process runs; one that is dead and not reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def gone(pid: int, within_s: float = 5.0) -> bool:
    until = time.monotonic() + within_s
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not alive(pid)


@pytest.mark.parametrize(
    ("value", "reward", "correct", "status"),
    [
        (True, 1.0, True, Status.OK),
        (False, 0.0, False, Status.OK),
        (1, 1.0, True, Status.OK),
        (0.25, 0.25, False, Status.OK),
        (-2.0, -2.0, None, Status.OK),
        (3, 3.0, None, Status.OK),
        (float("nan"), 0.0, None, Status.ERROR),
        (float("inf"), 0.0, None, Status.ERROR),
        (10**400, 0.0, None, Status.ERROR),
        (None, 0.0, None, Status.ERROR),
        ("right", 0.0, None, Status.ERROR),
        (Verdict.wrong("close", "7", reward=0.5), 0.5, False, Status.OK),
    ],
)
def test_what_a_grader_may_return(
    pool: WorkerPool, value: object, reward: float, correct: object, status: Status
) -> None:
    verdict = pool.submit("value", value).result()
    assert (verdict.reward, verdict.correct, verdict.status) == (reward, correct, status)


def test_an_exception_is_an_error_with_its_line(pool: WorkerPool) -> None:
    verdict = pool.submit("raise").result()
    assert verdict.status is Status.ERROR
    assert verdict.reason == "the grader raised ValueError: no such luck (graders.py:18)"


def test_sys_exit_is_an_error_and_not_a_death(pool: WorkerPool) -> None:
    before = pool.submit("pid").result().reward
    assert "SystemExit" in pool.submit("sys.exit").result().reason
    assert pool.submit("pid").result().reward == before


@pytest.mark.parametrize("kind", ["sleep", "spin in C"])
def test_a_deadline_is_kept_and_the_next_item_is_graded(pool: WorkerPool, kind: str) -> None:
    pool.submit("value", True).result()
    started = time.monotonic()
    verdict = pool.submit(kind, 60, deadline_s=0.5).result()
    assert 0.45 < time.monotonic() - started < 3.0
    assert (verdict.status, verdict.correct) == (Status.TIMEOUT, False)
    assert verdict.reason == "took more than 0.5 s to grade"
    assert pool.submit("value", True).result().correct


def test_too_much_memory_is_a_timeout_that_says_memory(pool: WorkerPool) -> None:
    verdict = pool.submit("allocate").result()
    assert (verdict.status, verdict.reason) == (Status.TIMEOUT, "needs more than 512 MiB to grade")
    assert pool.submit("value", True).result().correct


def test_a_death_is_tried_once_more_and_then_an_error(pool: WorkerPool) -> None:
    verdict = pool.submit("exit").result()
    assert verdict.status is Status.ERROR
    assert "died twice on this reply: exit code 3" in verdict.reason
    assert pool.submit("value", True).result().correct


def test_a_worker_that_closes_its_line_is_replaced(pool: WorkerPool) -> None:
    assert pool.submit("close all").result().status is Status.ERROR
    assert pool.submit("value", True).result().correct


def test_a_worker_killed_in_the_middle_is_tried_again_and_right(graders: str, tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    with WorkerPool(graders, workers=2, deadline_s=30.0) as pool:
        future = pool.submit("once", str(marker))
        others = [pool.submit("value", True) for _ in range(5)]
        until = time.monotonic() + 10
        while not (marker.exists() and marker.read_text()) and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(int(marker.read_text()), signal.SIGKILL)
        assert future.result().correct
        assert all(other.result().correct for other in others)


def test_what_a_grader_prints_does_not_reach_the_line(pool: WorkerPool) -> None:
    assert pool.submit("junk").result().correct


def test_long_and_odd_verdicts_are_cut_and_cleaned(pool: WorkerPool) -> None:
    verdict = pool.submit("long").result()
    assert (len(verdict.reason), len(verdict.extracted or "")) == (500, 2000)
    assert pool.submit("surrogates", "a\ud800b").result().extracted == "a?b"


def test_a_verdict_that_cannot_be_sent_is_an_error(pool: WorkerPool) -> None:
    assert "cannot be sent" in pool.submit("deep parts").result().reason


def test_an_argument_that_does_not_pickle_is_an_error(pool: WorkerPool) -> None:
    assert "cannot be sent to a worker" in pool.submit(lambda: 0).result().reason


def test_threads_are_pinned(pool: WorkerPool) -> None:
    assert pool.submit("threads").result().correct


def test_a_slow_item_delays_nobody_and_order_is_kept(graders: str) -> None:
    with WorkerPool(graders, workers=2, deadline_s=3.0) as pool:
        pool.map([("value", 0)] * 4)
        started = time.monotonic()
        verdicts = pool.map([("sleep", 60), *(("value", n / 1000) for n in range(500))], deadline_s=3.0)
        assert time.monotonic() - started < 5.0
        assert verdicts[0].status is Status.TIMEOUT
        assert [verdict.reward for verdict in verdicts[1:]] == [n / 1000 for n in range(500)]


def test_submit_waits_for_room(graders: str) -> None:
    with WorkerPool(graders, workers=1, deadline_s=10.0, pending=2) as pool:
        pool.submit("value", True).result()
        started = time.monotonic()
        futures = [pool.submit("sleep", 0.2) for _ in range(4)]
        assert time.monotonic() - started > 0.3
        assert all(future.result().correct for future in futures)


def test_a_worker_is_recycled(graders: str) -> None:
    with WorkerPool(graders, workers=1, recycle=2) as pool:
        pids = [verdict.reward for verdict in pool.map([("pid",)] * 4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nowhere/at_all.py:f", "no file 'nowhere/at_all.py'"),
        ("verigym.verifiers:nothing", "has no attribute 'nothing'"),
        ("verigym.verifiers", "write package.module:function or path/to/file.py:function"),
        ("json:__name__", "is a str, not a function"),
    ],
)
def test_a_target_that_cannot_be_loaded_is_an_error_for_every_item(target: str, message: str) -> None:
    with WorkerPool(target, workers=1) as pool:
        verdicts = pool.map([(1,)] * 3)
    assert all(verdict.status is Status.ERROR and message in verdict.reason for verdict in verdicts)


def test_loading_is_not_charged_to_the_first_item(tmp_path: Path) -> None:
    place = tmp_path / "slow_to_load.py"
    place.write_text("import time\ntime.sleep(1.0)\ndef f(x):\n    return x\n")
    with WorkerPool(f"{place}:f", workers=1, deadline_s=0.5) as pool:
        assert pool.submit(True).result().correct


def test_from_a_thread_and_from_asyncio(pool: WorkerPool) -> None:
    seen: list[Verdict] = []
    thread = threading.Thread(target=lambda: seen.append(pool.submit("value", True).result()))
    thread.start()
    thread.join()

    async def many() -> list[Verdict]:
        return await asyncio.gather(*(asyncio.wrap_future(pool.submit("value", n)) for n in (0, 1)))

    assert seen[0].correct
    assert [verdict.reward for verdict in asyncio.run(many())] == [0.0, 1.0]


def test_close_ends_every_process_and_its_children(graders: str, tmp_path: Path) -> None:
    marker = tmp_path / "child"
    pool = WorkerPool(graders, workers=2, deadline_s=60.0)
    pids = {int(verdict.reward) for verdict in pool.map([("pid",)] * 2)}
    future = pool.submit("child", str(marker))
    until = time.monotonic() + 10
    while not (marker.exists() and marker.read_text()) and time.monotonic() < until:
        time.sleep(0.01)
    waiting = [pool.submit("sleep", 30) for _ in range(3)]
    pool.close()
    pool.close()
    assert all(gone(pid) for pid in [*pids, int(marker.read_text())])
    assert future.result(timeout=5).status is Status.ERROR
    assert all("closed" in one.result(timeout=5).reason for one in waiting[1:])
    with pytest.raises(RuntimeError, match="this WorkerPool is closed"):
        pool.submit("value", True)


def test_workers_leave_when_their_parent_is_killed(graders: str, tmp_path: Path) -> None:
    import subprocess
    import sys

    script = (
        "import sys, time\nfrom verigym.verifiers.workers import WorkerPool\n"
        f"pool = WorkerPool({graders!r}, workers=1)\nprint(int(pool.submit('pid').result().reward), flush=True)\n"
        "pool.submit('sleep', 60)\ntime.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-P", "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert alive(pid)
    parent.kill()
    parent.wait()
    assert gone(pid)


def test_a_pool_left_open_does_not_keep_the_program_from_ending(graders: str) -> None:
    import subprocess
    import sys

    script = (
        "from verigym.verifiers.workers import WorkerPool\n"
        f"pool = WorkerPool({graders!r}, workers=2)\nprint(int(pool.submit('pid').result().reward))\n"
        "pool.submit('sleep', 60)\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, timeout=15, check=True)
    assert done.stderr == ""
    assert gone(int(done.stdout))


def test_a_pool_of_another_process_is_refused(pool: WorkerPool) -> None:
    pool.submit("value", True).result()
    owner, pool._owner = pool._owner, -1
    try:
        with pytest.raises(RuntimeError, match="make one after forking"):
            pool.submit("value", True)
    finally:
        pool._owner = owner


@pytest.mark.parametrize("setting", ["workers", "deadline_s", "memory", "pending"])
def test_settings_out_of_range(setting: str) -> None:
    with pytest.raises(ValueError, match=f"{setting}=0 must be above 0"):
        WorkerPool("a:b", **{setting: 0})


def serving() -> int:
    return sum(thread.name.startswith("verigym-grader") for thread in threading.enumerate())


def test_slow_items_hold_up_nobody(graders: str) -> None:
    before = serving()
    with WorkerPool(graders, workers=1, deadline_s=60.0) as pool:
        slow = [pool.submit("sleep", 12.0) for _ in range(3)]
        quick = [pool.submit("value", 1) for _ in range(20)]
        assert all(future.result(timeout=50).correct for future in quick)
        assert not slow[-1].done()  # one worker alone would have finished all of them first
        assert all(future.result(timeout=50).correct for future in slow)
        until = time.monotonic() + 20
        while serving() - before > 1 and time.monotonic() < until:
            time.sleep(0.05)
        assert serving() - before == 1  # who stood in has left
        assert pool.submit("value", 1).result(timeout=50).correct


def test_no_more_stand_in_than_may(graders: str) -> None:
    before = serving()
    with WorkerPool(graders, workers=1, deadline_s=60.0) as pool:
        slow = [pool.submit("sleep", 2.0) for _ in range(STAND_INS + 3)]
        most = 0
        while not all(future.done() for future in slow):
            most = max(most, serving() - before)
            time.sleep(0.02)
        assert 1 < most <= 1 + STAND_INS
        assert all(future.result().correct for future in slow)
