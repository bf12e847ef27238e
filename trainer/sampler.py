"""What a run samples: the groups of its stream in their order, those without a signal replaced, made into steps.

A group is replaced as soon as it is known to be dead, so that the engine stays full. A step takes the first groups of
the stream that have a signal, never those that were first to end: it does not depend on timing.

    flow = Flow.of(run, collector, stream, course=course, reward=reward, state=state)
    for sampled in flow.advance(version=0, lag=0): ...
"""

from dataclasses import dataclass, replace

from verigym.envs.drive import ErrorBudget
from verigym.trainer.checkpoint import TrainerState
from verigym.trainer.collect import Collector, Seed
from verigym.trainer.config import Run
from verigym.trainer.course import Course
from verigym.trainer.curriculum import State
from verigym.trainer.engines.engine import Sampling
from verigym.trainer.objective.corrections import admitted
from verigym.trainer.reward import Reward
from verigym.trainer.rollout import Rollout
from verigym.trainer.seeds import sample_seed
from verigym.trainer.step import Sampled, has_signal
from verigym.trainer.stream import ProblemStream


def sampling_of(run: Run) -> Sampling:
    """How rollouts are sampled in training."""
    return Sampling(run.rollout.max_new_tokens, run.rollout.temperature, stop=run.rollout.stop)


@dataclass
class _Group:
    """One problem that was drawn. curriculum: what was known of the levels then; rollouts: None until all are over;
    live: whether they are learned from."""

    curriculum: State
    rollouts: list[Rollout] | None = None
    live: bool = True


