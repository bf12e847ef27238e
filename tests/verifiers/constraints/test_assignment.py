"""Assignments by rules: each rule kept and broken, and against a search over all assignments."""

from itertools import product
from typing import Any

import pytest

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.constraints.assignment import assignment, spoken
from verigym.verifiers.verdict import Status


def ruled(*rules: list[Any]) -> dict[str, Any]:
    return {"names": ["Ann", "Bob", "cat"], "values": ["1", "2", "3"], "rules": list(rules)}


def test_every_rule_by_trying_all_assignments() -> None:
    wanted = {
        "all-different": (["all-different"], lambda a, b, c: len({a, b, c}) == 3),
        "some different": (["all-different", "Ann", "cat"], lambda a, b, c: a != c),
        "equals": (["equals", "Ann", "2"], lambda a, b, c: a == 2),
        "not-equals": (["not-equals", "Ann", "2"], lambda a, b, c: a != 2),
        "same": (["same", "Ann", "cat"], lambda a, b, c: a == c),
        "different": (["different", "Ann", "cat"], lambda a, b, c: a != c),
        "less": (["less", "Ann", "Bob"], lambda a, b, c: a < b),
        "next": (["next", "Ann", "Bob"], lambda a, b, c: b == a + 1),
        "adjacent": (["adjacent", "Ann", "Bob"], lambda a, b, c: abs(a - b) == 1),
        "either": (["either", ["equals", "Ann", "1"], ["equals", "Bob", "1"]], lambda a, b, c: a == 1 or b == 1),
        "not": (["not", ["less", "Ann", "Bob"]], lambda a, b, c: a >= b),
        "if": (["if", ["equals", "Ann", "1"], ["equals", "Bob", "2"]], lambda a, b, c: a != 1 or b == 2),
    }
    for rule, holds in wanted.values():
        for places in product((1, 2, 3), repeat=3):
            reply = "<answer>Ann: {}, Bob: {}, cat: {}</answer>".format(*places)
            assert assignment(reply, ruled(rule)).correct is holds(*places), (rule, places)


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        ("Ann: 1, Bob: 2, cat: 1", Status.OK, "all 2 rules are kept"),
        ("the cat is 1", Status.OK, "'the cat' is not one of the names"),
        ("cat is 1, bob is 2, ann is 1.", Status.OK, "all 2 rules are kept"),
        ("Ann: 2, Bob: 1, cat: 1", Status.OK, "a rule is broken: the value of Ann must come before that of Bob"),
        ("Ann: 1, Bob: 2, cat: 3", Status.OK, "a rule is broken: Ann and cat must have the same value"),
        ("Ann: 1, Bob: 4, cat: 1", Status.OK, "'4' is not a value; the values are 1, 2, 3"),
        ("Ann: 1, Bob: 2 or 3, cat: 1", Status.OK, "'2 or 3' is not a value; the values are 1, 2, 3"),
        ("Ann: 1, Bob: 2", Status.OK, "nothing is said of cat"),
        ("Ann: 1, Bob: 2, cat: 1, dog: 2", Status.OK, "'dog' is not one of the names"),
        ("Ann: 1, Bob: 2, cat: 1, Ann: 1", Status.MALFORMED, "'ann' is given twice"),
    ],
)
def test_reasons(text: str, status: Status, reason: str) -> None:
    verdict = assignment(f"<answer>{text}</answer>", ruled(["less", "Ann", "Bob"], ["same", "Ann", "cat"]))
    assert (verdict.status, verdict.reason) == (status, reason)
    assert verdict.correct is reason.startswith("all")


def test_rules_in_words() -> None:
    assert spoken(["all-different"]) == "all names must have different values"
    assert spoken(["not-equals", "Ann", "2"]) == "Ann must not be 2"
    assert spoken(["if", ["equals", "Ann", "1"], ["not", ["adjacent", "Ann", "Bob"]]]) == (
        "if Ann must be 1, then it must not be that the values of Ann and Bob must be neighbours"
    )
    assert spoken(["either", ["next", "Ann", "Bob"], ["equals", "Bob", "1"]]) == (
        "the value of Ann must come just before that of Bob or Bob must be 1"
    )


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (ruled(["before", "Ann", "Bob"]), r"\['before', 'Ann', 'Bob'\]\" is not a rule; the kinds are all-different"),
        (ruled(["less", "Ann", "Eve"]), "speaks of other names or values"),
        (ruled(["less", "Ann"]), "speaks of other names or values"),
        (ruled(["equals", "Ann", "4"]), "speaks of other names or values"),
        (ruled(["not", ["same", "Ann", "Bob"], ["same", "Ann", "Bob"]]), "the rule 'not' of 2 rules"),
        (ruled(["either", ["same", "Ann", "Bob"]]), "the rule 'either' of 1 rules"),
        ({"names": ["Ann"], "rules": []}, "assignment: answer has no field 'values'"),
        ({"names": ["Ann", "ann"], "values": ["1"], "rules": []}, r"answer\['names'\] holds a text twice"),
        ({"names": ["Ann"], "values": [1], "rules": []}, r"answer\['values'\] must be a list of texts"),
    ],
)
def test_a_wrong_answer_is_the_environments_fault(answer: object, message: str) -> None:
    with pytest.raises(WrongAnswer, match=message):
        assignment("<answer>Ann: 1</answer>", answer)


def test_rules_nested_too_deep_are_refused() -> None:
    rule: list[Any] = ["equals", "Ann", "1"]
    for _ in range(20):
        rule = ["not", rule]
    with pytest.raises(WrongAnswer, match="is not a rule"):
        assignment("<answer>Ann: 1, Bob: 1, cat: 1</answer>", ruled(rule))
