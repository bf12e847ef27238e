"""Formulas, knapsacks and sums: right by hand, against a search, and what breaks each rule."""

from itertools import combinations, product
from typing import Any

import pytest

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.constraints import knapsack, sat, subset_sum
from verigym.verifiers.verdict import Status

FORMULA = {"names": ["p", "q", "r"], "clauses": [["p", "-q"], ["q", "r"], ["-p", "-r"]]}
BAG = {"items": {"cup": [3, 5], "pen": [1, 2], "red vase": [4, 6]}, "capacity": 5, "least": 8}
SUM = {"numbers": [3, 5, 9, 3], "target": 12}


def tagged(text: str) -> str:
    return f"<answer>{text}</answer>"


def test_formulas_by_trying_all_values() -> None:
    right = 0
    for p, q, r in product((True, False), repeat=3):
        wanted = (p or not q) and (q or r) and (not p or not r)
        right += wanted
        spoken = f"p: {p}, q is {q}; r = {r}"
        digits = "".join("01"[value] for value in (p, q, r))
        for text in (spoken, digits, " ".join(digits), digits.replace("1", "T").replace("0", "F"), ", ".join(digits)):
            assert sat(tagged(text), FORMULA).correct is wanted, text
    assert right == 2


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        ("p: true, q: true, r: false", Status.OK, "all 3 clauses are true"),
        ("p: true, q: false, r: false", Status.OK, "the clause q or r is false"),
        ("p: true, q: true", Status.MALFORMED, "nothing is said of r"),
        ("p: true, q: true, r: maybe", Status.MALFORMED, "'maybe' is neither true nor false"),
        ("p: true, q: true, r: false, s: true", Status.MALFORMED, "'s' is not one of the names"),
        ("p: true, q: true, r: false, r: true", Status.MALFORMED, "'r' is given twice"),
        ("p: true or false, q: true, r: false", Status.MALFORMED, "'true or false' is neither true nor false"),
        ("1100", Status.MALFORMED, "'1100' is not of the form name: value"),
    ],
)
def test_formulas(text: str, status: Status, reason: str) -> None:
    verdict = sat(tagged(text), FORMULA)
    assert (verdict.status, verdict.reason) == (status, reason)


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        ("pen, red vase", Status.OK, "a weight of 5 and a worth of 8"),
        ("Red Vase and pen.", Status.OK, "a weight of 5 and a worth of 8"),
        ("cup, pen", Status.OK, "a worth of 7, and 8 can be had"),
        ("cup, pen, red vase", Status.OK, "a weight of 8, and 5 may be carried"),
        ("pen, red vase, pen", Status.MALFORMED, "'pen' is chosen twice"),
        ("pen, red vase or cup", Status.MALFORMED, "'red vase or cup' is not one of the things"),
        ("jar", Status.MALFORMED, "'jar' is not one of the things"),
        ("[]", Status.OK, "a worth of 0, and 8 can be had"),
    ],
)
def test_knapsacks(text: str, status: Status, reason: str) -> None:
    verdict = knapsack(tagged(text), BAG)
    assert (verdict.status, verdict.reason) == (status, reason)


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        ("3, 9", Status.OK, "3 + 9 is 12"),
        ("9 + 3", Status.OK, "9 + 3 is 12"),
        ("3 9", Status.OK, "3 + 9 is 12"),
        ("{3, 9}", Status.OK, "3 + 9 is 12"),
        ("9 + 3 = 12", Status.OK, "9 + 3 is 12"),
        ("3 and 9", Status.OK, "3 + 9 is 12"),
        ("12", Status.OK, "12 is used 1 times, and stands in the list 0 times"),
        ("3, 5", Status.OK, "the sum is 8, not 12"),
        ("3, 3, 3, 3", Status.OK, "3 is used 4 times, and stands in the list 2 times"),
        ("9 + 3 = 13", Status.MALFORMED, "what stands behind = is not the number 12"),
        ("12 = 9 + 3", Status.MALFORMED, "what stands behind = is not the number 12"),
        ("3, 9 or 3, 9", Status.MALFORMED, "'or' is not a whole number"),
        ("3 * 4", Status.MALFORMED, "'*' is not a whole number"),
        ("9.0, 3", Status.MALFORMED, "'9.0' is not a whole number"),
        ("[]", Status.MALFORMED, "no number is chosen"),
    ],
)
def test_sums(text: str, status: Status, reason: str) -> None:
    verdict = subset_sum(tagged(text), SUM)
    assert (verdict.status, verdict.reason) == (status, reason)


def test_sums_by_trying_all_choices() -> None:
    for size in range(1, 5):
        for chosen in combinations(SUM["numbers"], size):
            reply = tagged(", ".join(map(str, chosen)))
            assert subset_sum(reply, SUM).correct is (sum(chosen) == 12)
            assert subset_sum(reply, {**SUM, "count": 2}).correct is (sum(chosen) == 12 and size == 2)
    assert subset_sum(tagged("3, 5, 3"), {"numbers": [3, 5, 3], "target": 11, "count": 2}).reason == (
        "3 numbers are chosen, not 2"
    )
    assert subset_sum(tagged("-4, 2"), {"numbers": [2, -4, 7], "target": -2}).correct


@pytest.mark.parametrize(
    ("verifier", "answer", "message"),
    [
        (sat, {"names": ["p"]}, "sat: answer has no field 'clauses'"),
        (sat, {"names": ["-p"], "clauses": []}, r"sat: answer\['names'\] must be a list of texts that do not begin"),
        (sat, {"names": ["p", "P"], "clauses": []}, r"sat: answer\['names'\] holds a name twice"),
        (sat, {"names": ["p"], "clauses": [["q"]]}, r"sat: \['q'\] is not a clause"),
        (knapsack, {**BAG, "items": {"cup": 3}}, r"must hold name: \[weight, worth\], got 'cup': 3"),
        (knapsack, {**BAG, "items": {"cup": [3, -1]}}, r"of 'cup' must be whole numbers from 0 up, got \[3, -1\]"),
        (knapsack, {"items": {}, "capacity": 5}, "knapsack: answer has no field 'least'"),
        (subset_sum, {"numbers": ["3"], "target": 3}, "subset-sum: answer.* must be a list of whole numbers"),
        (subset_sum, {"numbers": [3], "target": True}, r"subset-sum: answer\['target'\] must be an int, got bool"),
    ],
)
def test_a_wrong_answer_names_the_field(verifier: Any, answer: object, message: str) -> None:
    with pytest.raises(WrongAnswer, match=message):
        verifier(tagged("3"), answer)
