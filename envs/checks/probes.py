"""What children run: each probe asks an environment for something and writes down what came, judging nothing.

    PROBES["oracle"](desk, env)

The rules that make findings of the records are in `problem_rules.py` and `reply_rules.py`.
"""

import json
import pickle
import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from verigym.envs.checks.bench import Bench, Solved, digest
from verigym.envs.checks.inside import Desk
from verigym.envs.checks.overlap import Draw, normal, repeats, shared
from verigym.envs.checks.reply_probes import floors, hostile, isolated, oracle, speed, turn
from verigym.envs.checks.traces import random_state
from verigym.envs.env import Env
from verigym.envs.own import UNDECLARED_SPACE
from verigym.tasks.problem import Problem
from verigym.tasks.splits import SHARES
from verigym.tasks.supply import Generated

SAMPLED = 8
"""problems of each split and level that are compared between processes"""
GRADED = 2
"""of them, problems that are replied to; one where replies are programs, which are dear"""
DRAWN = 200
"""problems of each split and level that are looked at for overlap"""
DRAWN_FOR_SPACE = 2000
"""draws of each level that are looked at for repeats"""
DRAWING_S = 2.0
"""seconds of processor time, and four times as many of the clock, that draws for either may take"""
MOST_ROWS = 20_000
LONG_ANSWER = 12
"""characters from which an answer in the prompt is a leak and no coincidence"""
TRIED = ("", "0", "<answer>1</answer>")
"""replies that are graded in every process, beside the oracle's"""


def describe(desk: Desk, env: Env) -> None:
    """What the environment says of itself, and the form of some problems."""
    task = env.task
    generated = isinstance(task, Generated) or isinstance(getattr(task, "inner", None), Generated)
    with desk.doing("reading the environment's levels and splits"):
        desk.found(
            "described",
            id=env.id,
            turns=env.max_turns,
            deadline_s=desk.request.deadline_s,
            played=env.play is not None,
            open_ended=env.open_ended,
            reward_range=list(env.reward_range),
            splits=list(task.splits),
            sizes={split: task.size(split) for split in task.splits},
            shares={split: SHARES.get(split, 1.0) if generated else 1.0 for split in task.splits},
            levels={
                str(number): {
                    "space": level.space,
                    "chance": level.chance,
                    "floor": level.floor,
                    "declared": level.space != UNDECLARED_SPACE or level.chance > 0,
                }
                for number, level in sorted(task.levels.items())
            },
        )
    bench = Bench(desk, env)
    for split, level in bench.places():
        for index in bench.indices(split, level, SAMPLED):
            if (problem := bench.problem(split, level, index)) is not None:
                _form(desk, problem, (split, level, index))


def _form(desk: Desk, problem: Problem, place: tuple[str, int, int]) -> None:
    answer = problem.answer
    text = answer if isinstance(answer, str) else json.dumps(answer) if isinstance(answer, list | dict) else ""
    asked = [message["content"] for message in problem.messages]
    desk.found(
        "form",
        at=str(problem.address),
        at_home=problem.address is not None
        and (problem.address.split, problem.address.level, problem.address.index) == place,
        empty=not any(part.strip() for part in asked),
        pickles=_pickles(problem),
        plain=_plain(answer) and _plain(dict(problem.meta)),
        leaked=len(text) >= LONG_ANSWER and any(normal(text) in normal(part) for part in asked),
    )


def _pickles(problem: Problem) -> bool:
    try:
        return digest(pickle.loads(pickle.dumps(problem.answer))) == digest(problem.answer)
    except Exception:  # pickling runs the answer's own code
        return False


def _plain(value: Any) -> bool:
    """Whether JSON can hold a value and give it back; tuples come back as lists, which are equal to a reader."""
    try:
        return digest(json.loads(json.dumps(value))) == digest(value)
    except (TypeError, ValueError, RecursionError):
        return False


