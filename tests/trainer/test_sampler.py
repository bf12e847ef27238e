"""Which groups a step is made of: the first of the stream that have a signal, in whatever order they end."""

import random

import pytest

from verigym.envs.drive import ErrorBudget, TooManyErrors
from verigym.tasks.problem import Address, Problem
from verigym.trainer.reward import Reward
from verigym.trainer.rollout import Rollout
from verigym.trainer.sampler import Flow
from verigym.trainer.seeds import sample_seed
from verigym.trainer.step import sample_groups
from verigym.trainer.stopwatch import Stopwatch
from verigym.verifiers.verdict import Verdict

GROUPS, SIZE = 4, 2


class Stream:
    """Problems that are their places; `dead` ones are answered wrongly by everyone, `broken` ones cannot be graded."""

    def __init__(self, dead=(), broken=()):
        self.dead, self.broken = set(dead), set(broken)

    def planned(self, plan):
        return self

    def at(self, cursor):
        return Problem(str(cursor), "", address=Address("t", 1, "train", 1, cursor))

    def take(self, n, cursor):
        return [self.at(place) for place in range(cursor, cursor + n)], cursor + n

    def rollouts(self, problem, group):
        place = problem.address.index
        made = []
        for sample in range(SIZE):
            verdict = Verdict(float(sample), sample == 1) if place not in self.dead else Verdict(0.0, False)
            verdict = Verdict.error("lost") if place in self.broken else verdict
            made.append(Rollout(problem, group, sample, (1,), (2,), (True,), (-1.0,), "stop", 0, ("r",), verdict))
        return made


class Shuffled:
    """Stands for the collector: groups end in an order of the clock's, one with each call."""

    def __init__(self, stream, seed):
        self.stream, self.random, self.open, self.seeds = stream, random.Random(seed), {}, {}
        self.most = 0
        self.watch = Stopwatch()

    @property
    def busy(self):
        return bool(self.open)

    def start(self, key, problem, n, seed, number):
        self.open[key] = self.stream.rollouts(problem, number)
        self.seeds[key] = seed(problem, 0)
        self.most = max(self.most, len(self.open))

    def advance(self):
        key = self.random.choice(sorted(self.open))
        return [(key, self.open.pop(key))]


class Levels:
    """A course with nothing to plan."""

    def plan(self, state):
        return None


def flow(stream, seed=0, *, dynamic=True, rounds=3, last=100, budget=1.0):
    collector = Shuffled(stream, seed)
    made = Flow(
        collector,
        stream,
        Levels(),
        reward=Reward((), 8),
        budget=ErrorBudget(budget),
        groups=GROUPS,
        size=SIZE,
        most=GROUPS * rounds if dynamic else GROUPS,
        dynamic=dynamic,
        seed=5,
        step=0,
        cursor=0,
        curriculum={},
        last=last,
    )
    return made, collector


def steps(made, count, lag=0):
    """The first steps; the weights of a step are published as soon as it is there."""
    found = []
    while len(found) < count:
        found += made.advance(len(found), lag)
    return found[:count]


def places(rollouts):
    return [r.problem.address.index for r in rollouts[::SIZE]]


def test_groups_without_a_signal_are_replaced_by_the_next_of_the_stream():
    made, _ = flow(Stream(dead=(1, 4)))
    first, second = steps(made, 2)
    assert places(first.kept) == [0, 2, 3, 5] and places(first.dropped) == [1, 4]
    assert [r.group for r in first.kept[::SIZE]] == [0, 2, 3, 5]
    assert (first.cursor, first.rounds) == (6, 2)
    assert places(second.kept) == [6, 7, 8, 9] and [r.group for r in second.kept[::SIZE]] == [0, 1, 2, 3]


@pytest.mark.parametrize("seed", range(8))
def test_a_step_does_not_depend_on_who_is_first_and_is_that_of_whole_rounds(seed):
    stream = Stream(dead=random.Random(3).sample(range(60), 30))
    made, collector = flow(stream, seed)
    cursor = 0
    for step, found in enumerate(steps(made, 4), 1):
        rounds = sample_groups(
            stream,
            cursor,
            GROUPS,
            SIZE,
            lambda problems, first: [r for i, p in enumerate(problems, first) for r in stream.rollouts(p, i)],
            dynamic_rounds=3,
        )
        assert (found.kept, found.dropped, found.cursor, found.rounds) == (
            *(rounds.kept, rounds.dropped),
            *(rounds.cursor, rounds.rounds),
        )
        for place in range(cursor, found.cursor):
            assert collector.seeds[place] == sample_seed(5, step, stream.at(place).address, 0)
        cursor = found.cursor


def test_a_step_gives_up_after_its_rounds_and_keeps_what_it_has():
    made, _ = flow(Stream(dead=range(1, 50)), rounds=2)
    (only,) = steps(made, 1)
    assert places(only.kept) == [0] and len(only.dropped) == 7 * SIZE and only.cursor == 8


def test_a_dead_group_is_replaced_while_others_are_still_sampled():
    made, collector = flow(Stream(dead=(0,)))
    collector.random.choice = min  # the first ends first
    made.advance(0, 0)
    made.draw(0, 0)
    assert sorted(collector.open) == [1, 2, 3, 4]


def test_without_dynamic_sampling_every_group_is_kept():
    made, collector = flow(Stream(dead=(1,)), dynamic=False)
    assert places(steps(made, 1)[0].kept) == [0, 1, 2, 3] and collector.most == 4


def test_how_far_sampling_runs_ahead_is_bounded():
    for lag in (0, 1, 3):
        made, collector = flow(Stream(), dynamic=False)
        made.draw(version=0, lag=lag)
        assert len(collector.open) == GROUPS * (1 + lag)
        made.draw(version=2, lag=lag)
        assert len(collector.open) == GROUPS * (3 + lag)


def test_nothing_is_drawn_after_the_last_step_nor_after_the_one_that_is_asked_for():
    made, collector = flow(Stream(), last=2)
    made.draw(0, 9)
    assert len(collector.open) == 2 * GROUPS
    made, collector = flow(Stream())
    made.draw(0, 9, upto=3)
    assert len(collector.open) == 3 * GROUPS


@pytest.mark.parametrize("seed", range(4))
def test_steps_that_are_sampled_together_are_cut_from_the_stream_in_order(seed):
    dead = random.Random(seed).sample(range(100), 40)
    made, _ = flow(Stream(dead=dead), seed, rounds=50)
    live = [place for place in range(200) if place not in dead]
    for step, found in enumerate(steps(made, 5, lag=2)):
        assert places(found.kept) == live[step * GROUPS : (step + 1) * GROUPS]
        groups = [r.group for r in found.all[::SIZE]]
        assert sorted(groups) == list(range(len(groups)))


def test_too_many_errors_stop_the_run_at_the_end_of_a_step():
    made, _ = flow(Stream(broken=(2,)), dynamic=False, budget=0.2)
    with pytest.raises(TooManyErrors, match="2 of 8 verdicts are errors"):
        steps(made, 1)


def test_where_everything_fails_nothing_is_drawn_in_its_place_for_long():
    made, collector = flow(Stream(broken=range(100)), rounds=20, budget=0.5)
    collector.random.choice = min
    with pytest.raises(TooManyErrors, match="8 of 8 verdicts are errors"):
        steps(made, 1)
    assert len(collector.seeds) < 3 * GROUPS
