"""A gold answer is accepted in every style that it may be written in, and no other gold answer is."""

import gzip
import importlib.util
import json
import random
from pathlib import Path

import pytest

from verigym.verifiers import verify_many

HERE = Path(__file__).parent
SHARED = HERE.parents[2] / "../shared/data"
spec = importlib.util.spec_from_file_location("math_styles", HERE / "styles.py")
assert spec is not None and spec.loader is not None
styles = importlib.util.module_from_spec(spec)
spec.loader.exec_module(styles)

GOLDS = [
    *[
        "42",
        "-3",
        r"\frac{3}{4}",
        r"-\frac{35}{9}",
        "0.15",
        r"\sqrt{51}",
        r"11\sqrt{2}",
        r"\frac{9\sqrt{3}}{4}",
        "6 - 5i",
    ],
    *[
        r"\frac{\pi}{6}",
        r"18+2\pi",
        r"90^\circ",
        r"x^5 - x^4 + x^2 - 1",
        r"\frac{11+9a}{20}",
        r"y = 2x + 3",
        "(6,31,-1)",
    ],
    *[
        r"(-\infty, 2) \cup (3, \infty)",
        r"[-2,7]",
        r"\{1,2,3\}",
        r"1 \pm \sqrt{19}",
        r"\begin{pmatrix} -1 \\ 5 \end{pmatrix}",
    ],
    *[
        r"\text{Evelyn}",
        r"5\text{ cm}",
        r"2^{n+1}",
        r"\cot x",
        r"\left(3, \frac{\pi}{2}\right)",
        r"x \le 4",
        "3:4",
        "52_8",
    ],
]


@pytest.mark.parametrize("style", styles.STYLES, ids=lambda style: style.__name__)
def test_every_style_of_a_gold_answer_is_accepted(style: object) -> None:
    written = [style(gold) for gold in GOLDS]  # type: ignore[operator]
    verdicts = verify_many("math", [rf"\boxed{{{text}}}" for text in written], GOLDS)
    assert [(text, v.reason) for text, v in zip(written, verdicts, strict=True) if not v.correct] == []
    changed = sum(one != other for one, other in zip(written, GOLDS, strict=True))
    assert changed >= 1


def golds() -> list[str]:
    """The gold answers of MATH-500 and of GSM8K's test split."""
    with gzip.open(SHARED / "math500/test.jsonl.gz", "rt", encoding="utf-8") as lines:
        found = [json.loads(line)["answer"] for line in lines]
    with gzip.open(SHARED / "gsm8k/test.jsonl.gz", "rt", encoding="utf-8") as lines:
        return found + [json.loads(line)["answer"].rpartition("####")[2].strip() for line in lines]


@pytest.mark.skipif(not SHARED.is_dir(), reason="MATH-500 and GSM8K lie beside the checkout of the authors only")
@pytest.mark.parametrize("style", styles.STYLES, ids=lambda style: style.__name__)
def test_gold_answers_of_the_data_sets_in_every_style(style: object) -> None:
    wanted = golds()
    written = [style(gold) for gold in wanted]  # type: ignore[operator]
    verdicts = verify_many("math", [rf"\boxed{{{text}}}" for text in written], wanted)
    assert [(text, v.reason) for text, v in zip(written, verdicts, strict=True) if not v.correct] == []


@pytest.mark.skipif(not SHARED.is_dir(), reason="MATH-500 and GSM8K lie beside the checkout of the authors only")
def test_one_gold_answer_is_not_another() -> None:
    wanted = golds()
    others = wanted[:]
    random.Random(0).shuffle(others)
    verdicts = verify_many("math", [rf"\boxed{{{text}}}" for text in others], wanted)
    alike = [
        (one, other)
        for one, other, verdict in zip(wanted, others, verdicts, strict=True)
        if verdict.correct and one.replace(",", "") != other.replace(",", "")
    ]
    assert alike == []
