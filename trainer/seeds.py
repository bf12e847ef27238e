"""Seeds by hash: independent of worker, order and restart.

sample_seed(0, 12, "countdown@1/train/2/77", 3)    # run seed, step, problem, sample
"""

import hashlib


def sample_seed(*parts: object) -> int:
    """A 63-bit seed from the SHA-256 of its parts."""
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
