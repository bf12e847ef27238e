"""The worker's side of `workers.WorkerPool`: load one function, then answer frames until the line closes.

Run by the pool only, as `python -P -m verigym.verifiers.worker FD`. Standard streams are /dev/null; the line is the one
descriptor that matters, and it is not inherited by anything the function starts. This process is not a sandbox: it
bounds time and memory of a *trusted* function on untrusted text, and must not be handed code to run.
"""

import importlib
import importlib.util
import json
import math
import os
import pickle
import resource
import select
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from verigym.verifiers import frames
from verigym.verifiers.convert import as_verdict, describe, to_wire
from verigym.verifiers.verdict import Status, Verdict

REQUEST_LIMIT = 1 << 30


def load_target(target: str) -> Callable[..., Any]:
    """The function that `package.module:name` or `path/to/file.py:name` names.

    A file is loaded under the module name `verigym_file_<stem>`. Raises ValueError, ImportError, FileNotFoundError or
    AttributeError, or whatever importing the module raises.
    """
    place, colon, name = target.rpartition(":")
    if not colon or not place or not name:
        raise ValueError(f"not a target: {target!r}; write package.module:function or path/to/file.py:function")
    if place.endswith(".py"):
        path = Path(place)
        if not path.is_file():
            raise FileNotFoundError(f"no file {place!r} (looked from {Path.cwd()})")
        spec = importlib.util.spec_from_file_location(f"verigym_file_{path.stem}", path)
        if spec is None or spec.loader is None:
            raise ImportError(f"cannot load {place!r} as a Python module")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # before running it: dataclasses look their module up there
        spec.loader.exec_module(module)
    else:
        module = importlib.import_module(place)
    function = module
    for part in name.split("."):
        function = getattr(function, part)
    if not callable(function):
        raise ValueError(f"{target!r} is a {type(function).__name__}, not a function")
    return function


def _leave_when_orphaned(line: socket.socket) -> None:
    poller, parent = select.poll(), os.getppid()
    poller.register(line.fileno(), 0)  # no event asked for: only a hang-up is reported
    while not poller.poll(2000) and os.getppid() == parent:
        pass
    os._exit(0)


def _cap_memory(extra: int) -> None:
    """Let the address space grow by `extra` bytes from here; where the platform cannot, the deadline is the only
    bound."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + extra,) * 2)
    except (OSError, ValueError):
        return


def _cap_processor(deadline_s: float) -> None:
    """A backstop for orphans: the parent enforces the deadline, and the kernel ends a worker that spins on without
    one."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(used.ru_utime + used.ru_stime + 4 * deadline_s) + 10
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard == resource.RLIM_INFINITY or soft < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _answer(function: Callable[..., Any], arguments: bytes, memory: int) -> tuple[Verdict, bool]:
    """The verdict, and whether this worker is still good."""
    try:
        return as_verdict(function(*pickle.loads(arguments))), True
    except MemoryError:
        return Verdict(0.0, False, Status.TIMEOUT, f"needs more than {memory >> 20} MiB to grade"), False
    except BaseException as failure:  # the border to foreign code: sys.exit() in it is a failure too
        return Verdict.error(f"the grader raised {describe(failure)}"), True


def _say(line: socket.socket, record: dict[str, Any]) -> None:
    frames.send(line, json.dumps(record, allow_nan=False).encode("ascii"))


def serve(line: socket.socket) -> None:
    """Read the settings, load the function, say `ready`, then answer one frame at a time."""
    settings = json.loads(frames.receive(line, REQUEST_LIMIT))
    sys.path[:] = settings["path"]
    threading.Thread(target=_leave_when_orphaned, args=(line,), daemon=True).start()
    try:
        for module in settings["preload"]:
            importlib.import_module(module)
        function = load_target(settings["target"])
    except BaseException as failure:  # the border to foreign code, as above
        _say(line, {"failed": describe(failure)[:1000]})
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _cap_memory(settings["memory"])
    _say(line, {"ready": True})
    good = True
    while good:
        request = frames.receive(line, REQUEST_LIMIT)
        serial, deadline_s, arguments = pickle.loads(request)
        _cap_processor(deadline_s)
        verdict, good = _answer(function, arguments, settings["memory"])
        try:
            record = to_wire(verdict)
        except Exception as failure:  # a verdict whose parts are no numbers
            record = to_wire(Verdict.error(f"the grader's verdict cannot be sent: {describe(failure)}"))
        _say(line, {"serial": serial, "good": good, "verdict": record})


def main(arguments: list[str]) -> None:
    line = socket.socket(fileno=int(arguments[0]))
    line.set_inheritable(False)
    try:
        serve(line)
    except frames.Hangup:
        return


if __name__ == "__main__":
    main(sys.argv[1:])
