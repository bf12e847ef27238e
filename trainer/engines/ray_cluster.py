"""A Ray cluster, joined or started: what engines and verifiers as actors stand on.

    cluster = join("", cpus=4)            # RAY_ADDRESS's, or a local one
    actor = cluster.actor(EngineActor, cpus=1, gpus=1)
    cluster.get(actor.hello.remote(), 60, "an engine")
    cluster.release()                     # the last one out ends what was started here

Engines and verifiers of one process share one cluster. A local one lives in a temporary folder, behind a token of its
own (Ray listens on all of a machine's addresses), and ends with the run; one that was there before is only left. Ray's
own restarts of actors are off: who holds an actor decides what takes its place.

Not covered: shipping code. verigym must be installed on every machine of a cluster, in the same version.
"""

import atexit
import contextlib
import importlib
import os
import secrets
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Any

from verigym.trainer.config import ConfigError
from verigym.trainer.engines.link import LinkLost

SLICE_S = 0.2
"""Longest that one wait inside Ray takes, so that nobody is inside when the cluster ends; seconds."""
KNOCK_S = 10.0
"""Longest wait for a cluster's address to answer; seconds."""
STORE = 300 << 20
"""Bytes of a local cluster's object store at least; it holds a version of the weights twice for a moment."""
OWN_TOKEN = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"

_here: "Cluster | None" = None
_lock = threading.Lock()


def join(address: str, *, cpus: int, weights: int = 0) -> "Cluster":
    """The cluster at `address` (auto: one that runs on this machine), else the one that RAY_ADDRESS names, else a local
    one of `cpus` places for actors that can hold `weights` bytes of weights. Call it from the main thread: Ray's
    processes end with the thread that started them. Raises ConfigError with the mend."""
    global _here  # noqa: PLW0603
    with _lock:
        if _here is None or _here.ended:
            _here = Cluster(*_connect(address, cpus, weights))
        _here.users += 1
        return _here


def _connect(address: str, cpus: int, weights: int) -> tuple[bool, str, bool]:
    """Whether this process connected; the folder of a cluster that it started, and whether that has a token of ours."""
    try:
        import ray
    except ImportError as error:
        raise ConfigError(
            f'Ray is not installed here ({error}); run `pip install -e ".[ray]"`, or `make engines` on a CPU'
        ) from error
    if ray.is_initialized():
        return False, "", False
    address = address or os.environ.get("RAY_ADDRESS", "")
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    with _signals_kept():
        if address:
            try:
                _knock(address)
                ray.init(address=address, **quiet)
            except ConfigError:
                raise
            except (OSError, RuntimeError, ValueError) as error:
                raise ConfigError(
                    f"no Ray cluster at address={address}: {_first_line(error)}. Start one with `ray start --head` on "
                    "one machine and `ray start --address=...` on the others, or leave address= and RAY_ADDRESS out "
                    "for a local one"
                ) from error
            return True, "", False
        # A socket in it has a path of 107 characters at most, of which Ray takes 67.
        folder = tempfile.mkdtemp(prefix="vgray", dir="/tmp" if len(tempfile.gettempdir()) > 20 else None)
        ours = OWN_TOKEN[0] not in os.environ
        if ours:
            os.environ.update(zip(OWN_TOKEN, ("token", secrets.token_hex(32)), strict=True))
            _token_changed()
        try:
            ray.init(
                address="local",
                num_cpus=cpus,
                object_store_memory=max(STORE, 3 * weights),
                include_dashboard=False,
                _temp_dir=folder,
                **quiet,
            )
        except BaseException as error:
            _forget(folder, ours)
            if isinstance(error, ConnectionError | RuntimeError | ValueError | OSError):
                raise ConfigError(f"a local Ray cluster does not start: {_first_line(error)}") from error
            raise
        return True, folder, ours


def _knock(address: str) -> None:
    """Raises OSError where nobody listens: Ray itself would try for minutes. Raises ConfigError for Ray's client."""
    if "://" in address:
        raise ConfigError(
            f"address={address} is Ray's client, which no run is driven through; run the command on a machine of the "
            "cluster, itself or by `ray job submit`, with address=auto"
        )
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=KNOCK_S).close()


