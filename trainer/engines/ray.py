"""A fleet of engines as Ray actors, on a cluster that is there or a local one.

    fleet = open_ray(run.rollout, policy, options, version=0)

Each actor holds an engine of its own (`inner=vllm`, or `inner=transformers`), opened on the machine that Ray puts it on
from the model's configuration; a version of the weights is laid into Ray's object store once and read by all. An actor
that dies, or whose machine is lost, is replaced by a new one, which takes the newest weights; the fleet samples again
what it held.
"""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verigym.trainer.config import ConfigError
from verigym.trainer.engines import ray_cluster
from verigym.trainer.engines.engine import Completion, EngineError, Request, Sampling, UnknownWeight
from verigym.trainer.engines.fleet import Fleet
from verigym.trainer.engines.link import Link, LinkLost
from verigym.trainer.engines.options import OPTIONS, RayOptions
from verigym.trainer.engines.ray_actors import EngineActor, Setup, packed
from verigym.trainer.engines.ray_cluster import Cluster
from verigym.trainer.engines.vllm import base_weights

if TYPE_CHECKING:
    from verigym.trainer.config import Rollout
    from verigym.trainer.policy import Policy

ROOM_S = 60.0
"""Longest wait for a place on the cluster; seconds."""
OPEN_S = 900.0
"""Longest that an engine may take to open; seconds. One that dies is noticed at once."""
SILENT_S = 300.0
"""A call that takes longer, weights included, means an engine that hangs; seconds."""
POLL_S = 0.05
"""How long an actor samples before it looks at its next call; seconds."""
AHEAD = 2
"""Polls on their way to an actor, so that it has work while an answer travels."""
CLOSE_S = 3.0
"""Longest wait for an actor to clear up before it is ended; seconds."""


def open_ray(rollout: "Rollout", policy: "Policy", options: RayOptions, version: int) -> Fleet:
    """The fleet that a run asks for, on the policy's weights. Raises ConfigError where Ray is missing, there is no such
    cluster, or an actor cannot open its engine; EngineError where no actor starts."""
    weights = base_weights(policy.model, twice=False)
    size = sum(weight.numel() * weight.element_size() for weight in weights.values())
    cluster = ray_cluster.join(options.address, cpus=places(options), weights=size)
    try:
        setup = Setup.of(policy, inner_rollout(rollout, options), "cuda" if options.gpus else "cpu")
        shelf = Shelf(cluster)
        links = [RayLink(f"ray actor {i}", cluster, setup, shelf, options) for i in range(options.engines)]
    except BaseException:
        cluster.release()
        raise
    return Fleet(
        links,
        weights=weights,
        vocabulary=int(policy.model.get_input_embeddings().weight.shape[0]),
        version=version,
        room=options.batch,
        retry_s=options.retry_s,
        mend="look at the cluster with `ray status`",
        at_end=cluster.release,
    )


def places(options: RayOptions) -> int:
    """Actors that a run has at once on a local cluster, and room for one that takes the place of another."""
    return options.engines + options.verifiers + 1


def inner_rollout(rollout: "Rollout", options: RayOptions) -> "Rollout":
    """How an actor's own engine is opened: with those of the fleet's words that it knows."""
    known = {field.name for field in fields(OPTIONS[options.inner])} & {field.name for field in fields(RayOptions)}
    words = tuple(f"{name}={getattr(options, name)}" for name in sorted(known))
    return replace(rollout, engine=options.inner, engine_args=words)


