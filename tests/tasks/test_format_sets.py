"""IFEval as a task: rows as upstream and as the Hub has them, and rows that cannot be read."""

import json
from pathlib import Path

import pytest

from verigym.tasks import load
from verigym.tasks.sources import BadRow
from verigym.verifiers import verify_many

SHARED = Path(__file__).parents[3] / "shared" / "data"
ROW = {
    "key": 7,
    "prompt": "Write without commas.",
    "instruction_id_list": ["punctuation:no_comma", "length_constraints:number_words"],
    "kwargs": [{}, {"relation": "at least", "num_words": 3}],
}


def file(folder: Path, *rows: object, name: str = "prompts.jsonl") -> str:
    path = folder / name
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), "utf-8")
    return str(path)


def test_a_row(tmp_path: Path) -> None:
    task = load("ifeval", path=file(tmp_path, ROW))
    assert (task.splits, task.default_split, task.size("test")) == (("test",), "test", 1)
    problem = task.problem(0)
    assert problem.prompt == ROW["prompt"]
    assert problem.answer == {name: ROW[name] for name in ("instruction_id_list", "kwargs", "prompt")}
    assert (problem.meta["key"], problem.address.level) == (7, 2)
    assert task.oracle(problem) is None


def test_what_the_hubs_table_leaves_empty_is_left_out(tmp_path: Path) -> None:
    empty = {"num_words": None, "relation": None, "keywords": None}
    row = {**ROW, "kwargs": [empty, {**empty, "relation": "at least", "num_words": 3}]}
    assert load("ifeval", path=file(tmp_path, row)).problem(0).answer["kwargs"] == ROW["kwargs"]


def test_splits_and_system(tmp_path: Path) -> None:
    rows = [{**ROW, "prompt": f"Write {number}."} for number in range(50)]
    task = load("ifeval", path=file(tmp_path, *rows), holds="", system="Be brief.")
    assert task.splits == ("train", "validation", "test")
    assert task.problem(0).messages[0] == {"role": "system", "content": "Be brief."}
    (tmp_path / "mine").mkdir()
    own = load("ifeval", path=file(tmp_path / "mine", *rows, name="train.jsonl"), holds="")
    assert own.splits == ("train", "validation")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompt": " "}, "field 'prompt' is ' ', not text"),
        ({"prompt": None}, "field 'prompt' is None, not text"),
        ({"instruction_id_list": []}, "field 'instruction_id_list' is [], not a list of texts"),
        ({"instruction_id_list": "a"}, "field 'instruction_id_list' is 'a', not a list of texts"),
        ({"kwargs": {}}, "field 'kwargs' is {}, not a list of objects"),
        ({"kwargs": [{}, None]}, "field 'kwargs' is [{}, None], not a list of objects"),
        ({"kwargs": [{}]}, "2 instructions and 1 kwargs; each instruction needs its own"),
    ],
)
def test_rows_that_are_not_as_described(tmp_path: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(BadRow) as caught:
        load("ifeval", path=file(tmp_path, {**ROW, "prompt": "Good."}, {**ROW, **change}))
    assert str(caught.value).startswith("ifeval: 1 bad row\n")
    assert f"line 2: {message}" in str(caught.value)


def test_lines_that_are_no_rows(tmp_path: Path) -> None:
    with pytest.raises(BadRow, match="line 1: is not JSON"):
        load("ifeval", path=file(tmp_path, "{"))
    with pytest.raises(BadRow, match=r"line 1: is not a record but \[1\]"):
        load("ifeval", path=file(tmp_path, [1]))
    with pytest.raises(BadRow, match="holds no rows"):
        load("ifeval", path=file(tmp_path))
    with pytest.raises(TypeError, match=r"ifeval has no option 'pth'; did you mean 'path'\?"):
        load("ifeval", pth="x")


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the IFEval prompts beside the checkout")
def test_the_real_prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIGYM_DATA", str(SHARED))
    task = load("ifeval")
    problems = task.problems(None)
    assert (len(problems), task.notes) == (541, {"duplicates": 0, "conflicts": 0, "leaks": 0})
    assert sum(len(problem.answer["kwargs"]) for problem in problems) == 834
    assert {level: about.space for level, about in task.levels.items()} == {1: 305, 2: 179, 3: 57}
    line = '"hello there *a* *b* *c* <<t>>"'
    for level, about in task.levels.items():
        rows = task.problems(None, level=level)
        verdicts = verify_many("ifeval", [line] * len(rows), [row.answer for row in rows])
        share = sum(bool(verdict.correct) for verdict in verdicts) / len(rows)
        assert about.chance / 3 < share < about.chance + 0.01
