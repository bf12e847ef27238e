"""Tasks made of question forms: a text with quantities in it, the range of each, and the exact answer.

    AREA = Question("area", "A rectangle is {a} cm by {b} cm. What is its area in square centimetres?", "area {a}x{b}",
                    {"a": range(2, 30), "b": range(2, 30)}, lambda a, b: a * b)
    TASK = questions_task("areas", {1: (AREA,)}, {1: Level("rectangles", space=784, chance=0.02)})

A form of a level is drawn evenly, its quantities evenly from their ranges until they fit. The key is the form with its
quantities, so a level can make as many problems as fitting quantities there are; `count` counts them.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from verigym.tasks.math.terms import ratio
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

Answer = int | Fraction | str


@dataclass(frozen=True)
class Question:
    """One form of question.

    words, terse  the text in each style, with {quantity} for what is drawn and for what `shown` adds
    ranges        what each quantity may be
    answer        from the quantities to a number, or to a text that stands as it is
    fits          whether the quantities make a question; they are drawn anew until they do
    shown         further texts for the question, from the quantities
    work          the steps that lead to the answer, from the quantities
    twins         what twins share, from the quantities: questions that differ in order alone are of one family, and
                  never on two sides of a split; each question is its own family unless said
    """

    name: str
    words: str
    terse: str
    ranges: Mapping[str, Sequence[int]]
    answer: Callable[..., Answer]
    fits: Callable[..., bool] = lambda **_: True
    shown: Callable[..., Mapping[str, object]] = lambda **_: {}
    work: Callable[..., str] = lambda **_: ""
    twins: Callable[..., object] | None = None

    def count(self) -> int:
        """How many fitting choices of quantities there are, by trying all."""
        return sum(
            self.fits(**dict(zip(self.ranges, chosen, strict=True))) for chosen in product(*self.ranges.values())
        )


def posed(rng: random.Random, question: Question, style: str, form: str) -> Problem:
    """A problem of one form. form: what stands in the tags of the example."""
    quantities = {name: rng.choice(values) for name, values in question.ranges.items()}
    while not question.fits(**quantities):
        quantities = {name: rng.choice(values) for name, values in question.ranges.items()}
    texts = {**quantities, **question.shown(**quantities)}
    answer = question.answer(**quantities)
    twins = f"{question.name}:{question.twins(**quantities)}" if question.twins else ""
    return Problem(
        prompt=ask(style, question.words.format(**texts), question.terse.format(**texts), f"<answer>{form}</answer>"),
        answer=answer if isinstance(answer, str) else ratio(answer),
        key=f"{question.name}:" + ",".join(f"{name}={number}" for name, number in quantities.items()),
        family=twins,
        meta={"question": question.name, "quantities": quantities, "work": question.work(**quantities)},
    )


def questions_task(
    id: str, questions: Mapping[int, Sequence[Question]], levels: Mapping[int, Level], form: str = "123/7"
) -> Generated:
    """The task of these questions by level. form: an example answer that is hardly ever right."""

    def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
        return posed(rng, rng.choice(questions[level]), style, form)

    def oracle(problem: Problem, style: str = "words") -> str:
        work = problem.meta["work"]
        return answered(style, problem.answer, work, work.replace(" ", "").replace("\n", ";"))

    return Generated(id, problem, levels, oracle)
