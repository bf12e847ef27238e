"""Settings from files and flags: a TOML file is turned into flags, so that one parser (tyro) reads both; what is later
wins.

A file has a section for each concern of `verigym.trainer.config` and a key for each field; a key may also stand alone
at the top. Unknown flags, keys and sections, and values that do not fit, raise ConfigError: one paragraph with what was
given, where, and the nearest valid name. `to_toml` writes a resolved run that is a valid input again. It does not know
which combinations make sense: the dataclasses check themselves.

    run = parse(["--group-size", "16"], base=preset("countdown-tiny"))
"""

import contextlib
import difflib
import io
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, make_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from verigym.trainer.config import ConfigError, Run

SECTIONS: Mapping[str, type] = get_type_hints(Run)
"""Section name to its dataclass."""

SECTION_OF: Mapping[str, str] = {
    field.name: section for section, concern in SECTIONS.items() for field in fields(concern)
}
"""Key to the section it stands in; keys are unique over all sections."""

TYPES: Mapping[str, Any] = {key: kind for concern in SECTIONS.values() for key, kind in get_type_hints(concern).items()}
"""Key to its type."""

UNTRUNCATED: Mapping[str, float] = {"top_p": 1.0, "top_k": 0.0}
"""Names of the sampler's truncation, which is no setting of a run, and the values at which there is none: these may be
written and say nothing."""

PRESETS = Path(__file__).parent / "presets"

_FLAG = re.compile(r"--[A-Za-z]")


@dataclass(frozen=True)
class Given:
    """One key as somebody wrote it: its values as text, and where it stood, for messages."""

    key: str
    values: tuple[str, ...]
    where: str


def preset_names() -> list[str]:
    """The presets that come with verigym."""
    return sorted(path.stem for path in PRESETS.glob("*.toml"))


def preset(name: str) -> Path:
    """The file of a preset. Raises ConfigError with the nearest name."""
    if name not in preset_names():
        raise ConfigError(
            f"no preset {name!r}{_near(name, preset_names())}; the presets are {', '.join(preset_names())}"
        )
    return PRESETS / f"{name}.toml"


def find(name: str) -> Path:
    """The file that a preset's name or a path stands for. Raises ConfigError where there is none."""
    path = Path(name)
    if path.suffix != ".toml" and "/" not in name and not path.is_file():
        return preset(name)
    if path.is_dir():
        mend = f"`verigym train --resume {name}` goes on with a run, {name}/config.toml starts one like it"
        raise ConfigError(f"{name} is a directory, not a TOML file of settings; {mend}")
    if not path.is_file():
        beside = sorted(other.name for other in path.parent.glob("*.toml")) if path.parent.is_dir() else []
        raise ConfigError(
            f"no file {name}{_near(path.name, beside)}; presets, without .toml, are {', '.join(preset_names())}"
        )
    return path


def parse(argv: Sequence[str], base: Path | None = None, *, own_flags: Iterable[str] = ()) -> Run:
    """The run that a file (if any) and then flags describe. `own_flags` are the command's other flags, for the nearest
    name of a wrong one. Raises ConfigError."""
    given = [*(read_file(base) if base else ()), *read_flags(argv, own_flags)]
    last = {item.key: item for item in given}
    run, text, cause = _tyro(Run, list(last.values()))
    if run is not None:
        return run
    for item in last.values():  # which one does not fit?
        alone, _, _ = _tyro(make_dataclass("Alone", [(item.key, TYPES[item.key])]), [item])
        if alone is None:
            raise ConfigError(_misfit(item))
    raise ConfigError(str(cause) if cause else f"these settings were refused: {text}")


def read_flags(argv: Sequence[str], own_flags: Iterable[str] = ()) -> list[Given]:
    """Flags in any of their spellings: `--group-size 8`, `--group_size=8`, `--rollout.group-size 8`, `--level 1 2`,
    `--env-args a=1 --env-args b=2`, `--dynamic-sampling`, `--no-dynamic-sampling`. Raises ConfigError for a name that
    does not exist and for a word that belongs to no flag."""
    found: dict[str, Given] = {}
    words = list(argv)
    while words:
        word = words.pop(0)
        if not _FLAG.match(word):
            raise ConfigError(f"unexpected word {word!r}; a preset or a file comes first, settings are --name value")
        name, equals, value = word.partition("=")
        if (truncation := name[2:].rpartition(".")[2].replace("-", "_")) in UNTRUNCATED:
            _refuse_truncation(truncation, value if equals else words.pop(0) if words else "nothing")
            continue
        key, values = _key_of_flag(name, own_flags), [value] if equals else []
        if name.startswith("--no-") and not key.startswith("no_"):
            values = ["False"]
        room = _most_words(key) - len(values)
        while room > 0 and words and not _FLAG.match(words[0]):
            if _is_switch(key) and words[0].lower() not in ("true", "false", "none"):
                break
            values.append(words.pop(0))
            room -= 1
        if _is_switch(key) and not values:
            values = ["True"]
        if not values and not _is_list(key):
            raise ConfigError(f"--{_dashes(key)} wants a value: {_accepted(TYPES[key])}")
        before = found[key].values if key in found and _is_list(key) else ()
        found[key] = Given(key, (*before, *values), f"--{_dashes(key)}")
    return list(found.values())


