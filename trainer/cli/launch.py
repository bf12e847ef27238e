"""Several processes of one run on this machine, and what is done when one of them dies: `--ranks N --max-restarts K`.

This process trains nothing. It starts the ranks with the environment that torchrun would set, hands signals on, and
when one rank dies ends the others; with restarts left it starts all of them again, and they go on from the newest
checkpoint. Over several machines torchrun or accelerate launch does the same (docs/ranks.md).

    launch(["countdown-tiny"], Path("runs/first"), ranks=2, restarts=3)      # an exit code

A run that ends by its own word (settings that cannot work, a full disk, a sampler that differs) is not started again.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

from verigym.trainer.ranks import LOST

GRACE_S = 10.0
"""How long the other ranks have to end by themselves once one has, seconds."""

CRASHED = 70
"""Exit code of a rank whose error is none of ours to explain."""

EXPLAINED = (1, 2)
"""Exit codes of a run that said itself why it ends; it would say the same again."""

RESTARTS = "TORCHELASTIC_RESTART_COUNT"
"""How often the ranks were started again; torchrun sets it too."""

RANK = "from verigym.trainer.cli.launch import be_rank; be_rank()"
GONE = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "DistBackendError", "NCCL")
"""What the libraries say when another rank is no more there."""


@dataclass
class Rank:
    """One process of the run. errors: what it wrote to stderr, None where that is this process's own; late: whether it
    had to be killed because it went on when others had ended."""

    number: int
    process: "subprocess.Popen[bytes]"
    errors: IO[bytes] | None
    late: bool = False

    @property
    def code(self) -> int | None:
        """Its exit code, None while it runs; minus the signal that killed it."""
        return self.process.poll()

    @property
    def last_words(self) -> str:
        """The last line that it wrote to stderr, and a blank before it; nothing where it wrote none."""
        if self.errors is None:
            return ""
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").split("\n")
        return next((f": {line.strip()}" for line in reversed(lines) if line.strip()), "")

    def told(self) -> str:
        """How it ended, in words."""
        code = self.code or 0
        if self.late:
            return f"rank {self.number} went on for {GRACE_S:.0f} s after the others had ended, and was killed"
        if code < 0:
            return f"rank {self.number} was killed by {signal.Signals(-code).name}"
        return f"rank {self.number} ended with exit code {code}{self.last_words}"


class Signals:
    """SIGINT and SIGTERM: the first is handed to the lead, which finishes the step; the second ends all at once."""

    def __init__(self) -> None:
        self.count = 0
        self.ranks: Sequence[Rank] = ()

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        self.hand_on()

    def hand_on(self) -> None:
        """Tells the ranks what was asked so far."""
        for rank in self.ranks[: 1 if self.count == 1 else None]:
            with suppress(ProcessLookupError):
                rank.process.send_signal(signal.SIGINT if self.count == 1 else signal.SIGKILL)


def launch(words: Sequence[str], directory: Path, *, ranks: int, restarts: int) -> int:
    """Trains with `words` (those of `verigym train`; they say that the run goes to `directory`) in so many processes,
    and returns the exit code. restarts: how often they may be started again."""
    signals = Signals()
    with _handled(signals):
        for count in range(restarts + 1):
            with _started(words, ranks, count) as started:
                signals.ranks = started
                if signals.count:  # asked while they were being started
                    signals.hand_on()
                _wait(started)
                signals.ranks = ()
                failed = _culprit(started)
                if failed is None:
                    return 0
                code = failed.code or 0
                said_why = code in EXPLAINED and failed.number == 0
                left = restarts - count if code not in EXPLAINED and not signals.count else 0
                if signals.count > 1:
                    return 130
                if not said_why:
                    print(
                        f"verigym: {failed.told()}; {_outlook(directory, left, restarts)}", file=sys.stderr, flush=True
                    )
            if not left:
                break
    return 128 - code if code < 0 else code


def words_of(source: str | None, rest: Sequence[str], resume: Path | None, stop_at: int | None, out: Path) -> list[str]:
    """The words with which a rank is started: those of the command, and where the run goes."""
    words = [source] if source is not None else []
    words += [*rest] if resume else [*rest, f"--out={out}"]
    words += [f"--resume={resume}"] if resume else []
    return words + ([f"--stop-at={stop_at}"] if stop_at else [])


def restarted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process was started in place of one that died."""
    return environment.get(RESTARTS, "0").isdigit() and int(environment.get(RESTARTS, "0")) > 0


