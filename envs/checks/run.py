"""`check`: certifies an environment, whatever it is: built in, one's own file, a module, rows, or wrapped.

    report = check("countdown", style="terse")          # Report
    report.ok, report["floors"].reason

Each finding has a rule, stated where it is applied (`problem_rules.py`, `reply_rules.py`). All of the environment runs
in child processes that can be killed (`child.py`), so one that hangs, dies or raises is reported, not suffered. What
is random is drawn from `seed`: the same check says the same again. Not covered: whether the answers are true, and
whether the problems are worth solving.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from verigym.envs.checks import problem_rules, reply_rules
from verigym.envs.checks.child import Found, Request, row_sets, run
from verigym.envs.checks.report import Finding, Report, Status
from verigym.envs.env import EnvError
from verigym.envs.registry import ROWS
from verigym.tasks.problem import Message

CHECKS: Mapping[str, str] = {
    "form": "prompts and answers are well formed",
    "oracle": "the known right reply earns the full reward",
    "floors": "worthless replies do no better than the declared chance",
    "hedges": "a reply that does not commit to one answer is not right",
    "hostile": "hostile replies get a verdict in time; nothing is raised or run",
    "effects": "grading leaves no files, processes or changed settings",
    "isolated": "a verdict depends on its problem and reply alone",
    "repeatable": "the same problems and verdicts in every process",
    "splits": "no problem is in two splits",
    "space": "as many distinct problems as declared",
    "difficulty": "higher levels are not easier, for a reference policy",
    "speed": "problems and verdicts a second",
}
"""Name of a finding to what it certifies, in the order of reports; `made` stands alone where there is no environment"""

PROBE_OF = {
    "form": "describe",
    "oracle": "oracle",
    "floors": "floors",
    "hedges": "floors",
    "hostile": "hostile",
    "effects": "hostile",
    "isolated": "isolated",
    "splits": "spread",
    "space": "spread",
    "speed": "speed",
}
OTHERWISE: Mapping[str, Any] = {"hash_seed": 4242, "shuffled": True, "noisy": True, "later": True}
"""what is different in the second process that `repeatable` looks at"""
CAUSES: Mapping[str, Mapping[str, Any]] = {
    "the same again": {},
    "another hash seed": {"hash_seed": 4242},
    "another order": {"shuffled": True},
    "random calls between": {"noisy": True},
    "a later day": {"later": True},
}
"""processes that differ in one thing, run where something differs, to say what it was"""

Policy = Callable[[list[Message]], str]
"""From the conversation so far to a reply."""


def check(
    env: str | os.PathLike[str],
    *,
    levels: Sequence[int] = (),
    splits: Sequence[str] = (),
    n: int = 30,
    seed: int = 0,
    deadline_s: float = 10.0,
    policy: Policy | Mapping[int, tuple[int, int]] | None = None,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    jobs: int = 2,
    offline: bool = False,
    **options: Any,
) -> Report:
    """Everything that `CHECKS` names, of the environment that `make(env, **options)` gives.

    levels, splits   empty for all
    n                problems of a level that are replied to
    deadline_s       seconds that one problem or one verdict may take
    policy           for `difficulty`: a function from chat messages to a reply, called here, or its results: level to
                     (right, tried)
    only, skip       names of `CHECKS`
    jobs             processes at once
    offline          data sets come from disk only

    An environment that cannot be made gives a report with the one finding `made`. Raises EnvError for an unknown
    environment, option, level or split, a name that is none of `CHECKS`, a number out of range, and options that are no
    plain data.
    """
    began = time.monotonic()
    names = _names(only, skip)
    for name, value in (("n", n), ("jobs", jobs), ("deadline_s", deadline_s)):
        if not value > 0:
            raise EnvError(f"check: {name}={value} must be above 0")
    request = Request(
        "describe", os.fspath(env), _plain(options), tuple(levels), tuple(splits), n, seed, float(deadline_s)
    )
    first = run(request, offline=offline)
    settings = {"n": n, "seed": seed, "deadline_s": deadline_s, "levels": list(levels), "splits": list(splits)}
    settings["options"] = dict(options)

    def report(*findings: Finding) -> Report:
        return Report(request.env, findings, settings, time.monotonic() - began)

    if (made := _made(first, request)) is not None:
        return report(made)
    found, runs = _probe(names, request, first, jobs, offline)
    about = first.of("described")[0]
    rates = _rates(policy, request, about, offline) if "difficulty" in names else {}
    rules = _rules(found, runs, rates, about)
    return report(*_findings(names, rules, found, runs))


def _probe(
    names: Sequence[str], request: Request, first: Found, jobs: int, offline: bool
) -> tuple[dict[str, Found], dict[str, Found]]:
    """What the probes of the named findings found, and the processes that `repeatable` compares."""

    def run_one(probe: str, **changed: Any) -> Found:
        return run(replace(request, probe=probe, options=options, **changed), offline=offline)

    options = dict(request.options)
    if request.env in row_sets() or request.env.endswith(ROWS):
        options["check_gold"] = False  # the first process has done so, where that is wanted
    probes = dict.fromkeys(PROBE_OF[name] for name in names if name in PROBE_OF)
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        futures = {probe: pool.submit(run_one, probe) for probe in probes if probe not in ("describe", "speed")}
        compared = {"as is": {}, "all at once": OTHERWISE} if "repeatable" in names else {}
        waiting = {cause: pool.submit(run_one, "sample", **changed) for cause, changed in compared.items()}
        found = {"describe": first, **{probe: future.result() for probe, future in futures.items()}}
        runs = {cause: future.result() for cause, future in waiting.items()}
    if "speed" in probes:  # alone, so that it is not slowed down
        found["speed"] = run_one("speed")
    whole = runs and not any(one.broken for one in runs.values())
    if whole and problem_rules.repeatable(runs).status is Status.FAIL:
        again = {cause: run_one("sample", **changed) for cause, changed in CAUSES.items()}
        runs = {"as is": runs["as is"], **again, "all at once": runs["all at once"]}
    return found, runs


def _names(only: Sequence[str], skip: Sequence[str]) -> list[str]:
    for name in (*only, *skip):
        if name not in CHECKS:
            near = get_close_matches(name, CHECKS, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise EnvError(f"check knows no finding {name!r}; {hint}There are {', '.join(CHECKS)}")
    return [name for name in CHECKS if (not only or name in only) and name not in skip]


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in options.items():
        if not isinstance(value, str | int | float | bool | None):
            raise EnvError(
                f"check: the option {name}={value!r} cannot travel to the child process that makes the environment; "
                "give text, a number or a bool"
            )
    return dict(options)


def _made(first: Found, request: Request) -> Finding | None:
    """The finding where there is no environment to look at. Raises EnvError where the question is at fault."""
    if unmade := first.of("unmade"):
        if unmade[0]["asked"]:
            raise EnvError(unmade[0]["why"])
        status = Status.SKIP if unmade[0]["absent"] else Status.FAIL
        why = "its rows are not on this machine" if unmade[0]["absent"] else "the environment cannot be made"
        return Finding("made", status, "", f"{why}: {unmade[0]['why']}")
    if not first.of("described"):
        why = first.broken or "it says nothing of itself"
        return Finding("made", Status.FAIL, "", f"the environment cannot be used: {why}")
    about = first.of("described")[0]
    for what, wanted, there in (
        ("level", request.levels, [int(level) for level in about["levels"]]),
        ("split", request.splits, about["splits"]),
    ):
        for one in wanted:
            if one not in there:
                known = ", ".join(map(str, there))
                raise EnvError(f"{request.env} has no {what} {one!r}; there are {known}")
    return None


def _rules(
    found: Mapping[str, Found],
    runs: Mapping[str, Found],
    rates: Mapping[int, tuple[int, int]],
    about: Mapping[str, Any],
) -> dict[str, Callable[[], Finding]]:
    """Name of a finding to what judges it."""
    deadline_s = about["deadline_s"]
    no_policy = Finding("difficulty", Status.SKIP, "", "needs a reference policy: --policy MODEL")
    return {
        "form": lambda: problem_rules.form(found["describe"]),
        "oracle": lambda: reply_rules.oracle(found["oracle"], about),
        "floors": lambda: reply_rules.floors(found["floors"], about),
        "hedges": lambda: reply_rules.hedges(found["floors"], about),
        "hostile": lambda: reply_rules.hostile(found["hostile"], about, deadline_s),
        "effects": lambda: reply_rules.effects(found["hostile"]),
        "isolated": lambda: reply_rules.isolated(found["isolated"]),
        "repeatable": lambda: problem_rules.repeatable(runs),
        "splits": lambda: problem_rules.splits(found["spread"], about),
        "space": lambda: problem_rules.space(found["spread"], about),
        "difficulty": lambda: problem_rules.difficulty(rates) if rates else no_policy,
        "speed": lambda: problem_rules.speed(found["speed"], deadline_s),
    }


def _findings(
    names: Sequence[str],
    rules: Mapping[str, Callable[[], Finding]],
    found: Mapping[str, Found],
    runs: Mapping[str, Found],
) -> list[Finding]:
    """The findings. Where probes were stopped, the first finding says it and the others point there."""
    findings, blamed = [], ""
    for name in names:
        probed = list(runs.values()) if name == "repeatable" else [found[PROBE_OF[name]]] if name in PROBE_OF else []
        stopped = next((one.broken for one in probed if one.broken), "") or _unmade_problem(name, probed)
        if not stopped:
            findings.append(rules[name]())
        elif blamed:
            findings.append(Finding(name, Status.SKIP, "", f"not looked at: {stopped} (see {blamed})"))
        else:
            blamed = name
            findings.append(Finding(name, Status.FAIL, "", stopped, _before(probed)))
    return findings


def _before(probed: Sequence[Found]) -> tuple[str, ...]:
    """What a probe had found before it was stopped, as far as it explains it."""
    ran = [f"the code of the reply {record['name']!r} was run" for one in probed for record in one.of("executed")]
    return tuple([*ran, *(line for one in probed for line in problem_rules.failures(one))][: problem_rules.EXAMPLES])


def _unmade_problem(name: str, probed: Sequence[Found]) -> str:
    """Why not every problem could be made, where that is for a finding to say."""
    lost = [record for one in probed for record in one.of("failed") if record["making"]]
    return f"{lost[0]['what']} failed: {lost[0]['why']}" if lost and name in ("form", "oracle", "splits") else ""


def _rates(
    policy: Policy | Mapping[int, tuple[int, int]] | None, request: Request, about: Mapping[str, Any], offline: bool
) -> dict[int, tuple[int, int]]:
    """Level to (right, tried) of a policy, turn by turn; the environment stays in its children."""
    if policy is None or isinstance(policy, Mapping):
        return dict(policy or {})
    levels = list(request.levels) or [int(level) for level in about["levels"]]
    split = (request.splits or about["splits"])[-1]
    open_: dict[tuple[int, int], list[str]] = {(level, index): [] for level in levels for index in range(request.n)}
    tally = {level: [0, 0] for level in levels}
    for _ in range(about["turns"] + 1):
        places = list(open_)
        asked = [(split, level, index, open_[level, index]) for level, index in places]
        found = run(replace(request, probe="turn", extra={"conversations": asked}), offline=offline)
        answered = {places[record["number"]]: record for record in found.of("turn")}
        for place in places:
            record = answered.get(place)
            if record is None:
                del open_[place]
            elif record["verdict"] is None:
                open_[place].append(policy(record["messages"]))
            else:
                tally[place[0]][0] += record["verdict"][1] is True
                tally[place[0]][1] += record["verdict"][2] != "error"
                del open_[place]
        if not open_:
            break
    return {level: (right, tried) for level, (right, tried) in tally.items() if tried}
