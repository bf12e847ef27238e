"""Verifiers as Ray actors: the same verdicts as here, whoever dies, hangs or is frozen meanwhile."""

import contextlib
import os
import signal
import time

import pytest

pytest.importorskip("ray")

from local_ray import local_ray, wait_for

from verigym.envs import make
from verigym.envs.drive import Driver
from verigym.envs.grading import submit_named
from verigym.trainer import ray_verifiers
from verigym.trainer.engines.options import RayOptions
from verigym.trainer.ray_verifiers import open_verifiers
from verigym.verifiers import verify
from verigym.verifiers.verdict import Status

pytestmark = pytest.mark.engines

DOUBLES = {"entry_point": "f", "tests": ["assert f(2) == 4", "assert f(3) == 6"]}

OWN_ENV = """
import time
from own_help import YES

DEADLINE_S = 1.0

def problem(rng, level):
    return f"Say yes, or hang. {rng.random()}", YES

def verify(problem, reply):
    if reply == "hang":
        time.sleep(100)
    if reply == "die":
        import os
        os.abort()
    return reply == problem.answer
"""


def program(result: str, pause_s: float = 0.0) -> str:
    return f"```python\nimport time\ndef f(x):\n    time.sleep({pause_s})\n    return {result}\n```"


@pytest.fixture(scope="module")
def machines():
    with local_ray(places=3):
        machines = open_verifiers(RayOptions(verifiers=2))
        yield machines
        machines.close()


def submit(machines, name, reply, answer, **options):
    return machines.submit(submit_named, name, options, reply, answer)


TABLE = [
    ("math", r"So it is \boxed{\frac12}.", "0.5"),
    ("math", r"\boxed{x^2 + 2x + 1}", "(x+1)^2"),
    ("math", r"\boxed{7}", "8"),
    ("math", "no answer", "8"),
    ("code", program("2 * x"), DOUBLES),
    ("code", program("3 * x"), DOUBLES),
    ("code", program("1 / 0"), DOUBLES),
    ("code", "```python\ndef f(x:\n```", DOUBLES),
    ("code", "no program", DOUBLES),
    ("code", program("__import__('os').environ.get('RAY_AUTH_TOKEN', 2 * x)"), DOUBLES),
    ("number", "<answer>4</answer>", "4"),
    ("code", program("2 * x"), {"wrong": "form"}),
]


def test_the_same_verdicts_as_here(machines) -> None:
    """Programs see nothing of the cluster's secrets; an answer of the wrong form is an error that says so."""
    futures = [submit(machines, *row) for row in TABLE]
    found = [future.result(60) for future in futures]
    for (name, reply, answer), verdict in zip(TABLE[:-1], found, strict=False):
        assert verdict == verify(name, reply, answer)
    assert [verdict.reward for verdict in found] == [1, 1, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0]
    assert found[-1].status is Status.ERROR and "verifier 'code'" in found[-1].reason


def test_hostile_replies_meet_their_deadline(machines, tmp_path) -> None:
    """In a worker process and in a sandbox; others are not delayed by more."""
    (tmp_path / "own_env.py").write_text(OWN_ENV)
    (tmp_path / "own_help.py").write_text("YES = 'yes'\n")
    env = make(str(tmp_path / "own_env.py"))
    env.grader.open(1, machines)
    try:
        problem = env.problem(0)
        started = time.monotonic()
        futures = [env.grader.submit(problem, reply) for reply in ("hang", "yes", "die", "no")]
        spinning = submit(
            machines, "code", "```python\ndef f(x):\n    while True: pass\n```", DOUBLES, limits={"wall_s": 1.0}
        )
        hung, right, died, wrong = [future.result(60) for future in futures]
        assert hung.status is Status.TIMEOUT and "more than 1 s" in hung.reason
        assert right.correct and wrong.correct is False
        assert died.status is Status.ERROR and "died twice" in died.reason
        assert not spinning.result(60).correct and "time-out" in spinning.result().reason
        assert time.monotonic() - started < 30
    finally:
        env.close()


def test_an_actor_that_dies_is_replaced_and_its_replies_are_graded_again(machines) -> None:
    regraded, replaced, pids = machines.regraded, machines.replaced, machines.pids
    told: list[int] = []
    futures = []
    for i in range(12):
        future = submit(machines, "code", program(f"2 * x + {i % 2} * 1", 0.2 + i / 1000), DOUBLES)
        future.add_done_callback(lambda _, i=i: told.append(i))
        futures.append(future)
    wait_for(lambda: told, "a first verdict")
    os.kill(pids[0], signal.SIGKILL)
    found = [future.result(60) for future in futures]
    assert [verdict.reward for verdict in found] == [1.0, 0.0] * 6
    assert {verdict.status for verdict in found} == {Status.OK}
    assert sorted(told) == list(range(12))
    assert machines.regraded > regraded and machines.replaced == replaced + 1
    wait_for(lambda: len(machines.pids) == 2, "a new actor")
    assert pids[0] not in machines.pids and pids[1] in machines.pids


def test_a_frozen_actor_is_replaced(machines, monkeypatch) -> None:
    """One that says nothing, and holds its replies, as a machine does that swaps or is cut off."""
    monkeypatch.setattr(ray_verifiers, "SILENT_S", 2.0)
    frozen = machines.pids[0]
    os.kill(frozen, signal.SIGSTOP)
    try:
        futures = [submit(machines, "code", program("2 * x", 0.01 + i / 1000), DOUBLES) for i in range(4)]
        assert [future.result(60).reward for future in futures] == [1.0] * 4
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(frozen, signal.SIGKILL)
    wait_for(lambda: len(machines.pids) == 2, "a new actor")


def test_a_reply_that_kills_every_actor_is_an_error_and_no_reward(machines, monkeypatch) -> None:
    monkeypatch.setattr(ray_verifiers, "TRIES", 2)
    verdict = machines.submit(os._exit, 3).result(60)
    assert verdict.status is Status.ERROR and not verdict.scored
    assert "2 actors were lost while this was graded" in verdict.reason
    wait_for(lambda: len(machines.pids) == 2, "new actors")


def test_what_grading_raises_is_an_error_that_says_so(machines) -> None:
    verdict = machines.submit(int, "no number").result(60)
    assert verdict.status is Status.ERROR and "ValueError" in verdict.reason


def test_an_environment_is_driven_through_them(machines) -> None:
    """The last test: its driver closes them. What was under way is an error, and nothing more is taken."""
    env = make("python-programs", split="train")
    with Driver(env, machines=machines) as driver:
        problems = [env.problem(i) for i in range(3)]
        futures = [driver.submit(driver.start(problem), env.oracle(problem)) for problem in problems]
        assert [verdict.reward for verdict in driver.gather(futures)] == [1.0] * 3
        late = submit(machines, "code", program("2 * x", 5.0), DOUBLES)
    assert late.result(5).status is Status.ERROR and "closed before this was graded" in late.result().reason
    with pytest.raises(RuntimeError, match="closed"):
        submit(machines, "number", "4", "4")
    assert env.verify(problems[0], env.oracle(problems[0])).reward == 1.0
