"""Composed verifiers as plain data: what the spec says is what is run, and every mistake is named with its place."""

import json
import time
from typing import Any

import pytest

from verigym.envs import make
from verigym.verifiers import Status, verify, verify_many
from verigym.verifiers.table import submit

R1 = {"verifier": "format", "options": {"style": "r1"}}
GOOD, BARE = "<think>2 + 2</think><answer>4</answer>", r"\boxed{4}"


def parts(reply: str, answer: Any, spec: Any) -> tuple[float, bool | None, dict[str, float]]:
    verdict = verify("compose", reply, answer, spec=spec)
    return verdict.reward, verdict.correct, dict(verdict.parts)


def test_a_name_alone_is_that_verifier() -> None:
    for spec in ("number", {"verifier": "number"}, '{"verifier": "number"}'):
        assert verify("compose", BARE, "4", spec=spec) == verify("number", BARE, "4")


def test_a_weighted_sum_by_hand() -> None:
    spec = {"weighted": {"form": [0.1, R1], "value": [0.9, "number"]}, "correct": "value"}
    assert parts(GOOD, "4", spec) == (1.0, True, {"form": 1.0, "value": 1.0})
    assert parts(BARE, "4", spec) == (0.9, True, {"form": 0.0, "value": 1.0})
    assert parts(GOOD, "5", spec) == (0.1, False, {"form": 1.0, "value": 0.0})
    assert parts(GOOD, "5", json.dumps(spec)) == (0.1, False, {"form": 1.0, "value": 0.0})


def test_form_first() -> None:
    spec = {"gated": {"form": R1, "value": "number"}}
    assert parts(GOOD, "4", spec) == (1.0, True, {"form": 1.0, "value": 1.0})
    assert parts(BARE, "4", spec) == (0.0, False, {"form": 0.0})


def test_the_first_that_is_right_and_waiting_for_workers() -> None:
    spec = {"first_of": {"text": "exact", "math": "math"}}
    assert parts(BARE, "4", spec) == (1.0, True, {"text": 1.0})
    # the second needs a worker process, so the composition is graded in a thread
    reply, answer = r"\boxed{\sqrt{8}}", r"2\sqrt{2}"
    assert parts(reply, answer, spec) == (1.0, True, {"text": 0.0, "math": 1.0})
    assert not submit("compose", r"\boxed{\sqrt{12}}", answer, spec=spec).result(60).correct


def test_inner_parts_keep_their_names() -> None:
    inner = {"weighted": {"form": [0.5, R1], "value": [0.5, "number"]}, "correct": "value"}
    spec = {"clipped": {"first_of": {"both": inner, "text": "exact"}}, "high": 0.25}
    assert parts(BARE, "4", spec) == (0.25, True, {"both": 0.5, "both.form": 0.0, "both.value": 1.0, "unclipped": 0.5})
    gate = {"gated": {"first": inner, "text": "exact"}}
    assert parts(GOOD, "5", gate) == (0.0, False, {"first": 0.0, "first.form": 1.0, "first.value": 0.0})


def test_words_that_are_repeated() -> None:
    spec = {"repetition": "number", "weight": 0.5, "n": 2}
    # "so so so \boxed{4}": bigrams so-so, so-so, so-box: one of three stood before
    assert parts(r"so so so \boxed{4}", "4", spec)[0] == pytest.approx(1 - 0.5 / 3)


def test_fields_of_the_answer() -> None:
    spec = {
        "weighted": {
            "value": [1.0, {"verifier": "number", "answer": "sum"}],
            "text": [1.0, {"verifier": "exact", "answer": "text"}],
        },
        "correct": "value",
    }
    assert parts(r"\boxed{4}", {"sum": 4, "text": "four"}, spec) == (1.0, True, {"value": 1.0, "text": 0.0})
    with pytest.raises(ValueError, match=r"spec\.value is given the field 'sum' of the answer, which has none"):
        verify("compose", "4", "4", spec=spec)
    (masked,) = verify_many("compose", [GOOD], ["4"], spec=spec)
    assert masked.status is Status.ERROR


def test_a_wrong_answer_met_in_a_thread_is_an_error() -> None:
    spec = {"first_of": {"number": "number", "math": "math"}}
    assert verify("compose", BARE, {"no": 1}, spec=spec).status is Status.ERROR


