"""Every kind of rule: replies that keep it, replies that break it, and what is said of them."""

import pytest

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.format.rules import RULES, cached_rules, fault_of, read_rules

Fields = dict[str, object]

TABLE = "| a | b |\n|:--|--:|\n| 1 | 2 |\n| 3 | 4 |"
CITED = "Bees dance [1]. Ants walk. [2] Bees sting [1].\n\n[1] von Frisch 1927\n[2] Wilson 1971"
CASES: list[tuple[str, Fields, list[str], list[tuple[str, str]]]] = [
    (
        "json",
        {},
        ['{"a": 1}', " 3 "],
        [("{", "not JSON"), ('```json\n{"a": 1}\n```', "not JSON"), ("[NaN]", "NaN is no")],
    ),
    ("json", {"fenced": True}, ["```json\n{}\n```", "{}"], [("Here:\n```json\n{}\n```", "not JSON")]),
    ("json", {"outside": True}, ["Here:\n```json\n{}\n```\nDone."], [("Here:\n```json\n{\n```", "not JSON")]),
    ("json_schema", {"schema": {"type": "array"}}, ["[]"], [("{}", "{} is not of type 'array'"), ("x", "not JSON")]),
    ("regex", {"pattern": "^a+$", "flags": "m"}, ["b\naa"], [("b", "nothing matches ^a+$")]),
    ("regex", {"pattern": "a+", "how": "fullmatch"}, [" aaa\n"], [("aab", "it is not all of the form a+")]),
    ("regex", {"pattern": "a.c", "how": "absent", "flags": "is"}, ["ac"], [("xA\nCx", "'A C' matches a.c")]),
    (
        "characters",
        {"min": 2, "max": 3},
        [" ab ", "abc"],
        [("a", "1 characters, fewer"), ("abcd", "4 characters, more")],
    ),
    ("words", {"exact": 2}, ["a-b c."], [("a", "1 words, not 2")]),
    ("sentences", {"min": 2}, ["A b. C."], [("A b.", "1 sentences, fewer than 2")]),
    (
        "sentences",
        {"words": [1, 2]},
        ["Ox. Big cat."],
        [("Ox. Cat.", "sentence 2 has 1 words, not 2"), ("Ox.", "1 sentences, not")],
    ),
    ("sentences", {"starts": ["a", "B"]}, ['A x. "B" y.'], [("A x. C.", "sentence 2 does not begin with 'B'")]),
    ("paragraphs", {"exact": 2}, ["a\nb\n\nc"], [("a\nb", "1 paragraphs, not 2")]),
    ("lines", {"max": 2}, ["a\n\nb"], [("a\nb\nc", "3 lines, more than 2")]),
    ("lines", {"starts": ["a", "b"], "min_words": 2}, ["An ox\n*Bees* sting"], [("Ant\nBee fly", "line 1 has fewer")]),
    (
        "content",
        {"min_words": 4, "min_distinct": 3, "max_share": 50},
        ["the cat and the dog"],
        [
            ("a b", "2 words, fewer than 4"),
            ("a a b b", "2 distinct words"),
            ("cat cat cat dog cow", "the word 'cat' is 3"),
        ],
    ),
    ("language", {"code": "de"}, ["Das ist nicht gut."], [("This is not good.", "the text reads as en, not de")]),
    (
        "language",
        {"code": "de", "every_paragraph": True},
        ["Das ist nicht gut, aber es ist da.\n\nOK."],
        [
            (
                "Das ist nicht gut, aber es ist da, und ich auch.\n\nThis is not German at all.",
                "paragraph 2: the text reads",
            )
        ],
    ),
    ("case", {"style": "upper"}, ["A 1!"], [("Ab", "'b' is not upper case"), ("1", "no letters")]),
    ("case", {"style": "lower"}, ["é 1"], [("É", "'É' is not lower case")]),
    ("case", {"style": "title"}, ["The Cat of a House"], [("The cat", "'cat' does not begin")]),
    ("case", {"style": "sentence"}, ["A cat. 2 dogs. B."], [("A cat. dogs.", "'dogs.' does not begin")]),
    ("capital_words", {"min": 2}, ["I am OK"], [("OK", "1 words in capitals, fewer than 2")]),
    ("present", {"words": ["ox", "Big cat"]}, ["An Ox, a big cat"], [("Oxen, a big cat", "'ox' is missing")]),
    ("present", {"words": ["ox"], "whole": False, "ignore_case": False}, ["oxen"], [("Oxen", "'ox' is missing")]),
    ("absent", {"words": ["a.b", "ox"]}, ["axb oxen"], [("a.b", "'a.b' is there"), ("OX", "'ox' is there")]),
    ("frequency", {"word": "ox", "exact": 2}, ["ox, Ox"], [("ox oxen", "1 times 'ox', not 2")]),
    (
        "starts_with",
        {"text": "Dear"},
        [" Dear me"],
        [("dear me", "it begins with 'dear', not 'Dear'"), ("", "it begins")],
    ),
    ("ends_with", {"text": "Bye.", "ignore_case": True}, ["x BYE. \n"], [("Bye", "it ends with 'Bye', not 'Bye.'")]),
    (
        "quoted",
        {},
        ['"a"', " “b” "],
        [('"a', "it does not stand"), ('""', "it does not stand"), ('“a"', "it does not")],
    ),
    (
        "headings",
        {"exact": 2},
        ["# A\nx\n## B #"],
        [("#A\n# B", "1 headings, not 2"), ("```\n# A\n# B\n```", "0 headings")],
    ),
    ("headings", {"level": 2, "min": 1}, ["## A"], [("# A", "0 headings of level 2, fewer than 1")]),
    (
        "headings",
        {"titles": ["One", "Two"], "nested": True},
        ["# one\n## X\n## **Two**"],
        [
            ("# One", "no heading 'Two'"),
            ("# Two\n# One", "the heading 'Two' is out of order"),
            ("# One\n### Two", "the heading 'Two' skips from level 1 to 3"),
        ],
    ),
    (
        "sections",
        {"sections": [{"title": "A", "level": 2, "bullets": 2}, {"title": "B", "numbered": 1, "min_words": 2}]},
        ["## A\n- x\n* y\n## B\n1. two words"],
        [
            ("Hi\n## A\n- x\n- y\n## B\n1. two words", "text before the first heading"),
            ("## A\n- x\n## B\n1. two words", "1 bullets under 'A', not 2"),
            ("## A\n- x\n- y\n## B\n1. one", "1 words under 'B', fewer than 2"),
            ("## A\n- x\n- y\n## B\ntwo words", "0 numbered items under 'B', not 1"),
            ("# A\n- x\n- y\n## B\n1. two words", "the heading 'A' is of level 1, not 2"),
            ("## B\n## A", "the heading 'B' stands where 'A' is wanted"),
            ("## A\n- x\n- y", "1 headings, not 2"),
        ],
    ),
    (
        "sections",
        {"sections": [{"title": "A"}, {"title": "B", "bullets": 1}], "only": False},
        ["Hi.\n# A\n# C\n# B\n- x\n# D"],
        [("# B\n- x\n# A", "the heading 'B' is out of order"), ("# A\n# B\n# C\n- x", "0 bullets under 'B', not 1")],
    ),
    ("bullets", {"exact": 2}, ["x\n- a\n  + b\n---"], [("- a", "1 bullets, not 2"), ("-a\n-b", "0 bullets, not 2")]),
    (
        "bullets",
        {"min": 1, "min_words": 2, "only": True},
        ["- a b\n\n- c d"],
        [("- a", "the bullet 'a' has fewer than 2 words"), ("x\n- a b", "something other than bullets")],
    ),
    ("numbered", {"exact": 2}, ["1. a\n2) b", "1. a\n1. b"], [("1. a\n3. b", "an item is numbered 3 where 2 is next")]),
    ("numbered", {"min": 1, "min_words": 2}, ["1. a b"], [("1. a", "the item 'a' has fewer than 2 words")]),
    ("emphasis", {"style": "bold", "exact": 2}, ["**a** __b__ *c*"], [("**a** `**b**`", "1 bold spans, not 2")]),
    ("emphasis", {"style": "italic", "words": ["a b"]}, ["*A b* **c**"], [("**a b**", "'a b' is not italic")]),
    ("emphasis", {"style": "italic", "min": 1}, ["_a_"], [("snake_case_name", "0 italic"), ("* a *", "0 italic")]),
    ("dividers", {"exact": 2}, ["a\n\n***\n\n- - -\n"], [("--", "0 dividers, not 2")]),
    (
        "code_blocks",
        {"exact": 1, "language": "Python", "only": True},
        ["```python\nx\n```\n", "~~~~python title\n```\nx\n~~~~"],
        [
            ("```python\nx", "code block 1 is not closed"),
            ("```python\n\n```", "code block 1 is empty"),
            ("```\nx\n```", "code block 1 is declared '', not 'Python'"),
            ("Hi\n```python\nx\n```", "text outside the code blocks"),
            ("```python\nx\n```\n```python\nx\n```", "2 code blocks, not 1"),
        ],
    ),
    (
        "table",
        {"columns": ["a", "b"], "rows": 2, "align": ["left", "right"], "filled": True, "only": True},
        [TABLE, " a | b\n:-|-:\n1 | 2\n3 | \\|"],
        [
            ("none", "0 tables, not one"),
            (f"{TABLE}\n\n{TABLE}", "2 tables, not one"),
            (TABLE.replace("b", "c"), "the columns are a, c, not a, b"),
            (TABLE.replace("| 4 |", "| 4 | 5 |"), "row 2 has 3 cells, not 2"),
            (TABLE.replace(" 4 ", "  "), "row 2 has an empty cell"),
            (TABLE.replace(":--", "---"), "the columns are aligned ['', 'right'], not ['left', 'right']"),
            (TABLE + "\n| 5 | 6 |", "3 rows, not 2"),
            (f"Look:\n{TABLE}", "text outside the table"),
            (f"```\n{TABLE}\n```", "0 tables, not one"),
        ],
    ),
    (
        "table",
        {"cells": [["1", "2"], ["3", "4"]]},
        [f"x\n{TABLE}"],
        [(TABLE.replace("4", "5"), "row 2 is '3 | 5', not '3 | 4'")],
    ),
    (
        "table",
        {"min_rows": 1, "max_rows": 1},
        [TABLE[:-10]],
        [(TABLE, "2 rows, more than 1"), (TABLE[:-20], "0 rows, fewer")],
    ),
    (
        "citations",
        {},
        [CITED, "# Title [9]\nA [1, 2].\n\n- [1]: x\n- [2]: y", "A [1-3].\n[1] x\n[2] y\n[3] z"],
        [
            ("Bees dance.", "nothing is cited"),
            ("A [1].", "[1] is cited and not listed"),
            ("A [1].\n[1] x\n[2] y", "[2] is listed and not cited"),
            ("A [1].\n[1] x\n[1] y", "[1] is listed twice"),
            ("A [1].\n[1]", "[1] is listed without a text"),
            ("A [2]. B [1].\n[1] x\n[2] y", "the ids stand as 2, 1, not in order of first use"),
            ("A [1]. B [2].\n[2] y\n[1] x", "the ids stand as 1, 2, not in order"),
            ("`[1]`", "nothing is cited"),
        ],
    ),
    ("citations", {"ordered": False, "exact": 1}, ["A [7].\n[7] x"], [("A [7] [7].\n[7] x", "2 citations, not 1")]),
    (
        "citations",
        {"sources": ["Wilson"], "every_sentence": True},
        ["A [1]. B. [1]\n[1] E. O. wilson"],
        [
            ("A [1].\n[1] x", "the source 'Wilson' is not listed"),
            ("A [1]. B.\n[1] Wilson", "the sentence 'B.' cites nothing"),
        ],
    ),
    (
        "citations",
        {"claims": [{"says": ["bees", "dance"], "source": "Frisch"}, {"says": ["walk"], "source": "Wilson"}]},
        ["Bees dance [1]. Ants walk [2].\n[1] von Frisch\n[2] Wilson"],
        [
            ("Bees dance [1].\n[1] von Frisch", "1 sentences, not 2"),
            ("Bees sing [1]. Ants walk [2].\n[1] von Frisch\n[2] Wilson", "sentence 1 does not say 'dance'"),
            ("Bees dance [1]. Ants walk [2].\n[1] Wilson\n[2] von Frisch", "sentence 1 does not cite 'Frisch' alone"),
            (
                "Bees dance [1]. Ants walk [1, 2].\n[1] von Frisch\n[2] Wilson",
                "sentence 2 does not cite 'Wilson' alone",
            ),
        ],
    ),
    (
        "links",
        {"exact": 1, "hosts": ["example.com"]},
        ["See [it](https://www.example.com/a?b#c) ![img](x)"],
        [
            ("See it", "0 links, not 1"),
            ("[ ](https://example.com)", "the link to 'https://example.com' has no text"),
            ("[a](javascript:alert)", "the link 'a' has no web address"),
            ("[a](https://notexample.com)", "the link 'a' leads to notexample.com"),
            ("`[a](https://example.com)`", "0 links, not 1"),
        ],
    ),
    ("links", {"hosts": ["example.com"]}, ["[a](http://example.com:80/)"], [("a", "no links")]),
]


