"""A model behind an OpenAI-compatible endpoint: one POST, asked again where that can help.

    Endpoint("http://localhost:8000/v1", "VERIGYM_JUDGE_KEY", timeout_s=60, retries=5).complete(request, until, budget)

Asked again, after a wait that doubles: when it is busy or broken (408, 409, 425, 429, 5xx), cannot be reached, is too
slow, or answers with what is no completion. Not asked again: any other status. Redirects are not followed. The key is
read from the environment for each call, goes into the header and nowhere else: it is cut out of what a server says.
"""

import json
import os
import random
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from verigym.verifiers.convert import printable
from verigym.verifiers.judge.budget import Budget
from verigym.verifiers.judge.store import Failed, Said

if TYPE_CHECKING:
    import httpx

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
LONGEST_ANSWER = 4 << 20
"""bytes of an answer that are read"""
CHARACTERS = 3
"""of a token, at least: for what a call may cost before it is known"""
_AGAIN = {408, 409, 425, 429}


class _Busy(Exception):
    """Worth asking again. wait_s: what the server asked for."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class Endpoint:
    """Where `POST url/chat/completions` is answered. Any thread may use it.

    url        such as http://localhost:8000/v1;  key_env: the environment variable that holds the key, if it is set
    timeout_s  for one try;  retries: further tries
    """

    def __init__(self, url: str, key_env: str, *, timeout_s: float, retries: int) -> None:
        import httpx

        self._url = url.rstrip("/") + "/chat/completions"
        self._key_env, self._timeout_s, self._retries = key_env, timeout_s, retries
        self._client = httpx.Client(follow_redirects=False)

    def complete(self, request: Mapping[str, Any], until: float, budget: Budget) -> Said:
        """What the model says. until: when to give up, by `time.monotonic`. Raises Failed."""
        body = json.dumps(request).encode()
        rng = random.Random(body)
        last = "it was never asked"
        for attempt in range(self._retries + 1):
            if time.monotonic() >= until:
                raise Failed(f"the judge gave no answer in time: {last}")
            try:
                return self._once(body, request, until, budget)
            except _Busy as busy:
                last = str(busy)
                wait = max(busy.wait_s, FIRST_WAIT_S * 2**attempt * rng.uniform(0.5, 1.0))
            if attempt < self._retries:
                time.sleep(max(0.0, min(wait, LONGEST_WAIT_S, until - time.monotonic())))
        raise Failed(f"the judge failed {self._retries + 1} times, the last time: {last}")

    def _once(self, body: bytes, request: Mapping[str, Any], until: float, budget: Budget) -> Said:
        import httpx

        most = request.get("max_tokens") or request.get("max_completion_tokens") or 0
        prompt = sum(len(message["content"]) for message in request["messages"]) // CHARACTERS + 1
        key = os.environ.get(self._key_env, "").strip() if self._key_env else ""
        if not key.isascii() or not key.isprintable():
            raise Failed(f"the environment variable {self._key_env} holds characters that no key has")
        headers = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
        patience = max(0.01, min(self._timeout_s, until - time.monotonic()))
        end = time.monotonic() + patience
        with budget.call(prompt, most) as held:
            try:
                with self._client.stream(
                    "POST", self._url, content=body, headers=headers, timeout=patience
                ) as response:
                    data = _whole(response, end)
            except httpx.TimeoutException:
                raise _Busy(f"no answer within {patience:.3g} s") from None
            except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as failure:
                raise _Busy(self._clean(f"{type(failure).__name__}: {failure}", key)) from None
            if response.status_code != 200:
                self._refused(response.status_code, data, response.headers.get("retry-after", ""), key)
            said = _completion(data)
            used = said.prompt_tokens or prompt, said.completion_tokens or len(said.text) // CHARACTERS + 1
            held.cost(*used)
        return Said(said.text, *used)

    def _refused(self, status: int, data: bytes, after: str, key: str) -> None:
        """Raises _Busy or Failed for an answer that is not 200."""
        said = self._clean(data[:2000].decode("utf-8", "replace"), key)
        if status in _AGAIN or status >= 500:
            raise _Busy(f"the server said {status} {said}", float(after) if after.isdecimal() else 0.0)
        mend = ""
        if status in (401, 403):
            where = f"in the environment variable {self._key_env}" if self._key_env else "by naming it with key_env="
            mend = f"; give a key {where}"
        raise Failed(f"the server said {status} {said}{mend}")

    def _clean(self, text: str, key: str) -> str:
        """What a server or library says, on one line and without the key."""
        return printable(text.replace(key, "***") if key else text, 200)


def _whole(response: "httpx.Response", end: float) -> bytes:
    """The body. Raises _Busy when it is too long, or drips on past `end`."""
    data = bytearray()
    for piece in response.iter_bytes():
        data += piece
        if len(data) > LONGEST_ANSWER:
            raise _Busy(f"an answer of more than {LONGEST_ANSWER >> 20} MiB")
        if time.monotonic() > end:
            raise _Busy("an answer that did not end in time")
    return bytes(data)


def _completion(data: bytes) -> Said:
    """The text of the first choice and the usage. Raises _Busy for anything else."""
    try:
        record = json.loads(data)
        text = record["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as failure:
        raise _Busy(f"an answer that is no chat completion ({type(failure).__name__})") from None
    if not isinstance(text, str):
        raise _Busy("a completion without text")
    usage = record.get("usage") if isinstance(record, dict) else None
    counts = [_count(usage, name) for name in ("prompt_tokens", "completion_tokens")]
    return Said(text, counts[0], counts[1])


def _count(usage: Any, name: str) -> int:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else 0
