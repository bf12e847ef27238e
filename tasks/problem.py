"""What a problem is, and where it lives.

A `Problem` is one thing to solve. Its `Address` says where it came from and seeds the random numbers it was made with,
so the same address gives the same problem in any process, on any machine. This module covers the records only; supplies
of problems are in `supply.py` and splits in `splits.py`.

    Problem(prompt="2 + 2 = ?", answer="4").messages      # [{"role": "user", "content": "2 + 2 = ?"}]
"""

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Message = dict[str, str]
"""One chat message: `role` (system, user, assistant, tool) and `content`."""


@dataclass(frozen=True)
class Address:
    """Where a problem lives. `str(address)` is `task@version/split/level/index`, and `Address.parse` reads it back."""

    task: str
    version: int
    split: str
    level: int
    index: int

    def __str__(self) -> str:
        return f"{self.task}@{self.version}/{self.split}/{self.level}/{self.index}"

    @classmethod
    def parse(cls, text: str) -> "Address":
        """The address that `text` names. Raises ValueError when it is not of the form
        `task@version/split/level/index`."""
        head, at, tail = text.rpartition("@")
        parts = tail.split("/")
        if not at or len(parts) != 4:
            raise ValueError(
                f"not an address: {text!r}; expected task@version/split/level/index, as in countdown@1/test/2/17"
            )
        return cls(head, int(parts[0]), parts[1], int(parts[2]), int(parts[3]))

    def rng(self, attempt: int = 0) -> random.Random:
        """A generator seeded by the SHA-256 of the address: no seed arithmetic, so neighbours share nothing."""
        digest = hashlib.sha256(f"{self}#{attempt}".encode()).digest()
        return random.Random(int.from_bytes(digest[:16], "big"))


@dataclass(frozen=True)
class Problem:
    """One thing to solve.

    prompt   text, or chat messages when a system message or several turns are wanted
    answer   what a verifier compares with; never shown to the model, never inside a sandboxed process
    key      canonical identity: two problems with one key are the same problem (countdown: sorted numbers and target)
    family   what decides the split, when coarser than the key (countdown: the sorted numbers alone); the key by default
    meta     anything worth keeping beside it (plain data)
    """

    prompt: str | Sequence[Message]
    answer: Any
    key: str = ""
    family: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)
    address: Address | None = None

    def __post_init__(self) -> None:
        if not self.key:
            text = self.prompt if isinstance(self.prompt, str) else "\n".join(m["content"] for m in self.prompt)
            object.__setattr__(self, "key", " ".join(text.split()))
        if not self.family:
            object.__setattr__(self, "family", self.key)

    @property
    def messages(self) -> list[Message]:
        """The prompt as chat messages: fresh copies, safe to append to."""
        if isinstance(self.prompt, str):
            return [{"role": "user", "content": self.prompt}]
        return [dict(message) for message in self.prompt]

    @property
    def text(self) -> str:
        """The prompt as one text: what a model without a chat template reads."""
        return "\n\n".join(message["content"] for message in self.messages)
