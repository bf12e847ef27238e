"""What a run leaves on disk while it goes: lines, rollouts, checkpoints, held-out scores, the report. Every rank calls
these functions, the lead writes, and what goes wrong there is raised on all.

write_down(session, sampled, metrics, timing)
save(session)
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from verigym.envs.drive import TooManyErrors
from verigym.trainer import checkpoint, pending
from verigym.trainer.checkpoint import checkpoint_path, newest_checkpoint
from verigym.trainer.config import ConfigError, RunStopped
from verigym.trainer.engines.engine import EngineError
from verigym.trainer.evaluation.held_out import SPLIT_OF, When
from verigym.trainer.out_of_memory import out_of_memory
from verigym.trainer.ranks import ALONE, Ranks
from verigym.trainer.report.page import write_report
from verigym.trainer.run import RunDirectory
from verigym.trainer.session import Session
from verigym.trainer.step import Sampled
from verigym.trainer.together import samples_everywhere


@contextmanager
def stopping(session: Session) -> Iterator[None]:
    """What ends a run from outside, an environment that fails or an engine that cannot go on, becomes RunStopped, with
    the last finished step saved."""
    try:
        yield
    except (TooManyErrors, EngineError) as error:
        step, root = session.state.step, session.directory.root
        if not session.ranks.led(lambda: newest_checkpoint(root)):  # nothing was learned, and the score before is not
            raise RunStopped(f"stopped before the first step: {error} Then: verigym train --resume {root}") from error
        save_last_step(session)
        if isinstance(error, TooManyErrors):
            message = f"step {step + 1}: {error} Mend the environment, then `verigym train --resume {root}`"
        else:
            message = f"stopped after step {step}, which is saved: {error} Then: verigym train --resume {root}"
        raise RunStopped(message) from error


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

    def write_again() -> None:
        directory.free_reserve()
        directory.cut_after(step - 1)
        write()

    try:
        session.ranks.led(write)
    except OSError as error:
        session.ranks.led(write_again)
        stop_for_disk(session, error)


def save(session: Session) -> None:
    """Writes a checkpoint; a full disk ends the run, with the space kept back used for this one."""
    try:
        _write_checkpoint(session)
    except OSError as error:
        stop_for_disk(session, error)


def _write_checkpoint(session: Session) -> Path:
    """The last finished step, with the steps that are sampled ahead of it."""
    waiting = session.intake.pending()
    return checkpoint.save(
        session.directory.checkpoints,
        session.policy,
        session.learner.optimizer,
        session.state,
        keep=session.run.keep.checkpoints_kept,
        ranks=session.ranks,
        beside={pending.FILE: pending.write(waiting)} if waiting else {},
    )


def save_last_step(session: Session) -> None:
    """Writes a checkpoint of the last finished step where the newest one is older."""
    directory, step = session.directory, session.state.step
    newest = session.ranks.led(lambda: newest_checkpoint(directory.root))
    if newest != checkpoint_path(directory.checkpoints, step):
        save(session)


def stop_for_disk(session: Session, error: OSError) -> None:
    """Uses the space kept back for a checkpoint of the last finished step. Always raises RunStopped."""
    directory = session.directory
    directory.free_reserve()
    saved = _write_checkpoint(session)
    what = "the disk is full" if error.errno == errno.ENOSPC else str(error)
    raise RunStopped(
        f"stopped after step {session.state.step}: {what}. Saved {saved}; make room, then `verigym train "
        f"--resume {directory.root}`"
    ) from error


def evaluate(session: Session, when: When) -> dict[str, Any]:
    """Scores held-out problems and writes the record."""
    session.display.phase(f"held-out score on the {SPLIT_OF[when]} split after step {session.state.step}")
    run, ranks = session.run, session.ranks

    def take(ranks: Ranks) -> dict[str, Any]:
        return session.held_out.record(
            when,
            session.state.step,
            session.engine,
            session.policy,
            session.driver,
            rollout=run.rollout,
            ranks=ranks,
        )

    with out_of_memory(session, "sampling"), session.intake.rested():
        record = take(ranks) if samples_everywhere(run) else ranks.led(lambda: take(ALONE))
    ranks.led(lambda: session.directory.append(session.directory.eval, record))
    session.display.evaluation(record)
    return record


def report(directory: RunDirectory) -> str:
    """Writes report.html. Returns nothing, or why it was left out and how to get it: no run fails for its charts."""
    try:
        write_report(directory.root)
    except ConfigError as error:
        return f"the report was left out: {error}, and then: verigym report {directory.root}"
    return ""
