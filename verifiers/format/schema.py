"""JSON against a JSON schema (Draft 2020-12), with the library `jsonschema`.

    check_schema({"type": "object", "required": ["name"]})
    schema_fault({"name": 3}, {"properties": {"name": {"type": "string"}}})     # "name: 3 is not of type 'string'"

Nothing is fetched: a `$ref` must begin with `#`. `format` is an annotation, as the draft has it, and checks nothing. A
pattern of a schema, or a schema that tries many ways, can take forever on some value, so `schema_fault` is run in a
worker process; the schema itself is the environment's and is checked where it is given.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.convert import printable

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_PLAIN_DATA = ("const", "enum", "default", "examples")


def check_schema(schema: Any) -> None:
    """Raises WrongAnswer for what is no schema of Draft 2020-12, or refers to another document."""
    try:
        _checked(json.dumps(schema, sort_keys=True))
    except (TypeError, ValueError, RecursionError) as failure:
        if isinstance(failure, WrongAnswer):
            raise
        raise WrongAnswer(f"the schema is no plain JSON data: {failure}") from None


@lru_cache(maxsize=1024)
def _checked(written: str) -> None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    schema = json.loads(written)
    for reference in _references(schema):
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise WrongAnswer(
                f"the schema refers to {reference!r:.80}; nothing is fetched: put it under $defs and write #/$defs/NAME"
            )
    named = schema.get("$schema", "") if isinstance(schema, dict) else ""
    if named and "2020-12" not in str(named):
        raise WrongAnswer(f"the schema names {named!r:.80}; Draft 2020-12 is what is checked")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as failure:
        place = "/".join(map(str, failure.absolute_path)) or "its root"
        raise WrongAnswer(f"no JSON schema, at {place}: {printable(failure.message, 200)}") from None


def _references(schema: Any) -> Iterator[Any]:
    if isinstance(schema, dict):
        for name, value in schema.items():
            if name in _REFERENCES:
                yield value
            elif name not in _PLAIN_DATA:
                yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def schema_fault(value: Any, schema: Any) -> str:
    """What of `value` the schema forbids, with its place, or an empty text."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match
    from referencing import Registry

    worst = best_match(Draft202012Validator(schema, registry=Registry()).iter_errors(value))
    if worst is None:
        return ""
    place = ".".join(map(str, worst.absolute_path))
    return f"{printable(place)}: {printable(worst.message, 160)}" if place else printable(worst.message, 160)
