"""Extraction policies: what each finds, what it does not fall back to, and that it is linear."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.verifiers.extract import POLICIES, TAIL, boxes, extract

TABLE = [
    ("answer_tag", "<answer>4</answer>", "4"),
    ("answer_tag", "<answer>3</answer> no, <answer> 4 </answer>", "4"),
    ("answer_tag", "<answer>4", None),
    ("answer_tag", "4", None),
    ("answer_tag", "<answer></answer>", None),
    ("answer_tag", "</answer>4<answer>", None),
    ("boxed", r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
    ("boxed", r"\boxed{1} then \boxed{2}", "2"),
    ("boxed", r"\fbox{7}", "7"),
    ("boxed", r"\boxed 7", "7"),
    ("boxed", r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
    ("boxed", r"\boxed{\boxed{5}}", "5"),
    ("boxed", r"\boxed{1} \boxed{2", None),
    ("boxed", r"\boxed", None),
    ("boxed", "<answer>4</answer>", None),
    ("hash", "so\n#### 1,234\n", "1,234"),
    ("hash", "#### 42 or\n#### 41", "41"),
    ("hash", "## 4", None),
    ("final_line", "The answer is 316.", "316"),
    ("final_line", "**Final Answer:** $316$", "$316$"),
    ("final_line", "Final Answer: The final answer is $3.5$. I hope it is correct.", "$3.5$"),
    ("final_line", "Answer: 12\nand so on", "12"),
    ("final_line", "I answered 12", None),
    ("last_number", "first 12, then -3.5%.", "-3.5%"),
    ("last_number", "3-5", "5"),
    ("last_number", "a 1,234 b", "1,234"),
    ("last_number", "none", None),
    ("last_number", "−7", "-7"),
    ("marked", r"<answer>3</answer> \boxed{4}", "4"),
    ("marked", "#### 3\n<answer>4</answer>", "4"),
    ("marked", "just 4", None),
    ("whole", "  4 \n", "4"),
    ("whole", "", None),
]


@pytest.mark.parametrize(("policy", "reply", "answer"), TABLE)
def test_policies(policy: str, reply: str, answer: str | None) -> None:
    found = extract(reply, policy)
    assert found.text == answer
    assert (found.reason == "") == (answer is not None)


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("<think><answer>3</answer></think><answer>4</answer>", "4"),
        ("<think><answer>3</answer></think>", None),
        ("<answer>3</answer><think>hm", None),
        ("reasoning the prompt began</think><answer>4</answer>", "4"),
        ("<think>a</think><answer>3</answer><think>b</think><answer>4</answer>", "4"),
    ],
)
def test_reasoning_never_counts(reply: str, answer: str | None) -> None:
    assert extract(reply, "answer_tag").text == answer


def test_lenient_falls_back_to_other_markers_and_never_to_the_whole_text() -> None:
    assert extract(r"\boxed{4}", "answer_tag", strict=False).text == "4"
    assert extract("<answer>4", "answer_tag", strict=False).text == "4"
    assert extract("so 4", "answer_tag", strict=False).text is None


def test_only_the_tail_is_read() -> None:
    assert extract("<answer>4</answer>" + " " * (TAIL - 18), "answer_tag").text == "4"
    assert extract("<answer>4</answer>" + " " * TAIL, "answer_tag").text is None
    assert "at most" in extract("x" * (TAIL + 1), "whole").reason


def test_an_unknown_policy_lists_the_policies() -> None:
    with pytest.raises(ValueError, match="no extraction policy 'tags'; the policies are answer_tag, boxed"):
        extract("4", "tags")


def test_boxes_are_the_closed_outermost_ones() -> None:
    assert [box[2] for box in boxes(r"\boxed{ \boxed{1} \fbox{\boxed{2}}")] == ["1", r"\boxed{2}"]


HOSTILE = [
    r"\boxed{" * 150_000,
    "<think>" * 150_000,
    "<answer>" * 130_000 + "</answer>",
    "{" * 1_000_000,
    "answer is " * 100_000,
    "####" * 250_000,
    "1," * 500_000,
    "\\" * 1_000_000,
    "answer" + " " * 1_000_000,
    "½" * 300_000,
]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_megabyte_costs_milliseconds(policy: str, number: int) -> None:
    started = time.process_time()
    extract(HOSTILE[number], policy, strict=False)
    assert time.process_time() - started < 0.5


@given(
    st.text(alphabet=st.sampled_from(list("<answer>/think\\boxed{}#1,. \ud800\x00½$")), max_size=300),
    st.sampled_from(list(POLICIES)),
)
def test_any_text_is_read_without_an_exception(text: str, policy: str) -> None:
    found = extract(text, policy, strict=False)
    assert found.text is None or found.text.strip() == found.text != ""
