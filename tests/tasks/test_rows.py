"""Data sets as tasks: checks by file, line and field; repeats and leaks; levels; prompts; gold answers."""

import json
from pathlib import Path
from typing import Any

import pytest

from verigym.tasks import Address, SpaceTooSmall, load
from verigym.tasks.math.sets import SOURCES, aime_answer, gsm8k_answer, gsm8k_solution, last_boxed
from verigym.tasks.rows import Rows, Source, open_rows
from verigym.tasks.sources import BadRow

SHARED = Path(__file__).parents[3] / "shared" / "data"


def lines(path: Path, rows: list[Any]) -> Path:
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    return path


def opened(tmp_path: Path, rows: list[Any], name: str = "test.jsonl", **fields: Any) -> Rows:
    return open_rows(Source("mine", path=str(lines(tmp_path / name, rows)), **fields))


def numbered(start: int, stop: int) -> list[dict[str, Any]]:
    return [{"prompt": f"What is {i} + 1?", "answer": str(i + 1)} for i in range(start, stop)]


def test_fields_are_mapped_and_the_instruction_follows(tmp_path: Path) -> None:
    rows = [{"question": " 2 + 2? ", "final": " 4\n", "hard": "Level 3"}, {"question": "7?", "final": 7, "hard": 1}]
    task = opened(tmp_path, rows, prompt="question", answer="final", level="hard")
    problem = task.problem(0)
    assert problem.prompt == "2 + 2?\n\nReason step by step, and put your final answer inside \\boxed{}."
    assert (problem.answer, problem.key) == ("4", "2 + 2?")
    assert problem.address == Address("mine", 1, "test", 3, 0)
    assert task.problem(1).answer == "7"
    assert task.oracle(problem) == "The answer is \\boxed{4}"
    assert problem.meta["row"].endswith("test.jsonl:1")


def test_prompt_style_is_an_option(tmp_path: Path) -> None:
    rows = [{"prompt": "2 + 2?", "answer": "4"}]
    task = opened(tmp_path, rows, system="Be brief.", instruction="Use <answer>.", form="<answer>ANSWER</answer>")
    assert task.problem(0).messages == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "2 + 2?\n\nUse <answer>."},
    ]
    assert task.problem(0).key == "2 + 2?"
    assert task.oracle(task.problem(0)) == "The answer is <answer>4</answer>"
    assert opened(tmp_path, rows, instruction="").problem(0).prompt == "2 + 2?"


def test_chat_messages_are_prompts_too(tmp_path: Path) -> None:
    chat = [{"role": "system", "content": "S"}, {"role": "user", "content": "2 + 2?"}]
    task = opened(tmp_path, [{"prompt": chat, "answer": {"tests": ["assert True"]}}], instruction="Go.", system="T")
    assert task.problem(0).messages == [
        {"role": "system", "content": "T"},
        {"role": "user", "content": "2 + 2?\n\nGo."},
    ]
    assert task.problem(0).answer == {"tests": ["assert True"]}
    assert task.oracle(task.problem(0)) is None


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"prompt": "x"', "is not JSON ("),
        ("[1, 2]", "is not a record but a list; each line must be a JSON object"),
        (
            {"promt": "x", "answer": "1"},
            "field 'prompt' is missing; the fields are 'promt', 'answer'; did you mean 'promt'?",
        ),
        ({"prompt": "x"}, "field 'answer' is missing; the fields are 'prompt'"),
        ({"prompt": 5, "answer": "1"}, "field 'prompt' is a number, not text and not chat messages"),
        ({"prompt": None, "answer": "1"}, "field 'prompt' is null, not text and not chat messages"),
        ({"prompt": " \n", "answer": "1"}, "field 'prompt' is empty"),
        (
            {"prompt": [{"role": "bot", "content": "x"}], "answer": "1"},
            "field 'prompt' holds a message that is no object",
        ),
        (
            {"prompt": [{"role": "assistant", "content": "x"}], "answer": "1"},
            "field 'prompt' does not end in a message of",
        ),
        ({"prompt": "x", "answer": ""}, "field 'answer' is empty"),
        ({"prompt": "x", "answer": "  "}, "field 'answer' is empty"),
        ({"prompt": "x", "answer": []}, "field 'answer' is empty"),
        ({"prompt": "x", "answer": None}, "field 'answer' is null; an answer is text, a number, a list or an object"),
        ({"prompt": "x", "answer": True}, "field 'answer' is a boolean; an answer is text"),
        ('{"prompt": "x", "answer": 1e999}', "field 'answer' is a number; an answer is text"),
    ],
)
def test_a_bad_row_is_named_by_file_line_and_field(tmp_path: Path, row: Any, message: str) -> None:
    with pytest.raises(BadRow) as error:
        opened(tmp_path, [{"prompt": "good?", "answer": "1"}, row])
    first, second = str(error.value).split("\n")
    assert first == "mine: 1 bad row"
    assert second.startswith(f"{tmp_path / 'test.jsonl'}, line 2: {message}")


