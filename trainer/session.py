"""A run that is going: everything that is loaded for it, and where it stands.

session = open_session(run, None, driver, display)
session.state.step
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from verigym.envs import make
from verigym.envs.drive import Driver
from verigym.envs.env import Env
from verigym.trainer import adapters, pending
from verigym.trainer.canary import EMBEDDED_EVERY, Canary
from verigym.trainer.checkpoint import TrainerState, load_state, newest_checkpoint, read_state
from verigym.trainer.config import Run
from verigym.trainer.course import Course, open_course
from verigym.trainer.display import Display
from verigym.trainer.engines.elsewhere import Elsewhere
from verigym.trainer.engines.engine import Engine
from verigym.trainer.engines.options import options_of
from verigym.trainer.evaluation.held_out import HeldOut
from verigym.trainer.fit import Fit
from verigym.trainer.intake import Intake, open_intake
from verigym.trainer.lag import Lag
from verigym.trainer.lora import Lora
from verigym.trainer.memory import Fitted, prepare
from verigym.trainer.policy import Policy, load_policy
from verigym.trainer.ranks import ALONE, Ranks
from verigym.trainer.reward import Reward
from verigym.trainer.run import RunDirectory, default_directory
from verigym.trainer.safety import refuse_unsafe
from verigym.trainer.step import Sampled
from verigym.trainer.stream import ProblemStream
from verigym.trainer.sync import Sync
from verigym.trainer.together import samples_everywhere
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
    canary: Canary
    intake: Intake = field(init=False)

    @property
    def planned(self) -> ProblemStream:
        """The problems, at the levels that the curriculum gives the next step."""
        return self.stream.planned(self.course.plan(self.state.curriculum))

    def close(self) -> None:
        """Ends what samples, and gives back what the engine holds."""
        self.intake.close()
        self.engine.close()
        self.sync.close()


def open_session(run: Run, resume: Path | None, driver: Driver, display: Display, ranks: Ranks = ALONE) -> Session:
    """Loads everything, from the newest checkpoint where there is one, and makes the run's directory last: what cannot
    work leaves nothing behind."""
    import torch

    if run.policy.threads:
        torch.set_num_threads(run.policy.threads)
    root = ranks.led(lambda: resume or RunDirectory.free(default_directory(run)))
    checkpoint = ranks.tell(newest_checkpoint(resume) if resume else None)
    state = read_state(checkpoint) if checkpoint else TrainerState(0, 0, 0)
    course = open_course(run.problems, driver.env.task, seed=run.keep.seed)
    course.plan(state.curriculum)  # refuses one of other levels
    policy = _policy(run, checkpoint, ranks)
    fit = Fit.of(run.policy.fit)
    fitted = prepare(policy.model, fit, tell=display.warn)
    cut = fit.sharding(ranks.count, lora=bool(run.policy.lora)) not in ("none", "ddp")
    engine = _engine(run, policy, state.step, ranks, own_copy=cut)  # before the weights are cut: it may copy them
    try:
        learner = _learner(run, policy, fitted, root if checkpoint else None, ranks, cut=cut)
        if checkpoint:
            load_state(checkpoint, learner.optimizer)
        sync = Sync(
            engine,
            policy,
            adapter=bool(run.policy.lora) and run.rollout.engine != "transformers",
            rests=run.rollout.engine == "vllm" and not Lag.of(run.rollout.lag).steps,
        )
        if checkpoint and sync.adapter:
            sync.load(state.step)  # the engine was opened on the weights under it
        directory = ranks.led(lambda: _directory(run, root, policy, resume, -1 if checkpoint is None else state.step))
        levels, seed = course.levels, run.keep.seed
        every = EMBEDDED_EVERY if run.rollout.engine == "transformers" else 1
        session = Session(
            run=run,
            directory=directory,
            driver=driver,
            policy=policy,
            engine=engine,
            sync=sync,
            ranks=ranks,
            learner=learner,
            stream=ProblemStream(driver.env.task, split="train", levels=levels, seed=seed),
            course=course,
            held_out=HeldOut(driver.env, run.evaluation, levels=levels, seed=seed, folder=directory.held_out),
            state=state,
            display=display,
            canary=Canary(learner, options_of(run.rollout), every=every, warn=display.warn),
        )
        session.intake = open_intake(session, reward_of(run), _waiting(run, checkpoint, session.stream))
    except BaseException:
        engine.close()
        raise
    return session


def _policy(run: Run, checkpoint: Path | None, ranks: Ranks) -> Policy:
    """The model that learns, as it starts or as a checkpoint left it."""
    lora = Lora.of(run.policy.lora)
    source = adapters.base_of(checkpoint) if checkpoint and lora else str(checkpoint or run.policy.model)
    policy = load_policy(source, dtype=run.policy.dtype, device=ranks.device(run.policy.device), seed=run.keep.seed)
    if lora:
        adapters.attach(policy.model, lora, seed=run.keep.seed)
    if checkpoint and lora:
        adapters.read_adapter(policy.model, checkpoint)
    return policy


def _engine(run: Run, policy: Policy, version: int, ranks: Ranks, *, own_copy: bool) -> Engine:
    """What samples on this rank."""
    from verigym.trainer.engines.open import open_engine

    if not ranks.lead and not samples_everywhere(run):
        return Elsewhere(version)
    ahead = Lag.of(run.rollout.lag).steps > 0
    return open_engine(run.rollout, policy, version=version, own_copy=own_copy or ahead)


def _learner(run: Run, policy: Policy, fitted: Fitted, resumed: Path | None, ranks: Ranks, *, cut: bool) -> Learner:
    """What an update needs, its weights laid over the ranks. resumed: the directory of a run that goes on."""
    from verigym.trainer import zero
    from verigym.trainer.optimizer import Optimizer
    from verigym.trainer.shard import lay_out

    objective, fit = run.resolve(), Fit.of(run.policy.fit)
    reference = _reference(run, policy, resumed, ranks) if objective.needs_reference else None
    fitted.also(reference)
    sharding = fit.sharding(ranks.count, lora=bool(run.policy.lora))
    optimizer: Any
    if sharding in zero.STAGES:
        optimizer = zero.lay_out(sharding, policy.model, ranks, run, reference=reference)
    else:
        if cut:
            lay_out(sharding, [policy.model, reference], ranks, run.policy, fit)
        optimizer = Optimizer(
            policy.model.named_parameters(),
            betas=run.optim.betas,
            weight_decay=run.optim.weight_decay,
            ranks=ALONE if cut else ranks,
            kind=fit.adam,
            offload=fitted.offload and not cut,
        )
    return Learner(
        policy.model,
        optimizer,
        objective,
        run.optim,
        pad_id=policy.pad_id,
        temperature=run.rollout.temperature,
        limit=run.rollout.max_new_tokens,
        reference=reference,
        ranks=ranks,
        packing=fitted.packing,
    )


def _waiting(run: Run, checkpoint: Path | None, stream: ProblemStream) -> list[Sampled]:
    """The steps that a checkpoint holds of a run that samples ahead."""
    place = checkpoint / pending.FILE if checkpoint and Lag.of(run.rollout.lag).steps else None
    return pending.read(place.read_text(encoding="utf-8"), stream.task) if place and place.exists() else []


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


def _directory(run: Run, root: Path, policy: Policy, resume: Path | None, step: int) -> RunDirectory:
    """The directory of a run: a new one, or the one to go on with, cut after `step`."""
    if resume:
        directory, before = RunDirectory.open(resume)
        if run != before:
            directory.rewrite_config(run)  # a later resume keeps them
        directory.cut_after(step)
    else:
        objective, limit = run.resolve(), run.rollout.max_new_tokens
        text = objective.describe(run.objective.objective, limit) + reward_of(run).describe()
        directory = RunDirectory.create(root, run, text)
    if run.policy.lora:
        adapters.keep_base(policy, directory.checkpoints)
    directory.hold_reserve(checkpoint_bytes(policy) + pending_bytes(run))
    return directory


def checkpoint_bytes(policy: Policy) -> int:
    """About how large a checkpoint is: weights (of an adapter, where one learns), two moments in fp32, and the fp32
    masters of a bf16 model."""
    sizes = [
        (getattr(p, "ds_numel", p.numel()), p.element_size()) for p in policy.model.parameters() if p.requires_grad
    ]
    return sum(n * (size + 8 + (4 if size < 4 else 0)) for n, size in sizes) + (2 << 20)


def pending_bytes(run: Run) -> int:
    """About how large the steps are that a checkpoint holds of a run that samples ahead."""
    rollout = run.rollout
    one = 200 + 10 * rollout.max_new_tokens
    return Lag.of(rollout.lag).steps * rollout.problems_per_step * rollout.group_size * one


def _reference(run: Run, policy: Policy, resumed: Path | None, ranks: Ranks) -> Any:
    """The frozen reference: the weights that learning by reward starts from, kept on disk for a resume."""
    import copy

    place = RunDirectory(resumed).checkpoints / "reference" if resumed else None
    if run.policy.lora:
        reference = adapters.Reference(policy.model)
        if place:
            adapters.read_adapter(reference, place)
        return reference
    if place:
        device = ranks.device(run.policy.device)
        return load_policy(str(place), dtype=run.policy.dtype, device=device).model.requires_grad_(False)
    return copy.deepcopy(policy.model).requires_grad_(False)
