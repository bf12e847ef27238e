"""trainer/settings.py: files and flags become one run, what is later wins, and every mistake is one paragraph with its
mend."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from verigym.trainer.config import ConfigError, ObjectiveChoice, Optim, Problems, Rollout, Run
from verigym.trainer.settings import (
    SECTION_OF,
    SECTIONS,
    TYPES,
    changed,
    find,
    parse,
    preset,
    preset_names,
    read_run,
    to_toml,
)


def refused(words: list[str], base: Path | None = None, own_flags: tuple[str, ...] = ()) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(words, base, own_flags=own_flags)
    message = str(caught.value)
    assert "\n" not in message
    assert "╭" not in message
    return message


def toml(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "given.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_nothing_given_is_the_default_run() -> None:
    assert parse([]) == Run()


@pytest.mark.parametrize(
    "words",
    [
        ["--group-size", "16"],
        ["--group_size", "16"],
        ["--group-size=16"],
        ["--group_size=16"],
        ["--rollout.group-size", "16"],
        ["--rollout.group_size=16"],
        ["--group-size", "4", "--group-size", "16"],  # the later one wins
    ],
)
def test_every_spelling_of_a_flag(words: list[str]) -> None:
    assert parse(words) == Run(rollout=Rollout(group_size=16))


@pytest.mark.parametrize(
    ("words", "key", "value"),
    [
        (["--level", "1", "2"], "level", (1, 2)),
        (["--level", "1", "--level", "2"], "level", (1, 2)),
        (["--level=1", "--level=2"], "level", (1, 2)),
        (["--env-args", "style=terse", "--env-args", "a=b=c"], "env_args", ("style=terse", "a=b=c")),
        (["--curriculum", "staircase", "up=0.9"], "curriculum", ("staircase", "up=0.9")),
        (["--stop=--x", "-y", ""], "stop", ("--x", "-y", "")),
        (["--betas", "0.8", "0.99"], "betas", (0.8, 0.99)),
        (["--dynamic-sampling"], "dynamic_sampling", True),
        (["--no-dynamic-sampling"], "dynamic_sampling", False),
        (["--dynamic-sampling", "false"], "dynamic_sampling", False),
        (["--dynamic-sampling", "--lr", "1"], "dynamic_sampling", True),
        (["--kl-coef", "0.25"], "kl_coef", 0.25),
        (["--grad-clip", "inf"], "grad_clip", float("inf")),
        (["--min-lr", "-1e-5"], "min_lr", -1e-5),
        (["--name", "None"], "name", "None"),
        (["--dtype", "bfloat16"], "dtype", "bfloat16"),
    ],
)
def test_values_of_every_kind(words: list[str], key: str, value: Any) -> None:
    assert getattr(getattr(parse(words), SECTION_OF[key]), key) == value


def test_flags_win_over_the_file_and_lists_are_replaced_not_joined(tmp_path: Path) -> None:
    base = toml(
        tmp_path,
        "[problems]\nlevel = [1, 2]\nenv_args = ['a=1']\n[optim]\nlr = 0.5\nsteps = 7\n[objective]\nkl_coef = 0.1",
    )
    run = parse(["--level", "3", "--lr", "0.25", "--kl-coef", "None"], base)
    assert run.problems == Problems(level=(3,), env_args=("a=1",))
    assert run.optim == Optim(lr=0.25, steps=7)
    assert run.objective == ObjectiveChoice()
    assert parse(["--level"], base).problems.level == ()


def test_keys_may_stand_alone_at_the_top_of_a_file(tmp_path: Path) -> None:
    run = read_run(toml(tmp_path, "objective = 'dapo'\nlevel = 3\ndynamic_sampling = true\n[optim]\nlr = 1\n"))
    assert (run.objective.objective, run.problems.level, run.objective.dynamic_sampling) == ("dapo", (3,), True)
    assert run.optim.lr == 1.0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--groop-size", "8"],
            "no flag --groop-size (did you mean --group-size?); `verigym train --help` lists all of them",
        ),
        (["--zzz"], "no flag --zzz; `verigym train --help` lists all of them"),
        (["--resum", "runs/x"], "no flag --resum (did you mean --resume?); `verigym train --help` lists all of them"),
        (
            ["--optim.group-size", "8"],
            "no flag --optim.group-size: group_size belongs to rollout; write --group-size or --rollout.group-size",
        ),
        (["--lr", "abc"], "--lr: 'abc' does not fit; wanted: a number"),
        (["--steps", "1e3"], "--steps: '1e3' does not fit; wanted: a whole number"),
        (["--steps", "3.5"], "--steps: '3.5' does not fit; wanted: a whole number"),
        (["--dtype", "int8"], "--dtype: 'int8' does not fit; wanted: one of float32, bfloat16"),
        (
            ["--dtype", "bfloat"],
            "--dtype: 'bfloat' does not fit (did you mean bfloat16?); wanted: one of float32, bfloat16",
        ),
        (["--kl-coef", "much"], "--kl-coef: 'much' does not fit; wanted: a number, or None"),
        (["--betas", "0.9"], "--betas: '0.9' does not fit; wanted: 2 values, each a number"),
        (["--level", "1", "two"], "--level: '1 two' does not fit; wanted: any number of values, each a whole number"),
        (["--dynamic-sampling=maybe"], "--dynamic-sampling: 'maybe' does not fit; wanted: true or false, or None"),
        (["--lr"], "--lr wants a value: a number"),
        (["--lr", "--steps", "3"], "--lr wants a value: a number"),
        (
            ["--lr", "1", "2"],
            "unexpected word '2'; a preset or a file comes first, settings are --name value",
        ),
        (["--curriculum", "stair"], "curriculum='stair' is not known; did you mean 'staircase'?"),
        (["--group-size", "0"], "group_size=0 is too small; set --group-size to 1 or more"),
        (["--lr", "nan"], "lr=nan learns nothing; set --lr to a positive number such as 1e-6"),
    ],
)
def test_wrong_flags_are_one_paragraph(words: list[str], message: str) -> None:
    assert refused(words, own_flags=("--resume",)) == message


def test_cross_checks_of_the_dataclasses_come_through_unchanged() -> None:
    assert refused(["--problems-per-step", "5", "--updates-per-step", "3"]).startswith(
        "problems_per_step=5 cannot be cut into updates_per_step=3"
    )
    assert refused(["--reward", "cosin"]).startswith(
        "reward holds 'cosin', and there is no 'cosin' (did you mean cosine?"
    )


@pytest.mark.parametrize(
    "words",
    [["--top-p", "0.9"], ["--top_p=0.9"], ["--rollout.top-p", "0.9"], ["--top-k", "5"], ["--top-k=nan"], ["--top-p"]],
)
def test_a_truncated_sampler_is_refused_in_training(words: list[str], tmp_path: Path) -> None:
    key, value = ("top_p" if "p" in words[0][-5:] and "k" not in words[0] else "top_k"), words[-1].rpartition("=")[2]
    value = "nothing" if words == ["--top-p"] else value
    assert refused(words).startswith(f"{key}={value}: training samples from the whole distribution, because")
    assert refused(words).endswith(f"leave --{key.replace('_', '-')} out (`verigym eval` takes it)")


def test_a_truncated_sampler_is_refused_in_a_file_and_one_that_is_off_says_nothing(tmp_path: Path) -> None:
    assert "top_p=0.9: training" in refused([], toml(tmp_path, "[rollout]\ntop_p = 0.9"))
    assert "top_k=[1]: training" in refused([], toml(tmp_path, "top_k = [1]"))
    old = toml(tmp_path, "[rollout]\ntop_p = 1.0\ntop_k = 0\ngroup_size = 4")  # as runs of before have it
    assert parse(["--top-p", "1", "--top-k=0", "--lr", "1"], old) == Run(
        rollout=Rollout(group_size=4), optim=Optim(lr=1)
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr = abc", "{path} is not valid TOML: Invalid value (at line 1, column 6)"),
        ("[optim]\nlr = 1\n[[", "{path} is not valid TOML: "),
        ("[optimm]\nlr = 1", "{path}: no section [optimm] (did you mean optim?); the sections are problems, policy,"),
        ("[lr]\na = 1", "{path}: no section [lr]; the sections are problems"),
        ("[optim]\ngroup_size = 1", "{path}: group_size stands in [optim] but belongs to [rollout]; move it there"),
        ("[optim]\nlearning_steps = 1", "{path}: no key 'learning_steps' in [optim] (did you mean warmup_steps?)"),
        ("group_sizes = 1", "{path}: no key 'group_sizes' (did you mean group_size?)"),
        ("optim = 1", "{path}: optim is a section, not a key; write [optim] on its own line"),
        ("lr = 1\n[optim]\nlr = 2", "{path}: lr is given twice, at {path}: lr and in [optim]; keep one"),
        ("[optim]\nlr = 'abc'", "{path}: [optim] lr: 'abc' does not fit; wanted: a number"),
        ("lr = []", "{path}: lr: 'nothing' does not fit; wanted: a number"),
        ("lr = [1, 2]", "{path}: lr: '1 2' does not fit; wanted: a number"),
        ("steps = true", "{path}: steps: 'True' does not fit; wanted: a whole number"),
        ("[problems.env_args]\nstyle = 'x'", "{path}: [problems] env_args holds {{'style': 'x'}}; a value is text"),
        ("[rollout]\ngroup_size = 0", "group_size=0 is too small; set --group-size to 1 or more"),
    ],
)
def test_wrong_files_name_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    path = toml(tmp_path, text)
    assert refused([], path).startswith(message.format(path=path))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert refused([], tmp_path / "absent.toml").startswith(f"cannot read {tmp_path / 'absent.toml'}: No such file")
    path = tmp_path / "latin.toml"
    path.write_bytes(b"name = 'caf\xe9'")
    assert refused([], path) == f"{path} is not UTF-8 text (byte 11); save it as UTF-8"


def test_a_wrong_key_in_the_file_is_found_though_the_flags_are_right(tmp_path: Path) -> None:
    base = toml(tmp_path, "[optim]\nlr = 'fast'\nsteps = 3")
    assert refused(["--group-size", "4"], base) == f"{base}: [optim] lr: 'fast' does not fit; wanted: a number"
    assert parse(["--lr", "1"], base).optim == Optim(lr=1.0, steps=3)  # a flag that replaces it mends it


def test_presets_are_found_by_name_and_files_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "countdown-tiny" in preset_names()
    assert find("countdown-tiny") == preset("countdown-tiny")
    path = toml(tmp_path, "lr = 1")
    assert find(str(path)) == path
    monkeypatch.chdir(tmp_path)
    for name, message in {
        "countdown-tinny": "no preset 'countdown-tinny' (did you mean countdown-tiny?); the presets are code-tiny",
        "zzz": "no preset 'zzz'; the presets are code-tiny",
        "givn.toml": "no file givn.toml (did you mean given.toml?); presets, without .toml, are code-tiny",
        "no/such/dir/x.toml": "no file no/such/dir/x.toml; presets",
        str(tmp_path): f"{tmp_path} is a directory, not a TOML file of settings; `verigym train --resume {tmp_path}`",
    }.items():
        with pytest.raises(ConfigError) as caught:
            find(name)
        assert str(caught.value).startswith(message)


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_valid_explains_itself_and_survives_a_round_trip(name: str, tmp_path: Path) -> None:
    run = read_run(preset(name))
    assert run != Run()
    assert read_run(toml(tmp_path, to_toml(run))) == run
    comments = [line for line in preset(name).read_text().splitlines() if line.startswith("#")]
    assert any("Hardware" in line for line in comments)
    assert any("Expect" in line for line in comments)


def _values(key: str) -> st.SearchStrategy[Any]:
    """Values of a key's type; texts hold what flags and TOML could trip over."""
    texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=8) | st.sampled_from(["--lr", "-h", "=", "a b"])
    inner = (
        next((a for a in get_args(TYPES[key]) if a is not type(None)), None)
        if type(None) in get_args(TYPES[key])
        else None
    )
    kind = inner or TYPES[key]
    if key == "reward":
        return st.lists(st.sampled_from(["cosine", "clip:low=-1", "lcpo:target=1-9,mode=max"]), unique=True).map(tuple)
    if key in WORDS:
        return st.sampled_from(WORDS[key])
    if key == "env_args":
        return st.lists(texts.map(lambda text: f"k={text}"), max_size=3).map(tuple)
    table: dict[Any, st.SearchStrategy[Any]] = {
        int: st.integers(1, 10**9),
        float: st.floats(1e-9, 1e9),
        bool: st.booleans(),
        str: texts.filter(lambda text: text != "None"),  # an optional text reads None as unset
    }
    if get_origin(kind) is tuple:
        item = table[get_args(kind)[0]]
        return st.lists(item, max_size=3).map(tuple) if get_args(kind)[-1] is Ellipsis else st.tuples(item, item)
    if kind in table:
        return table[kind] | st.none() if inner else table[kind]
    return st.sampled_from(get_args(kind))


