"""`make`: an environment from its name, whatever kind of name it is.

make("countdown", split="train", style="terse")       # built-in
make("my_env.py")                                     # a file with problem(rng, level) and verify(problem, reply)
make("package.module:Name")                           # a module with those functions, an Env, or what returns one
make("name-in-an-entry-point")                        # of the group verigym.envs, whose value is as above
make("rows.jsonl", verifier="number", prompt="question")
make("python-tool", task="countdown", style="terse")  # around any of these
make("reasoning-gym/gcd", level=2)                    # a generator of another suite, wrapped
"""

import importlib
import importlib.util
import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from verigym.envs import own
from verigym.envs.adapters.reasoning_gym import table as reasoning_gym
from verigym.envs.env import Env, EnvError

GROUP = "verigym.envs"
"""Entry-point group that other packages declare their environments in: `name = "package.module:Name"`."""
ROWS = (".jsonl", ".jsonl.gz", ".parquet")
AROUND: Mapping[str, str] = {
    "python-tool": "verigym.envs.python_tool:build",
    "code-feedback": "verigym.envs.code_feedback:build",
}
"""Environments around another one, which their option `task` names: id to a function that is given `make` itself"""


def make(
    id: str | os.PathLike[str], split: str | None = None, *, level: int | str | None = None, **options: Any
) -> Env:
    """The environment that `id` names. split: "train" where there is one. level: what `reset` draws from by default.

    Raises EnvError: an unknown name (with the nearest), a file that is missing, broken or incomplete, an option it
    does not have, rows that cannot be used, gold answers that their own verifier rejects.
    """
    from verigym.envs import builtin

    name = os.fspath(id)
    if name in builtin.TABLE:
        chosen = _level(level, builtin.TABLE[name].rows)
        return builtin.build(name, split=split, level=chosen, options=options)
    if name in AROUND:
        module, _, function = AROUND[name].partition(":")
        build = getattr(importlib.import_module(module), function)
        made: Env = build(make, split=split, level=level, options=options)
        return made
    if name.startswith(reasoning_gym.PREFIX):
        from verigym.envs.adapters.reasoning_gym.build import build as wrap

        return wrap(name, split=split, level=level, options=options)
    points = _entry_points()
    place = points.get(name, name)
    if place.endswith(ROWS):
        return builtin.build("rows", split=split, level=_level(level, True), options={**options, "path": place})
    if name in points or place.partition(":")[0].endswith(".py") or ":" in place or _importable(place):
        return own.load(place, split=split, level=_level(level), options=options)
    known = env_ids()
    close = get_close_matches(name, known, n=1)
    raise EnvError(
        f"no environment {name!r}; "
        + (f"did you mean {close[0]!r}? " if close else f"the built-in ones are {_listed(known)}. ")
        + "Besides a built-in id, an environment is my_env.py, package.module:Name, an entry point of the group "
        "verigym.envs, or a file of rows (.jsonl, .jsonl.gz, .parquet); rows of a Hub id are `rows` with path=ID"
    )


def env_ids() -> list[str]:
    """The built-in ids, those that installed packages add, and the wrapped generators where their package is
    installed, in order. Importing what they name is left to `make`."""
    from verigym.envs import builtin

    ours = [*builtin.TABLE, *AROUND]
    added = [name for name in sorted(_entry_points()) if name not in ours]
    return [*ours, *added, *reasoning_gym.names()]


def _listed(names: Sequence[str]) -> str:
    """Names in a sentence, those of a wrapped suite counted."""
    short = [name for name in names if not name.startswith(reasoning_gym.PREFIX)]
    rest = len(names) - len(short)
    return ", ".join(short) + (f" and {rest} of {reasoning_gym.PREFIX}NAME" if rest else "")


def _entry_points() -> Mapping[str, str]:
    """Name to value. Two packages may claim one name: the first one found keeps it, as with imports."""
    from importlib import metadata

    found: dict[str, str] = {}
    for point in metadata.entry_points(group=GROUP):
        found.setdefault(point.name, point.value)
    return found


def _importable(name: str) -> bool:
    """Whether a dotted name is a module. A plain word is not tried: it is a mistyped id far more often than a
    module."""
    if "." not in name or not all(part.isidentifier() for part in name.split(".")):
        return False
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _level(level: int | str | None, may_be_field: bool = False) -> Any:
    """A level as a number, from the command line too; of rows, text that is no number is the name of a field."""
    if level is None or isinstance(level, int) or (may_be_field and not level.isdigit()):
        return level
    if not level.isdigit():
        raise EnvError(f"level={level!r} is not a whole number")
    return int(level)
