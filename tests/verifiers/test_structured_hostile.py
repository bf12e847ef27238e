"""Hostile replies to the verifiers of structured answers: each gets a verdict in little time, and none is right."""

import time
from typing import Any

import pytest

from verigym.verifiers import Status, verify

ANSWERS: list[tuple[str, Any, dict[str, Any]]] = [
    ("choice", {"choice": "B", "options": ["3", "5", "7"]}, {}),
    ("choice", {"choice": ["A", "B"], "options": ["3", "5", "7"]}, {"credit": "partial", "ignore_case": True}),
    ("number", {"value": "3.2", "unit": "km"}, {"tolerance": 0.01}),
    ("number", "42", {"digits": 3, "absolute": 0.1}),
    ("set", [2, 3, 5], {"credit": "f1"}),
    ("sequence", ["a", "b", "c"], {"credit": "lcs"}),
    ("sequence", ["a", "b", "c"], {"credit": "prefix", "separator": "|"}),
    ("graph", {"kind": "path", "edges": [["A", "B"], ["B", "C"]], "start": "A", "goal": "C"}, {}),
    ("graph", {"kind": "colouring", "edges": [["A", "B"], ["B", "C"]], "colours": 2}, {}),
    ("graph", {"kind": "order", "edges": [["A", "B"], ["B", "C"]]}, {}),
    ("graph", {"kind": "tree", "edges": [["A", "B"], ["B", "C"]]}, {}),
    ("graph", {"kind": "matching", "edges": [["A", "B"], ["B", "C"]], "least": 1}, {}),
    ("graph", {"kind": "clique", "edges": [["A", "B"], ["B", "C"]], "least": 2}, {}),
    ("assignment", {"names": ["A", "B"], "values": ["1", "2"], "rules": [["less", "A", "B"]]}, {}),
    ("schedule", {"jobs": {"A": 3, "B": 2}, "before": [["A", "B"]], "deadline": 5}, {}),
    ("queens", {"size": 8, "given": []}, {}),
    ("sat", {"names": ["p", "q"], "clauses": [["p", "-q"], ["-p", "q"]]}, {}),
    ("knapsack", {"items": {"cup": [3, 5]}, "capacity": 4, "least": 5}, {}),
    ("subset-sum", {"numbers": [3, 5, 9], "target": 12}, {}),
]

PIECES = [
    "(", "[", "{", r"\{", r"\text{", r"\frac{", r"\left(", "$", "**", "A", "A ", "A,", "A-", "A->B,", "(A,B)", "A:1,",
    "1", "1,", "1 ", "1/", "1e", "1e9", "9^", "9**", "or ", " and ", "\n", "\t", "\x00", "\x1b[2J", "\ud800", "\u202e",
    "\u0301", "٣", "½", "²", "°", "π", "=", "1=", "-", "--", "->", "→", "|", ";", "km ", "5 km ",
    "5 ft ", "nan ", "inf ",
]  # fmt: skip
WHOLE = [
    "", " ", "None", "True", "null", "nan", "-inf", "1e999999999", "9" * 10_000, "0x41", "__import__('os')",
    "9**9**9**9", "A" * 4096, "A\x00B", "\ud800", "{0.__class__}", "%s%s%s", "../../etc/passwd", "A or B or C",
    "all of them", "<answer>A", "A, B or C", "{{A}}",
]  # fmt: skip


@pytest.mark.parametrize(("name", "answer", "options"), ANSWERS)
def test_hostile_replies(name: str, answer: Any, options: dict[str, Any]) -> None:
    replies = [piece * (4096 // len(piece)) for piece in PIECES]
    replies += [piece * (1_000_000 // len(piece)) for piece in PIECES[::12]]
    replies += WHOLE
    started = time.process_time()
    for reply in replies:
        for text in (reply, f"<answer>{reply}</answer>", f"\\boxed{{{reply}}}"):
            verdict = verify(name, text, answer, **options)
            assert verdict.status in (Status.OK, Status.MALFORMED), (text[:40], verdict)
            assert verdict.correct is False, (text[:40], verdict)
            assert 0.0 <= verdict.reward < 1.0
            assert len(verdict.reason) < 400 and verdict.reason.isprintable(), verdict.reason
    assert time.process_time() - started < 20.0


@pytest.mark.parametrize(("name", "answer", "options"), ANSWERS)
@pytest.mark.parametrize("reply", [None, 4, b"A", ["A"], float("nan")])
def test_what_is_no_text(name: str, answer: Any, options: dict[str, Any], reply: Any) -> None:
    assert verify(name, reply, answer, **options).status is Status.MALFORMED


RIGHT = [
    ("choice", {"choice": "B", "options": ["3", "5", "7"]}, "B", "A"),
    ("number", {"value": "3.2", "unit": "km"}, "3.2 km", "4 km"),
    ("set", [2, 3], "2, 3", "2, 4"),
    ("sequence", ["a", "b"], "a, b", "b, a"),
    ("graph", {"kind": "path", "edges": [["A", "B"], ["B", "C"]], "start": "A", "goal": "C"}, "A -> B -> C", "A -> C"),
    ("graph", {"kind": "tree", "edges": [["A", "B"], ["B", "C"]]}, "A-B, B-C", "A-B"),
    ("graph", {"kind": "colouring", "edges": [["A", "B"]], "colours": 2}, "A: red, B: blue", "A: red, B: red"),
    ("assignment", {"names": ["A", "B"], "values": ["1", "2"], "rules": [["less", "A", "B"]]}, "A: 1, B: 2", "A: 2"),
    ("schedule", {"jobs": {"A": 3, "B": 2}, "before": [["A", "B"]], "deadline": 5}, "A: 0, B: 3", "A: 0, B: 0"),
    ("queens", {"size": 4, "given": []}, "2 4 1 3", "1 2 3 4"),
    ("sat", {"names": ["p", "q"], "clauses": [["p"], ["q"]]}, "p: true, q: true", "p: true, q: false"),
    ("knapsack", {"items": {"cup": [3, 5], "pen": [9, 1]}, "capacity": 4, "least": 5}, "cup", "pen"),
    ("subset-sum", {"numbers": [3, 5, 9], "target": 12}, "3, 9", "5, 9"),
]


@pytest.mark.parametrize(("name", "answer", "right", "wrong"), RIGHT)
def test_a_hedge_is_never_a_hit(name: str, answer: Any, right: str, wrong: str) -> None:
    assert verify(name, f"<answer>{right}</answer>", answer).correct
    for joint in (" or ", "\nor\n", " / ", " | ", ", or ", "; ", " maybe ", "\n\n", " versus "):
        for text in (right + joint + wrong, wrong + joint + right):
            verdict = verify(name, f"<answer>{text}</answer>", answer)
            assert verdict.correct is False, (text, verdict.reason)
            assert verdict.reward == 0.0
    for first, last in ((right, wrong), (wrong, right)):
        for form in ("<answer>{}</answer> or <answer>{}</answer>", r"\boxed{{{}}} or \boxed{{{}}}"):
            assert not verify(name, form.format(first, last), answer).correct
