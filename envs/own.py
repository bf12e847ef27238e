"""Environments from someone's own file or module: found, loaded, checked and made into an `Env`.

A file or module holds

    problem(rng, level)       a Problem, or (prompt, answer); needed. Its further arguments are the options
    verify(problem, reply)    a Verdict, a bool or a number; needed unless there is `play`
    play(problem)             generator of an environment of several turns
    oracle(problem)           a reply that is right
    LEVELS                    range, list, or dict of level to Level or description; {1: ...} by default
    MAX_TURNS, DEADLINE_S     replies of one episode (16), wall seconds for one verdict or one turn (10)
    OPEN_ENDED, REWARD_RANGE  why any of many texts is right (""), lowest and highest reward ((0, 1)), for `check`

`verify` runs in worker processes, so what hangs, dies or raises there costs its own sample. `problem` and `play` run
here: what they raise costs its own sample too, a turn of `play` has a deadline, but a `problem` that hangs is not
covered. Answers travel to the workers, so they must pickle. The split of a problem is decided by its key and the name
of the file.

    load("my_env.py")        # Env
"""

import importlib
import importlib.util
import inspect
import pickle
import random
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from verigym.envs.env import FAILED, Env, EnvError, as_type, near
from verigym.envs.grading import Pooled
from verigym.envs.play import as_messages, failure_of
from verigym.tasks.problem import Message, Problem
from verigym.tasks.supply import Generated, Level

UNDECLARED_SPACE = 10**9
"""taken as the size of a level's space where the file does not say; a split without problems is still noticed when it
is drawn from"""
DEADLINE_S = 10.0


def load(
    place: str, *, split: str | None = None, level: int | None = None, options: Mapping[str, Any] | None = None
) -> Env:
    """The environment at `path/to/file.py`, `package.module` or `package.module:Name`.

    `Name` is an Env, a function that returns one (it is given the options), or an object with the functions above.
    Raises EnvError that says what is missing or wrong, with the line where there is one.
    """
    options = dict(options or {})
    found = _load_file(place) if place.partition(":")[0].endswith(".py") else _load_name(place)
    if isinstance(found, Env):
        if options:
            raise EnvError(f"{place} is a finished Env and takes no options, got {', '.join(options)}")
        return found.at(split=split, level=level)
    if callable(found) and not hasattr(found, "problem"):
        made = _call(place, found, options)
        if not isinstance(made, Env):
            raise EnvError(f"{place} returned {type(made).__name__}; it must return a verigym.envs.Env")
        return made.at(split=split, level=level)
    return _env_of(place, found, split, level, options)


def _load_file(place: str) -> Any:
    path_text, _, name = place.partition(":")
    path = Path(path_text)
    if not path.is_file():
        beside = [other.name for other in path.parent.glob("*.py")] if path.parent.is_dir() else []
        raise EnvError(
            f"no file {path_text!r}" + (f"; {near(path.name, beside)}" if beside else " and no other .py beside it")
        )
    module_name = f"verigym_file_{path.stem}"  # what a worker calls it too, so that classes of the file pickle
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None and spec.loader is not None
    loader = spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # before it runs: dataclasses look their module up there
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)  # last: what lies beside the file can be imported, and shadows nothing
    _run(place, lambda: loader.exec_module(module))
    return _attribute(module, name, place) if name else module


def _load_name(place: str) -> Any:
    module_name, _, name = place.partition(":")
    try:
        module = _run(place, lambda: importlib.import_module(module_name))
    except ModuleNotFoundError as failure:
        raise EnvError(
            f"cannot import {module_name!r} for the environment {place!r}: {failure}. Install it, or run where "
            "it can be imported"
        ) from failure
    return _attribute(module, name, place) if name else module


def _run(place: str, action: Callable[[], Any]) -> Any:
    """What `action` returns. Someone else's module may raise anything while it is imported; that becomes EnvError with
    its line."""
    try:
        return action()
    except SyntaxError as failure:
        raise EnvError(f"{place} does not parse: {failure.msg} ({failure.filename}:{failure.lineno})") from failure
    except (Exception, SystemExit) as failure:
        if isinstance(failure, ModuleNotFoundError) and f"{place.partition(':')[0]}.".startswith(f"{failure.name}."):
            raise  # the module itself is missing, or a package that it lies in
        raise EnvError(
            f"{place} fails when it is loaded: {type(failure).__name__}: {failure} ({_line(failure)})"
        ) from failure


