"""envs/adapters/reasoning_gym/checks.py, rules.py and oracles.py: what is decided before their scorer is asked."""

import json
import time
from typing import Any

import pytest

from verigym.envs.adapters.reasoning_gym import oracles
from verigym.envs.adapters.reasoning_gym.grader import Open, first_look
from verigym.envs.adapters.reasoning_gym.rules import EVALUATE, RULES
from verigym.verifiers.verdict import Verdict

NUMBERS = {"numbers": [2, 3, 7], "target": 13}
GRID = "[[0,1],[1,0]]"
CASES: list[tuple[str, str, dict[str, Any], str, object]] = [
    # generator, gold, metadata, answer: True right, False wrong, "malformed", None for their scorer
    ("game_of_life_halting", "True", {}, "True", True),
    ("game_of_life_halting", "True", {}, "anything", False),
    ("game_of_life_halting", "True", {}, "False", False),
    ("countdown", "2*3 + 7", NUMBERS, "7+3*2", True),
    ("countdown", "2*3 + 7", NUMBERS, "13", False),
    ("countdown", "2*3 + 7", NUMBERS, "7 + 7 - 1", False),
    ("countdown", "2*3 + 7", NUMBERS, "9**9**9**9", "malformed"),
    ("countdown", "2*3 + 7", NUMBERS, "__import__('os')", "malformed"),
    ("puzzle24", "6*4*1*1", {"numbers": [1, 1, 4, 6]}, "4*6*1/1", True),
    ("puzzle24", "6*4*1*1", {"numbers": [1, 1, 4, 6]}, "8*3*1*1", False),  # theirs: any four numbers
    ("puzzle24", "6*4*1*1", {"numbers": [1, 1, 4, 9]}, "9*4/1 - 1", False),
    ("coin_flip", "0.5", {"rational": {"numerator": 1, "denominator": 2}}, "1/2", True),
    ("coin_flip", "0.5", {"rational": {"numerator": 1, "denominator": 2}}, "0", False),
    ("coin_flip", "3.05e-05", {"rational": {"numerator": 1, "denominator": 32768}}, "0", False),  # theirs: right
    ("coin_flip", "0.5", {"rational": {"numerator": 1, "denominator": 2}}, "1/0", "malformed"),
    ("coin_flip", "0.5", {"rational": {"numerator": 1, "denominator": 2}}, "1e999999999", "malformed"),
    ("coin_flip", "0.5", {"rational": {"numerator": 1, "denominator": 2}}, "0.5 or 0.25", "malformed"),
    ("number_sorting", "['1', '2.5']", {}, '["1", "2.50"]', True),
    ("number_sorting", "['1', '2.5']", {}, "[1, 2.5]", True),
    ("number_sorting", "['1', '2.5']", {}, "['1', '3.1']", False),  # theirs lets each be off by 1
    ("number_sorting", "['1', '2.5']", {}, "[NaN, NaN]", "malformed"),  # theirs: right
    ("number_sorting", "['1', '2.5']", {}, "['nan', 'nan']", False),
    ("calendar_arithmetic", "-1", {"task": "recurring_event_day"}, "5", False),  # theirs: e^30
    ("calendar_arithmetic", "Yes", {"task": "is_leap_year"}, "yes", True),
    ("calendar_arithmetic", "Monday", {"task": "weekday_offset"}, "monday", False),
    ("spell_backward", "abcdefghij", {}, "ABCDEFGHIJ", True),
    ("spell_backward", "abcdefghij", {}, "abcdefghijklm", False),  # theirs: 0.9999999999999999
    ("figlet_font", "ABCDEFGHIJKL", {}, "abcdefghijkx", False),  # theirs: 1.0
    ("gsm_symbolic", "17", {}, "17.0", True),
    ("gsm_symbolic", "17", {}, "$17", True),
    ("gsm_symbolic", "17", {}, "17 or 18", "malformed"),  # theirs reads the first number
    ("game_of_life", GRID, {}, "[[0, 1], [1, 0]]", True),
    ("game_of_life", GRID, {}, "[[0,1,9],[1,0,9],[9]]", False),  # theirs: right
    ("game_of_life", GRID, {}, "[[false,true],[true,false]]", False),
    ("game_of_life", GRID, {}, "[" * 15_000, "malformed"),
    ("pool_matrix", "5.75 6.25\n7.0 5.25", {}, "5.75 6.25\n7 5.25", True),
    ("pool_matrix", "5.75 6.25\n7.0 5.25", {}, "5.70 6.25\n7 5.25", False),  # theirs: within 1 %
    ("pool_matrix", "5.75 6.25\n7.0 5.25", {}, "5.75 6.25", False),
    ("pool_matrix", "5.75", {}, "x", "malformed"),
    ("n_queens", "_ Q", {"valid_answers": ["_ Q\n_ _"]}, "_  Q\n_ _", True),
    ("n_queens", "_ Q", {"valid_answers": ["_ Q\n_ _"]}, "[['_','Q'],['_','_']]", False),
    ("palindrome_generation", "abba", {"letters": list("abab")}, "baab", True),
    ("palindrome_generation", "abba", {"letters": list("abab")}, "abab", False),
    ("palindrome_generation", "abba", {"letters": list("abab")}, "aaaa", False),
    ("codeio", '{"a": [1, 2]}', {}, '{ "a":[1,2] }', True),
    ("codeio", '{"a": 1}', {}, '{"a": true}', False),
    ("codeio", '{"a": 1}', {}, 'maybe {"a": 1}', "malformed"),
    ("word_sorting", "a, b", {"sorted_words": ["a", "b"]}, "a,b", True),
    ("word_sorting", "a, b", {"sorted_words": ["a", "b"]}, "b, a", False),
    ("arc_agi", "1 2\n3 4", {}, "1  2\n 3 4", True),
    ("arc_agi", "1 2\n3 4", {}, "1 2 3 4", False),
    ("cryptarithm", "A=1,B=2", {}, "A=1,B=2,A=3", False),  # theirs takes the last
    ("cryptarithm", "A=1,B=2", {}, "A=2,B=1", None),
    ("rush_hour", "A+1", {}, "A+999999999999", "malformed"),  # theirs walks them all
    ("rush_hour", "A+1", {}, "B-2 A+1", None),
    ("prime_factorization", "2 \u00d7 3", {}, "three", "malformed"),  # theirs raises
    ("prime_factorization", "2 \u00d7 3", {}, "3 \u00d7 2", None),
    ("fraction_simplification", "1/2", {}, "\\frac{1}{2} or 3", "malformed"),  # theirs: right
    ("fraction_simplification", "$\\frac{1}{2}$", {}, "1/2", None),
    ("time_intervals", "3 days", {"task_type": "date"}, "3 days, or 5", "malformed"),  # theirs: right
    ("time_intervals", "3 days", {"task_type": "date"}, "4", None),
    ("time_intervals", "3 days, 04:05", {"task_type": "datetime"}, "3 days, 04:05:00", None),
    ("time_intervals", "01:02", {"task_type": "time"}, "1:02", None),
    ("advanced_geometry", "(1, 2)", {}, "(1, 2), (3, 4)", "malformed"),
    ("quantum_lock", "A \u2192 B", {}, "A -> B", None),
    ("quantum_lock", "A \u2192 B", {}, "A \u2192 B in steps", "malformed"),
    ("polynomial_equations", "1.5, 2.0", {}, "1.5, maybe 2.0", "malformed"),  # theirs skips what is no number
    ("polynomial_equations", "1.5, 2.0", {}, "2.0, 1.5", None),
    ("polynomial_multiplication", "x**2", {"variables": ["x"]}, "x*x", None),
    ("polynomial_multiplication", "x**2", {"variables": ["x"]}, "x.__class__", "malformed"),
    ("polynomial_multiplication", "x**2", {"variables": ["x"]}, "y**2", "malformed"),
    ("simple_integration", "x**2 + C", {"variable": "x"}, "Integral(2*x, x)", "malformed"),
    ("simple_integration", "x**2 + C", {"variable": "x"}, "x**2", None),
    ("simple_integration", "x**2 + C", {"variable": "x"}, "9**9**9**9", "malformed"),
    ("simple_integration", "x**2 + C", {"variable": "x"}, "x**(1/2) + exp(-2*x)", None),
    ("simple_integration", "x**2 + C", {"variable": "x"}, "(x**2 + 1)**3/6 - 2*x**-3", None),
    ("simple_integration", "x**2 + C", {"variable": "x"}, "E**(2*x)*sin(8*x - 6)**3", None),
    ("simple_integration", "x**2 + C", {"variable": "x"}, "9**(9**9)", "malformed"),
    ("simple_integration", "x**2 + C", {"variable": "x"}, "((9**99)**99)**99", "malformed"),
    ("simple_integration", "x**2 + C", {"variable": "x"}, "9**(999999999)", "malformed"),
    ("simple_integration", "x**2 + C", {"variable": "x"}, "9**(99*99*99*99)", "malformed"),
    ("simple_integration", "x**2 + C", {"variable": "x"}, "9**-9**9", "malformed"),
    ("intermediate_integration", "sin(x)", {"variable": "x"}, "lambda: 1", "malformed"),
    ("intermediate_integration", "sin(x)", {"variable": "x"}, "sin(x)[0]", "malformed"),
    ("intermediate_integration", "sin(x)", {"variable": "x"}, "x**999999", "malformed"),
    (
        "knights_knaves",
        "Ann is a knight.",
        {"names": ["Ann"], "knight_knave_terms": {"knight": "knight", "knave": "knave"}},
        "Ann is a knight or a knave",
        "malformed",
    ),
    (
        "knights_knaves",
        "Ann is a knight.",
        {"names": ["Ann"], "knight_knave_terms": {"knight": "knight", "knave": "knave"}},
        "Ann is a knave",
        None,
    ),
]