def test_many_bad_rows_are_counted_and_five_are_shown(tmp_path: Path) -> None:
    with pytest.raises(BadRow) as error:
        opened(tmp_path, [{"prompt": "x"}] * 12)
    shown = str(error.value).split("\n")
    assert shown[0] == "mine: 12 bad rows"
    assert len(shown) == 7
    assert shown[-1] == "and 7 more"


def test_bad_levels_and_solutions(tmp_path: Path) -> None:
    row = {"prompt": "x", "answer": "1", "level": "hard", "solution": 3}
    with pytest.raises(BadRow, match="field 'level' is 'hard', not a level: a whole number, or text that ends in one"):
        opened(tmp_path, [row], level="level")
    with pytest.raises(BadRow, match="field 'solution' is a number, not text"):
        opened(tmp_path, [row], solution="solution")
    assert opened(tmp_path, [{**row, "level": "Level ?"}], level="level").problem(0).address.level == 0


def test_a_file_without_rows(tmp_path: Path) -> None:
    with pytest.raises(BadRow, match=r"mine: .* holds no rows"):
        opened(tmp_path, [])


def test_repeats_are_dropped_and_counted(tmp_path: Path) -> None:
    rows = [
        *numbered(0, 5),
        {"prompt": "What  is 3 + 1? ", "answer": "4"},
        {"prompt": "What is 4 + 1?", "answer": "99"},
    ]
    task = opened(tmp_path, rows)
    assert task.size("test") == 5
    assert task.notes == {"duplicates": 2, "conflicts": 1, "leaks": 0}
    assert [problem.answer for problem in task.problems(None)] == ["1", "2", "3", "4", "5"]


def test_training_rows_that_are_held_out_too_are_dropped_and_counted(tmp_path: Path) -> None:
    lines(tmp_path / "train.jsonl", numbered(0, 200))
    lines(tmp_path / "validation.jsonl", numbered(190, 220))
    lines(tmp_path / "test.jsonl", numbered(195, 230))
    task = open_rows(Source("mine", path=str(tmp_path)))
    keys = {split: {problem.key for problem in task.problems(None, split=split)} for split in task.splits}
    # Train keeps 0..189; validation loses 195..219 to test and keeps 190..194; test keeps all of 195..229.
    assert {split: len(found) for split, found in keys.items()} == {"train": 190, "validation": 5, "test": 35}
    assert not keys["train"] & (keys["validation"] | keys["test"])
    assert task.notes == {"duplicates": 0, "conflicts": 0, "leaks": 10 + 25}


def test_validation_is_carved_from_train_by_the_question(tmp_path: Path) -> None:
    lines(tmp_path / "train.jsonl", numbered(0, 1000))
    first = open_rows(Source("mine", path=str(tmp_path)))
    assert first.splits == ("train", "validation")
    assert first.size("train") + first.size("validation") == 1000
    assert 70 <= first.size("validation") <= 130
    lines(tmp_path / "train.jsonl", list(reversed(numbered(0, 1200))))
    held = {problem.key for problem in first.problems(None, split="validation")}
    more = {p.key for p in open_rows(Source("mine", path=str(tmp_path))).problems(None, split="validation")}
    assert held <= more


def test_a_lone_file_is_cut_into_three_or_kept_whole(tmp_path: Path) -> None:
    task = opened(tmp_path, numbered(0, 1000), name="rows.jsonl")
    assert task.splits == ("train", "validation", "test")
    assert sum(task.size(split) for split in task.splits) == 1000
    assert 70 <= task.size("test") <= 130
    whole = opened(tmp_path, numbered(0, 1000), name="rows.jsonl", holds="test")
    assert (whole.splits, whole.size()) == (("test",), 1000)
    with pytest.raises(ValueError, match=r"holds='tset' is no split; did you mean 'test'\?"):
        Source("mine", holds="tset")


