"""A judge on the loopback: a real HTTP server that says what a test tells it to."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from verigym.verifiers.judge import endpoint

Behave = Callable[["Handler", dict[str, Any]], None]


class Handler(BaseHTTPRequestHandler):
    """Answers POST by the server's `behave`, and remembers what came."""

    server: "Judge"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.lock:
            self.server.requests.append(body)
            self.server.headers.append(dict(self.headers))
            self.server.paths.append(self.path)
        self.server.behave(self, body)

    def say(self, text: Any, *, status: int = 200, usage: Any = None, headers: dict[str, str] | None = None) -> None:
        """A chat completion with this content."""
        record = {"choices": [{"message": {"role": "assistant", "content": text}}]}
        self.send(json.dumps(record if usage is None else record | {"usage": usage}).encode(), status, headers)

    def send(self, data: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"content-length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None: ...


class Judge(ThreadingHTTPServer):
    """behave: what each request is answered with. requests, headers, paths: what came, in order."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.behave: Behave = lambda handler, body: handler.say(score(7))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, *_: Any) -> None:
        """A client that hung up is part of the tests."""


def score(value: Any, reason: str = "because") -> str:
    """A judgement in the JSON form."""
    return json.dumps({"reason": reason, "score": value})


@pytest.fixture
def judge_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Judge]:
    """A server that scores 7 until told otherwise; waits between tries are short."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(endpoint, "FIRST_WAIT_S", 0.002)
    server = Judge()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
