"""Small runs that several test files share."""

from pathlib import Path

import pytest
import torch

from verigym.trainer.config import Evaluation, Keep, ObjectiveChoice, Optim, Policy, Problems, Rollout, Run, Warmup

torch.set_num_threads(1)

OWN_ENV = """
from verigym.tasks import Problem

LEVELS = range(2, 4)


def problem(rng, level):
    return Problem(prompt="".join(rng.choice("0123456789") for _ in range(level)), answer="")


def play(problem):
    reply = yield problem.prompt
    return sum(c in "0123456789" for c in reply) / 8 - abs(len(reply) - 4) / 40


def oracle(problem):
    return problem.prompt[::-1]
"""
"""Graded by a rule that random replies meet in part, so that every group has a signal; in this process, so that it is
quick."""


@pytest.fixture
def own_env(tmp_path: Path) -> Path:
    """A file that holds someone's own environment."""
    path = tmp_path / "digits_env.py"
    path.write_text(OWN_ENV)
    return path


@pytest.fixture
def small_run(tmp_path: Path, own_env: Path):
    """A function from a name, and changes of its sections, to a run of a few steps."""

    def make(name: str = "run", **changes) -> Run:
        sections = {
            "problems": {"env": str(own_env)},
            "policy": {"threads": 1},
            "rollout": {"problems_per_step": 4, "group_size": 4, "max_new_tokens": 6},
            "objective": {"objective": "dr_grpo"},
            "optim": {"steps": 4, "lr": 1e-3},
            "warmup": {"sft_steps": 2, "sft_batch": 8, "sft_demos": 16},
            "evaluation": {"eval_every": 2, "eval_problems": 8, "eval_samples": 2},
            "keep": {"out": str(tmp_path / name), "checkpoint_every": 2},
        }
        for section, values in changes.items():
            sections[section] |= values
        kinds = (Problems, Policy, Rollout, ObjectiveChoice, Optim, Warmup, Evaluation, Keep)
        return Run(**{name: kind(**sections[name]) for name, kind in zip(sections, kinds, strict=True)})

    return make
