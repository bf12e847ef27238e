"""The processes that train one policy together.

ranks = ALONE
if ranks.lead: ...
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Ranks:
    """rank: this process's number, from 0; count: of all of them. A single process is rank 0 of 1, and every method is
    then the identity."""

    rank: int = 0
    count: int = 1

    @property
    def lead(self) -> bool:
        """Whether this is the one process that samples for all, writes files and speaks."""
        return self.rank == 0


ALONE = Ranks()
