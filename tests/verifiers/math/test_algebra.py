"""What sympy decides, on trees of ours."""

import pytest

from verigym.verifiers.math.algebra import built, equal, grade
from verigym.verifiers.math.read import expression
from verigym.verifiers.math.tokens import tokenize


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        (r"\int_0^1 x^2 dx", r"\frac13", True),
        (r"\int_0^1 x^2 dx", r"\frac12", False),
        (r"\int_0^a x dx", r"\frac{a^2}{2}", True),
        (r"\lim_{x\to 0}\frac{\sin x}{x}", "1", True),
        (r"\lim_{n\to\infty}(1+\frac1n)^n", "e", True),
        (r"\sum_{k=1}^{\infty}\frac{1}{k^2}", r"\frac{\pi^2}{6}", True),
        (r"\sum_{k=1}^{\infty}\frac{1}{k^2}", r"\frac{\pi^2}{7}", False),
        (r"\sum_{k=1}^{n}\sum_{j=1}^{k} j", r"\frac{n(n+1)(n+2)}{6}", True),
        (r"\ln(-1)", r"i\pi", True),
    ],
)
def test_equal(one: str, other: str, verdict: bool) -> None:
    assert equal(expression(tokenize(one)), expression(tokenize(other))) is verdict


def test_every_function_is_built_as_the_probe_computes_it() -> None:
    import sympy

    from verigym.verifiers.math.probe import at
    from verigym.verifiers.math.vocabulary import FUNCTIONS

    left_out = {"det", "gcd", "lcm", "log", "max", "min", "cis", "exp"}
    for name in sorted({name for name in FUNCTIONS.values() if name not in left_out} - {"lg"}):
        x = "1.25" if name in ("arcsec", "arccsc") else "0.25"
        tree = ("fn", name, expression(tokenize(x)))
        ours = complex(at(tree, {}, 40)[0])
        theirs = complex(sympy.N(built(tree), 30))
        assert abs(ours - theirs) < 1e-12, name
    for text in (
        r"\log_2 5",
        r"\log 5",
        r"\max(3,5)",
        r"\gcd(12,18)",
        "5!",
        r"\binom{7}{3}",
        "e^{2}",
        r"\sqrt[3]{-8}",
        r"30^\circ",
    ):
        tree = expression(tokenize(text))
        assert abs(complex(at(tree, {}, 40)[0]) - complex(sympy.N(built(tree), 30))) < 1e-12, text


def test_a_verdict_names_the_layer() -> None:
    verdict = grade([r"\int_0^1 x^2 dx"], r"\frac13")
    assert verdict.correct
    assert verdict.reason == "algebra: int(x, 0, 1, x^2) is 1/3"
