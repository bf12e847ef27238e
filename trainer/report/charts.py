"""Line and area charts as SVG text, drawn with matplotlib.

Each function takes plain numbers and returns one `<svg>` element to be set into a page; nothing is drawn on a screen
and no global state of matplotlib is touched. Text stays text, in the page's own typeface.

    lines([Series("reward", [(1, 0.1), (2, 0.3)], BLUE)], percent=True)
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from verigym.trainer.config import ConfigError
from verigym.trainer.report.text import quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GRID = "#25313d", "#6b7785", "#e7eaee"
BLUE, TEAL, AMBER, RED, VIOLET, GREY = "#2f6db3", "#2a8f86", "#cf8a2e", "#bf4f4a", "#7767ad", "#a9b3bd"
MOST_POINTS = 400
"""Longer series are averaged down to this many points: a chart 600 pixels wide shows no more."""
FEW_POINTS = 40
"""Up to here each point gets a mark, so that a run of one step shows something."""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Series:
    """One line. band: (x, low, high) where an interval is known; faint: drawn thin, as the raw data behind a smooth
    line."""

    label: str
    points: Points
    colour: str
    band: Sequence[tuple[float, float, float]] = ()
    faint: bool = False


@dataclass(frozen=True)
class Marker:
    """One measured value with its interval."""

    label: str
    x: float
    value: float
    low: float
    high: float
    colour: str


def lines(
    series: Sequence[Series],
    *,
    markers: Sequence[Marker] = (),
    percent: bool = False,
    zero: bool = True,
    size: tuple[float, float] = (5.6, 2.5),
) -> str:
    """Lines over steps. percent: the y axis shows shares as per cent, from 0; zero: the y axis begins at 0. `size` in
    inches."""
    with canvas(size, text_as_text=True) as figure:
        axes = figure.subplots()
        for one in series:
            draw_series(axes, one)
        for mark in markers:
            draw_marker(axes, mark)
        finish_axes(axes, percent=percent, zero=zero)
        axes.set_xlabel("step")
        if len(series) + len(markers) > 1:
            legend(axes)
        return _svg(figure)


def twin_lines(left: Series, right: Series, *, size: tuple[float, float] = (5.6, 2.5)) -> str:
    """Two lines of different units: `left` on the left axis, `right` on the right one, each axis in its line's
    colour."""
    with canvas(size, text_as_text=True) as figure:
        axes = figure.subplots()
        other = axes.twinx()
        draw_series(axes, left)
        draw_series(other, right)
        finish_axes(axes, zero=True)
        axes.set_xlabel("step")
        other.tick_params(length=0, labelcolor=right.colour)
        axes.tick_params(axis="y", labelcolor=left.colour)
        for spine in other.spines.values():
            spine.set_visible(False)
        other.set_ylim(bottom=0)
        other.yaxis.set_major_formatter(lambda value, _: quantity(value))
        axes.set_title(left.label, loc="left", color=left.colour, fontsize=9)
        axes.set_title(right.label, loc="right", color=right.colour, fontsize=9)
        return _svg(figure)


def stacked(
    xs: Sequence[float], layers: Sequence[tuple[str, Sequence[float], str]], *, size: tuple[float, float] = (5.6, 2.5)
) -> str:
    """Shares of a whole over steps, without a legend. layers: (label, one amount a step, colour), from the bottom;
    each step is scaled to 100 %, and a step whose amounts are all 0 is left empty."""
    totals = [sum(amounts[i] for _, amounts, _ in layers) for i in range(len(xs))]
    shares = [[amounts[i] / total if total else 0.0 for i, total in enumerate(totals)] for _, amounts, _ in layers]
    with canvas(size, text_as_text=True) as figure:
        axes = figure.subplots()
        colours, labels = [colour for *_, colour in layers], [label for label, *_ in layers]
        if len(xs) <= FEW_POINTS:
            floor = [0.0] * len(xs)
            for label, share, colour in zip(labels, shares, colours, strict=True):
                axes.bar(xs, share, bottom=floor, width=0.9, color=colour, label=label, linewidth=0)
                floor = [a + b for a, b in zip(floor, share, strict=True)]
        else:
            thinned = [thin(list(zip(xs, share, strict=True))) for share in shares]
            axes.stackplot(
                [x for x, _ in thinned[0]],
                [[y for _, y in one] for one in thinned],
                colors=colours,
                labels=labels,
                linewidth=0,
            )
        finish_axes(axes, percent=True)
        axes.set_ylim(0, 1)
        axes.set_xlabel("step")
        return _svg(figure)


def thin(points: Points, most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """At most `most` points: means of equal runs of neighbours."""
    if len(points) <= most:
        return list(points)
    edges = [round(i * len(points) / most) for i in range(most + 1)]
    runs = [points[a:b] for a, b in pairwise(edges)]
    return [(sum(x for x, _ in run) / len(run), sum(y for _, y in run) / len(run)) for run in runs]


def smooth(points: Points, window: int) -> list[tuple[float, float]]:
    """The running mean over the last `window` points (fewer at the start)."""
    smoothed = []
    for i, (x, _) in enumerate(points):
        recent = [y for _, y in points[max(0, i - window + 1) : i + 1]]
        smoothed.append((x, sum(recent) / len(recent)))
    return smoothed


def draw_series(axes: "Axes", series: Series) -> None:
    """One line, its interval band behind it."""
    points = thin(series.points)
    if series.band:
        xs, lows, highs = zip(*series.band, strict=True)
        axes.fill_between(xs, lows, highs, color=series.colour, alpha=0.15, linewidth=0)
    mark = "o" if len(points) <= FEW_POINTS and not series.faint else ""
    width, alpha = (0.9, 0.35) if series.faint else (1.8, 1.0)
    axes.plot(
        [x for x, _ in points],
        [y for _, y in points],
        color=series.colour,
        linewidth=width,
        alpha=alpha,
        marker=mark,
        markersize=3,
        label="_" + series.label if series.faint else series.label,
    )


def draw_marker(axes: "Axes", mark: Marker) -> None:
    """A diamond with a whisker for its interval."""
    whisker = [[max(0.0, mark.value - mark.low)], [max(0.0, mark.high - mark.value)]]
    axes.errorbar(
        [mark.x],
        [mark.value],
        yerr=whisker,
        fmt="D",
        color=mark.colour,
        markersize=5,
        elinewidth=1.4,
        capsize=3,
        label=mark.label,
        zorder=5,
    )


def finish_axes(axes: "Axes", *, percent: bool = False, zero: bool = True) -> None:
    """Horizontal grid only, whole-numbered x ticks, y from 0 where asked."""
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GREY)
    axes.tick_params(length=0, labelcolor=MUTED)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True, min_n_ticks=1))
    first, last = axes.dataLim.intervalx
    if last - first < 1:
        axes.set_xlim(first - 1, last + 1)
    axes.xaxis.label.set_color(MUTED)
    # The usual formatter writes a common factor above the axis, where the legend is.
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0) if percent else lambda value, _: quantity(value))
    if percent or (zero and axes.dataLim.y0 >= 0):
        axes.set_ylim(bottom=0.0, top=1.08 * axes.dataLim.y1 or 1.0)
    if percent:
        # Below 5 % the axis would print one label over and over: leave room for several.
        axes.set_ylim(top=min(1.02, max(0.05, axes.get_ylim()[1])))


def legend(axes: "Axes") -> None:
    """Above the axes, in one row: it never hides data."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        axes.legend(
            handles, labels, ncols=len(handles), loc="lower left", bbox_to_anchor=(-0.02, 1.0), borderaxespad=0.1,
            frameon=False, fontsize=8.5, labelcolor=INK, handlelength=1.2, columnspacing=1.2,
        )  # fmt: skip


def _rc(text_as_text: bool) -> dict[Any, Any]:
    return {
        "svg.fonttype": "none" if text_as_text else "path",
        "svg.hashsalt": "verigym",
        "font.size": 9,
        "axes.labelsize": 9,
        "figure.constrained_layout.use": True,
        "text.parse_math": False,
    }


@contextmanager
def canvas(size: tuple[float, float], *, text_as_text: bool = False) -> Iterator["Figure"]:
    """A figure without pyplot: no screen, no list of open figures. Raises ConfigError without matplotlib."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError(
            "charts need matplotlib, which is not installed; run: pip install 'verigym[train]'"
        ) from error
    with matplotlib.rc_context(_rc(text_as_text)):
        yield Figure(figsize=size)


def _svg(figure: "Figure") -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    # Within a page only the element itself is wanted, not the XML head before it.
    return text[text.index("<svg") :]
