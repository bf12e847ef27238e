"""`verigym train`: a preset, a file or flags become a run; a run is trained, gone on with, or only rehearsed.

Ctrl-C once finishes the step, saves and reports; twice stops at once. The last lines compare held-out scores before and
after.

    main(["countdown-tiny", "--steps", "10"])
"""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from verigym.trainer import settings
from verigym.trainer.cli import launch
from verigym.trainer.config import ConfigError, Run
from verigym.trainer.display import SILENT, choose
from verigym.trainer.fit import Fit
from verigym.trainer.ranks import Ranks
from verigym.trainer.run import default_directory

USAGE = "verigym train PRESET|FILE.toml [--flag value ...]"
OWN_FLAGS = ("--resume", "--stop-at", "--ranks", "--max-restarts", "--dry-run", "--meta")
MAY_CHANGE = (
    "steps",
    "checkpoint_every",
    "checkpoints_kept",
    "rollouts_kept",
    "micro_batch_tokens",
    "fit",
    "engine_args",
)
"""Keys that a resumed run may be given anew: none of them changes a step that was taken, nor what is optimised. The
last three are for a run that ran out of memory: denominators are those of the whole mini-batch however it is cut, `fit`
says where the same sums are made and kept (but for the type of Adam's moments, which lie in the checkpoint), and
`engine_args` how the same policy is sampled."""


@dataclass(frozen=True)
class TrainCommand:
    """Learn from verified rollouts.

    Settings come from a preset or a TOML file, then from flags, which win; a flag for a list replaces the whole list.
    `verigym train --env my_env.py` starts from the defaults alone.
    """

    resume: str = ""
    """go on with this run directory, after a kill or with more --steps; its settings are read from it"""
    stop_at: int = 0
    """save and stop after this step; --resume goes on as if nothing had happened"""
    ranks: int = 1
    """processes of this machine that train together, one a GPU; more machines: docs/ranks.md"""
    max_restarts: int = 0
    """how often the run is started again, from its newest checkpoint, when one of its processes dies"""
    dry_run: bool = False
    """resolve the settings, sample and verify one small batch, estimate tokens and memory, and stop"""
    meta: str = ""
    """with --dry-run: on paper, without weights, network or GPU, for COUNTxGPU as in 8xH100; without a value: for the
    hardware that the preset names; says memory of each GPU and hours too"""
    run: Run = field(default_factory=Run)


@dataclass(frozen=True)
class Invocation:
    """The words of a command line, taken apart. meta: hardware of a dry run on paper, "": the preset's own; rest: the
    flags that are settings."""

    source: str | None = None
    resume: Path | None = None
    stop_at: int | None = None
    ranks: int = 1
    max_restarts: int = 0
    dry_run: bool = False
    meta: str | None = None
    rest: tuple[str, ...] = ()


class Interrupt:
    """Whether somebody asked the run to stop. The first signal asks, the second one raises KeyboardInterrupt."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self) -> bool:
        return self.asked

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        # Not print: a signal may arrive in the middle of another print.
        os.write(sys.stderr.fileno(), b"\nstopping after this step, which is saved; once more stops at once\n")


def main(argv: Sequence[str]) -> int:
    """Runs the command. Raises ConfigError and the environments' errors for what cannot work."""
    if any(word in ("-h", "--help") for word in argv):
        settings.print_help(TrainCommand, USAGE)
        return 0
    given = going_on(take_apart(argv))
    run = resolve(given)
    if given.dry_run:
        _rehearse(given, run)
        return 0
    if given.ranks > 1 or given.max_restarts:
        directory = given.resume or default_directory(run)
        words = launch.words_of(given.source, given.rest, given.resume, given.stop_at, directory)
        return launch.launch(words, directory, ranks=given.ranks, restarts=given.max_restarts)
    from verigym.trainer.cli.outcome import outcome
    from verigym.trainer.loop import train

    interrupt, ranks = Interrupt(), Ranks.join(run.policy.device)
    with closing(choose() if ranks.lead else SILENT) as display, _listening(interrupt):
        summary = train(
            run, resume=given.resume, display=display, should_stop=interrupt, stop_at=given.stop_at, ranks=ranks
        )
    if ranks.lead:
        print(outcome(summary, run))
    if ranks.several:
        ranks.leave()
    return 0


