"""An engine that samples for one trainer at a time, for requests that come from other threads: what `verigym serve`
runs behind its door (`door.py`).

    host = Host(engine, model)
    threading.Thread(target=...)           # calls host.start(...), host.submit(...), host.poll(...)
    host.serve()                           # in this thread, until host.end()

The engine is touched by the thread of `serve` alone. A trainer that connects gets a session; its run holds the host
until it says goodbye, or is silent for LEASE_S seconds. A new session of the same run ends the one before, with what it
had under way.
"""

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from verigym.trainer.engines.engine import Completion, Engine, EngineError, Request, Sampling
from verigym.trainer.engines.fingerprint import Fingerprint
from verigym.trainer.engines.parcel import checksum

LEASE_S = 20.0
"""Seconds of silence after which another run may have the host."""
STEP_S = 0.02
"""How long the engine samples before the host looks whether somebody wants something; seconds."""
GATHER_S = 0.01
"""How long an answer waits for more replies once it has one; seconds."""
END_S = 10.0
"""Seconds that are left to what is under way once the host is told to end."""


class NotYours(Exception):
    """The session has ended: another one began, or its lease ran out."""


class Taken(Exception):
    """Another run holds the host. The message names it, and when it was last heard of."""


class OtherModel(Exception):
    """The trainer's model is not the one that is served. The message names what differs, on both sides."""


class Leaving(Exception):
    """The host is about to end, or its engine has."""


@dataclass
class _Session:
    """A trainer's connection. names: engine's tickets to the trainer's; done: what it has not been told yet; inside:
    calls of it that are going on."""

    run: str
    by: str
    key: str = field(default_factory=lambda: secrets.token_hex(16))
    heard: float = field(default_factory=time.monotonic)
    inside: int = 0
    names: dict[int, int] = field(default_factory=dict)
    done: list[tuple[int, Completion]] = field(default_factory=list)

    @property
    def silent_s(self) -> float:
        """Seconds since it was heard of."""
        return 0.0 if self.inside else time.monotonic() - self.heard


