"""A member of a fleet: one link, the thread that drives it, and what it has been given.

    member = Member(link, fleet)
    member.begin()                # joins, serves, and joins again when its link was lost, until the fleet closes

All fields are the fleet's to read and change, under the fleet's lock; the link is this thread's alone.
"""

import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from verigym.trainer.engines.engine import Completion, EngineError, Request, Sampling
from verigym.trainer.engines.link import Link, LinkLost

POLL_S = 0.05
"""How long a link waits for something to end before its member looks for new orders; seconds."""
IDLE_S = 1.0
"""Seconds between looks at a member that has nothing to do: its engine learns that we are still there, and we that it
is."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 3.0
"""Pauses between tries to reach a member that is away, doubled each time."""

Weights = Mapping[str, Any]


@dataclass(frozen=True)
class Work:
    """A request under way in a fleet."""

    ticket: int
    request: Request
    sampling: Sampling


@dataclass
class Order:
    """Something that a member does once, between two polls."""

    call: Callable[[Link], None]
    ended: bool = False
    lost: bool = False
    error: EngineError | None = None


@dataclass(frozen=True)
class Newest:
    """What a member must hold before it may sample."""

    version: int
    weights: Weights
    adapter: Path | None = None
    asleep: bool = False


class Desk(Protocol):
    """What a member needs of its fleet."""

    turn: threading.Condition
    closed: bool
    newest: Newest

    def deal(self) -> None:
        """Gives waiting requests to members. Under the lock."""

    def took(self, member: "Member", done: list[tuple[int, Completion]]) -> None:
        """What a member's link returned. Raises LinkLost where it cannot be right."""

    def gone(self, member: "Member") -> None:
        """A member's link was lost: what it held is sampled elsewhere."""

    def broke(self, error: BaseException) -> None:
        """An error that no other member would survive either."""


@dataclass
class Member:
    """state: `away` (tried again with pauses), `joining` (connected, takes weights), `here`, `refused` (not tried
    again), `closed`; reason: why it is away; holding: what its engine samples; outbox, orders: what its thread will
    hand over; draining: it is given no more."""

    link: Link
    desk: Desk
    state: str = "away"
    reason: str = "not tried yet"
    since: float = field(default_factory=time.monotonic)
    tried: bool = False
    draining: bool = False
    holding: dict[int, Work] = field(default_factory=dict)
    outbox: deque[Work] = field(default_factory=deque)
    orders: deque[Order] = field(default_factory=deque)
    stale: str = ""
    thread: threading.Thread | None = None

    @property
    def load(self) -> int:
        """How many requests it has been given."""
        return len(self.holding) + len(self.outbox)

    @property
    def open(self) -> bool:
        """Whether it may be given requests."""
        return self.state == "here" and not self.draining and not self.link.leaving

    def describe(self) -> str:
        """The state in words."""
        if self.state == "here":
            ends = "draining" if self.draining else "leaving" if self.link.leaving else ""
            return f"{ends}, {self.load} left" if ends else f"here, {self.load} under way"
        if self.state in ("away", "joining"):
            return f"{self.state} for {time.monotonic() - self.since:.0f} s: {self.reason}"
        return f"{self.state}: {self.reason}"

    def begin(self) -> None:
        """Starts the thread."""
        self.thread = threading.Thread(target=self._run, name=f"fleet {self.link.name}", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        pause = FIRST_PAUSE_S
        try:
            while not self.desk.closed:
                try:
                    self._join()
                    pause = FIRST_PAUSE_S
                    self._serve()
                except LinkLost as lost:
                    self._leave("away", str(lost))
                except EngineError as error:
                    self._leave("refused", str(error))
                    return
                with self.desk.turn:
                    self.desk.turn.wait_for(lambda: self.desk.closed, pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
        except Exception as error:  # a fault of ours: the run must not wait for this thread for ever
            self._leave("refused", f"{type(error).__name__}: {error}")
            self.desk.broke(error)
        finally:
            self.link.close()

    def _join(self) -> None:
        """Connects, and hands over the newest weights, until none newer came meanwhile."""
        self.link.start()
        desk = self.desk
        with desk.turn:
            self._become("joining", "takes the weights")
        while not desk.closed:
            newest = desk.newest
            self.link.load_weights(newest.weights, newest.version)
            if newest.adapter is not None:
                self.link.load_adapter(newest.adapter, newest.version)
            if newest.asleep:
                self.link.sleep()
            with desk.turn:
                if desk.newest is newest:
                    self._become("here", "")
                    desk.deal()
                    return

    def _serve(self) -> None:
        """Hands over orders and requests, and takes what has ended, until the fleet closes."""
        desk = self.desk
        while True:
            with desk.turn:
                desk.turn.wait_for(lambda: desk.closed or self.orders or self.load or self.stale, IDLE_S)
                if desk.closed:
                    return
                if self.stale:
                    raise LinkLost(self.stale)
                orders = list(self.orders)
                works, self.outbox = list(self.outbox), deque()
                self.holding.update({work.ticket: work for work in works})
            for sampling, alike in groupby(works, key=lambda work: work.sampling):
                self._submit([(work.ticket, work.request) for work in alike], sampling)
            for order in orders:
                self._carry_out(order)
            desk.took(self, self.link.poll(POLL_S if self.holding else 0.0))
            if self.link.leaving and not self.load:
                raise LinkLost("it has ended what it had")

    def _submit(self, items: list[tuple[int, Request]], sampling: Sampling) -> None:
        try:
            self.link.submit(items, sampling)
        except EngineError as error:
            # Every other engine of the fleet would say the same: the request is at fault, and it must be heard of.
            self.desk.broke(error)

    def _carry_out(self, order: Order) -> None:
        """An order that the engine refuses is told to who gave it; one that was lost with the link is told by
        `_leave`."""
        try:
            order.call(self.link)
        except EngineError as error:
            order.error = error
        with self.desk.turn:
            self.orders.remove(order)
            order.ended = True
            self.desk.turn.notify_all()

    def _leave(self, state: str, reason: str) -> None:
        desk = self.desk
        with desk.turn:
            news = not desk.closed and (self.state == "here" or state == "refused")
            if self.link.leaving and state == "away":
                reason = f"it was told to end ({reason})"
            self._become(state, reason)
            self.link.leaving = False
            self.stale = ""
            for order in self.orders:
                order.ended = order.lost = True
            self.orders.clear()
            desk.gone(self)
        if news:
            warnings.warn(f"engine {self.link.name} is {state}: {reason}", stacklevel=2)

    def _become(self, state: str, reason: str) -> None:
        """Under the lock. The time of a change counts from the first of several states in which nothing is sampled."""
        if state != self.state and "here" in (state, self.state):
            self.since = time.monotonic()
        self.state, self.reason, self.tried = state, reason, self.tried or state != "joining"
        self.desk.turn.notify_all()
