"""The mathematics environments with their verifiers: the oracle is right; echoes, formulas and hedges are not."""

import re

import pytest

from verigym.envs.builtin import TABLE
from verigym.tasks import Problem, load
from verigym.verifiers import verify_many

NAMES = (
    "linear-equations", "systems", "quadratics", "polynomials", "fractions", "derivatives", "integrals",
    "number-theory", "sequences", "probability", "geometry", "percent-and-rates", "matrices", "units", "counting",
    "averages", "roman",
)  # fmt: skip


def problems(name: str, style: str = "words") -> list[tuple[Problem, str]]:
    """A few problems of every level with the oracle's reply."""
    task = load(name, style=style)
    found = [problem for level in task.levels for problem in task.problems(5, split="test", level=level)]
    return [(problem, task.oracle(problem)) for problem in found]


def right(name: str, asked: list[tuple[Problem, str]], replies: list[str]) -> list[str]:
    """The replies that are right, after a check that none of them broke the grader."""
    entry = TABLE[name]
    verdicts = verify_many(entry.verifier, replies, [problem.answer for problem, _ in asked], **entry.options)
    assert all(verdict.scored for verdict in verdicts)
    return [reply for reply, verdict in zip(replies, verdicts, strict=True) if verdict.reward > 0]


@pytest.mark.parametrize("style", ["words", "terse"])
@pytest.mark.parametrize("name", NAMES)
def test_the_oracle_is_right_and_lazy_replies_are_not(name: str, style: str) -> None:
    asked = problems(name, style)
    assert len(right(name, asked, [reply for _, reply in asked])) == len(asked)
    question = [problem.text.partition("\n\nThink")[0] for problem, _ in asked]
    formula = [text.partition(": ")[2].rstrip(".") or text for text in question]
    for texts in (question, formula, [problem.text for problem, _ in asked]):
        assert not right(name, asked, texts)
        assert not right(name, asked, [f"<answer>{text}</answer>" for text in texts])
    for lazy in ("", "<answer></answer>", "<answer>x</answer>", "<answer>98765432101</answer>"):
        assert not right(name, asked, [lazy] * len(asked))


@pytest.mark.parametrize("name", NAMES)
def test_a_hedge_is_not_right(name: str) -> None:
    asked = problems(name)
    other = "IX" if name == "roman" else "17/19"
    inside = [reply.rpartition("<answer>")[2].removesuffix("</answer>") for _, reply in asked]
    for hedge in ("{} or {}", "{}, {}", "{} {}", "not {} but {}", "{}\n{}"):
        for first in (True, False):
            said = [hedge.format(*((text, other) if first else (other, text))) for text in inside]
            assert not right(name, asked, [f"<answer>{text}</answer>" for text in said]), hedge


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("fractions", r"What is (.*)\?"),
        ("polynomials", r"Write (.*) as a polynomial"),
        ("derivatives", r"f\(x\) = (.*)\. Give"),
        ("quadratics", r"Solve (.*)\. Give"),
        ("linear-equations", r"Solve for x: (.*)\."),
        ("integrals", r"integral of (.*) from"),
    ],
)
def test_repeating_the_formula_of_a_question_earns_nothing(name: str, pattern: str) -> None:
    asked = problems(name)
    formulas = [match[1] if (match := re.search(pattern, problem.text)) else "1 + 1" for problem, _ in asked]
    for form in ("{}", "({})'", "\\frac{{d}}{{dx}} ({})", "x = {}", "{} = {}"):
        assert not right(name, asked, [f"<answer>{form.format(text, text)}</answer>" for text in formulas]), form


def test_other_forms_of_a_right_answer_are_right() -> None:
    for name, answer, texts in (
        ("fractions", "-7/2", ["-3.5", r"-\frac{7}{2}", "-14/4", "-3 1/2"]),
        ("linear-equations", "-7/2", ["x = -7/2", "-3.5"]),
        ("systems", ["3", "-7/2"], ["(3, -7/2)", "3,-3.5", r"3, -\frac{7}{2}"]),
        ("polynomials", ["6", "-5", "0"], ["6,-5,0", "[6, -5, 0]"]),
        ("quadratics", r"2 - \sqrt{3}, 2 + \sqrt{3}", [r"2+\sqrt{3}, 2-\sqrt{3}", r"x = 2 \pm \sqrt{3}", "2 ± √3"]),
        ("quadratics", r"-3, \frac{5}{2}", ["5/2, -3", "x = -3, x = 2.5", "2.5 and -3"]),
        ("geometry", r"2\sqrt{13}", [r"\sqrt{52}", "2√13", r"\frac{26}{\sqrt{13}}"]),
        ("geometry", r"\frac{9\pi}{4}", [r"2.25\pi", "9π/4", r"\frac{9}{4}\pi"]),
        ("derivatives", "12x^3 - 5", ["-5 + 12x^3", "12 x**3 - 5", "f'(x) = 12x^3 - 5"]),
        ("derivatives", r"2xe^{3x} + 3x^2e^{3x}", [r"xe^{3x}(2 + 3x)", r"x(3x+2)\exp(3x)"]),
        ("derivatives", r"-6\sin(2x + 1)", [r"-6\sin(1 + 2x)", r"-3\cdot 2\sin(2x+1)"]),
        ("counting", "1260", ["1,260", "1260 ways"]),
        ("percent-and-rates", "37/2", ["18.5", "18.5 km/h", "$18.50"]),
        ("units", "3500", ["3,500 m", "3500"]),
    ):
        entry = TABLE[name]
        replies = [f"<answer>{text}</answer>" for text in texts]
        verdicts = verify_many(entry.verifier, replies, [answer] * len(texts), **entry.options)
        assert [one.correct for one in verdicts] == [True] * len(texts), [
            (one.reason, one.extracted) for one in verdicts
        ]
