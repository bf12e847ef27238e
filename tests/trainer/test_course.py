"""trainer/course.py: the levels of a run, what each place of a step is given, and what its line says."""

import json
import re
from collections import Counter
from dataclasses import replace

import pytest

from verigym.tasks.problem import Address, Problem
from verigym.tasks.rows import Source, open_rows
from verigym.tasks.supply import Generated, Level
from verigym.trainer.config import ConfigError, Problems
from verigym.trainer.course import Plan, by_group, open_course
from verigym.trainer.rollout import Rollout
from verigym.trainer.stream import ProblemStream
from verigym.verifiers.verdict import Verdict

LEVELS = {n: Level(f"level {n}", 10**6, 0.0) for n in (1, 2, 3, 4)}
TASK = Generated("numbers", lambda rng, level: Problem(f"{level} {rng.randrange(10**9)}", ""), LEVELS)
RIGHT, WRONG = Verdict.right(""), Verdict.wrong("")


def rollouts(*groups):
    """Rollouts from (level, verdicts) of each group."""
    return [
        Rollout(
            Problem("p", "", address=Address("t", 1, "train", level, 0)), g, s, (), (), (), (), "stop", 0, ("",), one
        )
        for g, (level, verdicts) in enumerate(groups)
        for s, one in enumerate(verdicts)
    ]


@pytest.fixture
def rows(tmp_path):
    """Rows of levels 1 to 3, most of them of level 1, and one row of level 7 that can be in one split only."""
    path = tmp_path / "train.jsonl"
    levels = [1] * 60 + [2] * 40 + [3] * 40 + [7]
    lines = [{"prompt": f"question {i}", "answer": str(i), "level": level} for i, level in enumerate(levels)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "test.jsonl").write_text(
        "".join(json.dumps({"prompt": f"test {i}", "answer": "1", "level": 1 + i % 3}) + "\n" for i in range(9))
    )
    return open_rows(Source("mine", path=str(tmp_path), level="level"))


def test_the_default_is_levels_in_turn():
    course = open_course(Problems(level=(2, 1)), TASK, seed=0)
    assert course.plan({}) is None and course.learn({}, rollouts((1, [RIGHT]))) == {}
    stream = ProblemStream(TASK, split="train", levels=course.levels, seed=0)
    assert [p.prompt for p in stream.planned(None).take(6, 0)[0]] == [p.prompt for p in stream.take(6, 0)[0]]


def test_levels_come_in_their_shares_over_any_stretch():
    plan = Plan((1, 2, 3), (0.1, 0.6, 0.3), 12345)
    for start in (0, 17, 10**6):
        counts = Counter(plan.level(cursor) for cursor in range(start, start + 40))
        assert abs(counts[1] - 4) <= 1.5 and abs(counts[2] - 24) <= 1.5 and abs(counts[3] - 12) <= 1.5
    assert {Plan((1, 2), (1.0, 0.0), 7).level(cursor) for cursor in range(1000)} == {1}
    assert [Plan((1, 2), (0.5, 0.5), o).level(0) for o in (0, 2**63)] == [1, 2]


def test_a_planned_generator_draws_what_it_drew_before_at_another_level():
    stream = ProblemStream(TASK, split="train", levels=(1,), seed=0)
    plan = Plan((1, 2), (0.5, 0.5), 0)
    problems, cursor = stream.planned(plan).take(20, 0)
    assert cursor == 20 and {p.address.level for p in problems} == {1, 2}
    assert [p.address.index for p in problems] == [p.address.index for p in stream.take(20, 0)[0]]
    again = [*stream.planned(plan).take(5, 0)[0], *stream.planned(plan).take(15, 5)[0]]
    assert again == problems  # rounds of one step


def test_rows_are_shuffled_within_their_level(rows):
    course = open_course(Problems(curriculum=("staircase",)), rows, seed=0)
    assert course.levels == (1, 2, 3)  # level 7 is not in every split
    stream = ProblemStream(rows, split="train", levels=course.levels, seed=0).planned(course.plan({}))
    size = len(rows.problems(None, split="train", level=1))
    epochs = [[stream.at(size * epoch + i).prompt for i in range(size)] for epoch in range(2)]
    assert all(len(set(epoch)) == size for epoch in epochs) and epochs[0] != epochs[1]
    assert {stream.at(i).address.level for i in range(50)} == {1}


