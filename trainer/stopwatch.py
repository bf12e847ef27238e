"""Where the seconds of a step go.

watch = Stopwatch()
with watch("sample"): ...
watch.seconds["sample"]
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Seconds by name. A part that runs inside another is taken out of it, so that the parts add up."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._inner = [0.0]

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Times a block."""
        started = time.perf_counter()
        self._inner.append(0.0)
        try:
            yield
        finally:
            whole = time.perf_counter() - started
            self.seconds[name] += whole - self._inner.pop()
            self._inner[-1] += whole

    def timing(self, step: int, tokens: int, whole: float) -> dict[str, float]:
        """A line of timing.jsonl: seconds of a step by part, `rest` being what no part holds, and sampled tokens per
        second."""
        parts = {name: self.seconds[name] for name in ("sample", "verify", "canary", "update", "sync")}
        return {
            "step": step,
            "seconds": whole,
            **parts,
            "rest": whole - sum(parts.values()),
            "tokens_per_s": tokens / whole,
        }
