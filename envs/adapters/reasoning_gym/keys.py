"""Which problems are the same one, and which must stay in one split.

    identity("gcd", "Find the GCD of 6, 4.", "2", {"numbers": [6, 4]})       # ("gcd [4, 6]", "gcd [4, 6]")

The key is the question, white space squeezed, unless the generator asks one thing in many orders or wordings. The
family is the key, unless many questions hide one answer: a sentence scrambled twice, an ARC task turned and coloured.
"""

from collections.abc import Callable, Mapping
from typing import Any

Metadata = Mapping[str, Any]

KEYS: Mapping[str, Callable[[Metadata], Any]] = {
    "coin_flip": lambda m: (m["num_trials"], m["k_heads"], m["problem_type"]),
    "count_bits": lambda m: m["number"],
    "countdown": lambda m: (sorted(m["numbers"]), m["target"]),
    "course_schedule": lambda m: (len(m["courses"]), sorted(m["prerequisites"])),
    "gcd": lambda m: sorted(m["numbers"]),
    "graph_color": lambda m: (m["puzzle"]["vertices"], sorted(m["puzzle"]["edges"]), m["puzzle"]["color_options"]),
    "group_anagrams": lambda m: sorted(m["words"]),
    "jugs": lambda m: (sorted(m["puzzle"]["jug_capacities"]), m["puzzle"]["target"]),
    "lcm": lambda m: sorted(m["numbers"]),
    "leg_counting": lambda m: sorted(m["animals"].items()),
    "number_sorting": lambda m: (m["direction"], sorted(m["original_numbers"])),
    "palindrome_generation": lambda m: sorted(m["letters"]),
    "products": lambda m: sorted(m["expression"].split(" * ")),
    "puzzle24": lambda m: sorted(m["numbers"]),
    "rush_hour": lambda m: m["board_config"],
    "time_intervals": lambda m: (m["task_type"], str(m["start_time"])[-30:], str(m["end_time"])[-30:]),
    "word_sorting": lambda m: sorted(m["original_words"]),
}
"""Generator to what makes two of its problems the same"""

FAMILIES: Mapping[str, Callable[[str, str, Metadata], Any]] = {
    "arc_agi": lambda question, answer, m: m["task_id"],
    "caesar_cipher": lambda question, answer, m: answer,
    "codeio": lambda question, answer, m: question.rpartition("reference code snippet")[2],
    "emoji_mystery": lambda question, answer, m: answer,
    "figlet_font": lambda question, answer, m: answer.lower(),
    "letter_jumble": lambda question, answer, m: answer.lower(),
    "rearc": lambda question, answer, m: m["task_id"],
    "sentence_reordering": lambda question, answer, m: sorted(answer.lower().split()),
    "word_ladder": lambda question, answer, m: sorted((m["start_word"], m["end_word"])),
}
"""Generator to what must not be in two splits, given (question, answer, metadata)"""


def identity(name: str, question: str, answer: str | None, metadata: Metadata) -> tuple[str, str]:
    """(key, family) of a problem."""
    key = f"{name} {KEYS[name](metadata)!r}" if name in KEYS else " ".join(question.split())
    family = f"{name} {FAMILIES[name](question, answer or '', metadata)!r}" if name in FAMILIES else key
    return key, family.lower()  # `Sis` and `sis` are two words to spell, and one to hold out
