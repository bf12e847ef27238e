"""The training loop: warm-up, rollouts, learning, held-out score, checkpoints; and going on after a kill.

    summary = train(Run(problems=Problems(env="countdown"), optim=Optim(steps=10)))
    summary.after["greedy"]["pass@1"]

State is weights, optimizer, step, data cursor and curriculum, all in the newest checkpoint; everything else is derived
from the seed. So a run that was killed goes on as if nothing had happened, and on a CPU it ends with the same bits.
"""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verigym.trainer.checkpoint import TrainerState, newest_checkpoint, save_policy, whole_state
from verigym.trainer.config import ConfigError, Run
from verigym.trainer.display import SILENT, Display
from verigym.trainer.grading import open_driver
from verigym.trainer.keeping import evaluate, report, save, save_last_step, stopping, write_down
from verigym.trainer.out_of_memory import loading, out_of_memory
from verigym.trainer.ranks import ALONE, Ranks
from verigym.trainer.session import Session, open_env, open_session, reward_of
from verigym.trainer.shard import copy_weights
from verigym.trainer.step import step_metrics
from verigym.trainer.stopwatch import Stopwatch


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


def train(
    run: Run,
    *,
    resume: Path | None = None,
    display: Display = SILENT,
    should_stop: Callable[[], bool] = lambda: False,
    stop_at: int | None = None,
    ranks: Ranks = ALONE,
) -> Summary:
    """Trains a policy as `run` says, in the run's directory, and returns the held-out scores before and after.

    resume: a run directory to go on with (`run` then holds its settings, perhaps with more steps). should_stop: asked
    after each step; True saves and ends. stop_at: save and end after this step. ranks: the processes that train
    together, each of which calls this; the lead's display speaks and its should_stop is asked. Raises ConfigError for
    settings that cannot work, before anything is written; RunStopped where the run cannot go on, with what was saved.
    """
    started = time.monotonic()
    objective = run.resolve()
    try:
        objective.check_group_size(run.rollout.group_size)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    reward_of(run).check(objective)
    env = open_env(run)
    with open_driver(env, run.rollout, here=not ranks.lead) as driver:
        with loading(run):
            session = open_session(run, resume, driver, display if ranks.lead else SILENT, ranks)
        directory = session.directory
        session.display.start(run, directory.objective.read_text(encoding="utf-8"), directory.root)
        with closing(session), stopping(session):
            if ranks.led(lambda: newest_checkpoint(directory.root)) is None:
                _begin(session)
            last = run.optim.steps if stop_at is None else min(stop_at, run.optim.steps)
            while session.state.step < last:
                _step(session)
                if ranks.led(should_stop):
                    break
            return _end(session, started)


def _begin(session: Session) -> None:
    """Warm-up, the score before, and the checkpoint that a resume starts from."""
    run, learner = session.run, session.learner
    if run.warmup.sft_steps:
        from verigym.trainer.sft import warm_up

        session.display.phase(f"warm-up on {run.warmup.sft_steps} x {run.warmup.sft_batch} demonstrations")
        with out_of_memory(session, "warming up"):
            warm_up(
                session.policy,
                session.driver.env.task,
                run.warmup,
                run.optim,
                optimizer=learner.optimizer,
                levels=session.course.levels,
                seed=run.keep.seed,
                report=lambda *_: None,
                ranks=session.ranks,
            )
    if learner.reference is not None:
        copy_weights(session.policy.model, learner.reference)
        weights, place = whole_state(learner.reference, keep=session.ranks.lead), session.directory.checkpoints
        session.ranks.led(
            lambda: save_policy(learner.reference, session.policy.tokenizer, place / "reference", weights)
        )
    session.sync.publish(0)
    _check_one_prompt(session)
    evaluate(session, "before")
    save(session)


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
    lost = session.engine.resampled
    with out_of_memory(session, "sampling"):
        sampled = session.intake.take(step, watch)
    with watch("canary"):
        looked = session.canary.look(sampled.probes, step - 1)
    session.sync.rest()
    with watch("update"), out_of_memory(session, "learning"):
        learned = session.learner.update(sampled.kept, step)
    course, before = session.course, session.state.curriculum
    correcting, lost = session.learner.objective.correction != "none", session.engine.resampled - lost
    metrics = {
        **step_metrics(step, sampled, learned, correcting=correcting, resampled=lost),
        **looked,
        **course.metrics(sampled.curriculum, sampled.all),
    }
    tokens = metrics["tokens"]["sampled"]
    session.state = TrainerState(step, sampled.cursor, session.state.tokens + tokens, course.learn(before, sampled.all))
    try:
        with watch("sync"):
            session.ranks.each(lambda: session.intake.publish(step, session.state.curriculum, watch))
    finally:  # the step was taken, also where the engine was not told
        timing = watch.timing(step, tokens, time.perf_counter() - started)
        write_down(session, sampled, metrics, timing)
    session.display.step(metrics, timing, run.optim.steps)
    every = run.evaluation.eval_every
    if every and step % every == 0 and step < run.optim.steps:
        evaluate(session, "during")
    if step % run.keep.checkpoint_every == 0 or step == run.optim.steps:
        save(session)


def _end(session: Session, started: float) -> Summary:
    """The score after, the report, and what the run came to."""
    directory, step = session.directory, session.state.step
    finished = step >= session.run.optim.steps
    after = evaluate(session, "after") if finished else None
    save_last_step(session)
    directory.free_reserve()
    left_out = session.ranks.led(lambda: report(directory))
    before = next((record for record in directory.read(directory.eval) if record["when"] == "before"), None)
    summary = Summary(directory.root, step, finished, time.monotonic() - started, before, after)
    session.display.end(summary)
    if left_out:
        session.display.phase(left_out)
    return summary
