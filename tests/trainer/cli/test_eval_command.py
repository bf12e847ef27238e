"""`verigym eval`: its flags, its messages, and what it prints."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from verigym.trainer.cli.eval import EvalSettings, adopt_run, headline, main, notes, numbers, parse, table
from verigym.trainer.config import ConfigError, Problems, Rollout, Run
from verigym.trainer.evaluation.evaluate import Report
from verigym.trainer.evaluation.scores import Sample, Scores, maj_at, pass_at, pass_hat
from verigym.trainer.run import RunDirectory


def test_flags_in_all_their_spellings():
    words = ["--env", "countdown", "--k", "1,4,16", "-n", "16", "--level", "1", "2", "--greedy", "--seed=-3"]
    read = parse([*words, "--env-args", "a=1", "--env-args", "b=2"])
    assert read == EvalSettings(
        env="countdown", k=("1,4,16",), n=16, level=("1", "2"), env_args=("a=1", "b=2"), greedy=True, seed=-3
    )
    assert numbers("k", read.k) == (1, 4, 16)
    words = ["--engine", "vllm", "--engine-args", "batch=64", "memory=0.1"]
    assert parse(words) == EvalSettings(engine="vllm", engine_args=("batch=64", "memory=0.1"))
    assert parse(["--max_new_tokens", "9", "--k", "1", "2"]) == EvalSettings(max_new_tokens=9, k=("1", "2"))
    assert parse([]) == EvalSettings()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--temprature", "1"], r"no flag --temprature; did you mean --temperature\?"),
        (["--xyzzy"], r"no flag --xyzzy; `verigym eval --help` lists all of them"),
        (["--engine", "sglang"], r"these flags do not fit: .*sglang.*transformers.*vllm"),
        (["--dtype", "float8"], r"these flags do not fit: .*float8.*float32"),
        (["--n", "many"], r"these flags do not fit: .*--n.*many"),
        (["countdown"], r"these flags do not fit: .*countdown"),
        (["--env"], r"these flags do not fit: .*--env"),
    ],
)
def test_wrong_flags_are_named_with_the_nearest_one(words, message):
    with pytest.raises(ConfigError, match=message):
        parse(words)


def test_wrong_numbers_model_and_environment():
    with pytest.raises(ConfigError, match="k holds 'x', which is not a whole number; write --k 1,4,16"):
        numbers("k", ("1,x",))
    with pytest.raises(ConfigError, match="which model\\? It comes first: verigym eval MODEL --env countdown"):
        main(["--env", "countdown"])
    with pytest.raises(ConfigError, match="which environment\\? Name it: verigym eval tiny-qwen2 --env countdown"):
        main(["tiny-qwen2"])
    with pytest.raises(ConfigError, match="env_args holds 'style', which is not key=value"):
        main(["tiny-qwen2", "--env", "countdown", "--env-args", "style"])


def test_help_names_every_setting(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    flags = ("--env", "--split", "--k", "--n", "--level", "--temperature", "--top-p", "--engine", "--engine-args")
    for flag in (*flags, "--out", "--json", "MODEL"):
        assert flag in text
    assert main([]) == 2


def test_a_run_lends_its_environment_and_length(tmp_path: Path):
    settings = Run(
        problems=Problems(env="reverse", env_args=("style=terse",), level=(2,)),
        rollout=Rollout(max_new_tokens=33, stop=("</answer>",)),
    )
    run = RunDirectory.create(tmp_path / "run", settings, "objective")
    found = adopt_run(str(run.root), EvalSettings())
    assert (found.env, found.env_args, found.level) == ("reverse", ("style=terse",), ("2",))
    assert (found.max_new_tokens, found.stop) == (33, ("</answer>",))
    other = adopt_run(str(run.root), EvalSettings(env="sort", max_new_tokens=5))
    assert (other.env, other.env_args, other.level, other.max_new_tokens) == ("sort", (), (), 5)


def report(samples: list[Sample], ks: tuple[int, ...], n: int) -> Report:
    scores = Scores(tuple(samples))
    settings = {"model": "m", "env": "e", "problems": len(scores.tallies), "split": "test", "n": n}
    settings |= {"temperature": 0.7, "top_p": 0.95, "top_k": 0, "max_new_tokens": 9}
    estimates = [{k: measure(scores, k) for k in ks} for measure in (pass_at, maj_at, pass_hat)]
    return Report(settings, scores, *estimates, 1.0, None)


def printed(found: Report) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(headline(found), table(found), *notes(found))
    return console.file.getvalue()


def test_the_table_has_a_column_for_each_k_and_a_row_for_each_level():
    samples = [
        Sample(f"p{i}", j, j < i, extracted=str(j < i), level=i % 2, tokens=4) for i in range(3) for j in range(2)
    ]
    text = printed(report(samples, (1, 2), 2))
    # c = 0, 1, 2 of 2: pass@1 = 0.5, pass@2 = 2/3, pass^2 = 1/3.
    assert "m on e: 3 test problems, 2 samples each, at temperature 0.7, top-p 0.95" in text
    rows = {line.split("│")[1].strip(): line for line in text.splitlines() if line.count("│") > 2}
    assert "50.0 % [" in rows["pass@k"] and "66.7 % [" in rows["pass@k"]
    assert "33.3 % [" in rows["pass^k"]
    assert {"maj@k", "pass@k, level 0", "pass@k, level 1"} <= rows.keys()
    assert "verdicts: ok 6" in text


def test_zero_errors_and_what_is_left_out_are_said():
    samples = [Sample(f"p{i}", 0, False, "malformed", finish="length") for i in range(9)]
    text = " ".join(printed(report(samples, (1,), 1)).split())
    # Wilson for 0 of 9: z^2 / (9 + z^2) = 29.9 %.
    assert "No reply was right (0 of 9); 9 hold no answer in the wanted form. pass@1 is below 29.9 %" in text
    assert "100.0 % cut by the limit of 9" in text
    broken = [*samples, Sample("q", 0, None, "error", reason="worker died")]
    text = " ".join(printed(report(broken, (1,), 1)).split())
    assert "do not count as wrong answers: 1 of 10 verdicts (10.0 %); the first: worker died" in text
    assert "fewer than k samples that count: 1 at k = 1" in text


def test_the_command_from_end_to_end(tmp_path: Path, capsys):
    words = ["tiny-qwen2", "--env", "reverse", "--problems", "3", "-n", "2", "--k", "1,2", "--max-new-tokens", "2"]
    assert main([*words, "--out", str(tmp_path / "e"), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["samples"], set(summary["pass@k"])) == (6, {"1", "2"})
    assert len((tmp_path / "e" / "samples.jsonl").read_text().splitlines()) == 6
    assert main([*words, "--out", str(tmp_path / "e")]) == 0
    assert "tiny-qwen2 on reverse: 3 test problems, 2 samples each" in capsys.readouterr().out
