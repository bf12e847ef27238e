"""Verifiers: pure functions from a reply and an answer to a `Verdict`. No path evaluates a reply as code."""

if not __name__.startswith("verigym."):  # plain `python -m` at the root puts this folder in front of other packages
    raise ImportError(f"this is verigym.verifiers, imported as {__name__!r}: run `verigym`, or `python -P -m`")

from verigym.verifiers.table import verifier_names, verify, verify_many
from verigym.verifiers.verdict import Status, Verdict

__all__ = ["Status", "Verdict", "verifier_names", "verify", "verify_many"]
