"""Reading rows: every kind of file, and what is said when there is none."""

import builtins
import gzip
import json
from pathlib import Path

import pytest

from verigym.tasks.sources import NoData, Row, read_file, read_splits

ROWS = [{"q": "one?", "a": "1"}, {"q": "två?", "a": 2}]


def write(path: Path, rows: list[dict]) -> Path:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name.endswith(".gz"):
        path.write_bytes(gzip.compress(text))
    elif path.name.endswith(".parquet"):
        pyarrow = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        parquet.write_table(
            pyarrow.Table.from_pylist([{key: str(value) for key, value in row.items()} for row in rows]), path
        )
    else:
        path.write_bytes(text)
    return path


@pytest.mark.parametrize("name", ["train.jsonl", "train.jsonl.gz"])
def test_lines_and_their_numbers(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, ROWS)
    rows = list(read_file(path))
    assert [row.record for row in rows] == ROWS
    assert [(row.file, row.line, row.problem) for row in rows] == [(str(path), 1, ""), (str(path), 2, "")]


def test_parquet_rows(tmp_path: Path) -> None:
    rows = list(read_file(write(tmp_path / "test.parquet", ROWS)))
    assert [row.record for row in rows] == [{"q": "one?", "a": "1"}, {"q": "två?", "a": "2"}]
    assert [row.line for row in rows] == [1, 2]


def test_blank_lines_and_a_byte_order_mark_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n\r\n   \n{"a": 2}')
    assert [(row.line, row.record) for row in read_file(path)] == [(1, {"a": 1}), (4, {"a": 2})]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"a": 1', "is not JSON (Expecting ',' delimiter"),
        (b"{'a': 1}", "is not JSON (Expecting property name"),
        (b'{"a": NaN}', "is not JSON (NaN is no JSON number)"),
        (b'{"a": "\xff"}', "is not UTF-8 (invalid start byte at byte 7)"),
        (b"[" * 100_000, "is not JSON ("),
        (b'{"a": ' + b"9" * 5000 + b"}", "is not JSON ("),
    ],
)
def test_a_broken_line_is_a_row_that_says_what_is_wrong(tmp_path: Path, line: bytes, message: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"a": 0}\n' + line + b'\n{"a": 2}\n')
    rows = list(read_file(path))
    assert [row.line for row in rows] == [1, 2, 3]
    assert rows[1].record is None
    assert rows[1].problem.startswith(message)
    assert rows[2].record == {"a": 2}


