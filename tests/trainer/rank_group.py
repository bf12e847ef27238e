"""Starts the processes of a group of ranks for a test, and ends them whatever happens."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

WORKER = Path(__file__).parent / "rank_worker.py"
DEADLINE_S = 60.0


def free_port() -> int:
    """A port that nobody listens on, out of the way of other tests' connections."""
    for port in range(20_000 + os.getpid() % 10_000, 32_000):
        with socket.socket() as found:
            try:
                found.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")


def run_group(count: int, *words: str, worker: Path = WORKER) -> None:
    """Runs `rank_worker.py WORDS`, or another worker, on so many ranks. Fails at once when one of them does, with its
    last words."""
    meeting = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    started = [
        subprocess.Popen(
            [sys.executable, "-P", str(worker), *words],
            env={**os.environ, **meeting, "RANK": str(rank), "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
        )
        for rank in range(count)
    ]
    deadline = time.monotonic() + DEADLINE_S
    try:
        while any(process.poll() is None for process in started):
            assert time.monotonic() < deadline, f"the ranks took more than {DEADLINE_S:.0f} s"
            if any(process.poll() for process in started):
                break
            time.sleep(0.02)
    finally:
        for process in started:
            process.kill()
        said = [process.communicate()[1].decode(errors="replace") for process in started]
    codes = [process.returncode for process in started]
    assert codes == [0] * count, f"ranks ended with {codes}: " + " | ".join(text[-1500:] for text in said)
