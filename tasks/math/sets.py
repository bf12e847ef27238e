"""The data sets of mathematics that are known by name: GSM8K, MATH, MATH-500 and AIME.

    SOURCES["gsm8k"].hub      # 'openai/gsm8k'

Nothing is bundled: rows come from VERIGYM_DATA, a path, or the Hub (see `verigym.tasks.rows`).
"""

import re
from typing import Any

from verigym.tasks.rows import Source


def gsm8k_answer(text: Any) -> str:
    """The number after the last `####`, without its thousands commas. Raises ValueError where there is none."""
    _, mark, number = _text(text).rpartition("####")
    number = number.strip().replace(",", "")
    if not mark:
        raise ValueError("there is no #### before the answer")
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", number):
        raise ValueError(f"{number[:40]!r} after #### is not a number")
    return number


def gsm8k_solution(text: str) -> str:
    """The reasoning without the calculator's marks <<48/2=24>> and without the line of the answer."""
    return re.sub(r"<<[^<>]*>>", "", text.rpartition("####")[0]).strip()


def last_boxed(text: Any) -> str:
    """What stands in the last \\boxed{...} of a solution (or after `\\boxed `, as in a few rows of MATH). Raises
    ValueError without one."""
    text = _text(text)
    start = max(text.rfind("\\boxed"), text.rfind("\\fbox"))
    if start < 0:
        raise ValueError("there is no \\boxed{} in the solution")
    rest = text[start:].partition("boxed" if text[start:].startswith("\\boxed") else "fbox")[2].lstrip()
    if not rest.startswith("{"):
        return re.split(r"[$\s]", rest, maxsplit=1)[0].rstrip(".")
    depth = 0
    for index, character in enumerate(rest):
        depth += (character == "{") - (character == "}") if index == 0 or rest[index - 1] != "\\" else 0
        if depth == 0:
            return rest[1:index]
    raise ValueError("the last \\boxed{ is never closed")


def aime_answer(value: Any) -> str:
    """An integer from 0 to 999 without leading zeros. Raises ValueError for anything else."""
    text = str(value).strip()
    if not re.fullmatch(r"[0-9]{1,3}", text):
        raise ValueError(f"{text[:40]!r} is not an integer from 0 to 999")
    return str(int(text))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"is {value!r:.40}, not text")
    return value


SOURCES: dict[str, Source] = {
    "gsm8k": Source(
        "gsm8k",
        hub="openai/gsm8k",
        config="main",
        prompt="question",
        answer="answer",
        gold=gsm8k_answer,
        solution="answer",
        worked=gsm8k_solution,
    ),
    "math": Source(
        "math",
        hub="DigitalLearningGmbH/MATH-lighteval",
        prompt="problem",
        answer="solution",
        gold=last_boxed,
        solution="solution",
        level="level",
    ),
    "math500": Source(
        "math500",
        hub="HuggingFaceH4/MATH-500",
        prompt="problem",
        answer="answer",
        solution="solution",
        level="level",
        upstream={"test": "test"},
    ),
    "aime24": Source(
        "aime24", hub="HuggingFaceH4/aime_2024", prompt="problem", gold=aime_answer, upstream={"test": "train"}
    ),
    "aime25": Source("aime25", hub="math-ai/aime25", prompt="problem", gold=aime_answer, upstream={"test": "test"}),
}
