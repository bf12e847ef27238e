"""Plan jobs that wait for each other on a few workers, to be done by a deadline.

answer       {"jobs": {"A": 3, ...}, "before": [["A", "B"], ...], "resources": {"workers": 2}, "needs": {"A":
             {"workers": 1}, ...}, "deadline": 9}
in the tags  `A: 0, B: 3`, the start of every job: any plan counts that keeps the demands and the deadline
meta         {"starts": {"A": 0, ...}}

The deadline is the end of the best plan that was found among many: it can be kept, and there is little room. The family
is what waits for what, with the durations, without the names.

    print(problem(random.Random(0), 1, style="terse").prompt)
"""

import random
from collections.abc import Mapping, Sequence
from itertools import combinations, permutations
from math import comb

from verigym.tasks.logic.graphs import NAMES, shape
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

SHAPES = {1: (4, 2, 2), 2: (5, 3, 2), 3: (6, 5, 2), 4: (8, 8, 3), 5: (12, 14, 3)}
"""Level to how many jobs, demands and workers."""
LONGEST = 6
TRIES = 60
"""plans that are tried for the deadline"""

LEVELS = {
    # A lower bound: durations and choices of demands for one order of the jobs. Chance: simulated, for plans that were
    # right elsewhere.
    level: Level(
        f"{jobs} jobs, {demands} demands, {workers} workers",
        space=LONGEST**jobs * comb(comb(jobs, 2), demands),
        chance=chance,
    )
    for (level, (jobs, demands, workers)), chance in zip(
        SHAPES.items(), (0.025, 0.005, 0.0006, 0.0001, 0.00001), strict=True
    )
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """Durations and demands evenly drawn, and the best of the plans that follow some orders of the jobs."""
    size, count, workers = SHAPES[level]
    nodes = list(NAMES[:size])
    jobs = {node: rng.randint(1, LONGEST) for node in nodes}
    order = rng.sample(nodes, size)
    before = sorted(rng.sample(list(combinations(order, 2)), count))
    starts = best(rng, jobs, before, workers)
    deadline = end(jobs, starts)
    listed = " ".join(f"{node}{length}" for node, length in jobs.items())
    shown = f"{listed} {' '.join(f'{one}<{other}' for one, other in before)} {workers}w {deadline}"
    words = (
        f"{workers} workers do these jobs, each worker one job at a time, without a pause within a job:\n"
        + "\n".join(f"{node} takes {length} hour{'s' if length > 1 else ''}." for node, length in jobs.items())
        + "\n"
        + "\n".join(f"{one} must end before {other} starts." for one, other in before)
        + f"\nJobs start at full hours, from hour 0 on; a job may start in the hour in which another ends. All must be "
        f"done by hour {deadline}. Say at which hour each job starts."
    )
    return Problem(
        prompt=ask(style, words, terse=shown, form="<answer>X: 0, Y: 0, Z: 4</answer>"),
        answer={
            "jobs": jobs,
            "before": [list(pair) for pair in before],
            "resources": {"workers": workers},
            "needs": {node: {"workers": 1} for node in nodes},
            "deadline": deadline,
        },
        key=shown,
        family=shape(
            nodes,
            [(one, other, 1) for one, other in before],
            {node: str(length) for node, length in jobs.items()},
            directed=True,
        ),
        meta={"starts": starts},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The plan that was found, with its ends."""
    jobs, starts = problem.answer["jobs"], problem.meta["starts"]
    work = "\n".join(f"{job} runs from {starts[job]} to {starts[job] + length}." for job, length in jobs.items())
    return answered(style, ", ".join(f"{job}: {start}" for job, start in starts.items()), work)


def best(
    rng: random.Random, jobs: Mapping[str, int], before: Sequence[tuple[str, str]], workers: int
) -> dict[str, int]:
    """The earliest end among the plans that follow all orders of few jobs, or some orders of many; tries end early at a
    plan that cannot be beaten."""
    nodes = list(jobs)
    orders = list(permutations(nodes)) if len(nodes) <= 4 else [rng.sample(nodes, len(nodes)) for _ in range(TRIES)]
    after = {node: [one for one, other in before if other == node] for node in nodes}
    chain: dict[str, int] = {}
    while len(chain) < len(nodes):
        for node in nodes:
            if node not in chain and all(one in chain for one in after[node]):
                chain[node] = jobs[node] + max((chain[one] for one in after[node]), default=0)
    least = max(*chain.values(), -(-sum(jobs.values()) // workers))
    found: dict[str, int] = {}
    for order in orders:
        starts = follow(order, jobs, after, workers)
        if not found or end(jobs, starts) < end(jobs, found):
            found = starts
        if end(jobs, found) == least:
            break
    return {node: found[node] for node in nodes}


def follow(
    order: Sequence[str], jobs: Mapping[str, int], after: Mapping[str, Sequence[str]], workers: int
) -> dict[str, int]:
    """The plan that starts each job as early as it can, the first of the order that waits for nothing first."""
    starts: dict[str, int] = {}
    busy = [0] * (sum(jobs.values()) + 1)
    waiting = list(order)
    while waiting:
        job = next(one for one in waiting if all(other in starts for other in after[one]))
        waiting.remove(job)
        start = max((starts[other] + jobs[other] for other in after[job]), default=0)
        while max(busy[start : start + jobs[job]]) >= workers:
            start += 1
        for hour in range(start, start + jobs[job]):
            busy[hour] += 1
        starts[job] = start
    return starts


def end(jobs: Mapping[str, int], starts: Mapping[str, int]) -> int:
    """When the last job ends."""
    return max(starts[job] + jobs[job] for job in starts)


TASK = Generated("schedule", problem, LEVELS, oracle)
