"""What the rewards of a run are made of: the parts that verifiers and reward stages leave, over the steps.

made_of(read_run(Path("runs/first")))          # "" for a run without parts
"""

from collections.abc import Mapping, Sequence

from verigym.trainer.report.charts import AMBER, BLUE, GREY, RED, TEAL, VIOLET, Series
from verigym.trainer.report.parts import line_card
from verigym.trainer.report.read import RunRecord, number
from verigym.verifiers.convert import printable

COLOURS = (BLUE, TEAL, AMBER, RED, VIOLET, GREY)
"""Of the lines of one chart, which holds no more than these."""
ADDED = ("reward.", "objective.")
"""Parts that add up to the reward begin so."""


def made_of(record: RunRecord) -> str:
    """Charts of the mean of every part: first those that add up to the reward, then what verifiers tell besides."""
    names = list(dict.fromkeys(name for line in record.metrics for name in _parts(line)))
    added = [name for name in names if name.startswith(ADDED)]
    others = [name for name in names if name not in added]
    cards = [
        *_cards(
            record, added, "What the reward is made of", "means of a step; they add up to the reward that is learned"
        ),
        *_cards(record, others, "Parts of the verdicts", "means of a step, over the rollouts that have the part"),
    ]
    return f'<h2>Rewards</h2>\n<div class="charts">{"".join(cards)}</div>' if cards else ""


def _cards(record: RunRecord, names: Sequence[str], heading: str, note: str) -> list[str]:
    """One chart for every six names."""
    groups = [names[start : start + len(COLOURS)] for start in range(0, len(names), len(COLOURS))]
    return [
        line_card(
            heading,
            note,
            [Series(_label(name), _column(record, name), colour) for name, colour in zip(group, COLOURS, strict=False)],
        )
        for group in groups
    ]


def _label(name: str) -> str:
    """A part's name for a legend: on one line, and without what matplotlib reads as mathematics."""
    return printable(name.removeprefix("reward."), 40).replace("$", r"\$")


def _column(record: RunRecord, name: str) -> list[tuple[float, float]]:
    return [(line["step"], value) for line in record.metrics if (value := number(_parts(line).get(name))) is not None]


def _parts(line: Mapping[str, object]) -> Mapping[str, object]:
    """The parts of a step's line that are numbers."""
    parts = line.get("parts")
    return (
        {name: value for name, value in parts.items() if number(value) is not None}
        if isinstance(parts, Mapping)
        else {}
    )
