"""One engine elsewhere, as a fleet sees it: in another process or on another machine, and free to die at any moment.

    link.start()                                  # connects; nothing of an earlier connection is under way there
    link.load_weights(weights, version=3)
    link.submit([(0, request)], sampling)
    link.poll(0.05)                               # [(0, completion)]

Every call but `close` may raise LinkLost, after which nothing is known of what it held; `start` is then called again.
A link is used by one thread at a time (its member's), so it needs no locks.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from verigym.trainer.engines.engine import Completion, Request, Sampling


class LinkLost(Exception):
    """The engine is away: what it was sampling is lost, and it may come back. The message is the reason, in words."""


class Link(ABC):
    """name: what people call it (an address, an actor's number); leaving: it has said that it ends soon: what is under
    way there is still returned, and it takes no more."""

    name: str
    leaving: bool = False

    @abstractmethod
    def start(self) -> None:
        """Connects, and ends whatever an earlier connection left under way. The engine then waits for weights. Raises
        LinkLost where it cannot be reached now, EngineError where trying again is of no use (wrong token, another
        model)."""

    @abstractmethod
    def submit(self, items: Sequence[tuple[int, Request]], sampling: Sampling) -> None:
        """Takes requests, each with the ticket by which it comes back. Raises EngineError for a request that no engine
        like this one can serve."""

    @abstractmethod
    def poll(self, wait_s: float) -> list[tuple[int, Completion]]:
        """What has ended since the last call, each ticket once; waits up to `wait_s` seconds where nothing has. With
        nothing under way it only asks whether the engine is still there."""

    @abstractmethod
    def cancel(self, tickets: Iterable[int] | None) -> None:
        """Ends requests (all: None) as `abort`; `poll` still returns each."""

    @abstractmethod
    def load_weights(self, weights: Mapping[str, Any], version: int) -> None:
        """As `Engine.load_weights`: all weights after `start`, later perhaps only the changed ones, on the CPU. Every
        member of a fleet is given the very same mapping of a version, so that it can be sent once for all."""

    @abstractmethod
    def load_adapter(self, folder: Path, version: int) -> None:
        """As `Engine.load_adapter`."""

    def sleep(self) -> None:  # noqa: B027
        """As `Engine.sleep`."""

    def wake(self) -> None:  # noqa: B027
        """As `Engine.wake`."""

    @abstractmethod
    def close(self) -> None:
        """Hangs up, and gives back what the link made. Raises nothing; more than once is fine."""
