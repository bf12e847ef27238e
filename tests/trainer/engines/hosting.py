"""Servers of `verigym serve` as processes, for tests: started side by side, with deadlines, and ended whatever happens.

with servers(2, model="tiny-llama", folder=tmp_path) as (first, second):
    first.kill()
    first.begin()                # again, at the same address
    first.ready()
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

START_S = 60.0
"""Longest that a server may take to start; seconds."""
END_S = 20.0
"""Longest that it may take to end when it is told to; seconds."""
TOKEN = "a token for engines in tests"
COMMAND = "import sys; from verigym.trainer.cli.index import main; sys.exit(main())"


class Server:
    """One server. port: 0 until it has started for the first time, then the one that it got."""

    def __init__(self, model: str, folder: Path, number: int, words: tuple[str, ...]) -> None:
        self.words = (model, *words)
        self.folder, self.number, self.port = folder, number, 0
        self.process: subprocess.Popen[bytes] | None = None
        self.log = folder / f"server-{number}.txt"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def begin(self) -> None:
        """Starts the process, and does not wait for it."""
        token_file = self.folder / "token"
        token_file.write_text(TOKEN)
        where = ("--port", str(self.port), "--token-file", str(token_file))
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", COMMAND, "serve", *self.words, *where],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                start_new_session=True,
            )

    def ready(self, deadline_s: float = START_S) -> None:
        """Waits until it listens; fails at once when it has died."""
        assert self.process is not None
        until = time.monotonic() + deadline_s
        while "use it:" not in self.said():
            assert self.process.poll() is None, f"server {self.number} died as it started: {self.said()[-2000:]}"
            assert time.monotonic() < until, (
                f"server {self.number} has not started in {deadline_s:.0f} s: {self.said()}"
            )
            time.sleep(0.05)
        self.port = int(self.said().split("http://127.0.0.1:")[1].split()[0])

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """Ends it at once, with all that it started."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(END_S)

    def terminate(self) -> int:
        """Tells it to end, and returns its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(END_S)


@contextmanager
def servers(
    count: int, *, model: str, folder: Path, words: tuple[str, ...] = (), start_s: float = START_S
) -> Iterator[list[Server]]:
    """Servers that have started, all at once."""
    found = [Server(model, folder, number, words) for number in range(count)]
    try:
        for server in found:
            server.begin()
        for server in found:
            server.ready(start_s)
        yield found
    finally:
        for server in found:
            server.kill()
