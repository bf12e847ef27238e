"""Many episodes at once: grading overlaps with sampling, and failures of an environment are counted, not scored.

    with Driver(make("gsm8k"), workers=2) as driver:
        episode = driver.start(problem)
        future = driver.submit(episode, reply)               # returns at once; graded while the next replies are
                                                             sampled
        verdicts = driver.gather([future, ...])              # in the order of the futures

    episodes = asyncio.run(driver.play_many(problems, respond, concurrency=64))       # `respond(messages)` calls a
                                                                                      model

Cheap pure verifiers are run in `submit` itself; dear ones and those of someone's own file in worker processes. Nothing
here stops a run for one bad sample; `ErrorBudget` does for too many.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Future

from verigym.envs.env import Env, Episode
from verigym.envs.grading import Machines
from verigym.envs.play import failure_of
from verigym.tasks.problem import Message, Problem
from verigym.verifiers.verdict import Status, Verdict

Respond = Callable[[list[Message]], Awaitable[str | tuple[str, bool]]]
"""From the conversation so far to the reply, or to (reply, whether a length limit cut it)."""


class TooManyErrors(RuntimeError):
    """More of a batch's verdicts are `error` than the run allows: the environment or its verifier is broken."""


class ErrorBudget:
    """The share of `error` verdicts that a batch may hold, from 0 to 1."""

    def __init__(self, max_share: float) -> None:
        if not 0 <= max_share <= 1:
            raise ValueError(f"max_share={max_share} is not a share; set it between 0 and 1")
        self.max_share = max_share

    def check(self, verdicts: Iterable[Verdict]) -> float:
        """The share of errors in a batch. Raises TooManyErrors, with the count and the first reason, when it is above
        the budget."""
        verdicts = list(verdicts)
        failed = [verdict for verdict in verdicts if verdict.status is Status.ERROR]
        if not failed:
            return 0.0
        share = len(failed) / len(verdicts)
        if share > self.max_share:
            raise TooManyErrors(
                f"{len(failed)} of {len(verdicts)} verdicts are errors ({share:.1%}, at most {self.max_share:.1%} "
                f"allowed): the environment or its verifier fails, not the replies. The first: {failed[0].reason}"
            )
        return share


class Driver:
    """Runs episodes of one environment. workers: processes that grade, where the environment grades in processes;
    machines: machines that do so in their place, left when this is closed."""

    def __init__(self, env: Env, *, workers: int = 2, machines: Machines | None = None) -> None:
        if workers < 1:
            raise ValueError(f"workers={workers} is too few; set it to 1 or more")
        self.env = env
        self._machines = machines
        env.grader.open(workers, machines)

    def start(self, problem: Problem) -> Episode:
        """A new episode of a problem; its verdict is set already where the environment failed."""
        return self.env.start(problem)

    def submit(self, episode: Episode, text: str, truncated: bool = False) -> "Future[Verdict | None]":
        """Give an episode its reply. The future holds the verdict, or None when `episode.observation` waits for the
        next reply."""
        return episode.submit(text, truncated)

    def gather(self, futures: Sequence["Future[Verdict | None]"]) -> list[Verdict | None]:
        """The results, in the order of the futures."""
        return [future.result() for future in futures]

    async def play_many(self, problems: Sequence[Problem], respond: Respond, *, concurrency: int = 64) -> list[Episode]:
        """Play one episode of every problem to its end, at most `concurrency` at once. Episodes come in the order of
        the problems.

        A `respond` that raises costs its own episode: its verdict is `error`. When this is cancelled, so is every call
        of `respond` that is under way, and every open episode is closed.
        """
        if concurrency < 1:
            raise ValueError(f"concurrency={concurrency} is too low; set it to 1 or more")
        room = asyncio.Semaphore(concurrency)

        async def one(problem: Problem) -> Episode:
            async with room:
                episode = await asyncio.to_thread(self.start, problem)
                try:
                    while episode.verdict is None:
                        await self._turn(episode, respond)
                finally:
                    episode.close()
                return episode

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(problem)) for problem in problems]
        return [task.result() for task in tasks]

    async def _turn(self, episode: Episode, respond: Respond) -> None:
        try:
            said = await respond([dict(message) for message in episode.messages])
        except Exception as failure:  # the caller's model or its server: one sample, never the batch
            episode.give_up(failure_of("respond", failure))
            return
        text, truncated = said if isinstance(said, tuple) else (said, False)
        if not isinstance(text, str):  # servers send null for an empty reply
            episode.give_up(Verdict.error(f"respond returned {type(text).__name__}, not text"))
            return
        await asyncio.wrap_future(self.submit(episode, text, truncated))

    def close(self) -> None:
        """End the workers."""
        self.env.close()
        if self._machines is not None:
            self._machines.close()

    def __enter__(self) -> "Driver":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


async def play_many(env: Env, problems: Sequence[Problem], respond: Respond, *, concurrency: int = 64) -> list[Episode]:
    """`Driver.play_many` with workers of its own, which are ended afterwards."""
    with Driver(env) as driver:
        return await driver.play_many(problems, respond, concurrency=concurrency)
