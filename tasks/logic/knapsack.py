"""Pack what is worth the most and can still be carried.

answer       {"items": {"cup": [3, 5], ...}, "capacity": 10, "least": 15}: name to [weight, worth]; least is the worth
             of a best choice
in the tags  `cup, pen`: any choice counts that is worth as much
meta         {"witness": ["cup", "pen"]}

The best choice is found among all of them. Key and family leave the names out.

    print(problem(random.Random(0), 1, style="terse").prompt)
"""

import random
from collections.abc import Sequence
from math import comb

from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

THINGS = (
    "axe",
    "book",
    "clock",
    "drum",
    "flute",
    "globe",
    "harp",
    "iron",
    "jug",
    "kite",
    "lamp",
    "mirror",
    "net",
    "oar",
    "pot",
    "quilt",
    "rope",
    "saw",
)
SHAPES = {1: (5, 9), 2: (7, 12), 3: (9, 20), 4: (12, 30), 5: (16, 50)}
"""Level to how many things and the largest weight and worth."""

LEVELS = {
    # A lower bound: different pairs of weight and worth, at the capacity of half the weight that is taken most often.
    # Chance: simulated, for choices by the place in the list.
    level: Level(f"{count} things, weights to {most}", space=comb(most * most, count), chance=chance)
    for (level, (count, most)), chance in zip(SHAPES.items(), (0.09, 0.035, 0.012, 0.003, 0.0005), strict=True)
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """Weights and worths evenly drawn, and room for about half of the weight."""
    count, most = SHAPES[level]
    names = rng.sample(THINGS, count)
    pairs = [[rng.randint(1, most), rng.randint(1, most)] for _ in names]
    capacity = sum(weight for weight, _ in pairs) // 2
    least, witness = heaviest(pairs, capacity)
    items = dict(zip(names, pairs, strict=True))
    name = " ".join(f"{weight}/{worth}" for weight, worth in sorted(pairs))
    words = (
        f"You can carry {capacity} kg. Choose among these things, each of which there is once, so that their worth is "
        "as large as can be:\n"
        + "\n".join(f"{thing}: {weight} kg, worth {worth}" for thing, (weight, worth) in items.items())
        + "\nWrite the names of what you take."
    )
    return Problem(
        prompt=ask(
            style,
            words,
            terse=f"{capacity}: " + " ".join(f"{thing} {weight}/{worth}" for thing, (weight, worth) in items.items()),
            form="<answer>apple, bell</answer>",
        ),
        answer={"items": items, "capacity": capacity, "least": least},
        key=f"{name} in {capacity}",
        family=name,
        meta={"witness": [names[place] for place in witness]},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """A best choice, with its weight and worth."""
    items, witness = problem.answer["items"], problem.meta["witness"]
    weight, worth = (sum(items[thing][part] for thing in witness) for part in (0, 1))
    return answered(style, ", ".join(witness), f"They weigh {weight} kg and are worth {worth}.")


def heaviest(pairs: Sequence[Sequence[int]], capacity: int) -> tuple[int, list[int]]:
    """The greatest worth within a capacity, and the places of such a choice: a table over all weights."""
    table: list[tuple[int, list[int]]] = [(0, [])] * (capacity + 1)
    for place, (weight, worth) in enumerate(pairs):
        for room in range(capacity, weight - 1, -1):
            before, chosen = table[room - weight]
            if before + worth > table[room][0]:
                table[room] = (before + worth, [*chosen, place])
    return table[capacity]


TASK = Generated("knapsack", problem, LEVELS, oracle)
