"""What a run leaves on disk while it goes: lines, rollouts, checkpoints, held-out scores, the report.

write_down(session, sampled, metrics, timing)
save(session)
"""

import errno
import functools
from typing import Any

from verigym.trainer import checkpoint
from verigym.trainer.checkpoint import checkpoint_path, newest_checkpoint
from verigym.trainer.config import ConfigError, RunStopped
from verigym.trainer.evaluation.held_out import SPLIT_OF, When
from verigym.trainer.report.page import write_report
from verigym.trainer.run import RunDirectory
from verigym.trainer.session import Session
from verigym.trainer.step import Sampled


def write_down(session: Session, sampled: Sampled, metrics: dict[str, Any], timing: dict[str, Any]) -> None:
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
        stop_for_disk(session, error)


def save(session: Session) -> None:
    """Writes a checkpoint; a full disk ends the run, with the space kept back used for this one."""
    directory = session.directory
    write = functools.partial(
        checkpoint.save,
        directory.checkpoints,
        session.policy,
        session.learner.optimizer,
        session.state,
        keep=session.run.keep.checkpoints_kept,
    )
    try:
        write()
    except OSError as error:
        stop_for_disk(session, error)


def save_last_step(session: Session) -> None:
    """Writes a checkpoint of the last finished step where the newest one is older."""
    directory, step = session.directory, session.state.step
    if newest_checkpoint(directory.root) != checkpoint_path(directory.checkpoints, step):
        save(session)


def stop_for_disk(session: Session, error: OSError) -> None:
    """Uses the space kept back for a checkpoint of the last finished step. Always raises RunStopped."""
    directory, keep = session.directory, session.run.keep
    directory.free_reserve()
    saved = checkpoint.save(
        directory.checkpoints, session.policy, session.learner.optimizer, session.state, keep=keep.checkpoints_kept
    )
    what = "the disk is full" if error.errno == errno.ENOSPC else str(error)
    raise RunStopped(
        f"stopped after step {session.state.step}: {what}. Saved {saved}; make room, then `verigym train "
        f"--resume {directory.root}`"
    ) from error


def evaluate(session: Session, when: When) -> dict[str, Any]:
    """Scores held-out problems and writes the record."""
    session.display.phase(f"held-out score on the {SPLIT_OF[when]} split after step {session.state.step}")
    record = session.held_out.record(
        when, session.state.step, session.engine, session.policy, session.driver, rollout=session.run.rollout
    )
    session.directory.append(session.directory.eval, record)
    session.display.evaluation(record)
    return record


def report(directory: RunDirectory) -> str:
    """Writes report.html. Returns nothing, or why it was left out and how to get it: no run fails for its charts."""
    try:
        write_report(directory.root)
    except ConfigError as error:
        return f"the report was left out: {error}, and then: verigym report {directory.root}"
    return ""