class Cluster:
    """connected: whether this process joined it itself, and leaves it; folder: of a cluster that was started here;
    token: whether its token is in this process's environment until then."""

    def __init__(self, connected: bool, folder: str, token: bool) -> None:
        self.connected = connected
        self.folder = folder
        self.token = token
        self.users = 0
        self.ended = False
        self._inside = 0
        self._owner = os.getpid()
        self._turn = threading.Condition()
        atexit.register(self._leave)  # where an error kept somebody from giving it back

    def actor(self, kind: type, *arguments: Any, cpus: float = 1, gpus: float = 0, **options: Any) -> Any:
        """A new actor `kind(*arguments)`, the actors spread over the machines. It is made in the background: its first
        call waits for it. Raises LinkLost where the cluster has ended."""
        import ray

        variables = {"OMP_NUM_THREADS": "1"} | ({"TMPDIR": self.folder} if self.folder else {})
        with self._open():
            return (
                ray.remote(kind)
                .options(
                    num_cpus=cpus,
                    num_gpus=gpus,
                    max_restarts=0,
                    max_task_retries=0,
                    scheduling_strategy="SPREAD",
                    runtime_env={"env_vars": variables},
                    **options,
                )
                .remote(*arguments)
            )

    def call(self, method: Any, *arguments: Any) -> Any:
        """Calls an actor's method; what it returns is on its way. Raises LinkLost where the cluster has ended."""
        with self._open():
            return method.remote(*arguments)

    def put(self, thing: Any) -> Any:
        """A thing laid into the object store, from which every machine reads it once. Raises as `call`."""
        import ray

        with self._open():
            return ray.put(thing)

    def done(self, promise: Any, wait_s: float) -> bool:
        """Whether what was called has returned, waited for up to `wait_s` seconds. Raises as `call`."""
        import ray

        until = time.monotonic() + wait_s
        while True:
            left = until - time.monotonic()
            with self._open():
                ready, _ = ray.wait([promise], timeout=max(0.0, min(left, SLICE_S)))
            if ready or left <= 0:
                return bool(ready)

    def get(self, promise: Any, wait_s: float, what: str) -> Any:
        """What a call returned, waited for up to `wait_s` seconds. Raises what the method raised; LinkLost where its
        actor died, is silent, or the cluster has ended."""
        import ray

        if not self.done(promise, wait_s):
            raise LinkLost(f"{what} took longer than {wait_s:.0f} s")
        try:
            with self._open():
                return ray.get(promise)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, Exception):
                raise error.cause from None
            raise LinkLost(_first_line(error)) from None
        except ray.exceptions.RayError as error:
            raise LinkLost(death(error)) from None

    def kill(self, actor: Any) -> None:
        """Ends an actor at once; nothing happens where it has ended."""
        import ray

        with contextlib.suppress(LinkLost, ray.exceptions.RayError), self._open():
            ray.kill(actor)

    def room(self) -> str:
        """What the cluster has and what is free, in words."""
        import ray

        with self._open():
            whole, free = ray.cluster_resources(), ray.available_resources()
        return ", ".join(f"{free.get(kind, 0):g} of {whole.get(kind, 0):g} {kind}s free" for kind in ("CPU", "GPU"))

    def release(self) -> None:
        """Gives it back; the last one to do so leaves the cluster, and ends one that was started here."""
        with _lock:
            self.users -= 1
            if self.users <= 0:
                self._leave()

    def _leave(self) -> None:
        if self.ended or os.getpid() != self._owner:
            return
        with self._turn:
            self.ended = True
            self._turn.wait_for(lambda: self._inside == 0, 10 * SLICE_S)
        if self.connected:
            import ray

            with _signals_kept():
                ray.shutdown()
        if self.folder:
            _forget(self.folder, self.token)
        atexit.unregister(self._leave)

    @contextlib.contextmanager
    def _open(self) -> Iterator[None]:
        """A call into Ray, during which the cluster does not end. Outside of it Ray would start a cluster by itself."""
        with self._turn:
            if self.ended:
                raise LinkLost("the Ray cluster was left")
            self._inside += 1
        try:
            yield
        finally:
            with self._turn:
                self._inside -= 1
                self._turn.notify_all()


def is_death(error: BaseException) -> bool:
    """Whether an error says that an actor, its machine or a result of it is gone, in place of what a method raised."""
    import ray

    return isinstance(error, ray.exceptions.RayError) and not isinstance(error, ray.exceptions.RayTaskError)


def death(error: BaseException) -> str:
    """Why an actor is gone, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = next((line for line in lines if line.startswith("The actor is dead because")), lines[0] if lines else "")
    return (told or type(error).__name__).split(" Some common causes")[0][:300]


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray takes SIGTERM for itself; a run's own handlers come back."""
    names = (signal.SIGTERM, signal.SIGINT)
    before = {name: signal.getsignal(name) for name in names}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for name, handler in before.items():
                if handler is not None:
                    signal.signal(name, handler)


def _forget(folder: str, token: bool) -> None:
    """Removes what a local cluster left, a token of ours included."""
    shutil.rmtree(folder, ignore_errors=True)
    if token:
        for name in OWN_TOKEN:
            os.environ.pop(name, None)
        _token_changed()


def _token_changed() -> None:
    """Ray reads the environment when it is imported, and never again unless it is told to."""
    raylet = importlib.import_module("ray._raylet")
    raylet.Config.initialize("")
    raylet.AuthenticationTokenLoader.instance().reset_cache()
