"""Reading the fields of a rule or an instruction: its function's own signature says which there are, and of what type.

    bind(words_rule, {"min": 50}, "words")            # {"min": 50}

A missing field, one that the function does not have, and a value of another type are the environment's fault and raise
WrongAnswer, with the nearest name. Nothing is filled in that the function has no default for.
"""

import inspect
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from functools import cache
from types import UnionType
from typing import Any, Literal, get_args, get_origin

from verigym.verifiers.answers import WrongAnswer


def bind(function: Callable[..., str], given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The fields for `function`, checked. A field that is None counts as not given. Raises WrongAnswer."""
    known = _fields(function)
    bound: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        if name not in known:
            raise WrongAnswer(f"{where} has no field {name!r}; {near(name, known, 'its fields are')}")
        if isinstance(value, float) and value.is_integer() and fits(int(value), known[name].annotation):
            value = int(value)  # noqa: PLW2901 - tables with gaps hold whole numbers as floats
        if not fits(value, known[name].annotation):
            raise WrongAnswer(f"{where}: {name}={value!r:.60} must be {_said(known[name].annotation)}")
        bound[name] = value
    for name, parameter in known.items():
        if parameter.default is parameter.empty and name not in bound:
            raise WrongAnswer(f"{where} needs the field {name!r}")
    return bound


def near(wrong: object, known: Collection[str], otherwise: str) -> str:
    """'did you mean ...', or the list of what there is."""
    close = get_close_matches(str(wrong), known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"{otherwise} {', '.join(known) or 'none'}"


@cache
def _fields(function: Callable[..., str]) -> dict[str, inspect.Parameter]:
    return dict(list(inspect.signature(function).parameters.items())[1:])


def fits(value: Any, kind: Any) -> bool:
    """Whether `value` is of an annotated type: int, str, bool, list[...], dict, Literal[...], or one or another."""
    if kind is Any:
        return True
    if isinstance(kind, UnionType):
        return any(fits(value, one) for one in get_args(kind))
    if get_origin(kind) is Literal:
        return value in get_args(kind) and isinstance(value, str)
    if get_origin(kind) is list:
        return isinstance(value, list) and bool(value) and all(fits(one, get_args(kind)[0]) for one in value)
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, get_origin(kind) or kind)


def _said(kind: Any) -> str:
    if isinstance(kind, UnionType):
        return " or ".join(_said(one) for one in get_args(kind) if one is not type(None))
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(repr, get_args(kind)))
    if get_origin(kind) is list:
        return f"a list, not empty, each {_said(get_args(kind)[0])}"
    names = {int: "a whole number", str: "text", bool: "true or false", dict: "an object"}
    return names.get(get_origin(kind) or kind, str(kind))
