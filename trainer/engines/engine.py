"""What samples tokens: the interface that every engine keeps.

Token ids in, token ids out; nothing here knows text, templates or rewards. Each request carries its own seed, so a
sample does not depend on the batch it was drawn in, the worker or the order. Requests are handed in at any time, also
while others are under way, and come back as they end; `generate` does that for a list.

    tickets = engine.add(requests, sampling)
    while engine.busy:
        for ticket, completion in engine.advance(): ...
    engine.load_weights(policy_weights, version=1)          # the very next sample uses them
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Finish = Literal["stop", "length", "abort"]

WAIT_S = 0.2
"""Longest that `advance` works or waits before it comes back, also when nothing has ended; seconds."""


class EngineError(RuntimeError):
    """An engine that cannot go on. The message says what happened, what is lost (nothing that was trained) and how to
    go on; it is never a reward."""


class UnknownWeight(EngineError):
    """New weights hold a name or a shape that the engine's model does not have: nothing was loaded."""


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
    start: int = 0
    """how many of the last prompt ids are the reply's own first tokens, sampled earlier (a partial rollout that goes
    on): its random numbers and its stop strings go on from there; limits count the new tokens alone"""


def refuse_unservable(requests: Sequence[Request], vocabulary: int) -> None:
    """Raises ValueError for a request that no engine of a model with so many token ids can serve."""
    for request in requests:
        ids, start = request.prompt_ids, request.start
        if not ids:
            raise ValueError("a request without prompt ids: a model needs at least one token to go on from")
        if min(ids) < 0 or max(ids) >= vocabulary:
            odd = next(i for i in ids if not 0 <= i < vocabulary)
            raise ValueError(f"a request holds the token id {odd}, and the model knows 0 to {vocabulary - 1}")
        if not 0 <= start <= len(ids):
            raise ValueError(f"a request goes on from its last {start} prompt ids, and it has {len(ids)}")


@dataclass(frozen=True)
class Completion:
    """One reply. logps: log-prob of each token under the sampling distribution, temperature applied, in nats, fp32 or
    better (at temperature 0: at temperature 1); finish: `stop` (an end token or stop string), `length` (cut), `abort`
    (cancelled: the tokens so far); version: of the weights that sampled it."""

    token_ids: tuple[int, ...]
    logps: tuple[float, ...]
    finish: Finish
    version: int


class Engine(ABC):
    """A sampler of one policy's weights. version: of the weights it holds; own_copy: whether it holds weights beside
    the trainer's, which can then differ from them; repeats: whether the same requests, handed in at the same moments of
    its work, give the same bits; resampled: how many requests were lost with a part of it and sampled again."""

    version: int = 0
    own_copy: bool = True
    repeats: bool = False
    resampled: int = 0

    @abstractmethod
    def add(self, requests: Sequence[Request], sampling: Sampling) -> list[int]:
        """Takes requests, also while others are under way, and returns a ticket for each, never given before. Raises
        ValueError for a request or a sampling that this engine cannot serve; then none was taken."""

    @abstractmethod
    def advance(self, wait_s: float = WAIT_S) -> list[tuple[int, Completion]]:
        """Goes on with everything under way until something ends, or `wait_s` seconds have passed. Returns what has
        ended, each ticket once. Raises EngineError when the engine cannot go on."""

    @abstractmethod
    def cancel(self, tickets: Iterable[int] | None = None) -> None:
        """Ends requests (all of them: None) as `abort`, with the tokens so far; `advance` still returns each. Tickets
        that have ended are passed over."""

    @property
    @abstractmethod
    def busy(self) -> int:
        """How many requests have not been returned by `advance`."""

    @abstractmethod
    def load_weights(self, weights: Mapping[str, Any], version: int) -> None:
        """Takes new weights: name in the trainer's model to tensor, all of them, or the changed ones. The very next
        sample uses them, and nothing read under the old ones (a prefix cache) is used again.

        Raises RuntimeError while requests are under way (let them end, or cancel them), UnknownWeight for a name or
        shape that the model lacks."""

    def load_adapter(self, folder: Path, version: int) -> None:
        """Takes a LoRA adapter in peft's layout on top of the weights. Raises EngineError where there is no way."""
        raise EngineError(f"{type(self).__name__} takes no LoRA adapter; take another --engine, or leave --lora out")

    def sleep(self) -> None:  # noqa: B027
        """Gives back what can be had again (key-value cache; weights on a GPU) while the trainer learns. Nothing may be
        under way."""

    def wake(self) -> None:  # noqa: B027
        """Takes it back, ready to sample. The weights are those of `version` again, or wait for `load_weights`."""

    @abstractmethod
    def close(self) -> None:
        """Gives back what it holds: memory, processes. More than once is fine."""

    def generate(
        self,
        requests: Sequence[Request],
        sampling: Sampling,
        on_done: Callable[[int, Completion], None] | None = None,
    ) -> list[Completion]:
        """One completion a request, in order. `on_done(i, completion)` is called as each one ends, so that grading can
        start. Nothing else may be under way."""
        place = {ticket: i for i, ticket in enumerate(self.add(requests, sampling))}
        done: dict[int, Completion] = {}
        while len(done) < len(place):
            for ticket, completion in self.advance():
                done[place[ticket]] = completion
                if on_done:
                    on_done(place[ticket], completion)
        return [done[i] for i in range(len(requests))]
