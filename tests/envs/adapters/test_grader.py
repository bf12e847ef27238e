"""envs/adapters/reasoning_gym/grader.py: their scorers behind our checks and the sandbox's walls."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from verigym.envs import Env, make
from verigym.envs.adapters.reasoning_gym import calls, grader, table
from verigym.envs.adapters.reasoning_gym.grader import Open, verdict_of
from verigym.envs.adapters.reasoning_gym.oracles import gold
from verigym.envs.adapters.reasoning_gym.rules import EVALUATE, FAULTY, Rule
from verigym.envs.drive import Driver
from verigym.sandbox.job import Outcome, Result

USABLE = [name for name, row in table.rows().items() if row.levels]
SLOW = {"knight_swap", "sokoban"}
"""Drawing one problem of these may take seconds"""


def env_of(name: str, **options: Any) -> Env:
    return make(f"reasoning-gym/{name}", **options)


def injections(marker: Path) -> list[str]:
    """Python that leaves a file, or makes the scorer around it give 1."""
    write = f"open({str(marker)!r},'w').write('x')"
    forge = (
        "[setattr(c, 'score_answer', lambda *a: 1.0) for c, _ in __import__('reasoning_gym').factory.DATASETS.values()]"
    )
    frame = "__import__('sys')._getframe(1).f_locals.update(reward=1.0)"
    return [
        write,
        forge,
        frame,
        f"[[{write}]]",
        f"(lambda: {write})()",
        f"__import__('os').system('touch {marker}')",
        f"x.__class__.__init__.__globals__['__builtins__']['exec'](\"{write}\")",
        f"{{**{forge}}}",
        f"'{{}}'.format({write})",
    ]


TOWERS = ("9**9**9**9", "9**(9**(9**9))", "(9**99)**99**99", "factorial(99999999)", "[0]*10**10", "x**99999999")


@pytest.mark.parametrize("name", sorted(EVALUATE))
def test_scorers_that_evaluate_never_see_python(name: str, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    env = env_of(name)
    problem = env.problem(0)
    for text in injections(marker) + list(TOWERS):
        for reply in (f"<answer>{text}</answer>", f"<answer>{problem.answer['oracle']}; {text}</answer>"):
            verdict = env.verify(problem, reply)
            assert (verdict.reward, verdict.correct) == (0.0, False) and verdict.scored, text
            assert verdict.status != "timeout", text  # refused, not suffered
    assert not marker.exists()


def test_without_our_check_the_walls_still_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(grader.RULES, "binary_matrix", Rule())  # type: ignore[arg-type]
    monkeypatch.setattr(grader, "CPU_S", 1.0)
    marker = tmp_path / "marker"
    env = env_of("binary_matrix")
    problem = env.problem(0)
    for text in injections(marker):
        env.verify(problem, f"<answer>{text}</answer>")
    assert not marker.exists()
    hanging = env.grader.submit(problem, "<answer>9**9**9**9</answer>")
    others = [env.grader.submit(problem, reply) for reply in ("<answer>[[1]]</answer>", env.oracle(problem) or "")]
    assert [one.result(timeout=60).correct for one in others] == [False, True]
    verdict = hanging.result(timeout=60)
    assert verdict.status == "timeout" and verdict.reward == 0
    assert verdict.reason.startswith("this answer cannot be scored: more than 1 s of processor time")


def test_their_scorer_gives_the_gold_answer_the_full_score_in_all_generators() -> None:
    failed = {}
    for name in sorted(set(USABLE) - SLOW):
        level = min(table.row(name).levels)
        entries = calls.call("draw", name, level, {}, [[7, 8, 9, 10, 11, 12]], cpu_s=60.0)[0]
        question, answer, metadata = next(one for one in entries if isinstance(one, list))
        right = gold(name, answer, metadata)
        assert right is not None, name
        held = {"question": question, "answer": answer, "metadata": metadata}
        score = calls.call("score", name, level, {}, held, right)
        if score != [pytest.approx(1.0)]:
            failed[name] = score
    assert not failed


@pytest.mark.parametrize("name", ["graph_color", "rush_hour", "boxnet", "rubiks_cube", "jugs", "shortest_path", "gcd"])
def test_the_oracle_is_right_and_a_hedge_is_not(name: str) -> None:
    env = env_of(name)
    for problem in env.task.problems(2, split="test"):
        reply = env.oracle(problem)
        assert reply is not None
        assert env.verify(problem, reply).correct is True
        hedged = reply.replace("</answer>", " or maybe something else</answer>")
        assert env.verify(problem, hedged).correct is False


def test_another_right_answer_is_right_too() -> None:
    env = env_of("graph_color")
    problem = env.problem(0)
    colours = problem.answer["metadata"]["puzzle"]["color_options"]
    turned = {str(colour): str(colours[(place + 1) % len(colours)]) for place, colour in enumerate(colours)}
    answer = problem.answer["metadata"]["possible_answer"]
    other = "{" + ", ".join(f'"{vertex}": {turned[str(colour)]}' for vertex, colour in answer.items()) + "}"
    verdict = env.verify(problem, f"<answer>{other}</answer>")
    assert verdict.correct is True and verdict.reason == "their scorer says so"


def test_partial_credit_is_an_option_and_never_correct() -> None:
    plain, partial = env_of("sentence_reordering"), env_of("sentence_reordering", partial=True)
    problem = plain.problem(0)
    words = problem.answer["oracle"].split()
    half = " ".join([*words[:1], *reversed(words[1:])])
    for env, low, high in ((plain, 0.0, 0.0), (partial, 0.01, 0.99)):
        verdict = env.verify(problem, f"<answer>{half}</answer>")
        assert low <= verdict.reward <= high and verdict.correct is False and verdict.status == "ok"
    assert partial.verify(problem, partial.oracle(problem) or "").reward == 1.0
    countdown = env_of("countdown", partial="true")
    wrong = countdown.verify(countdown.problem(0), "<answer>1</answer>")
    assert wrong.reward == 0.0  # their scorer would evaluate it


def test_what_our_check_refuses_earns_nothing_even_where_theirs_gives_all() -> None:
    env = env_of("game_of_life_halting", partial=True)
    verdict = env.verify(env.problem(0), "<answer>perhaps</answer>")
    assert (verdict.reward, verdict.correct) == (0.0, False)


def test_a_scorer_that_raises_on_an_answer_makes_it_malformed() -> None:
    env = env_of("boxnet")
    verdict = env.verify(env.problem(0), "<answer>0</answer>")
    assert verdict.status == "malformed" and verdict.reason.startswith(
        "their scorer cannot read this answer: TypeError"
    )


def test_a_fault_that_was_accepted_shows() -> None:
    (name,) = FAULTY
    env = env_of(name, accept_faults=True, level=3)
    problems = [one for one in map(env.problem, range(20)) if len(one.answer["metadata"]["premises"][0]) > 2]
    copied = [f"<answer>{one.answer['metadata']['premises'][0]}</answer>" for one in problems]
    # The fault: a premise that is no tautology, copied out of the prompt, earns all.
    assert any(env.verify(one, reply).correct for one, reply in zip(problems, copied, strict=True))


OPEN, REFUSED = Open("x"), Open("x", refused=True)


@pytest.mark.parametrize(
    ("result", "found", "partial", "reward", "correct", "status"),
    [
        (Result(Outcome.OK, value=[1.0]), OPEN, False, 1.0, True, "ok"),
        (Result(Outcome.OK, value=[1.0]), REFUSED, True, 0.0, False, "ok"),
        (Result(Outcome.OK, value=[0.9]), OPEN, False, 0.0, False, "ok"),
        (Result(Outcome.OK, value=[0.9]), OPEN, True, 0.9, False, "ok"),
        (Result(Outcome.OK, value=[-3.0]), OPEN, True, 0.0, False, "ok"),
        (Result(Outcome.OK, value=[13.4]), OPEN, True, 0.0, None, "error"),
        (Result(Outcome.OK, value=[float("nan")]), OPEN, False, 0.0, None, "error"),
        (Result(Outcome.OK, value=["1.0"]), OPEN, False, 0.0, None, "error"),
        (Result(Outcome.OK, value=[]), OPEN, False, 0.0, None, "error"),
        (Result(Outcome.OK, value=1.0), OPEN, False, 0.0, None, "error"),
        (Result(Outcome.OK, value=["reply", "ValueError: x"]), OPEN, False, 0.0, False, "malformed"),
        (Result(Outcome.OK, value=["scorer", "KeyError: x"]), OPEN, False, 0.0, None, "error"),
        (Result(Outcome.CPU_TIMEOUT), OPEN, False, 0.0, False, "timeout"),
        (Result(Outcome.WALL_TIMEOUT), OPEN, False, 0.0, False, "timeout"),
        (Result(Outcome.MEMORY), OPEN, False, 0.0, False, "timeout"),
        (Result(Outcome.SIGNAL), OPEN, False, 0.0, False, "timeout"),
        (Result(Outcome.RUNTIME_ERROR, detail="KeyError"), OPEN, False, 0.0, None, "error"),
    ],
)
def test_what_came_of_a_scorer(  # noqa: PLR0917
    result: Result, found: Open, partial: bool, reward: float, correct: bool | None, status: str
) -> None:
    verdict = verdict_of(result, found, partial)
    assert (verdict.reward, verdict.correct, verdict.status) == (reward, correct, status)


def test_many_episodes_at_once_through_a_driver() -> None:
    env = env_of("cryptarithm", style="terse")
    with Driver(env) as driver:
        episodes = [driver.start(problem) for problem in env.task.problems(3) for _ in range(2)]
        replies = [env.oracle(one.problem) if i % 2 else "<answer>A=1,B=2</answer>" for i, one in enumerate(episodes)]
        futures = [driver.submit(one, reply or "") for one, reply in zip(episodes, replies, strict=True)]
        assert [one.correct for one in driver.gather(futures) if one] == [False, True] * 3


def test_a_problem_that_could_not_be_made_has_no_verdict_of_the_reply() -> None:
    env = env_of("gcd")
    missing = replace(env.problem(0), answer=None, meta={"verigym.failed": "it took too long"})
    assert env.verify(missing, "<answer>1</answer>").status == "error"
