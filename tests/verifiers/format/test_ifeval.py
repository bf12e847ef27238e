"""The verifier `ifeval`: prompts and instructions, strict and loose, credit, hostile text, and the real prompts."""

import gzip
import json
import time
from pathlib import Path

import pytest

from verigym.verifiers import verify, verify_many
from verigym.verifiers.format.ifeval import ifeval, read_instructions, variants
from verigym.verifiers.format.instructions import INSTRUCTIONS
from verigym.verifiers.verdict import Status

PROMPTS = Path(__file__).parents[3] / "../shared/data/ifeval/prompts.jsonl.gz"


def asked(*instructions: tuple[str, dict[str, object]]) -> dict[str, object]:
    return {
        "instruction_id_list": [id for id, _ in instructions],
        "kwargs": [kwargs for _, kwargs in instructions],
        "prompt": "Write.",
    }


NO_COMMA = ("punctuation:no_comma", {})
TITLE = ("detectable_format:title", {})
SHORT = ("length_constraints:number_words", {"relation": "less than", "num_words": 4})


def test_a_prompt_is_right_when_all_instructions_hold() -> None:
    right = ifeval("<<Joy>> and more", asked(NO_COMMA, TITLE, SHORT))
    assert (right.reward, right.correct, right.reason) == (1.0, True, "all 3 instructions hold")
    wrong = ifeval("Joy, and more of it", asked(NO_COMMA, TITLE, SHORT))
    assert (wrong.reward, wrong.correct, wrong.status) == (0.0, False, Status.OK)
    assert wrong.parts == dict.fromkeys((NO_COMMA[0], TITLE[0], SHORT[0]), 0.0)
    assert wrong.reason == (
        "0 of 3 instructions hold; punctuation:no_comma: a comma; detectable_format:title: no title in << >>; "
        "length_constraints:number_words: 5 words, not less than 4"
    )


def test_credit_by_share_is_the_instruction_level() -> None:
    verdict = ifeval("Joy and more of it", asked(NO_COMMA, TITLE, SHORT), credit="share")
    assert (verdict.reward, verdict.correct) == (pytest.approx(1 / 3), False)
    assert verdict.parts == {NO_COMMA[0]: 1.0, TITLE[0]: 0.0, SHORT[0]: 0.0}
    for option in ({"credit": "half"}, {"mode": "lose"}):
        with pytest.raises(ValueError, match=r"must be one of (all, share|strict, loose)"):
            ifeval("x", asked(NO_COMMA), **option)


def test_one_kind_twice_has_two_parts() -> None:
    both = asked(("keywords:existence", {"keywords": ["ox"]}), ("keywords:existence", {"keywords": ["cow"]}))
    assert ifeval("an ox", both).parts == {"keywords:existence": 1.0, "keywords:existence 2": 0.0}


def test_the_eight_forms_of_loose_scoring() -> None:
    assert variants("a*\nb\nc") == ["a*\nb\nc", "a\nb\nc", "b\nc", "a*\nb", "a\nb", "b"]
    assert variants("*a*\n*b*\n*c*") == [
        "*a*\n*b*\n*c*",
        "a\nb\nc",
        "*b*\n*c*",
        "b\nc",
        "*a*\n*b*",
        "a\nb",
        "*b*",
        "b",
    ]
    assert variants("one line") == ["one line"]
    assert variants("***") == ["***"]


@pytest.mark.parametrize(
    ("instruction", "reply"),
    [
        (NO_COMMA, "Sure, here it is:\nno commas at all"),
        (NO_COMMA, "no commas at all\nI hope this helps, bye"),
        (NO_COMMA, "Sure, here:\nno commas at all\nBye, friend"),
        (("startend:quotation", {}), 'Here it is:\n"wrapped"'),
        (("startend:end_checker", {"end_phrase": "The end."}), "x\n**The end.**"),
        (("combination:repeat_prompt", {"prompt_to_repeat": "Say hi."}), "**Say hi.** Hi."),
        (("detectable_format:json_format", {}), "Here is the JSON:\n{}\nEnjoy"),
    ],
)
def test_what_only_loose_scoring_accepts(instruction: tuple[str, dict[str, object]], reply: str) -> None:
    assert ifeval(reply, asked(instruction)).correct is False
    assert ifeval(reply, asked(instruction), mode="loose").correct is True


def test_each_instruction_may_hold_in_a_form_of_its_own() -> None:
    both = asked(("keywords:existence", {"keywords": ["sure"]}), NO_COMMA)
    reply = "Sure, here:\nno commas"
    assert ifeval(reply, both).parts == {"keywords:existence": 1.0, "punctuation:no_comma": 0.0}
    assert ifeval(reply, both, mode="loose").correct


