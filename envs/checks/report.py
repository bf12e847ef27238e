"""What a check says: findings, and the report that holds them.

report = check("countdown")
report.ok, report["hedges"].status, report.summary()       # summary: plain data, for JSON
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """How a finding went."""

    PASS = "pass"
    WARN = "warn"
    """nothing is wrong with the rewards, but a user should know it"""
    FAIL = "fail"
    """not fit for training or for a claim, for the reason that stands there"""
    SKIP = "skip"
    """not looked at, for the reason that stands there"""


@dataclass(frozen=True)
class Finding:
    """name: of `CHECKS`; figure: what was measured, in a few words; reason: one line for a person; evidence: more such
    lines, the worst first."""

    name: str
    status: Status
    figure: str = ""
    reason: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """All findings about one environment. settings: what decided the sample (n, seed, levels, splits, options)."""

    env: str
    findings: tuple[Finding, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(finding.status is not Status.FAIL for finding in self.findings)

    def of(self, status: str) -> list[str]:
        """The names of the findings with a status ("fail", ...), in order."""
        return [finding.name for finding in self.findings if finding.status == status]

    def __getitem__(self, name: str) -> Finding:
        for finding in self.findings:
            if finding.name == name:
                return finding
        raise KeyError(f"no finding {name!r} about {self.env}; there are {', '.join(f.name for f in self.findings)}")

    def summary(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {
            "env": self.env,
            "ok": self.ok,
            "settings": dict(self.settings),
            "findings": [{**asdict(finding), "evidence": list(finding.evidence)} for finding in self.findings],
            "seconds": round(self.seconds, 2),
        }
