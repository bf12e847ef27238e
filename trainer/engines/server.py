"""A fleet of servers, each one engine behind `verigym serve`, here or on other machines.

    fleet = open_server(run.rollout, policy, ServerOptions(url=("http://10.0.0.5:8100",)), version=0)

Weights travel as a parcel over HTTP, or, where both sides have GPUs and `transfer=nccl` is asked for, by vLLM's own
NCCL transfer.
"""

import http.client
import os
import secrets
import socket
import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from verigym.trainer.config import ConfigError
from verigym.trainer.engines.door import ADAPTER_FILES
from verigym.trainer.engines.engine import Completion, EngineError, Request, Sampling, UnknownWeight
from verigym.trainer.engines.fingerprint import Fingerprint
from verigym.trainer.engines.fleet import Fleet
from verigym.trainer.engines.link import Link, LinkLost
from verigym.trainer.engines.nccl import Sender
from verigym.trainer.engines.options import ServerOptions
from verigym.trainer.engines.parcel import Parcel
from verigym.trainer.engines.vllm import base_weights
from verigym.trainer.engines.wire import PROTOCOL, pack, pack_requests, unpack_done

if TYPE_CHECKING:
    from verigym.trainer.config import Rollout
    from verigym.trainer.policy import Policy

TOKEN = "VERIGYM_ENGINE_TOKEN"
PORT = 8100
CONNECT_S = 5.0
ANSWER_S = 10.0
"""Longest wait for an answer, beside what a poll itself waits; seconds."""
LOAD_S = 120.0
"""Longest wait for a server to take weights or an adapter, after the last byte; seconds."""
SENT_S = 30.0
"""Longest wait for a server to take a piece of a body; seconds."""
ALIVE_S, PATIENCE_S = 3.0, 4.0
"""A run that holds a server and is heard of within ALIVE_S, PATIENCE_S after we first asked, is really there."""
LONGEST_ANSWER = 1 << 30
"""bytes"""
START = "`verigym serve MODEL --engine vllm` (see docs/engines.md)"


def open_server(rollout: "Rollout", policy: "Policy", options: ServerOptions, version: int) -> Fleet:
    """The fleet that a run asks for, on the policy's weights. Raises ConfigError where addresses or the token are
    missing, EngineError where a server refuses us (wrong token, another model, another run) or none is there."""
    if not options.url:
        raise ConfigError(
            f"engine vllm-server has no servers; start some with {START}, then give what they print as "
            "--engine-args url=http://HOST:PORT token_file=FILE"
        )
    token = find_token(options.token_file)
    model, run = Fingerprint.of(policy.model), secrets.token_hex(8)
    links = [ServerLink(url, token, run, model, nccl=options.transfer == "nccl") for url in options.url]
    if len({link.name for link in links}) < len(links):
        raise ConfigError(f"engine_args of vllm-server holds an address twice: {' '.join(options.url)}")
    return Fleet(
        links,
        weights=base_weights(policy.model, twice=False),
        vocabulary=int(policy.model.get_input_embeddings().weight.shape[0]),
        version=version,
        room=options.batch,
        retry_s=options.retry_s,
        mend=f"start one again with {START}",
    )


def find_token(file: str) -> str:
    """The servers' token, from the file, else from VERIGYM_ENGINE_TOKEN. Raises ConfigError."""
    token = os.environ.get(TOKEN, "").strip()
    if file:
        try:
            token = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as failure:
            raise ConfigError(f"token_file={file}: {failure}; give a file that holds the servers' token") from None
    if not token or not token.isascii() or not token.isprintable():
        raise ConfigError(
            f"no token for the servers; give the one that `verigym serve` printed, or was started with, in {TOKEN} or "
            "as --engine-args token_file=FILE"
        )
    return token


