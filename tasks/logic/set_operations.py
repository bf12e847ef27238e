"""Which numbers are in both sets, in one of them, in one but not the other?

answer       ["3", "7"]: the numbers of the result, at least two
in the tags  `3, 7`, in any order
meta         {"result": [3, 7]}

The family is the sets without their names, so the questions about the same sets stay in one split.

    problem(random.Random(0), 1, style="terse").prompt
"""

import random
from collections.abc import Callable
from math import comb

from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

OPERATIONS: dict[str, tuple[str, Callable[[set[int], set[int]], set[int]]]] = {
    "|": ("the union of {0} and {1}", set.union),
    "&": ("the intersection of {0} and {1}", set.intersection),
    "-": ("{0} without the elements of {1}", set.difference),
    "^": ("the elements that are in just one of {0} and {1}", set.symmetric_difference),
}
"""Sign to (words, what it gives)."""

SHAPES = {1: (2, 5, 12), 2: (3, 7, 20), 3: (4, 9, 30), 4: (6, 12, 60)}
"""Level to how many sets, how many elements each has, and the largest element."""

LEVELS = {
    # A lower bound: the choices of two different sets. Chance: the commonest result, simulated.
    level: Level(f"{sets} sets of {size} numbers to {most}", space=comb(comb(most, size), 2), chance=chance)
    for (level, (sets, size, most)), chance in zip(SHAPES.items(), (0.004, 0.0008, 0.0004, 0.0001), strict=True)
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """Sets and operations evenly drawn, from left to right, anew while the result has fewer than two elements."""
    count, size, most = SHAPES[level]
    names = "ABCDEF"[:count]
    while True:
        sets = {name: sorted(rng.sample(range(1, most + 1), size)) for name in names}
        signs = [rng.choice(list(OPERATIONS)) for _ in names[1:]]
        steps = [set(sets["A"])]
        for name, sign in zip(names[1:], signs, strict=True):
            steps.append(OPERATIONS[sign][1](steps[-1], set(sets[name])))
        if len(steps[-1]) > 1 and len({tuple(members) for members in sets.values()}) == count:
            break
    result = sorted(steps[-1])
    listed = [f"{name} = {{{', '.join(map(str, members))}}}" for name, members in sets.items()]
    made = "STUVW"[: count - 1]
    asked = [
        f"Let {after} be {OPERATIONS[sign][0].format(before, name)}."
        for sign, before, name, after in zip(signs, "A" + made[:-1], names[1:], made, strict=True)
    ]
    terse = "; ".join(listed) + "; " + "A" + "".join(sign + name for name, sign in zip(names[1:], signs, strict=True))
    words = (
        "\n".join(listed)
        + "\n"
        + "\n".join(asked)
        + f"\nWhich elements has {made[-1]}? Write them with commas between them."
    )
    members = sorted(" ".join(map(str, members)) for members in sets.values())
    return Problem(
        prompt=ask(style, words, terse=terse, form="<answer>x, y, z</answer>"),
        answer=list(map(str, result)),
        key=terse,
        family="; ".join(members),
        meta={"result": result, "steps": [sorted(step) for step in steps[1:]]},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The set after each operation, and the last one."""
    work = "\n".join(f"{{{', '.join(map(str, step))}}}" for step in problem.meta["steps"])
    return answered(style, ", ".join(problem.answer), work)


TASK = Generated("set-operations", problem, LEVELS, oracle)
