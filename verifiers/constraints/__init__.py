"""Answers that are checked against the rules of a puzzle, so that every valid answer counts."""

from verigym.verifiers.constraints.assignment import assignment
from verigym.verifiers.constraints.chosen import knapsack, sat, subset_sum
from verigym.verifiers.constraints.grids import path, queens, sudoku
from verigym.verifiers.constraints.schedule import schedule

__all__ = ["assignment", "knapsack", "path", "queens", "sat", "schedule", "subset_sum", "sudoku"]
