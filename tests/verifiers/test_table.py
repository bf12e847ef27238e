"""The table of verifiers, and the two functions that run it."""

import asyncio
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import verigym.verifiers
from verigym.verifiers import Status, Verdict, verifier_names, verify, verify_many
from verigym.verifiers.table import VERIFIERS, function_of, shared_pool, submit

ANSWERS = {
    "exact": "4",
    "number": "4",
    "expression": {"numbers": [2, 2], "target": 4},
    "format": None,
    "ifeval": {"instruction_id_list": ["detectable_format:title"], "kwargs": [{}]},
    "assignment": {"solution": {"Ann": "knight"}},
    "sudoku": {"grid": [[0] * 4] * 4},
    "path": {"grid": [".."], "start": [0, 0], "goal": [0, 1], "length": 1},
    "queens": {"size": 4, "given": []},
    "schedule": {"jobs": {"A": 3, "B": 2}, "before": [["A", "B"]], "deadline": 5},
    "sat": {"names": ["p", "q"], "clauses": [["p", "-q"], ["-p", "q"]]},
    "knapsack": {"items": {"cup": [3, 5], "pen": [1, 2]}, "capacity": 4, "least": 7},
    "subset-sum": {"numbers": [3, 5, 9], "target": 12},
    "choice": {"choice": "B", "options": ["3", "5", "7"]},
    "set": [2, 3, 5],
    "sequence": ["a", "b"],
    "graph": {"kind": "path", "edges": [["A", "B"]], "start": "A", "goal": "B"},
    "program": {"cases": [[[1], [1]]]},
    "math": "4",
    "code": {"stdin": [{"input": "", "output": "4"}]},
    "compose": "4",
    "judge": "4",
}
OPTIONS: dict[str, dict[str, object]] = {"compose": {"spec": {"first_of": {"number": "number", "math": "math"}}}}
ALONE = [name for name in VERIFIERS if name != "judge"]
"""what needs no server (`tests/verifiers/judge` has one)"""
ODD_REPLIES = [
    "",
    "\x00",
    "\ud800",
    "<answer>\ud800</answer>",
    "(" * 100_000,
    "<answer>" + "(" * 100_000 + "</answer>",
    "x" * 1_000_000,
]
ODD_REPLIES += [
    r"\boxed{" * 100_000,
    "<answer>94**61**4*6</answer>",
    "<answer>9**9**9</answer>",
    "<answer>__import__('os')</answer>",
]
ODD_REPLIES += [
    "<think>" * 10_000,
    "\u202e<answer>4</answer>",
    "<answer>" + "9" * 15_000 + "</answer>",
    r"\boxed{" + "{" * 8000 + "}" * 8000 + "}",
]


def test_the_public_names() -> None:
    assert verigym.verifiers.__all__ == ["Status", "Verdict", "verifier_names", "verify", "verify_many"]
    assert verifier_names() == list(ANSWERS) == list(VERIFIERS)


@pytest.mark.parametrize("name", VERIFIERS)
def test_every_row_leads_to_a_documented_function(name: str) -> None:
    assert function_of(name).__doc__


@pytest.mark.parametrize("name", ALONE)
def test_no_reply_raises_or_is_dear(name: str) -> None:
    replies = [*ODD_REPLIES, None, 4, b"4", ["4"], float("nan")]
    started = time.process_time()
    for reply in replies:
        verdict = verify(name, reply, ANSWERS[name], deadline_s=2.0, **OPTIONS.get(name, {}))
        assert verdict.scored, verdict.reason
        assert verdict.correct is False or (name, reply) == ("format", None) or "4</answer>" in reply
    verdicts = verify_many(name, replies, [ANSWERS[name]] * len(replies), deadline_s=2.0, **OPTIONS.get(name, {}))
    assert len(verdicts) == len(replies)
    assert verdicts[-1].reason == "the reply is float, not text"
    assert time.process_time() - started < 2.0


@settings(max_examples=30)
@given(
    st.text(alphabet=st.characters(), max_size=200),
    st.sampled_from([name for name in ALONE if name not in ("math", "code", "compose")]),
)
def test_random_text_never_raises(text: str, name: str) -> None:
    assert verify(name, text, ANSWERS[name]).scored
    assert verify(name, f"<answer>{text}</answer>", ANSWERS[name]).scored


def test_many_keeps_order_and_masks_a_wrong_answer() -> None:
    verdicts = verify_many("number", ["<answer>1</answer>"] * 3, ["1", {"not": "a number"}, "2"])
    assert [verdict.correct for verdict in verdicts] == [True, None, False]
    assert verdicts[1].status is Status.ERROR
    assert verdicts[1].reason == "number: answer must be a text or a number, got dict"


def test_options_reach_the_verifier() -> None:
    assert verify("exact", "A", "a", extract="whole", ignore_case=True).correct
    assert verify_many("number", ["<answer>101</answer>"], [100], tolerance=0.05)[0].correct


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: verify("maths", "4", "4"), "no verifier 'maths'; did you mean 'math'"),
        (lambda: verify_many("zzz", [], []), "no verifier 'zzz'; The verifiers are exact, number"),
        (
            lambda: verify("number", "4", "4", tolerence=0.1),
            "verifier 'number' has no option 'tolerence'; did you mean 'tolerance'",
        ),
        (
            lambda: verify_many("exact", ["a", "b"], ["a"]),
            "got 2 replies and 1 answers: it needs one answer for each reply",
        ),
        (lambda: verify("expression", "4", 4), "expression: answer must be a dict with 'numbers', got int"),
        (lambda: verify("exact", "4", "4", extract="tag"), "no extraction policy 'tag'"),
    ],
)
def test_the_environments_faults_are_said(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_math_from_asyncio_through_shared_workers() -> None:
    async def several() -> list[Verdict]:
        return await asyncio.gather(
            *(asyncio.wrap_future(submit("math", rf"\boxed{{\sqrt{{{n}}}}}", r"2\sqrt{2}")) for n in (8, 7))
        )

    assert [verdict.correct for verdict in asyncio.run(several())] == [True, False]
    target = "verigym.verifiers.math.algebra:grade"
    assert shared_pool(target) is shared_pool(target)


def test_ten_thousand_short_answers() -> None:
    replies = [rf"\boxed{{{n}}}" if n % 2 else rf"\boxed{{\frac{{{2 * n}}}{{4}}}}" for n in range(10_000)]
    golds = [str(n) if n % 2 else f"{n / 2}" for n in range(10_000)]
    started = time.process_time()
    assert all(verdict.correct for verdict in verify_many("math", replies, golds))
    assert time.process_time() - started < 15.0


def test_importing_is_light() -> None:
    heavy = ("sympy", "math_verify", "torch", "numpy", "subprocess")
    script = f"import sys, verigym.verifiers; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
