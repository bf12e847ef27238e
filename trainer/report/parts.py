"""The sections of a report, each a pure function from what was read of a run to HTML.

A section without data says so in a sentence; none of them raises on a run that is young, torn or empty.

    headline(read_run(Path("runs/first")))
"""

from collections.abc import Mapping, Sequence
from typing import Any

from verigym.trainer.report.charts import (
    AMBER,
    BLUE,
    GREY,
    MUTED,
    RED,
    TEAL,
    VIOLET,
    Marker,
    Series,
    lines,
    smooth,
    stacked,
    twin_lines,
)
from verigym.trainer.report.curve import greedy, held_out
from verigym.trainer.report.read import Line, RunRecord, number
from verigym.trainer.report.text import clipped, duration, percent, points, quantity, safe

Score = tuple[float, float, float]
"""A share, and the ends of its interval."""

ROLLOUTS_SHOWN = 3
"""Replies shown of each step."""

TOKEN_FATES = (
    ("trained", BLUE),
    ("clipped", TEAL),
    ("dead", GREY),
    ("truncated", AMBER),
    ("masked", VIOLET),
    ("dropped", RED),
)
"""What can become of a sampled token, from the bottom of the chart."""

TIME_PARTS = (
    ("sample", "sampling", BLUE),
    ("update", "update", TEAL),
    ("verify", "waiting for verdicts", AMBER),
    ("sync", "new weights to the engine", VIOLET),
    ("canary", "canary", MUTED),
    ("rest", "rest", GREY),
)
"""Parts of a step's seconds: key in timing.jsonl, words, colour."""


def title(record: RunRecord) -> str:
    """Name of the run, what it trains, how far it is."""
    model, env = record.setting("policy", "model"), record.setting("problems", "env")
    planned, done = record.steps_planned, record.steps_done
    if not record.metrics:
        state, kind = "no step has been written yet", "open"
    elif record.eval("after") or (planned is not None and done >= planned):
        state, kind = f"finished: {done} steps", ""
    else:
        state, kind = f"step {done}" + (f" of {planned}" if planned else "") + ": still going, or stopped", "open"
    seconds = sum(value for _, value in record.column("seconds", "timing"))
    facts = [
        f"{safe(model)} on {safe(env)}" if model and env else "",
        f"{duration(seconds)} of training steps" if seconds else "",
        f"seed {safe(record.setting('keep', 'seed'))}" if record.setting("keep", "seed") is not None else "",
    ]
    about = " · ".join(fact for fact in facts if fact)
    name = safe(record.path.resolve().name)
    return f'<h1>{name}</h1><p class="muted">{about} <span class="chip {kind}">{state}</span></p>'


def headline(record: RunRecord) -> str:
    """Cards with the scores before and after training, their intervals, and the paired difference."""
    before, after = record.eval("before"), record.eval("after") or record.eval("during")
    if not before and not after:
        return '<p class="muted">Nothing has been evaluated on held-out problems yet.</p>'
    paired = after.get("paired") if after else None
    names = ["greedy pass@1", *(f"sampled pass@{k}" for k in _sampled_ks(before, after))]
    scores = [
        (greedy(before), greedy(after)),
        *((_sampled(before, k), _sampled(after, k)) for k in _sampled_ks(before, after)),
    ]
    cards = [
        _score_card(name, old, new, _paired(paired.get(name) if isinstance(paired, Mapping) else None))
        for name, (old, new) in zip(names, scores, strict=True)
        if old or new
    ]
    return f'<div class="cards">{"".join(cards)}</div>{_evaluation_note(before, after)}'


