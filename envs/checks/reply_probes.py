"""Probes that give replies: right ones, worthless ones, hedges and hostile ones. As `probes.py`, they judge nothing."""

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from verigym.envs.checks.bench import Bench, Graded, Solved, digest_of
from verigym.envs.checks.corpus import dressed
from verigym.envs.checks.corpus import hostile as corpus
from verigym.envs.checks.forms import Form, find_form
from verigym.envs.checks.inside import Desk, make_env
from verigym.envs.checks.odds import quantile
from verigym.envs.checks.repliers import SPRAYED, stubs
from verigym.envs.checks.repliers import floors as floor_replies
from verigym.envs.checks.repliers import hedges as hedge_replies
from verigym.envs.checks.traces import changes, traces
from verigym.envs.env import Env
from verigym.tasks.problem import Problem

BUDGET_S = 40.0
"""seconds after which a probe takes no further problem"""
HOSTILE_S = 120.0
"""seconds after which the corpus is left where it is, which is then shown"""
HELD_OUT_SHARE = 3
"""one problem of a held-out split for so many of the first"""
ELSEWHERE = 50_000
"""index from which other problems are taken: to learn the commonest answer, and for wrong ones"""
OTHERS = 40
ISOLATED = 6
JUNK = 1000
JUNK_S = 3.0
SPEED_S = 1.0
SHOWN = 400


def oracle(desk: Desk, env: Env) -> None:
    """The oracle's replies, graded: n problems of each level in the first split, fewer in the others."""
    bench, until = Bench(desk, env), time.monotonic() + BUDGET_S
    for split, level, index in _in_turn(bench, desk.request.n):
        if time.monotonic() > until or bench.tired:
            break
        problem = bench.problem(split, level, index)
        if problem is None:
            continue
        solved = bench.solve(problem)
        if solved is None:
            desk.found("no oracle", at=str(problem.address))
        else:
            desk.found("solved", at=str(problem.address), guessed=solved.guessed, **_graded(solved.graded))