def test_a_least_number_of_words() -> None:
    verdict = ifeval("42", asked(NO_COMMA, TITLE), min_words=2, credit="share")
    assert (verdict.status, verdict.reward) == (Status.MALFORMED, 0.0)
    assert verdict.reason == "the reply has 1 words; at least 2 are wanted"
    assert ifeval("forty two", asked(NO_COMMA), min_words=2).correct


def test_reasoning_is_no_part_of_the_reply() -> None:
    assert ifeval("<think>well, hm, so</think>no commas", asked(NO_COMMA)).correct
    unclosed = ifeval("<think>no commas", asked(NO_COMMA))
    assert (unclosed.status, unclosed.correct) == (Status.MALFORMED, False)


def test_what_is_no_answer() -> None:
    for answer, message in (
        ("x", "ifeval: answer must be a dict with 'instruction_id_list'"),
        ({"instruction_id_list": []}, "answer has no field 'kwargs'"),
        ({"instruction_id_list": [], "kwargs": []}, "0 instructions and 0 kwargs"),
        ({"instruction_id_list": [NO_COMMA[0]], "kwargs": []}, "1 instructions and 0 kwargs"),
        ({"instruction_id_list": [{1}], "kwargs": [{}]}, "no plain JSON data"),
        ({1: 2, "a": 3}, "answer has no field 'instruction_id_list'"),
    ):
        with pytest.raises(ValueError, match=message):
            verify("ifeval", "x", answer)
    verdicts = verify_many("ifeval", ["a", "b"], [asked(NO_COMMA), "x"])
    assert [verdict.status for verdict in verdicts] == [Status.OK, Status.ERROR]


HOSTILE = ["\x00", "\ud800", "x" * 1_000_000]
HOSTILE += [
    (mark * 60_000)[:60_000] for mark in ("[", "*", "<<", "[a", "* a", ".", "A. ", "\n", "-\n", '"\\', "p.", "漢")
]


def test_no_text_is_dear() -> None:
    every = [json.loads(line) for line in _some_kwargs()]
    answer = asked(*((id, kwargs) for id, kwargs in every))
    started = time.process_time()
    for reply in HOSTILE:
        assert ifeval(reply, answer, credit="share").scored
    assert ifeval(HOSTILE[-1], answer, mode="loose").scored
    assert time.process_time() - started < 60  # a quadratic rule would take far longer


def _some_kwargs() -> list[str]:
    """Every kind with some arguments, as JSON."""
    given = {
        "keywords": ["a", "b"],
        "keyword": "a",
        "frequency": 2,
        "relation": "at least",
        "forbidden_words": ["xyz"],
        "letter": "a",
        "let_frequency": 2,
        "let_relation": "less than",
        "language": "de",
        "num_sentences": 3,
        "num_paragraphs": 3,
        "num_words": 3,
        "nth_paragraph": 1,
        "first_word": "a",
        "num_placeholders": 3,
        "postscript_marker": "P.S.",
        "num_bullets": 2,
        "num_highlights": 2,
        "section_spliter": "Section",
        "num_sections": 2,
        "prompt_to_repeat": "a",
        "end_phrase": "a",
        "capital_frequency": 2,
        "capital_relation": "at least",
    }
    names = {id: function.__kwdefaults__ or function.__annotations__ for id, function in INSTRUCTIONS.items()}
    return [json.dumps([id, {name: given[name] for name in known if name in given}]) for id, known in names.items()]


@pytest.mark.skipif(not PROMPTS.is_file(), reason="needs the IFEval prompts beside the checkout")
def test_every_use_in_the_real_prompts_is_checkable() -> None:
    with gzip.open(PROMPTS, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    uses = [id for row in rows for id in row["instruction_id_list"]]
    assert (len(rows), len(uses), set(uses)) == (541, 834, set(INSTRUCTIONS))
    assert sum(len(read_instructions(row)) for row in rows) == 834
    for mode in ("strict", "loose"):
        verdicts = verify_many("ifeval", [row["prompt"] for row in rows], rows, mode=mode)
        assert all(verdict.status is Status.OK for verdict in verdicts)
        assert sum(len(verdict.parts) for verdict in verdicts) == 834
    empty = verify_many("ifeval", [""] * len(rows), rows, mode="loose")
    assert not any(any(verdict.parts.values()) for verdict in empty)


@pytest.mark.skipif(not PROMPTS.is_file(), reason="needs the IFEval prompts beside the checkout")
def test_the_use_that_asks_for_hash_signs_counts_them() -> None:
    with gzip.open(PROMPTS, "rt", encoding="utf-8") as file:
        row = next(row for row in map(json.loads, file) if row["key"] == 1122)
    assert {"letter": "#", "let_relation": "at least", "let_frequency": 4} in row["kwargs"]
    place = row["kwargs"].index({"letter": "#", "let_relation": "at least", "let_frequency": 4})
    name = row["instruction_id_list"][place]
    assert ifeval("# one\n## two\n# three", row).parts[name] == 1.0
    assert ifeval("# one\n# two\n# three", row).parts[name] == 0.0
