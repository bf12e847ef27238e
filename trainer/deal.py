"""Rows dealt over ranks, and how many passes each takes.

for piece, counts in passes(widths, places, ranks, plan, level=is_cut(model)): ...
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from verigym.trainer.ranks import Ranks

Piece = TypeVar("Piece")
"""What one forward pass takes: places of rows, and whatever else was planned for them."""


def deal(widths: torch.Tensor, places: torch.Tensor, count: int) -> list[torch.Tensor]:
    """`places` in `count` parts of about as many tokens: the widest row goes first, each to the part that has the
    fewest. Parts keep the order of `places`, and one part is all of them.

    widths [N]: tokens of each row; places [n]."""
    if count == 1:
        return [places]
    owner = [0] * len(places)
    tokens = [0] * count
    for i in torch.argsort(widths[places], descending=True, stable=True).tolist():
        owner[i] = tokens.index(min(tokens))
        tokens[owner[i]] += int(widths[places[i]])
    owners = torch.tensor(owner, dtype=torch.long)
    return [places[owners == part] for part in range(count)]


def passes(
    widths: torch.Tensor,
    places: torch.Tensor,
    ranks: Ranks,
    plan: Callable[[torch.Tensor], Sequence[Piece]],
    *,
    level: bool,
) -> list[tuple[Piece, bool]]:
    """The forward passes that this rank takes over its share of `places`, and whether each counts. `plan` cuts places
    into passes.

    level: every rank must take as many passes as the one with the most, because weights are gathered in each; those
    that lack some read the shortest row again, for nothing."""
    if not len(places):
        return []
    plans = [plan(part) if len(part) else () for part in deal(widths, places, ranks.count)]
    own = [(piece, True) for piece in plans[ranks.rank]]
    if level:
        shortest = places[widths[places].argmin()][None]
        own += [(plan(shortest)[0], False)] * (max(map(len, plans)) - len(own))
    return own