def _in_turn(bench: Bench, n: int) -> Iterator[tuple[str, int, int]]:
    """Places and indices, so that a probe that is cut short has seen some of everything."""
    places = bench.places()
    first = places[0][0] if places else ""
    sizes = {place: bench.rows(*place) for place in places}
    for index in range(n):
        for split, level in places:
            size = sizes[split, level]
            if index < (n if split == first else -(-n // HELD_OUT_SHARE)) and (size is None or index < size):
                yield split, level, index


def _graded(graded: Graded) -> dict[str, Any]:
    return {
        "reward": graded.reward,
        "correct": graded.correct,
        "status": graded.status,
        "reason": graded.reason,
        "seconds": graded.seconds,
        "told": graded.told,
    }


def floors(desk: Desk, env: Env) -> None:
    """Worthless replies and hedges to n problems of each level of the first split."""
    bench, until = Bench(desk, env), time.monotonic() + BUDGET_S
    first = [place for place in bench.places() if place[0] == bench.places()[0][0]]
    share_s = BUDGET_S / 3 / max(1, len(first))
    pools = {level: _others(bench, split, level, time.monotonic() + share_s) for split, level in first}
    for index in range(desk.request.n):
        for split, level in first:
            if time.monotonic() > until or bench.tired:
                return
            problem = bench.problem(split, level, index)
            solved = bench.solve(problem) if problem is not None else None
            if problem is not None:
                pool = [form for key, form in pools[level] if key != problem.key]
                _floors_of(bench, problem, solved, pool, level)


def _others(bench: Bench, split: str, level: int, until: float) -> list[tuple[str, Form]]:
    """Right answers to other problems: their keys and forms. Of rows they are other rows of the split."""
    size = bench.rows(split, level)
    found: list[tuple[str, Form]] = []
    for number in range(OTHERS):
        if time.monotonic() > until or bench.tired:
            break
        index = ELSEWHERE + number if size is None else size - 1 - number
        problem = bench.problem(split, level, index) if index >= 0 else None
        reply = bench.right_reply(problem) if problem is not None else None
        if problem is None or reply is None:
            break
        found.append((problem.key, find_form(reply, problem.answer)))
    return found


def _floors_of(bench: Bench, problem: Problem, solved: Solved | None, pool: Sequence[Form], level: int) -> None:
    """One problem: every floor, then every hedge with answers that are found wrong here first."""
    desk = bench.desk
    answers = [form.content.strip() for form in pool]
    common = min(Counter(answers).items(), key=lambda item: (-item[1], item[0]))[0] if answers else None
    chosen = random.Random(f"{desk.request.seed} {problem.key}")
    other = chosen.choice(answers) if answers else None
    form = chosen.choice(pool) if pool else find_form("")
    for name, reply in floor_replies(problem.text, form, common, other).items():
        graded = bench.grade(problem, [reply], f"the reply {name!r}")
        desk.found("floor", name=name, level=level, at=str(problem.address), reply=_cut(reply), **_graded(graded))
    if solved is None or solved.graded.correct is not True:
        return
    right, wrong = solved.form, []
    if right.is_program:
        answers = stubs(right.content)
    for answer in dict.fromkeys(chosen.sample(answers, len(answers))):
        graded = bench.grade(problem, [*solved.replies[:-1], right.fill(answer)], "a wrong answer")
        if graded.scored and graded.correct is False and answer != right.content.strip():
            wrong.append(answer)
        if wrong and len(wrong) >= min(3, len(answers)):
            break
    if not wrong:
        desk.found("no wrong answer", at=str(problem.address))
        return
    rest = [answer for answer in answers if answer not in wrong and answer != right.content.strip()]
    for name, reply in hedge_replies(right, [*wrong, *rest[:SPRAYED]]).items():
        graded = bench.grade(problem, [*solved.replies[:-1], reply], f"the hedge {name!r}")
        desk.found("hedge", name=name, level=level, at=str(problem.address), reply=_cut(reply), **_graded(graded))


def _cut(reply: str) -> str:
    return reply if len(reply) <= SHOWN else f"{reply[: SHOWN // 2]} ... {reply[-SHOWN // 2 :]}"


def hostile(desk: Desk, env: Env) -> None:
    """The hostile corpus to one problem, and worthless replies to some; what the process looks like before and after.

    Records of verdicts that are as they should be are counted only.
    """
    bench = Bench(desk, env)
    places = bench.places()
    problem = bench.problem(*places[-1], 0) if places else None
    if problem is None:
        return
    before = traces(desk.folder)
    solved = bench.solve(problem)
    bench.grade(problem, ["0"], "a warm-up")
    form = solved.form if solved is not None else find_form("<answer></answer>")
    marker = desk.folder / "tmp" / "marker"
    replies = dict(floor_replies(problem.text, form, None, None))
    for name, text in corpus(str(marker)).items():
        clothes = list(dressed(name, text, form).items())
        replies.update(clothes[:2] if desk.programs else clothes)  # programs are dear, and have no other marks
    before["counts"] = traces(desk.folder)["counts"]  # workers have started by now, and are no side effect
    until, tried = time.monotonic() + HOSTILE_S, 0
    for name, reply in replies.items():
        if bench.tired or time.monotonic() > until:
            break
        tried += 1
        graded = bench.grade(problem, [reply], f"the hostile reply {name!r}")
        desk.found("hostile", name=name, **_graded(graded))
        if marker.exists():
            desk.found("executed", name=name)
            marker.unlink(missing_ok=True)
    for line in changes(before, traces(desk.folder)):
        desk.found("effect", line=line)
    desk.found("tried", replies=tried, of=len(replies), programs=desk.programs)


def isolated(desk: Desk, env: Env) -> None:
    """Whether one conversation can be seen in another: two instances, verdicts twice, and after a thousand others."""
    bench = Bench(desk, env)
    places = bench.places()
    problems = [bench.problem(*places[number % len(places)], number) for number in range(ISOLATED)] if places else []
    known = [problem for problem in problems if problem is not None]
    marks = [digest_of(problem) for problem in known]
    solved = [found for problem in known if (found := bench.solve(problem)) is not None]
    pairs: list[tuple[Problem, Sequence[str]]] = [(found.problem, found.replies) for found in solved]
    once = [found.graded.said for found in solved]
    others = [(problem, [reply]) for problem in known for reply in ("0", "<answer>1</answer>", "no idea")]
    once += [bench.grade(problem, replies, "a reply, once").said for problem, replies in others]
    pairs += others
    again = [bench.grade(problem, replies, "a reply, again").said for problem, replies in pairs]
    _side_by_side(desk, bench, solved)
    _two_instances(desk, env, bench, solved)
    count = _junk(desk, bench, known)
    after = [bench.grade(problem, replies, "a reply, after others").said for problem, replies in pairs]
    for (problem, replies), one, two, three in zip(pairs, once, again, after, strict=True):
        desk.found("graded again", at=str(problem.address), reply=_cut(replies[-1]), once=one, again=two, after=three)
    for problem, mark in zip(known, marks, strict=True):
        if digest_of(problem) != mark:
            desk.found("mutated", at=str(problem.address))
    desk.found("junk", replies=count)


def _side_by_side(desk: Desk, bench: Bench, solved: Sequence[Solved]) -> None:
    """Two conversations of one instance, turn by turn in turn."""
    for one, two in pairwise(solved):
        episodes = [bench.env.start(one.problem), bench.env.start(two.problem)]
        for turn in range(max(len(one.replies), len(two.replies))):
            for episode, found in zip(episodes, (one, two), strict=True):
                if episode.verdict is None and turn < len(found.replies):
                    with desk.doing("a reply in one of two conversations"):
                        episode.reply(found.replies[turn])
        for episode, found in zip(episodes, (one, two), strict=True):
            verdict = episode.verdict
            said = None if verdict is None else [round(verdict.reward, 9), verdict.correct, str(verdict.status)]
            if said != found.graded.said:
                desk.found("side by side", at=str(found.problem.address), alone=found.graded.said, beside=said)
            episode.close()


def _two_instances(desk: Desk, env: Env, bench: Bench, solved: Sequence[Solved]) -> None:
    """Another instance, to which nothing was said before."""
    twin = make_env(desk)
    if twin is None:
        return
    for found in solved:
        here = bench.grade(found.problem, found.replies, "a reply in the first instance").said
        with desk.doing("the same problem in a second instance"):
            there = Bench(desk, twin).grade(found.problem, found.replies, "a reply in a second instance").said
        if here != there:
            desk.found("instances differ", what=f"{found.problem.address}: {here} in one instance, {there} in another")
    twin.close()


def _junk(desk: Desk, bench: Bench, problems: Sequence[Problem]) -> int:
    """Up to a thousand other replies. Returns how many."""
    until, drawn = time.monotonic() + JUNK_S, random.Random(desk.request.seed)
    for number in range(JUNK):
        if time.monotonic() > until or bench.tired or not problems:
            return number
        reply = f"<answer>{drawn.randrange(10**6)}</answer>" if number % 2 else f"it may be {drawn.random()}"
        bench.grade(problems[number % len(problems)], [reply], "one of a thousand other replies")
    return JUNK


def speed(desk: Desk, env: Env) -> None:
    """Problems and verdicts a second, one after the other in one process."""
    bench = Bench(desk, env)
    places = bench.places()
    problems: list[Problem] = []
    began = time.perf_counter()
    while places and time.perf_counter() - began < SPEED_S / 2:
        problem = bench.problem(*places[len(problems) % len(places)], len(problems))
        if problem is None:
            break
        problems.append(problem)
    took = time.perf_counter() - began
    solved = [found for problem in problems[:20] if (found := bench.solve(problem)) is not None]
    timed: dict[str, list[tuple[Problem, Sequence[str]]]] = {
        "oracle": [(found.problem, found.replies) for found in solved],
        "trivial": [(problem, ["0"]) for problem in problems[:20]],
    }
    rates: dict[str, Any] = {}
    for name, pairs in timed.items():
        seconds = _timed(bench, pairs, name)
        rates[name] = {
            "per_s": len(seconds) / sum(seconds) if sum(seconds) else 0.0,
            "p50": quantile(seconds, 0.5),
            "p99": quantile(seconds, 0.99),
            "n": len(seconds),
        }
    desk.found("speed", problems_per_s=len(problems) / took if took else 0.0, **rates)


def _timed(bench: Bench, pairs: Sequence[tuple[Problem, Sequence[str]]], name: str) -> list[float]:
    """Seconds of each whole episode."""
    seconds: list[float] = []
    began = time.perf_counter()
    while pairs and time.perf_counter() - began < SPEED_S and not bench.tired:
        start = time.perf_counter()
        bench.grade(*pairs[len(seconds) % len(pairs)], f"the {name} reply")
        seconds.append(time.perf_counter() - start)
    return seconds


def turn(desk: Desk, env: Env) -> None:
    """What a conversation says next, for a policy that lives in the parent: `extra` holds place and replies so far."""
    bench, asked = Bench(desk, env), desk.request.extra
    for number, (split, level, index, replies) in enumerate(asked["conversations"]):
        problem = bench.problem(split, level, index)
        if problem is None:
            continue
        with desk.doing("a conversation with the policy"):
            episode = env.start(problem)
            for reply in replies:
                if episode.verdict is None:
                    episode.reply(reply)
        verdict = episode.verdict
        desk.found(
            "turn",
            number=number,
            messages=episode.messages if verdict is None else [],
            verdict=None if verdict is None else [verdict.reward, verdict.correct, str(verdict.status)],
        )
        episode.close()
