"""What the package reasoning-gym does by itself: one line of JSON for each generator, on standard output.

    PYTHONHASHSEED=1 python -P benchmarks/reasoning_gym_raw.py 20 gcd lcm

Run by reasoning_gym_audit.py in throw-away processes with two hash seeds, in an empty folder. Its problems are made as
its users make them: `create_dataset(name, size=N, seed=S)`. A generator that takes longer than LIMIT_S is stopped.
"""

import hashlib
import json
import signal
import sys
import time
from typing import Any

LIMIT_S = 25
BUDGET_S = 1.5
"""seconds of processor time for the problems of one seed; slow generators make fewer"""
SEED, NEXT, FAR = 42, 43, 42 + 10**6


class Late(BaseException):
    """The generator took too long. Not an Exception: some of them catch those."""


def late(*_: object) -> None:
    raise Late


def main(count: int, names: list[str]) -> None:
    from reasoning_gym.factory import DATASETS

    signal.signal(signal.SIGPROF, late)
    for name in names or [name for name in sorted(DATASETS) if name != "composite"]:
        signal.setitimer(signal.ITIMER_PROF, LIMIT_S)
        try:
            found = look(name, count)
        except Late:
            found = {"stopped": True}
        except Exception as failure:
            found = {"failed": f"{type(failure).__name__}: {failure}"[:200]}
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        print("\n" + json.dumps({"name": name, **found}), flush=True)  # generators print dots of their own


def look(name: str, count: int) -> dict[str, Any]:
    """How many of the first questions of seed 42 come again: in the same process, in seed 43, in a far seed."""
    began = time.process_time()
    first = questions(name, SEED, 3)
    count = max(3, min(count, int(3 * BUDGET_S / max(1e-3, time.process_time() - began))))
    first = questions(name, SEED, count)
    following, far = questions(name, NEXT, count), questions(name, FAR, count)
    return {
        "items": count,
        "again": first == questions(name, SEED, count),
        "digest": hashlib.sha256("\n".join(first).encode("utf-8", "replace")).hexdigest(),
        "next": sum(one in following for one in first) / count,
        "far": sum(one in far for one in first) / count,
    }


def questions(name: str, seed: int, count: int) -> list[str]:
    import reasoning_gym

    data = reasoning_gym.create_dataset(name, size=count, seed=seed)
    return [f"{data[i]['question']}\n{data[i]['answer']}" for i in range(count)]


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
