"""Sets and sequences: tables of replies with credit worked by hand, and what wrong answers and options raise."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.listed import common, position, prefix, sequence, set_
from verigym.verifiers.verdict import Status


def tagged(text: str) -> str:
    return f"<answer>{text}</answer>"


@pytest.mark.parametrize(
    "text",
    [
        "2, 3, 5", "{5, 3, 2}", r"\{2, 3, 5\}", r"\left\{2,3,5\right\}", r"$\{2, 3, 5\}$", "[2; 3; 5]", "(2,3,5)",
        "2\n3\n5", "2, 3 and 5", "2, 3, and 5.", r"2, 3,\text{ and }5", "2.0, 6/2, 5", "**2, 3, 5**", "２, 3, 5",
    ],
)  # fmt: skip
def test_every_way_to_write_a_set(text: str) -> None:
    verdict = set_(tagged(text), [3, "2", 5])
    assert (verdict.correct, verdict.reason) == (True, "all 3 items")


@pytest.mark.parametrize(
    ("text", "f1", "jaccard", "reason"),
    [
        ("2, 3", 4 / 5, 2 / 3, "2 of 3 items: 5 is missing"),
        ("2, 3, 7", 4 / 6, 2 / 4, "2 of 3 items: 7 is not in the set"),
        ("2, 3, 5, 7", 6 / 7, 3 / 4, "3 of 3 items: 7 is not in the set"),
        ("2, 3, 5, 5", 6 / 7, 3 / 4, "3 of 3 items: 5 is given 2 times, not 1"),
        ("2, 2, 2", 2 / 6, 1 / 5, "1 of 3 items: 2 is given 3 times, not 1"),
        ("2, 3 or 5", 2 / 5, 1 / 4, "1 of 3 items: '3 or 5' is not in the set"),
        ("2, 3, 5 or 7", 4 / 6, 2 / 4, "2 of 3 items: '5 or 7' is not in the set"),
        ("{2, 3, 5} or {2}", 2 / 6, 1 / 5, "1 of 3 items: '{2' is not in the set"),
        ("2 3 5", 0.0, 0.0, "0 of 3 items: '2 3 5' is not in the set"),
        ("{}", 0.0, 0.0, "0 of 3 items: 2 is missing"),
        ("none", 0.0, 0.0, "0 of 3 items: 2 is missing"),
    ],
)
def test_credit_of_sets(text: str, f1: float, jaccard: float, reason: str) -> None:
    for credit, reward in (("f1", f1), ("jaccard", jaccard), ("exact", 0.0)):
        verdict = set_(tagged(text), [2, 3, 5], credit=credit)
        assert (verdict.correct, verdict.reward, verdict.reason) == (False, pytest.approx(reward), reason)


def test_a_spray_of_items_earns_little() -> None:
    spray = ", ".join(map(str, range(1, 101)))
    assert set_(tagged(spray), [2, 3, 5], credit="f1").reward == pytest.approx(6 / 103)
    assert set_(tagged(spray), [2, 3, 5], credit="jaccard").reward == pytest.approx(3 / 100)


def test_repeated_items_where_the_answer_repeats_them() -> None:
    assert set_(tagged("1, 2, 1"), [1, 1, 2]).correct
    assert set_(tagged("1, 2"), [1, 1, 2]).reason == "2 of 3 items: 1 is missing"


def test_the_empty_set() -> None:
    for text in ("{}", r"\{\}", "[]", r"\emptyset", "∅", r"$\varnothing$", "none", "Empty"):
        assert set_(tagged(text), []).correct, text
    assert not set_(tagged("0"), []).correct
    assert set_("<answer></answer>", []).status is Status.MALFORMED


def test_words_and_case() -> None:
    assert set_(tagged("red, green"), ["green", "red"]).correct
    assert not set_(tagged("Red, green"), ["green", "red"]).correct
    assert set_(tagged("Red, green"), ["green", "red"], ignore_case=True).correct


def test_several_boxes_are_one_list() -> None:
    assert set_(r"\boxed{2} and \boxed{3}", [3, 2]).correct
    assert sequence(r"So \boxed{a}, \boxed{b}.", ["a", "b"]).correct
    assert not set_(r"First \boxed{2}. No: \boxed{3}", [3, 2]).correct


def test_separators() -> None:
    assert sequence(tagged("New York | Los Angeles, CA"), ["New York", "Los Angeles, CA"], separator="|").correct
    assert sequence(tagged("3  1\n4"), [3, 1, 4], separator=" ").correct
    assert not sequence(tagged("3 1 4"), [3, 1, 4]).correct
    assert sequence(tagged("[3, 1, 4]"), [3, 1, 4]).correct


@pytest.mark.parametrize(
    ("text", "share", "reason"),
    [
        # prefix, position, longest common subsequence; of the longer list's length
        ("a, b, c", (3 / 4, 3 / 4, 3 / 4), "3 items, not 4"),
        ("a, b, d, c", (2 / 4, 2 / 4, 3 / 4), "item 3 is 'd', expected 'c'"),
        ("b, c, d", (0, 0, 3 / 4), "3 items, not 4"),
        ("x, b, c, d", (0, 3 / 4, 3 / 4), "item 1 is 'x', expected 'a'"),
        ("d, c, b, a", (0, 0, 1 / 4), "item 1 is 'd', expected 'a'"),
        ("a, b, c, d, e, f, g, h", (4 / 8, 4 / 8, 4 / 8), "8 items, not 4"),
        ("[]", (0, 0, 0), "0 items, not 4"),
    ],
)
def test_credit_of_sequences(text: str, share: tuple[float, float, float], reason: str) -> None:
    for credit, reward in zip(("prefix", "position", "lcs"), share, strict=True):
        verdict = sequence(tagged(text), list("abcd"), credit=credit)
        assert (verdict.correct, verdict.reward, verdict.reason) == (False, pytest.approx(reward), reason)
    assert sequence(tagged(text), list("abcd")).reward == 0.0


def test_sequences_in_order() -> None:
    assert sequence(tagged("a, b, c, d"), list("abcd"), credit="lcs").reason == "all 4 items in order"
    assert not sequence(tagged("b, a"), ["a", "b"]).correct
    assert sequence(tagged("1/2, 0.25"), ["0.5", "1/4"]).correct


@given(st.lists(st.sampled_from("abc"), max_size=8), st.lists(st.sampled_from("abc"), max_size=8))
def test_common_subsequences_against_a_search(one: list[str], other: list[str]) -> None:
    def longest(left: list[str], right: list[str]) -> int:
        if not left or not right:
            return 0
        if left[0] == right[0]:
            return 1 + longest(left[1:], right[1:])
        return max(longest(left[1:], right), longest(left, right[1:]))

    assert common(one, other) == longest(one, other)
    assert prefix(one, other) <= position(one, other) <= common(one, other)


def test_bounds() -> None:
    assert set_(tagged(",".join("1" * 300)), [1]).reason == "300 items; at most 256 are read"
    assert set_(tagged("1, 2, 3"), [1, 2], most=2).reason == "3 items; at most 2 are read"
    assert common([Fraction(1)] * 256, [Fraction(1)] * 256) == 256
    assert set_(tagged("1" * 5000), [1]).reason == "an answer of 5000 characters; at most 4096 are read"


@pytest.mark.parametrize("verifier", [set_, sequence])
def test_wrong_answers_and_options(verifier: object) -> None:
    name = verifier.__name__.rstrip("_")
    with pytest.raises(WrongAnswer, match=f"{name}: answer must be a list of numbers and texts, got str"):
        verifier(tagged("1"), "1, 2")
    with pytest.raises(WrongAnswer, match=f"{name}: answer must be a text or a number, got list"):
        verifier(tagged("1"), [[1]])
    with pytest.raises(WrongAnswer, match=f"{name}: answer has 3 items, and at most most=2 are read"):
        verifier(tagged("1"), [1, 2, 3], most=2)
    with pytest.raises(ValueError, match=f"{name} has no credit 'some'; there are exact, "):
        verifier(tagged("1"), [1], credit="some")
    with pytest.raises(ValueError, match=f"{name}: most=0 must be from 1 to 256 items"):
        verifier(tagged("1"), [1], most=0)


@given(st.text(alphabet=st.characters(), max_size=80))
def test_any_text_gets_a_verdict(text: str) -> None:
    for verifier, credit in ((set_, "f1"), (sequence, "lcs")):
        verdict = verifier(tagged(text), [2, "x"], credit=credit)
        assert verdict.status in (Status.OK, Status.MALFORMED)
        assert verdict.reward < 1.0 or verdict.correct
