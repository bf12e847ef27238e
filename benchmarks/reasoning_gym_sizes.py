"""How many different problems each level of each wrapped generator can make, and how guessable they are.

    python -P benchmarks/reasoning_gym_sizes.py              # all, about 20 minutes of one core
    python -P benchmarks/reasoning_gym_sizes.py gcd lcm      # these rows alone

Rewrites the numbers in envs/adapters/reasoning_gym/generators.tsv. A space is the larger of the different problems seen
and a 95 % lower bound from the repeats: of n draws with c equal pairs, n(n-1)/2 over an upper bound of c. That bounds
1/sum(p^2), which is never more than the number of problems. A chance is the share of the commonest gold answer. Left
out, with the reason on standard output, is a level whose configuration the package refuses, of which fewer than
MIN_DRAWS come in SLOW_S or more than MOST_LATE are stopped, or whose gold answer its own scorer rejects.
"""

import os
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations, permutations
from itertools import combinations_with_replacement as combinations_with
from math import sqrt
from typing import Any

os.environ.setdefault("VERIGYM_SANDBOX_SLOTS", "1")

from verigym.envs.adapters.reasoning_gym import calls
from verigym.envs.adapters.reasoning_gym.grader import FULL
from verigym.envs.adapters.reasoning_gym.inside import DRAW_S
from verigym.envs.adapters.reasoning_gym.keys import identity
from verigym.envs.adapters.reasoning_gym.oracles import gold
from verigym.envs.adapters.reasoning_gym.table import FILE
from verigym.envs.adapters.reasoning_gym.task import LONGEST_ANSWER
from verigym.tasks.problem import Address

MOST_DRAWS, FAST_S = 1000, 2.0
MIN_DRAWS, SLOW_S = 60, 60.0
MOST_LATE = 0.05
"""share of the draws that may be stopped: each would be a problem that ends in an error"""


def main(names: list[str]) -> None:
    for line in FILE.read_text(encoding="utf-8").splitlines():
        name = line.partition("\t")[0]
        if not names or name in names:
            began = time.monotonic()
            numbers = measure(name)
            print(f"{name}: {numbers}  ({time.monotonic() - began:.0f} s)", flush=True)
            save(name, numbers)


def save(name: str, numbers: str) -> None:
    rows = [line.split("\t") for line in FILE.read_text(encoding="utf-8").splitlines()]
    FILE.write_text(
        "".join(f"{row[0]}\t{numbers if row[0] == name else row[1]}\t{row[2]}\n" for row in rows), encoding="utf-8"
    )


def measure(name: str) -> str:
    """`level:space:chance` of every level that can be used."""
    found = []
    for level in range(1, max(1, calls.call("steps", name)) + 1):
        entries, reason = draws(name, level)
        reason = reason or rejected(name, level, entries)
        if reason:
            print(f"  {name} level {level} is left out: {reason}", flush=True)
            continue
        keys = Counter(identity(name, *entry)[0] for entry in entries)
        answers = Counter(entry[1].strip() for entry in entries if entry[1] is not None)
        commonest = max(answers.values(), default=0)
        chance = commonest / len(entries) if commonest > 2 else 0.0
        space = COUNTED[name](calls.call("fields", name, level)) if name in COUNTED else lower_bound(keys)
        found.append(f"{level}:{space:.3g}:{chance:.2g}")
    return " ".join(found)


def draws(name: str, level: int) -> tuple[list[Any], str]:
    """Up to MOST_DRAWS problems that could be used; or why there are too few."""
    entries: list[Any] = []
    began, tried, size, reason, late = time.monotonic(), 0, 2, "", 0
    while tried < MOST_DRAWS:
        seeds = [Address(f"sizes {name}", 1, "train", level, tried + k).rng().getrandbits(63) for k in range(size)]
        result = calls.run("draw", name, level, {}, [seeds], cpu_s=2 * SLOW_S)
        if not result.ok:
            return [], result.detail or str(result.outcome)
        tried += size
        for entry in result.value[0]:
            if entry is None:
                late += 1
            elif isinstance(entry, str):
                reason = entry
            elif len(entry[1] or "") > LONGEST_ANSWER:
                reason = f"gold answers are longer than {LONGEST_ANSWER} characters"
            else:
                entries.append(entry)
        spent = time.monotonic() - began
        if spent > SLOW_S or (spent > FAST_S and len(entries) >= MIN_DRAWS):
            break
        size = max(2, min(100, int(tried / spent), MOST_DRAWS - tried))
    if late > tried * MOST_LATE:
        return [], f"{late} of {tried} draws took more than {DRAW_S:g} s"
    if len(entries) < MIN_DRAWS:
        return [], f"{len(entries)} of {tried} draws could be used in {spent:.0f} s. {reason}"
    return entries, ""


def rejected(name: str, level: int, entries: list[Any]) -> str:
    """Why their scorer does not take the first gold answers; "" where it does or none is known."""
    for question, answer, metadata in entries[:3]:
        right = gold(name, answer, metadata)
        if right is None:
            continue
        held = {"question": question, "answer": answer, "metadata": metadata}
        result = calls.run("score", name, level, {}, held, right, cpu_s=20.0)
        if not result.ok or len(result.value) != 1 or result.value[0] < FULL:
            return f"their scorer gives the gold answer {right[:40]!r} {result.value or result.detail}"
    return ""


def lower_bound(keys: "Counter[str]") -> float:
    total = sum(keys.values())
    equal = sum(count * (count - 1) // 2 for count in keys.values())
    return max(len(keys), total * (total - 1) / 2 / (equal + 2 * sqrt(equal + 1) + 1))


def makes_24(fields: Mapping[str, Any]) -> int:
    """Sets of four numbers of which some chain ((a . b) . c) . d gives 24, as their generator builds them."""
    numbers = range(fields["min_value"], fields["max_value"] + 1)
    return sum(any(24 in chain(order) for order in permutations(four)) for four in combinations_with(numbers, 4))


def chain(order: Sequence[int]) -> set[int]:
    """Every value of ((a . b) . c) . d, where a division comes out even."""
    values = {order[0]}
    for number in order[1:]:
        even = {value // number for value in values if number and value % number == 0}
        values = even | {one for value in values for one in (value + number, value - number, value * number)}
    return values


def boards(fields: Mapping[str, Any]) -> int:
    """Boards that are left when queens are taken away from a solution."""
    size = fields["n"]
    kept = range(size - fields["max_remove"], size - fields["min_remove"] + 1)
    found: set[frozenset[tuple[int, int]]] = set()
    for columns in permutations(range(size)):
        if len({c + r for r, c in enumerate(columns)}) == len({c - r for r, c in enumerate(columns)}) == size:
            queens = list(enumerate(columns))
            found.update(frozenset(some) for count in kept for some in combinations(queens, count))
    return len(found)


COUNTED = {"n_queens": boards, "puzzle24": makes_24}
"""Spaces that can be counted, where drawing enough to bound them would take too long"""


if __name__ == "__main__":
    main(sys.argv[1:])
