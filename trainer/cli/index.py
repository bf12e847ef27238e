"""The console script `verigym`: finds the command, prints its errors, imports nothing heavy.

An exception class of ours is a message for a person: one paragraph on stderr, exit 2. A missing optional package says
what to install. Everything else keeps its traceback (exit 1). Ctrl-C exits with 130, a closed pipe quietly with 141.

    main(["envs", "countdown"])
"""

import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module

COMMANDS = {
    "train": ("verigym.trainer.cli.train:main", "learn from verified rollouts: a preset, a TOML file or flags"),
    "eval": ("verigym.trainer.cli.eval:main", "pass@k of a model on held-out problems"),
    "envs": ("verigym.trainer.cli.envs:main", "list the environments, show sample problems"),
    "check": ("verigym.trainer.cli.check:main", "certify environments: right, worthless and hostile replies, splits"),
    "report": ("verigym.trainer.cli.report:main", "write a run's report.html"),
    "serve": ("verigym.trainer.cli.serve:main", "sample for a trainer elsewhere: --engine vllm-server"),
    "sandbox": ("verigym.trainer.cli.sandbox:main", "run programs for other machines: verigym sandbox serve"),
    "doctor": ("verigym.trainer.cli.doctor:main", "what works on this machine, what is missing, and the mend"),
}
"""Command to "module:function", which takes the words after the command and returns an exit code, and one line of
help."""

EXTRA_OF = {
    "torch": "train",
    "transformers": "train",
    "accelerate": "train",
    "datasets": "train",
    "matplotlib": "train",
    "gymnasium": "dev",
    "httpx": "api",
    "reasoning_gym": "gyms",
}
"""Optional package to the extra that brings it."""

STOPPED = {"RunStopped"}
"""Errors of ours that are not the input's fault: exit 1."""

FULL = {errno.ENOSPC, errno.EDQUOT}
FORBIDDEN = {errno.EROFS, errno.EACCES, errno.EPERM}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(words)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the flush at exit does not fail again
        return 141
    except Exception as error:
        message = explain(error)
        if message is None:
            raise
        print(f"verigym: {message}", file=sys.stderr)
        return 1 if type(error).__name__ in STOPPED else 2


def explain(error: Exception) -> str | None:
    """The paragraph for a person, or None where the error is not one of ours to explain."""
    if type(error).__module__.startswith("verigym."):
        return str(error.args[0] if error.args else error)  # str of a KeyError would be quoted
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] in EXTRA_OF:
        package = str(error.name).partition(".")[0]
        return f'this needs {package}, which is not installed; run: pip install "verigym[{EXTRA_OF[package]}]"'
    if isinstance(error, OSError) and error.errno in FULL | FORBIDDEN:
        what = f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror)
        mend = "free some space" if error.errno in FULL else "make it writable"
        return f"{what}; {mend}, or write elsewhere with --out DIR"
    return None


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(_help())
        return 0
    if words[0] in ("-V", "--version"):
        from importlib.metadata import version

        print(f"verigym {version('verigym')}")
        return 0
    name, *rest = words
    if name not in COMMANDS:
        import difflib

        near = difflib.get_close_matches(name, COMMANDS, 1, 0.5)
        hint = f" (did you mean {near[0]}?)" if near else ""
        print(
            f"verigym: no command {name!r}{hint}; `verigym --help` explains {', '.join(COMMANDS)}",
            file=sys.stderr,
        )
        return 2
    module, _, function = COMMANDS[name][0].partition(":")
    return int(getattr(import_module(module), function)(rest) or 0)


def _help() -> str:
    lines = [f"  {name:<8} {line}" for name, (_, line) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: verigym COMMAND ...",
            "",
            "A gym for reasoning models whose rewards can be verified.",
            "",
            *lines,
            "",
            "`verigym COMMAND --help` explains a command. Start with: verigym train countdown-tiny",
        ]
    )