def take_apart(argv: Sequence[str]) -> Invocation:
    """The command's own words, and the rest. Raises ConfigError."""
    words, rest = list(argv), []
    found: dict[str, str] = {}
    source = words.pop(0) if words and not words[0].startswith("-") else None
    while words:
        word = words.pop(0)
        flag, equals, value = word.partition("=")
        flag = flag.replace("_", "-")
        if flag not in OWN_FLAGS:
            rest.append(word)
        elif flag == "--dry-run" and not equals:
            found[flag] = "yes"
        elif flag == "--dry-run":
            raise ConfigError(f"--dry-run takes no value, got {value!r}; write --dry-run alone")
        elif flag == "--meta":
            found[flag] = value if equals else words.pop(0) if words and not words[0].startswith("--") else ""
        elif equals or (words and not words[0].startswith("--")):
            found[flag] = value if equals else words.pop(0)
        else:
            raise ConfigError(f"{flag} wants a value; see `verigym train --help`")
    stop_at = found.get("--stop-at")
    if stop_at is not None and not (stop_at.isascii() and stop_at.isdigit() and int(stop_at) > 0):
        raise ConfigError(f"--stop-at {stop_at!r} is not a step; give a whole number from 1")
    for flag, least in (("--ranks", 1), ("--max-restarts", 0)):
        number = found.setdefault(flag, str(least))
        if not (number.isascii() and number.isdigit() and int(number) >= least):
            raise ConfigError(f"{flag} {number!r} is no number of that; give a whole number from {least}")
    if "--meta" in found and "--dry-run" not in found:
        raise ConfigError("--meta is a way to rehearse; write --dry-run --meta")
    resume = Path(found["--resume"]) if "--resume" in found else None
    return Invocation(
        source,
        resume,
        int(stop_at) if stop_at else None,
        int(found["--ranks"]),
        int(found["--max-restarts"]),
        "--dry-run" in found,
        found.get("--meta"),
        tuple(rest),
    )


def _rehearse(given: Invocation, run: Run) -> None:
    """The dry run, here or on paper."""
    if given.meta is None:
        from verigym.trainer.cli.rehearsal import rehearse

        return rehearse(run, given.ranks)
    from verigym.trainer.cli.paper import on_paper, stated_hardware
    from verigym.trainer.cost import Hardware

    source = settings.find(given.source) if given.source else None
    on_paper(run, Hardware.of(given.meta) if given.meta else stated_hardware(source))


def going_on(given: Invocation) -> Invocation:
    """The same invocation, or that of a resume, where this process stands for one that died and left a run."""
    if given.resume is not None or not launch.restarted():
        return given
    out = resolve(given).keep.out
    left = out and (Path(out) / "config.toml").is_file()
    return Invocation(resume=Path(out), stop_at=given.stop_at) if left else given


def resolve(given: Invocation) -> Run:
    """The run that an invocation describes. Raises ConfigError."""
    if given.resume is None:
        if given.source is None and not any(word.startswith("--env") for word in given.rest):
            names = ", ".join(settings.preset_names())
            raise ConfigError(
                f"say what to train: a preset ({names}), a FILE.toml, or --env ENV; `verigym train --help`"
            )
        base = settings.find(given.source) if given.source is not None else None
        return settings.parse(given.rest, base, own_flags=OWN_FLAGS)
    if given.source is not None:
        raise ConfigError(f"--resume reads its settings from the run; leave {given.source!r} out")
    base = given.resume / "config.toml"
    if not base.is_file():
        raise ConfigError(
            f"{given.resume} is not a run: it holds no config.toml; give the directory that `verigym train` printed"
        )
    old, new = settings.read_run(base), settings.parse(given.rest, base, own_flags=OWN_FLAGS)
    for key, (was, wanted) in settings.changed(old, new).items():
        if key not in MAY_CHANGE:
            raise ConfigError(
                f"{key} is {was!r} in {given.resume} and cannot become {wanted!r} in the middle of it; a resumed run "
                f"takes only --{', --'.join(name.replace('_', '-') for name in MAY_CHANGE)}. Start another run with "
                f"`verigym train {base} --{key.replace('_', '-')} ... --out DIR`"
            )
    was, wanted = Fit.of(old.policy.fit).adam, Fit.of(new.policy.fit).adam
    if was != wanted:
        raise ConfigError(
            f"fit: the checkpoint in {given.resume} holds Adam's moments as adam={was}, and they cannot become "
            f"adam={wanted} in the middle of a run; write adam={was}, or start another run"
        )
    return new


@contextmanager
def _listening(interrupt: Interrupt) -> Iterator[None]:
    """SIGINT and SIGTERM ask `interrupt`, as long as this lasts."""
    before = {number: signal.signal(number, interrupt.on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
