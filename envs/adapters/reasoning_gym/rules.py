"""What stands before each generator's scorer: the form an answer must have, our own check, and known faults.

    RULES["rush_hour"].form.fullmatch("A+1 B-2")       # a match: their scorer may see it

An answer that equals the gold one is right. Any other must have the `form` (else it is malformed), then passes the
`check`, which decides or lets their scorer look. Without either, their scorer decides alone; it then runs no code of
the answer, and its full score is right. The nine that evaluate the answer as Python (`EVALUATE`) never see one that is
not of a closed vocabulary; six of them are not asked at all.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from verigym.envs.adapters.reasoning_gym import checks
from verigym.envs.adapters.reasoning_gym.checks import NUMBER, PLAIN, Check


@dataclass(frozen=True)
class Rule:
    """form: a pattern of the whole answer; wanted: what it asks for, in words; check: see `checks.py`."""

    form: re.Pattern[str] | None = None
    wanted: str = ""
    check: Check | None = None


def _form(pattern: str, wanted: str, check: Check | None = None) -> Rule:
    return Rule(re.compile(pattern, re.ASCII), wanted, check)


EXACT = """
ab acre aiw arc_1d base_conversion basic_arithmetic bf binary_alternation binary_matrix caesar_cipher circuit_logic
count_bits count_primes course_schedule emoji_mystery game_of_life_halting gcd isomorphic_strings largest_island lcm
leg_counting letter_counting list_functions mahjong_puzzle maze modulo_grid number_filtering number_sequence ransom_note
rotten_oranges self_reference simple_equations simple_geometry spiral_matrix string_insertion string_manipulation
string_splitting string_synthesis syllogism word_sequence_reversal
""".split()  # noqa: SIM905 - forty names read better so
"""Only the gold answer is right. Theirs gives the full score to nothing else either, but for game_of_life_halting,
where it gives it to any text"""

EVALUATE = frozenset(
    """
    binary_matrix countdown intermediate_integration n_queens polynomial_multiplication puzzle24 simple_integration
    spiral_matrix string_insertion
    """.split()  # noqa: SIM905
)
"""Their scorers run what the answer says as Python"""

_NUMBER_FORM = _form(NUMBER, "one number")
_JSON = Rule(check=checks.any_json)

RULES: Mapping[str, Rule] = {
    **{name: Rule(check=checks.exact) for name in EXACT},
    "advanced_geometry": _form(
        rf"\(?\s*{NUMBER}\s*,\s*{NUMBER}\s*\)?|{NUMBER}\s*\u00b0?|[\w+\-*/() ]{{1,200}}",
        "an angle, a point or a radius",
    ),
    "arc_agi": Rule(check=checks.cells),
    "bitwise_arithmetic": _form(r"[+-]?(0x[0-9a-fA-F]{1,40}|0b[01]{1,200}|\d{1,40})", "a hexadecimal number"),
    "boxnet": _JSON,
    "calendar_arithmetic": Rule(check=checks.calendar),
    "chain_sum": _NUMBER_FORM,
    "codeio": Rule(check=checks.same_json),
    "coin_flip": Rule(check=checks.probability),
    "color_cube_rotation": Rule(check=checks.no_case),
    "complex_arithmetic": _form(r"[\d.ij+\-() ]{1,80}", "a complex number such as 4 - 7i"),
    "countdown": Rule(check=checks.target),
    "cryptarithm": _form(
        r"[A-Z]\s*=\s*\d(\s*,\s*[A-Z]\s*=\s*\d){0,25}", "letters with their digits: A=1,B=2", checks.once_each
    ),
    "decimal_arithmetic": _NUMBER_FORM,
    "decimal_chain_sum": _NUMBER_FORM,
    "dice": Rule(check=checks.no_case_no_space),
    "family_relationships": Rule(check=checks.no_case),
    "figlet_font": Rule(check=checks.no_case_no_space),
    "fraction_simplification": _form(
        r"\$?\s*(\\d?frac\s*\{\s*\d{1,30}\s*\}\s*\{\s*\d{1,30}\s*\}|\d{1,30}\s*/\s*\d{1,30})\s*\$?", "one fraction"
    ),
    "futoshiki": Rule(check=checks.lines),
    "game_of_life": Rule(check=checks.grid),
    "graph_color": _JSON,
    "group_anagrams": _JSON,
    "gsm_symbolic": Rule(check=checks.number),
    "intermediate_integration": Rule(check=checks.antiderivative),
    "jugs": _JSON,
    "kakurasu": _form(r"[01][01 \n\r]{0,2000}", "rows of 0 and 1"),
    "knight_swap": _form(r"(?s:\[.{0,8000}\])|[Nn][Oo]", "No, or a JSON list of moves"),
    "knights_knaves": Rule(check=checks.roles),
    "letter_jumble": Rule(check=checks.no_case),
    "manipulate_matrix": Rule(check=checks.cells),
    "mini_sudoku": Rule(check=checks.lines),
    "n_queens": Rule(check=checks.queens),
    "needle_haystack": Rule(check=checks.no_case_no_space),
    "number_format": Rule(check=checks.near_number),
    "number_sorting": Rule(check=checks.number_list),
    "palindrome_generation": Rule(check=checks.palindrome),
    "palindrome_partitioning": _JSON,
    "path_star": Rule(check=checks.words),
    "polynomial_equations": _form(rf"{PLAIN}(\s{{0,3}},\s{{0,3}}{PLAIN}){{0,20}}", "numbers between commas"),
    "polynomial_multiplication": Rule(check=checks.polynomial),
    "pool_matrix": Rule(check=checks.matrix),
    "power_function": _NUMBER_FORM,
    "prime_factorization": _form(r"\d{1,20}(\s*\u00d7\s*\d{1,20}){0,70}", "prime factors with \u00d7 between them"),
    "products": _NUMBER_FORM,
    "puzzle24": Rule(check=checks.target),
    "quantum_lock": _form(
        r"[A-Ca-c](\s{0,3}(\u2192|->|,|\s)\s{0,3}[A-Ca-c]){0,200}", "buttons with \u2192 between them"
    ),
    "rearc": Rule(check=checks.cells),
    "rectangle_count": Rule(check=checks.whole),
    "rotate_matrix": Rule(check=checks.cells),
    "rubiks_cube": _form(r"[A-Za-z]{1,2}'?\d?(\s+[A-Za-z]{1,2}'?\d?){0,600}", "moves in Singmaster notation"),
    "rush_hour": _form(r"[A-Z][+-]\d(\s+[A-Z][+-]\d){0,500}", "moves such as A+1 B-2"),
    "sentence_reordering": Rule(check=checks.words),
    "shortest_path": _form(r"[a-z]{1,12}(\s+[a-z]{1,12}){0,1000}", "directions, or infeasible"),
    "simple_integration": Rule(check=checks.antiderivative),
    "sokoban": _form(r"[LRUD]{1,2000}", "a string of L, R, U and D"),
    "spell_backward": Rule(check=checks.no_case),
    "sudoku": Rule(check=checks.lines),
    "survo": _form(r"-?\d[\d \n\r-]{0,2000}", "rows of numbers"),
    "time_intervals": Rule(check=checks.duration),
    "tower_of_hanoi": _form(
        r"Move disk \d{1,3} from Peg \d{1,3} to Peg \d{1,3}(?s:\s.{0,12000})?", "moves, one a line"
    ),
    "tsumego": Rule(check=checks.no_case),
    "word_ladder": _form(r"[A-Za-z]{1,12}(\s*,\s*[A-Za-z]{1,12}){1,100}", "words between commas"),
    "word_sorting": Rule(check=checks.sorted_words),
    "zebra_puzzles": Rule(check=checks.no_case),
}

FAULTY: Mapping[str, str] = {
    "propositional_logic": "copying one of the premises out of the prompt earns the full score",
}
"""Generators whose fault we cannot mend: refused unless `accept_faults=True`"""

NOTES: Mapping[str, str] = {
    "advanced_geometry": "radii must be written as theirs are",
    "codeio": "problems come from running the programs of a data set; one input of several is taken",
    "gsm_symbolic": "100 templates, which all splits share",
}
