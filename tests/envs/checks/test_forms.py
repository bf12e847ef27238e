"""Where the answer stands in a right reply, the hedges made of it, and the hostile corpus."""

import pytest

from verigym.envs.checks.corpus import dressed, hostile
from verigym.envs.checks.forms import find_form, guessed_forms
from verigym.envs.checks.repliers import floors, hedges, stubs


@pytest.mark.parametrize(
    ("reply", "answer", "kind", "content", "filled"),
    [
        ("So.\n<answer>42</answer>", "42", "tag", "42", "So.\n<answer>X</answer>"),
        ("<answer>1</answer> no, <answer>2</answer>.", "2", "tag", "2", "<answer>1</answer> no, <answer>X</answer>."),
        ("<think><answer>9</answer></think>\\boxed{7}", "7", "box", "7", "<think><answer>9</answer></think>\\boxed{X}"),
        ("<solution>a b</solution>", None, "tag", "a b", "<solution>X</solution>"),
        ("It is $\\boxed{\\frac{1}{2}}$.", "x", "box", "\\frac{1}{2}", "It is $\\boxed{X}$."),
        ("```python\ndef f(x):\n    return x\n```", None, "fence", "def f(x):\n    return x", "```python\nX\n```"),
        ("Work.\n#### 18", "18", "line", "18", "Work.\n#### X"),
        ("The answer is 18.", "18", "line", "18", "The answer is X."),
        ("My pick: blue!", "blue", "inside", "blue", "My pick: X!"),
        ("blue", "blue", "whole", "blue", "X"),
        ("", None, "whole", "", "X"),
    ],
)
def test_the_answer_is_found_and_replaced(reply: str, answer: object, kind: str, content: str, filled: str) -> None:
    form = find_form(reply, answer)
    assert (form.kind, form.content, form.fill("X")) == (kind, content, filled)
    assert form.fill(form.content) == reply


def test_hedges_by_hand() -> None:
    form = find_form("So <answer>4</answer>")
    assert hedges(form, ["5", "6"]) == {
        "A, then B": "So <answer>4</answer>\n<answer>5</answer>",
        "spray, marked each": "So <answer>6</answer>\n<answer>4</answer>\n<answer>5</answer>",
        "A or B": "So <answer>4 or 5</answer>",
        "B or A": "So <answer>5 or 4</answer>",
        "spray in one": "So <answer>6, 4, 5</answer>",
    }
    assert all("4" in reply for reply in hedges(form, ["5", "6"]).values())


@pytest.mark.parametrize("reply", ["```python\ndef f(x):\n    return x\n```", "def f(x):\n    return x"])
def test_a_program_is_hedged_by_programs_only(reply: str) -> None:
    assert list(hedges(find_form(reply), ["def f(x):\n    return 1"])) == ["A, then B", "spray, marked each"]


def test_a_stub_defines_what_the_program_defines() -> None:
    program = "import math\ndef helper(x):\n    def inner(): pass\n    return x\n\ndef solve(a, b):\n    return a"
    first = stubs(program)[0]
    assert first == "def helper(*given, **named):\n    return None\n\ndef solve(*given, **named):\n    return None"
    assert stubs("print(input())") == ["print(None)", "print(-7919)", "print('nothing')"]


def test_the_last_answer_of_two_is_a_wrong_one() -> None:
    for reply in ("<answer>4</answer>", "\\boxed{4}", "#### 4", "4"):
        made = hedges(find_form(reply), ["5", "6"])
        assert find_form(made["A, then B"], "5").content.endswith("5")
        assert find_form(made["spray, marked each"], "5").content.endswith("5")


def test_floors_hold_nothing_of_the_problem_but_what_is_copied() -> None:
    other = find_form("9 + 1 = 10\n<answer>10</answer>")
    found = floors("Add 3 and 4.5", other, "7", "8")
    assert found["constant"] == "9 + 1 = 10\n<answer>7</answer>"
    assert (found["first number"], found["last number"]) == (other.fill("3"), other.fill("4.5"))
    assert (found["empty"], found["echo, marked"]) == ("", "<answer>Add 3 and 4.5</answer>")
    assert set(floors("no digits", other, None, None)) == {"empty", "blanks", "echo", "echo, marked"}


def test_answers_that_may_be_guessed() -> None:
    assert guessed_forms(7)[0] == "<answer>7</answer>" and "7" in guessed_forms("7")
    assert guessed_forms({"grid": []}) == guessed_forms(None) == guessed_forms(True) == []


def test_the_corpus_has_every_kind_and_its_markers() -> None:
    corpus = hostile("/nowhere/marker")
    assert len(corpus) >= 75
    assert max(map(len, corpus.values())) >= 1_000_000
    assert any("\ud800" in text for text in corpus.values()) and any("\x00" in text for text in corpus.values())
    assert sum("/nowhere/marker" in text for text in corpus.values()) >= 8
    names = list(corpus)
    assert names.index("end of the process") > names.index("Python that writes a file")  # dangerous ones last
    assert len({reply for name, text in corpus.items() for reply in dressed(name, text, find_form("x")).values()}) > 200
