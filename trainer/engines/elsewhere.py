"""The engine of a rank that does not sample: another rank's engine does, and tells it what was said.

engine = Elsewhere(version=3)
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from verigym.trainer.engines.engine import WAIT_S, Completion, Engine, Request, Sampling


class Elsewhere(Engine):
    """Implements `Engine` where there is nothing to sample. Weights are taken and dropped, so that every rank publishes
    them alike."""

    def __init__(self, version: int = 0) -> None:
        self.version = version

    def add(self, requests: Sequence[Request], sampling: Sampling) -> NoReturn:
        raise RuntimeError("this rank does not sample; only the lead's engine takes requests")

    def advance(self, wait_s: float = WAIT_S) -> list[tuple[int, Completion]]:
        return []

    def cancel(self, tickets: Iterable[int] | None = None) -> None:
        """Nothing is under way."""

    @property
    def busy(self) -> int:
        return 0

    def load_weights(self, weights: Mapping[str, Any], version: int) -> None:
        self.version = version

    def load_adapter(self, folder: Path, version: int) -> None:
        self.version = version

    def close(self) -> None:
        """Nothing is held."""
