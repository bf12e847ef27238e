"""The report: whole, young, torn, empty and hostile run directories."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from verigym.trainer.config import ConfigError
from verigym.trainer.report.charts import Series, lines, smooth, stacked, thin
from verigym.trainer.report.curve import held_out, in_seconds, write_curve
from verigym.trainer.report.page import write_report
from verigym.trainer.report.read import read_run
from verigym.trainer.report.text import clipped, duration, quantity, safe

HOSTILE = (
    '</pre><script>alert(1)</script><img src=x onerror="alert(2)">\u202e\x00\ud800<style>*{display:none}</style>&lt;'
)


def metrics(step: int) -> dict:
    tokens = {"sampled": 100, "trained": 60, "clipped": 5, "masked": 0, "truncated": 5, "dropped": 0, "dead": 30}
    numbers = {"reward": 0.1 * step, "length": 20.5, "truncated": 0.05, "malformed": 0.0, "errors": 0.0, "dead": 0.3}
    numbers |= {"dead_right": 0.1, "dead_wrong": 0.2, "entropy": 0.5, "grad_norm": 1.5, "lr": 1e-4, "update_kl": 0.0}
    return {"step": step, **numbers, "mismatch": 0.0, "tokens": tokens}


def evaluation(when: str, step: int, value: float, split: str) -> dict:
    score = {"low": value - 0.05, "high": value + 0.05}
    paired = {"greedy pass@1": {"difference": 0.6, "low": 0.5, "high": 0.7, "p": 0.00001}} if when == "after" else None
    sampled = None if when == "during" else {"1": {"pass": value, **score}, "8": {"pass": value + 0.1, **score}}
    return {
        "when": when, "step": step, "split": split, "problems": 256, "samples": 8, "temperature": 1.0,
        "greedy": {"pass@1": value, **score}, "sampled": sampled, "paired": paired,
    }  # fmt: skip


def rollout(step: int, reply: str = "<answer>1+2</answer>") -> dict:
    return {
        "step": step, "address": f"countdown@1/train/1/{step}", "messages": [{"role": "user", "content": "make 3"}],
        "replies": [reply], "reward": 1.0, "correct": True, "status": "ok", "reason": "3 = 3", "finish": "stop",
        "token_ids": [1, 2, 3],
    }  # fmt: skip


def run(root: Path, steps: int, *, planned: int = 5) -> Path:
    (root / "rollouts").mkdir(parents=True)
    (root / "config.toml").write_text(
        f'[problems]\nenv = "countdown"\n[policy]\nmodel = "tiny"\n[optim]\nsteps = {planned}\n[keep]\nseed = 4\n'
    )
    (root / "objective.txt").write_text("loss  -min(r A, clip(r) A)\n")
    steps_made = range(1, steps + 1)
    evals = [
        evaluation("before", 0, 0.1, "test"),
        *(evaluation("during", s, 0.1 * s, "validation") for s in steps_made),
    ]
    evals += [evaluation("after", steps, 0.7, "test")] if steps == planned else []
    timing = [{"step": s, "seconds": 2.0, "sample": 1.0, "verify": 0.1, "update": 0.8, "rest": 0.1} for s in steps_made]
    for name, records in (("metrics", [metrics(s) for s in steps_made]), ("timing", timing), ("eval", evals)):
        (root / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    for step in steps_made:
        (root / "rollouts" / f"step-{step:06d}.jsonl").write_text(json.dumps(rollout(step)) + "\n")
    return root


class Elements(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def report(root: Path) -> Elements:
    return Elements(write_report(root).read_text(encoding="utf-8"))


def test_a_finished_run_shows_scores_curves_rollouts_objective_and_settings(tmp_path: Path):
    page = report(run(tmp_path / "first", 5))
    assert "finished: 5 steps" in page.text
    assert "10.0 % → 70.0 %" in page.text
    assert "95 % [5.0, 15.0] → [65.0, 75.0]" in page.text
    assert re.search(r"paired difference \+60\.0 points \[\+50\.0, \+70\.0\], p < 0\.0001", page.text)
    assert "256 held-out problems · test split · 8 samples a problem at temperature 1" in page.text
    assert "500 tokens sampled; every one is accounted for." in page.text
    assert "sampling 50.0 %" in page.text and "rest 5.0 %" in page.text
    assert "<answer>1+2</answer>" in page.text and "3 = 3" in page.text and "make 3" in page.text
    assert "-min(r A, clip(r) A)" in page.text and 'env = "countdown"' in page.text
    assert page.tags.count("svg") >= 8


def test_the_page_stands_alone(tmp_path: Path):
    page = report(run(tmp_path / "first", 5))
    assert not {"script", "link", "iframe", "img", "object", "form"} & set(page.tags)
    for name, value in page.attributes:
        assert not name.startswith("on")
        if name in ("href", "src", "xlink:href"):
            assert value and value.startswith("#"), value
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'; img-src data:") in page.attributes


def test_a_run_that_is_still_going_says_so_and_compares_what_there_is(tmp_path: Path):
    page = report(run(tmp_path / "young", 1))
    assert "step 1 of 5: still going, or stopped" in page.text
    assert "so far on the validation split, before on the test split" in page.text
    assert "paired difference" not in page.text


def test_a_run_without_steps_says_so(tmp_path: Path):
    page = report(run(tmp_path / "new", 0))
    assert "no step has been written yet" in page.text
    assert "95 % [5.0, 15.0] before training; not measured since" in page.text
    (tmp_path / "empty").mkdir()
    empty = report(tmp_path / "empty")
    for sentence in ("Nothing has been evaluated", "No rollout has been written yet", "config.toml is not there"):
        assert sentence in empty.text
    with pytest.raises(FileNotFoundError, match="no run at"):
        write_report(tmp_path / "nowhere")


def test_torn_and_foreign_lines_are_left_out_and_counted(tmp_path: Path):
    root = run(tmp_path / "torn", 3)
    for name in ("metrics.jsonl", "timing.jsonl", "eval.jsonl", "rollouts/step-000003.jsonl"):
        with (root / name).open("a") as file:
            file.write('{"step": 4, "rew')
    with (root / "metrics.jsonl").open("a") as file:
        file.write('\n[1, 2]\n{"step": "x"}\n{"step": 3, "reward": NaN, "lr": true, "tokens": 7}\n')
    (root / "config.toml").write_text("not = = toml")
    record = read_run(root)
    assert record.bad_lines == 5
    # Step 3 was written twice: the last line counts, and what is no number is not drawn.
    assert record.column("reward") == [(1, 0.1), (2, 0.2)]
    assert record.steps_done == 3
    assert "5 lines could not be read" in report(root).text


def test_hostile_text_is_shown_and_does_nothing(tmp_path: Path):
    root = run(tmp_path / "<b>bold&", 2)
    wicked = rollout(2, HOSTILE) | {"reason": HOSTILE, "status": HOSTILE, "finish": HOSTILE, "address": HOSTILE}
    wicked["messages"] = [{"role": HOSTILE, "content": HOSTILE}, {"content": 3}, "no message"]
    foreign = [{"replies": 7, "messages": 3, "reward": "much", "correct": "perhaps"}, {}]
    text = "".join(json.dumps(line) + "\n" for line in (wicked, *foreign))
    (root / "rollouts" / "step-000002.jsonl").write_text(text)
    (root / "objective.txt").write_text("</pre><script>alert(3)</script>")
    with (root / "eval.jsonl").open("a") as file:
        late = evaluation("after", 2, 0.5, HOSTILE) | {"note": HOSTILE, "sampled": {"8": 3, HOSTILE: {}}}
        late["paired"] = {"greedy pass@1": {"difference": 0.1, "low": HOSTILE, "high": None}}
        file.write(json.dumps(late) + "\n" + json.dumps({"when": "after", "greedy": 3, "paired": []}) + "\n")
    page = report(root)
    assert not {"script", "img"} & set(page.tags)
    assert "<b>bold&" in page.text
    assert page.tags.count("style") == 1 + page.tags.count("svg")
    assert not any(name.startswith("on") for name, _ in page.attributes)
    assert "<script>alert(1)</script>" in page.text and "alert(3)" in page.text
    assert "\\u202e\\u0000\\ud800" in page.text and "\u202e" not in page.text


def test_every_chart_is_well_formed_even_with_one_point_or_none_to_stack():
    one = Series("reward", [(1, 0.5)], "#2f6db3", band=[(1, 0.4, 0.6)])
    for svg in (
        lines([one], percent=True),
        lines([Series("far", [(i, -i) for i in range(2000)], "#2f6db3")]),
        stacked([1], [("a", [0.0], "#2f6db3")]),
        stacked(range(100), [("a", [1.0] * 100, "#2f6db3"), ("b", [3.0] * 100, "#cf8a2e")]),
    ):
        assert ElementTree.fromstring(svg).tag.endswith("svg")


def test_levels_have_a_section_where_there_are_several(tmp_path: Path):
    root = run(tmp_path / "climb", 5)
    assert "Pass rate of each level" not in report(root).text
    lines_of = [json.loads(line) for line in (root / "metrics.jsonl").read_text().splitlines()]
    for i, line in enumerate(lines_of):
        line["level"] = 1 + i // 3
        line["levels"] = {
            "1": {"share": 1.0, "groups": 4, "pass": 0.25 * i},
            "2": {"share": 0.0, "groups": 2 * (i // 3), "pass": None if i < 3 else 0.5},
        }
    lines_of[0]["levels"]["9" * 5000] = lines_of[0]["levels"]["x"] = {"groups": 1}  # from elsewhere
    lines_of[1]["levels"] = 7
    (root / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines_of))
    page = report(root)
    for words in ("Levels", "Share of each level", "Pass rate of each level", "level 1", "level 2"):
        assert words in page.text
    assert "level 9" not in page.text


def test_long_series_are_averaged_down_and_smoothed():
    assert thin([(0, 1), (1, 3), (2, 5), (3, 7)], most=2) == [(0.5, 2), (2.5, 6)]
    assert thin([(0, 1)], most=2) == [(0, 1)]
    assert smooth([(0, 0), (1, 2), (2, 4)], window=2) == [(0, 0), (1, 1), (2, 3)]


def test_text_is_escaped_clipped_and_numbers_are_short():
    assert safe('<a href="x">&') == "&lt;a href=&quot;x&quot;&gt;&amp;"
    assert safe("a\tb\nc\r\x1b[0m") == "a\tb\nc\\u000d\\u001b[0m"
    assert clipped("x" * 30 + "<", 9) == 'xxxxxx\n<span class="muted">[22 characters left out]</span>\nxx&lt;'
    assert [quantity(v) for v in (None, 12.0, 4096, 1234567, 0.00031, 123.45)] == [
        "–", "12", "4,096", "1.23 M", "0.00031", "123.5",
    ]  # fmt: skip
    assert [duration(s) for s in (4.25, 75, 7260)] == ["4.25 s", "1 min 15 s", "2 h 1 min"]


def test_the_curve_takes_validation_where_both_were_measured_and_seconds_from_the_steps(tmp_path: Path):
    record = read_run(run(tmp_path / "s0", 5))
    curve = held_out(record)
    assert [(step, round(value, 6)) for step, value, *_ in curve] == [
        (0, 0.1),
        *((s, round(0.1 * s, 6)) for s in range(1, 6)),
    ]
    assert [at for at, *_ in in_seconds(record, curve)] == [0, 2, 4, 6, 8, 10]


def test_the_picture_of_several_runs(tmp_path: Path):
    runs = [run(tmp_path / name, 3) for name in ("a", "b")]
    picture = write_curve(runs, tmp_path / "docs" / "curve.svg", title="countdown")
    assert ElementTree.parse(picture).getroot().tag.endswith("svg")
    assert write_curve(runs, tmp_path / "curve.png", x="steps").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "none").mkdir()
    with pytest.raises(ConfigError, match="holds no evaluation yet, so it has no curve"):
        write_curve([tmp_path / "none"], tmp_path / "x.png")


def test_parts_of_the_reward_are_drawn_and_stand_beside_the_replies(tmp_path: Path):
    root = run(tmp_path / "parts", 3)
    parts = {"reward.verified": 0.5, "reward.cosine": -0.25, "objective.overlong": -0.1, "tool_calls": 2.0}
    lines = [metrics(step) | {"parts": {**parts, HOSTILE: 1.0, "broken": "x"}} for step in (1, 2, 3)]
    (root / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (root / "rollouts" / "step-000003.jsonl").write_text(
        json.dumps(rollout(3) | {"parts": parts | {HOSTILE: 1}}) + "\n"
    )
    page = report(root)
    assert "What the reward is made of" in page.text and "Parts of the verdicts" in page.text
    assert "verified 0.5, cosine -0.25, objective.overlong -0.1, tool_calls 2" in page.text
    assert "script" not in page.tags and "img" not in page.tags
    assert "What the reward is made of" not in report(run(tmp_path / "none", 3)).text


def test_more_parts_than_colours_make_more_charts(tmp_path: Path):
    root = run(tmp_path / "many", 2)
    lines = [metrics(step) | {"parts": {f"reward.{name}": 0.1 for name in "abcdefgh"}} for step in (1, 2)]
    (root / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert report(root).text.count("What the reward is made of") == 2
