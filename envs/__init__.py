"""Environments: a task and a verifier behind Gymnasium's `reset` and `step`."""

if not __name__.startswith("verigym."):  # plain `python -m` at the root puts this folder in front of other packages
    raise ImportError(f"this is verigym.envs, imported as {__name__!r}: run `verigym`, or `python -P -m`")
