"""What judges said, kept: a SQLite file that survives a kill and that several processes may share.

    store = Store("judge.sqlite")           # "" keeps it in memory
    store.put(key_of(request), Said("...", 120, 30))

The key is the hash of model, messages and parameters. The endpoint is not in it: a model says the same elsewhere.
"""

import hashlib
import json
import sqlite3
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

MOST_IN_MEMORY = 65_536


class Failed(RuntimeError):
    """No judgement: the endpoint, the budget or the cache failed. The message is for a person; the reply is not at
    fault."""


class Said(NamedTuple):
    """What a model answered, and the tokens that it cost."""

    text: str
    prompt_tokens: int
    completion_tokens: int


def key_of(request: Mapping[str, Any]) -> str:
    """The hash of a request."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class Store:
    """A cache of answers by key. Any thread may use it. Raises Failed where the file is no such cache."""

    def __init__(self, path: str) -> None:
        self._path, self._lock = path, threading.Lock()
        try:
            self._base = sqlite3.connect(path or ":memory:", timeout=30, check_same_thread=False, isolation_level=None)
            with self._lock:
                self._base.execute(
                    "create table if not exists said (key text primary key, text text, prompt int, completion int)"
                )
        except sqlite3.Error as failure:
            raise self._failed(failure) from None

    def get(self, key: str) -> Said | None:
        """What was said, or None."""
        try:
            with self._lock:
                row = self._base.execute("select text, prompt, completion from said where key = ?", (key,)).fetchone()
        except sqlite3.Error as failure:
            raise self._failed(failure) from None
        return Said(*row) if row else None

    def put(self, key: str, said: Said) -> None:
        """Keeps it: on disk when this returns."""
        try:
            with self._lock:
                self._base.execute("insert or replace into said values (?, ?, ?, ?)", (key, *said))
                if not self._path:
                    self._base.execute("delete from said where rowid <= last_insert_rowid() - ?", (MOST_IN_MEMORY,))
        except sqlite3.Error as failure:
            raise self._failed(failure) from None

    def _failed(self, failure: sqlite3.Error) -> Failed:
        return Failed(f"the judge's cache {self._path!r} cannot be used: {failure}; name another file with cache=")
