"""From what probes found about problems to findings: repeatable, splits, space, form, difficulty, speed.

Pure functions over records. Each begins with its rule; what the rule cannot say is said there too.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from verigym.envs.checks.child import Found
from verigym.envs.checks.odds import ALPHA, distinct_estimate, interval, repeats_tail, rises
from verigym.envs.checks.report import Finding, Status

SMALL = 10_000
"""distinct problems of a level below which held-out claims are weak"""
FIELDS = {
    "prompt": "the prompt",
    "answer": "the answer",
    "key": "the key",
    "family": "the family",
    "verdicts": "a verdict",
}
TIMES = 100.0
"""a space that seems so many times smaller than declared is refuted"""
ONE_OF = {"keys": "key", "families": "family", "prompts": "prompt"}
UNEVEN = 10.0
"""draws that repeat as from a space so many times smaller than declared are worth a word"""
ENOUGH_DRAWS = 200
EXAMPLES = 5


def failures(found: Found) -> list[str]:
    """What an environment raised, one line each."""
    return [f"{record['what']}: {record['why']}" for record in found.of("failed")]


def many(count: int, one: str, plural: str = "") -> str:
    """`3 problems`, `1 problem`."""
    return f"{count:,} {one if count == 1 else plural or one + 's'}"


def repeatable(runs: Mapping[str, Found]) -> Finding:
    """Every problem, and the verdicts on its right and on some worthless replies, are the same in every process.

    runs: first "as is", a plain process; then others by what is different in them. The first difference decides.
    """
    name, base = "repeatable", runs["as is"]
    expected = {record["at"]: record for record in base.of("sampled")}
    figure = f"{many(len(expected), 'sample')} in {len(runs)} processes"
    evidence = [
        f"reset(seed={record['seed']}) gives another problem the second time" for record in base.of("reset differs")
    ]
    causes = []
    for kind, found in runs.items():
        lines = differences(expected, {record["at"]: record for record in found.of("sampled")})
        if lines:
            causes.append(kind)
            evidence += [f"{kind}: {line}" for line in lines[:EXAMPLES]]
    if causes or evidence:
        why = f"not the same in another process ({', '.join(causes)})" if causes else "reset is not repeatable"
        return Finding(name, Status.FAIL, figure, why, tuple(evidence[: 2 * EXAMPLES]))
    touched = [record["at"] for found in runs.values() for record in found.of("sampled") if record.get("touched")]
    if touched:
        why = "making a problem changes the state of a global random generator, and so what others draw from it"
        return Finding(name, Status.FAIL, figure, why, tuple(dict.fromkeys(touched))[:EXAMPLES])
    return Finding(name, Status.PASS, figure, "equal under other hash seeds, orders, clocks and random calls")


def differences(expected: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Where two processes disagree, one line each."""
    lines = []
    for at, record in expected.items():
        other = found.get(at)
        if other is None:
            lines.append(f"{at} is missing")
            continue
        wrong = [words for field, words in FIELDS.items() if record.get(field) != other.get(field)]
        if wrong:
            lines.append(f"{at}: {', '.join(wrong)} {'differs' if len(wrong) == 1 else 'differ'}")
    return lines


def splits(found: Found, about: Mapping[str, Any]) -> Finding:
    """No key, family or prompt is in two splits, over all levels; every split serves problems at every level.

    Overlap is looked for among drawn problems, so a rare one may be missed. In environments of several turns, where the
    prompt does not say all, a prompt counts together with its answer.
    """
    name = "splits"
    served = found.of("served")
    looked = sum(record["problems"] for record in served)
    figure = f"{many(looked, 'problem')} of {len({record['split'] for record in served})} splits"
    small = [f"{record['split']} at level {record['level']}: {record['why']}" for record in found.of("too small")]
    empty = [f"{r['split']} at level {r['level']} serves no problem" for r in served if not r["problems"]]
    leaks = [record for record in found.of("shared") if record["shared"]]
    evidence = [
        f"{many(record['shared'], ONE_OF[record['what']], record['what'])} of "
        f"{record['of']:,} in both {' and '.join(record['splits'])}, such as {record['some'][0]!r}"
        for record in sorted(leaks, key=lambda record: -record["shared"])
    ]
    if leaks:
        worst = max(leaks, key=lambda record: record["shared"])
        why = f"{' and '.join(worst['splits'])} share {worst['what']}: what is held out is trained on"
        return Finding(name, Status.FAIL, figure, why, tuple(evidence))
    if small or empty:
        return Finding(name, Status.FAIL, figure, "a split is too small or empty", tuple([*small, *empty][:EXAMPLES]))
    if list(about["splits"]) == ["test"]:
        return Finding(name, Status.PASS, figure, "there is a test split only: nothing to learn from, nothing to leak")
    if len(about["splits"]) < 2:
        return Finding(name, Status.WARN, figure, f"there is one split only, {about['splits'][0]}: nothing is held out")
    return Finding(name, Status.PASS, figure, "no key, family or prompt is in two of them")