def read_file(path: Path) -> list[Given]:
    """The keys of a TOML file. Raises ConfigError for a file that cannot be read, and for keys and sections that do not
    exist."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{path} is not valid TOML: {error}; strings stand in quotes, lists in [ ], sections are [name]"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}; check the path and its permissions") from error
    found: dict[str, Given] = {}
    for name, value in content.items():
        if isinstance(value, dict):
            if name not in SECTIONS:
                raise ConfigError(
                    f"{path}: no section [{name}]{_near(name, SECTIONS)}; the sections are {', '.join(SECTIONS)}"
                )
            items = {(name, key): inner for key, inner in value.items()}
        elif name in SECTIONS and name not in SECTION_OF:  # `objective` is both
            raise ConfigError(
                f"{path}: {name} is a section, not a key; write [{name}] on its own line, its keys below it"
            )
        else:
            items = {("", name): value}
        for (section, key), inner in items.items():
            if key in UNTRUNCATED:
                _refuse_truncation(key, inner)
                continue
            _check_key(path, section, key)
            if key in found:
                raise ConfigError(f"{path}: {key} is given twice, at {found[key].where} and in [{section}]; keep one")
            where = f"{path}: [{section}] {key}" if section else f"{path}: {key}"
            found[key] = Given(key, _texts(inner, where), where)
            if not found[key].values and not _is_list(key):
                raise ConfigError(_misfit(found[key]))
    return list(found.values())


def read_run(path: Path) -> Run:
    """The run that a file alone describes. Raises ConfigError."""
    return parse([], path)


def to_toml(run: Run) -> str:
    """A resolved run as a TOML file that `parse` reads back to the same run. Unset (None) keys are left out."""
    import tomli_w

    sections = {}
    for section in SECTIONS:
        concern = getattr(run, section)
        values = {field.name: getattr(concern, field.name) for field in fields(concern)}
        sections[section] = {key: list(v) if isinstance(v, tuple) else v for key, v in values.items() if v is not None}
    return tomli_w.dumps(sections)


def changed(old: Run, new: Run) -> dict[str, tuple[Any, Any]]:
    """The keys in which two runs differ, each with both values."""
    pairs = {key: (getattr(getattr(old, s), key), getattr(getattr(new, s), key)) for key, s in SECTION_OF.items()}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def print_help(command: type, usage: str) -> None:
    """Prints every flag of a command's dataclass (its own options and a `Run`) with docstring and default."""
    import tyro

    page = io.StringIO()
    with contextlib.redirect_stdout(page), contextlib.suppress(SystemExit):
        tyro.cli(command, args=["--help"], config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff))
    body = "\n".join(line.rstrip() for line in page.getvalue().splitlines()[1:])  # its usage line knows no preset
    body = re.sub(r"\s*\(default:\s*(?:'')?\)", "", body).replace("\n run.", "\n ")
    print(f"usage: {usage}\n{body.rstrip()}")


def _tyro(kind: type, given: Sequence[Given]) -> tuple[Any, str, ConfigError | None]:
    """(instance, "", None), or (None, tyro's message, the ConfigError behind it where a dataclass refused itself)."""
    import tyro

    config = (tyro.conf.OmitArgPrefixes, tyro.conf.FlagConversionOff, tyro.conf.UseAppendAction)
    args = [word for item in given for word in _words(item)]
    message = io.StringIO()
    try:
        with contextlib.redirect_stderr(message):
            return tyro.cli(kind, args=args, config=config, add_help=False), "", None
    except SystemExit as stop:
        cause: BaseException | None = stop
        while cause is not None and not isinstance(cause, ConfigError):
            cause = cause.__context__
        return None, " ".join(re.sub(r"[─│╭╮╰╯]", " ", message.getvalue()).split()), cause


