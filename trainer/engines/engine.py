"""What samples tokens: the interface that every engine keeps.

Token ids in, token ids out; nothing here knows text, templates or rewards. Each request carries its own seed, so a
sample does not depend on the batch it was drawn in, the worker or the order.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Finish = Literal["stop", "length", "abort"]


@dataclass(frozen=True)
class Sampling:
    """How to sample. temperature 0 is greedy. `stop_ids` end a reply and are part of it; a reply also ends once its
    text holds one of `stop` (the tokens up to there are kept). top_p and top_k are for evaluation: training refuses
    them."""

    max_new_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    stop_ids: tuple[int, ...] = ()
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """One sample wanted: the whole context as token ids, and the seed of its random numbers."""

    prompt_ids: tuple[int, ...]
    seed: int
    max_new_tokens: int | None = None
    """fewer new tokens than `Sampling.max_new_tokens`, where the context leaves less room"""


@dataclass(frozen=True)
class Completion:
    """One reply. logps: log-prob of each token under the sampling distribution, temperature applied, in nats, fp32 or
    better; finish: `stop` (an end token or stop string), `length` (cut), `abort` (cancelled); version: of the weights
    that sampled it."""

    token_ids: tuple[int, ...]
    logps: tuple[float, ...]
    finish: Finish
    version: int


class Engine(Protocol):
    """A sampler of one policy's weights."""

    version: int

    def generate(
        self,
        requests: Sequence[Request],
        sampling: Sampling,
        on_done: Callable[[int, Completion], None] | None = None,
    ) -> list[Completion]:
        """One completion a request, in order. `on_done(i, completion)` is called as each one ends, so that grading can
        start."""

    def load_weights(self, weights: Mapping[str, Any], version: int) -> None:
        """Take new weights (name to tensor); the very next sample uses them."""

    def close(self) -> None:
        """Give back what it holds."""
