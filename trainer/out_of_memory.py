"""Running out of memory: what was being done, what was saved, what the memory held, and which knob to turn.

Three errors mean it: torch's own, a refusal of its CPU allocator or of a library of the GPU's, and Python's. They
become RunStopped. The last finished step is saved where it still can be: the weights must not have moved since, and the
other ranks, which know of nothing, are not waited for. Not seen from here: a process that the kernel ends because the
whole machine is full.

    with out_of_memory(session, "learning"): session.learner.update(...)
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from verigym.trainer.config import Run, RunStopped
from verigym.trainer.estimate import readable
from verigym.trainer.knobs import Knob, knobs
from verigym.trainer.needs import Lengths, needs, this_device
from verigym.trainer.shapes import shape_of

if TYPE_CHECKING:
    from verigym.trainer.policy import Policy
    from verigym.trainer.session import Session

Doing = Literal["warming up", "sampling", "learning"]

MOMENTS = {"warming up": ("learning", "gradients"), "learning": ("learning", "gradients"), "sampling": ("sampling",)}
"""What was being done to the moments of `needs` in which it is."""

REFUSALS = ("can't allocate memory", "out of memory", "ALLOC_FAILED", "Cannot allocate memory")
"""How a RuntimeError says it, on a CPU and on a GPU."""

PARTS, KNOBS = 4, 4
"""Of the estimate's parts, and of the knobs, so many are named."""


def ran_out(error: BaseException) -> bool:
    """Whether an error says that memory ran out."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError | OSError) and any(refusal in str(error) for refusal in REFUSALS)


@contextmanager
def loading(run: Run) -> Iterator[None]:
    """Around what loads a run, before there is anything to save."""
    try:
        yield
    except (RuntimeError, MemoryError, OSError) as error:
        if isinstance(error, RunStopped) or not ran_out(error):
            raise
        raise RunStopped(
            f"out of memory while loading {run.policy.model} ({_first_line(error)}); nothing was started. Say what is "
            "needed with `verigym train ... --dry-run --meta`; then try --dtype bfloat16, --fit offload (on a GPU), "
            "--lora rank=16, --ranks 2, or a smaller model"
        ) from error


@contextmanager
def out_of_memory(session: "Session", doing: Doing) -> Iterator[None]:
    """Around a part of a step. Raises RunStopped."""
    try:
        yield
    except (RuntimeError, MemoryError, OSError) as error:
        if isinstance(error, RunStopped) or not ran_out(error):
            raise
        _let_go(session, error)
        raise RunStopped(explain(session, doing, error, _saved(session))) from error


def explain(session: "Session", doing: Doing, error: BaseException, saved: str) -> str:
    """What happened, in one paragraph, and the command that goes on."""
    run, policy = session.run, session.policy
    shape = shape_of(policy.model.config, policy.parameters)
    device, lengths = this_device(policy.device, session.ranks.count), _lengths(session, policy)
    found, moments = needs(run, shape, lengths, device).moments, MOMENTS[doing]
    moment = max(moments, key=lambda name: sum(found[name].values()))
    largest = sorted(found[moment].items(), key=lambda part: -part[1])[:PARTS]
    parts = ", ".join(f"{name} {readable(size)}" for name, size in largest if size)
    there = f" of {readable(device.memory)}" if device.memory else ""
    turned = knobs(run, shape, lengths, device, moments=moments)
    turn = "; ".join(map(str, turned[:KNOBS])) or "no setting that leaves the objective alone; take a smaller model"
    return (
        f"out of memory while {doing} in step {session.state.step + 1} ({_first_line(error)}). {saved} By the estimate "
        f"that takes {readable(sum(found[moment].values()))}{there}: {parts}. What brings it down: {turn}. "
        f"{_command(session, turned)}"
    )


def _command(session: "Session", turned: list[Knob]) -> str:
    """How to go on with the first knob that a resumed run may take."""
    flags = next((knob.flags for knob in turned if knob.resumable), "")
    return f"Then: verigym train --resume {session.directory.root} {flags}".rstrip()


def _saved(session: "Session") -> str:
    """Saves the last finished step, where that can be done, and says what there is to go on with."""
    from verigym.trainer.checkpoint import newest_checkpoint
    from verigym.trainer.keeping import save_last_step

    newest = newest_checkpoint(session.directory.root)
    if newest is None:
        return "Nothing was learned yet, and nothing is saved."
    if not session.learner.moved and session.ranks.count == 1:
        try:
            save_last_step(session)
            return f"Step {session.state.step} is saved."
        except (RuntimeError, MemoryError, OSError) as error:
            return f"Step {session.state.step} could not be saved ({_first_line(error)}); {newest.name} is."
    return f"The newest checkpoint is {newest.name}."


def _let_go(session: "Session", error: BaseException) -> None:
    """Gives back what the failed part held: what its frames still name, gradients, and what torch keeps for itself."""
    import torch

    traceback.clear_frames(error.__traceback__)
    optimizer = session.learner.optimizer
    for weight in (*optimizer.weights, *optimizer.masters):
        weight.grad = None
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _lengths(session: "Session", policy: "Policy") -> Lengths:
    """With replies at their limit, and the first problem's prompt for all."""
    prompt = len(policy.chat.start(session.planned.at(0).messages))
    limit = session.run.rollout.max_new_tokens
    return Lengths(prompt, limit, min(prompt + limit, policy.context))


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