class Host:
    """Serves `engine`, which holds the model of `model`, and closes it at its end. base: checksums of the weights under
    an adapter, which can then not be changed; version: of the weights that the engine holds, -1 before any came;
    error: what the engine died of."""

    def __init__(self, engine: Engine, model: Fingerprint, *, base: Mapping[str, int] | None = None) -> None:
        self.engine = engine
        self.model = model
        self.base = base
        self.version = -1
        self.error: Exception | None = None
        self.turn = threading.Condition()
        self._calls: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._session: _Session | None = None
        self._ends: float | None = None
        self._over = False
        self._folder: TemporaryDirectory[str] | None = None

    # What other threads call.

    def state(self) -> dict[str, str]:
        """The host in words."""
        with self.turn:
            session = self._session
            return {
                "run": session.by if session else "",
                "version": str(self.version),
                "under_way": str(len(session.names) if session else 0),
                "leaving": str(int(self._ends is not None)),
                "weights": str(len(self.model.shapes)),
            }

    def start(self, run: str, by: str, model: Fingerprint) -> str:
        """Gives the host to a run, and returns the key of its new session. by: who that is, for people. Raises
        OtherModel, Taken and Leaving."""
        differs = self.model.differs(model)
        if differs:
            raise OtherModel(f"this host serves another model: {differs}")
        with self.turn:
            self._open()
            held = self._session
            if held is not None and held.run != run and held.silent_s < LEASE_S:
                raise Taken(f"{held.silent_s:.1f} {held.by}")
            session = self._session = _Session(run, by)
        self._do(self._clear)
        return session.key

    def submit(self, key: str, items: Sequence[tuple[int, Request]], sampling: Sampling) -> None:
        """Takes requests. Raises NotYours, Leaving, and ValueError as `Engine.add`."""
        with self.session(key) as session:
            with self.turn:
                self._open()
            self._do(lambda: self._add(session, items, sampling))

    def poll(self, key: str, wait_s: float) -> tuple[list[tuple[int, Completion]], bool]:
        """What has ended, and whether the host is about to end; waits for something up to `wait_s` seconds."""
        with self.session(key) as session, self.turn:
            self.turn.wait_for(lambda: session.done or not self._mine(session), wait_s)
            if session.done and session.names:
                self.turn.wait_for(lambda: not session.names, GATHER_S)
            if not self._mine(session):
                raise NotYours("the session has ended")
            done, session.done = session.done, []
            self.turn.notify_all()
            return done, self._ends is not None

    def cancel(self, key: str, tickets: Iterable[int] | None) -> None:
        """As `Engine.cancel`, by the trainer's tickets."""
        gone = None if tickets is None else set(tickets)
        with self.session(key) as session:
            self._do(
                lambda: self.engine.cancel([t for t, name in session.names.items() if gone is None or name in gone])
            )

    def load_weights(self, key: str, weights: Mapping[str, Any], version: int) -> None:
        """As `Engine.load_weights`. Weights under an adapter cannot be changed: they must be what they are. Raises what
        the engine raises."""
        if self.base is not None:
            odd = next((name for name, weight in weights.items() if checksum(weight) != self.base[name]), None)
            if odd is not None:
                raise EngineError(
                    f"the trainer's {odd!r} differs from this host's, and an adapter learns on top of fixed weights: "
                    "serve the very model (or checkpoint) that the run starts from"
                )
            weights = {}
        self._change(key, lambda: self.engine.load_weights(weights, version), version)

    def load_adapter(self, key: str, folder: "TemporaryDirectory[str]", version: int) -> None:
        """As `Engine.load_adapter`; the folder is kept as long as the adapter. Raises what the engine raises."""
        self._change(key, lambda: self.engine.load_adapter(Path(folder.name), version), version)
        self._folder = folder

    def nccl(self, key: str, step: str, info: Mapping[str, Any], version: int) -> int:
        """A step of vLLM's own transfer of weights, after whose last one they are of `version`. Returns how many
        workers the engine has. Raises EngineError where it knows no such transfer."""
        found: list[int] = []

        def carry_out() -> None:
            from verigym.trainer.engines import nccl

            found.append(nccl.carry_out(self.engine, step, info))
            if step == "finish":
                self.engine.load_weights({}, version)

        self._change(key, carry_out, version if step == "finish" else None)
        return found[0]

    def sleep(self, key: str) -> None:
        """As `Engine.sleep`."""
        self._change(key, self.engine.sleep)

    def wake(self, key: str) -> None:
        """As `Engine.wake`."""
        self._change(key, self.engine.wake)

    def leave(self, key: str) -> None:
        """A trainer's goodbye: the host is free."""
        with self.session(key):
            with self.turn:
                self._session = None
            self._do(self._clear)

    def end(self) -> None:
        """Lets the host take no more, and `serve` return when what is under way has been fetched, END_S seconds at
        most. It may be called in a signal's handler."""
        self._ends = time.monotonic() + END_S

    # What the thread of `serve` does.

    def serve(self) -> None:
        """Samples and does what is asked for, until `end`, or until the engine cannot go on (`error`)."""
        try:
            while not self._done():
                with self.turn:
                    self.turn.wait_for(lambda: self._calls or self.engine.busy, 0.2)
                    calls, self._calls = self._calls, deque()
                for call, future in calls:
                    self._carry_out(call, future)
                if self.engine.busy:
                    self._take(self.engine.advance(STEP_S))
                self._expire()
        except Exception as error:  # whatever it was: clients must hear of it, and the process must end
            self.error = error
        finally:
            with self.turn:
                self._over, self._session = True, None
                calls, self._calls = self._calls, deque()
                self.turn.notify_all()
            for _, future in calls:
                future.set_exception(Leaving("the host has ended"))
            self.engine.close()

    def _carry_out(self, call: Callable[[], Any], future: "Future[Any]") -> None:
        """An error of a call is its caller's; that it leaves the engine unable to go on shows in `advance`."""
        try:
            future.set_result(call())
        except (EngineError, ValueError, RuntimeError, NotYours) as error:
            future.set_exception(error)
        except BaseException as error:
            future.set_exception(Leaving(f"the engine failed: {type(error).__name__}: {error}"))
            raise

    def _add(self, session: _Session, items: Sequence[tuple[int, Request]], sampling: Sampling) -> None:
        if not self._mine(session):
            raise NotYours("the session has ended")
        tickets = self.engine.add([request for _, request in items], sampling)
        with self.turn:
            session.names.update(zip(tickets, (name for name, _ in items), strict=True))

    def _take(self, ended: Sequence[tuple[int, Completion]]) -> None:
        """Keeps replies for the session that asked for them; those of an earlier one are nobody's."""
        with self.turn:
            session = self._session
            for ticket, completion in ended:
                if session is not None and ticket in session.names:
                    session.done.append((session.names.pop(ticket), completion))
            if ended:
                self.turn.notify_all()

    def _clear(self) -> None:
        """Ends everything that is under way for nobody."""
        self.engine.cancel()
        while self.engine.busy:
            self.engine.advance(STEP_S)
        self.engine.wake()

    def _expire(self) -> None:
        with self.turn:
            gone = self._session is not None and self._session.silent_s > LEASE_S
            if gone:
                self._session = None
                self.turn.notify_all()
        if gone:
            self._clear()

    def _done(self) -> bool:
        if self._ends is None:
            return False
        with self.turn:
            session = self._session
            left = session is not None and bool(session.names or session.done or session.inside)
        return not left or time.monotonic() > self._ends

    # What both do.

    def _change(self, key: str, call: Callable[[], None], version: int | None = None) -> None:
        """Has the engine do something between two samples, for a session that is still the one then."""

        def change() -> None:
            if not self._mine(session):
                raise NotYours("the session has ended")
            call()
            self.version = self.version if version is None else version

        with self.session(key) as session:
            self._do(change)

    def _do(self, call: Callable[[], Any]) -> Any:
        """Has the engine's thread call something, and waits for what it returns or raises."""
        future: Future[Any] = Future()
        with self.turn:
            if self._over:
                raise Leaving("the host has ended")
            self._calls.append((call, future))
            self.turn.notify_all()
        return future.result()

    @contextmanager
    def session(self, key: str) -> Iterator[_Session]:
        """The session of a key, which counts as heard of as long as its call goes on."""
        with self.turn:
            session = self._session
            if session is None or not secrets.compare_digest(session.key.encode(), key.encode("utf-8", "replace")):
                raise NotYours("the session has ended")
            session.inside += 1
        try:
            yield session
        finally:
            with self.turn:
                session.inside -= 1
                session.heard = time.monotonic()

    def _mine(self, session: _Session) -> bool:
        return self._session is session

    def _open(self) -> None:
        if self._ends is not None or self._over:
            raise Leaving("the host is about to end")
