"""The child's side of `child.run`: read the request, make the environment, run one probe, write what it finds.

Run by `child.py` only, as `python -P -m verigym.envs.checks.inside FOLDER`.
"""

import contextlib
import datetime
import json
import mmap
import os
import random
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verigym.envs.checks.child import NOW, NOW_BYTES, PROGRAM_S, Request, row_sets
from verigym.verifiers.convert import describe, printable

if TYPE_CHECKING:
    from verigym.envs.env import Env

MAKE_S = 60.0
"""seconds that making an environment may take: gold programs may be run for it"""
GRACE_S = 5.0
MEMORY = 4 << 30
"""bytes that a child may allocate on top of what it begins with"""
ASKED_WRONGLY = ("no environment ", "no file ", " has no option ")
"""what `make` says where the question is at fault, not an environment"""
AHEAD_S = 400 * 86_400.0


class Desk:
    """Where a probe says what it is doing and what it has found.

    folder: of this child; request: what is wanted; programs: whether replies are run in the sandbox
    """

    def __init__(self, folder: Path) -> None:
        stored = json.loads((folder / "request.json").read_text())
        self.folder, self.path, self.programs = folder, stored.pop("path"), False
        self.request = Request(**stored)
        with (folder / "now").open("rb+") as file:
            self._now = mmap.mmap(file.fileno(), NOW_BYTES)
        self._found = os.open(folder / "found.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    @contextlib.contextmanager
    def doing(self, what: str, limit_s: float | None = None) -> Iterator[None]:
        """A step of foreign code. One that takes GRACE_S longer than its deadline ends this process."""
        deadline_s = self.request.deadline_s + GRACE_S + (PROGRAM_S if self.programs else 0.0)
        text = printable(what, 300).encode()[: NOW_BYTES - NOW.size - 1]
        self._now[NOW.size : NOW.size + len(text) + 1] = text + b"\0"
        NOW.pack_into(self._now, 0, time.monotonic(), limit_s or deadline_s)
        try:
            yield
        finally:
            NOW.pack_into(self._now, 0, 0.0, 0.0)

    def found(self, kind: str, **values: Any) -> None:
        """Write one record. Values are plain data."""
        os.write(self._found, json.dumps({"kind": kind, **values}).encode("ascii") + b"\n")


def make_env(desk: Desk) -> "Env | None":
    """The environment, or None where it cannot be made, which is then a record `unmade`."""
    from verigym.envs.env import EnvError
    from verigym.envs.registry import make
    from verigym.tasks.sources import NoData

    request = desk.request
    try:
        with desk.doing("making the environment", MAKE_S):
            return make(request.env, **request.options)
    except EnvError as failure:
        absent = isinstance(failure.__cause__, NoData | ImportError | OSError) and request.env in row_sets()
        asked = any(words in str(failure) for words in ASKED_WRONGLY)
        desk.found("unmade", why=printable(str(failure), 2000), absent=absent, asked=asked)
    except Exception as failure:  # the border to foreign code
        desk.found("unmade", why=printable(describe(failure), 600), absent=False, asked=False)
    return None


def _limits() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        wanted = pages * resource.getpagesize() + MEMORY
        if hard == resource.RLIM_INFINITY or wanted < hard:
            resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    except (OSError, ValueError):
        return


def _put_clocks_ahead() -> None:
    """Calendar clocks 400 days ahead, for everything that is imported from here on; `time.monotonic` stays."""
    now, now_ns, real = time.time, time.time_ns, datetime.datetime
    time.time = lambda: now() + AHEAD_S
    time.time_ns = lambda: now_ns() + int(AHEAD_S) * 10**9

    class Ahead(real):  # type: ignore[misc, valid-type]
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return real.fromtimestamp(time.time(), tz)

        @classmethod
        def today(cls) -> Any:
            return cls.now()

        @classmethod
        def utcnow(cls) -> Any:
            return real.fromtimestamp(time.time(), datetime.UTC).replace(tzinfo=None)

    class AheadDate(datetime.date):
        @classmethod
        def today(cls) -> Any:
            day = Ahead.now()
            return datetime.date(day.year, day.month, day.day)

    datetime.datetime, datetime.date = Ahead, AheadDate  # type: ignore[misc]


def main(arguments: list[str]) -> None:
    from verigym.envs.checks import probes

    desk = Desk(Path(arguments[0]))
    sys.path[:] = desk.path
    _limits()
    if desk.request.later:
        _put_clocks_ahead()
    if desk.request.noisy:
        random.seed(97)
    env = make_env(desk)
    if env is None:
        return
    desk.programs = getattr(env.grader, "runs_programs", False)
    os.chdir(desk.folder / "work")
    desk.found("made")
    probes.PROBES[desk.request.probe](desk, env)
    desk.found("done")
    with desk.doing("closing the environment"):
        env.close()


if __name__ == "__main__":
    main(sys.argv[1:])
