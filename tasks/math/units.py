"""Conversions of units: lengths, masses, times, areas, volumes, speeds, densities and flows.

answer       "3500", "25/9": a whole number or a fraction in lowest terms, in the unit that is asked for
in the tags  3500, or 3500 m; the number counts, and a unit behind it is ignored

All units are those of the metric system, and the inch, foot, yard and mile at their exact lengths.

    TASK.problem(0, level=1).prompt      # 'How many metres are 3.5 km? ...'
"""

from collections.abc import Mapping
from fractions import Fraction

from verigym.tasks.math.questions import Question, questions_task
from verigym.tasks.supply import Level

Table = Mapping[str, Fraction]

LENGTHS: Table = {
    "mm": Fraction(1, 1000), "cm": Fraction(1, 100), "dm": Fraction(1, 10), "m": Fraction(1), "km": Fraction(1000),
}  # fmt: skip
MASSES: Table = {"mg": Fraction(1, 1000), "g": Fraction(1), "kg": Fraction(1000), "tonnes": Fraction(10**6)}
TIMES: Table = {
    "seconds": Fraction(1), "minutes": Fraction(60), "hours": Fraction(3600), "days": Fraction(86_400),
    "weeks": Fraction(604_800),
}  # fmt: skip
INCHES: Table = {
    "inches": Fraction(1), "feet": Fraction(12), "yards": Fraction(36), "miles": Fraction(63_360),
    "centimetres": Fraction(100, 254),
}  # fmt: skip
AREAS: Table = {
    "square millimetres": Fraction(1, 10**6), "square centimetres": Fraction(1, 10**4), "square metres": Fraction(1),
    "hectares": Fraction(10**4), "square kilometres": Fraction(10**6),
}  # fmt: skip
VOLUMES: Table = {
    "cubic centimetres": Fraction(1), "millilitres": Fraction(1), "litres": Fraction(1000),
    "cubic metres": Fraction(10**6), "cubic millimetres": Fraction(1, 1000),
}  # fmt: skip
SPEEDS: Table = {
    "metres per second": Fraction(1), "kilometres per hour": Fraction(1000, 3600),
    "metres per minute": Fraction(1, 60), "centimetres per second": Fraction(1, 100),
}  # fmt: skip
DENSITIES: Table = {
    "grams per cubic centimetre": Fraction(1), "kilograms per cubic metre": Fraction(1, 1000),
    "grams per litre": Fraction(1, 1000), "milligrams per cubic millimetre": Fraction(1),
}  # fmt: skip
FLOWS: Table = {
    "litres per minute": Fraction(1), "litres per hour": Fraction(1, 60), "cubic metres per hour": Fraction(1000, 60),
    "millilitres per second": Fraction(60, 1000),
}  # fmt: skip


def decimal(n: int) -> str:
    """A number of tenths as a decimal: 35 is `3.5`, 40 is `4`."""
    return str(n // 10) if n % 10 == 0 else f"{n // 10}.{n % 10}"


def _question(name: str, table: Table) -> Question:
    """Conversions between any two units of a table that differ in size; quantities in tenths."""
    units = list(table)

    def converted(n: int, a: int, b: int) -> Fraction:
        return Fraction(n, 10) * table[units[a]] / table[units[b]]

    places = range(len(units))
    return Question(
        name, "How many {target} are {given} {source}?", "{given} {source} > {target}",
        {"n": range(11, 2000), "a": places, "b": places},
        converted,
        fits=lambda n, a, b: table[units[a]] != table[units[b]],
        shown=lambda n, a, b: {"given": decimal(n), "source": units[a], "target": units[b]},
        work=lambda n, a, b: f"{decimal(n)} * {table[units[a]] / table[units[b]]}",
    )  # fmt: skip


QUESTIONS = {
    1: (_question("length", LENGTHS), _question("mass", MASSES), _question("time", TIMES)),
    2: (_question("area", AREAS), _question("volume", VOLUMES), _question("inch", INCHES)),
    3: (_question("speed", SPEEDS), _question("density", DENSITIES), _question("flow", FLOWS)),
}
"""Level to its questions."""

LEVELS = {
    1: Level("lengths, masses, times", space=1_989 * (20 + 12 + 20), chance=0.0004),
    2: Level("areas, volumes, inches to miles", space=1_989 * (20 + 18 + 20), chance=0.0004),
    3: Level("speeds, densities, flows", space=1_989 * (12 + 8 + 12), chance=0.0005),
}

TASK = questions_task("units", QUESTIONS, LEVELS, form="-97/89")