class ServerLink(Link):
    """A link to a server at `url`. run: which run we are; model: the trainer's; nccl: weights go over NCCL. Raises
    ConfigError for what is no address."""

    def __init__(self, url: str, token: str, run: str, model: Fingerprint, *, nccl: bool = False) -> None:
        self._address = urlsplit(url if "//" in url else f"//{url}", "http")
        with suppress(ValueError):  # of a port that is none
            if self._address.scheme in ("http", "https") and self._address.hostname:
                self._port = self._address.port or (443 if self._address.scheme == "https" else PORT)
        if not hasattr(self, "_port") or self._address.path not in ("", "/") or self._address.query:
            raise ConfigError(f"url={url!r} is no address of a server; write url=http://HOST:{PORT}")
        self.name = f"{self._address.scheme}://{self._address.netloc}"
        self._token, self._run, self._model, self._nccl = token, run, model, nccl
        self._sender: Sender | None = None
        self._connection: http.client.HTTPConnection | None = None
        self._key = ""
        self._under_way = 0
        self._taken_since: float | None = None

    def start(self) -> None:
        self._hang_up()
        by = f"{socket.gethostname()}, process {os.getpid()}"
        self._key = self._ask("/start", pack({"run": self._run, "by": by, "model": self._model.record()})).decode()
        self._taken_since = None

    def submit(self, items: Sequence[tuple[int, Request]], sampling: Sampling) -> None:
        self._ask("/submit", pack_requests(items, sampling))
        self._under_way += len(items)

    def poll(self, wait_s: float) -> list[tuple[int, Completion]]:
        data = self._ask("/poll", pack({"wait_s": wait_s if self._under_way else 0}), wait_s=wait_s)
        try:
            done, self.leaving = unpack_done(data)
        except ValueError as error:
            raise LinkLost(f"it answered with {error}") from error
        self._under_way -= len(done)
        return done

    def cancel(self, tickets: Iterable[int] | None) -> None:
        self._ask("/cancel", pack({"tickets": None if tickets is None else list(tickets)}))

    def load_weights(self, weights: Mapping[str, Any], version: int) -> None:
        if self._nccl:
            self._send_by_nccl(weights, version)
            return
        parcel = Parcel(weights)
        self._ask(f"/weights?version={version}", parcel.pieces(), length=parcel.length, wait_s=LOAD_S)

    def load_adapter(self, folder: Path, version: int) -> None:
        files = {name: (folder / name).read_bytes() for name in ADAPTER_FILES}
        sizes = "".join(f"&{name}={len(data)}" for name, data in files.items())
        self._ask(f"/adapter?version={version}{sizes}", b"".join(files.values()), wait_s=LOAD_S)

    def sleep(self) -> None:
        self._ask("/sleep", b"", wait_s=LOAD_S)

    def wake(self) -> None:
        self._ask("/wake", b"", wait_s=LOAD_S)

    def close(self) -> None:
        if self._key and self._connection is not None and self._connection.sock is not None:
            with suppress(LinkLost, EngineError):  # it finds out by our silence
                self._ask("/leave", b"")
        self._hang_up()

    def _send_by_nccl(self, weights: Mapping[str, Any], version: int) -> None:
        def ask(step: str, info: Mapping[str, Any]) -> int:
            record = {"step": step, "info": dict(info), "version": version}
            return int(self._ask("/nccl", pack(record), wait_s=LOAD_S))

        if self._sender is None:
            self._sender = Sender(ask, address=self._connected().sock.getsockname()[0])
        self._sender.ask = ask
        try:
            self._sender.send(weights)
        except (RuntimeError, OSError) as error:
            if isinstance(error, EngineError):
                raise
            self._hang_up()
            raise LinkLost(f"the transfer over NCCL failed: {error}") from error

    def _hang_up(self) -> None:
        if self._sender is not None:
            self._sender.close()
            self._sender = None
        connection, self._connection = self._connection, None
        self._key, self._under_way = "", 0
        if connection is not None:
            connection.close()

    def _ask(
        self, path: str, body: "bytes | Iterable[bytes | memoryview]", *, length: int | None = None, wait_s: float = 0.0
    ) -> bytes:
        """The answer to a request. Raises LinkLost and EngineError by what went wrong."""
        try:
            status, data = self._exchange(path, body, len(body) if isinstance(body, bytes) else length, wait_s)
        except (OSError, http.client.HTTPException) as failure:
            self._hang_up()
            said = f"{type(failure).__name__}: {failure}" if str(failure) else type(failure).__name__
            raise LinkLost(said) from failure
        if status == 200:
            return data
        text = "".join(c if c.isprintable() else " " for c in data[:1000].decode("utf-8", "replace")).strip()
        if status == 422:
            kind, _, reason = text.partition(": ")
            raise UnknownWeight(reason) if kind == "UnknownWeight" else EngineError(f"{self.name}: {reason}")
        if status == 423:
            raise self._taken(text)
        if status in (400, 401, 404, 412, 413):
            raise EngineError(f"{self.name} refuses us: {text}")
        raise LinkLost(f"it answered {status}: {text}")

    def _exchange(self, path: str, body: Any, length: int | None, wait_s: float) -> tuple[int, bytes]:
        connection = self._connected()
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Verigym-Protocol": str(PROTOCOL),
            "Verigym-Session": self._key,
            "Content-Length": str(length),
        }
        connection.sock.settimeout(SENT_S)
        with suppress(BrokenPipeError, ConnectionResetError):  # it may refuse before it has read all, and say why
            connection.request("POST", path, body, headers)
        connection.sock.settimeout(ANSWER_S + wait_s)
        response = connection.getresponse()
        data = response.read(LONGEST_ANSWER + 1)
        if len(data) > LONGEST_ANSWER:
            raise http.client.HTTPException(f"an answer of more than {LONGEST_ANSWER} bytes")
        if response.will_close:
            connection.close()
        return response.status, data

    def _connected(self) -> http.client.HTTPConnection:
        """The open connection, or a new one."""
        if self._connection is None:
            host = str(self._address.hostname)
            if self._address.scheme == "https":
                context = ssl.create_default_context()
                self._connection = http.client.HTTPSConnection(host, self._port, timeout=CONNECT_S, context=context)
            else:
                self._connection = http.client.HTTPConnection(host, self._port, timeout=CONNECT_S)
        connection = self._connection
        if connection.sock is None:
            connection.timeout = CONNECT_S
            connection.connect()  # without Nagle's delay, as http.client does it
        return connection

    def _taken(self, text: str) -> Exception:
        """What to make of a server that another run holds: that run may have died a moment ago."""
        silent, _, by = text.partition(" ")
        now = time.monotonic()
        self._taken_since = self._taken_since or now
        if float(silent) < ALIVE_S and now - self._taken_since > PATIENCE_S:
            return EngineError(
                f"{self.name} samples for another run ({by}), which is alive; a server serves one at a time: stop that "
                "run, or start another server"
            )
        return LinkLost(f"it samples for another run ({by}), last heard of {silent} s ago")
