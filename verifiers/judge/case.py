"""What a judge is asked about: the question, the reference and the rubric of one problem, beside the reply.

read_case({"question": "Why is the sky blue?", "reference": "Rayleigh scattering"}, None, 10).reference
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from verigym.verifiers.answers import WrongAnswer

FIELDS = ("question", "reference", "rubric")
MOST_CRITERIA = 20
MOST_POINTS = 100


@dataclass(frozen=True)
class Criterion:
    """One line of a rubric: what is asked for, its weight in the reward, and the points it is marked with."""

    text: str
    weight: float = 1.0
    points: int = 1


@dataclass(frozen=True)
class Case:
    """The texts of one problem; "" where there is none. criteria: a rubric in parts, else `rubric` is a text."""

    question: str = ""
    reference: str = ""
    rubric: str = ""
    criteria: tuple[Criterion, ...] = ()


def read_case(answer: Any, rubric: Any, verifier: str = "judge") -> Case:
    """The case that an answer and the option `rubric` make; a rubric of the answer wins.

    answer  a text or number (the reference), a dict of texts with some of question, reference and rubric, or None
    rubric  a text, or a list of {"criterion": text, "weight": 1, "points": 1}, maybe as JSON text

    Raises WrongAnswer for an answer of another form, ValueError for such a rubric.
    """
    if isinstance(answer, int | float | str) and not isinstance(answer, bool):
        answer = {"reference": str(answer)}
    answer = {} if answer is None else answer
    if not isinstance(answer, Mapping):
        raise WrongAnswer(f"{verifier}: answer must be a text or a dict, got {type(answer).__name__}")
    for name, value in answer.items():
        if name not in FIELDS:
            near = get_close_matches(str(name), FIELDS, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; it may hold {', '.join(FIELDS)}"
            raise WrongAnswer(f"{verifier}: answer has a field {name!r}{hint}")
        if name != "rubric" and not isinstance(value, str):
            raise WrongAnswer(f"{verifier}: answer[{name!r}] must be a text, got {type(value).__name__}")
    if "rubric" in answer:
        try:
            text, criteria = read_rubric(answer["rubric"])
        except ValueError as failure:
            raise WrongAnswer(f"{verifier}: answer['rubric']: {failure}") from None
    else:
        text, criteria = read_rubric(rubric)
    case = Case(answer.get("question", ""), answer.get("reference", ""), text, criteria)
    if case == Case():
        raise WrongAnswer(f"{verifier}: there is nothing to judge by: give answer a question, a reference or a rubric")
    return case


def read_rubric(rubric: Any) -> tuple[str, tuple[Criterion, ...]]:
    """A rubric as a text, or as criteria. Raises ValueError."""
    if isinstance(rubric, str) and rubric.lstrip().startswith("["):
        try:
            rubric = json.loads(rubric)
        except ValueError as failure:
            raise ValueError(f"the rubric begins like a list and is not JSON: {failure}") from None
    if rubric is None or isinstance(rubric, str):
        return (rubric or "").strip(), ()
    if not isinstance(rubric, Sequence) or not 1 <= len(rubric) <= MOST_CRITERIA:
        raise ValueError(f"a rubric is a text, or a list of 1 to {MOST_CRITERIA} criteria, got {type(rubric).__name__}")
    return "", tuple(_criterion(one) for one in rubric)


def _criterion(one: Any) -> Criterion:
    if not isinstance(one, Mapping) or not isinstance(one.get("criterion"), str) or not one["criterion"].strip():
        raise ValueError(f'a criterion is {{"criterion": text, "weight": 1, "points": 1}}, got {one!r:.80}')
    for name in one:
        if name not in ("criterion", "weight", "points"):
            raise ValueError(f"a criterion has no {name!r}; it has criterion, weight and points")
    weight, points = one.get("weight", 1.0), one.get("points", 1)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight <= 1e6:
        raise ValueError(f"the weight {weight!r} of a criterion must be a number above 0")
    if isinstance(points, bool) or not isinstance(points, int) or not 1 <= points <= MOST_POINTS:
        raise ValueError(f"the points {points!r} of a criterion must be a whole number from 1 to {MOST_POINTS}")
    return Criterion(one["criterion"].strip(), float(weight), points)