def learning(record: RunRecord) -> str:
    """The held-out curve with its interval band, over the training reward."""
    curve = [(step, *rest) for step, *rest in held_out(record)]
    reward = record.column("reward")
    if not curve and not reward:
        return _empty("No step and no evaluation has been written, so there is no curve yet.")
    during = [
        point
        for point in curve
        if point[0] in {number(line.get("step")) for line in record.evals if line.get("when") == "during"}
    ]
    series = [Series("training reward, each step", reward, GREY, faint=True)]
    if reward:
        window = max(1, len(reward) // 20)
        series.append(
            Series(
                f"training reward, mean of {window} steps" if window > 1 else "training reward",
                smooth(reward, window),
                MUTED,
            )
        )
    if during:
        band = [(step, low, high) for step, _, low, high in during]
        series.append(
            Series("held out while training, greedy pass@1", [(step, value) for step, value, *_ in during], BLUE, band)
        )
    markers = []
    for when, colour in (("before", AMBER), ("after", TEAL)):
        line = record.eval(when)
        score, step = greedy(line), number(line.get("step")) if line else None
        if score and step is not None:
            markers.append(Marker(f"{when} training", step, *score, colour))
    shares = all(0 <= value <= 1 for _, value in reward)
    chart = lines([one for one in series if one.points], markers=markers, percent=shares, size=(11.4, 3.6))
    note = "Bands and whiskers are 95 % intervals. Before and after are on the test split, the curve on validation."
    return f'<div class="card wide"><h3>Learning curve</h3>{chart}<p class="small muted">{note}</p></div>'


def health(record: RunRecord) -> str:
    """Dead groups, entropy, length and truncation, gradient norm and learning rate."""
    if not record.metrics:
        return _empty("No step has been written yet.")
    dead = [
        Series("all groups without signal", record.column("dead"), MUTED),
        Series("all right", record.column("dead_right"), TEAL),
        Series("all wrong", record.column("dead_wrong"), RED),
    ]
    cards = [
        line_card("Dead groups", "share of groups whose rewards are all alike: they teach nothing", dead, percent=True),
        line_card(
            "Entropy", "nats a token, of the sampled tokens", [Series("entropy", record.column("entropy"), VIOLET)]
        ),
        _pair(
            "Length and truncation",
            "mean tokens of a reply; share of replies cut by the limit, in %",
            Series("tokens", record.column("length"), BLUE),
            Series("truncated, %", [(step, 100 * share) for step, share in record.column("truncated")], AMBER),
        ),
        _pair(
            "Gradient norm and learning rate",
            "the norm is taken before clipping",
            Series("gradient norm", record.column("grad_norm"), BLUE),
            Series("learning rate", record.column("lr"), AMBER),
        ),
        line_card(
            "Replies without a verdict in form",
            "malformed: no answer in the wanted form; errors: the grader failed",
            [Series("malformed", record.column("malformed"), AMBER), Series("errors", record.column("errors"), RED)],
            percent=True,
        ),
        line_card(
            "How far an update moves",
            "k3 estimate in nats a token: new weights against those that sampled; trainer against sampler",
            [
                Series("update", record.column("update_kl"), BLUE),
                Series("sampler mismatch", record.column("mismatch"), RED),
            ],
        ),
    ]
    return "".join(cards)


def tokens(record: RunRecord) -> str:
    """What became of every sampled token, over steps and in all."""
    counted = [(line["step"], line["tokens"]) for line in record.metrics if isinstance(line.get("tokens"), Mapping)]
    if not counted:
        return _empty("No token has been counted yet.")
    layers = [
        (name, [max(0.0, number(table.get(name)) or 0.0) for _, table in counted], colour)
        for name, colour in TOKEN_FATES
    ]
    totals = {name: sum(amounts) for name, amounts, _ in layers}
    sampled = sum(number(table.get("sampled")) or 0.0 for _, table in counted)
    present = [layer for layer in layers if totals[layer[0]] > 0]
    chart = stacked([step for step, _ in counted], present) if present else ""
    told = sum(totals.values())
    sums = f"{quantity(sampled)} tokens sampled" + (
        "; every one is accounted for."
        if round(told) == round(sampled)
        else f", {quantity(told)} accounted for: the counts do not add up."
    )
    key = colour_key([(f"{name} {quantity(totals[name])}", colour) for name, _, colour in present])
    return f'<div class="card"><h3>Where the tokens went</h3><p class="small muted">{sums}</p>{chart}{key}</div>'


def timing(record: RunRecord) -> str:
    """Shares of the seconds of all steps."""
    sums = [
        (words, sum(value for _, value in record.column(key, "timing")), colour) for key, words, colour in TIME_PARTS
    ]
    total = sum(seconds for _, seconds, _ in sums)
    if total <= 0:
        return _empty("No time has been measured yet.")
    bar = "".join(f'<i style="width:{100 * s / total:.2f}%;background:{colour}"></i>' for _, s, colour in sums if s > 0)
    key = colour_key([(f"{words} {percent(seconds / total)}", colour) for words, seconds, colour in sums])
    speed = record.column("tokens_per_s", "timing")
    middle = sorted(value for _, value in speed)[len(speed) // 2] if speed else None
    note = f"{duration(total)} in {len(record.timing)} steps" + (
        f"; {quantity(middle)} tokens a second (median step)." if middle else "."
    )
    pace = lines([Series("seconds a step", record.column("seconds", "timing"), BLUE)], size=(5.6, 1.9))
    return (
        f'<div class="card"><h3>Where the time went</h3><p class="small muted">{note}</p>'
        f'<div class="split">{bar}</div>{key}'
        f'<h3 style="margin-top:18px">Seconds a step</h3>{pace}</div>'
    )


def rollouts(record: RunRecord) -> str:
    """Real replies of the first and the last steps: prompt, reply, verdict."""
    shown = [
        f'<h3 class="muted" style="margin:18px 0 8px">step {step}</h3>'
        + "".join(_rollout(line) for line in _spread(found))
        for step, found in record.rollouts
        if found
    ]
    return "".join(shown) or _empty("No rollout has been written yet.")


def sheet(heading: str, text: str, missing: str) -> str:
    """A file of the run, as it stands."""
    body = f"<pre>{safe(text.strip())}</pre>" if text.strip() else f'<p class="muted">{missing}</p>'
    return f'<h2>{heading}</h2><div class="card sheet">{body}</div>'


def _score_card(name: str, before: Score | None, after: Score | None, paired: str) -> str:
    start = f'<span class="from">{percent(before[0])} →</span> ' if before and after else ""
    end = percent((after or before or (None,))[0])
    measured = [(kind, score) for kind, score in (("before", before), ("after", after)) if score]
    bars = "".join(_interval_bar(kind, score) for kind, score in measured)
    told = " → ".join(f"[{100 * low:.1f}, {100 * high:.1f}]" for _, (_, low, high) in measured)
    missing = "" if after else " before training; not measured since"
    return (
        f'<div class="card"><h3>{safe(name)}</h3><div class="big">{start}{end}</div>{bars}'
        f'<p class="small muted" style="margin-top:6px">95 % {told}{missing}</p>{paired}</div>'
    )


def _interval_bar(kind: str, score: Score) -> str:
    """A score and its interval on a line from 0 to 100 %."""
    value, low, high = (100 * min(1.0, max(0.0, share)) for share in score)
    return (
        f'<div class="bar"><i class="{kind}" style="left:{low:.1f}%;width:{high - low:.1f}%"></i>'
        f'<b class="{kind}" style="left:{value:.1f}%"></b></div>'
    )


def _paired(entry: object) -> str:
    """The paired difference of one score, as a line of its card; nothing where there is none."""
    values = [number(entry.get(key)) for key in ("difference", "low", "high")] if isinstance(entry, Mapping) else [None]
    if not isinstance(entry, Mapping) or None in values:
        return ""
    difference, low, high = (points(value) for value in values if value is not None)
    p = number(entry.get("p"))
    told = "" if p is None else f", p {'< 0.0001' if p < 0.0001 else f'= {p:.4f}'}"
    interval = f'<span class="muted">[{low}, {high}]{told}</span>'
    return f'<p class="small">paired difference <b>{difference}</b> points {interval}</p>'


def _evaluation_note(before: Line | None, after: Line | None) -> str:
    line = after or before or {}
    problems, samples, temperature = (number(line.get(name)) for name in ("problems", "samples", "temperature"))
    facts = [
        f"{quantity(problems)} held-out problems" if problems else "",
        f"{safe(line['split'])} split" if line.get("split") else "",
        f"{quantity(samples)} samples a problem at temperature {quantity(temperature)}"
        if samples and temperature
        else "",
    ]
    if before and after and before.get("split") != after.get("split"):
        facts.append(f"so far on the {safe(after.get('split'))} split, before on the {safe(before.get('split'))} split")
    facts.append(safe(line["note"]) if line.get("note") else "")
    told = " · ".join(fact for fact in facts if fact)
    return f'<p class="small muted" style="margin-top:10px">{told}</p>'


def _sampled_ks(*evals: Line | None) -> list[str]:
    tables = [line.get("sampled") for line in evals if line]
    return sorted({k for table in tables if isinstance(table, Mapping) for k in table if k.isdecimal()}, key=int)


def _sampled(line: Line | None, k: str) -> Score | None:
    table = line.get("sampled") if line else None
    entry = table.get(k) if isinstance(table, Mapping) else None
    values = [number(entry.get(key)) for key in ("pass", "low", "high")] if isinstance(entry, Mapping) else [None]
    return None if None in values else tuple(values)  # type: ignore[return-value]


def line_card(heading: str, note: str, series: Sequence[Series], *, percent: bool = False) -> str:
    """A card with the lines that were measured."""
    present = [one for one in series if one.points]
    drawn = lines(present, percent=percent) if present else '<p class="muted">not measured</p>'
    return f'<div class="card"><h3>{heading}</h3><p class="small muted">{note}</p>{drawn}</div>'


def _pair(heading: str, note: str, left: Series, right: Series) -> str:
    drawn = twin_lines(left, right) if left.points and right.points else '<p class="muted">not measured</p>'
    return f'<div class="card"><h3>{heading}</h3><p class="small muted">{note}</p>{drawn}</div>'


def _spread(found: Sequence[Line]) -> list[Line]:
    """A few lines of a step, of different problems where there are several."""
    firsts = list({str(line.get("address", i)): line for i, line in reversed(list(enumerate(found)))}.values())[::-1]
    rest = [line for line in found if not any(line is first for first in firsts)]
    return [*firsts, *rest][:ROLLOUTS_SHOWN]


def _rollout(line: Line) -> str:
    correct, status = line.get("correct"), line.get("status", "")
    word, kind = (
        ("right", "right") if correct is True else ("wrong", "wrong") if correct is False else ("no ruling", "none")
    )
    count = len(ids) if isinstance(ids := line.get("token_ids"), list) else None
    facts = [
        f'<span class="tag {kind}">{word}</span>',
        f"reward <b>{quantity(reward)}</b>" if (reward := number(line.get("reward"))) is not None else "",
        f'<span class="tag none">{safe(status)}</span>' if status not in ("ok", "") else "",
        safe(str(line.get("reason", ""))[:300]),
        f'<span class="muted">{safe(_told_parts(line))}</span>' if _told_parts(line) else "",
        f'<span class="muted">{count} tokens, finish {safe(line.get("finish", ""))}</span>'
        if count is not None
        else "",
        f'<span class="muted">{safe(line.get("address", ""))}</span>',
    ]
    replies = line.get("replies")
    reply = "\n\n".join(map(str, replies)) if isinstance(replies, list) else str(line.get("reply", ""))
    return (
        f'<div class="rollout"><header>{"".join(f"<span>{fact}</span>" for fact in facts if fact)}</header>'
        f'<div class="body"><div><pre class="muted">{clipped(_prompt(line))}</pre></div>'
        f"<div><pre>{clipped(reply) or '(empty reply)'}</pre></div></div></div>"
    )


def _told_parts(line: Line) -> str:
    """The parts of a verdict, as `verified 1, cosine -0.25`."""
    parts = line.get("parts")
    pairs = list(parts.items())[:20] if isinstance(parts, Mapping) else []
    told = [(str(name)[:60].removeprefix("reward."), number(value)) for name, value in pairs]
    return ", ".join(f"{name} {quantity(value)}" for name, value in told if value is not None)


def _prompt(line: Line) -> str:
    messages: Any = line.get("messages")
    if not isinstance(messages, list):
        return str(line.get("prompt", ""))
    turns = [message for message in messages if isinstance(message, Mapping)]
    named = len(turns) > 1
    return "\n\n".join((f"[{turn.get('role')}]\n" if named else "") + str(turn.get("content", "")) for turn in turns)


def colour_key(entries: Sequence[tuple[str, str]]) -> str:
    """What the colours of a chart stand for: words and colour."""
    items = "".join(f'<span><i style="background:{colour}"></i>{safe(words)}</span>' for words, colour in entries)
    return f'<div class="key" style="margin-top:8px">{items}</div>'


def _empty(sentence: str) -> str:
    return f'<div class="card wide"><p class="muted" style="margin:0">{sentence}</p></div>'
