"""Environments of other suites, with our addresses, splits, verdicts and walls."""