def test_rows_without_a_chosen_level_are_counted_by_level(rows):
    course = open_course(Problems(), rows, seed=0)
    assert course.levels == () and course.several
    found = course.metrics({}, rollouts((1, [RIGHT, WRONG]), (3, [WRONG, WRONG])))
    assert found == {
        "levels": {"1": {"share": None, "groups": 1, "pass": 0.5}, "3": {"share": None, "groups": 1, "pass": 0.0}}
    }


@pytest.mark.parametrize(
    ("problems", "message"),
    [
        (Problems(level=(9,)), "level=9 is not a level of numbers; set --level to some of 1, 2, 3, 4"),
        (
            Problems(curriculum=("fixed", "1=1", "8=1")),
            "level=8 is not a level of numbers; set --level to some of 1, 2, 3, 4",
        ),
        (
            Problems(level=(1, 2), curriculum=("fixed", "1=1", "3=1")),
            "level=1, 2, but curriculum fixed weighs 1, 3; name the same, or leave --level out",
        ),
        (
            Problems(level=(2,), curriculum=("staircase",)),
            "curriculum='staircase' needs two levels to choose from, and has 2; numbers has 1, 2, 3, 4: set --level to "
            "several of them, or --curriculum fixed",
        ),
        (
            Problems(curriculum=("bandit", "floor=0.4")),
            "curriculum bandit: floor=0.4 for each of 4 levels is more than there is; set floor to 0.25 or less",
        ),
    ],
)
def test_levels_that_cannot_be_used_are_named(problems, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        open_course(problems, TASK, seed=0)


def test_a_curriculum_that_cannot_be_read_is_a_fault_of_the_settings():
    with pytest.raises(ConfigError, match="did you mean 'staircase'"):
        Problems(curriculum=("stairs",))


def test_what_a_step_teaches_and_what_its_line_says():
    course = open_course(Problems(level=(1, 2, 3), curriculum=("staircase", "window=4", "up=0.75")), TASK, seed=0)
    step = rollouts((1, [RIGHT, RIGHT]), (1, [RIGHT, Verdict.error("lost")]), (1, [RIGHT, Verdict.error("lost")]))
    state = course.learn({}, step)
    assert state == {"place": 1, "recent": [], "seen": 0, "fell": -1, "wait": 1}  # an error is no failure of the policy
    assert course.metrics({}, step) == {
        "level": 1,
        "levels": {
            "1": {"share": 1.0, "groups": 3, "pass": 1.0},
            "2": {"share": 0.0, "groups": 0, "pass": None},
            "3": {"share": 0.0, "groups": 0, "pass": None},
        },
    }
    assert course.metrics(state, step)["level"] == 2
    assert course.learn({}, step[::-1]) == state  # dynamic sampling hands kept groups over before dropped ones
    assert course.plan(state).shares == pytest.approx((0.2, 0.8, 0.0))


def test_one_level_has_no_line_of_levels():
    assert open_course(Problems(level=(2,)), TASK, seed=0).metrics({}, rollouts((2, [RIGHT]))) == {}
    twice = open_course(Problems(level=(1, 1, 2)), TASK, seed=0).metrics({}, [])
    assert twice["levels"]["1"]["share"] == pytest.approx(2 / 3) and "level" not in twice


def test_where_no_verifier_rules_the_reward_counts_within_0_and_1():
    unruled = [Verdict(value, None) for value in (-0.5, 0.25, 7.0)]
    assert by_group(rollouts((1, unruled))) == [(1, (0.0, 0.25, 1.0))]
    assert by_group(rollouts((1, [Verdict.wrong("", reward=0.5)]))) == [(1, (0.0,))]


def test_a_state_of_other_levels_is_refused():
    course = open_course(Problems(level=(1, 2), curriculum=("bandit",)), TASK, seed=0)
    message = "does not fit levels 1, 2: the environment's levels have changed since; start another run"
    for state in (
        {"seen": [0.0] * 3, "signal": [0.0] * 3},
        {"place": 0, "recent": [], "seen": 0, "fell": -1, "wait": 1},
    ):
        with pytest.raises(ConfigError, match=message):
            course.plan(state)
    staircase = replace(course, kind=open_course(Problems(curriculum=("staircase",)), TASK, seed=0).kind)
    with pytest.raises(ConfigError, match=message):
        staircase.plan({"place": 2, "recent": [], "seen": 0, "fell": -1, "wait": 1})