def test_a_gzip_file_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    whole = gzip.compress(b"".join(b'{"a": "%d"}\n' % (i * 7919) for i in range(5000)))
    path.write_bytes(whole[: len(whole) // 2])
    rows = list(read_file(path))
    assert rows[0].record == {"a": "0"}
    assert rows[-1].problem.startswith("the file cannot be read on from here (Compressed file ended")
    path.write_bytes(b'{"a": 1}\n')
    assert next(read_file(path)).problem.startswith("the file cannot be read on from here (Not a gzipped file")


def test_a_file_that_is_no_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "x.parquet"
    path.write_bytes(b"no")
    assert next(read_file(path)).problem.startswith("the file is not Parquet (")


def test_splits_by_file_name(tmp_path: Path) -> None:
    for name in ("train-00000-of-00002.jsonl", "train-00001-of-00002.jsonl", "dev.jsonl.gz", "test.jsonl"):
        write(tmp_path / name, ROWS)
    (tmp_path / "README.md").write_text("not rows")
    splits = read_splits("mine", path=str(tmp_path))
    assert {split: len(rows) for split, rows in splits.items()} == {"train": 4, "validation": 2, "test": 2}


def test_a_lone_file_of_another_name_is_unnamed(tmp_path: Path) -> None:
    assert set(read_splits("mine", path=str(write(tmp_path / "rows.jsonl", ROWS)))) == {""}
    assert set(read_splits("mine", path=str(tmp_path))) == {""}


def test_a_folder_with_named_and_unnamed_files_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", ROWS)
    write(tmp_path / "extra.jsonl", ROWS)
    with pytest.raises(
        NoData, match=r"has files for the splits train, and extra\.jsonl, which names none; begin its name"
    ):
        read_splits("mine", path=str(tmp_path))


def test_paths_that_are_not_there_or_not_rows(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", ROWS)
    with pytest.raises(NoData, match=r"no file or folder .*row\.jsonl; did you mean .*rows\.jsonl\?"):
        read_splits("mine", path=str(tmp_path / "row.jsonl"))
    with pytest.raises(NoData, match=r"no file or folder .*; check the path"):
        read_splits("mine", path=str(tmp_path / "nowhere" / "x.jsonl"))
    (tmp_path / "rows.csv").write_text("q,a\n")
    with pytest.raises(
        NoData, match=r"is of no kind that can be read; name a file that ends in \.jsonl, \.jsonl\.gz, \.parquet"
    ):
        read_splits("mine", path=str(tmp_path / "rows.csv"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoData, match=r"holds no file that ends in"):
        read_splits("mine", path=str(tmp_path / "empty"))


def test_the_data_folder_comes_before_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "gsm8k" / "test.jsonl.gz", ROWS)
    monkeypatch.setenv("VERIGYM_DATA", str(tmp_path))
    splits = read_splits("gsm8k", hub="openai/gsm8k", config="main")
    assert [row.record for row in splits["test"]] == ROWS


def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    from huggingface_hub import constants

    monkeypatch.delenv("VERIGYM_DATA", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def test_offline_without_data_there_is_one_error_with_three_ways(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    offline(monkeypatch, tmp_path)
    with pytest.raises(NoData) as error:
        read_splits("gsm8k", hub="openai/gsm8k", config="main")
    message = str(error.value)
    assert message.startswith("gsm8k is not on this machine, and the Hub did not give openai/gsm8k (")
    assert "(1) put the rows into DIR/gsm8k/test.jsonl" in message
    assert "set VERIGYM_DATA=DIR" in message
    assert '(2) name a file or folder, as in load("gsm8k", path="rows.jsonl")' in message
    assert "(3) run once with a network and without HF_HUB_OFFLINE" in message
    assert "\n" not in message
    assert error.value.__cause__ is None and error.value.__suppress_context__


@pytest.mark.parametrize(("arguments", "word"), [({"hub": "a/b"}, "datasets"), ({"path": "P"}, "pyarrow")])
def test_a_missing_package_is_named_with_its_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: dict[str, str], word: str
) -> None:
    really = builtins.__import__

    def without(name: str, *rest: object, **more: object) -> object:
        if name.partition(".")[0] == word:
            raise ImportError(f"No module named {name!r}")
        return really(name, *rest, **more)

    (tmp_path / "x.parquet").write_bytes(b"")
    monkeypatch.delenv("VERIGYM_DATA", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    arguments = {key: value.replace("P", str(tmp_path / "x.parquet")) for key, value in arguments.items()}
    with pytest.raises(ImportError, match=r"needs the package `datasets`: pip install 'verigym\[train\]'"):
        read_splits("mine", **arguments)


def hub_gives(monkeypatch: pytest.MonkeyPatch, **splits: list[dict]) -> list[tuple]:
    datasets = pytest.importorskip("datasets")
    calls: list[tuple] = []

    def load_dataset(*arguments: object, **named: object) -> dict:
        calls.append((*arguments, named))
        return splits

    monkeypatch.delenv("VERIGYM_DATA", raising=False)
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr("verigym.tasks.sources._reachable", lambda address: True)
    return calls


def test_hub_splits_are_named_as_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = hub_gives(monkeypatch, train=ROWS, val=ROWS[:1], extra=ROWS)
    splits = read_splits("mine", hub="a/b", config="c", revision="r")
    assert calls == [("a/b", "c", {"revision": "r"})]
    assert {split: len(rows) for split, rows in splits.items()} == {"train": 2, "validation": 1}
    assert splits["train"][1] == Row("a/b:train", 2, ROWS[1])
    assert set(read_splits("mine", hub="a/b", upstream={"test": "extra"})) == {"test"}


def test_hub_splits_of_other_names_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    hub_gives(monkeypatch, easy=ROWS, hard=ROWS)
    with pytest.raises(NoData, match=r'a/b has the splits easy, hard; say which is which, as in upstream=\{"train"'):
        read_splits("mine", hub="a/b")
    with pytest.raises(NoData, match=r"a/b has the splits easy, hard, not harder; say which"):
        read_splits("mine", hub="a/b", upstream={"test": "harder"})
