"""A run that is going: everything that is loaded for it, and where it stands.

session = open_session(run, None, driver, display)
session.state.step
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from verigym.envs import make
from verigym.envs.drive import Driver
from verigym.envs.env import Env
from verigym.trainer.checkpoint import TrainerState, load_state, newest_checkpoint
from verigym.trainer.config import Run
from verigym.trainer.course import Course, open_course
from verigym.trainer.display import Display
from verigym.trainer.engines.engine import Engine
from verigym.trainer.evaluation.held_out import HeldOut
from verigym.trainer.policy import Policy, load_policy
from verigym.trainer.ranks import ALONE, Ranks
from verigym.trainer.reward import Reward
from verigym.trainer.run import RunDirectory
from verigym.trainer.safety import refuse_unsafe
from verigym.trainer.stream import ProblemStream
from verigym.trainer.sync import Sync
from verigym.trainer.update import Learner


@dataclass
class Session:
    """A run that is going: what was resolved, what is loaded, and where it stands."""

    run: Run
    directory: RunDirectory
    driver: Driver
    policy: Policy
    engine: Engine
    sync: Sync
    ranks: Ranks
    learner: Learner
    stream: ProblemStream
    course: Course
    held_out: HeldOut
    state: TrainerState
    display: Display

    @property
    def planned(self) -> ProblemStream:
        """The problems, at the levels that the curriculum gives the next step."""
        return self.stream.planned(self.course.plan(self.state.curriculum))


def open_session(run: Run, resume: Path | None, driver: Driver, display: Display, ranks: Ranks = ALONE) -> Session:
    """Loads everything, from the newest checkpoint where there is one, and makes the run's directory last."""
    import torch

    from verigym.trainer.engines.open import open_engine
    from verigym.trainer.optimizer import Optimizer

    if run.policy.threads:
        torch.set_num_threads(run.policy.threads)
    objective = run.objective.resolve()
    checkpoint = newest_checkpoint(resume) if resume else None
    policy = load_policy(
        str(checkpoint) if checkpoint else run.policy.model,
        dtype=run.policy.dtype,
        device=run.policy.device,
        seed=run.keep.seed,
    )
    optimizer = Optimizer(policy.model.parameters(), betas=run.optim.betas, weight_decay=run.optim.weight_decay)
    state = load_state(checkpoint, optimizer) if checkpoint else TrainerState(0, 0, 0)
    course = open_course(run.problems, driver.env.task, seed=run.keep.seed)
    course.plan(state.curriculum)  # refuses one of other levels
    if resume:
        directory, before = RunDirectory.open(resume)
        if run != before:
            directory.rewrite_config(run)  # a later resume keeps them
        directory.cut_after(state.step if checkpoint else -1)
    else:
        limit = run.rollout.max_new_tokens
        text = objective.describe(run.objective.objective, limit) + reward_of(run).describe()
        directory = RunDirectory.create(default_directory(run), run, text)
    directory.hold_reserve(checkpoint_bytes(policy))
    held_out = HeldOut(driver.env, run.evaluation, levels=course.levels, seed=run.keep.seed, folder=directory.held_out)
    engine = open_engine(run.rollout, policy, version=state.step)
    learner = Learner(
        policy.model,
        optimizer,
        objective,
        run.optim,
        pad_id=policy.pad_id,
        temperature=run.rollout.temperature,
        limit=run.rollout.max_new_tokens,
        reference=_reference(run, directory, policy, checkpoint is not None) if objective.needs_reference else None,
    )
    stream = ProblemStream(driver.env.task, split="train", levels=course.levels, seed=run.keep.seed)
    sync = Sync(engine, policy)
    return Session(
        run, directory, driver, policy, engine, sync, ranks, learner, stream, course, held_out, state, display
    )


def open_env(run: Run) -> Env:
    """The environment of a run, with its options, and with what its reward adds to the prompts. Raises EnvError or
    ConfigError for what cannot be made."""
    options = dict(pair.split("=", 1) for pair in run.problems.env_args)
    refuse_unsafe("training", options)
    env = make(run.problems.env, split="train", **options)
    open_course(run.problems, env.task, seed=run.keep.seed)
    return reward_of(run).told(env)


def reward_of(run: Run) -> Reward:
    """What becomes of the verifier's rewards in a run."""
    return Reward.of(run.problems.reward, run.rollout.max_new_tokens)


def default_directory(run: Run) -> Path:
    """Where a run goes: --out, or runs/NAME, or runs/ENV-TIME."""
    if run.keep.out:
        return Path(run.keep.out)
    name = run.keep.name or f"{Path(run.problems.env).stem}-{datetime.now():%Y%m%d-%H%M%S}"
    return Path("runs") / name


def checkpoint_bytes(policy: Policy) -> int:
    """About how large a checkpoint is: weights, two moments in fp32, and the fp32 masters of a bf16 model."""
    sizes = [(p.numel(), p.element_size()) for p in policy.model.parameters()]
    return sum(n * (size + 8 + (4 if size < 4 else 0)) for n, size in sizes) + (2 << 20)


def _reference(run: Run, directory: RunDirectory, policy: Policy, resumed: bool) -> Any:
    """The frozen reference: the weights that learning by reward starts from, kept on disk for a resume."""
    import copy

    place = directory.checkpoints / "reference"
    if resumed:
        return load_policy(str(place), dtype=run.policy.dtype, device=run.policy.device).model.requires_grad_(False)
    return copy.deepcopy(policy.model).requires_grad_(False)
