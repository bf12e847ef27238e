"""Calls into the sandbox in which the package lives: one line for who draws and who scores.

    call("fields", "gcd", 1)        # {"min_numbers": 2, ...}

Each call runs in a process of its own, in a fork of an interpreter that has the package loaded: nothing is written, no
network is reached, and nothing outlives it. About 7 ms, and what opening the generator's data takes.
"""

from functools import cache
from pathlib import Path
from typing import Any

from verigym.envs.adapters.reasoning_gym.table import MISSING, PACKAGE, installed
from verigym.envs.env import EnvError
from verigym.sandbox.job import MIB, Call, Job, Limits, Result
from verigym.verifiers.boxes import Bench, NoSandbox, shared_bench

PRELOAD = (
    PACKAGE,
    f"{PACKAGE}.arithmetic.gsm_symbolic.generators_00_49",
    f"{PACKAGE}.arithmetic.gsm_symbolic.generators_50_99",
    f"{PACKAGE}.induction.list_functions.generators",
    f"{PACKAGE}.games.contrib.sokoban.src.generator",
)
"""what every call finds imported: the package, and what its generators would import late"""
MEMORY = 1024 * MIB
VALUE = 64 * MIB


def bench() -> Bench:
    """The shared sandbox with the package in it. Raises EnvError where the package is missing, and NoSandbox."""
    if not installed():
        raise EnvError(f"this {MISSING}")
    try:
        return shared_bench(preload=PRELOAD)
    except NoSandbox as failure:
        raise NoSandbox(f"the generators and scorers of reasoning-gym run in the sandbox: {failure}") from None


def run(function: str, *arguments: Any, cpu_s: float) -> Result:
    """The result of a function of `inside.py`. Raises NoSandbox when the sandbox itself failed, and as `bench`."""
    limits = Limits(cpu_s=cpu_s, wall_s=3 * cpu_s + 5, memory=MEMORY, value=VALUE, stdout=16 * MIB)
    return bench().run(Job(_inside(), call=Call(function, arguments), limits=limits))


def call(function: str, *arguments: Any, cpu_s: float = 20.0) -> Any:
    """The value of a function of `inside.py`. Raises EnvError with what it raised there."""
    result = run(function, *arguments, cpu_s=cpu_s)
    if not result.ok:
        raise EnvError(f"reasoning-gym: {result.detail or result.outcome}")
    return result.value


@cache
def _inside() -> str:
    return Path(__file__).with_name("inside.py").read_text(encoding="utf-8")
