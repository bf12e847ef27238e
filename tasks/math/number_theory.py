"""Number theory: common divisors and multiples, divisors and primes, powers and inverses modulo m, remainders.

answer       "12": a whole number, 0 or positive
in the tags  12

    TASK.problem(0, level=1).prompt      # 'What is the greatest common divisor of 84 and 126? ...'
"""

from math import gcd, lcm, prod

from verigym.tasks.math.questions import Question, questions_task
from verigym.tasks.supply import Level


def factors(n: int) -> dict[int, int]:
    """The primes of a positive number with their exponents, by trial division."""
    found: dict[int, int] = {}
    divisor = 2
    while divisor * divisor <= n:
        while n % divisor == 0:
            found[divisor] = found.get(divisor, 0) + 1
            n //= divisor
        divisor += 1
    if n > 1:
        found[n] = found.get(n, 0) + 1
    return found


def _product(n: int) -> str:
    """`84 = 2^2 * 3 * 7`"""
    return f"{n} = " + " * ".join(str(p) if e == 1 else f"{p}^{e}" for p, e in factors(n).items())


def _composite(n: int) -> bool:
    return sum(factors(n).values()) > 1


_PAIR = {"g": range(2, 41), "p": range(2, 30), "q": range(2, 30)}
_COMPOSITE = {"n": range(60, 5000)}

QUESTIONS = {
    1: (
        Question(
            "gcd", "What is the greatest common divisor of {a} and {b}?", "gcd({a},{b})", _PAIR,
            lambda g, p, q: g,
            fits=lambda g, p, q: p < q and gcd(p, q) == 1,
            shown=lambda g, p, q: {"a": g * p, "b": g * q},
            work=lambda g, p, q: f"{_product(g * p)}\n{_product(g * q)}",
        ),
        Question(
            "lcm", "What is the least common multiple of {a} and {b}?", "lcm({a},{b})", _PAIR,
            lambda g, p, q: lcm(g * p, g * q),
            fits=lambda g, p, q: p < q and gcd(p, q) == 1,
            shown=lambda g, p, q: {"a": g * p, "b": g * q},
            work=lambda g, p, q: f"{_product(g * p)}\n{_product(g * q)}",
        ),
    ),
    2: (
        Question(
            "divisors", "How many positive divisors does {n} have?", "divisors {n}", _COMPOSITE,
            lambda n: prod(e + 1 for e in factors(n).values()), _composite, work=_product,
        ),
        Question(
            "divisor-sum", "What is the sum of all positive divisors of {n}, {n} itself included?", "sigma {n}",
            _COMPOSITE, lambda n: prod((p ** (e + 1) - 1) // (p - 1) for p, e in factors(n).items()), _composite,
            work=_product,
        ),
        Question(
            "largest-prime", "What is the largest prime factor of {n}?", "largest prime {n}", _COMPOSITE,
            lambda n: max(factors(n)), _composite, work=_product,
        ),
        Question(
            "totient", "How many of the numbers from 1 to {n} have no common divisor with {n} but 1?", "phi {n}",
            _COMPOSITE, lambda n: prod((p - 1) * p ** (e - 1) for p, e in factors(n).items()), _composite,
            work=_product,
        ),
    ),
    3: (
        Question(
            "inverse",
            "Find the number x from 1 to {last} with {a} * x = 1 modulo {m}.", "{a}*x=1 mod {m}",
            {"a": range(2, 300), "m": range(30, 300)},
            lambda a, m: pow(a, -1, m),
            fits=lambda a, m: 1 < a < m - 1 and gcd(a, m) == 1 and a * a % m != 1,
            shown=lambda a, m: {"last": m - 1},
            work=lambda a, m: f"{a} * {pow(a, -1, m)} = {(a * pow(a, -1, m) - 1) // m} * {m} + 1",
        ),
        Question(
            "power", "What is the remainder of {base}^{exp} divided by {mod}?", "{base}^{exp} mod {mod}",
            {"base": range(2, 100), "exp": range(10, 500), "mod": range(30, 300)},
            pow,
            fits=lambda base, exp, mod: gcd(base, mod) == 1 and pow(base, exp, mod) not in {1, base % mod},
        ),
    ),
    4: (
        Question(
            "remainders",
            "Find the smallest whole number x, 0 or larger, that leaves the remainder {r} when divided by {p} and {s} "
            "when divided by {q}.",
            "x={r} mod {p}, x={s} mod {q}",
            {"r": range(1, 60), "p": range(7, 60), "s": range(1, 60), "q": range(7, 60)},
            lambda r, p, s, q: next(x for x in range(r, p * q, p) if x % q == s),
            fits=lambda r, p, s, q: r < p < q and s < q and r != s and gcd(p, q) == 1,
            work=lambda r, p, s, q: f"x = {r} + {p}k",
        ),
        Question(
            "three-remainders",
            "Find the smallest whole number x, 0 or larger, that leaves the remainder {r} when divided by {p}, {s} "
            "when "
            "divided by {q} and {t} when divided by {u}.",
            "x={r} mod {p}, x={s} mod {q}, x={t} mod {u}",
            {"r": range(1, 12), "p": range(5, 13), "s": range(1, 16), "q": range(7, 17), "t": range(1, 20),
             "u": range(9, 21)},
            lambda r, p, s, q, t, u: next(x for x in range(r, p * q * u, p) if x % q == s and x % u == t),
            fits=lambda r, p, s, q, t, u: (
                r < p and s < q and t < u and p < q < u and len({r, s, t}) > 1
                and gcd(p, q) == gcd(p, u) == gcd(q, u) == 1
            ),
            work=lambda r, p, s, q, t, u: f"x = {r} + {p}k",
        ),
    ),
}  # fmt: skip
"""Level to its questions."""

LEVELS = {
    1: Level("greatest common divisor, least common multiple", space=18_798, chance=0.015),
    2: Level("number and sum of divisors, largest prime, totient", space=17_152, chance=0.08),
    3: Level("inverses and powers modulo m", space=6_000_000, chance=0.016),
    4: Level("two or three remainders", space=1_000_000, chance=0.001),
}

TASK = questions_task("number-theory", QUESTIONS, LEVELS, form="98765")
