"""Truth values that make a formula true: clauses of three names each, some of them denied.

answer       {"names": ["p", "q", ...], "clauses": [["p", "-q", "r"], ...]}: "-" denies a name
in the tags  `p: true, q: false, r: true`, every name once: any values count that make all clauses true
meta         {"solution": {"p": true, ...}}

The clauses are drawn among those that hold for values that were drawn first. The family is the formula up to renaming
and to denying a name everywhere.

    print(problem(random.Random(0), 1, style="terse").prompt)
"""

import random
from itertools import combinations, product
from math import comb

from verigym.tasks.logic.graphs import shape
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

LETTERS = "pqrstuvwxyz"
SHAPES = {1: (4, 14), 2: (5, 20), 3: (6, 27), 4: (8, 36), 5: (11, 48)}
"""Level to how many names and clauses."""


def chance(names: int, clauses: int) -> float:
    """How often one fixed choice of values is right: over the values that the clauses were drawn for, by at how many
    names they differ, the share of the choices of clauses that hold for both."""
    holding, triples = 7 * comb(names, 3), comb(names, 3)
    return sum(
        comb(names, differ)
        / 2**names
        * comb(holding - triples + comb(names - differ, 3), clauses)
        / comb(holding, clauses)
        for differ in range(names + 1)
    )


LEVELS = {
    # A lower bound: the choices of clauses for one choice of values.
    level: Level(
        f"{names} names, {clauses} clauses", space=comb(7 * comb(names, 3), clauses), chance=chance(names, clauses)
    )
    for level, (names, clauses) in SHAPES.items()
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """Values, and clauses that hold for them, every choice equally likely."""
    size, count = SHAPES[level]
    names = list(LETTERS[:size])
    solution = {name: rng.random() < 0.5 for name in names}
    holding = [
        [name if sign else f"-{name}" for name, sign in zip(three, signs, strict=True)]
        for three in combinations(names, 3)
        for signs in product((True, False), repeat=3)
        if any(solution[name] == sign for name, sign in zip(three, signs, strict=True))
    ]
    clauses = rng.sample(holding, count)
    spoken = [" or ".join(literal.replace("-", "not ") for literal in clause) for clause in clauses]
    words = (
        f"Find truth values for {', '.join(names)} that make all of these clauses true:\n"
        + "\n".join(spoken)
        + "\nSay of every name whether it is true or false."
    )
    return Problem(
        prompt=ask(
            style,
            words,
            terse=" ".join("|".join(clause) for clause in clauses),
            form="<answer>a: true, b: false, c: false</answer>",
        ),
        answer={"names": names, "clauses": clauses},
        key=" ".join(sorted("|".join(clause) for clause in clauses)),
        family=_family(names, clauses),
        meta={"solution": solution},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The values that the clauses were drawn for, and what makes each clause true."""
    solution = problem.meta["solution"]
    work = []
    for clause in problem.answer["clauses"]:
        true = next(literal for literal in clause if solution[literal.removeprefix("-")] != literal.startswith("-"))
        shown = " or ".join(clause).replace("-", "not ")
        work.append(f"{shown}: {true.replace('-', 'not ')}.")
    values = ", ".join(f"{name}: {str(value).lower()}" for name, value in solution.items())
    return answered(style, values, "\n".join(work))


def _family(names: list[str], clauses: list[list[str]]) -> str:
    """The fingerprint of the graph that joins each clause with its literals and each name with its denial."""
    nodes = [*names, *(f"-{name}" for name in names), *map(str, range(len(clauses)))]
    edges = [(name, f"-{name}", 2) for name in names]
    edges += [(literal, str(place), 1) for place, clause in enumerate(clauses) for literal in clause]
    return shape(nodes, edges, {str(place): "clause" for place in range(len(clauses))}, rounds=3)


TASK = Generated("sat", problem, LEVELS, oracle)
