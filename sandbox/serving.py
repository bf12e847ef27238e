"""What our HTTP servers share: bounded connections, deadlines on what is read, a token that is checked before anything
else.

    class Handler(Answering): ...
    listener = listen(Handler, owner, host="127.0.0.1", port=0)    # owner.admits(header) says who may come in
    listener.url
    listener.serve_forever(poll_interval=0.1)
"""

import hmac
import io
import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

READ_S = 60.0
"""within which a request must have arrived whole, from the end of the one before on its connection"""
WRITE_S = 60.0
"""within which an answer must have been taken"""
LINGER_S, LINGER_BYTES = 1.0, 1 << 20
"""how much of a refused request is still read, and thrown away"""
MOST_CONNECTIONS = 512


class ServeError(ValueError):
    """A way to serve that would be unsafe or cannot work. The message says the mend."""


class Owner(Protocol):
    """Who serves."""

    def admits(self, header: str | None) -> bool:
        """Whether an Authorization header lets its request in."""


def shows(token: bytes, header: str | None) -> bool:
    """Whether an Authorization header shows a token; it takes as long whatever is wrong with it."""
    kind, _, shown = (header or "").partition(" ")
    return hmac.compare_digest(shown.strip().encode("utf-8", "replace"), token) and kind.lower() == "bearer"


def listen(handler: type["Answering"], owner: Owner, *, host: str, port: int) -> "Listener":
    """A listener at an address. Raises ServeError where it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    kind = type("_Listener", (Listener,), {"address_family": family})
    try:
        listener: Listener = kind((host, port), handler)
    except OSError as failure:
        raise ServeError(f"cannot listen at {host} port {port}: {failure.strerror}; choose another --port") from None
    listener.owner = owner
    return listener


class Listener(ThreadingHTTPServer):
    """A thread a connection, up to a bound; `owner` is whom it serves."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    owner: Owner

    def __init__(self, *arguments: Any) -> None:
        self._connections = threading.Semaphore(MOST_CONNECTIONS)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(*arguments)

    def server_bind(self) -> None:
        socket.socket.setsockopt(self.socket, socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._connections.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._open.discard(request)
            self._connections.release()

    @property
    def url(self) -> str:
        """The address that clients are given."""
        host, port = self.server_address[:2]
        return f"http://[{host!s}]:{port}" if ":" in str(host) else f"http://{host!s}:{port}"

    def hang_up(self) -> None:
        """End all connections, those that wait for their next request too."""
        with self._lock:
            for connection in self._open:
                with suppress(OSError):  # it has just been closed
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is none of our errors; the log of a server is for what it must act on."""


class Incoming(io.RawIOBase):
    """What a connection sends, up to a deadline for the whole of a request: a byte a minute does not keep it open."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.restart()

    def restart(self, seconds: float | None = None) -> None:
        """A new deadline, for a new request or for one that is known to be long."""
        self.deadline = time.monotonic() + (READ_S if seconds is None else seconds)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request came too slowly")
        self.connection.settimeout(left)
        return self.connection.recv_into(buffer)


class Answering(BaseHTTPRequestHandler):
    """One connection, with any number of requests."""

    protocol_version = "HTTP/1.1"
    server_version = "verigym"
    sys_version = ""
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.incoming = Incoming(self.connection)
        self.rfile = io.BufferedReader(self.incoming)

    def handle_one_request(self) -> None:
        self.incoming.restart()
        super().handle_one_request()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: a line for each of millions of requests helps nobody."""

    def admitted(self) -> bool:
        """Whether the request shows the token; it is answered otherwise."""
        if self.server.owner.admits(self.headers.get("Authorization")):  # type: ignore[attr-defined]
            return True
        self.refuse(401, "show the token that the server was started with", {"WWW-Authenticate": "Bearer"})
        return False

    def length(self, most: int, what: str) -> int | None:
        """The length of the body, None where there is none or it is too long; that is answered then."""
        text = self.headers.get("Content-Length", "")
        if not (text.isascii() and text.isdigit() and len(text) < 20):
            self.refuse(400, f"{what} needs a Content-Length")
            return None
        if int(text) > most:
            self.refuse(413, f"{what} of {int(text)} bytes; at most {most} are taken")
            return None
        return int(text)

    def refuse(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        """An answer to a request that is not read to its end, after which the connection is of no use."""
        self.close_connection = True
        self.answer(status, text, {"Connection": "close", **(headers or {})})
        # Closing with unread bytes would reset the connection, and the client might never see the answer.
        self.connection.shutdown(socket.SHUT_WR)
        self.incoming.deadline = time.monotonic() + LINGER_S
        left = LINGER_BYTES
        while left > 0 and (piece := self.rfile.read1(left)):
            left -= len(piece)

    def answer(self, status: int, body: str | bytes, headers: dict[str, str] | None = None) -> None:
        """Sends an answer, text or bytes."""
        data = body.encode() + b"\n" * (status != 200) if isinstance(body, str) else body
        self.connection.settimeout(WRITE_S)
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/plain" if isinstance(body, str) else "application/octet-stream")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
