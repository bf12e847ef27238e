"""The table of built-in environments: complete, right for the oracle, unmoved by garbage, gold answers checked."""

import gzip
import json
from pathlib import Path

import pytest

from verigym.envs import Env, EnvError, env_ids, make
from verigym.envs.adapters.reasoning_gym.table import names as wrapped
from verigym.envs.builtin import TABLE, as_type
from verigym.envs.drive import Driver
from verigym.envs.registry import AROUND
from verigym.tasks.catalogue import load, task_ids
from verigym.verifiers.boxes import NoSandbox
from verigym.verifiers.table import VERIFIERS

GENERATED = [id for id, entry in TABLE.items() if not entry.rows]
SHARED_DATA = Path(__file__).parents[2] / "../shared/data"
GARBAGE = [
    "",
    " ",
    "<answer></answer>",
    "<answer>",
    "\\boxed{}",
    "42",
    "nan",
    "<answer>nan</answer>",
    "<answer>None</answer>",
    "<answer>True</answer>",
    "<answer>10**10**10</answer>",
    "<answer>__import__('os').system('true')</answer>",
    "<answer>" * 1000,
    "\x00\ud800",
    "x" * 100_000,
]


def rows_file(folder: Path, rows: list[dict[str, object]], name: str = "sums.jsonl") -> Path:
    path = folder / name
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def sums(n: int) -> list[dict[str, object]]:
    return [{"question": f"What is {i} + {i}?", "final": str(2 * i)} for i in range(n)]


def solve(env: Env, level: int, index: int, split: str) -> tuple[float, bool | None]:
    _, info = env.reset(options={"level": level, "index": index, "split": split})
    messages = list(info["problem"].messages)
    ended = False
    while not ended:
        reply = env.oracle(info["problem"], messages)
        assert reply is not None
        observation, reward, terminated, truncated, info = env.step(reply)
        messages += [{"role": "assistant", "content": reply}, *observation]
        ended = terminated or truncated
    return reward, info["verdict"].correct


def test_every_task_has_an_environment_with_a_verifier_that_exists() -> None:
    assert set(task_ids()) | {"rows", "guess-the-number"} == set(TABLE) == set(env_ids()) - set(AROUND) - set(wrapped())
    assert all(entry.verifier in VERIFIERS or entry.play is not None for entry in TABLE.values())


@pytest.mark.parametrize("style", ["words", "terse"])
@pytest.mark.parametrize("id", GENERATED)
def test_the_oracle_earns_the_full_reward_at_every_level(id: str, style: str) -> None:
    env = make(id, style=style)
    for level in env.task.levels:
        for split in ("train", "test"):
            for index in range(5):
                assert solve(env, level, index, split) == (1.0, True), (level, split, index)


@pytest.mark.parametrize("id", GENERATED)
def test_garbage_is_never_rewarded(id: str) -> None:
    env = make(id)
    problem = env.problem(0)
    for reply in (*GARBAGE, problem.text):
        episode = env.start(problem)
        while episode.verdict is None:
            episode.reply(reply)
        assert episode.verdict.reward == 0.0 and episode.verdict.correct is False, reply[:40]
        assert episode.verdict.scored, episode.verdict.reason  # garbage is the reply's fault, never ours


def test_an_option_of_the_task_comes_before_one_of_the_verifier() -> None:
    env = make("table", style="terse", credit="share")  # the verifier `format` has a `style` of its own
    problem = env.problem(0, level=1)
    assert problem.text == load("table", style="terse").problem(0, level=1).text
    assert env.verify(problem, env.oracle(problem) or "").reward == 1.0


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="needs the IFEval prompts beside the checkout")
def test_ifeval_strict_and_loose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIGYM_DATA", str(SHARED_DATA))
    strict, loose, shared = make("ifeval"), make("ifeval", mode="loose"), make("ifeval", credit="share")
    problem = next(
        one for one in strict.task.problems(None) if one.answer["instruction_id_list"] == ["startend:quotation"]
    )
    reply = 'Here it is:\n"wrapped"'
    assert [env.verify(problem, reply).correct for env in (strict, loose, shared)] == [False, True, False]
    assert strict.verify(problem, '"wrapped"').parts == {"startend:quotation": 1.0}
    assert strict.oracle(problem) is None
    with pytest.raises(EnvError, match="ifeval has no option 'mod'"):
        make("ifeval", mod="loose")


