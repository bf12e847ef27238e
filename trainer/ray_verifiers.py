"""Verifiers as Ray actors: replies are graded on the machines of a cluster, in worker processes and sandboxes there.

    machines = open_verifiers(options)                      # `--engine ray --engine-args verifiers=8`
    with Driver(env, machines=machines) as driver: ...

An actor has one CPU: one worker process for each function, one program at a time in a sandbox of its own machine
(VERIGYM_SANDBOX_SLOTS, where `ray start` was called, says otherwise), under the same deadlines as here. A reply goes to
the actor with the fewest. An actor that dies, or whose machine is lost, is replaced, and what it was grading is graded
again: a reply gets one verdict, and never a reward of 0 for an actor's death. A reply whose actor died five times, and
one that no actor was there for in ten minutes, gets `error`: masked and counted.

Not covered: environments that grade here by their nature (see `envs/grading.py`), and graders in a file that the
machines do not have under the same path. The settings of the sandbox are those of each machine.
"""

import asyncio
import contextlib
import itertools
import os
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from verigym.trainer.engines import ray_cluster
from verigym.trainer.engines.engine import EngineError
from verigym.trainer.engines.link import LinkLost
from verigym.trainer.engines.options import RayOptions
from verigym.trainer.engines.ray import ROOM_S, places
from verigym.trainer.engines.ray_cluster import Cluster
from verigym.verifiers.verdict import Verdict

TRIES = 5
"""Actors that may die over one reply."""
LOOK_S = 1.0
"""Seconds between looks at the actors."""
SILENT_S = 60.0
"""An actor that does not say that it is there for so long is ended: seconds."""
AWAY_S = 600.0
"""Longest that replies wait while no actor is there; seconds."""
AT_ONCE = 1000
"""Replies that an actor is given at once; more wait in Ray."""