@pytest.mark.parametrize(("kind", "fields", "kept", "broken"), CASES)
def test_a_rule(kind: str, fields: Fields, kept: list[str], broken: list[tuple[str, str]]) -> None:
    (rule,) = read_rules([{"kind": kind, **fields}])
    for text in kept:
        assert fault_of(text, rule) == "", text
    for text, fault in broken:
        found = fault_of(text, rule)
        assert found.startswith(fault), (text, found)


def test_every_kind_is_in_the_table() -> None:
    assert {case[0] for case in CASES} == set(RULES)
    assert all(kind.check.__doc__ for kind in RULES.values())


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([], "answer\\['rules'\\] must be a list of rules, not empty"),
        ({"kind": "words"}, "must be a list of rules"),
        (["words"], "rule 1 must be an object with a text 'kind', got 'words'"),
        ([{"kind": "word", "min": 1}], "no kind of rule 'word'; did you mean 'words'?"),
        ([{"kind": "words", "zzz": 1}], "words has no field 'zzz'; its fields are min, max, exact"),
        ([{"kind": "words", "mim": 1}], "words has no field 'mim'; did you mean 'min'?"),
        ([{"kind": "words", "min": "3"}], "words: min='3' must be a whole number"),
        ([{"kind": "words", "min": True}], "words: min=True must be a whole number"),
        ([{"kind": "words"}], "a rule that counts words needs min, max or exact"),
        ([{"kind": "words", "min": 3, "max": 2}], "words: min=3 is above max=2"),
        ([{"kind": "present"}], "present needs the field 'words'"),
        ([{"kind": "present", "words": []}], "words=\\[\\] must be a list, not empty, each text"),
        ([{"kind": "present", "words": [""]}], "a rule on words holds an empty word"),
        ([{"kind": "case", "style": "UPPER"}], "style='UPPER' must be one of 'upper', 'lower', 'title', 'sentence'"),
        ([{"kind": "language", "code": "xx"}], "no language 'xx'"),
        ([{"kind": "regex", "pattern": "("}], "regex: '\\(' is no pattern"),
        ([{"kind": "regex", "pattern": "a", "flags": "x"}], "regex: flags='x' must be of i, m, s"),
        ([{"kind": "json_schema", "schema": {"type": 3}}], "no JSON schema, at type"),
        ([{"kind": "json_schema", "schema": {"$ref": "http://a"}}], "nothing is fetched"),
        ([{"kind": "sections", "sections": [{"titel": "A"}]}], "section 1 has no field 'titel'; did you mean 'title'?"),
        ([{"kind": "table", "columns": ["a"], "align": ["", ""]}], "table: 1 columns and 2 alignments"),
        ([{"kind": "headings", "level": 7, "min": 1}], "headings: level=7 must be from 1 to 6"),
        ([{"kind": "links"}], "links needs min, max, exact or hosts"),
        ([{"kind": "words", "min": 1, "name": ""}], "a rule's name must be text"),
        ([{"kind": "words", "min": 1}] * 41, "41 rules; at most 40 are taken"),
    ],
)
def test_what_is_no_rule(rules: object, message: str) -> None:
    with pytest.raises(WrongAnswer, match=message):
        cached_rules(rules)


def test_names_are_told_apart() -> None:
    rules = [{"kind": "words", "min": 1}, {"kind": "words", "max": 3}, {"kind": "words", "min": 1, "name": "words 2"}]
    assert [rule.name for rule in read_rules(rules)] == ["words", "words 2", "words 2 2"]


def test_none_counts_as_not_given_and_whole_floats_as_numbers() -> None:
    (rule,) = read_rules([{"kind": "words", "min": 2.0, "max": None}])
    assert rule.fields == {"min": 2}
