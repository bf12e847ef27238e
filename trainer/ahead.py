"""Sampling that runs ahead of learning: a thread keeps the engine at work while the policy learns.

Step k may be sampled by weights k - 1 - lag or newer. With lag 1 it is sampled wholly by version k - 2, whatever the
clock, so a run repeats, and a resumed one too. From lag 2 on weights are what they happen to be within the bound; the
order of the stream is kept.

The engine takes new weights when nothing that the old ones may still begin is left, or, with `partial`, at once: what
is under way is cut short and goes on under the new ones. No copy of the weights is held in between: they are handed
over while the policy stands still, in `publish` or as the next step is taken.

    intake = Ahead(flow, sync, Lag(1), waiting=[], rows=4)
    sampled = intake.take(1, Stopwatch())
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from verigym.trainer.canary import PROBE_TOKENS
from verigym.trainer.curriculum import State
from verigym.trainer.lag import Lag
from verigym.trainer.rollout import Rollout
from verigym.trainer.sampler import Flow
from verigym.trainer.step import Sampled
from verigym.trainer.stopwatch import Stopwatch
from verigym.trainer.sync import Sync

LEAVE_S = 30.0
"""How long the thread is waited for at the end, seconds: an engine that hangs must not hold up the end of a run."""


class Ahead:
    """A thread keeps the engine at work while the policy learns. waiting: steps that were sampled before; rows: replies
    that are begun alone under new weights, for the canary, with every `every`-th version."""

    def __init__(self, flow: Flow, sync: Sync, lag: Lag, *, waiting: list[Sampled], rows: int, every: int = 1) -> None:
        self.flow = flow
        self.sync = sync
        self.lag = lag
        self.rows = rows
        self.every = every
        self._ready = deque(waiting)
        self._taken = flow.step - len(waiting)
        self._version = self._loaded = sync.engine.version
        self._probed = -1
        self._curriculum = flow.curriculum
        self._probes: list[Rollout] = []
        self._error: BaseException | None = None
        self._resting = self._cutting = self._closing = self._parked = False
        self._moved = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="verigym-sampler", daemon=True)

    def take(self, step: int, watch: Stopwatch) -> Sampled:
        with watch("sample"), self._moved:
            self._begin()
            while not self._ready:
                self._hand_over(watch)
                if self._error is not None:
                    raise self._error
                self._moved.wait()
            self._hand_over(watch)  # may fail; then the step is still there for a checkpoint
            sampled = self._ready.popleft()
            self._taken = step
            sampled.probes, self._probes = self._probes or sampled.probes, []
            return sampled

    def publish(self, version: int, curriculum: State, watch: Stopwatch | None = None) -> None:
        with self._moved:
            self._version, self._curriculum = version, curriculum
            self.sync.gather()
            if self.lag.partial and self._begun and self._error is None:
                self._cutting = True
                self._moved.notify_all()
                self._moved.wait_for(lambda: self._parked or self._error is not None)
                self._cutting = False
            self._hand_over(watch)

    @contextmanager
    def rested(self) -> Iterator[None]:
        with self._moved:
            self._resting = True
            self._cutting = self.lag.partial
            self._moved.notify_all()
            if self._begun:
                self._moved.wait_for(lambda: self._parked or self._error is not None)
            if self._error is not None:
                raise self._error
            if self._loaded != self._version:
                self._load()
        try:
            yield
        finally:
            with self._moved:
                self._resting = self._cutting = False
                self._hand_over()
                self._moved.notify_all()

    def pending(self) -> list[Sampled]:
        with self._moved:
            if self._begun:
                self._moved.wait_for(lambda: self._ready or self._parked or self._error is not None)
            waiting = list(self._ready)
            if waiting and self._probes:
                waiting[0] = replace(waiting[0], probes=self._probes)
            return waiting

    def close(self) -> None:
        with self._moved:
            self._closing = True
            self._moved.notify_all()
        if self._begun:
            self._thread.join(LEAVE_S)

    @property
    def _begun(self) -> bool:
        return self._thread.ident is not None

    def _begin(self) -> None:
        """Starts the thread, at the first step that is asked for."""
        if not self._begun:
            if self.flow.open(self._version, self.lag.steps):
                self._probe(Stopwatch())
            self._thread.start()

    def _hand_over(self, watch: Stopwatch | None = None) -> None:
        """Gives the engine the newest weights, where it waits for some and has a use for them."""
        if not self._parked or self._error is not None or self._closing or self._probed == self._version:
            return
        if not self.flow.open(self._version, self.lag.steps):
            return
        watch = watch or Stopwatch()
        if self._loaded != self._version:
            with watch("sync"):
                self._load()
        self._probe(watch)
        self._parked = False
        self._moved.notify_all()

    def _load(self) -> None:
        self.sync.load(self._version)
        self._loaded = self._version
        self.flow.plan(self._curriculum)

    def _probe(self, watch: Stopwatch) -> None:
        """Begins a few of the next replies alone: the policy still stands at the weights that say them."""
        self._probed = self._version
        if self._version % self.every == 0:
            with watch("sample"):
                self.flow.draw(self._version, self.lag.steps)
            with watch("canary"):
                self._probes = self.flow.collector.probe(self.rows, PROBE_TOKENS)

    def _upto(self) -> int | None:
        return self._taken + 1 if self._resting else None

    def _work(self) -> bool:
        """Whether the thread has something to do."""
        return not self._cutting and self.flow.open(self._loaded, self.lag.steps, self._upto())

    def _run(self) -> None:
        found: list[Sampled] = []
        try:
            while self._go_on(found):
                found = self.flow.advance(self._loaded, self.lag.steps, self._upto())
        except BaseException as error:  # it comes out of `take`, in the thread that can do something about it
            with self._moved:
                self._error = error
                self._moved.notify_all()

    def _go_on(self, found: list[Sampled]) -> bool:
        """Hands over what was found, and waits, as `parked`, until there is work; False at the end. While it waits the
        engine has nothing under way and may be used by others. Who takes a step that leaves nothing to do must see the
        thread parked, or it would learn on before it hands over the weights: so both are one."""
        with self._moved:
            self._ready.extend(found)
            self._moved.notify_all()
            while not self._closing and not self._work():
                self.flow.collector.interrupt()
                self._parked = True
                self._moved.notify_all()
                self._moved.wait()
            self._parked = False
            return not self._closing