class GraderActor:
    """Grades replies on the machine that it was put on."""

    def __init__(self) -> None:
        if not os.environ.get("VERIGYM_SANDBOX_URL"):
            os.environ.setdefault("VERIGYM_SANDBOX_SLOTS", "1")
        self._ready = asyncio.Lock()

    async def hello(self) -> int:
        """Says that it is there, also while it grades: its process's number."""
        return os.getpid()

    async def prepare(self, function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        """Does what a grader wants done before anything that comes later is graded."""
        async with self._ready:
            await asyncio.to_thread(function, *arguments)

    async def grade(self, function: Callable[..., "Future[Verdict]"], arguments: tuple[Any, ...]) -> Verdict:
        """The verdict that a function's future holds."""
        async with self._ready:
            pass
        return await asyncio.wrap_future(await asyncio.to_thread(function, *arguments))


@dataclass
class _Item:
    """A reply that waits for its verdict. deaths: of actors that were grading it."""

    function: Callable[..., "Future[Verdict]"]
    arguments: tuple[Any, ...]
    future: "Future[Verdict]" = field(default_factory=Future)
    deaths: int = 0


@dataclass
class _Member:
    """A place for an actor. holding: what the present one grades; here: whether it has said that it is there; asked:
    the answer to that on its way, and since when."""

    actor: Any
    holding: dict[int, _Item] = field(default_factory=dict)
    here: bool = False
    asked: tuple[Any, float] | None = None


def open_verifiers(options: RayOptions) -> "RayVerifiers":
    """The verifiers that a run's engine options ask for. Raises ConfigError as `ray_cluster.join`, EngineError where
    none of them comes up."""
    cluster = ray_cluster.join(options.address, cpus=places(options))
    try:
        return RayVerifiers(cluster, options.verifiers)
    except BaseException:
        cluster.release()
        raise


class RayVerifiers:
    """Implements `envs.grading.Machines` over `count` actors. regraded: replies that were graded again because their
    actor was lost; replaced: actors that took another's place."""

    def __init__(self, cluster: Cluster, count: int) -> None:
        self.regraded = 0
        self.replaced = 0
        self._cluster = cluster
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._news: queue.SimpleQueue[tuple[_Member, Any, int, Future[Verdict]] | None] = queue.SimpleQueue()
        self._closed = self._left = False
        self._prepared: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self._members = [_Member(self._actor()) for _ in range(count)]
        self._last_here = time.monotonic()
        try:
            for member in self._members:
                cluster.get(cluster.call(member.actor.hello), ROOM_S, "an answer")
                member.here = True
        except LinkLost as lost:
            self._end_actors()
            raise EngineError(
                f"a verifier does not start as a Ray actor of 1 CPU ({cluster.room()}): {lost}. Write fewer "
                "verifiers=, or verifiers=0 for this machine's own workers"
            ) from None
        self._thread = threading.Thread(target=self._serve, name="ray-verifiers", daemon=True)
        self._thread.start()

    def submit(self, grade: Callable[..., "Future[Verdict]"], *arguments: Any) -> "Future[Verdict]":
        """What `grade(*arguments)` gives on one of the machines. Raises RuntimeError once this is closed."""
        item = _Item(grade, arguments)
        item.future.set_running_or_notify_cancel()  # from here on nobody can cancel it, so setting its result is safe
        with self._lock:
            if self._closed:
                raise RuntimeError("these verifiers are closed")
            self._give(item)
        return item.future

    def everywhere(self, prepare: Callable[..., None], *arguments: Any) -> None:
        """Has every actor do `prepare(*arguments)`, now and when one takes another's place. Raises what it raises
        there, EngineError where an actor dies of it."""
        with self._lock:
            self._prepared.append((prepare, arguments))
            calls = [self._cluster.call(member.actor.prepare, prepare, arguments) for member in self._members]
        for call in calls:
            try:
                self._cluster.get(call, ROOM_S, "an answer")
            except LinkLost as lost:
                raise EngineError(f"a verifier cannot make ready as a Ray actor: {lost}") from None

    @property
    def pids(self) -> list[int]:
        """The numbers of the actors' processes, of those that are there."""
        with self._lock:
            calls = [self._cluster.call(member.actor.hello) for member in self._members if member.here]
        return [self._cluster.get(call, SILENT_S, "an answer") for call in calls]

    def close(self) -> None:
        """Ends the actors. What they still had gets `error`."""
        self._news.put(None)
        self._end("the verifiers were closed before this was graded")
        with self._lock:
            left, self._left = self._left, True
        if not left:
            self._thread.join(timeout=5.0)
            self._end_actors()
            self._cluster.release()

    def _end(self, reason: str) -> None:
        """Takes nothing more, and lets nobody wait."""
        with self._lock:
            self._closed = True
            items = [item for member in self._members for item in member.holding.values()]
            for member in self._members:
                member.holding.clear()
        for item in items:
            item.future.set_result(Verdict.error(reason))

    def _actor(self) -> Any:
        return self._cluster.actor(GraderActor, max_concurrency=AT_ONCE)

    def _end_actors(self) -> None:
        for member in self._members:
            self._cluster.kill(member.actor)

    def _give(self, item: _Item) -> None:
        """Hands an item to the member with the fewest. Under the lock."""
        able = [member for member in self._members if member.here] or self._members
        member = min(able, key=lambda one: len(one.holding))
        number, actor = next(self._numbers), member.actor
        member.holding[number] = item
        promise = self._cluster.call(actor.grade, item.function, item.arguments)
        # A thread of Ray's brings the news: it must not wait, and a call into Ray from it would never return.
        promise.future().add_done_callback(lambda done: self._news.put((member, actor, number, done)))

    def _serve(self) -> None:
        """Takes the news, and asks every actor now and then whether it is there, until this is closed."""
        look = time.monotonic() + LOOK_S
        try:
            while not self._closed:
                with contextlib.suppress(queue.Empty):
                    if news := self._news.get(timeout=max(0.0, look - time.monotonic())):
                        self._ended(*news)
                if time.monotonic() >= look:
                    self._look()
                    look = time.monotonic() + LOOK_S
        except Exception as failure:  # a fault of ours, or a cluster that is gone: nobody may wait for ever
            self._end(f"the verifiers failed: {type(failure).__name__}: {failure}")

    def _ended(self, member: _Member, actor: Any, number: int, done: "Future[Verdict]") -> None:
        """Takes a verdict, or that its actor is gone."""
        failure = done.exception()
        if failure is not None and ray_cluster.is_death(failure):
            self._replace(member, actor, ray_cluster.death(failure))
            return
        with self._lock:
            item = member.holding.pop(number, None)  # None: it was taken from a lost actor, and is graded elsewhere
            self._last_here = time.monotonic()
        if item is not None:
            said = f"grading raised {type(failure).__name__}: {failure}"[:500]
            item.future.set_result(done.result() if failure is None else Verdict.error(said))

    def _replace(self, member: _Member, actor: Any, reason: str) -> None:
        """Puts another actor in the place of a lost one, and gives what that held to whoever is there."""
        given_up = []
        with self._lock:
            if self._closed or member.actor is not actor:
                return
            items, member.holding = list(member.holding.values()), {}
            self._cluster.kill(actor)
            self.replaced += 1
            member.actor, member.here = self._actor(), False
            for function, arguments in self._prepared:
                self._cluster.call(member.actor.prepare, function, arguments)
            self._ask(member)
            for item in items:
                item.deaths += 1
                if item.deaths < TRIES:
                    self.regraded += 1
                    self._give(item)
                else:
                    given_up.append(item)
        for item in given_up:
            item.future.set_result(Verdict.error(f"{TRIES} actors were lost while this was graded: {reason}"))

    def _ask(self, member: _Member) -> None:
        member.asked = self._cluster.call(member.actor.hello), time.monotonic()

    def _look(self) -> None:
        for member in self._members:
            actor = member.actor
            try:
                self._look_at(member, member.asked)
            except LinkLost as lost:
                self._replace(member, actor, str(lost))
        self._give_up()

    def _look_at(self, member: _Member, question: tuple[Any, float] | None) -> None:
        """Takes an actor's answer and asks again. Raises LinkLost where it is gone, or was there and is silent."""
        if question is None:
            self._ask(member)
        elif self._cluster.done(question[0], 0.0):
            self._cluster.get(question[0], 0.0, "an answer")
            member.here, member.asked, self._last_here = True, None, time.monotonic()
        elif member.here and time.monotonic() - question[1] > SILENT_S:
            raise LinkLost(f"it has been silent for {SILENT_S:.0f} s")

    def _give_up(self) -> None:
        """Lets nobody wait for ever where no actor comes back."""
        if any(member.here for member in self._members) or time.monotonic() - self._last_here < AWAY_S:
            return
        with self._lock:
            items = [item for member in self._members for item in member.holding.values()]
            for member in self._members:
                member.holding.clear()
        for item in items:
            item.future.set_result(Verdict.error(f"no verifier was there for {AWAY_S:.0f} s ({self._cluster.room()})"))
