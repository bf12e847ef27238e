"""Running a probe in a child process that can be killed: whatever an environment does, the check goes on.

    found = run(Request("oracle", "countdown", n=30))
    found.records, found.hung, found.died

Nothing of an environment is imported or called in the process that checks. A child is a fresh interpreter with an empty
working folder and temporary folder of its own. It writes what it is doing, since when and for how long that may take,
into a small shared file, and what it has found as lines of JSON into another; so a child that hangs or dies is known by
its last step, and what it had found before is kept. This bounds time and memory, and it keeps accidents away; it is no
sandbox against an environment whose author is hostile.
"""

import contextlib
import json
import mmap
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

NOW = struct.Struct("dd")
"""The head of the shared file: when the step began (seconds of the monotonic clock, 0 for none), and its limit."""
NOW_BYTES = 512
FOUND_LIMIT = 16 << 20
"""bytes of findings that are read"""
POLL_S = 0.02
PROGRAM_S = 30.0
"""seconds more for a verdict where replies are programs: each may use up its limits in the sandbox"""
SOON_S = 0.5
"""a time-out sooner than this was no wait: the grader saw that the reply would be too dear"""
PROBE_S = 300.0
"""wall seconds that a probe may take in all"""
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Request:
    """What a child is to do. probe: of `probes.PROBES`; levels, splits: empty for all; n: problems a level; seed: of
    the sample; deadline_s: for one verdict or one problem; hash_seed: PYTHONHASHSEED; shuffled: problems are asked for
    in another order; noisy: with unrelated random calls between; later: with clocks that are 400 days ahead."""

    probe: str
    env: str
    options: Mapping[str, Any] = field(default_factory=dict)
    levels: Sequence[int] = ()
    splits: Sequence[str] = ()
    n: int = 30
    seed: int = 0
    deadline_s: float = 10.0
    hash_seed: int = 0
    shuffled: bool = False
    noisy: bool = False
    later: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """What a child found. records: in order; hung: the step that was stopped; died: how the process ended where it
    should not have, and in which step."""

    records: tuple[dict[str, Any], ...]
    hung: str = ""
    died: str = ""

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The records of a kind."""
        return [record for record in self.records if record.get("kind") == kind]

    @property
    def broken(self) -> str:
        """Why the probe did not come to its end; "" where it did."""
        return self.hung or self.died


def row_sets() -> set[str]:
    """The built-in environments whose problems are rows."""
    from verigym.envs.builtin import TABLE

    return {name for name, entry in TABLE.items() if entry.rows}


def run(request: Request, *, offline: bool = True) -> Found:
    """One probe in one process. offline: data sets come from disk only, and nothing is fetched."""
    folder = Path(tempfile.mkdtemp(prefix="verigym-check-"))
    try:
        return _run(request, folder, offline)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(request: Request, folder: Path, offline: bool) -> Found:
    for name in ("work", "tmp"):
        (folder / name).mkdir()
    path = [str(Path(entry or ".").absolute()) for entry in sys.path]
    (folder / "request.json").write_text(json.dumps({**asdict(request), "path": path}))
    with (folder / "now").open("wb+") as file, (folder / "stderr").open("wb") as stderr:
        file.truncate(NOW_BYTES)
        now = mmap.mmap(file.fileno(), NOW_BYTES)
        environment = {
            **os.environ,
            **dict.fromkeys(_ONE_THREAD, "1"),
            "PYTHONHASHSEED": str(request.hash_seed),
            "TMPDIR": str(folder / "tmp"),
            **({"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"} if offline else {}),
        }
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "verigym.envs.checks.inside", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env=environment,
            start_new_session=True,
        )
        try:
            hung = _watch(process, now, time.monotonic() + PROBE_S, request.probe)
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
        records = _read(folder / "found.jsonl")
        ended = any(record.get("kind") in ("done", "unmade") for record in records)
        died = "" if hung or (code == 0 and ended) else f"{_ending(code, folder / 'stderr')} {_step(now)[2]}".rstrip()
        now.close()
    return Found(records, hung, died)


def _watch(process: "subprocess.Popen[bytes]", now: mmap.mmap, until: float, probe: str) -> str:
    """Wait for the end. Returns the step that took longer than it may, "" where none did."""
    late = 0.0  # when the step began that was found late: seen twice, as the other side may just be writing
    while True:
        try:
            process.wait(timeout=POLL_S)
            return ""
        except subprocess.TimeoutExpired:
            began, limit_s, what = _step(now)
            if began and limit_s and time.monotonic() - began > limit_s:
                if began == late:
                    return f"{what} did not end within {limit_s:g} s"
                late = began
            if time.monotonic() > until:
                return f"the probe {probe!r} did not end within {PROBE_S:g} s; at last: {what or 'between two steps'}"


def _step(now: mmap.mmap) -> tuple[float, float, str]:
    began, limit_s = NOW.unpack_from(now)
    return began, limit_s, bytes(now[NOW.size :]).partition(b"\0")[0].decode("utf-8", "replace")


def _ending(code: int, stderr: Path) -> str:
    """How a process ended, for a person; the last line that it wrote tells most where Python itself failed."""
    said = stderr.read_bytes()[-2000:].decode("utf-8", "replace").strip().splitlines()
    last = f" ({said[-1][:200]})" if said and code > 0 else ""
    if code >= 0:
        return f"the process ended with exit code {code}{last} at"
    try:
        return f"the process was killed by {signal.Signals(-code).name} at"
    except ValueError:
        return f"the process was killed by signal {-code} at"


def _read(path: Path) -> tuple[dict[str, Any], ...]:
    """The lines of a child that are records; one that was cut in the middle is left out."""
    if not path.is_file():
        return ()
    with path.open("rb") as file:
        lines = file.read(FOUND_LIMIT).split(b"\n")
    records = []
    for line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            records.append(record)
    return tuple(records)