def look(name: str, gold: str, metadata: dict[str, Any], answer: str) -> object:
    entry = {"generator": name, "oracle": gold, "metadata": metadata, "question": "?", "level": 1, "overrides": {}}
    found = first_look(entry, f"So <answer>{answer}</answer>")
    if isinstance(found, Open):
        return None
    return "malformed" if found.status == "malformed" else found.correct


@pytest.mark.parametrize(("name", "gold", "metadata", "answer", "expected"), CASES)
def test_an_answer_before_their_scorer(
    name: str, gold: str, metadata: dict[str, Any], answer: str, expected: object
) -> None:
    assert look(name, gold, metadata, answer) is expected or look(name, gold, metadata, answer) == expected


HOSTILE = [
    "",
    " ",
    "\x00",
    "\ud800",
    "nan",
    "1e999",
    "-" * 16_000,
    "(" * 16_000,
    "[" * 16_000,
    "1," * 8_000,
    "1 , " * 4_000 + "x",
    "A " + " " * 16_000,
    "A" + "\u2192A" * 8_000 + "!",
    "9" * 16_000,
    "x**" * 5_000,
    "x** 9" * 3_000,
    "a\n" * 8_000,
    '{"a":' * 3_000,
    "__import__('os').system('true')",
    "9**9**9**9",
    "Move disk 1 from Peg 1 to Peg 2 " * 400,
    "<answer>" * 1_000,
]


