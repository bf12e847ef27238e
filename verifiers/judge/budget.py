"""What judging may cost: calls, tokens and money, for one process and setting.

    budget = Budget(max_calls=100)
    with budget.call(prompt=500, completion=1024) as held:
        held.cost(480, 33)                  # what it came to

A call holds its worst case back until it is known what it came to, so calls at the same time cannot pass the bound
together. What is read from the cache costs nothing.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from verigym.verifiers.judge.store import Failed

PER = 1e6
"""prices are for so many tokens"""


@dataclass
class Held:
    """The tokens of one call: at first the most it can cost."""

    prompt: int
    completion: int

    def cost(self, prompt: int, completion: int) -> None:
        """What the call came to."""
        self.prompt, self.completion = max(0, prompt), max(0, completion)


@dataclass
class Budget:
    """Bounds, 0 for none, and what is spent. price_in, price_out: of a million tokens, in the unit of max_cost."""

    max_calls: int = 0
    max_tokens: int = 0
    max_cost: float = 0.0
    price_in: float = 0.0
    price_out: float = 0.0
    calls: int = 0
    prompt: int = 0
    completion: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def spent(self) -> float:
        """Money."""
        return (self.prompt * self.price_in + self.completion * self.price_out) / PER

    @contextmanager
    def call(self, prompt: int, completion: int) -> Iterator[Held]:
        """One call that may cost so many tokens. Raises Failed when that is more than is left."""
        held = Held(prompt, completion)
        with self._lock:
            self._charge(prompt, completion, 1)
            if over := self._over():
                self._charge(-prompt, -completion, -1)
                raise Failed(f"the budget of the judge is spent: {over}; raise it, or judge less")
        try:
            yield held
        except BaseException:
            held.cost(0, 0)  # a call that failed is counted as a call
            raise
        finally:
            with self._lock:
                self._charge(held.prompt - prompt, held.completion - completion, 0)

    def _charge(self, prompt: int, completion: int, calls: int) -> None:
        self.prompt, self.completion, self.calls = (
            self.prompt + prompt,
            self.completion + completion,
            self.calls + calls,
        )

    def _over(self) -> str:
        if self.max_calls and self.calls > self.max_calls:
            return f"max_calls={self.max_calls}"
        if self.max_tokens and self.prompt + self.completion > self.max_tokens:
            return f"max_spent_tokens={self.max_tokens}"
        if self.max_cost and self.spent > self.max_cost:
            return f"max_cost={self.max_cost:g}"
        return ""