class Shelf:
    """The object store's copy of a version of the weights, made once for all links."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._lock = threading.Lock()
        self._held: tuple[Mapping[str, Any] | None, Any] = (None, None)

    def place(self, weights: Mapping[str, Any]) -> Any:
        """Where these weights lie."""
        with self._lock:
            held, where = self._held
            if held is not weights:
                where = self._cluster.put(packed(weights))
                self._held = weights, where
            return where


class RayLink(Link):
    """A link to an actor, and to the one that takes its place. actor: Ray's handle of it, None where it is gone."""

    def __init__(self, name: str, cluster: Cluster, setup: Setup, shelf: Shelf, options: RayOptions) -> None:
        self.name = name
        self.actor: Any = None
        self._cluster, self._setup, self._shelf, self._options = cluster, setup, shelf, options
        self._open = self._opened = False
        self._under_way: set[int] = set()
        self._polls: deque[tuple[Any, float]] = deque()

    def start(self) -> None:
        self._drop()
        self.actor, self._open = self._cluster.actor(EngineActor, cpus=1, gpus=self._options.gpus), False
        try:
            self._get(self.actor.hello, ROOM_S)
        except LinkLost as lost:
            self._drop()
            asked = f"1 CPU and {self._options.gpus:g} GPUs" if self._options.gpus else "1 CPU"
            raise LinkLost(f"no place for an actor of {asked} ({self._cluster.room()}): {lost}") from None

    def submit(self, items: Sequence[tuple[int, Request]], sampling: Sampling) -> None:
        try:
            self._call(self.actor.submit, list(items), sampling, heard=ValueError)
        except ValueError as error:
            raise EngineError(str(error)) from error
        self._under_way.update(ticket for ticket, _ in items)

    def poll(self, wait_s: float) -> list[tuple[int, Completion]]:
        if not self._under_way:
            self._polls.clear()
            self._call(self.actor.hello)
            return []
        with self._lost_by_errors():
            while len(self._polls) < AHEAD:
                self._polls.append((self._cluster.call(self.actor.poll, POLL_S), time.monotonic()))
            promise, since = self._polls[0]
            if not self._cluster.done(promise, wait_s):
                if time.monotonic() - since > SILENT_S:
                    raise LinkLost(f"it has been silent for {SILENT_S:.0f} s")
                return []
            ended = self._cluster.get(promise, 0, "a poll")
        self._polls.popleft()
        self._under_way.difference_update(ticket for ticket, _ in ended)
        return ended

    def cancel(self, tickets: Iterable[int] | None) -> None:
        self._call(self.actor.cancel, None if tickets is None else list(tickets))

    def load_weights(self, weights: Mapping[str, Any], version: int) -> None:
        """Also opens the engine of an actor that is new: it is made on the weights that it is to sample from."""
        where = self._shelf.place(weights)
        if self._open:
            self._call(self.actor.load_weights, where, version, heard=UnknownWeight)
            return
        try:
            self._get(self.actor.open, OPEN_S, self._setup, where, version)
        except LinkLost:
            self._drop()
            raise
        except Exception as error:
            self._drop()
            what = str(error) if isinstance(error, ConfigError | EngineError) else f"{type(error).__name__}: {error}"
            # The first actor that cannot open its engine shows that the settings are wrong; a later one may have come
            # to a machine that is.
            raise (LinkLost(what) if self._opened else EngineError(f"its engine does not open: {what}")) from error
        self._open = self._opened = True

    def load_adapter(self, folder: Path, version: int) -> None:
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
        self._call(self.actor.load_adapter, files, version, heard=EngineError)

    def sleep(self) -> None:
        self._call(self.actor.sleep)

    def wake(self) -> None:
        self._call(self.actor.wake)

    def close(self) -> None:
        if self.actor is not None:
            with contextlib.suppress(Exception):  # it is ended in any case
                self._get(self.actor.close, CLOSE_S)
        self._drop()

    def _get(self, method: Any, wait_s: float, *arguments: Any) -> Any:
        """What an actor's method returns. Raises what it raises, and LinkLost."""
        return self._cluster.get(self._cluster.call(method, *arguments), wait_s, "an answer")

    def _call(self, method: Any, *arguments: Any, heard: type[Exception] | tuple[()] = ()) -> Any:
        """What a method returns. Raises errors of the kind `heard`, which are about what was asked; LinkLost for any
        other."""
        with self._lost_by_errors(heard):
            return self._get(method, SILENT_S, *arguments)

    @contextlib.contextmanager
    def _lost_by_errors(self, heard: type[Exception] | tuple[()] = ()) -> Iterator[None]:
        """An error that was not looked for leaves an engine in a state that nobody knows: its actor is ended."""
        try:
            yield
        except heard:
            raise
        except LinkLost:
            self._drop()
            raise
        except Exception as error:
            self._drop()
            raise LinkLost(f"{type(error).__name__}: {error}") from error

    def _drop(self) -> None:
        """Ends the actor, and forgets what it had."""
        actor, self.actor = self.actor, None
        self._under_way.clear()
        self._polls.clear()
        if actor is not None:
            self._cluster.kill(actor)
