"""List-program induction: find the program behind examples of lists going in and coming out.

answer       {"cases": [[[3, 1], [1, 3]], ...], "hidden": [the same form]}: pairs of input and output; the prompt shows
             the cases, never the hidden ones
in the tags  a program in the language of `dsl.py`, such as `sort | take 2`. Any program that does every case and every
hidden one right
             counts, so it is checked by running it: `dsl.program(text)(values)`
meta         {"witness": "sort | take 2"}

Key and family are what the program does to a fixed set of lists: programs that do the same are one problem, in one
split.

    problem(random.Random(0), 1, style="terse").prompt
"""

import random
from collections.abc import Sequence

from verigym.tasks.code.dsl import FUNCTIONS, Program, ProgramError
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

STEPS = {1: (1, 2), 2: (2, 3), 3: (4,), 4: (5, 6)}
"""Level to how many functions the hidden program may have."""
CASES = 5
HIDDEN = 10

PROBES: tuple[tuple[int, ...], ...] = (
    (3, 1, 4, 1, 5, 9, 2, 6),
    (-7, 8, 0, -2, 8, 11, -5),
    (10, 9, 8, 7, 6, 5, 4, 3, 2, 1),
    (-1, -1, 2, 2, 3),
    (12, -9, 6, 15, -3, 0, 7, -8, 1, 4, 18, -6),
    (5,),
    (20, 14, -4, 17, 2, 13, -10, 9, 9, 3),
    (-12, -15, 1, 16, 19, 5, -1, 10, 0, -20),
)
"""The lists that tell programs apart: what a program makes of them is its identity."""

LEVELS = {
    # Lower bounds: programs that differ on the probes, met in 100,000, 60,000, 20,000 and 20,000 draws.
    1: Level("1 or 2 functions", space=4234, chance=0.015),
    2: Level("2 or 3 functions", space=19_781, chance=0.003),
    3: Level("4 functions", space=19_111, chance=0.001),
    4: Level("5 or 6 functions", space=19_850, chance=0.001),
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """A program in which every function matters, and examples that show what each one does."""
    while True:
        count = rng.choice(STEPS[level])
        hidden_program = Program(tuple(rng.choice(CHOICES) for _ in range(count)))
        identity = behaviour(hidden_program)
        if identity is None:
            continue
        examples = _examples(rng, hidden_program)
        if examples is not None:
            break
    cases, hidden = examples[:CASES], examples[CASES:]
    return Problem(
        prompt=ask(style, _words(cases), terse=_shown(cases, ";", ">", " "), form="<answer>sort | take 2</answer>"),
        answer={"cases": cases, "hidden": hidden},
        key=identity,
        family=identity,
        meta={"witness": str(hidden_program)},
    )


def oracle(problem: Problem, style: str = "words") -> str:
    """The program that made the examples, with what it does step by step to the first one."""
    witness = problem.meta["witness"]
    values = problem.answer["cases"][0][0]
    work = [f"{values}"]
    for step in witness.split(" | "):
        name, *number = step.split()
        values = Program(((name, int(number[0]) if number else None),))(values)
        work.append(f"{step}: {values}")
    return answered(style, witness, "\n".join(work))


def behaviour(program: Program) -> str | None:
    """What the program makes of the probes, as text; None where it leaves its bounds, gives one and the same for all,
    changes nothing, or has a function that can be left out."""
    whole = _on_probes(program)
    if whole is None or len(set(whole)) < 3 or whole == PROBES:
        return None
    for index in range(len(program.steps)):
        without = program.steps[:index] + program.steps[index + 1 :]
        if without and _on_probes(Program(without)) == whole:
            return None
    return ";".join(",".join(map(str, values)) for values in whole)


def _on_probes(program: Program) -> tuple[tuple[int, ...], ...] | None:
    try:
        return tuple(tuple(program(probe)) for probe in PROBES)
    except ProgramError:
        return None


def _choices() -> list[tuple[str, int | None]]:
    """Every function with every number that does something: adding 0 and multiplying by 0 or 1 do not."""
    choices: list[tuple[str, int | None]] = []
    for name, function in FUNCTIONS.items():
        if function.numbers is None:
            choices.append((name, None))
        else:
            idle = {"add": (0,), "mul": (0, 1)}.get(name, ())
            choices += [(name, number) for number in function.numbers if number not in idle]
    return choices


CHOICES = _choices()


def _examples(rng: random.Random, program: Program) -> list[list[list[int]]] | None:
    """Pairs of a random list and what the program makes of it; None where the lists do not bring out every function."""
    inputs = [[rng.randint(-9, 20) for _ in range(rng.randint(4, 8))] for _ in range(CASES)]
    inputs += [[rng.randint(-20, 20) for _ in range(rng.randint(0, 10))] for _ in range(HIDDEN)]
    for values in inputs:
        if len(values) > 2 and rng.random() < 0.5:
            values[rng.randrange(len(values))] = rng.choice(values)
    try:
        outputs = [program(values) for values in inputs]
        for index in range(len(program.steps)):
            without = Program(program.steps[:index] + program.steps[index + 1 :])
            if all(without(values) == output for values, output in zip(inputs[:CASES], outputs[:CASES], strict=True)):
                return None
    except ProgramError:
        return None
    if sum(1 for output in outputs[:CASES] if output) < 3 or len({str(output) for output in outputs[:CASES]}) < 3:
        return None
    return [[values, output] for values, output in zip(inputs, outputs, strict=True)]


def _words(cases: Sequence[Sequence[list[int]]]) -> str:
    lines = []
    for name, function in FUNCTIONS.items():
        numbers = f" n (n from {function.numbers[0]} to {function.numbers[-1]})" if function.numbers else ""
        lines.append(f"{name}{numbers}: {function.meaning}")
    return (
        "Find a program that turns each of these lists into the other:\n\n"
        f"{_shown(cases, chr(10), ' -> ', ', ')}\n\n"
        "A program is one or more of the functions below with | between them, applied from left to right to a list "
        "of whole numbers; "
        "each makes a new list. It will be tried on other lists too.\n\n" + "\n".join(lines)
    )


def _shown(cases: Sequence[Sequence[list[int]]], line: str, arrow: str, comma: str) -> str:
    def one(values: list[int]) -> str:
        text = comma.join(map(str, values))
        return f"[{text}]" if comma == ", " else text

    return line.join(f"{one(given)}{arrow}{one(wanted)}" for given, wanted in cases)


TASK = Generated("list-programs", problem, LEVELS, oracle)