@pytest.mark.parametrize("name", ["sums.jsonl", "sums.jsonl.gz"])
def test_rows_of_ones_own(tmp_path: Path, name: str) -> None:
    path = rows_file(tmp_path, sums(60), name)
    env = make(str(path), verifier="number", prompt="question", answer="final", split="test")
    assert env.id == "sums" and env.task.size("test") > 0
    _, info = env.reset(seed=4)
    assert info["problem"].address.split == "test"
    assert env.step(f"So it is \\boxed{{{info['problem'].answer}}}.")[1] == 1.0
    env.reset(seed=4)
    assert env.step("\\boxed{7}")[1] == 0.0


def test_rows_can_be_named_by_option_and_carry_levels(tmp_path: Path) -> None:
    rows = [{**row, "hard": 1 + i % 2} for i, row in enumerate(sums(60))]
    env = make("rows", path=str(rows_file(tmp_path, rows)), prompt="question", answer="final", level="hard")
    assert sorted(env.task.levels) == [1, 2]
    assert env.reset(options={"level": 2, "index": 0})[1]["problem"].address.level == 2


def test_a_gold_answer_that_its_verifier_rejects_is_an_error_with_a_count(tmp_path: Path) -> None:
    rows = sums(40)
    for i in (3, 11, 12, 20):
        rows[i]["final"] = "about a dozen"
    path = rows_file(tmp_path, rows, "train.jsonl")
    with pytest.raises(EnvError) as caught:
        make(str(path), verifier="number", prompt="question", answer="final")
    message = str(caught.value)
    accepted = make(str(path), verifier="number", prompt="question", answer="final", check_gold="false")
    bad = [p for p in accepted.task.problems(None, split="train") if p.answer == "about a dozen"]
    assert message.startswith(f"{len(bad)} of {accepted.task.size('train')} gold answers in the train split of ")
    assert message.count("about a dozen") == 3  # the first three, by address
    assert all(str(problem.address) in message for problem in bad[:3])
    assert message.endswith("pass check_gold=False to take them as they are")
    verdict = accepted.verify(bad[0], "\\boxed{12}")
    assert not verdict.scored and "the verifier 'number' raised" in verdict.reason


@pytest.mark.parametrize("policy", ["boxed", "answer_tag", "hash", "final_line", "last_number", "whole"])
def test_gold_answers_are_checked_in_the_form_that_is_asked_for(tmp_path: Path, policy: str) -> None:
    path = rows_file(tmp_path, sums(30))
    env = make(str(path), verifier="number", extract=policy, prompt="question", answer="final")
    problem = env.problem(0)
    assert env.verify(problem, env.oracle(problem) or "").correct is True


def test_wrong_options_are_named() -> None:
    with pytest.raises(EnvError, match="countdown has no option 'stile'; did you mean 'style'"):
        make("countdown", stile="terse")
    with pytest.raises(EnvError, match="countdown has no option 'strcit'; did you mean 'strict'"):
        make("countdown", strcit=True)
    with pytest.raises(EnvError, match="countdown with style='tersee': no style 'tersee'; did you mean 'terse'"):
        make("countdown", style="tersee")
    with pytest.raises(EnvError, match="rows: no verifier 'maths'; did you mean 'math'"):
        make("rows", verifier="maths")
    with pytest.raises(EnvError, match=r"rows needs path= a \.jsonl"):
        make("rows")
    with pytest.raises(EnvError, match="strict='perhaps' is neither true nor false"):
        make("countdown", strict="perhaps")


def test_options_of_the_verifier_reach_it() -> None:
    problem = make("arithmetic").problem(0)
    assert make("arithmetic").verify(problem, f"\\boxed{{{problem.answer}}}").correct is False  # tags are asked for
    assert make("arithmetic", extract="boxed").verify(problem, f"\\boxed{{{problem.answer}}}").correct is True
    assert make("arithmetic", strict="false").verify(problem, f"\\boxed{{{problem.answer}}}").correct is True


@pytest.mark.parametrize(
    ("value", "default", "read"),
    [
        ("true", False, True),
        ("0", True, False),
        ("3", 1, 3),
        ("0.5", 1.0, 0.5),
        ("x", "y", "x"),
        ("x", None, "x"),
        (4, 1.0, 4),
    ],
)
def test_text_from_a_command_line_takes_the_type_of_the_default(value: object, default: object, read: object) -> None:
    assert as_type("name", value, default) == read
    with pytest.raises(EnvError, match="name='many' is not a number"):
        as_type("name", "many", 1)


def doubling(task_id: int, code: str = "def double(x):\n    return 2 * x") -> dict[str, object]:
    return {
        "task_id": task_id,
        "prompt": f"Double a number, {task_id}.",
        "code": code,
        "test_imports": [],
        "test_list": ["assert double(2) == 4", "assert double(-3) == -6"],
    }