def metadata_of_everything() -> dict[str, Any]:
    """Enough for every check to look at."""
    return {
        "numbers": [1, 2],
        "target": 3,
        "rational": {"numerator": 1, "denominator": 2},
        "valid_answers": ["Q"],
        "letters": ["b", "c"],
        "sorted_words": ["a"],
        "variables": ["x"],
        "variable": "x",
        "task": "count_days",
        "task_type": "date",
        "names": ["Ann"],
        "knight_knave_terms": {"knight": "knight", "knave": "knave"},
    }


@pytest.mark.parametrize("name", sorted(RULES))
def test_no_check_raises_takes_long_or_rewards_garbage(name: str) -> None:
    gold = "7" if name != "pool_matrix" else "7 7"
    entry = {"generator": name, "oracle": gold, "metadata": metadata_of_everything(), "question": "?", "level": 1}
    began = time.monotonic()
    for text in HOSTILE:
        found = first_look(entry, f"<answer>{text}</answer>")
        assert isinstance(found, Open) or (found.correct is False and found.scored), text[:40]
        assert name not in EVALUATE or not isinstance(found, Open), text[:40]
    assert time.monotonic() - began < 5  # about 0.05 s on an idle machine


def test_only_what_stands_in_closed_tags_is_an_answer() -> None:
    entry = {"generator": "gcd", "oracle": " 6\n", "metadata": {}, "question": "?", "level": 1, "overrides": {}}
    right = first_look(entry, "<think>7</think> <answer> 6 </answer>")
    assert isinstance(right, Verdict) and right.correct is True
    for reply in ("6", "<answer>6", "\\boxed{6}", "<think><answer>6</answer>", "<answer></answer>"):
        found = first_look(entry, reply)
        assert isinstance(found, Verdict) and found.status == "malformed" and found.reward == 0


def test_boxes_are_walked_one_after_another() -> None:
    state = {"0.5_0.5": ["box_red"], "0.5_1.5": ["target_blue"], "1.5_1.5": ["target_red", "box_blue"]}
    assert json.loads(oracles.boxes({"initial_state": state})) == [
        {"Agent[0.5, 0.5]": "move(box_red, square[1.5, 0.5])"},
        {"Agent[1.5, 0.5]": "move(box_red, square[1.5, 1.5])"},
        {"Agent[1.5, 1.5]": "move(box_red, target_red)"},
        {"Agent[1.5, 1.5]": "move(box_blue, square[0.5, 1.5])"},
        {"Agent[0.5, 1.5]": "move(box_blue, target_blue)"},
    ]


def test_cars_are_moved_out_of_the_way() -> None:
    # The red car A stands at the left of row 3, B hangs over its way in the last column.
    rows = ["oooooo", "oooooB", "AAoooB", "oooooo", "oooooo", "oooooo"]
    moves = oracles.cars({"board_config": "".join(rows)})
    assert moves is not None
    assert sorted(moves.split()) == sorted(["A+1"] * 4 + ["B-1"]) or sorted(moves.split()) == sorted(
        ["A+1"] * 4 + ["B+1"] * 2
    )
    shut = ["oooooo", "ooooox", "AAooox", "ooooox", "oooooo", "oooooo"]
    assert oracles.cars({"board_config": "".join(shut)}) is None
