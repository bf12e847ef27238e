"""Multiple choice: a table of replies, partial credit by hand, and what a wrong answer raises."""

import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.choice import choice
from verigym.verifiers.verdict import Status

CITIES = {"choice": "B", "options": ["Paris, France", "London", "The Hague", "A"]}
SEVERAL = {"choice": ["A", "C"], "options": ["w", "x", "y", "z"]}


def tagged(text: str) -> str:
    return f"<answer>{text}</answer>"


@pytest.mark.parametrize(
    "text",
    [
        "B", "(B)", "B.", "B)", "[B]", "{B}", "$B$", '"B"', "**B**", "**(B)**", "**B.**", r"\text{B}", r"\text{(B)}",
        r"\mathrm{B}", r"\textbf{B}", "option B", "Option (B)", "Choice: B", "The correct answer is B", "B) London",
        "(B) London", "B. London", "B: London", "B - London", "B (London)", "London", "london.", "**London**",
        "B\n", "Ｂ", "B, B",
    ],
)  # fmt: skip
def test_every_way_to_say_b(text: str) -> None:
    verdict = choice(tagged(text), CITIES)
    assert (verdict.correct, verdict.reason) == (True, "picked B")


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        ("A", Status.OK, "picked A, expected B"),
        ("Paris, France", Status.OK, "picked A, expected B"),
        ("A) Paris, France", Status.OK, "picked A, expected B"),
        ("A, B", Status.OK, "2 picks, A, B, where one is asked for"),
        ("A and B", Status.OK, "2 picks, A, B, where one is asked for"),
        ("AB", Status.OK, "2 picks, A, B, where one is asked for"),
        ("A B C D", Status.OK, "4 picks, A, B, C, D, where one is asked for"),
        ("A or B", Status.MALFORMED, "'A or B' is not an option"),
        ("B or not B", Status.MALFORMED, "'B or not B' is not an option"),
        ("not B", Status.MALFORMED, "'not B' is not an option"),
        ("B?", Status.MALFORMED, "'B?' is not an option"),
        ("E", Status.MALFORMED, "'E' is no option: the options are A to D"),
        ("b", Status.MALFORMED, "'b' is no option: the options are A to D"),
        ("B) The Hague", Status.MALFORMED, "the letter B with the text of C"),
        ("B) Lyon", Status.MALFORMED, "'B) Lyon' is not an option"),
        ("2", Status.MALFORMED, "'2' is not an option"),
        ("\u0392", Status.MALFORMED, "'Β' is not an option"),  # a Greek capital beta
    ],
)
def test_what_is_not_b(text: str, status: Status, reason: str) -> None:
    verdict = choice(tagged(text), CITIES)
    assert (verdict.correct, verdict.reward, verdict.status, verdict.reason) == (False, 0.0, status, reason)


def test_a_letter_goes_before_an_option_of_that_text() -> None:
    assert choice(tagged("A"), {"choice": "A", "options": ["B", "A"]}).correct
    assert choice(tagged("A"), {"choice": "B", "options": ["B", "A"]}).reason == "picked A, expected B"
    assert choice(tagged("B) A"), {"choice": "B", "options": ["B", "A"]}).correct


def test_small_letters_by_option() -> None:
    assert choice(tagged("b"), CITIES, ignore_case=True).correct
    assert choice(tagged("(b) london"), CITIES, ignore_case=True).correct
    assert choice(tagged("a or b"), CITIES, ignore_case=True).status is Status.MALFORMED


def test_letters_alone_where_the_options_are_not_listed() -> None:
    assert choice(tagged("B) because it is so"), "B", count=4).correct
    assert choice(tagged("B. or C"), "B", count=4).status is Status.MALFORMED
    assert choice(tagged("B) A is right too"), "B", count=4).status is Status.MALFORMED
    assert choice(tagged("B) not sure"), "B", count=4).status is Status.MALFORMED
    assert choice(tagged("E"), "B", count=4).reason == "'E' is no option: the options are A to D"
    assert choice(tagged("E"), "B").reason == "picked E, expected B"
    assert choice("So the answer is (B).", "B").correct
    assert choice(r"\boxed{\text{B}}", "B").correct


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        ("A, C", 1.0),
        ("C and A", 1.0),
        ("AC", 1.0),
        ("{A, C}", 1.0),
        ("w, y", 1.0),
        ("A) w; C) y", 1.0),
        ("A", 0.5),
        ("A, B", 0.0),  # 1/2 of the right ones, 1/2 of the wrong ones
        ("A, B, C", 0.5),
        ("ABCD", 0.0),
        ("B", 0.0),
        ("B, D", 0.0),
        ("A, C or D", 0.0),
        ("A, C, E", 0.0),
    ],
)
def test_several_right_ones(text: str, reward: float) -> None:
    partial, exact = choice(tagged(text), SEVERAL, credit="partial"), choice(tagged(text), SEVERAL)
    assert (partial.reward, partial.correct) == (reward, reward == 1.0)
    assert (exact.reward, exact.correct) == (float(reward == 1.0), reward == 1.0)


def test_picking_everything_earns_no_more_than_a_coin() -> None:
    options = {"options": list("vwxyz")}
    rng = random.Random(0)
    everything = coin = 0.0
    for _ in range(2000):
        right = rng.choice([list(c) for size in (1, 2, 3, 4) for c in combinations("ABCDE", size)])
        picks = [letter for letter in "ABCDE" if rng.random() < 0.5] or ["A"]
        everything += choice(tagged("ABCDE"), {"choice": right, **options}, credit="partial").reward
        coin += choice(tagged(",".join(picks)), {"choice": right, **options}, credit="partial").reward
    assert everything == 0.0 < coin


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("b", "choice: answer must be a letter from A to Z, or a dict with 'choice' and 'options', got b"),
        ("AB", "choice: answer must be a letter from A to Z"),
        (None, "choice: answer must be a letter from A to Z"),
        ({"choice": "E", "options": ["a", "b"]}, "choice: answer must be a letter from A to B"),
        ({"choice": [], "options": ["a", "b"]}, "choice: answer must be a letter from A to B"),
        ({"choice": "A", "options": ["a"]}, r"choice: answer\['options'\] must be from 2 to 26 texts"),
        ({"choice": "A", "options": ["a", "A "]}, r"choice: answer\['options'\] holds a text twice"),
        ({"choice": "A", "options": "ab"}, r"choice: answer\['options'\] must be a list, got str"),
    ],
)
def test_a_wrong_answer_is_the_environments_fault(answer: object, message: str) -> None:
    with pytest.raises(WrongAnswer, match=message):
        choice(tagged("A"), answer)


def test_options_out_of_range() -> None:
    with pytest.raises(ValueError, match="choice has no credit 'half'; there are exact, partial"):
        choice(tagged("A"), "A", credit="half")
    with pytest.raises(ValueError, match="count=1 must be from 2 to 26 options"):
        choice(tagged("A"), "A", count=1)


@given(st.text(alphabet=st.characters(), max_size=60))
def test_any_text_gets_a_verdict(text: str) -> None:
    for answer in (CITIES, SEVERAL, "B"):
        assert choice(tagged(text), answer, credit="partial").status in (Status.OK, Status.MALFORMED)
