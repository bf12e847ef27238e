"""`verigym envs`: which environments there are, how large and how guessable they are, and what their problems look
like.

Data sets and wrapped generators are listed without opening them, so that listing needs no network and is quick;
`--show` opens the one that is named. `verigym envs reasoning-gym/` lists those of that suite alone.

    main(["countdown", "--show", "2"])
"""

import argparse
import json
from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn

from verigym.trainer.config import ConfigError

if TYPE_CHECKING:
    from verigym.envs.env import Env
    from verigym.tasks.supply import Level

SHOWN = 2000
"""Characters of a message that are printed."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see `verigym envs --help`")


def main(argv: Sequence[str]) -> int:
    """Runs the command. Raises ConfigError and EnvError."""
    given = _parser().parse_args(argv)
    if given.show is not None:
        if given.name is None or given.show < 1:
            raise ConfigError(
                "--show N needs an environment and a number from 1, as in: verigym envs countdown --show 2"
            )
        show(given.name, given.show, level=given.level, pairs=given.env_args)
        return 0
    records = [describe(name) for name in matching(given.name or "")]
    if given.json:
        print(json.dumps(records, indent=2))
        return 0
    _print_table(records)
    if len(records) == 1:
        _print_levels(records[0])
    return 0


def matching(text: str) -> list[str]:
    """The ids that hold `text`, or that text itself where it names a file or a module. Raises ConfigError for
    neither."""
    from verigym.envs import env_ids

    ids = env_ids()
    found = [text] if text in ids else [name for name in ids if text in name]
    if found:
        return found
    if any(mark in text for mark in ".:/"):
        return [text]
    near = get_close_matches(text, ids, 1)
    hint = f"did you mean {near[0]}?" if near else "run `verigym envs` for the list"
    raise ConfigError(f"no environment's id holds {text!r}; {hint}")


def describe(name: str) -> dict[str, Any]:
    """An environment as plain data. levels is None for a data set, which is not opened for this."""
    from verigym.envs import env_ids, make
    from verigym.envs.adapters.reasoning_gym import table as reasoning_gym
    from verigym.envs.adapters.reasoning_gym.build import describe as summary
    from verigym.envs.builtin import TABLE

    entry = TABLE.get(name)
    if entry is not None and entry.rows:
        return {"id": name, "levels": None, "verifier": entry.verifier, "turns": 1, "description": entry.description}
    if name.startswith(reasoning_gym.PREFIX) and name in env_ids():
        row = reasoning_gym.row(name.removeprefix(reasoning_gym.PREFIX))
        return {
            "id": name,
            "levels": [_level(number, level) for number, level in sorted(row.levels.items())],
            "verifier": "theirs",
            "turns": 1,
            "description": summary(row.name),
        }
    with make(name) as env:
        return {
            "id": name,
            "levels": [_level(number, level) for number, level in sorted(env.task.levels.items())],
            "verifier": (entry.verifier if entry else "") or ("its own" if entry is None else "play"),
            "turns": env.max_turns,
            "description": env.description,
        }


def show(name: str, n: int, *, level: int | None, pairs: Sequence[str]) -> None:
    """Prints `n` problems with the oracle's reply and the verdict on it. Raises EnvError, SpaceTooSmall."""
    from verigym.envs import make

    for pair in pairs:
        if "=" not in pair:
            raise ConfigError(f"env_args holds {pair!r}, which is not key=value; write --env-args {pair}=...")
    options: dict[str, Any] = dict(pair.split("=", 1) for pair in pairs)
    with make(name, level=level, **options) as env:
        for index in range(n):
            _show_one(env, index)


def _show_one(env: "Env", index: int) -> None:
    problem = env.problem(index)
    episode = env.start(problem)
    print(f"== {problem.address}")
    while True:
        for message in episode.observation:
            print(f"[{message['role']}] {_cut(message['content'])}")
        if episode.verdict is not None:
            break
        reply = env.oracle(problem, episode.messages)
        if reply is None:
            print(f"[no oracle] the answer is {problem.answer!r}\n")
            return
        print(f"[oracle] {_cut(reply)}")
        episode.reply(reply)
    verdict = episode.verdict
    print(f"[verdict] reward {verdict.reward:g}, correct {verdict.correct}, {verdict.status}: {verdict.reason}\n")


def _level(number: int, level: "Level") -> dict[str, Any]:
    return {"level": number, "description": level.description, "space": level.space, "chance": level.chance}


def _print_table(records: Sequence[dict[str, Any]]) -> None:
    rows = [("id", "levels", "problems", "chance", "verifier", "description")]
    for record in records:
        cells = ("rows", "-", "-")
        if record["levels"]:
            numbers = [level["level"] for level in record["levels"]]
            spaces = [level["space"] for level in record["levels"]]
            low, high = _count(min(spaces)), _count(max(spaces))
            ends = f"{numbers[0]}-{numbers[-1]}" if len(numbers) > 1 else str(numbers[0])
            chance = _percent(max(level["chance"] for level in record["levels"]))
            cells = (ends, low if low == high else f"{low} .. {high}", chance)
        rows.append((record["id"], *cells, record["verifier"], record["description"]))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _print_levels(record: dict[str, Any]) -> None:
    for level in record["levels"] or ():
        space, chance = _count(level["space"]), _percent(level["chance"])
        print(f"  level {level['level']}: {level['description']} ({space} problems, chance {chance})")


def _count(value: float) -> str:
    return f"{value:,}" if value < 1e6 else f"{value:.0e}".replace("e+0", "e").replace("e+", "e")


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text)} characters)"


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="verigym envs",
        description="List the environments: levels, distinct problems a level can make (at least), the success of the "
        "best reply that does not look at the problem, and what grades. Data sets are not opened, so not counted.",
    )
    parser.add_argument(
        "name", nargs="?", metavar="FILTER|ID", help="only ids that hold this; with --show, any environment's name"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON list")
    parser.add_argument(
        "--show", type=int, metavar="N", help="print N training problems with the oracle's reply and its verdict"
    )
    parser.add_argument("--level", type=int, help="level of the problems shown")
    parser.add_argument(
        "--env-args", nargs="+", default=[], metavar="KEY=VALUE", help="options of the environment, as style=terse"
    )
    return parser
