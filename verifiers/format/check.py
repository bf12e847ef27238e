"""The verifier `format`: whether a reply has the form that was asked for; nothing is said of the answer in it.

    format_("<think>2+2</think><answer>4</answer>", style="r1").correct                            # True
    format_("One two.", {"rules": [{"kind": "words", "exact": 2}, {"kind": "sentences", "max": 1}]}).parts
    #   {"words": 1.0, "sentences": 1.0}

Two ways to say a form, alone or together: a style (`styles.py`), which looks at the tags of the whole reply, and rules
(`rules.py`), which look at what follows the reasoning, or at what an extraction policy finds. Rules with patterns and
schemas are checked in a worker process under a deadline, and a reply that makes one of them run away is `timeout`; all
others are linear and are checked here. A form is easily met by filler: use it as a gate or with a small weight
(`compose.py`), or beside the rule `content`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from verigym.verifiers.answers import WrongAnswer, field
from verigym.verifiers.convert import printable
from verigym.verifiers.extract import after_thinking
from verigym.verifiers.extract import extract as find
from verigym.verifiers.format.rules import Rule, cached_rules, fault_of
from verigym.verifiers.format.styles import fault_of as style_fault
from verigym.verifiers.verdict import Status, Verdict

MAX_TEXT = 200_000
"""characters that rules are checked on; a longer reply is malformed"""
SHOWN = 2000
"""characters of what was looked at that a verdict keeps"""
CREDITS = ("all", "share")

Open = tuple[str, list[Rule], dict[str, str], str]
"""What workers go on with: the text, all rules, what is known of them, and the credit"""


def format_(
    reply: str,
    answer: Any = None,
    *,
    style: str | None = None,
    strict: bool = True,
    opened: bool = False,
    extract: str = "",
    credit: str = "all",
) -> Verdict | Open:
    """Whether `reply` has the form: the style and all rules hold.

    answer   {"rules": [{"kind": "words", "min": 50, "max": 100}, {"kind": "json_schema", "schema": {...}}]}, each with
             a "name" where the kind is not a good one; without rules it is not looked at
    style    a style of `styles.py`; without rules and style it is r1
    strict   of the style and the extraction policy
    opened   the prompt already ended with `<think>`, so the reply begins behind it
    extract  the extraction policy (`extract.py`) for what the rules look at; all that follows the reasoning if empty
    credit   the reward where not all rules hold: "all" gives 0, "share" the share of those that do

    A reply without the style, or without a text for the rules, is `malformed`. `parts` holds 1 or 0 for each rule.
    Raises ValueError for an unknown style, policy or credit, and for rules that are none.
    """
    rules = cached_rules(field(answer, "rules", list, "format")) if _has_rules(answer) else []
    if credit not in CREDITS:
        raise ValueError(f"credit={credit!r} must be one of {', '.join(CREDITS)}")
    reply = "<think>" + reply if opened else reply
    style = style or ("" if rules else "r1")
    if style and (fault := style_fault(reply, style, strict)):
        return Verdict.malformed(printable(fault))
    if not rules:
        return Verdict.right(f"the form is {style}")
    text, fault = _text(reply, extract, strict)
    if fault:
        return Verdict(0.0, False, Status.MALFORMED, fault, {rule.name: 0.0 for rule in rules})
    known = {rule.name: fault_of(text, rule) for rule in rules if not rule.dear}
    if len(known) < len(rules):
        return text, rules, known, credit
    return conclude(rules, known, credit, text)


def grade(text: str, rules: Sequence[Rule], known: Mapping[str, str], credit: str) -> Verdict:
    """The verdict, with the dear rules checked too: what a worker process runs."""
    found = {rule.name: fault_of(text, rule) for rule in rules if rule.name not in known}
    return conclude(rules, {**known, **found}, credit, text)


def conclude(rules: Sequence[Rule], faults: Mapping[str, str], credit: str, text: str) -> Verdict:
    """The verdict on what is wrong by each rule."""
    parts = {rule.name: 0.0 if faults[rule.name] else 1.0 for rule in rules}
    held = int(sum(parts.values()))
    shown = text[:SHOWN]
    if held == len(rules):
        return Verdict(1.0, True, reason=f"all {held} rules hold", parts=parts, extracted=shown)
    wrong = "; ".join(f"{rule.name}: {faults[rule.name]}" for rule in rules if faults[rule.name])
    reward = held / len(rules) if credit == "share" else 0.0
    reason = printable(f"{held} of {len(rules)} rules hold; {wrong}", 400)
    return Verdict(reward, False, reason=reason, parts=parts, extracted=shown)


def _has_rules(answer: Any) -> bool:
    if isinstance(answer, dict) and "rule" in answer:
        raise WrongAnswer("format: answer has no field 'rule'; did you mean 'rules'?")
    return isinstance(answer, dict) and "rules" in answer


def _text(reply: str, policy: str, strict: bool) -> tuple[str, str]:
    """What the rules look at, and what is wrong when there is nothing."""
    if policy:
        found = find(reply, policy, strict)
        return found.text or "", "" if found.text is not None else found.reason
    rest = after_thinking(reply)
    if rest is None:
        return "", "the reasoning is not closed: no </think> after the last <think>"
    if len(rest) > MAX_TEXT:
        return "", f"the reply has {len(rest)} characters; at most {MAX_TEXT} are read"
    return (rest, "") if rest.strip() else ("", "the reply is empty")
