"""Settings that are made of words: bare ones and `key=value`, as in `--lag 4 partial` or `--lora rank=16 alpha=32`.

A concern states its words as a frozen dataclass; a field's name is the word, its type says what it holds (bool: a bare
word), its default is what holds where it is left out.

    read(("rank=16", "alpha=32"), Lora, where="lora")
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeVar, get_type_hints

from verigym.trainer.config import ConfigError

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Band:
    """The bounds of a correction: of `--correction mis-token min=0.5 max=5`."""

    min: float | None = None
    max: float | None = None


@dataclass(frozen=True)
class Overlong:
    """Of `--overlong penalty cache=256`: tokens before the limit over which the penalty grows."""

    cache: int | None = None


def read(words: Sequence[str], kind: type[Kind], *, where: str) -> Kind:
    """The dataclass `kind` that words describe. A field of type tuple[str, ...] may be given more than once. Raises
    ConfigError that names `where` (a key of the settings), the word, and the mend; what the dataclass's own
    `__post_init__` raises as ValueError becomes one too."""
    types = get_type_hints(kind)
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    found: dict[str, object] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if key not in known:
            near = difflib.get_close_matches(key, known, 1, 0.6)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise ConfigError(
                f"{where} holds {word!r}{hint}; its words are {', '.join(_spelled(k, types[k]) for k in known)}"
            )
        many = types[key] == tuple[str, ...]
        if key in found and not many:
            raise ConfigError(f"{where} holds {key} twice; keep one")
        value = _value(text, types[key], bool(equals))
        if value is None:
            raise ConfigError(f"{where} holds {word!r}; write {_spelled(key, types[key])}")
        found[key] = (*found.get(key, ()), value) if many else value  # type: ignore[misc]
    try:
        return kind(**found)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error


def _value(text: str, kind: object, given: bool) -> object | None:
    """The value that a word holds, None where it does not fit."""
    if kind is bool:
        return None if given else True
    if not given or not text:
        return None
    if kind in (int, float, int | None, float | None):
        try:
            return int(text) if kind in (int, int | None) else float(text)
        except ValueError:
            return None
    return text


def _spelled(key: str, kind: object) -> str:
    if kind is bool:
        return key
    form = {int: "N", int | None: "N", float: "X", float | None: "X"}.get(kind, "TEXT")  # type: ignore[call-overload]
    return f"{key}={form}"
