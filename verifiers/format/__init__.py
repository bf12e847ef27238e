"""Forms: styles of a whole reply, rules on its text, and the instructions of IFEval."""

from verigym.verifiers.format.check import format_
from verigym.verifiers.format.styles import STYLES

__all__ = ["STYLES", "format_"]
