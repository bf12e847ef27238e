"""How near sampling that runs ahead of learning comes to what its schedule allows.

    python benchmarks/async_schedule.py                    # about two minutes, most of them asleep
    python benchmarks/async_schedule.py --steps 8

An engine of known speed stands for a GPU: each of C places decodes r tokens a second, and does nothing but sleep.
Lengths are long-tailed (log-normal, cut at the limit), a step is P x G replies, and learning takes U seconds. What runs
is the trainer's own code: `Flow`, `Collector`, `Direct` and `Ahead`.

The bound of a schedule is what it takes if handing over, noticing and grading cost nothing. With b_k the end of
learning step k, and rows started in the order of the stream, each on the place that is free first:

    A_k = end of the last row of steps 1 to k        b_k = max(A_k, b_{k-1}) + U        bound = b_K
    lag 0             a row of step k starts after b_{k-1}
    lag N, partial    after b_{k-1-N}
    lag N             once weights v >= k-1-N are loaded; the newest are loaded when no row is left that those before
                      may begin, none is under way, v >= k-1-N has been learned, and the policy stands still
"""

import argparse
import heapq
import math
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verigym.envs.drive import Driver, ErrorBudget
from verigym.envs.env import Env
from verigym.tasks.problem import Address, Problem
from verigym.tasks.supply import Generated, Level
from verigym.trainer.ahead import Ahead
from verigym.trainer.collect import Collector
from verigym.trainer.engines.engine import WAIT_S, Completion, Engine, Finish, Request, Sampling
from verigym.trainer.intake import Direct, Intake
from verigym.trainer.lag import Lag
from verigym.trainer.reward import Reward
from verigym.trainer.sampler import Flow
from verigym.trainer.seeds import sample_seed
from verigym.trainer.step import lags
from verigym.trainer.stopwatch import Stopwatch

SCHEDULES = (Lag(0), Lag(1), Lag(1, True), Lag(2), Lag(2, True), Lag(4), Lag(4, True))


@dataclass(frozen=True)
class Work:
    """What is to be done. places: rows that are decoded at once; rate: tokens a second of each; mean, limit: of the
    lengths, tokens; update: seconds that learning takes."""

    steps: int
    groups: int = 8
    size: int = 8
    places: int = 64
    rate: float = 4000.0
    mean: float = 1000.0
    limit: int = 4096
    update: float = 0.3

    def length(self, seed: int) -> int:
        """Tokens of the reply with a seed: log-normal with sigma 1."""
        drawn = random.Random(seed).lognormvariate(math.log(self.mean) - 0.5, 1.0)
        return min(self.limit, max(1, round(drawn)))

    def lengths(self, step: int) -> list[int]:
        """Tokens of the replies of a step (from 1), in the order of the stream."""
        cursors = range((step - 1) * self.groups, step * self.groups)
        return [
            self.length(sample_seed(0, step, address(cursor), sample))
            for cursor in cursors
            for sample in range(self.size)
        ]


def address(cursor: int) -> Address:
    """Where the problem at a place of the stream lives."""
    return Address("sleep", 1, "train", 1, cursor)


def bound(work: Work, lag: Lag) -> float:
    """Seconds that the schedule takes at least; see above."""
    free = [0.0] * work.places
    begun, learned = [0.0], [0.0]  # when learning step k began, and b_k
    loaded, released, end = 0, 0.0, 0.0
    for step in range(1, work.steps + 1):
        needed = max(0, step - 1 - lag.steps)
        if lag.partial or not lag.steps:
            released = learned[needed]
        elif loaded < needed:
            released = max(end, learned[needed])
            loaded = max(version for version, at in enumerate(begun) if at < released)
            released = max(released, learned[loaded])  # the policy may be moving just then
        for length in work.lengths(step):
            ended = max(heapq.heappop(free), released) + length / work.rate
            heapq.heappush(free, ended)
            end = max(end, ended)
        begun.append(max(end, learned[-1]))
        learned.append(begun[-1] + work.update)
    return learned[-1]


