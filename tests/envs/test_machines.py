"""Grading on other machines: what moves there and what stays, with machines that are this process."""

import pickle
from concurrent.futures import Future

import pytest

from verigym.envs import Env, make
from verigym.envs.drive import Driver
from verigym.envs.grading import Inline, Named, Pooled
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.verifiers.boxes import NoSandbox
from verigym.verifiers.composition import parts_of
from verigym.verifiers.verdict import Verdict

TASK = Generated("one", lambda rng, level: Problem(f"Say f {rng.random()}.", ADD), {1: Level("", 10**6, 0.0)})
ADD = {"entry_point": "f", "tests": ["assert f(2) == 4"]}
RIGHT = "```python\ndef f(x):\n    return 2 * x\n```"
WRONG = "```python\ndef f(x):\n    return 3 * x\n```"


class Here:
    """Machines that are this one: what they are told travels as bytes all the same. calls: the names of what they were
    told to do."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.calls: list[str] = []
        self.failure = failure
        self.closed = 0

    def submit(self, grade, *arguments) -> "Future[Verdict]":
        assert not self.closed
        self.calls.append(grade.__name__)
        grade, arguments = pickle.loads(pickle.dumps((grade, arguments)))
        return grade(*arguments)

    def everywhere(self, prepare, *arguments) -> None:
        self.calls.append(prepare.__name__)
        if self.failure is not None:
            raise self.failure

    def close(self) -> None:
        self.closed += 1


def test_programs_are_run_there() -> None:
    machines = Here()
    with Driver(Env(TASK, Named("code")), machines=machines) as driver:
        episodes = [driver.start(driver.env.problem(i)) for i in range(3)]
        replies = (RIGHT, WRONG, "no program")
        found = driver.gather([driver.submit(e, reply) for e, reply in zip(episodes, replies, strict=True)])
    assert machines.calls == ["prepare_named", *["submit_named"] * 3]
    assert found == [driver.env.verify(driver.env.problem(i), reply) for i, reply in enumerate(replies)]
    assert [verdict.reward for verdict in found] == [1.0, 0.0, 0.0]
    assert machines.closed == 1
    assert len(machines.calls) == 4, "once the driver is closed, replies are graded here again"


def test_workers_of_ones_own_file_are_there(tmp_path) -> None:
    path = tmp_path / "own_env.py"
    path.write_text(
        "def problem(rng, level):\n    return f'Say yes {rng.random()}.', 'yes'\n"
        "def verify(problem, reply):\n    return reply == problem.answer\n"
    )
    machines = Here()
    with Driver(make(str(path)), machines=machines) as driver:
        problem = driver.env.problem(0)
        assert [driver.env.verify(problem, reply).correct for reply in ("yes", "no")] == [True, False]
    assert machines.calls == ["look_in", *["submit_pooled"] * 2]


def test_what_a_play_hands_to_such_a_grader_goes_there() -> None:
    machines, inner = Here(), Named("code")

    def play(problem):
        said = yield problem.prompt
        return (yield inner.submit(problem, said))

    with Driver(Env(TASK, inner, play=play), machines=machines) as driver:
        assert driver.start(driver.env.problem(0)).reply(RIGHT).correct
    assert machines.calls == ["prepare_named", "submit_named"]


@pytest.mark.parametrize(
    ("grader", "moves"),
    [
        (Named("number"), False),
        (Named("math"), True),
        (Named("code"), True),
        (Named("judge"), False),
        (Named("compose", {"spec": {"gated": {"format": "format", "code": "code"}}}), True),
        (Named("compose", {"spec": '{"gated": {"format": "exact", "math": "number"}}'}), False),
        (Named("compose", {"spec": {"first_of": {"code": "code", "asked": "judge"}}}), False),
        (Inline(lambda problem, reply: True), False),
        (Pooled("verigym.verifiers.exact:exact"), True),
    ],
    ids=lambda value: getattr(value, "_name", type(value).__name__),
)
def test_what_moves(grader, moves) -> None:
    machines = Here()
    grader.open(1, machines)
    assert (getattr(grader, "_machines", None) is machines) is moves
    grader.close()
    assert getattr(grader, "_machines", None) is None


def test_machines_without_a_sandbox_are_refused_at_once() -> None:
    machines = Here(NoSandbox("no tier works there"))
    with pytest.raises(NoSandbox, match="no tier works there"):
        Driver(Env(TASK, Named("code")), machines=machines)


def test_the_parts_of_a_composition() -> None:
    assert parts_of("code") == {"code"}
    assert parts_of('{"gated": {"format": "format", "m": {"verifier": "math"}}}') == {"format", "math"}
    with pytest.raises(ValueError, match="not JSON"):
        parts_of("{")
