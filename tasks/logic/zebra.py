"""Who lives where: houses in a row, clues, and one way that fits them all.

answer       {"names": ["Ann", ..., "cat", ...], "values": ["1", "2", "3"], "rules": [["next", "Ann", "cat"], ...]}: the
             clues, and that no two of one sort share a house
in the tags  `Ann: 1, Bob: 3, cat: 2`, the house of everyone and everything
meta         {"clues": [["next", "Ann", "cat"], ...], "solution": {"Ann": "1", ...}}

All ways to fill the houses are kept as the bits of one number, so clues are put together by `&` until one way is left;
a clue that says nothing new is left out. Key and family leave names out: the family also leaves out which sort is which
and from which end the houses are counted.

    print(problem(random.Random(0), 1, style="terse").prompt)
"""

import random
from collections.abc import Sequence
from functools import cache
from itertools import permutations, product

from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

Item = tuple[int, int]
"""A sort, and which of it: the one that lives in that house of the solution, counted from 0."""
Clue = tuple[str, Item, Item | int]
"""A kind, an item, and another item or, for "equals" and "not-equals", a house."""

SORTS = (
    ("Ann", "Bob", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana"),
    ("cat", "dog", "fish", "horse", "mouse", "parrot", "rabbit", "zebra"),
    ("tea", "milk", "coffee", "juice", "water", "cocoa", "cider", "broth"),
)
SHAPES = {1: (3, 2), 2: (4, 2), 3: (3, 3), 4: (4, 3)}
"""Level to how many houses and sorts."""

LEVELS = {
    # Lower bounds: distinct puzzles met in 100,000 draws (20,000 above the first level). Chance: one way among all.
    1: Level("3 houses, 2 sorts", space=23_830, chance=1 / 6**2),
    2: Level("4 houses, 2 sorts", space=19_530, chance=1 / 24**2),
    3: Level("3 houses, 3 sorts", space=19_674, chance=1 / 6**3),
    4: Level("4 houses, 3 sorts", space=20_000, chance=1 / 24**3),
}

KINDS = ("equals", "not-equals", "same", "different", "less", "next", "adjacent")


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """True clues in a random order, those that leave fewer ways than before, until one way is left."""
    houses, sorts = SHAPES[level]
    named = [rng.sample(names, houses) for names in SORTS[:sorts]]
    clues = needed(houses, sorts, _until_one(rng, houses, sorts))
    solution = {named[sort][house]: str(house + 1) for sort in range(sorts) for house in range(houses)}
    shown = [_named(clue, named) for clue in clues]
    listed = [sorted(names) for names in named]
    key = ";".join(sorted(map(str, clues)))
    words = (
        f"{houses} houses stand in a row, numbered 1 to {houses} from left to right. In each lives one of "
        + ", ".join(listed[0])
        + f", with one pet of {', '.join(listed[1])}"
        + (f" and one favourite drink of {', '.join(listed[2])}" if sorts > 2 else "")
        + ", no two alike.\n"
        + "\n".join(_spoken(rule) for rule in shown)
        + "\nIn which house is each of them? Name all of them with their house number."
    )
    return Problem(
        prompt=ask(
            style,
            words,
            terse="\n".join([" ".join(names) for names in listed] + [" ".join(rule) for rule in shown]),
            form="<answer>Xan: 2, Zoe: 1, ...</answer>",
        ),
        answer={
            "names": [name for names in listed for name in names],
            "values": [str(house + 1) for house in range(houses)],
            "rules": [*(["all-different", *names] for names in listed), *shown],
        },
        key=f"{houses}x{sorts}:{key}",
        family=canonical(houses, sorts, clues),
        meta={"clues": shown, "solution": {name: solution[name] for names in listed for name in names}},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """Who and what is in each house, then the house of each."""
    solution = problem.meta["solution"]
    work = [
        f"House {house}: {', '.join(name for name, place in solution.items() if place == house)}."
        for house in problem.answer["values"]
    ]
    return answered(style, ", ".join(f"{name}: {house}" for name, house in solution.items()), "\n".join(work))


@cache
def ways(houses: int, sorts: int) -> dict[tuple[int, int, int], int]:
    """(sort, item, house) -> the ways to fill the houses in which the item is there, as the bits of a number."""
    orders = list(permutations(range(houses)))
    found = {}
    for sort, item, house in product(range(sorts), range(houses), range(houses)):
        # Ways are counted as a number is, one digit a sort: a digit's pattern is stretched and then repeated.
        stretched = "".join("01"[order[item] == house] * len(orders) ** (sorts - 1 - sort) for order in orders)
        found[sort, item, house] = int(stretched * len(orders) ** sort, 2)
    return found


@cache
def fitting(houses: int, sorts: int, clue: Clue) -> int:
    """The ways that keep a clue, as the bits of a number."""
    kind, one, other = clue
    there = ways(houses, sorts)
    if isinstance(other, int):
        everything = sum(there[0, 0, house] for house in range(houses))
        return there[*one, other] if kind == "equals" else everything & ~there[*one, other]
    pairs = [(left, right) for left in range(houses) for right in range(houses) if _holds(kind, left, right)]
    total = 0
    for left, right in pairs:
        total |= there[*one, left] & there[*other, right]
    return total


def true_clues(houses: int, sorts: int) -> list[Clue]:
    """Every clue that holds when each item is in the house of its number."""
    items = list(product(range(sorts), range(houses)))
    clues: list[Clue] = [("equals", item, item[1]) for item in items]
    clues += [("not-equals", item, house) for item in items for house in range(houses) if house != item[1]]
    for one, other in product(items, repeat=2):
        for kind in KINDS[2:]:
            twice = kind in ("same", "different", "adjacent") and one > other
            alike = one[0] == other[0] and kind in ("same", "different")
            if one != other and not twice and not alike and _holds(kind, one[1], other[1]):
                clues.append((kind, one, other))
    return clues


def needed(houses: int, sorts: int, clues: Sequence[Clue]) -> list[Clue]:
    """The clues without those that follow from the others, looked at from the first to the last."""
    kept = list(clues)
    for clue in clues:
        rest = [one for one in kept if one != clue]
        if rest and _all(houses, sorts, rest).bit_count() == 1:
            kept = rest
    return kept


def canonical(houses: int, sorts: int, clues: Sequence[Clue]) -> str:
    """The first, in the order of texts, of the ways to number the sorts and to count the houses from either end."""
    forms = []
    for order in permutations(range(sorts)):
        for mirrored in (False, True):
            twins = []
            for kind, one, other in clues:
                left = _moved(one, order, houses, mirrored)
                if isinstance(other, int):
                    twins.append(str((kind, left, houses - 1 - other if mirrored else other)))
                    continue
                right = _moved(other, order, houses, mirrored)
                turned = left > right if kind in ("same", "different", "adjacent") else mirrored
                twins.append(str((kind, right, left) if turned else (kind, left, right)))
            forms.append(";".join(sorted(twins)))
    return f"{houses}x{sorts}:{min(forms)}"


def _until_one(rng: random.Random, houses: int, sorts: int) -> list[Clue]:
    chosen: list[Clue] = []
    left = -1
    for clue in rng.sample(true_clues(houses, sorts), len(true_clues(houses, sorts))):
        narrowed = fitting(houses, sorts, clue) if left < 0 else left & fitting(houses, sorts, clue)
        # Clues that settle a house at once are kept rare, so that there is something to reason about.
        if narrowed != left and (clue[0] != "equals" or rng.random() < 0.2):
            chosen.append(clue)
            left = narrowed
        if left.bit_count() == 1 and left > 0:
            break
    return chosen if left.bit_count() == 1 and left > 0 else _until_one(rng, houses, sorts)


def _all(houses: int, sorts: int, clues: Sequence[Clue]) -> int:
    left = fitting(houses, sorts, clues[0])
    for clue in clues[1:]:
        left &= fitting(houses, sorts, clue)
    return left


def _holds(kind: str, one: int, other: int) -> bool:
    return {
        "same": one == other,
        "different": one != other,
        "less": one < other,
        "next": other - one == 1,
        "adjacent": abs(one - other) == 1,
    }[kind]


def _moved(item: Item, order: Sequence[int], houses: int, mirrored: bool) -> Item:
    return order[item[0]], houses - 1 - item[1] if mirrored else item[1]


def _named(clue: Clue, named: Sequence[Sequence[str]]) -> list[str]:
    kind, one, other = clue
    second = str(other + 1) if isinstance(other, int) else named[other[0]][other[1]]
    return [kind, named[one[0]][one[1]], second]


SPOKEN = {
    "equals": "{0} is in house {1}.",
    "not-equals": "{0} is not in house {1}.",
    "same": "{0} and {1} are in the same house.",
    "different": "{0} and {1} are in different houses.",
    "less": "{0} is somewhere to the left of {1}.",
    "next": "{0} is in the house just to the left of {1}.",
    "adjacent": "{0} and {1} are in neighbouring houses.",
}


def _spoken(rule: Sequence[str]) -> str:
    kind, *pair = rule
    text = SPOKEN[kind].format(*(f"the {name}" if name.islower() else name for name in pair))
    return text[:1].upper() + text[1:]


TASK = Generated("zebra", problem, LEVELS, oracle)
