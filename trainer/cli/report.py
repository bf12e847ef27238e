"""`verigym report RUN`: write a run's report.html and print where it is."""

from collections.abc import Sequence
from pathlib import Path

from verigym.trainer.config import ConfigError

USAGE = """usage: verigym report RUN

Writes RUN/report.html, one file that needs no server and no network: the curves, the objective, rollouts to read.

  RUN    a run directory, as `verigym train` prints it"""


def main(argv: Sequence[str]) -> int:
    """Runs the command. Raises ConfigError for a directory that is not a run."""
    if any(word in ("-h", "--help") for word in argv):
        print(USAGE)
        return 0
    if len(argv) != 1:
        raise ConfigError(f"report takes one run directory, got {len(argv)} words; write `verigym report RUN`")
    directory = Path(argv[0])
    if not (directory / "config.toml").is_file():
        raise ConfigError(
            f"{directory} is not a run: it holds no config.toml; give the directory that `verigym train` printed"
        )
    from verigym.trainer.report.page import write_report

    print(write_report(directory))
    return 0
