"""From what probes found about replies to findings: oracle, floors, hedges, hostile, effects, isolated.

Pure functions over records. Each begins with its rule.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from verigym.envs.checks.child import PROGRAM_S, SOON_S, Found
from verigym.envs.checks.corpus import ORDINARY
from verigym.envs.checks.odds import ALPHA, binomial_tail, mean_tail
from verigym.envs.checks.problem_rules import EXAMPLES, failures, many
from verigym.envs.checks.repliers import LOOKING, NOTHING
from verigym.envs.checks.report import Finding, Status

NEAR = 1e-9
LEAST_CHANCE = 1e-4
"""a declared chance below this is tested as this: one lucky hit is no proof"""
COPIED = 0.25
"""rate that a reply copied from the prompt may have at most"""
SUSPECT, UNFIT = 0.02, 0.5
"""where no chance is declared: rates of a worthless reply that are worth a word, and that no environment may have"""


def _earns_all(record: Mapping[str, Any], about: Mapping[str, Any]) -> bool:
    return bool(record["correct"] is True or record["reward"] >= about["reward_range"][1] - NEAR)


def _example(record: Mapping[str, Any]) -> str:
    reply = f" to {record['reply']!r}" if "reply" in record else ""
    return f"{record['at']}: {record['status']}, reward {record['reward']:g}{reply}: {record['reason'] or 'no reason'}"


def oracle(found: Found, about: Mapping[str, Any]) -> Finding:
    """The oracle's reply to every problem earns the full reward and is correct, to the end of a conversation.

    Where there is no oracle, the answer itself in a usual form stands in for it; that warns, as does nothing at all.
    """
    name, solved, without = "oracle", found.of("solved"), found.of("no oracle")
    if lost := failures(found):
        return Finding(name, Status.FAIL, "", "the oracle fails", tuple(lost[:EXAMPLES]))
    guessed = sum(record["guessed"] for record in solved)
    wrong = [record for record in solved if record["correct"] is not True or not _earns_all(record, about)]
    figure = f"{len(solved) - len(wrong)} of {len(solved)} right" if solved else "none"
    examples = tuple(_example(record) for record in wrong[:EXAMPLES])
    if wrong and not guessed:
        why = f"the oracle's reply does not earn reward {about['reward_range'][1]:g} and `correct` everywhere"
        return Finding(name, Status.FAIL, figure, why, examples)
    above = [record for record in solved if record["reward"] > about["reward_range"][1] + NEAR]
    if above:
        why = f"a reward above {about['reward_range'][1]:g}, the highest that is declared: set REWARD_RANGE"
        return Finding(name, Status.FAIL, figure, why, tuple(_example(record) for record in above[:EXAMPLES]))
    if not solved:
        why = (
            "no oracle, and no plain answer that is right in a usual form: hedges cannot be tried; add oracle(problem)"
        )
        return Finding(name, Status.WARN, figure, why)
    if guessed:
        why = "no oracle; the answer itself in a usual form stands in for it; add oracle(problem)"
        return Finding(name, Status.WARN, figure, why, examples)
    if without:
        places = tuple(record["at"] for record in without[:EXAMPLES])
        return Finding(name, Status.WARN, figure, f"{many(len(without), 'problem')} without a right reply", places)
    return Finding(name, Status.PASS, figure, "the known right reply earns the full reward")


def floors(found: Found, about: Mapping[str, Any]) -> Finding:
    """No worthless reply is right, or paid, significantly more often than the level's declared chance.

    Exact binomial test of the successes, Bentkus's bound for the mean of the rewards, ALPHA over repliers, levels and
    both tests. The chance is that of replies that do not look at the problem; one that copies from the prompt may do
    better, which warns, and fails where it is significantly above a quarter. An empty reply is never paid anything.
    Where no chance is declared, a rate that is significantly above one half fails, and one above two percent warns.
    """
    name = "floors"
    table: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for record in found.of("floor"):
        if record["status"] != "error":
            table.setdefault((record["name"], record["level"]), []).append(record)
    if not table:
        return Finding(name, Status.SKIP, "", "no worthless reply got a verdict: see hostile")
    alpha = ALPHA / (2 * len(table))
    failing, suspect, rates = [], [], []
    for (replier, level), records in table.items():
        declared = about["levels"][str(level)]
        right, n = sum(record["correct"] is True for record in records), len(records)
        paid = sum(_share(record, about) for record in records)
        chance = max(declared["chance"], LEAST_CHANCE) if declared["declared"] else SUSPECT
        floor = max(chance, declared["floor"] or 0.0)
        allowed = 0.0 if declared["declared"] else UNFIT
        allowed = max(allowed, COPIED) if replier in LOOKING else allowed
        line = f"{replier}, level {level}: {right} of {n} right, mean reward {paid / n:.3g}"
        line += f"; chance {declared['chance']:.2g}" if declared["declared"] else "; no chance declared"
        line += f"; such as {_example(max(records, key=lambda record: record['reward']))}" if paid else ""
        rates.append((right / n, paid / n, replier, level, right, n))
        if replier in NOTHING and (right or paid):
            failing.append(f"{line} (nothing is due to an empty reply)")
        elif (
            min(binomial_tail(right, n, max(chance, allowed)), _mean_tail(records, about, max(floor, allowed))) < alpha
        ):
            failing.append(line)
        elif min(binomial_tail(right, n, chance), _mean_tail(records, about, floor)) < alpha:
            suspect.append(line)
    rate, mean, replier, level, right, n = max(rates)
    figure = (
        f"best {100 * max(rate, mean):.3g} % ({replier}, level {level})" if rate or mean else f"0 of {n} right each"
    )
    if failing:
        why = "a reply that knows nothing of the answer is right or paid more often than the declared chance"
        if not about["levels"][str(level)]["declared"]:
            why = "a reply that knows nothing of the answer is right or paid more often than not"
        return Finding(name, Status.FAIL, figure, why, tuple(failing))
    if suspect:
        why = "copying from the prompt is right or paid more often than a blind guess"
        if not about["levels"][str(level)]["declared"]:
            why = "worthless replies are right or paid at times and no chance is declared: Level(..., chance=...)"
        return Finding(name, Status.WARN, figure, why, tuple(suspect))
    return Finding(name, Status.PASS, figure, "worthless replies do no better than the declared chance")


def _share(record: Mapping[str, Any], about: Mapping[str, Any]) -> float:
    """A reward as a share of the highest one, nothing below 0."""
    high = about["reward_range"][1]
    return min(1.0, max(0.0, record["reward"]) / high) if high > 0 else 0.0


def _mean_tail(records: Sequence[Mapping[str, Any]], about: Mapping[str, Any], floor: float) -> float:
    shares = [_share(record, about) for record in records]
    if all(share in (0.0, 1.0) for share in shares):
        return binomial_tail(round(sum(shares)), len(shares), floor)
    return mean_tail(sum(shares), len(shares), floor)


def hedges(found: Found, about: Mapping[str, Any]) -> Finding:
    """No reply that holds the right answer among wrong ones, without committing to it, earns the full reward."""
    name, records = "hedges", found.of("hedge")
    if about["open_ended"]:
        return Finding(name, Status.SKIP, "", f"open ended: {about['open_ended']}")
    if not records:
        why = (
            "every other answer is right too: see floors"
            if found.of("no wrong answer")
            else "no right reply is known: see oracle"
        )
        return Finding(name, Status.SKIP, "", f"none could be made: {why}")
    accepted = [record for record in records if _earns_all(record, about)]
    kinds = list(dict.fromkeys(record["name"] for record in records))
    figure = f"{len(accepted)} of {len(records)} accepted"
    if accepted:
        names = {record["name"]: record for record in reversed(accepted)}
        counts = {name: sum(record["name"] == name for record in accepted) for name in names}
        lines = tuple(f"{kind}, {counts[kind]} times, such as {_example(record)}" for kind, record in names.items())
        return Finding(
            name, Status.FAIL, figure, "a reply that does not commit to one answer earns the full reward", lines
        )
    return Finding(name, Status.PASS, figure, f"tried: {', '.join(kinds)}")


def hostile(found: Found, about: Mapping[str, Any], deadline_s: float) -> Finding:
    """Every hostile or worthless reply gets a scored verdict in time: nothing is raised or run, no reward outside the
    declared range, nothing right. A verdict that only a deadline ended counts as late: it costs that long each time;
    one that refuses at once what would be too dear does not.
    Where replies are programs, each may use up its own limits in the sandbox."""
    name, records = "hostile", found.of("hostile")
    deadline_s += PROGRAM_S if any(record["programs"] for record in found.of("tried")) else 0.0
    slowest = max((record["seconds"] for record in records), default=0.0)
    cut = [f" of {record['of']}" for record in found.of("tried") if record["replies"] < record["of"]]
    figure = f"{len(records)}{''.join(cut)} replies, slowest {_duration(slowest)}"
    low, high = about["reward_range"]
    executed = [f"the Python or shell code of the reply {record['name']!r} was run" for record in found.of("executed")]
    raised = [record for record in records if record["status"] == "error"]
    late = [
        record
        for record in records
        if record["seconds"] > deadline_s or (record["status"] == "timeout" and record["seconds"] >= SOON_S)
    ]
    outside = [record for record in records if not low - NEAR <= record["reward"] <= high + NEAR]
    junk = any(record["name"] in NOTHING and record["correct"] for record in records)
    # What is copied from the prompt, or is an ordinary word, may be right by luck: `floors` counts how often.
    odd = [one for one in records if one["name"] not in LOOKING and not one["name"].startswith(ORDINARY)]
    right = [] if about["open_ended"] or junk else [record for record in odd if _earns_all(record, about)]
    failing = (
        (executed, "code of a reply was run in the grader's process"),
        ([_line(record) for record in raised], "a verdict is an error: a reply must never make the grader fail"),
        ([_line(record) for record in late], "a verdict comes late, or only because a deadline ended it"),
        ([_line(record) for record in outside], f"a reward is outside the declared range, {low:g} to {high:g}"),
        ([_line(record) for record in right], "a hostile reply is right"),
    )
    reasons = [why for lines, why in failing if lines]
    if reasons:
        evidence = [line for lines, _ in failing for line in lines[:EXAMPLES]]
        return Finding(name, Status.FAIL, figure, "; ".join(reasons), tuple(evidence))
    silent = [record for record in records if not record["told"]]
    if silent:
        why = f"{many(len(silent), 'verdict')} without a reason of one line"
        return Finding(name, Status.WARN, figure, why, tuple(_line(record) for record in silent[:EXAMPLES]))
    note = "; any text may be right here, so that was not asked" if about["open_ended"] else ""
    return Finding(name, Status.PASS, figure, f"each got a verdict, nothing raised, hung or ran{note}")


def _line(record: Mapping[str, Any]) -> str:
    return (
        f"{record['name']}: {record['status']}, reward {record['reward']:g} after {_duration(record['seconds'])}: "
        f"{record['reason'] or 'no reason'}"
    )


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


def effects(found: Found) -> Finding:
    """Grading leaves nothing behind: no file, changed variable, folder, random state or setting, no open descriptor,
    thread or process beyond a few workers."""
    name = "effects"
    lines = tuple(record["line"] for record in found.of("effect"))
    figure = f"after {many(len(found.of('hostile')), 'verdict')}"
    if lines:
        return Finding(name, Status.FAIL, figure, lines[0] if len(lines) == 1 else "grading leaves traces", lines[:20])
    return Finding(name, Status.PASS, figure, "no file, variable, random state, descriptor or process is left")


def isolated(found: Found) -> Finding:
    """A verdict depends on its problem and reply alone: the same twice, after a thousand other replies, beside another
    conversation, in another instance; and nothing changes the problem."""
    name = "isolated"
    graded, junk = found.of("graded again"), found.of("junk")
    between = many(junk[0]["replies"] if junk else 0, "reply", "replies")
    figure = f"{many(len(graded), 'verdict')} three times, {between} between"
    again = [
        f"{record['at']}, reply {record['reply']!r}: {record['once']}, then {record['again']}, after others "
        f"{record['after']}"
        for record in graded
        if not record["once"] == record["again"] == record["after"]
    ]
    beside = [
        f"{record['at']}: {record['alone']} alone, {record['beside']} beside another conversation"
        for record in found.of("side by side")
    ]
    other = [record["what"] for record in found.of("instances differ")]
    mutated = [record["at"] for record in found.of("mutated")]
    for lines, why in (
        (mutated, "grading or the oracle changes the problem"),
        (again, "the same reply gets another verdict the next time"),
        (beside, "a conversation changes the verdict of another"),
        (other, "two instances disagree"),
    ):
        if lines:
            return Finding(name, Status.FAIL, figure, why, tuple(lines[:EXAMPLES]))
    return Finding(name, Status.PASS, figure, "verdicts depend on problem and reply alone")
