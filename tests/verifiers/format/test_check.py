"""The verifier `format` with rules: parts, credit, what it looks at, and the worker processes."""

import json
import time

import pytest

from verigym.verifiers import verify, verify_many
from verigym.verifiers.format.check import MAX_TEXT, format_
from verigym.verifiers.verdict import Status, Verdict

THREE = {
    "rules": [{"kind": "words", "min": 2}, {"kind": "present", "words": ["ox"]}, {"kind": "case", "style": "lower"}]
}


def checked(reply: str, answer: object, **options: object) -> Verdict:
    verdict = format_(reply, answer, **options)
    assert isinstance(verdict, Verdict)
    return verdict


def test_all_rules_must_hold_and_each_is_shown() -> None:
    right = checked("an ox", THREE)
    assert (right.reward, right.correct, right.reason) == (1.0, True, "all 3 rules hold")
    assert right.parts == {"words": 1.0, "present": 1.0, "case": 1.0}
    wrong = checked("a Cow", THREE)
    assert (wrong.reward, wrong.correct, wrong.status) == (0.0, False, Status.OK)
    assert wrong.reason == "1 of 3 rules hold; present: 'ox' is missing; case: 'C' is not lower case"
    assert wrong.parts == {"words": 1.0, "present": 0.0, "case": 0.0}


def test_credit_by_share() -> None:
    verdict = checked("a Cow", THREE, credit="share")
    assert (verdict.reward, verdict.correct) == (pytest.approx(1 / 3), False)
    assert checked("an ox", THREE, credit="share").correct
    with pytest.raises(ValueError, match="credit='some' must be one of all, share"):
        format_("an ox", THREE, credit="some")


def test_what_the_rules_look_at() -> None:
    assert checked("<think>LOUD THOUGHTS</think>an ox", THREE).correct
    assert checked("LOUD THOUGHTS</think>an ox", THREE, opened=True).correct
    assert checked("Well: <answer>an ox</answer>", THREE, extract="answer_tag").correct
    assert checked("<think>LOUD", THREE).reason == "the reasoning is not closed: no </think> after the last <think>"
    for reply, reason in (
        ("", "the reply is empty"),
        ("<think>a</think> \n", "the reply is empty"),
        ("x" * (MAX_TEXT + 1), "the reply has 200001 characters; at most 200000 are read"),
    ):
        verdict = checked(reply, THREE, credit="share")
        assert (verdict.status, verdict.reward, verdict.reason) == (Status.MALFORMED, 0.0, reason)
        assert verdict.parts == {"words": 0.0, "present": 0.0, "case": 0.0}
    missing = checked("an ox", THREE, extract="answer_tag")
    assert (missing.status, missing.reason) == (Status.MALFORMED, "no <answer>...</answer> in the reply")


def test_a_style_beside_rules_comes_first() -> None:
    reply = "<think>LOUD</think>\n<answer>an ox</answer>"
    assert checked(reply, THREE, style="r1", extract="answer_tag").correct
    assert checked("an ox", THREE, style="r1").reason == "<think> stands 0 times, not once"


def test_answers_without_rules_are_not_looked_at() -> None:
    for answer in (None, "4", {"target": 3}):
        assert checked("<think>a</think><answer>b</answer>", answer).reason == "the form is r1"
    with pytest.raises(ValueError, match="no field 'rule'; did you mean 'rules'"):
        format_("x", {"rule": []})


SCHEMA = {"rules": [{"kind": "json_schema", "schema": {"required": ["a"]}}, {"kind": "words", "max": 9}]}


def test_schemas_and_patterns_are_checked_by_workers() -> None:
    assert not isinstance(format_('{"a": 1}', SCHEMA), Verdict)
    replies = ['{"a": 1}', '{"b": 1}', "{", '{"a": 1, "a": 2}', "[" * 100_000, '{"a": NaN}', "\ud800"]
    verdicts = verify_many("format", replies, [SCHEMA] * len(replies), credit="share")
    assert [verdict.correct for verdict in verdicts] == [True, *[False] * 6]
    assert verdicts[0].parts == {"json_schema": 1.0, "words": 1.0}
    assert verdicts[1].reason == "1 of 2 rules hold; json_schema: 'a' is a required property"
    assert verdicts[1].reward == 0.5
    assert all(verdict.scored for verdict in verdicts)


@pytest.mark.parametrize(
    ("rule", "reply"),
    [
        ({"kind": "regex", "pattern": "^(a+)+$"}, "a" * 60 + "!"),
        ({"kind": "regex", "pattern": r"(\w+\s?)*:", "how": "absent"}, "word " * 60),
        ({"kind": "json_schema", "schema": {"pattern": "^(a|a)*$"}}, json.dumps("a" * 60 + "!")),
    ],
)
def test_a_pattern_that_runs_away_is_a_timeout_and_delays_no_other(rule: dict[str, object], reply: str) -> None:
    assert verify("format", '"a"', SCHEMA).correct  # loading the library is not what is timed
    started = time.monotonic()
    verdicts = verify_many("format", [reply, '"a"'], [{"rules": [rule]}, SCHEMA], deadline_s=2.0)
    assert [verdict.status for verdict in verdicts] == [Status.TIMEOUT, Status.OK]
    assert verdicts[0].reward == 0.0 and verdicts[0].correct is False
    assert time.monotonic() - started < 30


def test_the_environments_faults_are_errors_of_their_own_sample() -> None:
    bad = {"rules": [{"kind": "regex", "pattern": "("}]}
    with pytest.raises(ValueError, match="is no pattern"):
        verify("format", "a", bad)
    verdicts = verify_many("format", ["an ox", "a"], [THREE, bad])
    assert [verdict.status for verdict in verdicts] == [Status.OK, Status.ERROR]


@pytest.mark.parametrize(
    "reply", ["\x00", "\ud800 \udfff", "[" * 200_000, "{" * 200_000, "`" * 200_000, "\n" * 200_000 + "x", "#" * 200_000]
)
def test_hostile_text_is_graded_and_its_reason_can_be_printed(reply: str) -> None:
    kinds = ["json", "quoted", "citations", "table"]
    rules = [{"kind": kind} for kind in kinds] + [{"kind": "sections", "sections": [{"title": "A"}]}]
    verdict = checked(reply, {"rules": rules}, credit="share")
    assert verdict.correct is False and verdict.reward == 0.0
    assert verdict.reason.isprintable() and len(verdict.reason) <= 400