def _line(failure: BaseException) -> str:
    frames = traceback.extract_tb(failure.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "no line"


def _attribute(module: ModuleType, name: str, place: str) -> Any:
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            raise EnvError(
                f"{place}: there is no {part!r} in {getattr(found, '__name__', found)}; {near(part, _public(found))}"
            )
        found = getattr(found, part)
    return found


def _public(thing: Any) -> list[str]:
    return [name for name in vars(thing) if not name.startswith("_")] if hasattr(thing, "__dict__") else []


def _call(place: str, function: Callable[..., Any], options: Mapping[str, Any]) -> Any:
    try:
        inspect.signature(function).bind(**options)
    except TypeError as failure:
        raise EnvError(f"{place} cannot be called with the options {dict(options)}: {failure}") from failure
    return _run(place, lambda: function(**options))


def _env_of(place: str, holder: Any, split: str | None, level: int | None, options: Mapping[str, Any]) -> Env:
    functions: dict[str, Any] = {name: getattr(holder, name, None) for name in ("problem", "verify", "play", "oracle")}
    missing = [
        name
        for name, needed in (("problem", True), ("verify", functions["play"] is None))
        if needed and functions[name] is None
    ]
    if missing:
        close = [f"{name}: {near(name, _public(holder))}" for name in missing]
        raise EnvError(
            f"{place} has no {' and no '.join(f'`{name}`' for name in missing)} ({'; '.join(close)}). An environment "
            "is `problem(rng, level)` with `verify(problem, reply)`, or with `play(problem)`"
        )
    for name, arguments in (("problem", 2), ("verify", 2), ("play", 1), ("oracle", 1)):
        if functions[name] is not None:
            _check_signature(place, name, functions[name], arguments)
    play = functions["play"]
    if play is not None and not inspect.isgeneratorfunction(play):
        raise EnvError(f"{place}: `play` must be a generator function: yield what the model sees, receive what it says")
    identity = Path(place).stem if place.endswith(".py") else Path(place).name
    options = _checked_options(place, functions["problem"], options)
    levels = _levels(place, getattr(holder, "LEVELS", {1: ""}))
    deadline_s = _number(place, holder, "DEADLINE_S", DEADLINE_S)
    task = Generated(
        identity,
        _guarded(functions["problem"], options),
        levels,
        _oracle(functions["oracle"]) if functions["oracle"] is not None else None,
    )
    _probe(place, functions["problem"], levels, options)
    where, _, name = place.partition(":")
    target = f"{Path(where).resolve() if where.endswith('.py') else where}:{name + '.' if name else ''}verify"
    return Env(
        task,
        Pooled(target, deadline_s=deadline_s) if functions["verify"] is not None else None,
        play=play,
        split=split or "train",
        level=level,
        max_turns=int(_number(place, holder, "MAX_TURNS", 16)) if play is not None else None,
        deadline_s=deadline_s,
        description=(inspect.getdoc(holder) or "").partition("\n")[0] if isinstance(holder, ModuleType) else "",
        open_ended=_open_ended(place, holder),
        reward_range=_reward_range(place, holder),
    )


def _check_signature(place: str, name: str, function: Any, count: int) -> None:
    if not callable(function):
        raise EnvError(f"{place}: `{name}` is a {type(function).__name__}, not a function")
    try:
        signature = inspect.signature(function)
    except ValueError:  # a function written in C may not tell; it is taken at its word
        return
    try:
        signature.bind(*range(count))
    except TypeError as failure:
        wanted = {"problem": "problem(rng, level)", "verify": "verify(problem, reply)"}.get(name, f"{name}(problem)")
        raise EnvError(f"{place}: `{name}{signature}` must be callable as {wanted}: {failure}") from None


def _number(place: str, holder: Any, name: str, default: float) -> float:
    value = getattr(holder, name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise EnvError(f"{place}: {name} = {value!r}; set it to a number above 0")
    return value


def _open_ended(place: str, holder: Any) -> str:
    reason = getattr(holder, "OPEN_ENDED", "")
    if not isinstance(reason, str):
        raise EnvError(f"{place}: OPEN_ENDED = {reason!r}; write the reason as text, such as 'any haiku is right'")
    return reason


def _reward_range(place: str, holder: Any) -> tuple[float, float]:
    value = getattr(holder, "REWARD_RANGE", (0.0, 1.0))
    numbers = list(value) if _many(value) else []
    if len(numbers) != 2 or any(isinstance(end, bool) or not isinstance(end, int | float) for end in numbers):
        raise EnvError(f"{place}: REWARD_RANGE = {value!r}; write the lowest and the highest reward, as (-1, 1)")
    if not numbers[0] < numbers[1]:
        raise EnvError(f"{place}: REWARD_RANGE = {value!r}; the lowest reward comes first")
    return float(numbers[0]), float(numbers[1])


def _levels(place: str, declared: Any) -> dict[int, Level]:
    """LEVELS in any of its forms, as levels."""
    pairs = (
        declared.items()
        if isinstance(declared, Mapping)
        else ((level, "") for level in declared)
        if _many(declared)
        else ()
    )
    levels: dict[int, Level] = {}
    for number, level in pairs:
        if isinstance(number, bool) or not isinstance(number, int) or not isinstance(level, str | Level):
            raise EnvError(
                f"{place}: LEVELS holds {number!r}: {level!r}; a level is an int with a description or a Level"
            )
        levels[number] = level if isinstance(level, Level) else Level(level, space=UNDECLARED_SPACE, chance=0.0)
    if not levels:
        raise EnvError(f"{place}: LEVELS = {declared!r}; write range(1, 4), or {{1: 'easy', 2: 'hard'}}")
    return levels


def _many(value: Any) -> bool:
    return isinstance(value, range | list | tuple | set | frozenset)


def _checked_options(place: str, function: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options, as the types of their defaults. Raises EnvError for one that `problem` does not take."""
    parameters = list(inspect.signature(function).parameters.values())[2:]
    known = {p.name: p.default for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    for name in options:
        if name not in known and not takes_any:
            raise EnvError(f"{place}: `problem` has no option {name!r}; {near(name, known)}")
    return {name: as_type(name, value, known.get(name)) for name, value in options.items()}


def _as_problem(made: Any) -> Problem:
    """What `problem` returned, as a Problem. Raises EnvError that says what was wrong."""
    if isinstance(made, Problem):
        problem = made
    elif isinstance(made, tuple) and len(made) == 2:
        prompt, answer = made
        problem = Problem(prompt=prompt if isinstance(prompt, str) else _messages(prompt), answer=answer)
    else:
        raise EnvError(
            f"`problem` must return a Problem or (prompt, answer), not {type(made).__name__}: {str(made)[:80]!r}"
        )
    if not any(message["content"].strip() for message in _messages(problem.prompt)):
        raise EnvError("`problem` returned an empty prompt")
    return problem


def _messages(prompt: Any) -> list[Message]:
    try:
        return as_messages(prompt)
    except TypeError as failure:
        raise EnvError(f"the prompt that `problem` returned: {failure}") from None


def _guarded(function: Callable[..., Any], options: Mapping[str, Any]) -> Callable[[random.Random, int], Problem]:
    """`function`, whose failures become problems that say so: each costs its own sample and is counted among the
    errors."""

    def make(rng: random.Random, level: int) -> Problem:
        try:
            return _as_problem(function(rng, level, **options))
        except (Exception, SystemExit) as failure:
            reason = failure_of("problem", failure).reason
            mark = f"failed {rng.getrandbits(64)}"  # of its own, so that it falls into every split alike
            return Problem(prompt=f"(no problem: {reason})", answer=None, key=mark, meta={FAILED: reason})

    return make


def _oracle(function: Callable[[Problem], Any]) -> Callable[[Problem], Any]:
    return lambda problem: None if FAILED in problem.meta else function(problem)


def _probe(place: str, function: Callable[..., Any], levels: Mapping[int, Level], options: Mapping[str, Any]) -> None:
    """One draw of every level, so that a mistake shows before a run starts. Raises EnvError."""
    for level in levels:
        rng = random.Random(f"{Path(place.partition(':')[0]).stem} {level}")  # the same wherever the file lies
        try:
            problem = _as_problem(function(rng, level, **options))
        except EnvError as failure:
            raise EnvError(f"{place}, level {level}: {failure}") from failure
        except (Exception, SystemExit) as failure:
            raise EnvError(
                f"{place}, level {level}: `problem` raised {type(failure).__name__}: {failure} ({_line(failure)})"
            ) from failure
        try:
            pickle.dumps(problem)
        except Exception as failure:  # pickling runs the answer's own code
            raise EnvError(
                f"{place}, level {level}: the problem cannot travel to a worker process: {type(failure).__name__}: "
                f"{failure}; make `answer` and `meta` plain data"
            ) from failure
