"""Which split may hold a problem: decided by a hash of its family, so train and test cannot overlap.

split_of("countdown", "3,17,25")     # 'train', in every process and for every level
"""

import hashlib

SPLITS = ("train", "validation", "test")
SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
"""Expected share of the families of a generated space that each split holds."""


class SpaceTooSmall(ValueError):
    """A task's space of problems cannot give a split as many distinct problems as were asked for."""


def split_of(task: str, family: str) -> str:
    """The one split that may hold a family of problems. The version is left out: a new version keeps its held-out
    families."""
    digest = hashlib.sha256(f"{task}|{family}".encode()).digest()
    share = int.from_bytes(digest[:8], "big") / 2**64
    if share < SHARES["train"]:
        return "train"
    return "validation" if share < SHARES["train"] + SHARES["validation"] else "test"
