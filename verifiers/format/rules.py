"""The kinds of rules that an `answer` of the verifier `format` may hold, in one table.

    fault_of("One two three.", read_rules([{"kind": "words", "min": 3}])[0])       # ""

| about      | kinds                                                                                          |
|------------|------------------------------------------------------------------------------------------------|
| JSON       | json, json_schema (schema; both: fenced, outside)                                              |
| patterns   | regex (pattern, how="search", "fullmatch" or "absent", flags)                                  |
| length     | characters, words, sentences, paragraphs, lines (min, max, exact), content                     |
| language   | language (code), case (style), capital_words                                                   |
| words      | present, absent (words), frequency (word), starts_with, ends_with (text), quoted               |
| markdown   | headings, sections, bullets, numbered, emphasis, dividers, code_blocks, table                  |
| sources    | citations, links                                                                               |

Every kind is a function of the reply's text and the rule's own fields, which gives what is wrong or an empty text; its
docstring and signature say which fields there are. A new kind is a function, a row and a test.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.convert import printable
from verigym.verifiers.format import citations, markdown, tables, wording
from verigym.verifiers.format.arguments import bind, near
from verigym.verifiers.format.blocks import fences
from verigym.verifiers.format.counting import check_bounds
from verigym.verifiers.format.schema import check_schema, schema_fault
from verigym.verifiers.format.strict_json import read_json, unfenced

MOST_RULES = 40
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}


def json_(text: str, *, fenced: bool = False, outside: bool = False) -> str:
    """One JSON value and nothing else. fenced: it may stand in a block of ``` or ```json; outside: the last such block
    counts, whatever stands around it."""
    return read_json(_json_text(text, fenced, outside))[1]


def json_schema(text: str, *, schema: dict[str, Any] | bool, fenced: bool = False, outside: bool = False) -> str:
    """One JSON value that a schema of Draft 2020-12 allows."""
    value, fault = read_json(_json_text(text, fenced, outside))
    return fault or schema_fault(value, schema)


def _json_text(text: str, fenced: bool, outside: bool) -> str:
    if outside:
        found = [one.text for one in fences(text)[0] if one.closed and one.language in ("", "json")]
        return found[-1] if found else text
    return unfenced(text) if fenced else text


def regex(text: str, *, pattern: str, how: Literal["search", "fullmatch", "absent"] = "search", flags: str = "") -> str:
    """A pattern of Python's `re` that is somewhere in the text, is all of it without the blanks around, or is nowhere.
    flags: of i, m and s."""
    compiled = _compiled(pattern, flags)
    found = compiled.fullmatch(text.strip()) if how == "fullmatch" else compiled.search(text)
    shown = printable(pattern, 60)
    if how == "absent":
        return f"{printable(found.group(), 40)!r} matches {shown}" if found else ""
    return "" if found else f"nothing matches {shown}" if how == "search" else f"it is not all of the form {shown}"


def _compiled(pattern: str, flags: str) -> re.Pattern[str]:
    if set(flags) - set(_FLAGS):
        raise WrongAnswer(f"regex: flags={flags!r} must be of {', '.join(_FLAGS)}")
    try:
        return re.compile(pattern, sum(_FLAGS[flag] for flag in sorted(set(flags))))
    except (re.error, OverflowError, RecursionError) as failure:
        raise WrongAnswer(f"regex: {pattern!r:.80} is no pattern: {failure}") from None


@dataclass(frozen=True)
class Kind:
    """check: the function; dear: what makes it costly on some text is checked by this function first, and `check` is
    run in a worker process; names: the rule's names for fields that Python has another use for."""

    check: Callable[..., str]
    dear: Callable[..., object] | None = None
    names: Mapping[str, str] | None = None


