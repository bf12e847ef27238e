"""Dates and days of the week.

answer       ["Tuesday", "tuesday"] for a day of the week, "2031-05-17" for a date, "45" for a number of days
in the tags  Tuesday, 2031-05-17 or 45, as the question says

Dates lie between 1901 and 2099 in the calendar in use, with its leap years. Nothing must be known but their rule: where
a day of the week is asked for, another one is told. The family is the question without the direction in which it is
asked.

    print(problem(random.Random(0), 2).prompt)
"""

import random
from datetime import date, timedelta
from typing import NamedTuple

from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
FIRST, LAST = date(1901, 1, 1), date(2099, 12, 31)
SPAN = (LAST - FIRST).days + 1
WEEKDAY_STEPS, DATE_STEPS, FAR = 1000, 400, 4000
"""How many days a question reaches at most: from a day of the week, from a date, between two dates of level 4."""

LEVELS = {
    1: Level("the day of the week some days before or after another", space=7 * 2 * WEEKDAY_STEPS, chance=1 / 7),
    2: Level("the date some days before or after another", space=2 * (SPAN - DATE_STEPS), chance=1.5 / SPAN),
    3: Level("how many days lie between two dates", space=SPAN - DATE_STEPS, chance=1 / DATE_STEPS),
    4: Level("the day of the week of a date, another one known", space=SPAN - FAR, chance=1 / 7),
    # Every month has four of each day: of 199 years, 12 months, 7 days and 4 places, each with one date.
    5: Level("such as the third Friday of a month, another day known", space=199 * 12 * 7 * 4, chance=1.5 / SPAN),
}


class _Question(NamedTuple):
    words: str
    terse: str
    answer: str
    work: str
    form: str
    family: str


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """The question of a level with dates and distances evenly drawn."""
    question = (_weekday_steps, _date_steps, _between, _weekday, _nth)[level - 1](rng)
    answer = [question.answer, question.answer.lower()] if question.answer in DAYS else question.answer
    return Problem(
        prompt=ask(style, question.words, terse=question.terse, form=f"<answer>{question.form}</answer>"),
        answer=answer,
        key=question.terse,
        family=question.family,
        meta={"work": question.work},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """What leads to the answer, and the answer."""
    answer = problem.answer if isinstance(problem.answer, str) else problem.answer[0]
    return answered(style, answer, problem.meta["work"])


def _weekday_steps(rng: random.Random) -> _Question:
    today, steps, later = rng.randrange(7), rng.randint(1, WEEKDAY_STEPS), rng.random() < 0.5
    then = (today + (steps if later else -steps)) % 7
    asked = f"will it be in {steps} days" if later else f"was it {steps} days ago"
    return _Question(
        f"Today is {DAYS[today]}. What day of the week {asked}?",
        f"{DAYS[today][:3]}{'+' if later else '-'}{steps}",
        DAYS[then],
        f"{steps} days are {steps // 7} weeks and {steps % 7} days.",
        "Someday",
        str(steps),
    )


def _date_steps(rng: random.Random) -> _Question:
    one = FIRST + timedelta(rng.randrange(SPAN - DATE_STEPS))
    steps, later = rng.randint(1, DATE_STEPS), rng.random() < 0.5
    other = one + timedelta(steps)
    start, end = (one, other) if later else (other, one)
    return _Question(
        f"What date is {steps} day{'s' if steps > 1 else ''} {'after' if later else 'before'} {_spoken(start)}? Answer "
        "as year-month-day.",
        f"{start}{'+' if later else '-'}{steps}",
        str(end),
        f"{start} is day {start.timetuple().tm_yday} of its year, {end} is day {end.timetuple().tm_yday} of its year.",
        "YYYY-MM-DD",
        f"{one} {steps}",
    )


def _between(rng: random.Random) -> _Question:
    one = FIRST + timedelta(rng.randrange(SPAN - DATE_STEPS))
    steps = rng.randint(1, DATE_STEPS)
    other = one + timedelta(steps)
    return _Question(
        f"How many days after {_spoken(one)} is {_spoken(other)}?",
        f"{one}..{other}",
        str(steps),
        f"{one} is day {one.timetuple().tm_yday} of its year, {other} is day {other.timetuple().tm_yday} of its year.",
        "number",
        f"{one} {other}",
    )


def _weekday(rng: random.Random) -> _Question:
    one = FIRST + timedelta(rng.randrange(SPAN - FAR))
    steps = rng.randint(8, FAR)
    other = one + timedelta(steps)
    known, asked = (one, other) if rng.random() < 0.5 else (other, one)
    return _Question(
        f"{_spoken(known)} is a {DAYS[known.weekday()]}. What day of the week is {_spoken(asked)}?",
        f"{known}={DAYS[known.weekday()][:3]} {asked}?",
        DAYS[asked.weekday()],
        f"They are {steps} days apart: {steps // 7} weeks and {steps % 7} days.",
        "Someday",
        f"{one} {other}",
    )


def _nth(rng: random.Random) -> _Question:
    year, month, day, place = rng.randint(1901, 2099), rng.randint(1, 12), rng.randrange(7), rng.randrange(4)
    new_year, first = date(year, 1, 1), date(year, month, 1)
    offset = (day - first.weekday()) % 7
    found = first + timedelta(offset + 7 * place)
    ordinal = ("first", "second", "third", "fourth")[place]
    return _Question(
        f"The year {year} begins on a {DAYS[new_year.weekday()]}. What date is the {ordinal} {DAYS[day]} in "
        f"{MONTHS[month - 1]} of that year? Answer as year-month-day.",
        f"{year}={DAYS[new_year.weekday()][:3]} {place + 1}.{DAYS[day][:3]} in {month}?",
        str(found),
        f"{first} is day {first.timetuple().tm_yday} of the year, a {DAYS[first.weekday()]}.",
        "YYYY-MM-DD",
        f"{year} {month} {day} {place}",
    )


def _spoken(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


TASK = Generated("calendar", problem, LEVELS, oracle)
