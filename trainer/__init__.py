"""Training and evaluation: engines, rollouts, objectives, the loop, the run directory and the command line."""

if not __name__.startswith("verigym."):  # plain `python -m` at the root puts this folder in front of other packages
    raise ImportError(f"this is verigym.trainer, imported as {__name__!r}: run `verigym`, or `python -P -m`")
