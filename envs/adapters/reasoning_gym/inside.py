"""What runs inside the sandbox: drawing problems with `reasoning-gym`, and asking its scorers.

Sent there as text, before a call of one of its functions; it never runs in the caller's process and imports nothing of
ours. Each call finds a fresh copy of an interpreter that has the package loaded, hash seed 0 and the generators of
random numbers at their start, so a problem depends on its seed alone.

    draw("gcd", 1, {}, [[123]])        # [[["Find the ...", "6", {"numbers": [...], ...}]]]

LEVEL is a step of the generator's curriculum, from 1; 0 is its own default. OVERRIDES are fields of its configuration.
"""

import random
import signal
from typing import Any

DRAW_S = 5.0
"""seconds of processor time for one draw; some seeds lead some generators into loops without end"""

UNREPEATABLE = ("codeio",)
"""Programs of a data set make these problems, some by chance: each is drawn twice, and kept when both are the same"""
SEED_BITS = {"pool_matrix": 32}
"""numpy takes no longer seeds; the others get 63 bits"""
BY_SEED = ("acre", "gsm_symbolic", "list_functions")
"""They use their seed when they are made, so they are made anew for each"""
BROKEN = ("knight_swap",)
"""No step of their curriculum gives a configuration that they take: level 1 is their default"""
BARE = ("arc_agi", "codeio", "figlet_font", "group_anagrams", "rearc", "rush_hour", "spell_backward")
"""Their scorers need the configuration alone, and opening their data takes up to 0.4 s"""


def draw(name: str, level: int, overrides: dict[str, Any], tries: list[list[int]]) -> list[list[Any]]:
    """For each list of seeds, what each seed draws: [question, answer, metadata], a text that says why there is nothing
    useful, or None where it took too long."""
    maker, config = _config(name, level, overrides)
    made: Any = None
    drawn = []
    for seeds in tries:
        entries = []
        for seed in (one & ((1 << SEED_BITS.get(name, 63)) - 1) for one in seeds):
            if made is None or name in BY_SEED:
                config.seed, config.size = seed, 1
                made = maker(config)
            entries.append(_entry(name, made, seed))
        drawn.append(entries)
    return drawn


def score(name: str, level: int, overrides: dict[str, Any], entry: dict[str, Any], answer: str) -> list[Any]:
    """[score] as a float, or [kind, text] where the scorer raised: "reply" where it does not raise for the right
    answer, else "scorer"."""
    maker, config = _config(name, level, overrides)
    config.seed, config.size = 0, 1
    made = _bare(maker, config) if name in BARE else maker(config)
    try:
        return [float(made.score_answer(answer, entry))]
    except Exception as failure:
        text = f"{type(failure).__name__}: {failure}"[:200]
    try:
        made.score_answer(entry["answer"], entry)
    except Exception:
        return ["scorer", text]
    return ["reply", text]


def fields(name: str, level: int) -> dict[str, Any]:
    """The configuration of a level as plain data: what may be overridden, and what it is then."""
    _, config = _config(name, level, {})
    return {key: _plain(value) for key, value in vars(config).items() if key not in ("seed", "size")}


def steps(name: str) -> int:
    """Levels of the generator's curriculum; 0 where it has none."""
    from reasoning_gym.factory import CURRICULA

    if name not in CURRICULA or name in BROKEN:
        return 0
    return max(len(attribute.levels) for attribute in CURRICULA[name]().attributes.values())


def _config(name: str, level: int, overrides: dict[str, Any]) -> tuple[Any, Any]:
    """The generator's class and its configuration. Raises what the package raises for a field or value that it does
    not take."""
    import dataclasses

    from reasoning_gym.factory import CURRICULA, DATASETS

    random.seed(0)
    maker, config_type = DATASETS[name]
    if level and name in CURRICULA and name not in BROKEN:
        curriculum = CURRICULA[name]()
        curriculum.set_global_level(level - 1)
        config = curriculum.generate_configuration()
        if overrides:
            config = dataclasses.replace(config, **overrides)
    else:
        config = config_type(**overrides)
    if hasattr(config, "validate"):
        config.validate()
    _stop_the_clock(name)
    return maker, config


def _stop_the_clock(name: str) -> None:
    """One generator begins its times on the day that it is."""
    if name == "time_intervals":
        import datetime

        from reasoning_gym.arithmetic import time_intervals

        class Date(datetime.date):
            @classmethod
            def today(cls) -> "Date":
                return cls(2024, 1, 15)

        time_intervals.date = Date


def _bare(maker: Any, config: Any) -> Any:
    from reasoning_gym.dataset import ProceduralDataset

    made = object.__new__(maker)
    ProceduralDataset.__init__(made, config, seed=config.seed, size=config.size)
    made.board_format_opts = getattr(config, "board_format_opts", None)
    return made


class _Late(BaseException):
    """The draw took too long. Not an Exception: generators catch those."""


def _late(*_: Any) -> None:
    raise _Late


def _entry(name: str, made: Any, seed: int) -> list[Any] | str | None:
    signal.signal(signal.SIGPROF, _late)
    try:
        signal.setitimer(signal.ITIMER_PROF, DRAW_S, 0.25)  # again and again: some catch whatever is raised
        first = _once(made, seed, 0)
        if name in UNREPEATABLE and first != _once(made, seed, 1):
            return "it comes out differently each time"
    except _Late:
        return None
    except Exception as failure:  # some seeds lead their generators astray; the next one will do
        return f"{type(failure).__name__}: {failure}"[:200]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return first


def _once(made: Any, seed: int, chance: int) -> list[Any] | str:
    """One problem, with every source of randomness seeded."""
    import numpy

    random.seed(seed ^ chance)
    numpy.random.seed((seed ^ chance) & 0xFFFFFFFF)
    made.seed = made.config.seed = seed
    entry = made[0]
    answer = entry["answer"]
    if answer is not None:
        answer = str(answer)
        if not answer.strip():  # theirs ask for an empty answer here and there; in tags there must be one
            return "the answer is empty"
    if entry["metadata"].get("input_data") == {}:
        return "the program of this problem failed"
    left_out = ("source_dataset", "source_index", "difficulty")
    metadata = {key: _plain(value) for key, value in entry["metadata"].items() if key not in left_out}
    return [str(entry["question"]), answer, metadata]


def _plain(value: Any) -> Any:
    """Plain data that equals `value` where the scorers look: tuples stay tuples, what is only like a str or a number
    becomes one."""
    if isinstance(value, dict):
        return {_plain(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_plain(one) for one in value) if type(value) in (list, tuple) else [_plain(v) for v in value]
    if isinstance(value, set | frozenset):
        return sorted((_plain(one) for one in value), key=repr)
    if value is None or type(value) in (bool, int, float, str):
        return value
    if hasattr(value, "item"):  # of numpy
        return _plain(value.item())
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return str(value)