RULES: dict[str, Kind] = {
    "json": Kind(json_),
    "json_schema": Kind(json_schema, dear=lambda schema, **_: check_schema(schema)),
    "regex": Kind(regex, dear=lambda pattern, flags="", **_: _compiled(pattern, flags)),
    "characters": Kind(wording.characters),
    "words": Kind(wording.words),
    "sentences": Kind(wording.sentences),
    "paragraphs": Kind(wording.paragraphs),
    "lines": Kind(wording.lines),
    "content": Kind(wording.content),
    "language": Kind(wording.language),
    "case": Kind(wording.case),
    "capital_words": Kind(wording.capital_words),
    "present": Kind(wording.present),
    "absent": Kind(wording.absent),
    "frequency": Kind(wording.frequency),
    "starts_with": Kind(wording.starts_with, names={"text": "text_"}),
    "ends_with": Kind(wording.ends_with, names={"text": "text_"}),
    "quoted": Kind(wording.quoted),
    "headings": Kind(markdown.headings),
    "sections": Kind(markdown.sections),
    "bullets": Kind(markdown.bullets),
    "numbered": Kind(markdown.numbered),
    "emphasis": Kind(markdown.emphasis),
    "dividers": Kind(markdown.dividers),
    "code_blocks": Kind(markdown.code_blocks),
    "table": Kind(tables.table),
    "citations": Kind(citations.citations),
    "links": Kind(citations.links),
}
"""kind of rule -> how it is checked"""


@dataclass(frozen=True)
class Rule:
    """One rule, read: its name among the verdict's parts, its kind and its fields."""

    name: str
    kind: str
    fields: Mapping[str, Any]

    @property
    def dear(self) -> bool:
        return RULES[self.kind].dear is not None


def read_rules(rules: Any) -> list[Rule]:
    """The rules of an answer, checked. Raises WrongAnswer, with the nearest name, for what is no rule."""
    if not isinstance(rules, list) or not rules:
        raise WrongAnswer("format: answer['rules'] must be a list of rules, not empty")
    if len(rules) > MOST_RULES:
        raise WrongAnswer(f"format: {len(rules)} rules; at most {MOST_RULES} are taken")
    read: list[Rule] = []
    for number, rule in enumerate(rules, 1):
        if not isinstance(rule, dict) or not isinstance(rule.get("kind"), str):
            raise WrongAnswer(f"format: rule {number} must be an object with a text 'kind', got {rule!r:.60}")
        kind = rule["kind"]
        if kind not in RULES:
            raise WrongAnswer(f"format: no kind of rule {kind!r}; {near(kind, RULES, 'the kinds are')}")
        given = {name: value for name, value in rule.items() if name not in ("kind", "name")}
        names = RULES[kind].names or {}
        fields = bind(RULES[kind].check, {names.get(name, name): value for name, value in given.items()}, kind)
        check_bounds(kind, **{bound: fields[bound] for bound in ("min", "max", "exact") if bound in fields})
        if (check := RULES[kind].dear) is not None:
            check(**fields)
        else:
            RULES[kind].check("", **fields)  # so that a rule that nothing can meet is named before any reply
        read.append(Rule(_name(rule.get("name", kind), [one.name for one in read]), kind, fields))
    return read


def _name(wanted: Any, taken: list[str]) -> str:
    if not isinstance(wanted, str) or not wanted:
        raise WrongAnswer(f"format: a rule's name must be text, got {wanted!r:.60}")
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted} {number}"
    return name


def fault_of(text: str, rule: Rule) -> str:
    """What is wrong with `text` by one rule, or an empty text."""
    return RULES[rule.kind].check(text, **rule.fields)


def cached_rules(rules: Any) -> list[Rule]:
    """`read_rules`, once for each set of rules: a group of replies has the same one. Raises WrongAnswer."""
    try:
        key = json.dumps(rules, sort_keys=True)
    except (TypeError, ValueError, RecursionError) as failure:
        raise WrongAnswer(f"format: answer['rules'] is no plain JSON data: {failure}") from None
    if key not in _read:
        if len(_read) >= 4096:
            _read.clear()
        _read[key] = read_rules(rules)
    return _read[key]


_read: dict[str, list[Rule]] = {}
