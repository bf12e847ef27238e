r"""The dear layer: sympy on expressions that were read by our own parser. Runs in a worker process only.

    equal(expression(tokenize(r"\int_0^1 x^2 dx")), expression(tokenize(r"\frac13")))       # True, in the worker's time

Never a text: what sympy is given are trees, built node by node. No alarm of its own: the pool's wall deadline ends what
takes too long, and its memory bound what grows too large.
"""

from typing import Any

from verigym.verifiers.math.tree import Tree
from verigym.verifiers.math.verify import conclude
from verigym.verifiers.verdict import Verdict

DIGITS = 30
"""two numbers must agree to this many digits, relative to their size"""


def grade(answers: list[str], gold: str) -> Verdict:
    """Whether the extracted answer is `gold`, with algebra allowed. Called by the pool."""
    return conclude(answers, gold, equal)


def equal(one: Tree, other: Tree) -> bool:
    """Whether sympy finds the difference of two expressions to be zero."""
    import sympy

    left, right = built(one).doit(), built(other).doit()
    if any(part.has(sympy.nan, sympy.zoo) for part in (left, right)):
        return False
    difference = left - right
    if difference == 0:
        return True
    if not difference.free_symbols:
        return _vanishes(left, right, difference)
    return bool(sympy.simplify(difference) == 0)


def _vanishes(left: Any, right: Any, difference: Any) -> bool:
    import sympy

    numbers = [sympy.N(one, DIGITS + 20, maxn=400) for one in (left, right, difference)]
    if not all(part.is_Float or part.is_Rational for number in numbers for part in number.as_real_imag()):
        return bool(sympy.simplify(difference) == 0)
    size = max(abs(numbers[0]), abs(numbers[1]))
    return bool(abs(numbers[2]) <= size * sympy.Float(10) ** -DIGITS)


def built(tree: Tree) -> Any:
    """The tree in sympy. Variables are real, so that |x|^2 is x^2. Raises ValueError for a node sympy is not given."""
    import sympy

    kind = tree[0]
    if kind == "num":
        return sympy.Rational(tree[1].numerator, tree[1].denominator)
    if kind == "sym":
        return sympy.Symbol(tree[1], real=True)
    if kind == "const":
        return {"pi": sympy.pi, "e": sympy.E, "i": sympy.I, "inf": sympy.oo}[tree[1]]
    if kind == "add":
        return sympy.Add(*map(built, tree[1:]))
    if kind == "mul":
        return sympy.Mul(*map(built, tree[1:]))
    if kind == "pow":
        return sympy.Pow(built(tree[1]), built(tree[2]))
    if kind == "root":
        return _root(built(tree[1]), built(tree[2]))
    if kind == "fn":
        return _function(tree[1], [built(part) for part in tree[2:]])
    symbol = sympy.Symbol(tree[1], real=True)
    if kind == "lim":
        return sympy.Limit(built(tree[3]), symbol, built(tree[2]), "+-" if tree[2] != ("const", "inf") else "-")
    make = {"sum": sympy.Sum, "prod": sympy.Product, "int": sympy.Integral}[kind]
    return make(built(tree[4]), (symbol, built(tree[2]), built(tree[3])))


def _root(degree: Any, inside: Any) -> Any:
    import sympy

    if degree.is_Integer and degree % 2 and inside.is_real:
        return sympy.real_root(inside, degree)
    return sympy.root(inside, degree)


def _function(name: str, inside: list[Any]) -> Any:
    import sympy

    x = inside[0]
    own = {
        "percent": lambda: x / 100,
        "deg": lambda: x * sympy.pi / 180,
        "ln": lambda: sympy.log(x),
        "log10": lambda: sympy.log(x, 10),
        "log": lambda: sympy.log(inside[-1], x),
        "abs": lambda: sympy.Abs(x),
        "conj": lambda: sympy.conjugate(x),
        "re": lambda: sympy.re(x),
        "im": lambda: sympy.im(x),
        "cis": lambda: sympy.exp(sympy.I * x),
        "fact": lambda: sympy.factorial(x),
        "fact2": lambda: sympy.factorial2(x),
        "binom": lambda: sympy.binomial(*inside),
        "floor": lambda: sympy.floor(x),
        "ceil": lambda: sympy.ceiling(x),
        "sgn": lambda: sympy.sign(x),
        "max": lambda: sympy.Max(*inside),
        "min": lambda: sympy.Min(*inside),
        "gcd": lambda: sympy.gcd_list(inside),
        "lcm": lambda: sympy.lcm_list(inside),
    }
    if name in own:
        return own[name]()
    if name.startswith("arc"):
        return getattr(sympy, f"a{name.removeprefix('arc')}")(x)
    if name in ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "coth"):
        return getattr(sympy, name)(x)
    raise ValueError(f"no {name} in the algebra")