def test_the_program_of_a_row_is_run_against_its_own_tests(tmp_path: Path) -> None:
    rows = [doubling(number) for number in range(11, 16)]
    env = make("mbpp_sanitized", path=str(rows_file(tmp_path, rows)))
    problem = env.problem(0)
    assert env.verify(problem, env.oracle(problem) or "").correct is True
    assert env.verify(problem, "def double(x): return x + x").correct is True
    assert env.verify(problem, "```python\ndef double(x):\n    return x * x\n```").correct is False
    for policy in ("answer_tag", "whole"):
        asked = make("mbpp_sanitized", path=str(rows_file(tmp_path, rows)), extract=policy)
        assert asked.verify(problem, asked.oracle(problem) or "").correct is True


def test_a_program_that_fails_its_own_tests_is_an_error_with_a_count(tmp_path: Path) -> None:
    wrong = "def double(x):\n    return x + 2"
    rows = [doubling(11), doubling(12, wrong), doubling(13), doubling(14, wrong)]
    path = str(rows_file(tmp_path, rows))
    with pytest.raises(EnvError) as caught:
        make("mbpp_sanitized", path=path)
    message = str(caught.value)
    assert message.startswith(
        "2 of 4 gold answers in the test split of mbpp_sanitized are rejected by their own verifier 'code'. The first: "
        "mbpp_sanitized@1/test/0/1: "
    )
    assert message.endswith("pass check_gold=False to take them as they are")
    env = make("mbpp_sanitized", path=path, check_gold="false")
    assert env.verify(env.problem(1), env.oracle(env.problem(1)) or "").correct is False


def test_the_programs_of_large_data_sets_are_run_when_it_is_asked_for(tmp_path: Path) -> None:
    tests = json.dumps({"inputs": ["2\n"], "outputs": ["4\n"]})
    row = {"question": "Double it.", "input_output": tests, "solutions": json.dumps(["print(2)"])}
    path = str(rows_file(tmp_path, [row], "test.jsonl"))
    env = make("taco", path=path)
    assert env.verify(env.problem(0), "print(2 * int(input()))").correct is True
    with pytest.raises(EnvError, match="1 of 1 gold answers in the test split of taco are rejected"):
        make("taco", path=path, check_gold=True)
    long = "7" * 5000  # more digits than `str` writes
    calls = f'{{"fn_name": "f", "inputs": [[{long}]], "outputs": [[{long}]]}}'
    echo = {**row, "input_output": calls, "solutions": json.dumps(["def f(x):\n    return x"])}
    env = make("taco", path=str(rows_file(tmp_path, [echo], "test.jsonl")), check_gold=True)
    assert env.verify(env.problem(0), "def f(x):\n    return [x]").correct is False
    silent = make("taco", path=str(rows_file(tmp_path, [{**row, "solutions": ""}], "test.jsonl")), extract="answer_tag")
    assert silent.oracle(silent.problem(0)) is None


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="needs HumanEval and MBPP beside the checkout")
def test_real_programs_pass_their_own_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIGYM_DATA", str(SHARED_DATA))
    env = make("mbpp_sanitized", split="validation")
    _, info = env.reset(seed=0)
    assert env.step(env.oracle(info["problem"]) or "")[1] == 1.0
    env = make("humaneval", check_gold=False)
    problem = env.problem(0)
    assert env.verify(problem, env.oracle(problem) or "").correct is True
    assert env.verify(problem, "```python\n    return True\n```").correct is False


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="needs GSM8K and MATH-500 beside the checkout")
@pytest.mark.parametrize("id", ["gsm8k", "math500"])
def test_real_data_sets_accept_their_own_gold_answers(id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIGYM_DATA", str(SHARED_DATA))
    env = make(id, split="test")
    _, info = env.reset(seed=0)
    assert env.step(env.oracle(info["problem"]) or "")[1:4] == (1.0, True, False)
    env.reset(seed=0)
    assert env.step("I cannot tell.")[1] == 0.0


def test_without_a_sandbox_a_driver_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIGYM_SANDBOX_TIER", "unsafe")
    with pytest.raises(NoSandbox, match="with your rights: set VERIGYM_SANDBOX_ALLOW_UNSAFE=1"):
        Driver(make("python-programs", slots=3))
    monkeypatch.setenv("VERIGYM_SANDBOX_TIER", "strong")
    with pytest.raises(NoSandbox, match="no tier 'strong'; the tiers are auto, namespaces"):
        Driver(make("python-programs", slots=4))
