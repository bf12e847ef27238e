r"""The built-in environments: which task goes with which verifier.

    build("countdown", split="test")                                                # Env
    build("rows", options={"path": "my.jsonl", "prompt": "question", "verifier": "number"})

A new environment is a row of `TABLE`. What `make` is given beyond the split and the level are options of the task
(`style="terse"`) and of the verifier (`strict=False`). The gold answers of a data set are put to their own verifier
when it is made, once a process and split; `check_gold=False` leaves that out. For programs the gold is a right program,
which is run in the sandbox against its own tests: seconds for HumanEval and MBPP; for the large data sets, whose
solutions are many and not all right, and for `compose` and `judge`, it is done when `check_gold=True` asks for it.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from verigym.envs import guess
from verigym.envs.env import Env, EnvError, as_type, near
from verigym.envs.grading import Named
from verigym.envs.play import Play
from verigym.sandbox.values import encode
from verigym.tasks.catalogue import load
from verigym.tasks.problem import Message, Problem
from verigym.tasks.supply import Generated, Task
from verigym.verifiers.table import THREADED, VERIFIERS, function_of, verify_many

TAGS = {"extract": "answer_tag"}
"""The generated tasks ask for <answer> tags and accept nothing else: one form, nothing to guess."""
ANY_MARK: dict[str, Any] = {}
"""Data sets ask for a box and take any marked final answer (the verifiers' default), as published scores do."""
WHOLE: dict[str, Any] = {}
"""Instructions are about the whole reply."""
PROGRAM: dict[str, Any] = {}
"""Programs are found in a fenced block, or bare (the default of the verifier `code`)."""


@dataclass(frozen=True)
class Entry:
    """One environment: the verifier's name and options, or a play in their place. rows: its problems are rows of a
    data set; check: whether their gold answers are put to the verifier unless something else is asked for."""

    description: str
    verifier: str = ""
    options: Mapping[str, Any] = field(default_factory=lambda: TAGS)
    task: Generated | None = None
    """the task itself; by default the one of this name in `verigym.tasks`"""
    play: Play | None = None
    oracle: Callable[[Problem, list[Message]], str | None] | None = None
    max_turns: int | None = None
    rows: bool = False
    check: bool = True
    open_ended: str = ""
    """why any of many texts is right, where that is so"""


TABLE: dict[str, Entry] = {
    "countdown": Entry("reach a target with each given number used once", "expression"),
    "arithmetic": Entry("several steps of + - * / on whole numbers, work shown", "number"),
    "bases": Entry("write a number in another base", "exact"),
    "modular": Entry("powers, sums and products modulo a number", "number"),
    "word-problems": Entry("short stories with one number as the answer", "number"),
    "linear-equations": Entry("solve a linear equation", "number"),
    "systems": Entry("solve two or three linear equations at once", "sequence"),
    "quadratics": Entry("both solutions of a quadratic equation, exactly", "math"),
    "polynomials": Entry("multiply, divide and subtract polynomials", "sequence"),
    "fractions": Entry("sums, products and quotients of fractions", "number"),
    "derivatives": Entry("differentiate a function", "math"),
    "integrals": Entry("definite integrals and areas, exactly", "number"),
    "number-theory": Entry("divisors, primes, remainders and inverses", "number"),
    "sequences": Entry("terms and sums of sequences", "number"),
    "probability": Entry("balls, dice and coins, as exact fractions", "number"),
    "geometry": Entry("lengths, areas and volumes, exactly", "math"),
    "percent-and-rates": Entry("percentages, speeds, work and mixtures", "number"),
    "matrices": Entry("products, determinants and inverses of small matrices", "sequence"),
    "units": Entry("convert units of measure", "number"),
    "counting": Entry("choices, arrangements and paths", "number"),
    "averages": Entry("means, medians, variances and missing values", "number"),
    "roman": Entry("read, write and add Roman numerals", "exact"),
    "reverse": Entry("reverse a string of characters", "exact"),
    "sort": Entry("sort a list of numbers", "exact"),
    "brackets": Entry("close the brackets that are open", "exact"),
    "knights": Entry("who is a knight and who a knave", "assignment"),
    "sudoku": Entry("fill a 4x4 sudoku", "sudoku"),
    "path": Entry("a shortest path through a grid", "path"),
    "graph-coloring": Entry("colour a graph so that joined nodes differ", "graph"),
    "shortest-path": Entry("a shortest way through a graph with lengths", "graph"),
    "topological-order": Entry("put jobs in an order that keeps what comes before what", "graph"),
    "spanning-tree": Entry("join all towns at the lowest cost", "graph"),
    "schedule": Entry("plan jobs on a few workers by a deadline", "schedule"),
    "zebra": Entry("who lives in which house, by clues", "assignment"),
    "queens": Entry("complete a board of queens, none attacking another", "queens"),
    "sudoku-9": Entry("solve a 9x9 sudoku", "sudoku"),
    "sat": Entry("truth values that make all clauses true", "sat"),
    "subset-sum": Entry("numbers of a list that have a given sum", "subset-sum"),
    "knapsack": Entry("pack what is worth the most", "knapsack"),
    "transitive-order": Entry("who is the tallest: multiple choice", "choice"),
    "truth-table": Entry("the truth table of a formula", "exact"),
    "calendar": Entry("dates and days of the week", "exact"),
    "letter-count": Entry("count letters in a word of no meaning", "sequence"),
    "string-rules": Entry("change a word by rules, one after the other", "exact"),
    "set-operations": Entry("unions, intersections and differences of sets", "set"),
    "list-programs": Entry("find the program that makes these lists from those", "program"),
    "python-programs": Entry("write a small Python function; hidden tests judge it", "code", PROGRAM),
    "output-prediction": Entry("say what a small Python program returns", "exact"),
    "bug-repair": Entry("repair the one wrong step of a small Python program", "code", PROGRAM),
    "json-record": Entry("write a text's facts as a JSON object", "format"),
    "table": Entry("write records as a sorted, aligned markdown table", "format"),
    "outline": Entry("a markdown outline with given headings and lists", "format"),
    "citations": Entry("report facts and cite their sources", "format"),
    "constraints": Entry("a short text that keeps several constraints at once", "format"),
    "acrostic": Entry("lines whose first letters spell a word", "format"),
    "sentence-shape": Entry("sentences of exactly so many words", "format"),
    "guess-the-number": Entry(
        "several turns: find a number by guesses that are answered higher or lower",
        task=guess.TASK,
        play=guess.play,
        oracle=guess.bisect,
        max_turns=guess.MAX_TURNS,
    ),
    "gsm8k": Entry("grade-school word problems", "number", ANY_MARK, rows=True),
    "math": Entry("competition mathematics (MATH)", "math", ANY_MARK, rows=True),
    "math500": Entry("the 500 test problems of MATH that are commonly reported", "math", ANY_MARK, rows=True),
    "aime24": Entry("AIME 2024, answers from 0 to 999", "number", ANY_MARK, rows=True),
    "aime25": Entry("AIME 2025, answers from 0 to 999", "number", ANY_MARK, rows=True),
    "humaneval": Entry("HumanEval: complete a Python function", "code", PROGRAM, rows=True),
    "mbpp": Entry("MBPP: short Python functions", "code", PROGRAM, rows=True),
    "mbpp_sanitized": Entry("MBPP: the 427 problems that were checked by hand", "code", PROGRAM, rows=True),
    "apps": Entry("APPS: competition programs", "code", PROGRAM, rows=True, check=False),
    "livecodebench": Entry("LiveCodeBench: competition programs by date", "code", PROGRAM, rows=True, check=False),
    "taco": Entry("TACO: competition programs", "code", PROGRAM, rows=True, check=False),
    "code_contests": Entry("CodeContests: competition programs", "code", PROGRAM, rows=True, check=False),
    "ifeval": Entry(
        "IFEval: instructions that a program can check, mode=strict or loose",
        "ifeval",
        WHOLE,
        rows=True,
        open_ended="any text that follows the instructions is right",
    ),
    "rows": Entry(
        "your own rows: path= a file, folder or Hub id; prompt=, answer= its fields; verifier=",
        "math",
        ANY_MARK,
        rows=True,
    ),
}

MARKED = {
    "boxed": "\\boxed{%s}",
    "answer_tag": "<answer>%s</answer>",
    "hash": "#### %s",
    "final_line": "The answer is %s",
    "last_number": "%s",
    "whole": "%s",
}
"""Extraction policy to how a gold answer is written for it; as the task's own oracle says where none of these."""

_accepted: set[tuple[Any, ...]] = set()
"""what `check_gold` has found good in this process"""


def build(
    id: str, *, split: str | None = None, level: int | str | None = None, options: Mapping[str, Any] | None = None
) -> Env:
    """The environment of a row of `TABLE`. split: train by default, or the first one that there is. level: what `reset`
    draws from; of a data set also the name of the field that holds it.

    Raises EnvError for an unknown option, rows that cannot be read, or gold answers that their own verifier rejects.
    """
    entry = TABLE[id]
    rest = dict(options or {})
    if entry.rows and isinstance(level, str):  # not a level but the name of the field that holds it
        rest["level"], level = level, None
    verifier = _pop_verifier(id, entry, rest)
    known = _options_of(verifier)
    for name in _own_options(id, entry):  # a task's own option comes before a verifier's of the same name (`style`)
        known.pop(name, None)
    grading = {
        **entry.options,
        **{name: as_type(name, rest.pop(name), known[name]) for name in list(rest) if name in known},
    }
    wanted = entry.check and verifier not in THREADED  # judges cost money, and a composition may ask for one
    check = as_type("check_gold", rest.pop("check_gold", wanted), True) if entry.rows else False
    task = _task(id, entry, rest, known)
    split = split or ("train" if "train" in task.splits else task.splits[0])
    oracle = entry.oracle
    if entry.rows and grading.get("extract") in MARKED:
        oracle = _gold_reply(verifier, MARKED[grading["extract"]])
    env = Env(
        task,
        Named(verifier, grading) if verifier else None,
        play=entry.play,
        id=id if id != "rows" else task.id,
        description=entry.description,
        split=split,
        level=None if level is None else int(level),
        max_turns=entry.max_turns,
        oracle=oracle,
        open_ended=entry.open_ended,
    )
    if check:
        check_gold(env, verifier, grading)
    return env


def _gold_reply(verifier: str, form: str) -> Callable[[Problem, list[Message]], str | None]:
    """What writes a row's gold answer, or its right program, as a reply of a form; None where the row has none."""

    def reply(problem: Problem, messages: list[Message]) -> str | None:
        gold = problem.meta.get("program") if verifier == "code" else problem.answer
        return None if gold is None else form % (gold,)

    return reply


def check_gold(env: Env, verifier: str, options: Mapping[str, Any]) -> None:
    """Put every gold answer of the environment's split to its own verifier. Raises EnvError with the count and the
    first three.

    Answers that are no text or number (the plain data of other verifiers) cannot be written as a reply and are not
    checked, unless the row has a right program.
    """
    problems = [
        one
        for one in env.task.problems(None, split=env.split)
        if isinstance(one.answer, str | int | float) or (verifier == "code" and "solution" in one.meta)
    ]
    key = (
        env.id,
        verifier,
        repr(sorted(options.items())),
        env.split,
        hash(tuple((one.key, encode(one.answer)) for one in problems)),  # `str` refuses integers of 4301 digits
    )
    if key in _accepted:
        return
    replies = [env.oracle(problem, problem.messages) or "" for problem in problems]
    verdicts = verify_many(verifier, replies, [problem.answer for problem in problems], **options)
    rejected = [(problem, verdict) for problem, verdict in zip(problems, verdicts, strict=True) if not verdict.correct]
    if rejected:
        shown = "; ".join(f"{problem.address}: {verdict.reason or verdict.status}" for problem, verdict in rejected[:3])
        raise EnvError(
            f"{len(rejected)} of {len(problems)} gold answers in the {env.split} split of {env.id} are rejected by "
            f"their own verifier {verifier!r}. The first: {shown}. Mend the rows, name another verifier=, or pass "
            "check_gold=False to take them as they are"
        )
    _accepted.add(key)


def _pop_verifier(id: str, entry: Entry, rest: dict[str, Any]) -> str:
    name = str(rest.pop("verifier", entry.verifier)) if entry.rows else entry.verifier
    if name and name not in VERIFIERS:
        raise EnvError(f"{id}: no verifier {name!r}; {near(name, VERIFIERS)}")
    return name


def _options_of(verifier: str) -> dict[str, Any]:
    """The options of a verifier and their defaults."""
    return dict(function_of(verifier).__kwdefaults__ or {}) if verifier else {}


def _task(id: str, entry: Entry, options: dict[str, Any], of_verifier: Sequence[str] | Mapping[str, Any]) -> Task:
    """The task with its options. Raises EnvError with the names that are accepted."""
    if id == "rows" and not options.get("path"):
        raise EnvError(
            "rows needs path= a .jsonl, .jsonl.gz or .parquet file, a folder of them, or a Hub id: "
            'make("rows", path="my.jsonl")'
        )
    name = str(options.pop("path")) if id == "rows" else id
    if entry.task is not None or not entry.rows:
        task = _generated(id, entry)
        known = _own_options(id, entry)
        for option in options:
            if option not in known:
                raise EnvError(f"{id} has no option {option!r}; {near(option, [*known, *of_verifier])}")
        task = task.with_options(**options)
        _try_options(id, task)
        return task
    try:
        return load(name, **options)
    except (ValueError, TypeError, KeyError, OSError, ImportError) as failure:
        raise EnvError(f"{id}: {failure}") from failure


def _generated(id: str, entry: Entry) -> Generated:
    task = entry.task if entry.task is not None else load(id)
    assert isinstance(task, Generated)
    return task


def _own_options(id: str, entry: Entry) -> list[str]:
    """The options of a generated task."""
    return [] if entry.rows else list(inspect.signature(_generated(id, entry).make_problem).parameters)[2:]


def _try_options(id: str, task: Generated) -> None:
    """One draw, so that an option with a wrong value is named before a run starts."""
    if task.options:
        try:
            task.problem(0)
        except (ValueError, TypeError) as failure:
            raise EnvError(
                f"{id} with {', '.join(f'{k}={v!r}' for k, v in task.options.items())}: {failure}"
            ) from failure
