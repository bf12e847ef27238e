"""The HTTP side of a host: what `verigym serve` listens with.

    listener = open_door(host, token="...", address="127.0.0.1", port=0)
    listener.url

`GET /health` says what the host is in lines of text. Everything else is POST: `/start` begins a session, whose key
later requests show (`Verigym-Session`); `/submit`, `/poll`, `/cancel`, `/sleep`, `/wake`, `/leave` carry JSON,
`/weights` a parcel and `/adapter` two named files. All want `Authorization: Bearer TOKEN`, checked before anything
else is read. Bodies are bounded and nothing in them is unpickled or run; new weights count only when all of them have
come whole.

Not covered: encryption. Plain HTTP on loopback or a network of your own; otherwise behind ssh or a TLS proxy.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from verigym.sandbox.server import our_version
from verigym.sandbox.serving import READ_S, Answering, Listener, listen, shows
from verigym.trainer.engines.engine import EngineError
from verigym.trainer.engines.fingerprint import Fingerprint
from verigym.trainer.engines.host import Host, Leaving, NotYours, OtherModel, Taken
from verigym.trainer.engines.parcel import most_bytes, receive
from verigym.trainer.engines.wire import MAX_BODY, PROTOCOL, pack_done, unpack, unpack_requests

LONGEST_POLL_S = 5.0
SLOWEST = 1 << 20
"""bytes a second, at least, of weights on their way"""
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
STATUS: dict[type[Exception], int] = {
    NotYours: 409,
    OtherModel: 412,
    EngineError: 422,
    Taken: 423,
    Leaving: 503,
    ValueError: 400,
    RuntimeError: 409,
}
"""What an error of the host becomes; the answer holds its message."""


def open_door(host: Host, *, token: str, vocabulary: int, context: int, address: str, port: int) -> Listener:
    """Listens for `host`, whose engine knows so many token ids and takes sequences up to `context`. Raises ServeError
    where the address cannot be had."""
    return listen(_Handler, _Door(host, token.encode(), vocabulary, context), host=address, port=port)


class _Door:
    """What the handlers share."""

    def __init__(self, host: Host, token: bytes, vocabulary: int, context: int) -> None:
        self.host, self.vocabulary, self.context, self._token = host, vocabulary, context, token

    def admits(self, header: str | None) -> bool:
        return shows(self._token, header)


class _Handler(Answering):
    """One connection of a trainer, with any number of requests."""

    def setup(self) -> None:
        super().setup()
        self.door: _Door = self.server.owner  # type: ignore[attr-defined]
        self.host = self.door.host

    def do_GET(self) -> None:
        if not self.admitted():
            return
        if self.path != "/health":
            self.answer(404, f"no {self.path[:80]!r} here; GET /health")
            return
        said = {"protocol": str(PROTOCOL), "version": our_version(), **self.host.state()}
        self.answer(200, "".join(f"{name} {value}\n" for name, value in said.items()))

    def do_POST(self) -> None:
        if not self.admitted():
            return
        url = urlsplit(self.path)
        handle = PATHS.get(url.path)
        if handle is None:
            self.refuse(404, f"no {url.path[:80]!r} here; it has {', '.join(PATHS)}")
            return
        if self.headers.get("Verigym-Protocol") != str(PROTOCOL):
            self.refuse(
                412, f"this is protocol {PROTOCOL} (verigym {our_version()}): install the same version on both sides"
            )
            return
        try:
            answer = handle(self, parse_qs(url.query))
        except OSError:  # the trainer has hung up, or is too slow
            self.close_connection = True
            return
        except tuple(STATUS) as error:
            status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
            self.refuse(status, f"{type(error).__name__}: {error}" if status == 422 else str(error))
            return
        if answer is not None:
            self.answer(200, answer)

    @property
    def key(self) -> str:
        return self.headers.get("Verigym-Session") or ""

    def body(self) -> bytes:
        """The whole of a small body."""
        length = self.length(MAX_BODY, "a request")
        if length is None:
            raise ConnectionAbortedError
        data = self.rfile.read(length)
        if len(data) != length:
            raise ConnectionAbortedError
        return data

    def read_into(self, buffer: memoryview) -> None:
        """Fills a buffer from the body."""
        place = 0
        while place < len(buffer):
            count = self.rfile.readinto(buffer[place:])
            if not count:
                raise ConnectionAbortedError
            place += count


def _start(handler: _Handler, query: dict[str, list[str]]) -> bytes:
    record = unpack(handler.body(), {"run": str, "by": str, "model": dict})
    by = "".join(c if c.isprintable() else " " for c in record["by"][:200])
    return handler.host.start(record["run"], by, Fingerprint.read(record["model"])).encode()


def _submit(handler: _Handler, query: dict[str, list[str]]) -> bytes:
    items, sampling = unpack_requests(handler.body(), vocabulary=handler.door.vocabulary, context=handler.door.context)
    handler.host.submit(handler.key, items, sampling)
    return b""


def _poll(handler: _Handler, query: dict[str, list[str]]) -> bytes:
    wait_s = float(unpack(handler.body(), {"wait_s": (int, float)})["wait_s"])
    done, leaving = handler.host.poll(handler.key, min(max(wait_s, 0.0), LONGEST_POLL_S))
    return pack_done(done, leaving=leaving)


def _cancel(handler: _Handler, query: dict[str, list[str]]) -> bytes:
    tickets = unpack(handler.body(), {"tickets": (list, type(None))})["tickets"]
    if tickets is not None and not all(type(ticket) is int for ticket in tickets):
        raise ValueError("tickets that are no numbers")
    handler.host.cancel(handler.key, tickets)
    return b""


def _weights(handler: _Handler, query: dict[str, list[str]]) -> bytes | None:
    version = _version(query)
    with handler.host.session(handler.key):  # as long as they are on their way
        shapes = handler.host.model.shapes
        length = handler.length(most_bytes(shapes), "weights")
        if length is None:
            return None
        handler.incoming.restart(READ_S + length / SLOWEST)
        weights = receive(handler.read_into, length, shapes)
        handler.host.load_weights(handler.key, weights, version)
    return b""


def _adapter(handler: _Handler, query: dict[str, list[str]]) -> bytes | None:
    """Two files, one after the other; the query says how long each is. They are kept until the next ones have come."""
    version, folder = _version(query), tempfile.TemporaryDirectory(prefix="verigym-adapter-")
    with handler.host.session(handler.key):
        length = handler.length(most_bytes(handler.host.model.shapes), "an adapter")
        if length is None:
            return None
        handler.incoming.restart(READ_S + length / SLOWEST)
        sizes = [_number(query, name) for name in ADAPTER_FILES]
        if sum(sizes) != length:
            raise ValueError("an adapter of another length than its files")
        for name, size in zip(ADAPTER_FILES, sizes, strict=True):
            data = bytearray(size)
            handler.read_into(memoryview(data))
            (Path(folder.name) / name).write_bytes(data)
        handler.host.load_adapter(handler.key, folder, version)
    return b""


def _nccl(handler: _Handler, query: dict[str, list[str]]) -> bytes:
    """A step of a transfer of weights over NCCL; the version counts with its last one."""
    record = unpack(handler.body(), {"step": str, "info": dict, "version": int})
    workers = handler.host.nccl(handler.key, record["step"], record["info"], record["version"])
    return str(workers).encode()


def _sleep(handler: _Handler, query: dict[str, list[str]]) -> bytes:
    handler.body()
    handler.host.sleep(handler.key)
    return b""


def _wake(handler: _Handler, query: dict[str, list[str]]) -> bytes:
    handler.body()
    handler.host.wake(handler.key)
    return b""


def _leave(handler: _Handler, query: dict[str, list[str]]) -> bytes:
    handler.body()
    handler.host.leave(handler.key)
    return b""


def _version(query: dict[str, list[str]]) -> int:
    return _number(query, "version")


def _number(query: dict[str, list[str]], name: str) -> int:
    text = query.get(name, [""])[0]
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ValueError(f"{name}={text[:40]!r} is no number")
    return int(text)


PATHS: dict[str, Callable[[_Handler, dict[str, list[str]]], Any]] = {
    "/start": _start,
    "/submit": _submit,
    "/poll": _poll,
    "/cancel": _cancel,
    "/weights": _weights,
    "/adapter": _adapter,
    "/nccl": _nccl,
    "/sleep": _sleep,
    "/wake": _wake,
    "/leave": _leave,
}
