"""The format verifier, style by style."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.verifiers.format import STYLES, format_
from verigym.verifiers.verdict import Status

GOOD = "<think>2+2</think>\n<answer>4</answer>\n"


@pytest.mark.parametrize(
    ("style", "reply", "strict", "lenient"),
    [
        ("r1", GOOD, "", ""),
        ("r1", "Hm. " + GOOD, "text before <think>", ""),
        ("r1", "<think>a</think> so <answer>4</answer>", "text between </think> and <answer>", ""),
        ("r1", GOOD + "done", "text behind </answer>", ""),
        ("r1", "<think>a</think><answer>4", "</answer> stands 0 times, not once", "no </answer>"),
        ("r1", GOOD + GOOD, "<think> stands 2 times, not once", ""),
        ("r1", "<answer>4</answer><think>a</think>", "the tags are not in the order", "the tags are not in the order"),
        ("r1", "<think>a</think><answer> </answer>", "the <answer> is empty", "the <answer> is empty"),
        ("answer_tag", "so <answer>4</answer>", "", ""),
        ("answer_tag", "<answer>4</answer> done", "text behind </answer>", ""),
        ("answer_tag", "<answer>3</answer><answer>4</answer>", "more than one <answer> or </answer>", ""),
        ("answer_tag", "4", "no <answer>...</answer> in the reply", "no <answer>...</answer> in the reply"),
        ("boxed", r"so \boxed{4}", "", ""),
        ("boxed", r"\boxed{3} \boxed{4}", "2 boxes, not one", ""),
        ("boxed", r"\boxed{4", r"no \boxed{...} in the reply", r"no \boxed{...} in the reply"),
        ("number", "it is 4.", "", ""),
        ("number", "4 it is", "the reply does not end with its last number", ""),
        ("number", "four", "no number in the reply", "no number in the reply"),
        ("line", "a\n#### 4", "", ""),
        ("line", "The answer is 4.", "", ""),
        ("line", "#### 4\nbye", "the answer is not announced in the last line", ""),
        ("line", "4", 'no line with "the answer is"', 'no line with "the answer is"'),
    ],
)
def test_table(style: str, reply: str, strict: str, lenient: str) -> None:
    for is_strict, wanted in ((True, strict), (False, lenient)):
        verdict = format_(reply, style=style, strict=is_strict)
        if wanted:
            assert (verdict.status, verdict.reward, verdict.correct) == (Status.MALFORMED, 0.0, False)
            assert verdict.reason.startswith(wanted)
        else:
            assert (verdict.status, verdict.reward, verdict.correct) == (Status.OK, 1.0, True), verdict.reason


def test_a_prompt_that_opened_the_reasoning() -> None:
    assert format_("2+2</think><answer>4</answer>", opened=True).correct
    assert not format_("2+2</think><answer>4</answer>").correct


def test_an_unknown_style_gives_the_nearest() -> None:
    with pytest.raises(ValueError, match="format has no style 'box'; did you mean 'boxed'"):
        format_("4", style="box")


@given(
    st.lists(
        st.sampled_from(["<think>", "</think>", "<answer>", "</answer>", "4", " ", "\\boxed{", "}", "####"]),
        max_size=12,
    )
)
def test_strict_is_never_more_generous_than_lenient(pieces: list[str]) -> None:
    reply = "".join(pieces)
    for style in STYLES:
        if format_(reply, style=style, strict=True).correct:
            assert format_(reply, style=style, strict=False).correct
