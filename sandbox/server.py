"""A sandbox that serves other machines over HTTP: what `verigym sandbox serve` runs.

    with Server(Sandbox(slots=2), token="...", port=0) as server:
        print(server.url)
        server.serve_forever()

`POST /run` takes a job and answers with its result (see `wire.py`), `GET /health` says version, tier, slots and load as
lines of text; both want `Authorization: Bearer TOKEN`, checked before anything else is read. A client that hangs up
kills its job. When all slots and places in the queue are taken the answer is 503 with Retry-After, before the job is
read.

Not covered: encryption. Plain HTTP on loopback or a network of your own; otherwise behind ssh or a TLS proxy.
"""

import ipaddress
import os
import select
import threading
from concurrent.futures import CancelledError
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Self

from verigym.sandbox.backends import SandboxUnavailable
from verigym.sandbox.job import Outcome
from verigym.sandbox.pool import Sandbox
from verigym.sandbox.promises import JobFuture
from verigym.sandbox.serving import Answering, ServeError, listen, shows
from verigym.sandbox.wire import MAX_BODY, PROTOCOL, pack_result, unpack_job

SHORTEST_TOKEN = 16
"""characters"""


def check_address(
    host: str,
    *,
    token_given: bool,
    token: str,
    harm: str = "run programs here",
    variable: str = "VERIGYM_SANDBOX_TOKEN",
) -> None:
    """Raises ServeError for an open door: a network address with a token that nobody chose, or a token easily tried.
    harm: what whoever reaches the address could do; variable: where a token is looked for."""
    if len(token) < SHORTEST_TOKEN:
        raise ServeError(
            f"a token of {len(token)} characters can be guessed; use {SHORTEST_TOKEN} or more, such as what "
            "`openssl rand -hex 16` prints"
        )
    if not is_loopback(host) and not token_given:
        raise ServeError(
            f"{host} is not a loopback address: whoever reaches it could {harm}. Choose a token, with "
            f"--token-file FILE or {variable}"
        )


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Server:
    """Serves one Sandbox, which it closes at its end. Raises ServeError where the address cannot be had.

    token    what clients must show
    waiting  jobs beside the running ones that are taken before clients are told to come back later
    port     0 for a free one
    """

    def __init__(
        self,
        box: Sandbox,
        *,
        token: str,
        host: str = "127.0.0.1",
        port: int = 8899,
        waiting: int | None = None,
        preload: tuple[str, ...] = (),
    ) -> None:
        self.box, self.preload = box, preload
        self._token = token.encode()
        self.places = box.slots + (2 * box.slots if waiting is None else waiting)
        self._free = threading.Semaphore(self.places)
        self._taken = 0
        self.closing = False
        self._lock = threading.Lock()
        self._http = listen(_Handler, self, host=host, port=port)

    @property
    def url(self) -> str:
        """The address that clients are given."""
        return self._http.url

    def serve_forever(self) -> None:
        """Serve until `stop` is called, from another thread."""
        self._http.serve_forever(poll_interval=0.1)

    def stop(self) -> None:
        self._http.shutdown()

    def close(self) -> None:
        """Hang up and end the sandbox with its jobs."""
        self.closing = True
        self._http.server_close()
        self._http.hang_up()
        self.box.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def admits(self, header: str | None) -> bool:
        """Whether an Authorization header shows our token."""
        return shows(self._token, header)

    def enter(self) -> bool:
        """Take a place; False where none is free."""
        if not self._free.acquire(blocking=False):
            return False
        with self._lock:
            self._taken += 1
        return True

    def leave(self) -> None:
        with self._lock:
            self._taken -= 1
        self._free.release()

    def health(self) -> dict[str, str]:
        return {
            "protocol": str(PROTOCOL),
            "version": our_version(),
            "tier": self.box.tier,
            "slots": str(self.box.slots),
            "places": str(self.places),
            "taken": str(self._taken),
            "preload": ",".join(self.preload),
        }


def our_version() -> str:
    try:
        return version("verigym")
    except PackageNotFoundError:
        return "unknown"


class _Handler(Answering):
    """One connection, with any number of requests."""

    def setup(self) -> None:
        super().setup()
        self.owner: Server = self.server.owner  # type: ignore[attr-defined]
        self.done = os.eventfd(0, os.EFD_CLOEXEC)

    def finish(self) -> None:
        os.close(self.done)
        super().finish()

    def do_GET(self) -> None:
        if not self.admitted():
            return
        if self.path != "/health":
            self.answer(404, f"no {self.path[:80]!r} here; GET /health, POST /run")
            return
        self.answer(200, "".join(f"{name} {value}\n" for name, value in self.owner.health().items()))

    def do_POST(self) -> None:
        if not self.admitted():
            return
        if self.path != "/run":
            self.refuse(404, f"no {self.path[:80]!r} here; GET /health, POST /run")
            return
        asked = (self.headers.get("Verigym-Protocol"), self.headers.get("Verigym-Tier"))
        if asked != (str(PROTOCOL), self.owner.box.tier):
            self.refuse(
                409, f"this is protocol {PROTOCOL}, tier {self.owner.box.tier}; asked for {asked[0]}, {asked[1]}"
            )
            return
        length = self.length(MAX_BODY, "a job")
        if length is None:
            return
        if not self.owner.enter():
            self.refuse(503, f"all {self.owner.places} places are taken", {"Retry-After": "1"})
            return
        try:
            self._run(length)
        finally:
            self.owner.leave()

    def _run(self, length: int) -> None:
        body = self.rfile.read(length)
        if len(body) != length:
            self.close_connection = True
            return
        try:
            future = self.owner.box.submit(unpack_job(body))
        except ValueError as failure:
            self.answer(400, f"no job: {failure}")
            return
        except SandboxUnavailable as failure:
            if self.owner.closing:  # the client will look for another server, or for the next one here
                self.close_connection = True
            else:
                self.answer(400, str(failure))
            return
        del body
        self._await(future)
        try:
            result = future.result()
        except CancelledError:
            self.close_connection = True
            return
        if self.owner.closing and result.outcome is Outcome.SANDBOX_ERROR:
            self.close_connection = True
            return
        self.answer(200, pack_result(result))

    def _await(self, future: JobFuture) -> None:
        """Wait for the end of the job; kill it when the client hangs up or says anything more."""
        future.add_done_callback(lambda _: os.eventfd_write(self.done, 1))
        poll = select.poll()
        poll.register(self.done, select.POLLIN)
        poll.register(self.connection, select.POLLIN | select.POLLRDHUP)
        ready = {file for file, _ in poll.poll()}
        if self.done not in ready:
            self.close_connection = True
            future.cancel()
        os.eventfd_read(self.done)  # also after a cancellation: the callback must not find its descriptor closed
