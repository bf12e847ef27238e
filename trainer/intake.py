"""Where a step's rollouts come from, and when the engine takes new weights.

    sampled = intake.take(step, watch)          # this step's rollouts, sampled now or ahead of time
    intake.publish(step, curriculum)            # the policy has moved
    with intake.rested(): ...                   # the engine holds the newest weights, and nothing is under way
    intake.pending()                            # steps that a checkpoint must hold, for a resumed run to repeat

At lag 0 a step is sampled when it is asked for; `ahead.py` has what samples while the policy learns.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from verigym.envs.drive import ErrorBudget
from verigym.tasks.problem import Problem
from verigym.trainer.ahead import Ahead
from verigym.trainer.collect import Collector, collect
from verigym.trainer.curriculum import State
from verigym.trainer.engines.options import options_of
from verigym.trainer.lag import Lag
from verigym.trainer.ranks import Ranks
from verigym.trainer.reward import Reward
from verigym.trainer.rollout import Rollout
from verigym.trainer.sampler import Flow, sampling_of
from verigym.trainer.seeds import sample_seed
from verigym.trainer.step import Sampled, sample_groups
from verigym.trainer.stopwatch import Stopwatch
from verigym.trainer.sync import Sync
from verigym.trainer.together import roll_shared, samples_everywhere

if TYPE_CHECKING:
    from verigym.trainer.session import Session


class Intake(Protocol):
    """What the loop asks for rollouts."""

    def take(self, step: int, watch: Stopwatch) -> Sampled:
        """The rollouts of a step; watch: is told the seconds of `sample`, `verify` and `sync`. Raises TooManyErrors
        where too many verdicts are errors, EngineError where the engine cannot go on."""

    def publish(self, version: int, curriculum: State, watch: Stopwatch | None = None) -> None:
        """The policy's weights are now `version`, and this is known of the levels; watch: is told the seconds of
        `canary`."""

    @contextmanager
    def rested(self) -> Iterator[None]:
        """Meanwhile the engine holds the newest weights and is nobody else's."""

    def pending(self) -> list[Sampled]:
        """The steps, in order, that are sampled and not taken: the next one at least, where one is under way."""

    def close(self) -> None:
        """Ends what is under way. More than once is fine."""


class Direct:
    """A step is sampled when it is asked for, by the newest weights."""

    def __init__(self, flow: Flow, sync: Sync) -> None:
        self.flow = flow
        self.sync = sync

    def take(self, step: int, watch: Stopwatch) -> Sampled:
        self.flow.collector.watch = watch
        found: list[Sampled] = []
        while not found:
            found = self.flow.advance(step - 1, lag=0)
        found[0].probes = found[0].all
        return found[0]

    def publish(self, version: int, curriculum: State, watch: Stopwatch | None = None) -> None:
        self.sync.publish(version)
        self.flow.plan(curriculum)

    @contextmanager
    def rested(self) -> Iterator[None]:
        yield

    def pending(self) -> list[Sampled]:
        return []

    def close(self) -> None:
        """Nothing goes on by itself."""


class Shared:
    """Several ranks at lag 0: a step is sampled in rounds, each rank its share of the groups, or the lead for all."""

    def __init__(self, session: "Session", reward: Reward) -> None:
        self.session = session
        self.reward = reward

    def take(self, step: int, watch: Stopwatch) -> Sampled:
        session, run = self.session, self.session.run
        budget, everywhere = ErrorBudget(run.problems.max_error_share), samples_everywhere(run)

        def roll_here(problems: Sequence[Problem], first_group: int) -> list[Rollout]:
            rollouts = collect(
                session.engine,
                session.policy.chat,
                session.driver,
                problems,
                run.rollout.group_size,
                sampling=sampling_of(run),
                seed=lambda problem, sample: sample_seed(run.keep.seed, step, problem.address, sample),
                context=session.policy.context,
                first_group=first_group,
                watch=watch,
            )
            with watch("verify"):
                return self.reward.shaped(rollouts)

        def roll(problems: Sequence[Problem], first_group: int) -> list[Rollout]:
            rollouts = roll_shared(roll_here, problems, first_group, session.ranks, everywhere=everywhere)
            budget.check([rollout.verdict for rollout in rollouts])
            return rollouts

        sampled = sample_groups(
            session.planned,
            session.state.cursor,
            run.rollout.problems_per_step,
            run.rollout.group_size,
            roll,
            dynamic_rounds=run.rollout.dynamic_rounds if session.learner.objective.dynamic_sampling else 0,
        )
        sampled.probes, sampled.curriculum = sampled.all, session.state.curriculum
        return sampled

    def publish(self, version: int, curriculum: State, watch: Stopwatch | None = None) -> None:
        self.session.sync.publish(version)

    @contextmanager
    def rested(self) -> Iterator[None]:
        yield

    def pending(self) -> list[Sampled]:
        return []

    def close(self) -> None:
        """Nothing goes on by itself."""


class Told:
    """Several ranks, and sampling that runs ahead on the lead, which tells the others. inner: the lead's intake."""

    def __init__(self, inner: Intake | None, sync: Sync, ranks: Ranks) -> None:
        self.inner = inner
        self.sync = sync
        self.ranks = ranks

    def take(self, step: int, watch: Stopwatch) -> Sampled:
        inner = self.inner
        return self.ranks.led((lambda: inner.take(step, watch)) if inner else Sampled)  # type: ignore[arg-type]

    def publish(self, version: int, curriculum: State, watch: Stopwatch | None = None) -> None:
        if self.inner is None:
            self.sync.publish(version)
        else:
            self.inner.publish(version, curriculum, watch)

    @contextmanager
    def rested(self) -> Iterator[None]:
        with self.inner.rested() if self.inner is not None else nullcontext():
            yield

    def pending(self) -> list[Sampled]:
        return self.inner.pending() if self.inner is not None else []

    def close(self) -> None:
        if self.inner is not None:
            self.inner.close()


def open_intake(session: "Session", reward: Reward, waiting: list[Sampled]) -> Intake:
    """What a run at its lag and on its ranks is fed by. waiting: steps that were sampled before it was stopped."""
    run, ranks = session.run, session.ranks
    lag = Lag.of(run.rollout.lag)
    if ranks.several and not lag.steps:
        return Shared(session, reward)
    if not ranks.lead:
        return Told(None, session.sync, ranks)
    state = session.state
    if waiting:
        state = replace(state, step=state.step + len(waiting), cursor=waiting[-1].cursor)
    collector = Collector(
        session.engine,
        session.policy.chat,
        session.driver,
        sampling=sampling_of(run),
        context=session.policy.context,
        reacts=session.learner.objective.dynamic_sampling,
        repeats=lag.steps <= 1 and not lag.partial,
    )
    flow = Flow.of(run, collector, session.stream, course=session.course, reward=reward, state=state)
    if not lag.steps:
        return Direct(flow, session.sync)
    ahead = Ahead(
        flow, session.sync, lag, waiting=waiting, rows=options_of(run.rollout).canary_rows, every=session.canary.every
    )
    return Told(ahead, session.sync, ranks) if ranks.several else ahead
