"""Names, levels and sizes of the wrapped generators, read from `generators.tsv` without importing the package.

    names()[:2]                          # ["reasoning-gym/ab", "reasoning-gym/acre"]
    row("countdown").levels[2].space     # at least so many different problems

Each line of the file: name, `level:space:chance` for every level that can be used, a description. Spaces are lower
bounds (95 %) from the repeats among draws, chances the share of the commonest right answer among them; both were
measured with the version of the package that docs/reasoning-gym.md names, by `benchmarks/reasoning_gym_audit.py`.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from verigym.tasks.splits import SHARES
from verigym.tasks.supply import SMALLEST_SPLIT, Level

PREFIX = "reasoning-gym/"
PACKAGE = "reasoning_gym"
MISSING = 'needs the package reasoning-gym, which is not installed; run: pip install "verigym[gyms]"'
FILE = Path(__file__).with_name("generators.tsv")


@dataclass(frozen=True)
class Row:
    """A generator: what it asks, its levels, and those that make too few problems to be split (not offered)."""

    name: str
    description: str
    levels: Mapping[int, Level]
    small: Mapping[int, Level]


def installed() -> bool:
    """Whether the package is there. It is not imported for this."""
    return importlib.util.find_spec(PACKAGE) is not None


def names() -> list[str]:
    """The ids of all wrapped generators; none where the package is not installed."""
    return [PREFIX + name for name in rows()] if installed() else []


def row(name: str) -> Row:
    """The row of a generator. Raises KeyError for an unknown name."""
    return rows()[name]


@cache
def rows() -> Mapping[str, Row]:
    """Every row of the file, by name."""
    found = {}
    for line in FILE.read_text(encoding="utf-8").splitlines():
        name, numbers, description = line.split("\t")
        parts = [one.split(":") for one in numbers.split()]
        last = max((int(level) for level, _, _ in parts), default=1)
        levels = {
            int(level): Level(_step(int(level), last), space=int(float(space)), chance=float(chance))
            for level, space, chance in parts
        }
        large = {level for level, one in levels.items() if one.space * min(SHARES.values()) >= SMALLEST_SPLIT}
        found[name] = Row(
            name,
            description,
            {level: one for level, one in levels.items() if level in large},
            {level: one for level, one in levels.items() if level not in large},
        )
    return found


def _step(level: int, last: int) -> str:
    return "its own default" if last == 1 else f"step {level} of its curriculum, of {last}"
