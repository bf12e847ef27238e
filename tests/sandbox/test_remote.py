"""sandbox/server.py and sandbox/remote.py together, on loopback: answers, refusals, losses, and hostile sides."""

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import closing, contextmanager, suppress

import pytest

from verigym.sandbox import Call, Job, Limits, Outcome, Result, Sandbox, SandboxUnavailable
from verigym.sandbox import remote as client
from verigym.sandbox import serving as module
from verigym.sandbox.remote import Fleet, RemoteWorker
from verigym.sandbox.server import ServeError, Server, check_address
from verigym.sandbox.wire import MAX_BODY, PROTOCOL, pack_job, pack_result
from verigym.sandbox.worker import CannotStart, WorkerDied

TOKEN = "a token of twenty-odd"
SLEEP = Job("import time; time.sleep(60)", limits=Limits(wall_s=60))


@contextmanager
def serving(slots: int = 1, waiting: int = 4, tier: str = "auto", port: int = 0) -> Iterator[Server]:
    box = Sandbox(slots, tier, queue=slots + waiting, allow_unsafe=tier == "unsafe")
    with Server(box, token=TOKEN, port=port, waiting=waiting) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.stop()
            thread.join()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    try:
        with serving(2) as one:
            yield one
    except SandboxUnavailable as failure:
        pytest.skip(str(failure))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(client, "LONGEST_WAIT_S", 0.05)


def fleet(*urls: str, token: str = TOKEN, allow_unsafe: bool = False) -> Fleet:
    return Fleet(urls, token, allow_unsafe=allow_unsafe)


