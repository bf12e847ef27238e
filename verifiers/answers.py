"""Reading a problem's `answer`: when it has the wrong form, that is the environment's fault and is said so, by field.

    field({"target": 11}, "target", int, "expression")      # 11

Every check raises `WrongAnswer`, a ValueError: `verify` lets it through, `verify_many` makes it a `Verdict.error`.
"""

from typing import Any, TypeVar

Value = TypeVar("Value")


class WrongAnswer(ValueError):
    """The `answer` given to a verifier is not of the form that it documents."""


def field(answer: Any, name: str, kind: type[Value], verifier: str) -> Value:
    """`answer[name]`, which must be a `kind`. Raises WrongAnswer that names the field."""
    if not isinstance(answer, dict):
        raise WrongAnswer(f"{verifier}: answer must be a dict with {name!r}, got {type(answer).__name__}")
    if name not in answer:
        raise WrongAnswer(f"{verifier}: answer has no field {name!r}; it has {', '.join(map(repr, answer)) or 'none'}")
    value = answer[name]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise WrongAnswer(f"{verifier}: answer[{name!r}] must be {_an(kind)}, got {type(value).__name__}")
    return value


def text_answer(answer: Any, verifier: str) -> str:
    """`answer` as text: a str, or an int or float written out. Raises WrongAnswer."""
    if isinstance(answer, str):
        return answer
    if isinstance(answer, int | float) and not isinstance(answer, bool):
        return repr(answer)
    raise WrongAnswer(f"{verifier}: answer must be a text or a number, got {type(answer).__name__}")


def accepted(answer: Any, verifier: str) -> list[str]:
    """The accepted answers: one text or number, or a list of them. Raises WrongAnswer."""
    if isinstance(answer, list | tuple):
        if not answer:
            raise WrongAnswer(f"{verifier}: answer is an empty list; give at least one accepted answer")
        return [text_answer(one, verifier) for one in answer]
    return [text_answer(answer, verifier)]


def _an(kind: type) -> str:
    return f"an {kind.__name__}" if kind.__name__[0] in "aeiou" else f"a {kind.__name__}"
