"""A plan of jobs: when each one starts, so that nothing waits in vain and no machine does too much.

    schedule("<answer>A: 0, B: 3</answer>", {"jobs": {"A": 3, "B": 2}, "before": [["A", "B"]], "deadline": 5})

Every plan within the bounds counts. Nothing is searched for: checking sorts the starts once for each resource.
"""

from collections.abc import Mapping
from typing import Any

from verigym.verifiers.answers import WrongAnswer, field
from verigym.verifiers.convert import printable
from verigym.verifiers.reading import pairs, plain, short, whole_number
from verigym.verifiers.verdict import Verdict

MAX_JOBS = 500


def schedule(reply: str, answer: Any, *, extract: str = "marked", strict: bool = True) -> Verdict:
    """Whether every job has a start and the plan keeps all rules.

    answer  {"jobs": {"A": 3, "B": 2}, "deadline": 5} and, where wanted,
            "before": [["A", "B"]]            A must end before B starts, or just then
            "resources": {"crane": 1}         how much there is of each at any time
            "needs": {"A": {"crane": 1}}      what a job takes of them while it runs
            "release": {"B": 1}, "due": {"A": 4}   the earliest start and the latest end of a job

    Durations and times are whole numbers; a job runs from its start for its duration and holds what it needs up to,
    not at, its end. Read: `job: start` pairs (also `=`, "starts at"), split at commas, semicolons, lines or "and"; case
    does not matter. Every job once. Raises ValueError when `answer` has another form.
    """
    plan = _plan(answer)
    text, verdict = short(reply, extract, strict)
    if verdict:
        return verdict
    got, fault = pairs(text)
    if fault:
        return Verdict.malformed(fault, text)
    names = {plain(job): job for job in plan["jobs"]}
    starts: dict[str, int] = {}
    for name, value in got.items():
        if name not in names:
            return Verdict.wrong(f"{printable(name)!r} is not one of the jobs", text)
        start = whole_number(value)
        if start is None or start < 0:
            return Verdict.malformed(f"{printable(value)!r} is not a start: a whole number from 0 up", text)
        starts[names[name]] = start
    missing = [job for job in plan["jobs"] if job not in starts]
    if missing:
        return Verdict.wrong(f"nothing is said of {', '.join(missing)}", text)
    if fault := broken(plan, starts):
        return Verdict.wrong(fault, text)
    return Verdict.right(f"a plan that ends at {max(starts[job] + plan['jobs'][job] for job in starts)}", text)


def broken(plan: Mapping[str, Any], starts: Mapping[str, int]) -> str:
    """The first rule that a whole plan breaks, or nothing."""
    jobs: Mapping[str, int] = plan["jobs"]
    ends = {job: starts[job] + length for job, length in jobs.items()}
    for one, other in plan["before"]:
        if starts[other] < ends[one]:
            return f"{other} starts at {starts[other]}, before {one} ends at {ends[one]}"
    for job in jobs:
        if starts[job] < plan["release"].get(job, 0):
            return f"{job} starts at {starts[job]}, and cannot before {plan['release'][job]}"
        if ends[job] > min(plan["deadline"], plan["due"].get(job, plan["deadline"])):
            return f"{job} ends at {ends[job]}, after {min(plan['deadline'], plan['due'].get(job, plan['deadline']))}"
    for resource, capacity in plan["resources"].items():
        # At one time what ends is given back before what starts is taken.
        changes = []
        for job in jobs:
            amount = plan["needs"].get(job, {}).get(resource, 0)
            changes += [(starts[job], amount), (ends[job], -amount)] if amount else []
        used = 0
        for time, amount in sorted(changes):
            used += amount
            if used > capacity:
                return f"at time {time} the jobs need {used} of {resource}, and there is {capacity}"
    return ""


def _plan(answer: Any) -> dict[str, Any]:
    """The answer with all its fields. Raises WrongAnswer."""
    jobs = field(answer, "jobs", dict, "schedule")
    deadline = field(answer, "deadline", int, "schedule")
    if not 1 <= len(jobs) <= MAX_JOBS or len({plain(str(job)) for job in jobs}) < len(jobs):
        raise WrongAnswer(f"schedule: answer['jobs'] must hold from 1 to {MAX_JOBS} different names")
    _amounts("jobs", jobs, jobs, least=1)
    plan = {"jobs": jobs, "deadline": deadline, "before": answer.get("before", [])}
    for name in ("release", "due", "resources", "needs"):
        plan[name] = answer.get(name, {})
        if not isinstance(plan[name], dict):
            raise WrongAnswer(f"schedule: answer[{name!r}] must be a dict, got {type(plan[name]).__name__}")
    for name in ("release", "due"):
        _amounts(name, plan[name], jobs)
    _amounts("resources", plan["resources"], plan["resources"])
    for job, needs in plan["needs"].items():
        if job not in jobs or not isinstance(needs, dict):
            raise WrongAnswer(f"schedule: answer['needs'] must be a dict of jobs to dicts, got {job!r}")
        _amounts("needs", needs, plan["resources"])
    before = plan["before"]
    if not isinstance(before, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and all(job in jobs for job in pair) for pair in before
    ):
        raise WrongAnswer("schedule: answer['before'] must be a list of pairs of jobs")
    return plan


def _amounts(name: str, amounts: Mapping[Any, Any], known: Mapping[Any, Any], least: int = 0) -> None:
    for key, amount in amounts.items():
        if not isinstance(key, str) or key not in known or type(amount) is not int or amount < least:
            raise WrongAnswer(
                f"schedule: answer[{name!r}] must hold known names with whole numbers from {least} up, got "
                f"{key!r}: {amount!r}"
            )
