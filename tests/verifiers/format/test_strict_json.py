"""JSON as it must be."""

import pytest

from verigym.verifiers.format.strict_json import MAX_DEPTH, read_json, unfenced


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, -3e2, true, null, "x"]}', {"a": [1, 2.5, -300.0, True, None, "x"]}),
        (" \n[]\t", []),
        ('"a"', "a"),
        ("7", 7),
        (r'"\u00e9\ud83d\ude00 [[["', "é😀 [[["),
        ("[" * MAX_DEPTH + "]" * MAX_DEPTH, None),
        ('"' + r"\"[" * 100 + '"', '"[' * 100),
        ("9" * 1000, int("9" * 1000)),
    ],
)
def test_json(text: str, value: object) -> None:
    read, fault = read_json(text)
    assert fault == ""
    assert value is None or read == value


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "not JSON: Expecting value at line 1, column 1"),
        ("{'a': 1}", "not JSON: Expecting property name enclosed in double quotes at line 1, column 2"),
        ('{"a": 1} and more', "not JSON: Extra data at line 1, column 10"),
        ('{"a": 1}{"a": 1}', "not JSON: Extra data"),
        ('{"a": 1,}', "not JSON: "),
        ("[1, 2", "not JSON: "),
        ('{"a": 1, "a": 2}', "the name 'a' stands twice in one object"),
        ('[{"b": {"a": 1, "a": 1}}]', "the name 'a' stands twice in one object"),
        ("NaN", "NaN is no JSON number"),
        ("[1, -Infinity]", "-Infinity is no JSON number"),
        ("1e999", "the number 1e999 is beyond a float"),
        ("9" * 1001, "a number of 1001 digits; at most 1000 are read"),
        ("0." + "9" * 1001, "the number 0.99"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "nested 65 deep; at most 64 are read"),
        ("[" * 200_000, "nested 200000 deep; at most 64 are read"),
        ('{"a":' * 100_000, "nested 100000 deep; at most 64 are read"),
        (r'["\ud800"]', "the text ' ' holds half a character"),
        ('{"\ud800": 1}', "the text ' ' holds half a character"),
        (r'[[["a", "\udfff"]]]', "the text ' ' holds half a character"),
        ('"\x00"', "not JSON: Invalid control character"),
        ('"' + r"\"" * 100_000, "not JSON: Unterminated string"),
        ("\ufeff{}", "not JSON: "),
        ("\u00a0{}", "not JSON: "),
    ],
)
def test_what_is_no_json(text: str, fault: str) -> None:
    value, found = read_json(text)
    assert value is None
    assert found.replace("'?'", "' '").startswith(fault), found


def test_fences() -> None:
    assert unfenced("```json\n{}\n```") == "{}\n"
    assert unfenced(" ```\n[1]```\n") == "[1]"
    assert unfenced("```JSON {} ```") == "{} "
    for text in ("{}", "so: ```json\n{}\n```", "```json\n{}", "```\n{}\n```\n```\n{}\n```", "``````", "```"):
        assert unfenced(text) == text.strip() or read_json(unfenced(text))[1] != ""
