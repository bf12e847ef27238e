"""The math verifier as a whole: answers and replies by table, hostile ones, and the development cases where they are
at hand."""

import importlib.util
import json
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.verifiers import verify, verify_many
from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.math.verify import first_pass
from verigym.verifiers.verdict import Status, Verdict

HERE = Path(__file__).parent
DEV = HERE.parents[2] / "../shared/data/math_grading_dev.jsonl"
CASES = [
    line.split("\t")
    for line in (HERE / "cases.tsv").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


def beside(name: str) -> object:
    """A module of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(f"math_{name}", HERE / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


REPLIES = beside("replies").REPLIES  # type: ignore[attr-defined]


def boxed(text: str) -> str:
    return rf"So the answer is $\boxed{{{text}}}$."


def test_the_table_is_large_and_asks_both_ways() -> None:
    assert len(CASES) > 500
    assert {case[2] for case in CASES} == {"T", "F"}
    assert sum(case[2] == "F" for case in CASES) > 120


def test_answers_by_table() -> None:
    verdicts = verify_many("math", [boxed(got) for _, got, _ in CASES], [gold for gold, _, _ in CASES])
    wrong = [
        f"{gold} against {got}: {verdict.correct}, {verdict.status}, {verdict.reason}"
        for (gold, got, same), verdict in zip(CASES, verdicts, strict=True)
        if verdict.correct is not (same == "T")
    ]
    assert not wrong


def test_nearly_all_answers_are_decided_without_a_worker() -> None:
    left = [(gold, got) for gold, got, _ in CASES if not isinstance(first_pass(boxed(got), gold), Verdict)]
    assert 0 < len(left) <= 8, left
    assert all("\\int" in pair[0] + pair[1] or "\\lim" in pair[1] or "\\infty" in pair[1] for pair in left), left


@pytest.mark.parametrize(("reply", "gold", "right"), REPLIES)
def test_replies_by_table(reply: str, gold: str, right: bool) -> None:
    verdict = verify("math", reply, gold)
    assert verdict.correct is right, verdict.reason
    assert verdict.scored


@pytest.mark.parametrize(
    ("gold", "got", "reason"),
    [
        ("5", "5", "text: 5 is 5"),
        ("0.5", r"\frac{2}{4}", "exact: 1/2 is 1/2"),
        ("5", "6", "exact: 6 is not 5"),
        (r"\sqrt{8}", r"2\sqrt2", "normal form: 2*sqrt(2) is 2*sqrt(2)"),
        ("x^2-1", "(x-1)(x+1)", "normal form: x^2 - 1 is x^2 - 1"),
        (r"\sin^2 x", r"1-\cos^2 x", "points: -cos(x)^2 + 1 is sin(x)^2"),
        (r"\{1,2\}", "(1,2)", "shape: (1, 2) is not {1, 2}"),
        (r"\text{cat}", "dog", "words: 'dog' is not 'cat'"),
        ("5", r"\def\x{5}", r"unreadable: \def is not in the vocabulary (expected 5)"),
        ("x>3", r"[3,\infty)", "shape: [3, infinity) is not x in (3, infinity)"),
        ("B", "(C)", "choice: option C is not option B"),
        (r"\frac13", r"\int_0^1 x^2 dx", "algebra: int(x, 0, 1, x^2) is 1/3"),
    ],
)
def test_the_reason_names_the_layer_and_both_forms(gold: str, got: str, reason: str) -> None:
    assert verify("math", boxed(got), gold).reason == reason


@pytest.mark.parametrize("reply", ["", "5", "I cannot.", r"\boxed{}", "<answer> </answer>", "<think>5", r"\boxed{5"])
def test_no_answer_is_malformed(reply: str) -> None:
    verdict = verify("math", reply, "5")
    assert (verdict.status, verdict.reward) == (Status.MALFORMED, 0.0)


HOSTILE = {
    "power": "10**10**10",
    "tower": "10^{10^{10}}",
    "tower of words": r"9^{9^9}",
    "factorial": "1000000!",
    "factorials": "((9!)!)!",
    "binomial": r"\binom{10^9}{5\cdot10^8}",
    "long sum": r"\sum_{k=1}^{20000000} \frac{1}{k}",
    "power of a sum": "(a+b+c+d)^{250}",
    "large set": r"\{" + ",".join(map(str, range(2000))) + r"\}",
    "large list": ",".join(map(str, range(300))),
    "long sum of ones": "1+" * 1500 + "1",
    "nested powers": "x" + "^{x" * 60 + "}" * 60,
    "long number": "9" * 1200,
    "brackets": "(" * 1000 + "1" + ")" * 1000,
    "open brackets": "(" * 2000,
    "braces": "{" * 900 + "1" + "}" * 900,
    "fractions": r"\frac{1}{2+" * 48 + "1" + "}" * 48,
    "roots": r"\sqrt{2+" * 48 + "1" + "}" * 48,
    "factors": "".join(f"(x+{n})" for n in range(200)),
    "marks": "5" + "%" * 1000,
    "exclamation": "3" + "!" * 1000,
    "functions": r"\sin" * 300 + "x",
    "logarithms": r"\log_2" * 300 + "8",
    "relations": "<".join(["1"] * 300),
    "equations": "=".join(["1"] * 300),
    "unions": r"\cup".join(["(1,2)"] * 100),
    "plus-minus": r"\pm 1" * 40,
    "bars": "|" * 1000,
    "matrix": r"\begin{pmatrix}" + r"\\".join(["&".join(["1"] * 30)] * 30) + r"\end{pmatrix}",
    "exponentials": "e^{e^{e^{e^{9}}}}",
    "sine of much": r"\sin(10^{300})",
    "gcd": r"\gcd(" + ",".join(["10^{9}"] * 200) + ")",
    "repeating": r"0.\overline{" + "1234567" * 28 + "}",
    "nan": r"\text{nan}",
    "undefined": r"\frac{0}{0}",
    "control": "4\x00\x07",
    "surrogate": "4\ud800",
    "other digits": "٤",
    "percent": "4%%s%n",
    "dunder": "__import__('os').system('true')",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("gold", ["4", "x^2+1", r"\{1,2\}", "y=2x"])
def test_hostile_answers_are_bounded_and_never_right(name: str, gold: str) -> None:
    first_pass(boxed(r"\sqrt2+\sqrt3"), r"\sqrt{5+2\sqrt6}")  # what is loaded once is no cost of the answer
    started = time.process_time()
    verdict = first_pass(boxed(HOSTILE[name]), gold)
    assert time.process_time() - started < 1.0
    if isinstance(verdict, Verdict):
        assert verdict.correct is False and verdict.scored, verdict.reason
        assert len(verdict.reason) < 300


@pytest.mark.parametrize("name", ["tower", "factorials", "long number", "brackets", "large set", "binomial"])
def test_what_is_beyond_the_bounds_is_refused_as_too_dear(name: str) -> None:
    verdict = verify("math", boxed(HOSTILE[name]), "4")
    assert (verdict.status, verdict.correct, verdict.scored) == (Status.TIMEOUT, False, True)
    assert verdict.reason.startswith("refused as too dear to grade: ")


@pytest.mark.parametrize("name", ["tower", "power", "factorials", "long number", "brackets"])
def test_a_gold_answer_is_itself_however_large(name: str) -> None:
    assert verify("math", boxed(HOSTILE[name]), HOSTILE[name]).correct


def test_a_dear_answer_costs_its_own_deadline_and_delays_nobody() -> None:
    dear = boxed(r"\int_0^1 e^{x^{x^{x}}}\sin(x^{x}) dx")
    verify("math", boxed(r"\int_0^1 x dx"), r"\frac12")
    started = time.monotonic()
    replies = [dear, *[boxed(rf"\int_0^{{{n}}} x dx") for n in range(1, 21)]]
    verdicts = verify_many("math", replies, ["4", *[rf"\frac{{{n * n}}}{{2}}" for n in range(1, 21)]], deadline_s=2.0)
    assert time.monotonic() - started < 20.0
    assert verdicts[0].correct is False and verdicts[0].scored
    assert all(verdict.correct for verdict in verdicts[1:])


def test_it_works_from_threads() -> None:
    found: list[bool | None] = []

    def grade() -> None:
        found.extend(verify("math", boxed(rf"\sqrt{{{n * n * 2}}}"), rf"{n}\sqrt2").correct for n in range(1, 20))

    threads = [threading.Thread(target=grade) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 76


INJECTIONS = [
    "__import__('pathlib').Path('PWNED').touch()",
    "(__import__('pathlib').Path('PWNED').touch() or 3)\\pi",
    "[__import__('pathlib').Path('PWNED').touch(), 9][1]",
    "lambda: 9",
    "exit()",
    r"\input{/etc/passwd}",
    r"\write18{touch PWNED}",
    r"\def\x{9}\x",
    r"\newcommand{\a}{9}\a",
    "9 if True else 8",
    "eval('9')",
    "{{9}}",
    "${9}",
    "$(touch PWNED)",
    "`touch PWNED`",
    "9; import os",
    "Symbol('x').__class__",
]


def test_answers_are_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    replies = [
        form % text for text in INJECTIONS for form in (r"\boxed{%s}", "<answer>%s</answer>", "The answer is %s")
    ]
    verdicts = verify_many("math", replies, ["3\\pi"] * len(replies))
    assert not any(verdict.correct for verdict in verdicts)
    assert all(verdict.scored for verdict in verdicts)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("answer", [None, [], {}, "", "  ", True])
def test_a_wrong_answer_is_the_environments_fault(answer: object) -> None:
    with pytest.raises(WrongAnswer, match=r"^math: answer"):
        verify("math", boxed("5"), answer)


def test_a_number_may_be_the_answer() -> None:
    assert verify("math", boxed(r"\frac{10}{4}"), 2.5).correct
    assert verify("math", boxed("5"), 5).correct


def test_a_closed_form_may_be_asked_for() -> None:
    reply = boxed(r"\sum_{k=1}^{10} k")
    assert verify("math", reply, "55").correct
    verdict = verify("math", reply, "55", closed_form=True)
    assert verdict.correct is False
    assert verdict.reason == "an unevaluated sum, product, integral or limit where a value is asked for"
    assert verify("math", boxed("55"), "55", closed_form=True).correct


ALPHABET = [
    *["\\frac", "\\text{", "\\left", "{", "}", "(", ")", "[", "]", "=", "<", "\\le ", "\\cup ", "\\pm ", ",", ":"],
    *["1", "2", "x", "e", "i", "%", "!", "^", "_", "\\{", "\\}", "\\infty", " or ", "\\\\", "&", "\\begin{pmatrix}"],
    *["\\end{pmatrix}", "\\sqrt", "\\sin", "\\log_", "|", "-", "+", "/", "\\sum_{k=1}^{9}", "\\int_0^1", "dx", "cm"],
    *[
        "^\\circ",
        "\\mathbb{R}",
        "\\in",
        "not",
        "the",
        "...",
        "0.",
        "\\overline",
        "'",
        "$",
        "√",
        "½",
        "²",
        "\ud800",
        "\x00",
    ],
]


@given(st.lists(st.sampled_from(ALPHABET), max_size=25).map("".join))
def test_broken_latex_never_raises(text: str) -> None:
    for gold in ("5", r"\{1,2\}", "x>3", r"\begin{pmatrix}1\\2\end{pmatrix}", "y=2x", "3:4", r"5\text{ cm}"):
        first_pass(boxed(text), gold)


@given(
    st.text(alphabet=st.characters(), max_size=60),
    st.sampled_from(["5", r"\{1,2\}", r"\text{yes}", "x>3", "(1,2)", "y=2x"]),
)
def test_any_text_is_graded_without_an_exception(text: str, gold: str) -> None:
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
