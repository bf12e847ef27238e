"""Read a short text and write what it says as a JSON object with the fields that are asked for.

answer       {"rules": [{"kind": "json_schema", "name": "shape", "schema": ...}, {"kind": "json_schema", "name": "age",
             "schema": ...}, ...]}: the shape, then one rule for each value (verifier `format`)
in the tags  {"name": "Ada", "age": 34}; a block of ```json around it is allowed
meta         {"record": {"name": "Ada", "age": 34}}: the object itself

Every value is right or wrong by itself, so that `credit="share"` has something to share. The facts come in any order,
and from level 3 on some of them are not asked for. The key is the record.

    problem(random.Random(0), 1, style="terse").prompt
"""

import json
import random
from collections.abc import Mapping
from math import perm
from typing import Any

from verigym.tasks.format.prose import CITIES, JOBS, LANGUAGES, NAMES
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

AGES = range(18, 90)
SAID = {
    "age": "{name} is {value} years old.",
    "city": "{name} lives in {value}.",
    "job": "{name} works as a {value}.",
    "languages": "{name} speaks {value}.",
    "married": "{name} is {value}.",
    "pets": "{name} has {value} pets.",
}
FIELDS = {1: ("age", "city"), 2: ("age", "city", "job"), 3: ("age", "city", "languages", "married")}
"""Level to what is asked for beside the name; level 4 asks for a list of people with a name, age and city each"""
PEOPLE = (2, 3)

Fact = tuple[str, str, Any]
"""A person's name, a field and its value"""

LEVELS = {
    1: Level(
        "3 fields",
        space=len(NAMES) * len(AGES) * len(CITIES),
        chance=1 / (len(NAMES) * len(AGES) * len(CITIES)),
    ),
    2: Level(
        "4 fields",
        space=len(NAMES) * len(AGES) * len(CITIES) * len(JOBS),
        chance=1 / (len(NAMES) * len(AGES) * len(CITIES) * len(JOBS)),
    ),
    3: Level(
        "5 fields, a list and a truth value among them, and facts that are not asked for",
        space=len(NAMES) * len(AGES) * len(CITIES) * perm(len(LANGUAGES), 2) * 2,
        chance=1 / (len(NAMES) * len(AGES) * len(CITIES) * perm(len(LANGUAGES), 2) * 2),
    ),
    4: Level(
        "a list of 2 or 3 people, oldest first",
        space=perm(len(NAMES), 2) * perm(len(AGES), 2) // 2 * len(CITIES) ** 2,
        chance=1 / (perm(len(NAMES), 2) * perm(len(AGES), 2) // 2 * len(CITIES) ** 2),
    ),
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """Names, values and the order of the facts evenly drawn."""
    if level == 4:
        return _people(rng, style)
    name, asked = rng.choice(NAMES), FIELDS[level]
    values = {field: _value(rng, field) for field in (SAID if level == 3 else asked)}
    record = {"name": name, **{field: values[field] for field in asked}}
    facts = [(name, field, value) for field, value in values.items()]
    rng.shuffle(facts)
    words = (
        f"{_told(facts)}\n\nWrite this as a JSON object with exactly these fields: {_listed(record)}. "
        f"Numbers are numbers{', lists keep the order of the text, `married` is true or false' * (level == 3)}."
    )
    return _asked(
        style,
        words,
        facts=facts,
        fields=list(record),
        record=record,
        rules=[_exactly(field, record[field]) for field in record],
    )


def _people(rng: random.Random, style: str) -> Problem:
    names = rng.sample(NAMES, rng.choice(PEOPLE))
    ages = rng.sample(AGES, len(names))
    people: list[dict[str, Any]] = [
        {"name": name, "age": age, "city": rng.choice(CITIES)} for name, age in zip(names, ages, strict=True)
    ]
    facts = [(one["name"], field, one[field]) for one in people for field in ("age", "city")]
    rng.shuffle(facts)
    people.sort(key=lambda one: -one["age"])
    record = {"people": people}
    words = (
        f'{_told(facts)}\n\nWrite this as a JSON object with one field, "people": a list, the oldest first, of '
        'objects with exactly the fields "name", "age" (a number) and "city".'
    )
    rules = [
        {
            "kind": "json_schema",
            "name": f"person {number}",
            "fenced": True,
            "schema": _holding(
                "people", {"minItems": number, "prefixItems": [*[True] * (number - 1), {"const": person}]}
            ),
        }
        for number, person in enumerate(people, 1)
    ]
    return _asked(style, words, facts=facts, fields=["people"], record=record, rules=rules)


def _asked(
    style: str,
    words: str,
    *,
    facts: list[Fact],
    fields: list[str],
    record: Mapping[str, Any],
    rules: list[dict[str, Any]],
) -> Problem:
    terse = ";".join(f"{name}.{field}={_short(value)}" for name, field, value in facts) + "|" + ",".join(fields)
    shape = {"kind": "json_schema", "name": "shape", "fenced": True, "schema": _schema(record)}
    return Problem(
        prompt=ask(style, words, terse, form='<answer>{"field": ...}</answer>'),
        answer={"rules": [shape, *rules]},
        key=f"{json.dumps(record)} of {len(facts)}",
        family=json.dumps(record),
        meta={"record": record},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The record."""
    record = problem.meta["record"]
    return answered(style, json.dumps(record, separators=None if style == "words" else (",", ":")))


def _value(rng: random.Random, field: str) -> Any:
    if field == "languages":
        return rng.sample(LANGUAGES, 2)
    choices: dict[str, Any] = {"age": AGES, "city": CITIES, "job": JOBS, "married": (True, False), "pets": range(2, 10)}
    return rng.choice(choices[field])


def _told(facts: list[Fact]) -> str:
    return " ".join(SAID[field].format(name=name, value=_spoken(field, value)) for name, field, value in facts)


def _spoken(field: str, value: Any) -> str:
    if field == "married":
        return "married" if value else "not married"
    return " and ".join(value) if isinstance(value, list) else str(value)


def _short(value: Any) -> str:
    return "+".join(value) if isinstance(value, list) else str(value)


def _listed(record: Mapping[str, Any]) -> str:
    return ", ".join(f'"{field}"' for field in record)


def _exactly(field: str, value: Any) -> dict[str, Any]:
    return {"kind": "json_schema", "name": field, "fenced": True, "schema": _holding(field, {"const": value})}


def _holding(field: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {field: schema}, "required": [field]}


def _schema(value: Any) -> dict[str, Any]:
    """The shape of a value: its fields and types, not what stands in them."""
    if isinstance(value, Mapping):
        fields = {field: _schema(inner) for field, inner in value.items()}
        return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    if isinstance(value, list):
        return {"type": "array", "items": _schema(value[0]), "minItems": len(value), "maxItems": len(value)}
    return {"type": {bool: "boolean", int: "integer", str: "string"}[type(value)]}


TASK = Generated("json-record", problem, LEVELS, oracle)
