"""The training loop: warm-up, rollouts, learning, held-out score, checkpoints; and going on after a kill.

    summary = train(Run(problems=Problems(env="countdown"), optim=Optim(steps=10)))
    summary.after["greedy"]["pass@1"]

State is weights, optimizer, step, data cursor and curriculum, all in the newest checkpoint; everything else is derived
from the seed. So a run that was killed goes on as if nothing had happened, and on a CPU it ends with the same bits.
"""

import errno
import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from verigym.envs import make
from verigym.envs.drive import Driver, ErrorBudget, TooManyErrors
from verigym.envs.env import Env
from verigym.tasks.problem import Problem
from verigym.trainer.checkpoint import TrainerState, checkpoint_path, load_state, newest_checkpoint, save, save_policy
from verigym.trainer.collect import collect
from verigym.trainer.config import ConfigError, Run, RunStopped
from verigym.trainer.course import Course, open_course
from verigym.trainer.display import SILENT, Display
from verigym.trainer.engines.engine import Engine, Sampling
from verigym.trainer.evaluation.held_out import SPLIT_OF, HeldOut, When
from verigym.trainer.policy import Policy, load_policy
from verigym.trainer.report.page import write_report
from verigym.trainer.reward import Reward
from verigym.trainer.rollout import Rollout
from verigym.trainer.run import RunDirectory
from verigym.trainer.safety import refuse_unsafe
from verigym.trainer.seeds import sample_seed
from verigym.trainer.step import Sampled, sample_groups, step_metrics
from verigym.trainer.stopwatch import Stopwatch
from verigym.trainer.stream import ProblemStream
from verigym.trainer.update import Learner


@dataclass(frozen=True)
class Summary:
    """How a run ended. before, after: held-out records as in eval.jsonl (None when not reached; `after["paired"]` holds
    their differences problem by problem); finished: whether the last step was reached."""

    directory: Path
    steps: int
    finished: bool
    seconds: float
    before: dict[str, Any] | None
    after: dict[str, Any] | None


@dataclass
class Session:
    """A run that is going: what was resolved, what is loaded, and where it stands."""

    run: Run
    directory: RunDirectory
    driver: Driver
    policy: Policy
    engine: Engine
    learner: Learner
    stream: ProblemStream
    course: Course
    held_out: HeldOut
    state: TrainerState
    display: Display

    @property
    def sampling(self) -> Sampling:
        """How rollouts are sampled in training."""
        settings = self.run.rollout
        return Sampling(settings.max_new_tokens, settings.temperature, stop=settings.stop)

    @property
    def planned(self) -> ProblemStream:
        """The problems, at the levels that the curriculum gives the next step."""
        return self.stream.planned(self.course.plan(self.state.curriculum))


def train(
    run: Run,
    *,
    resume: Path | None = None,
    display: Display = SILENT,
    should_stop: Callable[[], bool] = lambda: False,
    stop_at: int | None = None,
) -> Summary:
    """Trains a policy as `run` says, in the run's directory, and returns the held-out scores before and after.

    resume: a run directory to go on with (`run` then holds its settings, perhaps with more steps). should_stop: asked
    after each step; True saves and ends. stop_at: save and end after this step. Raises ConfigError for settings that
    cannot work, before anything is written; RunStopped where the run cannot go on, with what was saved.
    """
    started = time.monotonic()
    objective = run.objective.resolve()
    try:
        objective.check_group_size(run.rollout.group_size)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    reward_of(run).check(objective)
    env = open_env(run)
    with Driver(env) as driver:
        session = _open(run, resume, driver, display)
        display.start(run, session.directory.objective.read_text(encoding="utf-8"), session.directory.root)
        if session.state.step == 0 and newest_checkpoint(session.directory.root) is None:
            _begin(session)
        last = run.optim.steps if stop_at is None else min(stop_at, run.optim.steps)
        while session.state.step < last:
            _step(session)
            if should_stop():
                break
        return _end(session, started)


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


