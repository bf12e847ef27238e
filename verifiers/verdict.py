"""What a verifier says of a reply.

A verdict is a record, not a number: the reward, whether the answer was right, and a reason a person can read. `error`
means that *we* failed (a grader crashed, a worker died): such a sample is masked and counted, never scored 0.

    Verdict.right("11 = 11", extracted="3+25-17").reward     # 1.0
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Status(StrEnum):
    """How the grading went; not whether the answer was right."""

    OK = "ok"
    """graded: the answer was read and compared"""
    MALFORMED = "malformed"
    """the reply holds no answer in the wanted form"""
    TRUNCATED = "truncated"
    """the reply was cut by the length limit before it could finish"""
    TIMEOUT = "timeout"
    """the reply cost more than its deadline to grade"""
    ERROR = "error"
    """the grader failed, not the reply: masked and counted, never scored"""


@dataclass(frozen=True)
class Verdict:
    """reward: a finite scalar; correct: None when the grader cannot say (a learned reward); reason: one line for a
    person; parts: every component that went into the reward, by name; extracted: the answer as it was read from the
    reply."""

    reward: float
    correct: bool | None
    status: Status = Status.OK
    reason: str = ""
    parts: Mapping[str, float] = field(default_factory=dict)
    extracted: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", Status(self.status))
        object.__setattr__(self, "reward", float(self.reward))
        if not math.isfinite(self.reward):
            raise ValueError(
                f"a verdict's reward must be finite, got {self.reward}; use Verdict.error(...) when grading failed"
            )

    @classmethod
    def right(cls, reason: str, extracted: str | None = None) -> "Verdict":
        """Reward 1, correct."""
        return cls(1.0, True, Status.OK, reason, {}, extracted)

    @classmethod
    def wrong(cls, reason: str, extracted: str | None = None, reward: float = 0.0) -> "Verdict":
        """Graded and not correct; `reward` may hold partial credit."""
        return cls(reward, False, Status.OK, reason, {}, extracted)

    @classmethod
    def malformed(cls, reason: str, extracted: str | None = None) -> "Verdict":
        """No answer in the wanted form: reward 0, not correct."""
        return cls(0.0, False, Status.MALFORMED, reason, {}, extracted)

    @classmethod
    def timeout(cls, reason: str) -> "Verdict":
        """Too dear to grade within its deadline: reward 0, not correct, and named as what it is."""
        return cls(0.0, False, Status.TIMEOUT, reason)

    @classmethod
    def error(cls, reason: str) -> "Verdict":
        """We failed: the sample must be masked. The reward is 0 only because a number must stand there."""
        return cls(0.0, None, Status.ERROR, reason)

    @property
    def scored(self) -> bool:
        """Whether the reward may be used: False for `error`."""
        return self.status is not Status.ERROR
