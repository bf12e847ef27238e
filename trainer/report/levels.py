"""The section of a report on levels: where the curriculum stood, what was drawn, and how it went.

levels(read_run(Path("runs/first")))       # "" for a run of one level
"""

from collections.abc import Mapping

from verigym.trainer.report.charts import AMBER, BLUE, GREY, RED, TEAL, VIOLET, Series, smooth, stacked
from verigym.trainer.report.parts import colour_key, line_card
from verigym.trainer.report.read import Line, RunRecord, number

LEVEL_COLOURS = (TEAL, BLUE, AMBER, RED, VIOLET, GREY)
"""Of the levels, in their order; more of them begin again."""


def levels(record: RunRecord) -> str:
    """Which levels the problems had and how many replies were right, step by step; nothing for a run of one level."""
    told = [(line["step"], _by_level(line)) for line in record.metrics]
    told = [(step, table) for step, table in told if table]
    names = sorted({level for _, table in told for level in table})
    if len(names) < 2:
        return ""
    colours = {level: LEVEL_COLOURS[place % len(LEVEL_COLOURS)] for place, level in enumerate(names)}
    drawn = [(step, {level: one[0] for level, one in table.items()}) for step, table in told]
    means = [
        (step, sum(level * count for level, count in counts.items()) / total)
        for step, counts in drawn
        if (total := sum(counts.values()))
    ]
    window = max(1, len(means) // 20)
    line = [
        Series("current level", record.column("level"), BLUE),
        Series(f"mean of the problems, {window} steps" if window > 1 else "mean", smooth(means, window), GREY),
    ]
    layers = [(f"level {level}", [counts.get(level, 0.0) for _, counts in drawn], colours[level]) for level in names]
    rates = {
        level: [(step, rate) for step, table in told if level in table and (rate := table[level][1]) is not None]
        for level in names
    }
    smoothing = max(1, len(told) // 40)
    passed = [Series(f"level {level}", smooth(rates[level], smoothing), colours[level]) for level in names]
    key = colour_key([(label, colour) for label, _, colour in layers])
    cards = [
        line_card("Level", "where the curriculum stands, and the mean level of the problems drawn", line),
        f'<div class="card"><h3>Share of each level</h3><p class="small muted">of the problems of a step</p>'
        f"{stacked([step for step, _ in drawn], layers)}{key}</div>",
        line_card(
            "Pass rate of each level",
            "of the scored replies" + (f", mean of {smoothing} steps" if smoothing > 1 else ""),
            passed,
            percent=True,
        ),
    ]
    return f'<h2>Levels</h2><div class="charts">{"".join(cards)}</div>'


def _by_level(line: Line) -> dict[int, tuple[float, float | None]]:
    """Groups and pass rate of each level in a line of metrics.jsonl."""
    table = line.get("levels")
    entries = table.items() if isinstance(table, Mapping) else ()
    return {
        int(level): (number(one.get("groups")) or 0.0, number(one.get("pass")))
        for level, one in entries
        if isinstance(one, Mapping) and str(level).isdecimal() and len(level) < 10
    }