def sample(desk: Desk, env: Env) -> None:
    """Digests of problems and of the verdicts on some replies, to be compared with those of other processes; with
    `shuffled` the last comes first, with `noisy` random numbers are drawn between."""
    request, bench = desk.request, Bench(desk, env)
    wanted = [
        (split, level, index)
        for split, level in bench.places()
        for index in bench.indices(split, level, min(SAMPLED, request.n))
    ]
    if request.shuffled:
        random.Random(request.seed + 1).shuffle(wanted)
    before = random_state()
    for split, level, index in wanted:
        if request.noisy:
            _noise()
            before = random_state()
        problem = bench.problem(split, level, index)
        if problem is None:
            continue
        touched = random_state() != before
        graded = index < (1 if desk.programs else GRADED) and not bench.tired
        solved = bench.solve(problem) if graded else None
        desk.found(
            "sampled",
            at=f"{split}/{level}/{index}",
            prompt=digest(problem.messages),
            answer=digest(problem.answer),
            key=digest(problem.key),
            family=digest(problem.family),
            verdicts=_verdicts(bench, problem, solved) if graded else [],
            touched=touched,
        )
        before = random_state()
    _resets(desk, env)


def _noise() -> None:
    for _ in range(random.randrange(1, 9)):
        random.random()


def _verdicts(bench: Bench, problem: Problem, solved: Solved | None) -> list[Any]:
    said = [solved.graded.said] if solved is not None else []
    return said + [bench.grade(problem, [reply], f"{reply!r}").said for reply in TRIED]


def _resets(desk: Desk, env: Env) -> None:
    """What `reset` gives for seeds, twice."""
    for seed in (desk.request.seed, desk.request.seed + 1):
        drawn = []
        for again in range(2):
            for number in range(3):
                with desk.doing(f"reset(seed={seed})"):
                    try:
                        observation, info = env.reset(seed=seed) if number == 0 else env.reset()
                        drawn.append(digest([observation, str(info["problem"].address)]))
                    except Exception as failure:  # the border to foreign code
                        drawn.append(f"{type(failure).__name__}: {failure}"[:100])
            if again and drawn[:3] != drawn[3:]:
                desk.found("reset differs", seed=seed)
        desk.found("sampled", at=f"reset(seed={seed})", prompt=digest(drawn[:3]))


def spread(desk: Desk, env: Env) -> None:
    """Overlap of the splits, and how often the draws of each level repeat."""
    bench, draws = Bench(desk, env), []
    places = bench.places()
    for split, level in places:
        found = list(_drawn(bench, split, level, DRAWN, DRAWING_S / len(places)))
        draws += [_draw(env, problem, split, level) for problem in found]
        desk.found("served", split=split, level=level, problems=len(found))
    for record in shared(draws):
        desk.found("shared", **{**record, "some": [text[:120] for text in record["some"]]})
    first = [place for place in places if place[0] == env.task.splits[0]]
    for split, level in first:
        keys = [problem.key for problem in _drawn(bench, split, level, DRAWN_FOR_SPACE, DRAWING_S / len(first))]
        desk.found("repeats", split=split, level=level, **repeats(keys))


def _drawn(bench: Bench, split: str, level: int, n: int, seconds: float) -> Iterator[Problem]:
    """Draws of a generator, n of them or what the time allows; all rows of a split of rows."""
    size = bench.rows(split, level)
    spent, began = time.process_time(), time.monotonic()
    for index in range(n if size is None else min(size, MOST_ROWS)):
        late = time.process_time() - spent > seconds or time.monotonic() - began > 4 * seconds
        if late and size is None and index >= SAMPLED:
            return
        problem = bench.problem(split, level, index)
        if problem is None:
            return
        yield problem


def _draw(env: Env, problem: Problem, split: str, level: int) -> Draw:
    content = normal(problem.text)
    if env.play is not None:
        content += f" => {digest(problem.answer)}"
    return Draw(split, level, problem.key, problem.family, content)


PROBES: Mapping[str, Callable[[Desk, Env], None]] = {
    "describe": describe,
    "sample": sample,
    "spread": spread,
    "oracle": oracle,
    "floors": floors,
    "hostile": hostile,
    "isolated": isolated,
    "speed": speed,
    "turn": turn,
}