def _open(run: Run, resume: Path | None, driver: Driver, display: Display) -> Session:
    """Loads everything, from the newest checkpoint where there is one, and makes the run's directory last."""
    import torch

    from verigym.trainer.engines.transformers import TransformersEngine
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
    pad_id = policy.tokenizer.pad_token_id
    pad_id = policy.tokenizer.eos_token_id if pad_id is None else pad_id
    engine = TransformersEngine(
        policy.model, pad_id=pad_id, batch=run.rollout.sample_batch, text=policy.chat.text, version=state.step
    )
    learner = Learner(
        policy.model,
        optimizer,
        objective,
        run.optim,
        pad_id=pad_id,
        temperature=run.rollout.temperature,
        limit=run.rollout.max_new_tokens,
        reference=_reference(run, directory, policy, checkpoint is not None) if objective.needs_reference else None,
    )
    stream = ProblemStream(driver.env.task, split="train", levels=course.levels, seed=run.keep.seed)
    return Session(run, directory, driver, policy, engine, learner, stream, course, held_out, state, display)


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


def _begin(session: Session) -> None:
    """Warm-up, the score before, and the checkpoint that a resume starts from."""
    run, learner = session.run, session.learner
    if run.warmup.sft_steps:
        from verigym.trainer.sft import warm_up

        session.display.phase(f"warm-up on {run.warmup.sft_steps} x {run.warmup.sft_batch} demonstrations")
        warm_up(
            session.policy,
            session.driver.env.task,
            run.warmup,
            run.optim,
            levels=session.course.levels,
            seed=run.keep.seed,
            report=lambda *_: None,
        )
    if learner.reference is not None:
        learner.reference.load_state_dict(session.policy.model.state_dict())
        save_policy(learner.reference, session.policy.tokenizer, session.directory.checkpoints / "reference")
    _check_one_prompt(session)
    _evaluate(session, "before")
    _save(session)


def _check_one_prompt(session: Session) -> None:
    """Raises ConfigError where the first problem leaves no room for a reply."""
    problem = session.planned.at(0)
    length = len(session.policy.chat.start(problem.messages))
    if length >= session.policy.context:
        raise ConfigError(
            f"the prompt of {problem.address} has {length} tokens, and the context of {session.policy.name} is "
            f"{session.policy.context}: no room for a reply; take a model with a longer context, or shorter problems"
        )


def _step(session: Session) -> None:
    """One step: sample, learn, write down; then the held-out score and the checkpoint where they are due."""
    run, step = session.run, session.state.step + 1
    started, watch = time.perf_counter(), Stopwatch()
    sampled = _sample(session, step, watch)
    with watch("update"):
        learned = session.learner.update(sampled.kept, step)
        session.engine.load_weights({}, step)
    course, before = session.course, session.state.curriculum
    metrics = {**step_metrics(step, sampled, learned), **course.metrics(before, sampled.all)}
    tokens = metrics["tokens"]["sampled"]
    session.state = TrainerState(step, sampled.cursor, session.state.tokens + tokens, course.learn(before, sampled.all))
    timing = watch.timing(step, tokens, time.perf_counter() - started)
    _write_down(session, sampled, metrics, timing)
    session.display.step(metrics, timing, run.optim.steps)
    every = run.evaluation.eval_every
    if every and step % every == 0 and step < run.optim.steps:
        _evaluate(session, "during")
    if step % run.keep.checkpoint_every == 0 or step == run.optim.steps:
        _save(session)


