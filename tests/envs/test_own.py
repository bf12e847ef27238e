"""Someone's own environment: seven lines, and every way such a file can be wrong."""

import textwrap
import time
from pathlib import Path

import pytest

from verigym.envs import EnvError, make
from verigym.envs.drive import Driver
from verigym.verifiers.verdict import Status, Verdict

SEVEN_LINES = """\
def problem(rng, level):
    text = "".join(rng.choice("abc") for _ in range(4 + level))
    return f"Reverse {text}.", text[::-1]


def verify(problem, reply):
    return reply.strip() == problem.answer
"""

HOSTILE = """\
import os, time
DEADLINE_S = 1

def problem(rng, level):
    return f"Say {rng.random()}.", "yes"

def verify(problem, reply):
    if reply == "hang":
        while True:
            pass
    if reply == "raise":
        raise ZeroDivisionError("over the reply")
    if reply == "nan":
        return float("nan")
    if reply == "die":
        os._exit(9)
    if reply == "text":
        return "right"
    return reply == problem.answer
"""


def write(folder: Path, text: str, name: str = "my_env.py") -> str:
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return str(path)


def test_seven_lines_are_an_environment(tmp_path: Path) -> None:
    env = make(write(tmp_path, SEVEN_LINES))
    with env:
        observation, info = env.reset(seed=7)
        text = observation[0]["content"].removeprefix("Reverse ").removesuffix(".")
        assert (len(text), info["problem"].address.task) == (5, "my_env")
        assert env.step(text[::-1])[1:4] == (1.0, True, False)
        env.reset(seed=7)
        assert env.step(text + "x")[1] == 0.0
    train = {p.key for p in env.task.problems(60, split="train")}
    assert not train & {p.key for p in env.task.problems(5, split="test")}


def test_a_hang_a_raise_a_nan_and_a_death_cost_their_own_sample(tmp_path: Path) -> None:
    replies = ["yes", "raise", "hang", "nan", "yes", "die", "text", "no", "yes"]
    with Driver(make(write(tmp_path, HOSTILE)), workers=2) as driver:
        problem = driver.env.problem(0)
        futures = [driver.submit(driver.start(problem), reply) for reply in replies]
        verdicts = driver.gather(futures)
    found = [(verdict.status, verdict.reward) for verdict in verdicts if verdict is not None]
    error, ok = (Status.ERROR, 0.0), Status.OK
    assert found == [(ok, 1.0), error, (Status.TIMEOUT, 0.0), error, (ok, 1.0), error, error, (ok, 0.0), (ok, 1.0)]
    assert verdicts[1] is not None and "ZeroDivisionError: over the reply (my_env.py:12)" in verdicts[1].reason
    assert verdicts[3] is not None and "nan" in verdicts[3].reason


def test_levels_options_oracle_turns_and_deadline_are_read(tmp_path: Path) -> None:
    env = make(
        write(
            tmp_path,
            """
            '''Adds things up.

            At length.'''
            from verigym.tasks import Level
            LEVELS = {1: "easy", 2: Level("hard", space=10**6, chance=0.1)}
            MAX_TURNS = 3
            def problem(rng, level, width=2, *, word="and"):
                numbers = [rng.randrange(10**6) for _ in range(width)]
                return f" {word} ".join(map(str, numbers)), sum(numbers)
            def play(problem):
                reply = yield problem.text
                while reply != str(problem.answer):
                    reply = yield "again"
                return True
            def oracle(problem):
                return str(problem.answer)
            """,
        ),
        width="3",
        word="plus",
    )
    assert env.description == "Adds things up." and env.max_turns == 3
    assert env.task.levels[2].chance == 0.1
    problem = env.problem(0, level=2)
    assert problem.text.count("plus") == 2
    episode = env.start(problem)
    assert episode.reply("?") is None and episode.observation[0]["content"] == "again"
    assert episode.reply(env.oracle(problem) or "").correct is True  # type: ignore[union-attr]
    episode = env.start(problem)
    assert [episode.reply("?"), episode.reply("?"), episode.reply("?").status] == [None, None, Status.TRUNCATED]  # type: ignore[union-attr]


def test_answers_of_classes_in_the_file_reach_the_workers(tmp_path: Path) -> None:
    source = """
        from dataclasses import dataclass
        from beside import word
        @dataclass
        class Answer:
            text: str
        def problem(rng, level):
            return f"Say {word} {rng.random()}", Answer(word)
        def verify(problem, reply):
            return isinstance(problem.answer, Answer) and reply == problem.answer.text
    """
    write(tmp_path, "word = 'hello'", "beside.py")
    with make(write(tmp_path, source, "with_class.py")) as env:
        assert env.verify(env.problem(0), "hello").correct is True
        assert env.verify(env.problem(0), "bye").correct is False