def be_rank() -> NoReturn:
    """What a rank does: the words on its command line, until they are done or whoever started it is gone."""
    threading.Thread(target=_leash, daemon=True).start()
    code = CRASHED
    try:
        from verigym.trainer.cli.index import main

        code = main(sys.argv[1:])
    except Exception as error:
        if any(text in f"{type(error).__name__}: {error}" for text in GONE):
            code = LOST
        else:
            traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # torch's threads may turn Python's own clearing up into an abort


def _leash() -> None:
    """Ends this process when the other end of its stdin is gone."""
    with suppress(OSError):
        while os.read(0, 1):
            pass
    os._exit(LOST)


@contextmanager
def _handled(signals: Signals) -> Iterator[None]:
    before = {number: signal.signal(number, signals.on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _started(words: Sequence[str], ranks: int, count: int) -> Iterator[list[Rank]]:
    """The ranks; whatever happens, none of them and nothing that they started is left at the end."""
    meeting = {"WORLD_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port())}
    meeting |= {"LOCAL_WORLD_SIZE": str(ranks), RESTARTS: str(count)}
    if ranks > 1 and "OMP_NUM_THREADS" not in os.environ:
        meeting["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // ranks))
    started: list[Rank] = []
    with ExitStack() as files:
        try:
            for number in range(ranks):
                errors = files.enter_context(tempfile.TemporaryFile()) if number else None
                process = subprocess.Popen(
                    [sys.executable, "-P", "-c", RANK, "train", *words],
                    env={**os.environ, **meeting, "RANK": str(number), "LOCAL_RANK": str(number)},
                    stdin=subprocess.PIPE,  # the leash
                    stdout=subprocess.DEVNULL if number else None,
                    stderr=errors,
                    start_new_session=True,  # Ctrl-C on a terminal reaches this process alone
                )
                started.append(Rank(number, process, errors))
            yield started
        finally:
            for rank in started:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(rank.process.pid, signal.SIGKILL)
                rank.process.wait()
                if rank.process.stdin:
                    rank.process.stdin.close()


def _wait(ranks: Sequence[Rank]) -> None:
    """Waits until all have ended. Once one has, the others have `GRACE_S` seconds, and then are killed."""
    deadline = float("inf")
    while any(rank.code is None for rank in ranks) and time.monotonic() < deadline:
        if deadline == float("inf") and any(rank.code is not None for rank in ranks):
            deadline = time.monotonic() + GRACE_S
        time.sleep(0.05)
    for rank in ranks:
        if rank.code is None:
            rank.late = True
            rank.process.kill()
            rank.process.wait()


def _culprit(ranks: Sequence[Rank]) -> Rank | None:
    """The rank that ended the run, None where all went well. One that somebody killed comes before one that failed, and
    that before those that only lost it."""
    failed = [rank for rank in ranks if rank.code != 0]
    order = sorted(failed, key=lambda rank: (rank.late, rank.code == LOST, (rank.code or 0) > 0, rank.number))
    return order[0] if order else None


def _outlook(directory: Path, left: int, restarts: int) -> str:
    """What happens now."""
    from verigym.trainer.checkpoint import newest_checkpoint

    newest = newest_checkpoint(directory)
    if left:
        where = f"from {newest.name}" if newest else "from the start"
        return f"starting again {where} ({left - 1} of {restarts} restarts left)"
    return f"go on with: verigym train --resume {directory}" if newest else "no checkpoint was written"


def _free_port() -> int:
    """A port that nobody listens on, below those that the system hands out to connections."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port