def _sample(session: Session, step: int, watch: Stopwatch) -> Sampled:
    """The rollouts of a step. Raises RunStopped when too many verdicts are errors, with the step before saved."""
    run, reward = session.run, reward_of(session.run)

    def roll(problems: Sequence[Problem], first_group: int) -> list[Rollout]:
        rollouts = collect(
            session.engine,
            session.policy.chat,
            session.driver,
            problems,
            run.rollout.group_size,
            sampling=session.sampling,
            seed=lambda problem, sample: sample_seed(run.keep.seed, step, problem.address, sample),
            context=session.policy.context,
            first_group=first_group,
            watch=watch,
        )
        with watch("verify"):
            rollouts = reward.shaped(rollouts)
        try:
            ErrorBudget(run.problems.max_error_share).check([r.verdict for r in rollouts])
        except TooManyErrors as error:
            _save_last_step(session)
            raise RunStopped(
                f"step {step}: {error} Mend the environment, then `verigym train --resume {session.directory.root}`"
            ) from error
        return rollouts

    dynamic = run.rollout.dynamic_rounds if session.learner.objective.dynamic_sampling else 0
    return sample_groups(
        session.planned,
        session.state.cursor,
        run.rollout.problems_per_step,
        run.rollout.group_size,
        roll,
        dynamic_rounds=dynamic,
    )


def _write_down(session: Session, sampled: Sampled, metrics: dict[str, Any], timing: dict[str, Any]) -> None:
    """Appends the step's lines and rollouts; a full disk ends the run with this step saved."""
    directory, step = session.directory, session.state.step

    def write() -> None:
        directory.append(directory.metrics, metrics)
        directory.append(directory.timing, timing)
        whole_groups = (
            max(1, session.run.keep.rollouts_kept // sampled.size) * sampled.size
            if session.run.keep.rollouts_kept
            else 0
        )
        directory.write_rollouts(step, sampled.all[:whole_groups])

    try:
        write()
    except OSError as error:
        directory.free_reserve()
        directory.cut_after(step - 1)
        write()
        _stop_for_disk(session, error)


def _save(session: Session) -> None:
    """Writes a checkpoint; a full disk ends the run, with the space kept back used for this one."""
    directory = session.directory
    write = functools.partial(
        save,
        directory.checkpoints,
        session.policy,
        session.learner.optimizer,
        session.state,
        keep=session.run.keep.checkpoints_kept,
    )
    try:
        write()
    except OSError as error:
        _stop_for_disk(session, error)


def _save_last_step(session: Session) -> None:
    """Writes a checkpoint of the last finished step where the newest one is older."""
    directory, step = session.directory, session.state.step
    if newest_checkpoint(directory.root) != checkpoint_path(directory.checkpoints, step):
        _save(session)


def _stop_for_disk(session: Session, error: OSError) -> None:
    """Uses the space kept back for a checkpoint of the last finished step. Always raises RunStopped."""
    directory, keep = session.directory, session.run.keep
    directory.free_reserve()
    saved = save(
        directory.checkpoints, session.policy, session.learner.optimizer, session.state, keep=keep.checkpoints_kept
    )
    what = "the disk is full" if error.errno == errno.ENOSPC else str(error)
    raise RunStopped(
        f"stopped after step {session.state.step}: {what}. Saved {saved}; make room, then `verigym train "
        f"--resume {directory.root}`"
    ) from error


def _evaluate(session: Session, when: When) -> dict[str, Any]:
    """Scores held-out problems and writes the record."""
    session.display.phase(f"held-out score on the {SPLIT_OF[when]} split after step {session.state.step}")
    record = session.held_out.record(
        when, session.state.step, session.engine, session.policy, session.driver, rollout=session.run.rollout
    )
    session.directory.append(session.directory.eval, record)
    session.display.evaluation(record)
    return record


def _end(session: Session, started: float) -> Summary:
    """The score after, the report, and what the run came to."""
    directory, step = session.directory, session.state.step
    finished = step >= session.run.optim.steps
    after = _evaluate(session, "after") if finished else None
    _save_last_step(session)
    directory.free_reserve()
    left_out = _report(directory)
    before = next((record for record in directory.read(directory.eval) if record["when"] == "before"), None)
    summary = Summary(directory.root, step, finished, time.monotonic() - started, before, after)
    session.display.end(summary)
    if left_out:
        session.display.phase(left_out)
    return summary


def _report(directory: RunDirectory) -> str:
    """Writes report.html. Returns nothing, or why it was left out and how to get it: no run fails for its charts."""
    try:
        write_report(directory.root)
    except ConfigError as error:
        return f"the report was left out: {error}, and then: verigym report {directory.root}"
    return ""
