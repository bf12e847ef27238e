r"""Answers that are lists of numbers and words: a set, where order does not count, or a sequence, where it does.

    set_(r"\boxed{\{2, 3, 5\}}", [5, 3, 2]).correct                            # True
    sequence("<answer>a, b, d</answer>", ["a", "b", "c"], credit="prefix").reward      # 0.666...

Items stand between commas, semicolons, lines or the word "and", or between the one separator that is asked for; a comma
always separates, so thousands are written without it. Only the whole and exact list is correct; partial credit is
reward alone.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from verigym.verifiers.answers import WrongAnswer, text_answer
from verigym.verifiers.convert import printable
from verigym.verifiers.rational import read_number
from verigym.verifiers.reading import items, short, unwrapped
from verigym.verifiers.text import squeeze
from verigym.verifiers.verdict import Verdict

Item = Fraction | str
MAX_ITEMS = 256
_NOTHING = (r"\emptyset", r"\varnothing", "{}", "[]", "()", r"\{\}", "none", "empty", "the empty set")


def set_(
    reply: str,
    answer: Any,
    *,
    extract: str = "marked",
    strict: bool = True,
    credit: str = "exact",
    separator: str = "",
    ignore_case: bool = False,
    most: int = MAX_ITEMS,
) -> Verdict:
    """Whether the items are those of the answer, in any order and each as often as there.

    answer       a list of numbers and texts; a text that writes a number is one (`1/2` is `0.5`)
    credit       "f1": 2 hits / (items + wanted); "jaccard": hits / (items + wanted - hits); a second time counts as a
                 wrong item; "exact": none
    separator    the one mark between items, such as " " or "|"; without it see above
    ignore_case  compare words without regard to case
    most         how many items are read, up to 256; a longer list is malformed

    Read: the items, with or without brackets around them; `{}`, `[]`, `none` for no item. Raises ValueError when
    `answer` is no list, or an option is out of range.
    """
    wanted, got, verdict = _read("set", reply, answer, (extract, strict), (separator, ignore_case, most))
    if credit not in SETS:
        raise ValueError(f"set has no credit {credit!r}; there are {', '.join(SETS)}")
    if verdict.scored and verdict.extracted is None:
        return verdict
    right, left = Counter(wanted), Counter(got)
    hits = sum((right & left).values())
    if right == left:
        return Verdict.right(f"all {len(wanted)} items", verdict.extracted)
    surplus = next((item for item, often in left.items() if often > right[item]), None)
    if surplus is None:
        fault = f"{_shown(next(iter(right - left)))} is missing"
    elif right[surplus]:
        fault = f"{_shown(surplus)} is given {left[surplus]} times, not {right[surplus]}"
    else:
        fault = f"{_shown(surplus)} is not in the set"
    share = SETS[credit](hits, len(got), len(wanted))
    return Verdict.wrong(f"{hits} of {len(wanted)} items: {fault}", verdict.extracted, reward=share)


def sequence(
    reply: str,
    answer: Any,
    *,
    extract: str = "marked",
    strict: bool = True,
    credit: str = "exact",
    separator: str = "",
    ignore_case: bool = False,
    most: int = MAX_ITEMS,
) -> Verdict:
    """Whether the items are those of the answer, in its order.

    answer   a list of numbers and texts; a text that writes a number is one (`1/2` is `0.5`)
    credit   "prefix": items that agree before the first that does not; "position": places that agree; "lcs": the
             longest common subsequence; each as a share of the longer of the two lists; "exact": none

    The other options, what is read and what is raised are those of `set`.
    """
    wanted, got, verdict = _read("sequence", reply, answer, (extract, strict), (separator, ignore_case, most))
    if credit not in SEQUENCES:
        raise ValueError(f"sequence has no credit {credit!r}; there are {', '.join(SEQUENCES)}")
    if verdict.scored and verdict.extracted is None:
        return verdict
    if got == wanted:
        return Verdict.right(f"all {len(wanted)} items in order", verdict.extracted)
    if len(got) != len(wanted):
        fault = f"{len(got)} items, not {len(wanted)}"
    else:
        place = next(place for place, (one, other) in enumerate(zip(got, wanted, strict=True)) if one != other)
        fault = f"item {place + 1} is {_shown(got[place])}, expected {_shown(wanted[place])}"
    share = SEQUENCES[credit](got, wanted) / max(len(got), len(wanted), 1)
    return Verdict.wrong(fault, verdict.extracted, reward=share)


def prefix(got: Sequence[Item], wanted: Sequence[Item]) -> int:
    """How many items agree before the first that does not."""
    return next(
        (place for place, (one, other) in enumerate(zip(got, wanted, strict=False)) if one != other),
        min(len(got), len(wanted)),
    )


def position(got: Sequence[Item], wanted: Sequence[Item]) -> int:
    """At how many places the items agree."""
    return sum(one == other for one, other in zip(got, wanted, strict=False))


def common(got: Sequence[Item], wanted: Sequence[Item]) -> int:
    """The length of the longest common subsequence: quadratic, and both lists are bounded."""
    row = [0] * (len(wanted) + 1)
    for one in got:
        corner = 0
        for place, other in enumerate(wanted, 1):
            corner, row[place] = row[place], corner + 1 if one == other else max(row[place], row[place - 1])
    return row[-1]


SETS: dict[str, Callable[[int, int, int], float]] = {
    "exact": lambda hits, got, wanted: 0.0,
    "f1": lambda hits, got, wanted: 2 * hits / max(1, got + wanted),
    "jaccard": lambda hits, got, wanted: hits / max(1, got + wanted - hits),
}
"""credit of a set that is not right -> its share, from hits, items given and items wanted"""

SEQUENCES: dict[str, Callable[[Sequence[Item], Sequence[Item]], int]] = {
    "exact": lambda got, wanted: 0,
    "prefix": prefix,
    "position": position,
    "lcs": common,
}
"""credit of a sequence that is not right -> how many items earn it"""


def _read(
    verifier: str, reply: str, answer: Any, finding: tuple[str, bool], reading: tuple[str, bool, int]
) -> tuple[list[Item], list[Item], Verdict]:
    """The items wanted and given. The verdict holds the extracted text, or says why nothing was read."""
    separator, ignore_case, most = reading
    if not 1 <= most <= MAX_ITEMS:
        raise ValueError(f"{verifier}: most={most} must be from 1 to {MAX_ITEMS} items")
    if not isinstance(answer, list | tuple):
        raise WrongAnswer(f"{verifier}: answer must be a list of numbers and texts, got {type(answer).__name__}")
    if len(answer) > most:
        raise WrongAnswer(f"{verifier}: answer has {len(answer)} items, and at most most={most} are read")
    wanted = [_item(text_answer(one, verifier), ignore_case) for one in answer]
    text, failed = short(reply, *finding)
    if failed:
        return wanted, [], failed
    if squeeze(text.strip("$ ")).casefold() in _NOTHING or unwrapped(text).casefold() in _NOTHING:
        return wanted, [], Verdict.wrong("", text)
    given = items(text, separator)
    if len(given) > most:
        return wanted, [], Verdict.malformed(f"{len(given)} items; at most {most} are read")
    return wanted, [_item(one, ignore_case) for one in given], Verdict.wrong("", text)


def _item(text: str, ignore_case: bool) -> Item:
    number = read_number(text)
    if number is not None:
        return number.value
    text = squeeze(text)
    return text.casefold() if ignore_case else text


def _shown(item: Item) -> str:
    return printable(repr(item) if isinstance(item, str) else str(item))
