"""What `step_vs_trl.py` asks of both trainers, and what each of them answers; plain records that travel as JSON.

Plan.read(path).rollouts
"""

import json
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Plan:
    """One measurement. model: directory in Hugging Face layout; prompts: JSON lines of chat messages, in the order of
    the steps; groups, size: prompts of a step and replies of each; warmup: steps at the start that do not count; steps:
    those that do; dtype: of the weights; autocast: bf16 autocast over them."""

    model: str
    prompts: str
    groups: int
    size: int
    new_tokens: int
    warmup: int
    steps: int
    dtype: str
    autocast: bool = False
    lr: float = 1e-5
    seed: int = 0

    @property
    def rollouts(self) -> int:
        """Rollouts of a step."""
        return self.groups * self.size

    @property
    def all_steps(self) -> int:
        """Steps to run: one more than are read, because the last one also ends the run."""
        return self.warmup + self.steps + 1

    @classmethod
    def read(cls, path: Path) -> "Plan":
        """The plan in a JSON file."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        """Saves the plan as JSON."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")


@dataclass(frozen=True)
class Timed:
    """What one side measured over the counted steps. seconds: wall time of each step, everything included; cpu:
    processor seconds of each; sampling: the part of the wall time spent drawing replies; tokens: sampled in each;
    prompt: longest prompt, in tokens; distinct: share of different replies in a group, the lowest seen (verigym: in the
    groups it writes down); spread: share of groups with more than one reward, the lowest seen; note: precision;
    versions."""

    seconds: list[float]
    cpu: list[float]
    sampling: list[float]
    tokens: list[int]
    prompt: int
    distinct: float
    spread: float
    note: str

    @classmethod
    def read(cls, path: Path) -> "Timed":
        """The record in a JSON file."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        """Saves the record as JSON."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    def __add__(self, other: "Timed") -> "Timed":
        """The steps of two runs of one plan, pooled."""
        return Timed(
            self.seconds + other.seconds,
            self.cpu + other.cpu,
            self.sampling + other.sampling,
            self.tokens + other.tokens,
            max(self.prompt, other.prompt),
            min(self.distinct, other.distinct),
            min(self.spread, other.spread),
            self.note,
        )

    @property
    def step(self) -> float:
        """Median seconds of a step."""
        return statistics.median(self.seconds)

    @property
    def processor(self) -> float:
        """Median processor seconds of a step: what another load on the machine disturbs less."""
        return statistics.median(self.cpu)

    @property
    def sample(self) -> float:
        """Median seconds of sampling."""
        return statistics.median(self.sampling)


def counted(values: list[float], plan: Plan) -> list[float]:
    """Of one value a step, those of the counted steps."""
    return values[plan.warmup : plan.warmup + plan.steps]
