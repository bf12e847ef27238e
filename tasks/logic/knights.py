"""Knights and knaves: knights only say what is true, knaves only what is false; who is which?

answer       {"solution": {"Ann": "knight", "Bob": "knave"}}: every person, exactly one way fits
in the tags  `Ann: knight, Bob: knave`, in any order
meta         {"statements": [["Ann", ["is", "Bob", "knave"]], ...]}: who says what

A statement is plain data: ["is", NAME, KIND], ["same", NAME, NAME], ["different", NAME, NAME], ["and", S, S], ["or", S,
S], ["if", S, S] or ["count", KIND, N] ("exactly N of us are ..."). The solution is found by trying every assignment.
Key and family leave the names out: puzzles that differ in names or in the order of the people are one problem.

    problem(random.Random(0), 2).meta["statements"]
"""

import random
from collections.abc import Mapping, Sequence
from itertools import permutations, product
from typing import Any

from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

Statement = list[Any]
NAMES = (
    "Ann",
    "Bob",
    "Cleo",
    "Dan",
    "Eve",
    "Finn",
    "Gus",
    "Hana",
    "Ivo",
    "Jill",
    "Karl",
    "Lea",
    "Max",
    "Nina",
    "Otto",
    "Pam",
)
KINDS = ("knight", "knave")
JOINTS = ("and", "or", "if")
PEOPLE = {1: 2, 2: 3, 3: 4, 4: 5}
"""Level to how many people."""

LEVELS = {
    # Counted: all pairs of statements that the generator can make and that have one solution, up to renaming.
    1: Level("2 people", space=4011, chance=0.27),
    # Lower bounds: distinct puzzles met in 100,000 draws (20,000 for 5 people).
    2: Level("3 people", space=72_360, chance=0.145),
    3: Level("4 people", space=98_636, chance=0.08),
    4: Level("5 people", space=19_999, chance=0.045),
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """One statement for each person, drawn anew until exactly one assignment fits."""
    people = rng.sample(NAMES, PEOPLE[level])
    while True:
        said = [(person, _draw(rng, people, person)) for person in people]
        fitting = solutions(people, said)
        if len(fitting) == 1:
            break
    solution = fitting[0]
    key = canonical(people, said)
    terse = "\n".join(f"{person}:{_terse(statement)}" for person, statement in said)
    return Problem(
        prompt=ask(style, _words(people, said), terse=terse, form="<answer>Xan: knight, Zoe: knave</answer>"),
        answer={"solution": solution},
        key=key,
        family=key,
        meta={"statements": [[person, statement] for person, statement in said]},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The solution, with what it makes of each statement."""
    solution = problem.answer["solution"]
    work = [
        f"{person} is a {solution[person]}, and what {person} says is "
        f"{'true' if holds(statement, solution) else 'false'}."
        for person, statement in problem.meta["statements"]
    ]
    return answered(style, ", ".join(f"{person}: {kind}" for person, kind in solution.items()), "\n".join(work))


def holds(statement: Statement, kinds: Mapping[str, str]) -> bool:
    """Whether a statement is true when everyone is what `kinds` says."""
    form, first, second = statement
    if form == "is":
        return kinds[first] == second
    if form in ("same", "different"):
        return (kinds[first] == kinds[second]) == (form == "same")
    if form == "count":
        return list(kinds.values()).count(first) == second
    left, right = holds(first, kinds), holds(second, kinds)
    return {"and": left and right, "or": left or right, "if": not left or right}[form]


def solutions(people: Sequence[str], said: Sequence[tuple[str, Statement]]) -> list[dict[str, str]]:
    """Every assignment in which knights, and only they, say what is true."""
    found = []
    for kinds in product(KINDS, repeat=len(people)):
        assignment = dict(zip(people, kinds, strict=True))
        if all(holds(statement, assignment) == (assignment[person] == "knight") for person, statement in said):
            found.append(assignment)
    return found


def canonical(people: Sequence[str], said: Sequence[tuple[str, Statement]]) -> str:
    """The statements with numbers for names: the first, in the order of texts, among all ways to number the people."""
    forms = []
    for numbers in permutations(range(len(people))):
        label = {person: str(number) for person, number in zip(people, numbers, strict=True)}
        forms.append(";".join(sorted(f"{label[person]}:{_terse(statement, label)}" for person, statement in said)))
    return min(forms)


def _draw(rng: random.Random, people: Sequence[str], speaker: str) -> Statement:
    """A statement that the speaker might make: a third are plain, the rest join two."""
    subjects = atoms(people, speaker)
    if rng.random() < 1 / 3:
        return rng.choice(subjects[rng.randrange(1, len(subjects))])
    one, other = rng.sample(subjects, 2)
    return [rng.choice(JOINTS), rng.choice(one), rng.choice(other)]


def atoms(people: Sequence[str], speaker: str) -> list[list[Statement]]:
    """What can be said without and, or, if, by subject: the speaker, each of the others, being alike, and how many
    there are."""
    others = [person for person in people if person != speaker]
    return [
        *([["is", person, kind] for kind in KINDS] for person in (speaker, *others)),
        *([[form, speaker, person] for form in ("same", "different")] for person in others),
        [["count", kind, number] for kind in KINDS for number in range(1, len(people) + 1)],
    ]


def _words(people: Sequence[str], said: Sequence[tuple[str, Statement]]) -> str:
    listed = ", ".join(people[:-1]) + f" and {people[-1]}"
    lines = [f'{person} says: "{_capital(_spoken(statement, person))}."' for person, statement in said]
    return (
        "On an island everyone is either a knight, who only says what is true, or a knave, who only says what is "
        "false. "
        f"You meet {listed}.\n" + "\n".join(lines) + "\nWho is a knight and who is a knave?"
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _spoken(statement: Statement, speaker: str) -> str:
    form, first, second = statement
    if form == "is":
        return f"I am a {second}" if first == speaker else f"{first} is a {second}"
    if form == "same":
        return f"{second} and I are of the same kind"
    if form == "different":
        return f"{second} and I are of different kinds"
    if form == "count":
        return f"exactly {second} of us {'is a ' + first if second == 1 else 'are ' + first + 's'}"
    one, other = _spoken(first, speaker), _spoken(second, speaker)
    return f"if {one}, then {other}" if form == "if" else f"{one}, {form} {other}"


def _terse(statement: Statement, label: Mapping[str, str] | None = None) -> str:
    form, first, second = statement

    def name(person: str) -> str:
        return label[person] if label else person

    if form == "is":
        return f"{name(first)}{'+' if second == 'knight' else '-'}"
    if form in ("same", "different"):
        return f"{name(first)}{'=' if form == 'same' else '!'}{name(second)}"
    if form == "count":
        return f"{second}{'+' if first == 'knight' else '-'}"
    one, other = _terse(first, label), _terse(second, label)
    if form != "if":
        one, other = sorted((one, other)) if label else (one, other)
    return f"({one}{ {'and': '&', 'or': '|', 'if': '>'}[form] }{other})"


TASK = Generated("knights", problem, LEVELS, oracle)
