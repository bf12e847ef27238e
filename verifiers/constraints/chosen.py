"""Answers that choose: truth values for a formula, things for a knapsack, numbers for a sum.

    sat("<answer>p: true, q: false</answer>", {"names": ["p", "q"], "clauses": [["p", "q"], ["p", "-q"]]})
    knapsack("<answer>cup, pen</answer>", {"items": {"cup": [3, 5], "pen": [1, 2]}, "capacity": 4, "least": 7})
    subset_sum("<answer>3, 9</answer>", {"numbers": [3, 5, 9], "target": 12})

Every choice within the bounds counts, and nothing is searched for: checking takes microseconds.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from verigym.verifiers.answers import WrongAnswer, field
from verigym.verifiers.convert import printable
from verigym.verifiers.reading import items, pairs, plain, short, unwrapped, whole_number
from verigym.verifiers.verdict import Verdict

TRUTHS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


def sat(reply: str, answer: Any, *, extract: str = "marked", strict: bool = True) -> Verdict:
    """Whether truth values make every clause true.

    answer  {"names": ["p", "q"], "clauses": [["p", "-q"], ...]}: a clause is true when one of its names is true, or,
            with a "-" in front, false

    Read: `p: true` pairs (also `=`, "is"; true, false, T, F, 1, 0) split at commas, semicolons, lines or "and", every
    name once; or one such value for each name in their order, such as `1 0` or `TF`. Raises ValueError when `answer`
    has another form.
    """
    names, clauses = _formula(answer)
    text, verdict = short(reply, extract, strict)
    if verdict:
        return verdict
    values, fault = _values(text, names)
    if fault:
        return Verdict.malformed(fault, text)
    for clause in clauses:
        if not any(values[plain(literal.removeprefix("-"))] != literal.startswith("-") for literal in clause):
            return Verdict.wrong(f"the clause {' or '.join(clause)} is false", text)
    return Verdict.right(f"all {len(clauses)} clauses are true", text)


def knapsack(reply: str, answer: Any, *, extract: str = "marked", strict: bool = True) -> Verdict:
    """Whether the chosen things fit and are worth enough.

    answer  {"items": {"cup": [3, 5], ...}, "capacity": 10, "least": 15}: name to [weight, worth], the greatest total
            weight, the least total worth

    Read: names separated by commas, semicolons, lines or "and", each at most once; case does not matter. Raises
    ValueError when `answer` has another form.
    """
    things = field(answer, "items", dict, "knapsack")
    capacity, least = field(answer, "capacity", int, "knapsack"), field(answer, "least", int, "knapsack")
    for name, thing in things.items():
        if not isinstance(name, str) or not (isinstance(thing, list) and len(thing) == 2):
            raise WrongAnswer(f"knapsack: answer['items'] must hold name: [weight, worth], got {name!r}: {thing!r}")
        if not all(type(amount) is int and amount >= 0 for amount in thing):
            raise WrongAnswer(f"knapsack: weight and worth of {name!r} must be whole numbers from 0 up, got {thing!r}")
    known = {plain(name): thing for name, thing in things.items()}
    text, verdict = short(reply, extract, strict)
    if verdict:
        return verdict
    chosen: list[str] = []
    for item in map(plain, items(text)):
        if item not in known:
            return Verdict.malformed(f"{printable(item)!r} is not one of the things", text)
        if item in chosen:
            return Verdict.malformed(f"{printable(item)!r} is chosen twice", text)
        chosen.append(item)
    weight, worth = (sum(known[item][part] for item in chosen) for part in (0, 1))
    if weight > capacity:
        return Verdict.wrong(f"a weight of {weight}, and {capacity} may be carried", text)
    if worth < least:
        return Verdict.wrong(f"a worth of {worth}, and {least} can be had", text)
    return Verdict.right(f"a weight of {weight} and a worth of {worth}", text)


def subset_sum(reply: str, answer: Any, *, extract: str = "marked", strict: bool = True) -> Verdict:
    """Whether numbers chosen from a list have the wanted sum.

    answer  {"numbers": [3, 5, 9], "target": 12}, and maybe "count": how many must be chosen

    Read: whole numbers separated by commas, semicolons, blanks, plus signs or "and"; each may be used as often as it
    stands in the list, and at least one is. A sum written behind an equals sign must be the target. Raises ValueError
    when `answer` has another form.
    """
    numbers, target = field(answer, "numbers", list, "subset-sum"), field(answer, "target", int, "subset-sum")
    if not all(type(number) is int for number in numbers):
        raise WrongAnswer("subset-sum: answer['numbers'] must be a list of whole numbers")
    count = field(answer, "count", int, "subset-sum") if "count" in answer else None
    text, verdict = short(reply, extract, strict)
    if verdict:
        return verdict
    left, *sides = unwrapped(text).split("=")
    if len(sides) > 1 or any(whole_number(side.strip().removesuffix(".")) != target for side in sides):
        return Verdict.malformed(f"what stands behind = is not the number {target}", text)
    chosen: list[int] = []
    for word in (word for item in items(left) for word in item.replace("+", " ").split()):
        number = whole_number(word)
        if number is None:
            return Verdict.malformed(f"{printable(word)!r} is not a whole number", text)
        chosen.append(number)
    if not chosen:
        return Verdict.malformed("no number is chosen", text)
    for number, often in Counter(chosen).items():
        if often > numbers.count(number):
            there = numbers.count(number)
            return Verdict.wrong(f"{number} is used {often} times, and stands in the list {there} times", text)
    if count is not None and len(chosen) != count:
        return Verdict.wrong(f"{len(chosen)} numbers are chosen, not {count}", text)
    if sum(chosen) != target:
        return Verdict.wrong(f"the sum is {sum(chosen)}, not {target}", text)
    return Verdict.right(f"{' + '.join(map(str, chosen))} is {target}", text)


def _values(text: str, names: Sequence[str]) -> tuple[dict[str, bool], str]:
    """The truth value of every name, and what is wrong."""
    row = [word for item in items(text) for word in plain(item).split()]
    if len(row) == 1 and len(row[0]) == len(names) and set(row[0]) <= set("tf01"):
        row = list(row[0])
    if len(row) == len(names) and all(word in TRUTHS for word in row):
        return {name: TRUTHS[word] for name, word in zip(names, row, strict=True)}, ""
    got, fault = pairs(text)
    if fault:
        return {}, fault
    for name, value in got.items():
        if name not in names:
            return {}, f"{printable(name)!r} is not one of the names"
        if value not in TRUTHS:
            return {}, f"{printable(value)!r} is neither true nor false"
    missing = [name for name in names if name not in got]
    return {name: TRUTHS[value] for name, value in got.items()}, f"nothing is said of {missing[0]}" if missing else ""


def _formula(answer: Any) -> tuple[list[str], list[list[str]]]:
    """Names, plain, and clauses. Raises WrongAnswer."""
    names, clauses = field(answer, "names", list, "sat"), field(answer, "clauses", list, "sat")
    if not names or not all(isinstance(name, str) and plain(name) and name[0] != "-" for name in names):
        raise WrongAnswer("sat: answer['names'] must be a list of texts that do not begin with -")
    known = [plain(name) for name in names]
    if len(set(known)) < len(known):
        raise WrongAnswer("sat: answer['names'] holds a name twice")
    for clause in clauses:
        if not isinstance(clause, list) or not all(
            isinstance(literal, str) and plain(literal.removeprefix("-")) in known for literal in clause
        ):
            raise WrongAnswer(f"sat: {clause!r} is not a clause: a list of names, with - in front where one is false")
    return known, clauses
