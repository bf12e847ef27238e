"""Generators of logic and string problems."""
