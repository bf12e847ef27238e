"""Word problems from templates: everyday stories in two to five steps.

answer       "42": a positive integer
in the tags  42
work         one line of arithmetic for each step

A template is a text with names for its quantities, the range of each, and the steps. Any choice from the ranges makes
sense, so the space of a level is counted exactly. People and things are drawn beside it and belong to neither key nor
family: the same quantities with another name are the same problem.

    problem(random.Random(0), 1).prompt
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

PEOPLE = (
    "Ada",
    "Ben",
    "Chidi",
    "Dora",
    "Emil",
    "Fatima",
    "Grace",
    "Hugo",
    "Ines",
    "Jonas",
    "Kaya",
    "Liam",
    "Mei",
    "Noor",
    "Omar",
    "Priya",
)
THINGS = ("apples", "pencils", "stickers", "marbles", "buttons", "shells", "cards", "cookies", "stamps", "beads")
PLACES = ("market", "fair", "library", "museum", "harbour", "station", "farm", "school")


@dataclass(frozen=True)
class Step:
    """One step of the work: `left operator right = result`, computed from quantities and earlier results by name."""

    result: str
    left: str
    operator: str
    right: str


@dataclass(frozen=True)
class Template:
    """text: the story with {quantity}, {person}, {friend}, {thing} and {place}; ranges: what each quantity may be;
    steps: how the answer, which is the last result, comes about; a name in `given` is computed from the quantities and
    printed, not drawn."""

    name: str
    text: str
    ranges: Mapping[str, range]
    steps: tuple[Step, ...]
    given: Mapping[str, Callable[[Mapping[str, int]], int]]

    @property
    def space(self) -> int:
        return prod(len(values) for values in self.ranges.values())


def _steps(*lines: str) -> tuple[Step, ...]:
    """Steps from lines such as "total = boxes * each"."""
    return tuple(Step(*(line.split()[index] for index in (0, 2, 3, 4))) for line in lines)


TEMPLATES: dict[int, tuple[Template, ...]] = {
    1: (
        Template(
            "change",
            "{person} buys {n} {thing} at the {place} for {price} dollars each and pays with {paid} dollars. "
            "How many dollars does {person} get back?",
            {"n": range(2, 13), "price": range(2, 20), "back": range(1, 30)},
            _steps("cost = n * price", "change = paid - cost"),
            {"paid": lambda q: q["n"] * q["price"] + q["back"]},
        ),
        Template(
            "boxes",
            "{person} has {boxes} boxes with {each} {thing} in each, and {loose} loose {thing}. "
            "How many {thing} does {person} have altogether?",
            {"boxes": range(2, 20), "each": range(3, 25), "loose": range(1, 50)},
            _steps("boxed = boxes * each", "all = boxed + loose"),
            {},
        ),
        Template(
            "trip",
            "A bus drives at {speed} kilometres an hour for {hours} hours to the {place}, and then {more} kilometres "
            "further. "
            "How many kilometres does it drive altogether?",
            {"speed": range(30, 100), "hours": range(2, 10), "more": range(5, 60)},
            _steps("first = speed * hours", "all = first + more"),
            {},
        ),
    ),
    2: (
        Template(
            "share",
            "{person} has {mine} {thing} and {friend} has {theirs} more than {person}. They put them together and "
            "share them evenly "
            "among {people} children. How many {thing} does each child get?",
            {"people": range(3, 13), "each": range(8, 40), "mine": range(2, 12)},
            _steps("friend = mine + theirs", "all = mine + friend", "share = all / people"),
            {"theirs": lambda q: q["people"] * q["each"] - 2 * q["mine"]},
        ),
        Template(
            "wages",
            "{person} earns {pay} dollars an hour at the {place} and works {hours} hours a day. After {days} days "
            "{person} spends {spent} "
            "dollars on {thing}. How many dollars are left?",
            {"pay": range(9, 30), "hours": range(2, 9), "days": range(3, 15), "spent": range(5, 50)},
            _steps("daily = pay * hours", "earned = daily * days", "left = earned - spent"),
            {},
        ),
        Template(
            "rows",
            "At the {place} there are {rows} rows of {seats} seats. {taken} seats are taken by adults and {children} "
            "by children. "
            "How many seats are free?",
            {"rows": range(5, 25), "seats": range(10, 30), "taken": range(3, 25), "children": range(2, 25)},
            _steps("all = rows * seats", "sitting = taken + children", "free = all - sitting"),
            {},
        ),
    ),
    3: (
        Template(
            "stall",
            "{person} makes {batches} trays of {each} {thing} and gives {gift} of them to {friend}. The rest is sold "
            "at the {place} for "
            "{price} dollars apiece. The stall costs {rent} dollars. How many dollars does {person} keep?",
            {
                "batches": range(3, 15),
                "each": range(10, 30),
                "gift": range(2, 20),
                "price": range(3, 10),
                "rent": range(2, 25),
            },
            _steps("made = batches * each", "sold = made - gift", "taken = sold * price", "kept = taken - rent"),
            {},
        ),
        Template(
            "saving",
            "{person} wants a bicycle for {cost} dollars and already has {have} dollars. Each week {person} gets "
            "{pocket} dollars pocket "
            "money and earns {job} dollars at the {place}, but spends {spend} dollars on {thing}. "
            "After how many weeks is there just enough money?",
            {
                "weeks": range(3, 30),
                "have": range(10, 80),
                "pocket": range(8, 20),
                "job": range(5, 25),
                "spend": range(1, 8),
            },
            _steps(
                "missing = cost - have", "income = pocket + job", "saved = income - spend", "weeks = missing / saved"
            ),
            {"cost": lambda q: q["have"] + q["weeks"] * (q["pocket"] + q["job"] - q["spend"])},
        ),
        Template(
            "two-cars",
            "Two cars start {gap} kilometres apart on a straight road and drive away from each other, one at {fast} "
            "and one at {slow} "
            "kilometres an hour. They drive for {hours} hours, rest, and drive for {later} hours more. "
            "How many kilometres apart are they then?",
            {
                "fast": range(60, 110),
                "slow": range(30, 60),
                "hours": range(2, 7),
                "later": range(1, 6),
                "gap": range(3, 40),
            },
            _steps("both = fast + slow", "time = hours + later", "driven = both * time", "apart = driven + gap"),
            {},
        ),
        Template(
            "pool",
            "A tank holds {start} litres. A pump adds {flow} litres a minute while {leak} litres a minute leak out. "
            "After {minutes} minutes "
            "{person} takes out {buckets} buckets of {size} litres. How many litres are left?",
            {
                "start": range(200, 400),
                "flow": range(20, 50),
                "leak": range(2, 20),
                "minutes": range(5, 30),
                "buckets": range(2, 11),
                "size": range(5, 16),
            },
            _steps(
                "net = flow - leak",
                "added = net * minutes",
                "full = start + added",
                "out = buckets * size",
                "left = full - out",
            ),
            {},
        ),
    ),
}

LEVELS = {
    1: Level("two steps", space=sum(template.space for template in TEMPLATES[1]), chance=0.014),
    2: Level("three steps", space=sum(template.space for template in TEMPLATES[2]), chance=0.014),
    3: Level("four or five steps", space=sum(template.space for template in TEMPLATES[3]), chance=0.012),
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """A template of a level, evenly drawn, with quantities evenly drawn from its ranges."""
    template = rng.choice(TEMPLATES[level])
    drawn = {name: rng.choice(values) for name, values in template.ranges.items()}
    quantities = drawn | {name: compute(drawn) for name, compute in template.given.items()}
    person, friend = rng.sample(PEOPLE, 2)
    text = template.text.format(
        **quantities, person=person, friend=friend, thing=rng.choice(THINGS), place=rng.choice(PLACES)
    )
    work, result = _worked(template, quantities)
    key = f"{template.name}:" + ",".join(f"{name}={number}" for name, number in sorted(drawn.items()))
    return Problem(
        prompt=ask(style, text, terse=text, form="<answer>12</answer>"),
        answer=str(result),
        key=key,
        meta={"template": template.name, "quantities": quantities, "work": work},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The steps, one a line."""
    work = problem.meta["work"]
    return answered(style, problem.answer, "\n".join(work), ";".join(line.replace(" ", "") for line in work))


def _worked(template: Template, quantities: Mapping[str, int]) -> tuple[list[str], int]:
    known = dict(quantities)
    lines, result = [], 0
    for step in template.steps:
        left, right = known[step.left], known[step.right]
        result = {"+": left + right, "-": left - right, "*": left * right, "/": left // right}[step.operator]
        known[step.result] = result
        lines.append(f"{left} {step.operator} {right} = {result}")
    return lines, result


TASK = Generated("word-problems", problem, LEVELS, oracle)
