"""`reasoning-gym/NAME` as an environment.

    build("reasoning-gym/countdown", split="test", level=2, options={"max_numbers": 3})       # Env

| option        | default | meaning                                                                       |
|---------------|---------|-------------------------------------------------------------------------------|
| style         | words   | `terse`: the question alone, without the request for answer tags              |
| partial       | false   | give the partial credit of their scorer, as a reward that is not correct      |
| accept_faults | false   | make a generator whose fault we cannot mend (`rules.FAULTY`)                  |
| anything else |         | a field of the generator's configuration, in place of the level's value       |
"""

from collections.abc import Mapping
from typing import Any

from verigym.envs.adapters.reasoning_gym import calls
from verigym.envs.adapters.reasoning_gym.grader import Scorer
from verigym.envs.adapters.reasoning_gym.rules import FAULTY, NOTES
from verigym.envs.adapters.reasoning_gym.table import MISSING, PREFIX, installed, row, rows
from verigym.envs.adapters.reasoning_gym.task import Drawn
from verigym.envs.env import Env, EnvError, as_type, near
from verigym.tasks.supply import Level
from verigym.tasks.wording import check_style

OWN: Mapping[str, Any] = {"style": "words", "partial": False, "accept_faults": False}
UNDECLARED_SPACE = 10**9
"""taken as the size of a space whose configuration was changed; a split without problems is still noticed"""


def build(
    id: str, *, split: str | None = None, level: int | str | None = None, options: Mapping[str, Any] | None = None
) -> Env:
    """The environment. Raises EnvError: no such generator, the package is not installed, a fault that was not accepted,
    an option that it does not have."""
    name = id.removeprefix(PREFIX)
    if name not in rows():
        raise EnvError(f"no environment {id!r}; {near(name, rows())}")
    if not installed():
        raise EnvError(f"{id} {MISSING}")
    given = dict(options or {})
    own = {key: as_type(f"{id}: {key}", given.pop(key, default), default) for key, default in OWN.items()}
    if name in FAULTY and not own["accept_faults"]:
        raise EnvError(f"{id} is faulty: {FAULTY[name]}. Pass accept_faults=True to use it all the same")
    try:
        check_style(own["style"])
    except ValueError as failure:
        raise EnvError(f"{id}: {failure}") from None
    chosen = None if level is None else _number(id, level)
    levels = row(name).levels
    small = row(name).small
    if (chosen in small or not levels) and not given:
        what = ", ".join(f"level {one} can make about {it.space} problems" for one, it in sorted(small.items()))
        known = ", ".join(map(str, sorted(levels))) or "none; set fields of its configuration to make more"
        raise EnvError(f"{id}: {what or 'no level can be drawn'}, too few for a test split. Its levels are {known}")
    if given:
        levels = {**small, **levels} or {1: Level("", 0, 0.0)}
        given = _overrides(id, name, chosen or min(levels), given)
        levels = {number: Level(one.description, UNDECLARED_SPACE, 0.0) for number, one in levels.items()}
    return Env(
        Drawn(name, levels, given, own["style"]),
        Scorer(own["partial"]),
        description=describe(name),
        split=split or "train",
        level=chosen,
    )


def describe(name: str) -> str:
    """One line: what is asked, and what to know about it."""
    known = [row(name).description]
    if name in FAULTY:
        known.append(f"FAULTY: {FAULTY[name]}")
    if name in NOTES:
        known.append(NOTES[name])
    return "; ".join(known)


def _number(id: str, level: int | str) -> int:
    if isinstance(level, int):
        return level
    if not level.isdigit():
        raise EnvError(f"{id}: level={level!r} is not a whole number")
    return int(level)


def _overrides(id: str, name: str, level: int, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as the types of what they replace. Raises EnvError for one that there is not, or a value that the
    package refuses."""
    known = calls.call("fields", name, level)
    read = {}
    for key, value in given.items():
        if key not in known:
            raise EnvError(f"{id} has no option {key!r}; {near(key, [*OWN, *known])}")
        read[key] = as_type(f"{id}: {key}", value, known[key])
    result = calls.run("draw", name, level, read, [], cpu_s=20.0)
    if not result.ok:
        raise EnvError(f"{id} with {', '.join(f'{k}={v!r}' for k, v in read.items())}: {result.detail}")
    return read