def test_indices_levels_and_addresses(tmp_path: Path) -> None:
    rows = [{"prompt": f"{i}?", "answer": str(i // 4), "level": 1 + i % 2} for i in range(10)]
    task = opened(tmp_path, rows, level="level")
    assert [problem.answer for problem in task.problems(None, level=2)] == ["0", "0", "1", "1", "2"]
    for index, problem in enumerate(task.problems(None)):
        assert problem == task.problem(index)
        address = problem.address
        assert task.problem(address.index, split=address.split, level=address.level) == problem
    assert task.problem(10) == task.problem(0)
    assert {level: (found.space, found.chance) for level, found in task.levels.items()} == {1: (5, 0.4), 2: (5, 0.4)}
    with pytest.raises(KeyError, match="the test split of mine has no level 3; its levels are 1, 2"):
        task.problem(0, level=3)
    with pytest.raises(KeyError, match="mine has no split 'train'; its splits are test\\. To keep"):
        task.problem(0, split="train")
    with pytest.raises(
        SpaceTooSmall, match="the test split of mine at level 2 has 5 problems, 6 were asked for; ask for 5"
    ):
        task.problems(6, level=2)


@pytest.mark.parametrize(
    ("text", "answer"),
    [("so\n#### 18", "18"), ("#### 1,234,567 ", "1234567"), ("#### 5\n#### -3", "-3"), ("####0.5", "0.5")],
)
def test_gsm8k_answers(text: str, answer: str) -> None:
    assert gsm8k_answer(text) == answer


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("eighteen", "there is no #### before the answer"),
        ("#### ten", "'ten' after #### is not a number"),
        (18, "not text"),
    ],
)
def test_gsm8k_answers_that_are_none(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gsm8k_answer(value)


def test_gsm8k_solutions_lose_the_marks() -> None:
    assert (
        gsm8k_solution("In May 48/2 = <<48/2=24>>24.\nIn all <<48+24=72>>72.\n#### 72")
        == "In May 48/2 = 24.\nIn all 72."
    )


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"\boxed{1} then \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        (r"$\boxed{\{1, 2\}}$", r"\{1, 2\}"),
        (r"$\boxed 7$.", "7"),
        (r"\fbox{9}", "9"),
        (r"\boxed{\text{(A)}}", r"\text{(A)}"),
    ],
)
def test_last_boxed(text: str, answer: str) -> None:
    assert last_boxed(text) == answer


@pytest.mark.parametrize(("text", "message"), [("x = 2", "there is no"), (r"\boxed{1", "is never closed")])
def test_last_boxed_that_is_none(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        last_boxed(text)


@pytest.mark.parametrize(("value", "answer"), [(7, "7"), ("033", "33"), ("999", "999"), (0, "0")])
def test_aime_answers(value: Any, answer: str) -> None:
    assert aime_answer(value) == answer


@pytest.mark.parametrize("value", [1000, -1, "12a", "3.0", "٣"])
def test_aime_answers_that_are_none(value: Any) -> None:
    with pytest.raises(ValueError, match="is not an integer from 0 to 999"):
        aime_answer(value)


def test_a_gold_answer_that_cannot_be_read_names_its_field(tmp_path: Path) -> None:
    path = lines(tmp_path / "test.jsonl", [{"question": "x?", "answer": "no mark"}])
    with pytest.raises(BadRow, match=r"test\.jsonl, line 1: field 'answer': there is no #### before the answer"):
        load("gsm8k", path=str(path))


def test_known_sets_read_rows_of_their_upstream_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forms = {
        "gsm8k": ({"question": "q?", "answer": "48/2 = <<48/2=24>>24\n#### 1,024"}, "1024", 0),
        "math": ({"problem": "q?", "level": "Level 4", "type": "Algebra", "solution": r"so $\boxed{x^2}$"}, "x^2", 4),
        "math500": ({"problem": "q?", "level": 2, "answer": r"\pi", "solution": "s", "subject": "a"}, r"\pi", 2),
        "aime24": ({"id": 1, "problem": "q?", "answer": "033"}, "33", 0),
        "aime25": ({"id": "1", "problem": "q?", "answer": "70"}, "70", 0),
    }
    assert set(forms) == set(SOURCES)
    monkeypatch.setenv("VERIGYM_DATA", str(tmp_path))
    for name, (row, answer, level) in forms.items():
        (tmp_path / name).mkdir()
        lines(tmp_path / name / "test.jsonl", [row])
        problem = load(name, split="test").problem(0)
        assert (problem.answer, problem.address.level) == (answer, level)
        assert load(name, split="test").oracle(problem).endswith(f"\\boxed{{{answer}}}")


@pytest.mark.skipif(not SHARED.is_dir(), reason="the development data is not beside this checkout")
def test_whole_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIGYM_DATA", str(SHARED))
    gsm8k = load("gsm8k", split="test")
    assert gsm8k.size("test") == 1319
    assert gsm8k.size("train") + gsm8k.size("validation") + gsm8k.notes["duplicates"] + gsm8k.notes["leaks"] == 7473
    assert all("<<" not in gsm8k.oracle(problem) for problem in gsm8k.problems(None))
    math500 = load("math500")
    assert (math500.size("test"), sorted(math500.levels)) == (500, [1, 2, 3, 4, 5])
    countdown = load(str(SHARED / "countdown"), prompt="solution", answer="target")
    assert countdown.size("test") == 500