def space(found: Found, about: Mapping[str, Any]) -> Finding:
    """The declared number of distinct problems is not refuted by how draws repeat.

    Equal pairs of draws are held against even draws from the declared space (Poisson, ALPHA over the levels). Where
    they come too often, the space is refuted if draws have met everything there is (nothing new in their second half,
    and less than half of what is declared), or if Chao's estimate of it is under SMALL and a hundred times below what
    is declared. Otherwise the draws are uneven, which warns. A space far above the square of the draws cannot be
    refuted.
    """
    name, records = "space", found.of("repeats")
    wrong, notes, sizes = [], [], []
    for record in records:
        declared = about["levels"][str(record["level"])]
        if declared["declared"]:
            sizes.append(declared["space"])
        if about["sizes"].get(record["split"]) is not None:
            if record["distinct"] < record["draws"]:
                notes.append(f"{_met(record)}: rows repeat")
        elif record["draws"] and not declared["declared"]:
            if (likely := _likely(record)) < SMALL:
                notes.append(f"{_met(record)}, as from about {likely:,.0f}")
        elif record["draws"]:
            share = about["shares"].get(record["split"], 1.0) * declared["space"]
            if repeats_tail(record["pairs"], record["draws"], share) < ALPHA / len(records):
                likely = _likely(record)
                refuted = 2 * likely < share if _exhausted(record) else likely < SMALL and likely * TIMES < share
                line = f"{_met(record)}, as from about {likely:,.0f}; {declared['space']:,} are declared"
                if refuted:
                    wrong.append(line)
                elif _even(record) * UNEVEN < share:
                    notes.append(f"{line}: some are drawn far oftener than others")
        if declared["declared"] and declared["space"] < SMALL and list(about["splits"]) != ["test"]:
            notes.append(f"level {record['level']} has {declared['space']:,} problems: few enough to learn by heart")
    figure = _sizes(sizes)
    if wrong:
        return Finding(name, Status.FAIL, figure, "fewer distinct problems than declared", tuple(wrong))
    if notes:
        why = notes[0] if len(notes) == 1 else f"{notes[0]}; and {len(notes) - 1} more"
        return Finding(name, Status.WARN, figure, why, tuple(notes))
    if not sizes:
        return Finding(name, Status.WARN, figure, "declare it: LEVELS = {1: Level('easy', space=..., chance=...)}")
    return Finding(name, Status.PASS, figure, "the draws repeat no oftener than that allows")


def _met(record: Mapping[str, Any]) -> str:
    return (
        f"level {record['level']}: {record['draws']:,} draws of the {record['split']} split met "
        f"{record['distinct']:,} distinct problems"
    )


def _exhausted(record: Mapping[str, Any]) -> bool:
    return bool(record["draws"] >= ENOUGH_DRAWS and record["last_new"] <= record["draws"] / 2)


def _likely(record: Mapping[str, Any]) -> float:
    """How many distinct problems there seem to be."""
    if _exhausted(record):
        return float(record["distinct"])
    return distinct_estimate(record["distinct"], record["once"], record["twice"])


def _even(record: Mapping[str, Any]) -> float:
    """The space from which even draws would repeat as often."""
    return float(record["draws"] * (record["draws"] - 1) / (2 * max(1, record["pairs"])))


def _sizes(sizes: Sequence[int]) -> str:
    if not sizes:
        return "not declared"
    low, high = _size(min(sizes)), _size(max(sizes))
    return f"{low} declared" if low == high else f"{low} to {high} declared"


