"""JSON schemas of Draft 2020-12; nothing is fetched."""

import pytest

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.format.schema import check_schema, schema_fault

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 1}, "age": {"$ref": "#/$defs/age"}},
    "required": ["name"],
    "additionalProperties": False,
    "$defs": {"age": {"type": "integer", "minimum": 0}},
}


@pytest.mark.parametrize(
    ("value", "schema", "fault"),
    [
        ({"name": "Ada", "age": 3}, PERSON, ""),
        ({"name": "Ada"}, PERSON, ""),
        ({"age": 3}, PERSON, "'name' is a required property"),
        ({"name": "", "age": 3}, PERSON, "name: "),
        ({"name": "Ada", "age": -1}, PERSON, "age: -1 is less than the minimum of 0"),
        ({"name": "Ada", "age": True}, PERSON, "age: True is not of type 'integer'"),
        ({"name": "Ada", "town": 1}, PERSON, "Additional properties are not allowed"),
        ([1, "a"], {"prefixItems": [{"type": "integer"}, {"const": "b"}]}, "1: 'b' was expected"),
        ([1, 2, 2], {"uniqueItems": True}, "[1, 2, 2] has non-unique elements"),
        (3.0, {"type": "integer"}, ""),
        (True, {"const": 1}, "1 was expected"),
        ("x", True, ""),
        ("x", False, "False schema does not allow 'x'"),
        ("not a date", {"format": "date"}, ""),
    ],
)
def test_values(value: object, schema: object, fault: str) -> None:
    check_schema(schema)
    found = schema_fault(value, schema)
    assert found.startswith(fault) and bool(found) == bool(fault), found


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (
            {"$ref": "https://example.com/schema.json"},
            "the schema refers to 'https://example.com/schema.json'; nothing",
        ),
        ({"items": [{"properties": {"a": {"$ref": "file:///etc/passwd"}}}]}, "refers to 'file:///etc/passwd'"),
        ({"$dynamicRef": "other#x"}, "refers to 'other#x'"),
        ({"type": "objekt"}, "no JSON schema, at type: 'objekt' is not valid under any of the given schemas"),
        ({"properties": {"a": {"minimum": "3"}}}, "no JSON schema, at properties/a/minimum"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "Draft 2020-12 is what is checked"),
        ({"const": {1, 2}}, "the schema is no plain JSON data"),
    ],
)
def test_what_is_no_schema(schema: object, message: str) -> None:
    with pytest.raises(WrongAnswer, match=message):
        check_schema(schema)


def test_data_in_a_schema_is_no_reference() -> None:
    schema = {"const": {"$ref": "https://example.com"}}
    check_schema(schema)
    assert schema_fault({"$ref": "https://example.com"}, schema) == ""
