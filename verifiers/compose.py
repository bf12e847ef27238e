"""Putting verifiers together: weighted sums, gates, alternatives, clipping. Every part is kept in `parts`.

    grade = gated("format", partial(verify, "format"), "math", partial(verify, "math"))
    grade = weighted({"format": (0.1, check_form), "math": (0.9, check_answer)}, correct="math")
    grade("<think>..</think><answer>4</answer>", "4").parts          # {"format": 1.0, "math": 1.0}

A grader is any function `(reply, answer) -> Verdict`. The rules, the same for all:

- An `error` in any part that was run makes the whole an `error`: no sample is scored by half a grader.
- `correct` comes from one named part and never from a sum, so that credit for the form cannot pass for accuracy.
- The status and the extracted text are those of the part that decided.
- The parts of a part are kept as `name.part`.

`composition.py` says the same as plain data; `shaping.py` changes rewards by length, repetition and form.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from verigym.verifiers.verdict import Verdict

Grader = Callable[[str, Any], Verdict]


def add_up(verdicts: Mapping[str, Verdict], weights: Mapping[str, float], correct: str) -> Verdict:
    """The sum of weight * reward. `correct`, status and extracted text are those of the part named `correct`.

    Raises ValueError when the names of the parts and weights differ, or `correct` is not among them.
    """
    if set(verdicts) != set(weights):
        raise ValueError(f"parts {sorted(verdicts)} and weights {sorted(weights)} must have the same names")
    if correct not in verdicts:
        near = get_close_matches(correct, verdicts, n=1)
        raise ValueError(
            f"no part {correct!r} to take `correct` from" + (f"; did you mean {near[0]!r}?" if near else "")
        )
    parts = _parts(verdicts)
    if failure := _first_error(verdicts):
        return replace(failure, parts=parts)
    main = verdicts[correct]
    reward = sum(weights[name] * verdict.reward for name, verdict in verdicts.items())
    reason = "; ".join(f"{name}: {verdict.reason}" for name, verdict in verdicts.items())
    return Verdict(reward, main.correct, main.status, reason, parts, main.extracted)


def weighted(graders: Mapping[str, tuple[float, Grader]], correct: str) -> Grader:
    """A grader whose reward is the weighted sum of its parts' rewards; all parts are always run.

    graders  name -> (weight, grader); correct: the part that says whether the reply is correct

    Raises ValueError when `correct` names no part.
    """
    weights = {name: weight for name, (weight, _) in graders.items()}
    add_up(
        {name: Verdict.wrong("") for name in graders}, weights, correct
    )  # names are checked before any reply is seen

    def grade(reply: str, answer: Any) -> Verdict:
        return add_up({name: grader(reply, answer) for name, (_, grader) in graders.items()}, weights, correct)

    return grade


def gated(gate_name: str, gate: Grader, name: str, grader: Grader) -> Grader:
    """`grader`, but only for replies that pass `gate` (are correct there). The others get the gate's status with reward
    0 and are not correct; the dear grader is not run for them."""

    def grade(reply: str, answer: Any) -> Verdict:
        first = gate(reply, answer)
        if not first.scored:
            return replace(first, reason=f"{gate_name}: {first.reason}", parts=_parts({gate_name: first}))
        if first.correct is not True:
            reason = f"{gate_name}: {first.reason}"
            parts = {**_parts({gate_name: first}), gate_name: 0.0}
            return replace(first, reward=0.0, correct=False, reason=reason, parts=parts)
        second = grader(reply, answer)
        return replace(second, parts=_parts({gate_name: first, name: second}))

    return grade


def first_of(graders: Sequence[tuple[str, Grader]]) -> Grader:
    """The first grader that finds the reply correct decides; when none does, the one with the highest reward, the
    earliest of equals. Raises ValueError without graders."""
    if not graders:
        raise ValueError("first_of needs at least one grader")

    def grade(reply: str, answer: Any) -> Verdict:
        verdicts: dict[str, Verdict] = {}
        for name, grader in graders:
            verdicts[name] = grader(reply, answer)
            if verdicts[name].correct or not verdicts[name].scored:
                break
        parts = _parts(verdicts)
        decided = _first_error(verdicts) or max(verdicts.values(), key=lambda one: (one.correct is True, one.reward))
        return replace(decided, parts=parts)

    return grade


def clipped(grader: Grader, low: float = 0.0, high: float = 1.0) -> Grader:
    """`grader` with its reward held between `low` and `high`; the unclipped one stands in `parts["unclipped"]`."""
    if not low <= high:
        raise ValueError(f"clip bounds low={low}, high={high}: low must not be above high")

    def grade(reply: str, answer: Any) -> Verdict:
        verdict = grader(reply, answer)
        if not verdict.scored:
            return verdict
        parts = {**verdict.parts, "unclipped": verdict.reward}
        return replace(verdict, reward=min(max(verdict.reward, low), high), parts=parts)

    return grade


def _parts(verdicts: Mapping[str, Verdict]) -> dict[str, float]:
    """The reward of each by its name, and their own parts as `name.part`."""
    parts: dict[str, float] = {}
    for name, verdict in verdicts.items():
        parts[name] = verdict.reward
        parts |= {f"{name}.{part}": worth for part, worth in verdict.parts.items()}
    return parts


def _first_error(verdicts: Mapping[str, Verdict]) -> Verdict | None:
    for name, verdict in verdicts.items():
        if not verdict.scored:
            return replace(verdict, reason=f"{name}: {verdict.reason}")
    return None
