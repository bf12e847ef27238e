"""The report of a run: one HTML file that explains itself, without server, network or script.

It reads only the run's directory, so it can be made while the run goes on, after it was killed, and before its first
step; what is missing is said. Replies are shown as text: markup in them is inert, and the page forbids scripts and
outside content altogether.

    write_report(Path("runs/countdown"))       # runs/countdown/report.html
"""

import os
from pathlib import Path

from verigym.trainer.report import parts
from verigym.trainer.report.levels import levels
from verigym.trainer.report.read import RunRecord, read_run
from verigym.trainer.report.rewards import made_of
from verigym.trainer.report.style import CSS
from verigym.trainer.report.text import safe

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Content security policy of the page: nothing is fetched, no script runs."""


def write_report(run_dir: Path) -> Path:
    """Write `report.html` into the directory of a run and return its path. Raises FileNotFoundError when there is no
    such directory, ConfigError without matplotlib."""
    run_dir = Path(run_dir)
    page = render(read_run(run_dir))
    path = run_dir / "report.html"
    draft = run_dir / f".report.html.{os.getpid()}"
    draft.write_text(page, encoding="utf-8")
    draft.replace(path)
    return path


def render(record: RunRecord) -> str:
    """The page as text."""
    note = f" {record.bad_lines} lines could not be read and were left out." if record.bad_lines else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{safe(record.path.resolve().name)} · verigym</title>
<style>{CSS}</style>
</head>
<body>
<main>
{parts.title(record)}
{parts.headline(record)}
<h2>Learning</h2>
<div class="charts">{parts.learning(record)}</div>
<h2>Health</h2>
<div class="charts">{parts.health(record)}</div>
{made_of(record)}
{levels(record)}
<h2>Tokens and time</h2>
<div class="charts">{parts.tokens(record)}{parts.timing(record)}</div>
<h2>Rollouts</h2>
{parts.rollouts(record)}
{parts.sheet("Objective", record.objective, "objective.txt is not there.")}
{parts.sheet("Configuration", record.config_text, "config.toml is not there.")}
<footer>Made by verigym from {safe(record.path.resolve().name)}/*.jsonl.{note}</footer>
</main>
</body>
</html>
"""