def test_a_problem_that_fails_now_and_then_costs_its_own_sample(tmp_path: Path) -> None:
    source = """
        calls = 0
        def problem(rng, level):
            global calls
            calls += 1
            if calls > 1 and rng.random() < 0.2:     # the first call tries it out
                raise LookupError("unlucky")
            return f"Say {rng.random()}.", "yes"
        def verify(problem, reply):
            return reply == problem.answer
    """
    env = make(write(tmp_path, source))
    failed = [env.start(env.problem(index)).verdict for index in range(60)]
    assert 0 < sum(verdict is not None for verdict in failed) < 30
    for verdict in failed:
        assert verdict is None or verdict == Verdict.error("problem raised LookupError: unlucky (my_env.py:7)")


PROBLEM = "def problem(rng, level): return 'q', 'a'\n"
VERIFY = "def verify(p, r): ...\n"
BROKEN = {
    PROBLEM: "has no `verify`",
    VERIFY: "has no `problem`",
    "def problm(rng, level): ...\n": r"has no `problem` and no `verify` \(problem: did you mean 'problm'",
    "def problem(rng, level)\n    return 1\n": r"does not parse: expected ':' \(.*my_env\.py:1\)",
    "import not_a_module\n": r"fails when it is loaded: ModuleNotFoundError: .*not_a_module.*my_env\.py:1",
    "x = 1\ny = x / 0\n": r"fails when it is loaded: ZeroDivisionError: division by zero \(.*my_env\.py:2\)",
    "raise SystemExit(4)\n": "fails when it is loaded: SystemExit: 4",
    "problem = 3\n" + VERIFY: "`problem` is a int, not a function",
    "def problem(rng): ...\n" + VERIFY: r"`problem\(rng\)` must be callable as problem\(rng, level\)",
    PROBLEM + "def verify(reply): ...\n": r"callable as verify\(problem, reply\)",
    "def problem(rng, level): return 'q'\n" + VERIFY: r"must return a Problem or \(prompt, answer\), not str: 'q'",
    "def problem(rng, level): return 4, 'a'\n" + VERIFY: "the prompt that `problem` returned: must be text or chat",
    "def problem(rng, level): return ' ', 'a'\n" + VERIFY: "`problem` returned an empty prompt",
    "def problem(rng, level): return 'q', lambda: 1\n" + VERIFY: "cannot travel to a worker process",
    "def problem(rng, level): return [][1]\n" + VERIFY: r"level 1: `problem` raised IndexError: .*my_env\.py:1\)",
    "LEVELS = 'abc'\n" + PROBLEM + VERIFY: r"LEVELS = 'abc'; write range\(1, 4\)",
    "LEVELS = {1: 5}\n" + PROBLEM + VERIFY: "LEVELS holds 1: 5",
    "DEADLINE_S = 0\n" + PROBLEM + VERIFY: "DEADLINE_S = 0; set it to a number above 0",
    PROBLEM + "def play(problem): return 1\n": "`play` must be a generator function",
}


@pytest.mark.parametrize("source", BROKEN)
def test_a_broken_file_is_told_what_is_wrong(tmp_path: Path, source: str) -> None:
    with pytest.raises(EnvError, match=BROKEN[source]):
        make(write(tmp_path, source))


def test_unknown_options_and_missing_files_name_the_nearest(tmp_path: Path) -> None:
    place = write(tmp_path, "def problem(rng, level, width=2): return 'q', 'a'\ndef verify(p, r): return True\n")
    with pytest.raises(EnvError, match="`problem` has no option 'widht'; did you mean 'width'"):
        make(place, widht=3)
    with pytest.raises(EnvError, match=r"no file '.*my_nev\.py'; did you mean 'my_env\.py'"):
        make(str(tmp_path / "my_nev.py"))
    with pytest.raises(EnvError, match="my_env has no level 3; its levels are 1"):
        make(place, level=3)


def test_a_slow_import_is_not_charged_to_the_first_reply(tmp_path: Path) -> None:
    source = "import time\ntime.sleep(1.5)\nDEADLINE_S = 1\n" + SEVEN_LINES
    with make(write(tmp_path, source)) as env:
        problem = env.problem(0)
        began = time.monotonic()
        assert env.verify(problem, problem.answer).correct is True
        assert time.monotonic() - began < 15


def test_what_check_reads_is_declared_in_the_file(tmp_path: Path) -> None:
    env = make(write(tmp_path, SEVEN_LINES))
    assert (env.open_ended, env.reward_range) == ("", (0.0, 1.0))
    declared = "OPEN_ENDED = 'any poem is right'\nREWARD_RANGE = (-2, 2)\n"
    env = make(write(tmp_path, declared + SEVEN_LINES, "poems.py"))
    assert (env.open_ended, env.reward_range) == ("any poem is right", (-2.0, 2.0))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("OPEN_ENDED = True", "OPEN_ENDED = True; write the reason as text"),
        ("REWARD_RANGE = 2", r"REWARD_RANGE = 2; write the lowest and the highest reward, as \(-1, 1\)"),
        ("REWARD_RANGE = (0, 'high')", "write the lowest and the highest reward"),
        ("REWARD_RANGE = (1, 0)", "the lowest reward comes first"),
    ],
)
def test_a_wrong_declaration_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(EnvError, match=message):
        make(write(tmp_path, f"{line}\n{SEVEN_LINES}"))
