"""What a process looks like from outside a grader: taken before and after, so that side effects show.

    before = traces(folder)
    ...
    changes(before, traces(folder))      # ["a file appeared: tmp/x", ...]

Covered: files in the working and temporary folder, environment variables, the working folder, global random states,
interpreter settings, open descriptors, threads and child processes. Not covered: files elsewhere, the network.
"""

import contextlib
import decimal
import hashlib
import os
import random
import sys
import threading
from pathlib import Path
from typing import Any

SLACK = {"descriptors": 8, "threads": 4, "processes": 3}
"""how many more there may be: workers that start at their first need"""


def traces(folder: Path) -> dict[str, Any]:
    """The state of this process now. folder: holds `work`, the working folder, and `tmp`, the temporary one."""
    return {
        "files": {
            str(path.relative_to(folder)): (path.lstat().st_size, path.lstat().st_mtime_ns)
            for name in ("work", "tmp")
            for path in (folder / name).rglob("*")
        },
        "variables": dict(os.environ),
        "folder": str(Path.cwd()),
        "random": random_state(),
        "settings": {
            "recursion limit": sys.getrecursionlimit(),
            "limit of digits": sys.get_int_max_str_digits(),
            "decimal precision": decimal.getcontext().prec,
        },
        "counts": {"descriptors": _descriptors(), "threads": threading.active_count(), "processes": _children()},
    }


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What is different, one line each."""
    found = []
    for path in sorted(set(before["files"]) | set(after["files"])):
        if before["files"].get(path) != after["files"].get(path):
            how = "appeared" if path not in before["files"] else "went" if path not in after["files"] else "was changed"
            found.append(f"a file {how}: {path}")
    for name in sorted(set(before["variables"]) | set(after["variables"])):
        if before["variables"].get(name) != after["variables"].get(name):
            found.append(f"the environment variable {name} was changed")
    if before["folder"] != after["folder"]:
        found.append(f"the working folder was changed to {after['folder']}")
    if before["random"] != after["random"]:
        found.append("the state of a global random generator was changed")
    for name, value in before["settings"].items():
        if after["settings"][name] != value:
            found.append(f"the interpreter's {name} was changed from {value} to {after['settings'][name]}")
    for name, count in before["counts"].items():
        if after["counts"][name] > count + SLACK[name]:
            found.append(f"{after['counts'][name] - count} {name} were left open")
    return found


def random_state() -> str:
    """A digest of the global random generators: Python's, and numpy's where it is imported."""
    digest = hashlib.sha256(repr(random.getstate()).encode())
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        digest.update(repr(numpy.get_state()).encode())
    return digest.hexdigest()[:16]


def _descriptors() -> int:
    with contextlib.suppress(OSError):
        return len(list(Path("/proc/self/fd").iterdir()))
    return 0


def _children() -> int:
    """Live child processes; ones that have ended and were not waited for count too, as they are kept."""
    count = 0
    for path in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            count += len(path.read_text().split())
    return count
