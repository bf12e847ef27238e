"""Splits that share problems, and how often draws repeat: pure counting over drawn problems.

shared([Draw("train", 1, "a", "a", "3 + 4 = ?"), Draw("test", 2, "b", "b", "3 + 4  = ?")])["prompts"]
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

SHOWN = 3


@dataclass(frozen=True)
class Draw:
    """A drawn problem. content: its normalised prompt, with the answer where the prompt hides what is asked for (in
    environments of several turns)."""

    split: str
    level: int
    key: str
    family: str
    content: str


def normal(text: str) -> str:
    """A prompt without what makes no difference to a reader: case and blanks."""
    return " ".join(text.casefold().split())


def shared(draws: Sequence[Draw]) -> list[dict[str, Any]]:
    """For each two splits and each of key, family and content: how many distinct ones they share, over all levels, of
    how many the smaller split has, and some."""
    found = []
    splits = list(dict.fromkeys(draw.split for draw in draws))
    for what, field in (("keys", "key"), ("families", "family"), ("prompts", "content")):
        held = {split: {getattr(draw, field) for draw in draws if draw.split == split} for split in splits}
        for one, other in combinations(splits, 2):
            common = held[one] & held[other]
            found.append(
                {
                    "what": what,
                    "splits": [one, other],
                    "shared": len(common),
                    "of": min(len(held[one]), len(held[other])),
                    "some": sorted(common)[:SHOWN],
                }
            )
    return found


def repeats(keys: Iterable[str]) -> dict[str, int]:
    """Of draws in their order: how many, how many distinct, how many pairs are equal, how many came once and how many
    twice, and at which draw the last new one came."""
    counts: Counter[str] = Counter()
    last_new = 0
    for number, key in enumerate(keys, 1):
        counts[key] += 1
        if counts[key] == 1:
            last_new = number
    return {
        "draws": counts.total(),
        "distinct": len(counts),
        "pairs": sum(count * (count - 1) // 2 for count in counts.values()),
        "once": sum(count == 1 for count in counts.values()),
        "twice": sum(count == 2 for count in counts.values()),
        "last_new": last_new,
    }