WORDS: dict[str, list[tuple[str, ...]]] = {
    "engine_args": [(), ("batch=3",), ("batch=3", "canary_warn=0.01")],
    "lag": [(), ("1",), ("4", "partial")],
    "lora": [(), ("rank=4", "targets=q_proj,v_proj")],
    "fit": [(), ("checkpoint", "packing=on")],
    "correction": [(), ("mis-token", "min=0.5", "max=5.0")],
    "overlong": [(), ("mask",), ("penalty", "cache=6")],
}
"""Settings made of words, of which few are any."""


@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_to_toml_writes_parse_reads_back(data: st.DataObject, tmp_path: Path) -> None:
    fixed = {
        "max_error_share",
        "curriculum",
        "updates_per_step",
    }  # other values of these are refused by cross-checks
    run = Run()
    for section, concern in SECTIONS.items():
        drawn = {f.name: data.draw(_values(f.name), label=f.name) for f in fields(concern) if f.name not in fixed}
        run = replace(run, **{section: concern(**drawn)})
    assert parse([], toml(tmp_path, to_toml(run))) == run


def test_every_key_can_be_a_flag_and_a_key_of_its_section(tmp_path: Path) -> None:
    """No key is lost between the dataclasses, the flags and the file."""
    run = parse(["--level", "2", "--stop", "x", "--env-args", "a=1", "--kl-coef", "0.5", "--no-dynamic-sampling"])
    words = [
        word
        for key, section in SECTION_OF.items()
        for value in [getattr(getattr(run, section), key)]
        if value is not None
        for word in [f"--{section}.{key.replace('_', '-')}", *map(str, value if isinstance(value, tuple) else (value,))]
    ]
    assert parse(words) == run
    assert len(SECTION_OF) == sum(len(fields(concern)) for concern in SECTIONS.values()) < 60


def test_changed_names_the_keys_that_differ() -> None:
    assert changed(Run(), parse(["--lr", "1", "--level", "3"])) == {"level": ((), (3,)), "lr": (1e-06, 1.0)}
    assert changed(Run(), Run()) == {}
