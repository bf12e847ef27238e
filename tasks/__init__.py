"""Supplies of problems: generators with levels and data sets, addressed and split so that train and test cannot overlap."""

if not __name__.startswith("verigym."):  # plain `python -m` at the root puts this folder in front of other packages
    raise ImportError(f"this is verigym.tasks, imported as {__name__!r}: run `verigym`, or `python -P -m`")