def _size(count: float) -> str:
    return f"{count:,.0f}" if count < 1e6 else f"{count:.0e}".replace("e+0", "e").replace("e+", "e")


def form(found: Found) -> Finding:
    """Prompts are not empty, answers travel to other processes, and are plain JSON data; a long answer does not stand
    in its prompt."""
    name = "form"
    records = found.of("form")
    figure = many(len(records), "problem")
    for field, bad, why in (
        ("empty", True, "a prompt is empty"),
        ("pickles", False, "an answer cannot travel to a worker process: it does not pickle"),
        ("at_home", False, "a problem's address is not the one that was asked for"),
    ):
        wrong = [record["at"] for record in records if record[field] is bad]
        if wrong:
            return Finding(
                name, Status.FAIL, figure, f"{why} ({len(wrong)} of {len(records)})", tuple(wrong[:EXAMPLES])
            )
    leaked = [record["at"] for record in records if record["leaked"]]
    if leaked:
        why = f"the answer stands in the prompt, word for word, in {len(leaked)} of {len(records)}"
        return Finding(name, Status.WARN, figure, why, tuple(leaked[:EXAMPLES]))
    odd = [record["at"] for record in records if not record["plain"]]
    if odd:
        why = "answers are not plain JSON data: they cannot be written as rows"
        return Finding(name, Status.WARN, figure, why, tuple(odd[:EXAMPLES]))
    return Finding(name, Status.PASS, figure, "prompts and answers are well formed")


def difficulty(rates: Mapping[int, tuple[int, int]]) -> Finding:
    """The reference policy is right no oftener at a higher level than at a lower one: Fisher's exact test of every two
    levels, ALPHA over the pairs. rates: level to (right, tried)."""
    name = "difficulty"
    levels = sorted(rates)
    lines = []
    for level in levels:
        right, tried = rates[level]
        low, high = interval(right, tried)
        lines.append(f"level {level}: {right} of {tried} right, [{100 * low:.0f}, {100 * high:.0f}] %")
    figure = (
        ", ".join(f"{100 * rates[level][0] / max(1, rates[level][1]):.0f}" for level in levels) + " % right by level"
    )
    if len(levels) < 2:
        return Finding(name, Status.SKIP, figure, "there is one level only", tuple(lines))
    pairs = list(combinations(levels, 2))
    wrong = [(low, high) for low, high in pairs if rises(rates[low], rates[high]) < ALPHA / len(pairs)]
    if wrong:
        why = "; ".join(f"level {high} is easier than level {low}" for low, high in wrong[:3])
        return Finding(name, Status.FAIL, figure, why, tuple(lines))
    if all(right in (0, tried) for right, tried in rates.values()) and len({rates[one][0] == 0 for one in levels}) == 1:
        return Finding(
            name, Status.WARN, figure, "the policy is always right or never: it cannot order the levels", tuple(lines)
        )
    return Finding(name, Status.PASS, figure, "no level is easier than one below it", tuple(lines))


def speed(found: Found, deadline_s: float) -> Finding:
    """How fast it is, one after the other on one core; it fails only where a verdict takes longer than the deadline."""
    name, record = "speed", found.of("speed")[0]
    timed = {what: record[what] for what in ("oracle", "trivial") if record[what]["n"]}
    figure = f"{_rate(record['problems_per_s'])} problems/s"
    if timed:
        figure += f", {_rate(min(one['per_s'] for one in timed.values()))} verdicts/s"
    lines = tuple(
        f"{what} replies: {_rate(one['per_s'])} verdicts/s, p50 {1000 * one['p50']:.2f} ms, "
        f"p99 {1000 * one['p99']:.2f} ms"
        for what, one in timed.items()
    )
    slow = [what for what, one in timed.items() if one["p99"] > deadline_s]
    if slow:
        return Finding(name, Status.FAIL, figure, f"verdicts on {slow[0]} replies take over {deadline_s:g} s", lines)
    worst = max((one["p99"] for one in timed.values()), default=0.0)
    return Finding(name, Status.PASS, figure, f"99 % of verdicts within {1000 * worst:.2g} ms, on one core", lines)


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
