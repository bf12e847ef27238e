"""The math verifier: the policy by table, hostile answers, and the development cases where they are at hand."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.verifiers import verify, verify_many
from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.math import first_pass
from verigym.verifiers.math_shape import clean, elements, split_unit, words
from verigym.verifiers.verdict import Status, Verdict

DEV = Path(__file__).parents[2] / "../shared/data/math_grading_dev.jsonl"

EQUAL = [
    ("0.5", r"\frac12"),
    (r"\frac{3}{4}", "0.75"),
    ("1000", "1{,}000"),
    (r"12\%", "0.12"),
    ("12", r"12\%"),
    ("5", "x=5"),
    ("n=5", "5"),
    ("5", r"x = 2+3 = 5"),
    ("5", r"5\text{ cm}"),
    (r"5\text{ cm}", "5"),
    (r"5\text{ inches}", r"5\text{ inch}"),
    ("45", r"45^\circ"),
    (r"\{1,2\}", "2, 1"),
    (r"\{1,2\}", r"x=1 \text{ or } x=2"),
    (r"\pm 3", r"\{-3, 3\}"),
    ("(1,2)", r"\left( 1, 2 \right)"),
    (r"(-\infty, 2]", r"x \le 2"),
    (r"[0,1)\cup(2,3)", r"(2,3) \cup [0,1)"),
    (r"\text{east}", "East"),
    ("B", r"\text{(B)}"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{bmatrix}1 \\ 2\end{bmatrix}"),
    ("101_2", "101_{2}"),
    ("3:4", "3 : 4"),
    (r"\emptyset", r"\{\}"),
    ("10^{10^{10}}", "10^{10^{10}}"),
    ("2^{1/2}", "√2"),
]
DIFFERENT = [
    ("5", "5.0000001"),
    (r"\frac13", "0.333333"),
    ("5", r"\{5, 6\}"),
    ("5", r"4 \text{ or } 5"),
    ("5", "[4,6]"),
    ("5", r"x \ne 5"),
    ("5", "x > 4"),
    ("5", "3 = 5"),
    ("5", "5 = 3"),
    ("5", r"\text{not } 5"),
    ("5", r"5\text{ is wrong}"),
    (r"5\text{ cm}", r"5\text{ km}"),
    ("(1,2)", "(2,1)"),
    ("(1,2)", "[1,2]"),
    ("(1,2)", "(1,2,3)"),
    (r"\{1,2\}", "(1,2)"),
    (r"\{1,2\}", r"\{1,1\}"),
    (r"\{1,2\}", r"\{1,2,3\}"),
    (r"x \le 2", "x < 2"),
    ("x > 2", "y > 2"),
    (r"\text{cat}", "act"),
    (r"\text{cat}", r"\text{cat or dog}"),
    ("A", "B"),
    ("2a+b=7", "7"),
    ("101_2", "101_3"),
    ("3:4", "4:3"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1 & 2\end{pmatrix}"),
    ("12", r"\frac{12}{0}"),
    ("0.12", r"0.12\%"),
    ("0", r"\text{none}"),
]
BY_ALGEBRA = [
    (r"\sqrt{8}", r"2\sqrt{2}", True),
    (r"\sqrt{8}", r"2\sqrt{3}", False),
    (r"x^2-1", "(x-1)(x+1)", True),
    (r"x^2-1", "(y-1)(y+1)", False),
    (r"|x-1|", "|1-x|", True),
    (r"\sqrt{x^2}", "x", False),
    (r"\sin^2 x+\cos^2 x", "1", True),
    ("0", "e^{-70}", False),
    (r"\frac{1}{\sqrt2}+10^{-30}", r"\frac{\sqrt2}{2}", False),
    ("2i", "(1+i)^2", True),
    ("y=2x+1", "2x-y+1=0", True),
    (r"(1,\sqrt{8})", r"(1,2\sqrt2)", True),
    (r"\{\sqrt{8},1\}", r"\{1, 2\sqrt2\}", True),
    (r"\gamma+\beta", r"\beta+\gamma", True),
    (r"\frac{\pi}{2}", "1.5707963267948966", False),
    ("e^2", r"e \cdot e", True),
]


def boxed(text: str) -> str:
    return rf"So the answer is $\boxed{{{text}}}$."


@pytest.mark.parametrize(("gold", "got"), EQUAL)
def test_equal_without_algebra(gold: str, got: str) -> None:
    verdict = first_pass(boxed(got), gold)
    if gold == "2^{1/2}":
        assert verdict == ([r"√2"], gold)
    else:
        assert isinstance(verdict, Verdict)
        assert verdict.correct, verdict.reason


@pytest.mark.parametrize(("gold", "got"), DIFFERENT)
def test_different_without_algebra(gold: str, got: str) -> None:
    verdict = verify("math", boxed(got), gold)
    assert (verdict.correct, verdict.status) == (False, Status.OK), verdict.reason


def test_equal_and_different_by_algebra() -> None:
    golds, gots, wanted = zip(*BY_ALGEBRA, strict=True)
    verdicts = verify_many("math", [boxed(got) for got in gots], list(golds))
    for gold, got, right, verdict in zip(golds, gots, wanted, verdicts, strict=True):
        assert (verdict.correct, verdict.status) == (right, Status.OK), f"{gold} against {got}: {verdict.reason}"


@pytest.mark.parametrize(
    ("reply", "right"),
    [
        (r"First \boxed{3}, but no: \boxed{5}", True),
        (r"First \boxed{5}, but no: \boxed{3}", False),
        (r"\boxed{5} or \boxed{3}", False),
        (r"\boxed{3} or \boxed{5}", False),
        (r"\boxed{3}, \boxed{5}", False),
        (r"\boxed{5}. Again: \boxed{5}.", True),
        (r"$\boxed{\frac{10}{2}}$ or $\boxed{5}$", True),
        (r"<think>\boxed{3}</think> \boxed{5}", True),
        (r"<think>\boxed{5}</think> \boxed{3}", False),
        ("<answer>5</answer>", True),
        ("#### 5", True),
        ("The answer is 5.", True),
        ("The answer is 5 or 6.", False),
    ],
)
def test_the_last_stated_answer_counts(reply: str, right: bool) -> None:
    assert verify("math", reply, "5").correct is right


def test_boxes_beside_each_other_are_one_list() -> None:
    assert verify("math", r"$\boxed{2}$ and $\boxed{1}$", r"\{1,2\}").correct


@pytest.mark.parametrize("reply", ["", "5", "I cannot.", r"\boxed{}", "<answer> </answer>", "<think>5", r"\boxed{5"])
def test_no_answer_is_malformed(reply: str) -> None:
    verdict = verify("math", reply, "5")
    assert (verdict.status, verdict.reward) == (Status.MALFORMED, 0.0)


REFUSED = [
    "10**10**10",
    "10^{10^{10}}",
    "9^{9^9}",
    "1000000!",
    "((9!)!)!",
    r"\binom{10^9}{5\cdot10^8}",
    r"\sum_{k=1}^{20000000} \frac{1}{k}",
    "(a+b+c+d)^{250}",
    r"\{" + ",".join(map(str, range(2000))) + r"\}",
    ",".join(map(str, range(300))),
    "1+" * 1500 + "1",
    "x" + "^{x" * 60 + "}" * 60,
    "9" * 1200,
]


@pytest.mark.parametrize("text", REFUSED)
def test_dear_answers_are_refused_at_once(text: str) -> None:
    started = time.process_time()
    verdict = verify("math", boxed(text), "4")
    assert (verdict.status, verdict.correct, verdict.scored) == (Status.TIMEOUT, False, True)
    assert verdict.reason.startswith("refused as too dear to grade: ")
    assert time.process_time() - started < 0.2


def test_what_cannot_be_foreseen_costs_its_own_deadline_and_delays_nobody() -> None:
    dear = boxed(r"\sum_{k=1}^{9999} \frac{\sin(k^2)}{k}+\prod_{k=1}^{9999}\cos(k)x^k")
    verify("math", boxed(r"\sqrt{8}"), r"2\sqrt{2}")
    started = time.monotonic()
    replies = [dear, *[boxed(rf"\sqrt{{{8 * n * n}}}") for n in range(1, 41)]]
    verdicts = verify_many("math", replies, ["4", *[rf"{2 * n}\sqrt{{2}}" for n in range(1, 41)]], deadline_s=1.5)
    assert time.monotonic() - started < 12.0
    assert not verdicts[0].correct
    assert all(verdict.correct for verdict in verdicts[1:])


def test_answers_are_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = "__import__('pathlib').Path('PWNED').touch()"
    replies = [
        boxed(code),
        boxed(rf"({code} or 3)\pi"),
        f"<answer>[{code}, 9][1]</answer>",
        boxed("lambda: 9"),
        boxed("exit()"),
    ]
    assert not any(verdict.correct for verdict in verify_many("math", replies, ["9"] * len(replies)))
    assert not (tmp_path / "PWNED").exists()


@pytest.mark.parametrize("answer", [None, [], {}, "", "  ", True])
def test_a_wrong_answer_is_the_environments_fault(answer: object) -> None:
    with pytest.raises(WrongAnswer, match=r"^math: answer"):
        verify("math", boxed("5"), answer)


def test_a_number_may_be_the_answer() -> None:
    assert verify("math", boxed(r"\frac{10}{4}"), 2.5).correct
    assert verify("math", boxed("5"), 5).correct


def test_shapes() -> None:
    assert clean(r"\boxed{\left( \dfrac{1}{2} \right)}.") == r"( \frac{1}{2} )"
    assert elements(r"\{1, (2,3)\}") == ("{", ["1", "(2,3)"])
    assert elements("(1,2]") == ("(]", ["1", "2"])
    assert elements(r"2 \pm 1") == ("{", ["2 + 1", "2 - 1"])
    assert elements("(1+2)(3)") == ("", ["(1+2)(3)"])
    assert split_unit(r"5\text{ hours}") == ("5", "hour")
    assert split_unit("5") == ("5", "")
    assert words(r"\text{(A)}") == "a"
    assert words("n-m") is None


@given(
    st.text(alphabet=st.characters(), max_size=60),
    st.sampled_from(["5", r"\{1,2\}", r"\text{yes}", "x>3", "(1,2)", "y=2x"]),
)
def test_the_cheap_rules_never_raise(text: str, gold: str) -> None:
    first_pass(boxed(text), gold)


LATEX = [
    "\\frac",
    "\\text{",
    "\\left",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "=",
    "<",
    "\\le ",
    "\\cup ",
    "\\pm ",
    ",",
    ":",
    "1",
    "2",
    "x",
    "%",
    "!",
    "^",
    "_",
]


@given(
    st.lists(
        st.sampled_from([*LATEX, "\\{", "\\}", "\\infty", " or ", "\\\\", "&", "\\begin{pmatrix}", "\\end{pmatrix}"]),
        max_size=25,
    ).map("".join)
)
def test_broken_latex_never_raises(text: str) -> None:
    for gold in ("5", r"\{1,2\}", "x>3", r"\begin{pmatrix}1\\2\end{pmatrix}"):
        first_pass(boxed(text), gold)


@pytest.mark.skipif(not DEV.exists(), reason="the development cases lie beside the checkout of the authors only")
def test_development_cases() -> None:
    cases = [json.loads(line) for line in DEV.read_text(encoding="utf-8").splitlines()]
    replies = [
        case["prediction"] if case["form"] == "response" else rf"\boxed{{{case['prediction']}}}" for case in cases
    ]
    verdicts = verify_many("math", replies, [case["gold"] for case in cases])
    right = sum(bool(verdict.correct) == case["expected_equal"] for case, verdict in zip(cases, verdicts, strict=True))
    false_passes = [
        case["id"]
        for case, verdict in zip(cases, verdicts, strict=True)
        if verdict.correct and not case["expected_equal"]
    ]
    assert right / len(cases) >= 0.98
    assert len(false_passes) <= 1, false_passes
    assert all(verdict.scored for verdict in verdicts)
