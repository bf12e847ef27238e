"""Several engines elsewhere as one: `vllm-server` and `ray` are fleets over links of their own kind.

    fleet = Fleet(links, weights=dict(model.named_parameters()), version=0, mend="start it again with ...")
    fleet.generate(requests, sampling)
    fleet.members                       # {"http://10.0.0.5:8100": "here, 12 under way", ...}

A request goes to the member with the fewest; what a lost member held is sampled again elsewhere with the same seeds, so
that nothing is lost and nothing comes back twice. A lost member is tried again with pauses and joins with the newest
weights, of which the fleet keeps a copy on the CPU for that moment. Only when no member was left for `retry_s` seconds
does the fleet raise EngineError.
"""

import shutil
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from verigym.trainer.engines.engine import (
    WAIT_S,
    Completion,
    Engine,
    EngineError,
    Request,
    Sampling,
    UnknownWeight,
    refuse_unservable,
)
from verigym.trainer.engines.link import Link, LinkLost
from verigym.trainer.engines.member import Member, Newest, Order, Work

SAME_PROMPT = 8
"""A request goes where the one before it with the same prompt went, which has read it already, unless that member has
so many more requests than the least busy one."""
CLOSE_S = 5.0
"""Longest wait for the members' threads at the end; seconds."""


class Fleet(Engine):
    """Implements `Engine` over links. weights: of the trainer's model, all of them, as `version`; vocabulary: how many
    token ids it knows; room: most requests that a member is given at once; retry_s: how long the fleet goes on without
    a member; mend: how to start one, for the message; at_end: is called once, when the fleet has closed; resampled: how
    many requests were sampled again because their member was lost.

    Raises EngineError when it opens where a member refuses us, or none can be reached within `retry_s`."""

    def __init__(
        self,
        links: Sequence[Link],
        *,
        weights: Mapping[str, Any],
        vocabulary: int,
        version: int = 0,
        room: int = 256,
        retry_s: float = 60.0,
        mend: str = "start them again",
        at_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.version = version
        self.vocabulary = vocabulary
        self.room = room
        self.retry_s = retry_s
        self.mend = mend
        self.at_end = at_end
        self.resampled = 0
        self.closed = False
        self.turn = threading.Condition()
        self.newest = Newest(version, _snapshot(weights))
        self._tickets = 0
        self._work: dict[int, Work] = {}
        self._cancelled: set[int] = set()
        self._waiting: deque[Work] = deque()
        self._ended: list[tuple[int, Completion]] = []
        self._broken: BaseException | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._last: tuple[tuple[int, ...], Member] | None = None
        self._members = [Member(link, self) for link in links]
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        """Waits until every member was tried, and one of them is here."""
        for member in self._members:
            member.begin()
        with self.turn:
            while True:
                refused = next((m for m in self._members if m.state == "refused"), None)
                if refused is not None:
                    raise self._broken or EngineError(refused.reason)
                if all(m.tried for m in self._members) and any(m.state == "here" for m in self._members):
                    return
                self._require()
                self.turn.wait(WAIT_S)

    @property
    def members(self) -> dict[str, str]:
        """Each member's name and its state in words."""
        with self.turn:
            return {member.link.name: member.describe() for member in self._members}

    def drain(self, name: str, *, on: bool = True) -> None:
        """Lets a member end what it has and gives it no more; `on=False` takes that back. Raises KeyError for a name
        that is none."""
        with self.turn:
            {member.link.name: member for member in self._members}[name].draining = on
            self.deal()

    def add(self, requests: Sequence[Request], sampling: Sampling) -> list[int]:
        refuse_unservable(requests, self.vocabulary)
        with self.turn:
            if self.closed:
                raise EngineError("this fleet is closed")
            tickets = list(range(self._tickets, self._tickets + len(requests)))
            self._tickets += len(requests)
            works = [Work(t, request, sampling) for t, request in zip(tickets, requests, strict=True)]
            self._work.update({work.ticket: work for work in works})
            self._waiting.extend(works)
            self.deal()
        return tickets

    def advance(self, wait_s: float = WAIT_S) -> list[tuple[int, Completion]]:
        deadline = time.monotonic() + wait_s
        with self.turn:
            while True:
                self._require()
                left = deadline - time.monotonic()
                if self._ended or not self._work or left <= 0:
                    ended, self._ended = self._ended, []
                    return ended
                self.turn.wait(min(left, WAIT_S))

    def cancel(self, tickets: Iterable[int] | None = None) -> None:
        with self.turn:
            gone = set(self._work) if tickets is None else set(tickets) & set(self._work)
            self._cancelled |= gone
            for member in self._members:
                mine = [ticket for ticket in member.holding if ticket in gone]
                if mine:
                    member.orders.append(Order(_cancelling(mine)))
            for queue in (self._waiting, *(member.outbox for member in self._members)):
                kept = [work for work in queue if not self._aborted(work)]
                queue.clear()
                queue.extend(kept)
            self.turn.notify_all()

    @property
    def busy(self) -> int:
        with self.turn:
            return len(self._work) + len(self._ended)

    def load_weights(self, weights: Mapping[str, Any], version: int) -> None:
        if self.busy:
            raise RuntimeError(f"{self.busy} requests are under way; let them end, or cancel them, before new weights")
        held = self.newest.weights
        for name, tensor in weights.items():
            if name not in held:
                raise UnknownWeight(f"the engines' model has no weight {name!r}")
            if tensor.shape != held[name].shape:
                raise UnknownWeight(f"{name!r} is {[*tensor.shape]} here and {[*held[name].shape]} in the engines")
        changed = _snapshot(weights)
        self.version = version
        self._renew(replace(self.newest, version=version, weights={**held, **changed}))
        self._everywhere(lambda link: link.load_weights(changed, version))

    def load_adapter(self, folder: Path, version: int) -> None:
        """Takes a LoRA adapter on top of the weights. The fleet keeps a copy of the folder for members that join later.
        Raises RuntimeError while requests are under way, EngineError where no member takes adapters."""
        if self.busy:
            raise RuntimeError(f"{self.busy} requests are under way; let them end, or cancel them, before an adapter")
        before = self._folder
        self._folder = tempfile.TemporaryDirectory(prefix="verigym-adapter-")
        kept = Path(self._folder.name) / "adapter"
        shutil.copytree(folder, kept)
        self.version = version
        self._renew(replace(self.newest, version=version, adapter=kept))
        self._everywhere(lambda link: link.load_adapter(kept, version))
        if before is not None:
            before.cleanup()

    def sleep(self) -> None:
        if self.busy:
            raise RuntimeError(f"{self.busy} requests are under way; let them end, or cancel them, before sleep")
        self._renew(replace(self.newest, asleep=True))
        self._everywhere(lambda link: link.sleep())

    def wake(self) -> None:
        self._renew(replace(self.newest, asleep=False))
        self._everywhere(lambda link: link.wake())

    def close(self) -> None:
        with self.turn:
            self.closed = True
            self.turn.notify_all()
        deadline = time.monotonic() + CLOSE_S
        for member in self._members:
            if member.thread is not None:
                member.thread.join(max(0.0, deadline - time.monotonic()))
        if self._folder is not None:
            self._folder.cleanup()
        at_end, self.at_end = self.at_end, lambda: None
        at_end()

    def deal(self) -> None:
        """Gives waiting requests to the members with the fewest. Under the lock."""
        able = [member for member in self._members if member.open]
        while self._waiting and able:
            least = min(able, key=lambda member: member.load)
            if least.load >= self.room:
                break
            work = self._waiting.popleft()
            if self._last is not None:
                prompt, member = self._last
                near = member in able and member.load < min(self.room, least.load + SAME_PROMPT)
                least = member if near and prompt == work.request.prompt_ids else least
            self._last = work.request.prompt_ids, least
            least.outbox.append(work)
        self.turn.notify_all()

    def took(self, member: Member, done: list[tuple[int, Completion]]) -> None:
        """Keeps what a member returned, and gives it more."""
        with self.turn:
            for ticket, completion in done:
                if ticket not in member.holding:
                    continue  # of before it was lost: sampled again meanwhile
                if completion.version != self.version:
                    raise LinkLost(
                        f"it sampled with weights of version {completion.version} in place of {self.version}: "
                        "somebody else changed them; they are loaded again"
                    )
                del member.holding[ticket]
                self._end(ticket, completion)
            if done:
                self.deal()

    def gone(self, member: Member) -> None:
        """What a lost member had goes back to the front of those that wait. Under the lock."""
        works = [work for work in member.holding.values() if not self._aborted(work)]
        self.resampled += len(works)
        back = [*works, *member.outbox]
        member.holding.clear()
        member.outbox.clear()
        self._waiting.extendleft(reversed(back))
        self.deal()

    def broke(self, error: BaseException) -> None:
        """The next `advance` raises it."""
        with self.turn:
            self._broken = self._broken or error
            self.turn.notify_all()

    def _end(self, ticket: int, completion: Completion) -> None:
        del self._work[ticket]
        self._cancelled.discard(ticket)
        self._ended.append((ticket, completion))

    def _aborted(self, work: Work) -> bool:
        """Ends a request that was cancelled and that no engine samples; whether it was."""
        if work.ticket not in self._cancelled:
            return False
        self._end(work.ticket, Completion((), (), "abort", self.version))
        return True

    def _renew(self, newest: Newest) -> None:
        with self.turn:
            self.newest = newest

    def _everywhere(self, call: Callable[[Link], None]) -> None:
        """Has every member that is here do something, side by side, and waits for it. One that is lost meanwhile does
        it when it joins again, and so does one that refuses where another does not; where all refuse, the first
        refusal is raised."""
        with self.turn:
            orders = {id(member): Order(call) for member in self._members if member.state == "here"}
            for member in self._members:
                if id(member) in orders:
                    member.orders.append(orders[id(member)])
            self.turn.notify_all()
            while not all(order.ended for order in orders.values()):
                self.turn.wait(WAIT_S)
                self._require()
            kept = [order for order in orders.values() if not order.lost]
            refusals = [order.error for order in kept if order.error is not None]
            if refusals and len(refusals) == len(kept):
                raise refusals[0]
            for member in self._members:
                order = orders.get(id(member))
                if order is not None and order.error is not None and member.state == "here":
                    member.stale = str(order.error)
            self.turn.notify_all()

    def _require(self) -> None:
        """Raises what broke, and EngineError where no member is left, and none came back in time. Under the lock."""
        if self._broken is not None:
            raise self._broken
        states = [member.state for member in self._members]
        if "here" in states or "joining" in states:
            return
        away = time.monotonic() - max(member.since for member in self._members)  # tries in between do not count
        if "away" in states and away < self.retry_s:
            return
        each = "; ".join(f"{member.link.name} is {member.state}: {member.reason}" for member in self._members)
        raise EngineError(
            f"no engine is left after {away:.0f} s ({each}). Nothing that was trained is lost: {self.mend}, then go on "
            "with `verigym train --resume RUN`"
        )


def _cancelling(tickets: list[int]) -> Callable[[Link], None]:
    return lambda link: link.cancel(tickets)


def _snapshot(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Copies on the CPU, which the trainer's next step does not change."""
    import torch

    with torch.no_grad():
        return {name: tensor.detach().to("cpu", copy=True) for name, tensor in weights.items()}
