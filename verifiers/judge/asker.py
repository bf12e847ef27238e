"""Asking a model for a judgement: from the cache, or under a budget from an endpoint or a local model.

asker = shared_asker(Where(url="http://localhost:8000/v1", model="qwen"))
asker.ask(messages, seed=0, until=time.monotonic() + 60, read=read)          # what `read` makes of the answer
"""

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from verigym.verifiers.judge.budget import Budget
from verigym.verifiers.judge.endpoint import Endpoint
from verigym.verifiers.judge.judgement import Unreadable
from verigym.verifiers.judge.local import LocalModel
from verigym.verifiers.judge.prompt import Message
from verigym.verifiers.judge.store import Failed, Said, Store, key_of

Read = TypeVar("Read")


class Model(Protocol):
    """What answers requests."""

    def complete(self, request: dict[str, object], until: float, budget: Budget) -> Said: ...


@dataclass(frozen=True)
class Where:
    """Who is asked, and at what cost. The fields are options of `judge`, which tells what they mean; body: JSON text.
    Raises ValueError for what cannot be meant."""

    url: str = ""
    model: str = ""
    local: str = ""
    device: str = "auto"
    key_env: str = "VERIGYM_JUDGE_KEY"
    temperature: float = 0.0
    max_tokens: int = 1024
    body: str = "{}"
    timeout_s: float = 60.0
    retries: int = 5
    concurrency: int = 8
    cache: str = ""
    max_calls: int = 0
    max_spent_tokens: int = 0
    max_cost: float = 0.0
    price_in: float = 0.0
    price_out: float = 0.0

    def __post_init__(self) -> None:
        if bool(self.url) == bool(self.local):
            raise ValueError(
                'judge needs one of url= (an OpenAI-compatible endpoint, such as "http://localhost:8000/v1", with '
                "model=) and local= (a directory or Hub id for transformers)"
            )
        if self.url:
            parts = urlsplit(self.url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError(f"judge: url={self.url!r} is no address; write http://HOST:PORT/v1")
            if parts.username or parts.password or parts.query:
                raise ValueError("judge: url holds a user, a password or a query; give the key by key_env= alone")
            if not self.model:
                raise ValueError("judge needs model=, the name of the model at the endpoint")
        if self.local and self.temperature:
            raise ValueError(f"judge: a local model is greedy; leave temperature={self.temperature:g} out")
        for name in ("max_tokens", "concurrency", "timeout_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"judge: {name}={getattr(self, name)} must be above 0")
        for name in ("temperature", "retries", "max_calls", "max_spent_tokens", "max_cost", "price_in", "price_out"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"judge: {name}={getattr(self, name)} must be 0 or more")
        if self.max_cost and not (self.price_in or self.price_out):
            raise ValueError(f"judge: max_cost={self.max_cost:g} needs price_in and price_out, of a million tokens")


class Asker:
    """One model with its cache and budget. Any thread may use it. Raises Failed where the cache cannot be opened."""

    def __init__(self, where: Where) -> None:
        self.where = where
        self.store = Store(where.cache)
        self.budget = Budget(where.max_calls, where.max_spent_tokens, where.max_cost, where.price_in, where.price_out)
        self.model: Model = (
            LocalModel(where.local, where.device)
            if where.local
            else Endpoint(where.url, where.key_env, timeout_s=where.timeout_s, retries=where.retries)
        )
        self._lock = threading.Lock()
        self._under_way: dict[str, threading.Lock] = {}

    def ask(self, messages: Sequence[Message], *, seed: int, until: float, read: Callable[[str], Read]) -> Read:
        """What `read` makes of the answer. What could be read is kept in the cache, and asked for once.

        Raises Unreadable where `read` does, Failed where there is no answer.
        """
        request = self._request(messages, seed)
        key = key_of(request)
        with self._lock:
            mine = self._under_way.setdefault(key, threading.Lock())
        # Who asks the same at the same time waits, and finds it in the cache.
        if not mine.acquire(timeout=max(0.0, until - time.monotonic())):
            raise Failed("the judge gave no answer in time: another reply asked the same and still waits")
        try:
            return self._ask(request, key, until, read)
        finally:
            mine.release()
            with self._lock:
                self._under_way.pop(key, None)

    def _ask(self, request: dict[str, object], key: str, until: float, read: Callable[[str], Read]) -> Read:
        if (kept := self.store.get(key)) is not None:
            with contextlib.suppress(Unreadable):  # kept by another version: asked anew
                return read(kept.text)
        said = self.model.complete(request, until, self.budget)
        found = read(said.text)
        self.store.put(key, said)
        return found

    def _request(self, messages: Sequence[Message], seed: int) -> dict[str, object]:
        """Everything that decides the answer; a field that `body` sets to null is left out."""
        request = {
            "model": self.where.model or self.where.local,
            "messages": list(messages),
            "temperature": self.where.temperature,
            "max_tokens": self.where.max_tokens,
            "seed": seed,
            **json.loads(self.where.body),
        }
        return {name: value for name, value in request.items() if value is not None}


_askers: dict[tuple[int, Where], Asker] = {}
_askers_lock = threading.Lock()


def shared_asker(where: Where) -> Asker:
    """This process's asker for a setting, made at the first call (after a fork: a new one). Raises Failed."""
    key = (os.getpid(), where)
    with _askers_lock:
        if key not in _askers:
            _askers[key] = Asker(where)
        return _askers[key]