class Sleeper(Engine):
    """Decodes by the clock: a row on each place, others wait in the order they came."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self._tickets = 0
        self._waiting: list[tuple[int, int]] = []
        self._running: dict[int, tuple[float, int]] = {}
        self._free_at = [0.0] * work.places
        self._over: list[tuple[int, Completion]] = []
        self._now = time.perf_counter()

    def add(self, requests: Sequence[Request], sampling: Sampling) -> list[int]:
        self._now = time.perf_counter()
        tickets = list(range(self._tickets, self._tickets + len(requests)))
        self._tickets += len(requests)
        for ticket, request in zip(tickets, requests, strict=True):
            left = self.work.length(request.seed) - request.start
            asked = min(left, request.max_new_tokens or left)
            self._waiting.append((ticket, asked))
        self._begin()
        return tickets

    def advance(self, wait_s: float = WAIT_S) -> list[tuple[int, Completion]]:
        until = time.perf_counter() + wait_s
        while not self._over and self._running:
            nearest = min(start + n / self.work.rate for start, n in self._running.values())
            time.sleep(max(0.0, min(nearest, until) - time.perf_counter()))
            self._settle()
            if time.perf_counter() >= until:
                break
        over, self._over = self._over, []
        return over

    def cancel(self, tickets: Iterable[int] | None = None) -> None:
        self._settle()
        for ticket, (start, n) in self._running.items():
            said = int((time.perf_counter() - start) * self.work.rate)
            self._end(ticket, min(n, max(0, said)), "abort")
        for ticket, _ in self._waiting:
            self._end(ticket, 0, "abort")
        self._running, self._waiting = {}, []
        self._free_at = [0.0] * self.work.places

    @property
    def busy(self) -> int:
        return len(self._waiting) + len(self._running) + len(self._over)

    def load_weights(self, weights: Mapping[str, Any], version: int) -> None:
        if self.busy:
            raise RuntimeError("something is under way")
        self.version = version

    def close(self) -> None:
        self._waiting, self._running, self._over = [], {}, []

    def _begin(self) -> None:
        """Starts those that wait, each when its place became free, and not before it was asked for."""
        while self._waiting and len(self._running) < self.work.places:
            ticket, n = self._waiting.pop(0)
            start = max(self._now, heapq.heappop(self._free_at))
            self._running[ticket] = (start, n)

    def _settle(self) -> None:
        """Ends the rows whose time has come, the earliest first, and starts others on their places."""
        now = time.perf_counter()
        while self._running:
            ticket, (start, n) = min(self._running.items(), key=lambda item: item[1][0] + item[1][1] / self.work.rate)
            end = start + n / self.work.rate
            if end > now:
                break
            del self._running[ticket]
            heapq.heappush(self._free_at, end)
            self._end(ticket, n, "stop")
            self._begin()

    def _end(self, ticket: int, n: int, finish: Finish) -> None:
        self._over.append((ticket, Completion((1,) * n, (-1.0,) * n, finish, self.version)))


class Words:
    """Stands for the tokenizer: what is said is nothing."""

    stop_ids = (0,)

    def start(self, messages: Sequence[Any]) -> tuple[int, ...]:
        return (2,)

    def text(self, token_ids: Sequence[int]) -> str:
        return ""


class Problems:
    """Stands for the stream and for its curriculum."""

    def planned(self, plan: object) -> "Problems":
        return self

    def plan(self, state: object) -> None:
        return None

    def at(self, cursor: int) -> Problem:
        return Problem("wait", "", key=str(cursor), address=address(cursor))


class Hand:
    """Stands for the way of the weights: there are none."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def publish(self, version: int) -> None:
        self.engine.load_weights({}, version)

    load = publish

    def gather(self) -> None: ...


def measure(work: Work, lag: Lag) -> tuple[float, float, int]:
    """Seconds that the schedule takes, and the mean and largest lag of its tokens."""
    task = Generated("sleep", lambda rng, level: Problem("wait", ""), {1: Level("one", 10**6, 0.0)})
    problems: Any = Problems()
    words: Any = Words()
    engine = Sleeper(work)
    hand: Any = Hand(engine)
    with Driver(Env(task, lambda problem, reply: True)) as driver:
        collector = Collector(
            engine, words, driver, sampling=Sampling(work.limit), context=10 * work.limit, repeats=lag.steps <= 1
        )
        flow = Flow(
            collector,
            problems,
            problems,
            reward=Reward((), work.limit),
            budget=ErrorBudget(1.0),
            groups=work.groups,
            size=work.size,
            most=work.groups,
            dynamic=False,
            seed=0,
            step=0,
            cursor=0,
            curriculum={},
            last=work.steps,
        )
        intake: Intake = Ahead(flow, hand, lag, waiting=[], rows=4) if lag.steps else Direct(flow, hand)
        mean, largest = 0.0, 0
        started = time.perf_counter()
        for step in range(1, work.steps + 1):
            sampled = intake.take(step, Stopwatch())
            found = lags(sampled.all, step - 1)
            mean, largest = mean + found["lag_mean"] / work.steps, max(largest, int(found["lag_max"]))
            time.sleep(work.update)
            intake.publish(step, {})
        seconds = time.perf_counter() - started
        intake.close()
    return seconds, mean, largest


def main() -> None:
    """Prints a table, one schedule a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--update", type=float, default=0.3, help="seconds that learning takes")
    options = parser.parse_args()
    work = Work(options.steps, update=options.update)
    lengths = [length for step in range(1, work.steps + 1) for length in work.lengths(step)]
    print(
        f"{work.steps} steps of {work.groups} x {work.size} replies on {work.places} places; lengths: mean "
        f"{sum(lengths) / len(lengths):.0f}, longest {max(lengths)} tokens at {work.rate:.0f} tokens/s a place; "
        f"learning {work.update:g} s"
    )
    print(f"{'schedule':<16}{'seconds':>9}{'bound':>9}{'over it':>9}{'speed':>8}{'lag mean':>10}{'largest':>9}")
    first = 0.0
    for lag in SCHEDULES:
        least = bound(work, lag)
        seconds, mean, largest = measure(work, lag)
        first = first or seconds
        name = f"lag {lag.steps}{' partial' if lag.partial else ''}"
        print(
            f"{name:<16}{seconds:>9.2f}{least:>9.2f}{seconds / least - 1:>9.1%}{first / seconds:>7.2f}x{mean:>10.2f}"
            f"{largest:>9}",
            flush=True,
        )


if __name__ == "__main__":
    main()