def _words(item: Given) -> list[str]:
    """A key as the words tyro reads; `--name=value` keeps a value that looks like a flag a value."""
    flag = f"--{_dashes(item.key)}"
    if _is_list(item.key):
        return [f"{flag}={value}" for value in item.values]
    first = (
        item.values[0].capitalize() if _is_switch(item.key) else item.values[0]
    )  # tyro reads True, TOML and people write true
    return [f"{flag}={first}", *item.values[1:]]


def _key_of_flag(name: str, own_flags: Iterable[str]) -> str:
    """The key that `--name` stands for."""
    section, dot, key = name[2:].replace("-", "_").rpartition(".")
    if not dot and key.startswith("no_") and key not in SECTION_OF and _is_switch(key[3:]):
        key = key[3:]
    if key not in SECTION_OF:
        spelled = [f"--{_dashes(known)}" for known in SECTION_OF] + list(own_flags)
        raise ConfigError(
            f"no flag {name}{_near(f'--{_dashes(key)}', spelled)}; `verigym train --help` lists all of them"
        )
    if dot and section != SECTION_OF[key]:
        raise ConfigError(
            f"no flag {name}: {key} belongs to {SECTION_OF[key]}; "
            f"write --{_dashes(key)} or --{SECTION_OF[key]}.{_dashes(key)}"
        )
    return key


def _refuse_truncation(key: str, value: Any) -> None:
    """Raises ConfigError unless top_p or top_k is off."""
    try:
        off = float(value) == UNTRUNCATED[key]
    except (TypeError, ValueError):
        off = False
    if not off:
        raise ConfigError(
            f"{key}={value}: training samples from the whole distribution, because a truncated sampler is another "
            f"policy than the one that is differentiated; leave --{_dashes(key)} out (`verigym eval` takes it)"
        )


def _check_key(path: Path, section: str, key: str) -> None:
    if key not in SECTION_OF:
        inside = f" in [{section}]" if section else ""
        raise ConfigError(
            f"{path}: no key {key!r}{inside}{_near(key, SECTION_OF)}; `verigym train --help` lists all of them"
        )
    if section and SECTION_OF[key] != section:
        raise ConfigError(f"{path}: {key} stands in [{section}] but belongs to [{SECTION_OF[key]}]; move it there")


def _texts(value: Any, where: str) -> tuple[str, ...]:
    """A TOML value as the texts a flag would hold."""
    items = value if isinstance(value, list) else [value]
    for item in items:
        if isinstance(item, dict | list):
            raise ConfigError(f"{where} holds {item!r}; a value is text, a number, true or false, or a list of these")
    return tuple(str(item) for item in items)


def _misfit(item: Given) -> str:
    wanted = _accepted(TYPES[item.key])
    value = " ".join(item.values) if item.values else "nothing"
    choices = get_args(_inner(TYPES[item.key])) if get_origin(_inner(TYPES[item.key])) is Literal else ()
    return f"{item.where}: {value!r} does not fit{_near(value, choices)}; wanted: {wanted}"


def _accepted(kind: Any) -> str:
    """What a type takes, in words."""
    inner, arguments = _inner(kind), get_args(_inner(kind))
    if get_origin(inner) is Literal:
        text = "one of " + ", ".join(map(str, arguments))
    elif get_origin(inner) is tuple:
        text = f"any number of values, each {_accepted(arguments[0])}"
        if arguments[-1] is not Ellipsis:
            text = f"{len(arguments)} values, each {_accepted(arguments[0])}"
    else:
        text = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}[inner]
    return text + (", or None" if inner is not kind else "")


def _inner(kind: Any) -> Any:
    """The type within an optional one."""
    if get_origin(kind) in (Union, UnionType):
        (kind,) = (argument for argument in get_args(kind) if argument is not NoneType)
    return kind


def _is_list(key: str) -> bool:
    return get_origin(TYPES[key]) is tuple and get_args(TYPES[key])[-1] is Ellipsis


def _is_switch(key: str) -> bool:
    return _inner(TYPES.get(key)) is bool


def _most_words(key: str) -> int:
    if _is_list(key):
        return 10**6
    return len(get_args(TYPES[key])) if get_origin(TYPES[key]) is tuple else 1


def _dashes(key: str) -> str:
    return key.replace("_", "-")


def _near(name: str, known: Iterable[str]) -> str:
    """` (did you mean X?)` for the nearest known name, or nothing."""
    found = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f" (did you mean {found[0]}?)" if found else ""