class Flow:
    """The groups of a run. groups: those that make a step; size: rollouts of each; most: problems that a step may
    draw; dynamic: whether groups without a signal are replaced; step, cursor: where the last finished step left the
    stream; last: step after which nothing is drawn."""

    def __init__(
        self,
        collector: Collector,
        stream: ProblemStream,
        course: Course,
        *,
        reward: Reward,
        budget: ErrorBudget,
        groups: int,
        size: int,
        most: int,
        dynamic: bool,
        seed: int,
        step: int,
        cursor: int,
        curriculum: State,
        last: int,
    ) -> None:
        self.collector = collector
        self.course = course
        self.reward = reward
        self.budget = budget
        self.groups = groups
        self.size = size
        self.most = most
        self.dynamic = dynamic
        self.seed = seed
        self.step = step
        self.cursor = cursor
        self.last = last
        self._stream = stream
        self._drawn: dict[int, _Group] = {}
        self._checked = step
        self.plan(curriculum)

    @classmethod
    def of(
        cls,
        run: Run,
        collector: Collector,
        stream: ProblemStream,
        *,
        course: Course,
        reward: Reward,
        state: TrainerState,
    ) -> "Flow":
        """The groups of a run that goes on from `state`. The collector is one that `reacts` under dynamic sampling."""
        dynamic = run.resolve().dynamic_sampling
        return cls(
            collector,
            stream,
            course,
            reward=reward,
            budget=ErrorBudget(run.problems.max_error_share),
            groups=run.rollout.problems_per_step,
            size=run.rollout.group_size,
            most=run.rollout.problems_per_step * (run.rollout.dynamic_rounds if dynamic else 1),
            dynamic=dynamic,
            seed=run.keep.seed,
            step=state.step,
            cursor=state.cursor,
            curriculum=state.curriculum,
            last=run.optim.steps,
        )

    def plan(self, curriculum: State) -> None:
        """From now on problems are drawn at the levels that the curriculum gives."""
        self.curriculum = curriculum
        self._planned = self._stream.planned(self.course.plan(curriculum))

    def open(self, version: int, lag: int, upto: int | None = None) -> bool:
        """Whether there is something to do: something under way, or to be drawn."""
        return self.collector.busy or self._may(self._end(), version, lag, upto)

    def draw(self, version: int, lag: int, upto: int | None = None) -> None:
        """Starts every group that may be sampled by weights `version`, none of a step after `upto`."""
        end = self._end()
        while self._may(end, version, lag, upto):
            step, live, drawn = end
            self._drawn[self.cursor] = _Group(self.curriculum)
            problem = self._planned.at(self.cursor)
            self.collector.start(self.cursor, problem, self.size, self._seed(step), number=drawn)
            self.cursor += 1
            end = self._after(step, live + 1, drawn + 1)

    def advance(self, version: int, lag: int, upto: int | None = None) -> list[Sampled]:
        """Draws, goes on with everything under way for a moment, and returns the steps that are now whole, in order.
        Raises TooManyErrors where too many of their verdicts are errors, EngineError where the engine cannot go on."""
        self.draw(version, lag, upto)
        over = self.collector.advance()
        for cursor, rollouts in over:
            self._settle(self._drawn[cursor], rollouts)
        found: list[Sampled] = []
        while over and (sampled := self._formed()) is not None:
            found.append(sampled)
        return found

    def _seed(self, step: int) -> Seed:
        return lambda problem, sample: sample_seed(self.seed, step, problem.address, sample)

    def _settle(self, group: _Group, rollouts: list[Rollout]) -> None:
        with self.collector.watch("verify"):
            group.rollouts = self.reward.shaped(rollouts)
        group.live = not self.dynamic or has_signal(group.rollouts)

    def _end(self) -> tuple[int, int, int]:
        """The step that the next group belongs to, by what is known now, and how many groups of it are live or may be,
        and drawn."""
        step, live, drawn = self.step + 1, 0, 0
        for group in self._drawn.values():
            step, live, drawn = self._after(step, live + group.live, drawn + 1)
        return step, live, drawn

    def _after(self, step: int, live: int, drawn: int) -> tuple[int, int, int]:
        return (step + 1, 0, 0) if self._full(live, drawn) else (step, live, drawn)

    def _may(self, end: tuple[int, int, int], version: int, lag: int, upto: int | None) -> bool:
        """Whether the next group may be drawn, where `_end` is there."""
        step, live, _ = end
        number = (step - 1) * self.groups + live + 1
        return step <= min(self.last, self.last if upto is None else upto) and admitted(
            number, self.groups, version, lag
        )

    def _full(self, live: int, drawn: int) -> bool:
        return live == self.groups or drawn == self.most

    def _formed(self) -> Sampled | None:
        """The next step, where all its groups are over."""
        chosen: list[tuple[int, _Group]] = []
        live = 0
        for cursor, group in self._drawn.items():
            if group.rollouts is None:
                break
            chosen.append((cursor, group))
            live += group.live
            if self._full(live, len(chosen)):
                return self._form(chosen)
        if len(chosen) >= self.groups and self._checked == self.step:  # no need to replace what always fails
            self._check(chosen)
            self._checked = self.step + 1
        return None

    def _form(self, chosen: list[tuple[int, _Group]]) -> Sampled:
        self._check(chosen)
        self.step += 1
        self._checked = self.step
        first = chosen[0][0]
        sampled = Sampled(
            size=self.size,
            rounds=-(-len(chosen) // self.groups),
            cursor=chosen[-1][0] + 1,
            curriculum=chosen[0][1].curriculum,
        )
        for cursor, group in chosen:
            del self._drawn[cursor]
            numbered = [_numbered(rollout, cursor - first) for rollout in group.rollouts or ()]
            (sampled.kept if group.live else sampled.dropped).extend(numbered)
        return sampled

    def _check(self, chosen: list[tuple[int, _Group]]) -> None:
        self.budget.check([rollout.verdict for _, group in chosen for rollout in group.rollouts or ()])


def _numbered(rollout: Rollout, group: int) -> Rollout:
    """The rollout as one of a group of its step, which may have become another one as groups before it died."""
    return rollout if rollout.group == group else replace(rollout, group=group)