def ask(server: Server, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str, dict[str, str]]:
    """(status, text, headers) of an answer; tier, protocol and token are right where they are not given."""
    host, port = server.url.removeprefix("http://").split(":")
    sent = {
        "Authorization": f"Bearer {TOKEN}",
        "Verigym-Protocol": str(PROTOCOL),
        "Verigym-Tier": server.box.tier,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    with closing(http.client.HTTPConnection(host, int(port), timeout=20)) as connection:
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        return response.status, response.read().decode("utf-8", "replace"), dict(response.headers)


def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def test_results_are_those_of_the_server_and_in_order(server: Server) -> None:
    with Sandbox(3, tier="remote", endpoints=[server.url], token=TOKEN) as box:
        assert box.tier == "remote"
        assert box.run(Job("print(input())", b"hi")).stdout == b"hi\n"
        value = box.run(Job("def f(x, *, y): return {x: [y, (None, 2.5)]}", call=Call("f", ("a",), {"y": {1}}))).value
        assert value == {"a": [{1}, (None, 2.5)]}
        failed = box.run(Job("raise ValueError('no')"))
        assert (failed.outcome, failed.exit_code) == (Outcome.RUNTIME_ERROR, 1)
        assert failed.detail == "ValueError: no" and failed.stderr.endswith(b"ValueError: no\n")
        assert box.run(Job("while True: pass", limits=Limits(cpu_s=0.1))).outcome is Outcome.CPU_TIMEOUT
        printed = [result.stdout for result in box.run_many([Job(f"print({number})") for number in range(30)])]
        assert printed == [f"{number}\n".encode() for number in range(30)]
        assert "respawns" not in box.stats


def test_values_as_deep_as_a_sandbox_allows_come_back(server: Server) -> None:
    deep = "def f():\n    value = 1\n    for _ in range(64): value = [value]\n    return value"
    worker = RemoteWorker(fleet(server.url))
    value = worker.run(Job(deep, call=Call("f"))).value
    depth = 0
    while isinstance(value, list):
        value, depth = value[0], depth + 1
    assert (value, depth) == (1, 64)
    worker.close()


@pytest.mark.parametrize(
    "shown", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xe9\xff"]
)
def test_without_the_token_nothing_is_told_and_nothing_runs(server: Server, shown: str) -> None:
    before = server.box.stats.get("jobs", 0)
    for method, path in (("GET", "/health"), ("POST", "/run"), ("GET", "/other")):
        status, text, headers = ask(server, method, path, pack_job(Job("")), Authorization=shown)
        assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
        assert text == "show the token that the server was started with\n"
    assert server.box.stats.get("jobs", 0) == before


def test_health_says_what_a_client_must_know(server: Server) -> None:
    status, text, _ = ask(server, "GET", "/health")
    said = dict(line.split(" ", 1) for line in text.splitlines())
    assert status == 200
    assert said["protocol"] == str(PROTOCOL) and said["tier"] == server.box.tier and said["slots"] == "2"
    assert (said["places"], said["taken"]) == ("6", "0")


@pytest.mark.parametrize(
    ("call", "headers", "status", "message"),
    [
        (("GET", "/", b""), {}, 404, "no '/' here; GET /health, POST /run"),
        (("POST", "/eval", b""), {}, 404, "no '/eval' here"),
        (("POST", "/run", b"rubbish"), {}, 400, "no job: no value begins with b'r'"),
        (("POST", "/run", b""), {}, 400, "no job: no value begins with b''"),
        (("POST", "/run", pack_job(Job(""))), {"Verigym_Tier": "unsafe"}, 409, "asked for 1, unsafe"),
        (("POST", "/run", pack_job(Job(""))), {"Verigym_Protocol": "0"}, 409, "this is protocol 1"),
        (("POST", "/run", b"x"), {"Content_Length": str(MAX_BODY + 1)}, 413, f"at most {MAX_BODY} are taken"),
        (("POST", "/run", b"x"), {"Content_Length": "-1"}, 400, "a job needs a Content-Length"),
        (("POST", "/run", b"x"), {"Content_Length": "9" * 30}, 400, "a job needs a Content-Length"),
    ],
)
def test_refusals_are_one_line(
    server: Server, call: tuple[str, str, bytes], headers: dict[str, str], status: int, message: str
) -> None:
    found, text, _ = ask(server, *call, **headers)
    assert found == status
    assert message in text and text.count("\n") == 1
    assert eventually(lambda: server.health()["taken"] == "0")


def test_a_full_server_says_so_before_it_reads_the_job() -> None:
    with serving(1, waiting=1) as server:
        boxes = [RemoteWorker(fleet(server.url)) for _ in range(2)]
        threads = [threading.Thread(target=_ignore, args=(lambda box=box: box.run(SLEEP),)) for box in boxes]
        for thread in threads:
            thread.start()
        assert eventually(lambda: server.health()["taken"] == "2")
        status, text, headers = ask(server, "POST", "/run", pack_job(Job("")))
        assert (status, text, headers["Retry-After"]) == (503, "all 2 places are taken\n", "1")
        for box in boxes:
            box.close()
        for thread in threads:
            thread.join(10)
        assert eventually(lambda: server.health()["taken"] == "0")
        assert ask(server, "POST", "/run", pack_job(Job("")))[0] == 200


def _ignore(action: Callable[[], object]) -> None:
    with suppress(WorkerDied):
        action()


def test_clients_of_a_full_server_wait_and_lose_nothing(monkeypatch: pytest.MonkeyPatch, quick: None) -> None:
    with serving(1, waiting=1) as server, Sandbox(6, "remote", endpoints=[server.url], token=TOKEN) as box:
        monkeypatch.setattr(client, "ATTEMPTS", 2)  # being busy is no failed attempt
        done = box.run_many([Job(f"import time; time.sleep(0.05); print({number})") for number in range(20)])
        assert [result.stdout for result in done] == [f"{number}\n".encode() for number in range(20)]
        assert "respawns" not in box.stats


def test_cancelling_kills_the_job_on_the_server(server: Server) -> None:
    with Sandbox(1, "remote", endpoints=[server.url], token=TOKEN) as box:
        future = box.submit(SLEEP)
        assert eventually(lambda: server.health()["taken"] == "1")
        time.sleep(0.1)
        assert future.cancel()
        with pytest.raises(CancelledError):
            future.result(timeout=5)
        assert eventually(lambda: server.health()["taken"] == "0")
        assert box.run(Job("print(1)")).ok


def test_a_server_that_comes_back_goes_on_where_it_was(quick: None) -> None:
    with serving() as first:
        port = int(first.url.rpartition(":")[2])
        worker = RemoteWorker(fleet(first.url))
        assert worker.run(Job("print(1)")).stdout == b"1\n"
    with serving(port=port):
        assert worker.run(Job("print(2)")).stdout == b"2\n"
    with pytest.raises(WorkerDied, match="ConnectionRefusedError"):
        worker.run(Job(""))


def test_a_slot_moves_to_the_next_endpoint(server: Server, quick: None) -> None:
    with serving() as lost:
        worker = RemoteWorker(fleet(server.url, lost.url), slot=1)
        assert worker._endpoint.port == int(lost.url.rpartition(":")[2])
    assert worker.run(Job("print(1)")).stdout == b"1\n"
    assert worker._endpoint.port == int(server.url.rpartition(":")[2])
    started = RemoteWorker(fleet("http://127.0.0.1:9", server.url))  # nothing listens at the first
    assert started.run(Job("")).ok
    for one in (worker, started):
        one.close()


def test_endpoints_of_different_tiers_are_not_mixed(server: Server) -> None:
    other = "landlock" if server.box.tier == "namespaces" else "namespaces"
    try:
        with serving(tier=other) as second:
            both = fleet(server.url, second.url)
            RemoteWorker(both, 0).close()
            elsewhere = RemoteWorker(both, 1)  # the second is passed over
            assert elsewhere._endpoint.port == int(server.url.rpartition(":")[2])
            elsewhere.close()
            only = fleet(second.url)
            only._tier = server.box.tier
            with pytest.raises(CannotStart, match=f"serves tier {other}, others of the fleet tier {server.box.tier}"):
                RemoteWorker(only)
    except SandboxUnavailable as failure:
        pytest.skip(str(failure))


def test_an_unsafe_server_is_refused_unless_allowed() -> None:
    with pytest.warns(UserWarning, match="unsafe"), serving(tier="unsafe") as server:
        with pytest.raises(SandboxUnavailable, match="serves tier 'unsafe', which holds nothing"):
            Sandbox(1, "remote", endpoints=[server.url], token=TOKEN)
        with (
            pytest.warns(UserWarning, match="runs programs with limits and nothing else"),
            Sandbox(1, "remote", endpoints=[server.url], token=TOKEN, allow_unsafe=True) as box,
        ):
            assert box.run(Job("print(1)")).stdout == b"1\n"


@pytest.mark.parametrize(
    ("endpoints", "token", "message"),
    [
        ([], TOKEN, r'no endpoints; give Sandbox\(tier="remote", endpoints='),
        (["http://127.0.0.1:9"], None, "no token; give the one that `verigym sandbox serve` was started with"),
        (["http://127.0.0.1:9"], "a\nb", "the token holds characters that no token has"),
        (["ftp://127.0.0.1"], TOKEN, "'ftp://127.0.0.1' is no endpoint; give it as http://HOST:8899"),
        (["http://h:port"], TOKEN, "'http://h:port' is no endpoint"),
        (["http://h/path"], TOKEN, "'http://h/path' is no endpoint"),
        (["http://127.0.0.1:9"], TOKEN, "http://127.0.0.1:9: ConnectionRefusedError"),
    ],
)
def test_what_cannot_be_reached_says_why(endpoints: list[str], token: str | None, message: str) -> None:
    with pytest.raises(SandboxUnavailable, match=message):
        Sandbox(1, "remote", endpoints=endpoints, token=token)


def test_a_wrong_token_is_told_apart_from_a_lost_server(server: Server) -> None:
    with pytest.raises(SandboxUnavailable, match="answered 401: show the token that the server was started with"):
        Sandbox(1, "remote", endpoints=[server.url], token="another token of twenty")


@contextmanager
def fake_server(health: bytes, answer: bytes) -> Iterator[str]:
    """Says `health` to GET and `answer`, raw, to everything else."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(20)

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    def talk(connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as reader, suppress(OSError):
            while line := reader.readline():
                length = 0
                while (header := reader.readline()) not in (b"\r\n", b""):
                    if header.lower().startswith(b"content-length:"):
                        length = int(header.split(b":")[1])
                reader.read(length)
                connection.sendall(health if line.startswith(b"GET") else answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    listening.close()


def http_answer(body: bytes, length: int | None = None) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body) if length is None else length, body)


HEALTHY = http_answer(b"protocol %d\ntier namespaces\n" % PROTOCOL)


@pytest.mark.parametrize(
    ("health", "message"),
    [
        (
            http_answer(b"protocol 99\nversion 9.9\ntier namespaces\n"),
            r"speaks protocol '99' \(verigym 9.9\), this is 1",
        ),
        (http_answer(b"protocol 1\ntier \n"), "serves tier '', which holds nothing"),
        (http_answer(b"\xff\xfe" * 9000), "speaks protocol None"),
        (b"nonsense\r\n\r\n", "BadStatusLine"),
    ],
)
def test_a_server_that_is_another_thing_is_refused(health: bytes, message: str) -> None:
    with fake_server(health, b"") as url, pytest.raises(CannotStart, match=message):
        RemoteWorker(fleet(url))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (http_answer(b"\xff" * 50), "sent no result: no value begins with"),
        (http_answer(b"x" * 100_000), "answered with more than"),
        (http_answer(b"", 1 << 40), "timed out"),
        (http_answer(b"N"), "no record of outcome"),
        (http_answer(pack_result(Result(Outcome.OK, stdout=b"x" * 11))), "more output than its limits allow"),
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 3\r\n\r\n\x1b[0", r"answered 500: \[0"),
        (b"", "RemoteDisconnected|ConnectionReset|timed out"),
    ],
)
def test_a_hostile_server_cannot_do_more_than_fail(
    answer: bytes, message: str, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "BUSY_S", 0.5)
    monkeypatch.setattr(client, "GRACE_S", 0.0)
    monkeypatch.setattr(client, "ATTEMPTS", 1)
    with fake_server(HEALTHY, answer) as url:
        worker = RemoteWorker(fleet(url))
        with pytest.raises(WorkerDied, match=message):
            worker.run(Job("", limits=Limits(wall_s=0.5, stdout=10, stderr=10, value=100)))
        worker.close()


def test_a_request_that_drips_in_is_cut_off(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    monkeypatch.setattr(module, "READ_S", 0.5)
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        began = time.monotonic()
        with pytest.raises(OSError):
            for _ in range(100):
                connection.sendall(b"G")
                time.sleep(0.05)
        assert time.monotonic() - began < 4


def test_more_connections_than_allowed_are_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CONNECTIONS", 2)
    with serving() as server:
        host, port = server.url.removeprefix("http://").split(":")
        held = [socket.create_connection((host, int(port)), timeout=10) for _ in range(2)]
        assert eventually(lambda: server._http._connections._value == 0)  # type: ignore[attr-defined]
        with socket.create_connection((host, int(port)), timeout=10) as third:
            assert third.recv(10) == b""
        for one in held:
            one.close()
        assert eventually(lambda: server._http._connections._value == 2)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("host", "given", "token", "message"),
    [
        ("0.0.0.0", False, "x" * 32, "0.0.0.0 is not a loopback address"),
        ("::", False, "x" * 32, ":: is not a loopback address"),
        ("example.org", False, "x" * 32, "example.org is not a loopback address"),
        ("127.0.0.1", True, "short", "a token of 5 characters can be guessed"),
        ("0.0.0.0", True, "", "a token of 0 characters"),
    ],
)
def test_no_door_is_left_open(host: str, given: bool, token: str, message: str) -> None:
    with pytest.raises(ServeError, match=message):
        check_address(host, token_given=given, token=token)


def test_addresses_that_are_fine() -> None:
    for host, given in (("127.0.0.1", False), ("::1", False), ("localhost", False), ("0.0.0.0", True)):
        check_address(host, token_given=given, token="x" * 16)


def test_a_port_that_is_taken_is_said(server: Server) -> None:
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(ServeError, match=f"cannot listen at 127.0.0.1 port {port}: Address already in use"):
        Server(server.box, token=TOKEN, port=port)
