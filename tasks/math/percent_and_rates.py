"""Percentages, speeds, work and mixtures.

answer       "37/2": a whole number or a fraction in lowest terms, in the unit that is asked for
in the tags  37/2 or 18.5; a unit behind it is ignored, a rounded value is wrong

    TASK.problem(0, level=1).prompt      # 'What is 35 % of 480? ...'
"""

from fractions import Fraction

from verigym.tasks.math.questions import Question, questions_task
from verigym.tasks.supply import Level

_EXACT = " Give the exact number, as a fraction if need be."
_PERCENT = [one for one in range(5, 100) if one != 50]

QUESTIONS = {
    1: (
        Question(
            "percent-of", "What is {p} % of {n}?", "{p}% of {n}", {"p": _PERCENT, "n": range(20, 1000, 5)},
            lambda p, n: Fraction(p * n, 100),
            work=lambda p, n: f"{p} * {n} / 100",
        ),
        Question(
            "what-percent", "How many percent of {n} are {m}?" + _EXACT, "{m} is ?% of {n}",
            {"p": range(2, 400), "n": [20, 25, 40, 50, 80, 125, 150, 160, 200, 240, 250, 300, 400, 500, 600, 800]},
            lambda p, n: Fraction(p),
            fits=lambda p, n: p * n % 100 == 0 and p != 100 and n * p // 100 != p,
            shown=lambda p, n: {"m": p * n // 100},
            work=lambda p, n: f"{p * n // 100} * 100 / {n}",
        ),
        Question(
            "change",
            "A price rises by {p} % and the new price then falls by {q} %. It was {n} dollars. What is it now, in "
            "dollars?"
            + _EXACT,
            "{n} +{p}% -{q}%", {"p": range(5, 60), "q": range(5, 60), "n": range(20, 400, 20)},
            lambda p, q, n: n * Fraction(100 + p, 100) * Fraction(100 - q, 100),
            fits=lambda p, q, n: p != q,
            work=lambda p, q, n: f"{n} * {100 + p}/100 * {100 - q}/100",
        ),
    ),
    2: (
        Question(
            "reverse-percent",
            "After a discount of {p} % a coat costs {n} dollars. What did it cost before, in dollars?" + _EXACT,
            "{n} after -{p}%", {"p": _PERCENT, "n": range(20, 400)},
            lambda p, n: Fraction(100 * n, 100 - p),
            work=lambda p, n: f"{n} * 100 / {100 - p}",
        ),
        Question(
            "average-speed",
            "A cyclist rides {a} km at {v} km/h and then {b} km at {w} km/h. What is the average speed of the whole "
            "ride, "
            "in km/h?" + _EXACT,
            "{a}km@{v} {b}km@{w}",
            {"a": range(5, 60), "v": range(10, 40), "b": range(5, 60), "w": range(10, 40)},
            lambda a, v, b, w: (a + b) / (Fraction(a, v) + Fraction(b, w)),
            fits=lambda a, v, b, w: v != w,
            work=lambda a, v, b, w: f"{a + b} km in {Fraction(a, v) + Fraction(b, w)} h",
            twins=lambda a, v, b, w: sorted([(a, v), (b, w)]),
        ),
        Question(
            "meeting",
            "Two trains {d} km apart drive towards each other, one at {v} km/h and the other at {w} km/h. After how "
            "many "
            "minutes do they meet?" + _EXACT,
            "meet {d}km {v} {w}", {"d": range(40, 600, 5), "v": range(40, 130, 5), "w": range(40, 130, 5)},
            lambda d, v, w: Fraction(60 * d, v + w),
            fits=lambda d, v, w: v < w,
            work=lambda d, v, w: f"{d} / ({v} + {w}) h",
        ),
    ),
    3: (
        Question(
            "work-together",
            "One pump fills a tank in {a} hours, a second one in {b} hours, and a drain empties it in {c} hours. All "
            "three "
            "are open and the tank is empty. After how many hours is it full?" + _EXACT,
            "fill {a},{b} drain {c}", {"a": range(2, 40), "b": range(2, 40), "c": range(3, 50)},
            lambda a, b, c: 1 / (Fraction(1, a) + Fraction(1, b) - Fraction(1, c)),
            fits=lambda a, b, c: a < b < c,
            work=lambda a, b, c: f"1/{a} + 1/{b} - 1/{c} = {Fraction(1, a) + Fraction(1, b) - Fraction(1, c)} an hour",
        ),
        Question(
            "mixture",
            "How many litres of a solution of {p} % must be added to {n} litres of one of {q} % to get one of {r} %?"
            + _EXACT,
            "{n}L {q}% + ?L {p}% = {r}%",
            {"p": range(10, 95), "q": range(1, 60), "r": range(5, 90), "n": range(2, 50)},
            lambda p, q, r, n: Fraction(n * (r - q), p - r),
            fits=lambda p, q, r, n: q < r < p,
            work=lambda p, q, r, n: f"{n} * ({r} - {q}) / ({p} - {r})",
        ),
        Question(
            "stream",
            "A boat goes {d} km down a river and back. It makes {v} km/h in still water and the river flows at {w} "
            "km/h. "
            "How many minutes does the whole trip take?" + _EXACT,
            "boat {d}km v={v} w={w}", {"d": range(2, 100), "v": range(8, 30), "w": range(1, 8)},
            lambda d, v, w: 60 * (Fraction(d, v + w) + Fraction(d, v - w)),
            work=lambda d, v, w: f"{d}/{v + w} h + {d}/{v - w} h",
        ),
        Question(
            "interest",
            "{n} dollars are lent at {p} % a year, and the interest is added at the end of each year. How much is owed "
            "after {t} years, in dollars?" + _EXACT,
            "{n} at {p}% for {t}y", {"n": range(100, 5000, 25), "p": range(2, 21), "t": range(2, 5)},
            lambda n, p, t: n * Fraction(100 + p, 100) ** t,
            work=lambda n, p, t: f"{n} * ({100 + p}/100)^{t}",
        ),
    ),
}  # fmt: skip
"""Level to its questions."""

LEVELS = {
    1: Level("percentages of numbers, changes", space=78_416, chance=0.003),
    2: Level("the value before, average speed, meeting", space=2_500_000, chance=0.003),
    3: Level("work, mixtures, streams, interest", space=5_500_000, chance=0.0015),
}

TASK = questions_task("percent-and-rates", QUESTIONS, LEVELS)