def test_slow_parts_do_not_hold_the_others() -> None:
    slow = {"first_of": {"math": {"verifier": "math"}}}
    hard = r"\boxed{" + "+".join(rf"\sqrt[{n}]{{x+{n}}}" for n in range(2, 12)) + "}"
    started = time.monotonic()
    waiting = [submit("compose", hard, r"\int x", spec=slow, deadline_s=4.0) for _ in range(4)]
    assert submit("compose", GOOD, "4", spec={"gated": {"form": R1, "value": "number"}}).result(5).correct
    assert time.monotonic() - started < 4.0
    assert all(future.result(60) for future in waiting)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (None, "compose needs spec, such as"),
        ("nmber", r"spec: no verifier 'nmber' \(did you mean 'number'\?\); they are exact,"),
        ("compose", "no verifier 'compose'"),
        ("{", "spec is not JSON"),
        ([7], "spec must be a verifier's name or a dict, got list"),
        ({"clipped": 7}, r"spec\.clipped must be a verifier's name or a dict, got int"),
        ({"clipped": {}}, "spec.clipped must hold one of verifier, weighted, gated, first_of, clipped, repetition"),
        ({"verifier": "exact", "options": {"x": object()}}, "spec must be plain data"),
        ({}, "compose needs spec, such as"),
        ({"gate": {}}, r"spec must hold one of .*\(did you mean 'gated'\?\)"),
        ({"verifier": "number", "gated": {}}, "spec must hold one of"),
        ({"verifier": "number", "option": {}}, r"spec has no key 'option' \(did you mean 'options'\?\)"),
        ({"verifier": "number", "options": {"tolerence": 1}}, "'number' has no option 'tolerence'; did you mean"),
        ({"verifier": "number", "options": [1]}, "options must be a dict, got list"),
        ({"gated": {"a": "exact"}}, "spec: gated holds two parts, the gate first, got 1"),
        ({"gated": ["exact", "exact"]}, "gated must be a dict of names to specs"),
        ({"first_of": {}}, "first_of must be a dict of names to specs"),
        ({"weighted": {"a": "exact"}, "correct": "a"}, r"weighted\.a must be \[weight, spec\], got 'exact'"),
        ({"weighted": {"a": [True, "exact"]}, "correct": "a"}, r"weighted\.a must be \[weight, spec\]"),
        ({"weighted": {"a": [1, "exact"]}}, 'weighted needs "correct"'),
        ({"weighted": {"alpha": [1, "exact"]}, "correct": "alpa"}, "no part 'alpa'.*did you mean 'alpha'"),
        ({"clipped": "exact", "low": "x"}, "low='x' must be a number"),
        ({"clipped": "exact", "low": 2}, r"low=2\.0, high=1\.0"),
        ({"repetition": "exact"}, "weight=None must be a number"),
        ({"repetition": "exact", "weight": 0.1, "n": 0}, "n=0 is too small"),
        ({"repetition": "exact", "weight": 0.1, "n": 2.5}, "n=2.5 must be a whole number"),
        ({"first_of": {"a": {"clipped": {"gated": {"b": "exac", "c": "exact"}}}}}, r"spec\.a\.clipped\.b: no verifier"),
    ],
)
def test_specs_that_cannot_be_meant(spec: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        verify("compose", "4", "4", spec=spec)


def test_rows_may_name_a_composition(tmp_path: Any) -> None:
    path = tmp_path / "sums.jsonl"
    path.write_text("".join(json.dumps({"prompt": f"{n} + {n} = ?", "answer": str(2 * n)}) + "\n" for n in range(30)))
    spec = json.dumps({"gated": {"form": R1, "value": "number"}})
    with make(str(path), verifier="compose", spec=spec) as env:
        problem = env.problem(0)
        verdict = env.start(problem).reply(f"<think>so</think><answer>{problem.answer}</answer>")
        assert verdict is not None and verdict.correct and verdict.parts == {"form": 1.0, "value": 1.0}
        bare = env.start(problem).reply(problem.answer)
        assert bare is not None and (bare.reward, bare.correct) == (0.0, False)
