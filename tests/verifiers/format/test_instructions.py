"""All 25 kinds of IFEval: hand-made replies that follow, and replies that do not, with what is said of them."""

import pytest

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.format.ifeval import ifeval
from verigym.verifiers.format.instructions import INSTRUCTIONS

Kwargs = dict[str, object]

ENGLISH = "the weather is fine and we are going to the beach with all of our friends."
CASES: list[tuple[str, Kwargs, list[str], list[tuple[str, str]]]] = [
    (
        "keywords:existence",
        {"keywords": ["rate", "c++"]},
        ["Berated C++ users.", "RATE: c++"],
        [("Rate my code", "'c++' is missing"), ("c++", "'rate' is missing")],
    ),
    (
        "keywords:frequency",
        {"keyword": " war ", "frequency": 2, "relation": "at least"},
        ["War and WAR", "warwar"],
        [("war", "1 times ' war ', not at least 2")],
    ),
    (
        "keywords:frequency",
        {"keyword": "the", "frequency": 2, "relation": "less than"},
        ["the", "no"],
        [("the other", "2 times 'the', not less than 2")],
    ),
    (
        "keywords:forbidden_words",
        {"forbidden_words": ["can", "a.b"]},
        ["Cancel axb", "canned"],
        [("We CAN.", "'can' is there"), ("see a.b here", "'a.b' is there")],
    ),
    (
        "keywords:letter_frequency",
        {"letter": "Q", "let_frequency": 2, "let_relation": "at least"},
        ["Quick quiz", "qQ"],
        [("quick", "1 times 'Q', not at least 2")],
    ),
    (
        "keywords:letter_frequency",
        {"letter": "#", "let_frequency": 4, "let_relation": "at least"},
        ["#a #b #c #d", "####"],
        [("#a #b #c", "3 times '#', not at least 4"), ("abcd", "0 times '#'")],
    ),
    (
        "keywords:letter_frequency",
        {"letter": "!", "let_frequency": 1, "let_relation": "less than"},
        ["calm"],
        [("No!", "1 times '!', not less than 1")],
    ),
    (
        "language:response_language",
        {"language": "de"},
        ["Das ist nicht gut, aber wir sind da."],
        [(ENGLISH, "the text reads as en, not de"), ("123", "the text holds no letters")],
    ),
    (
        "language:response_language",
        {"language": "kn"},
        ["ಮುದುಕನಿಗೆ ಎರಡು ನಾಯಿಗಳಿವೆ."],
        [(ENGLISH, "0 of ")],
    ),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 3, "relation": "at least"},
        ["One. Two! Three?", "all lower. case too. yes"],
        [("Dr. Smith saw St. James at 3 p.m. today. Then home.", "2 sentences, not at least 3")],
    ),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 2, "relation": "less than"},
        ["Just one, e.g. this."],
        [("One. Two.", "2 sentences, not less than 2")],
    ),
    (
        "length_constraints:number_paragraphs",
        {"num_paragraphs": 2},
        ["a\n***\nb", "***\na\n\n***\nb\n***", "a***b"],
        [
            ("a\n\nb", "1 paragraphs between ***, not 2"),
            ("a\n***\n***\nb", "nothing stands between two marks; 2 paragraphs"),
            ("a\n***\nb\n***\nc", "3 paragraphs between ***, not 2"),
        ],
    ),
    (
        "length_constraints:number_words",
        {"num_words": 4, "relation": "at least"},
        ["It isn't so", "a b c d"],
        [("one two three", "3 words, not at least 4"), ("... --- !!!", "0 words, not at least 4")],
    ),
    (
        "length_constraints:number_words",
        {"num_words": 3, "relation": "less than"},
        ["one two"],
        [("one two three", "3 words, not less than 3")],
    ),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Elm"},
        ["a\n\nElm, b", "\n\na\n\n\n\n 'elm' b"],
        [
            ("a\n\nb", "paragraph 2 begins with 'b', not 'elm'"),
            ("a\n\nElms", "paragraph 2 begins with 'elms'"),
            ("a\nElm", "1 paragraphs, not 2"),
            ("a\n\nelm\n\nc", "3 paragraphs, not 2"),
        ],
    ),
    (
        "detectable_content:number_placeholders",
        {"num_placeholders": 2},
        ["[name] at [address]", "[[name]] [x]"],
        [
            ("[name] []", "1 placeholders, not at least 2"),
            ("[a\nb] [c]", "1 placeholders"),
            ("[ [ [ ]", "0 placeholders"),
        ],
    ),
    (
        "detectable_content:postscript",
        {"postscript_marker": "P.S."},
        ["Bye.\nP.S. Milk", "p. s. milk", "P.P.S. Milk"],
        [("PS Milk", "no postscript that begins with 'P.S.'")],
    ),
    (
        "detectable_content:postscript",
        {"postscript_marker": "P.P.S"},
        ["Bye.\nP.P.S Milk", "p. p. s"],
        [("P.S. Milk", "no postscript that begins with 'P.P.S'")],
    ),
    (
        "detectable_format:number_bullet_lists",
        {"num_bullets": 2},
        ["* a\n* b", "x\n  - a\n-b\n---\n**bold**", "* a\n\n- \n- b"],
        [("* a", "1 bullet points, not 2"), ("- a\n- b\n- c", "3 bullet points, not 2"), ("-\n-", "0 bullet points")],
    ),
    (
        "detectable_format:constrained_response",
        {},
        ["My answer is no.", "Well. My answer is maybe. I think."],
        [
            ("My answer is yes", "none of the options My answer is yes., "),
            ("My answer is yes. My answer is no.", "2 of the options at once"),
        ],
    ),
    (
        "detectable_format:number_highlighted_sections",
        {"num_highlights": 2},
        ["*a* and *b*", "**a** and *b*", "* *a*: x\n* *b*: y"],
        [
            ("*a*", "1 highlighted sections, not at least 2"),
            ("* a\n* b", "0 highlighted sections"),
            ("** ** * * *a\nb*", "0 highlighted sections"),
        ],
    ),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "Section", "num_sections": 2},
        ["Section 1\na\nSection 2\nb", "Section1 Section2"],
        [
            ("Section 1\na\nSection B", "1 sections begun by 'Section' and a number"),
            ("SECTION 1 SECTION 2", "0 sections"),
        ],
    ),
    (
        "detectable_format:json_format",
        {},
        ['{"a": 1}', '```json\n{"a": 1}\n```', "```\n[]\n```", '"text"'],
        [
            ("Here: {}", "not JSON"),
            ("{'a': 1}", "not JSON"),
            ('{"a": 1, "a": 2}', "the name 'a' stands twice"),
            ("NaN", "NaN"),
        ],
    ),
    (
        "detectable_format:title",
        {},
        ["<<poem of joy>>\nx", "a <<b>> c"],
        [("<poem>", "no title in << >>"), ("<< >>", "no title"), ("<<a\nb>>", "no title"), (">>a<<", "no title")],
    ),
    (
        "combination:two_responses",
        {},
        ["a\n******\nb", "******a******b******"],
        [
            ("a\n***\nb", "1 responses between ******, not 2"),
            ("a\n******\n a", "the two responses are the same"),
            ("a******b******c", "3 responses between ******, not 2"),
            ("a****** ******b", "nothing stands between two marks"),
        ],
    ),
    (
        "combination:repeat_prompt",
        {"prompt_to_repeat": " Write a poem. "},
        ["Write a poem.\nRoses", "\nwrite A POEM. x"],
        [("Sure. Write a poem.", "it does not begin with the request"), ("Write a  poem.", "it does not begin")],
    ),
    (
        "startend:end_checker",
        {"end_phrase": "Peace!"},
        ["x\nPeace!", '"x peace!" \n'],
        [("Peace! x", "it does not end with 'peace!'"), ("Peace", "it does not end")],
    ),
    (
        "startend:quotation",
        {},
        ['"a"', ' "a "b" c"\n', '""'],
        [('"a', "it does not stand between"), ("'a'", "it does not stand"), ('"', "it does not stand")],
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": "at least"},
        ["I am OK", "WELL-KNOWN **BOLD**"],
        [("I am Ok", "1 words in capitals, not at least 2"), ("I'M ok", "1 words in capitals")],
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": "less than"},
        ["I am Ok"],
        [("I am OK", "2 words in capitals, not less than 2")],
    ),
    (
        "change_case:english_capital",
        {},
        [ENGLISH.upper(), "PARIS 2024!"],
        [
            (ENGLISH, "not all letters are capitals"),
            ("DAS IST NICHT GUT", "the text reads as de"),
            ("123", "not all letters"),
        ],
    ),
    (
        "change_case:english_lowercase",
        {},
        [ENGLISH, "hello"],
        [(ENGLISH.capitalize(), "not all letters are lower case"), ("das ist nicht gut", "the text reads as de")],
    ),
    ("punctuation:no_comma", {}, ["a b; c"], [("a, b", "a comma")]),
]


@pytest.mark.parametrize(("id", "kwargs", "followed", "broken"), CASES)
def test_a_kind(id: str, kwargs: Kwargs, followed: list[str], broken: list[tuple[str, str]]) -> None:
    answer = {"instruction_id_list": [id], "kwargs": [kwargs]}
    for reply in followed:
        verdict = ifeval(reply, answer)
        assert (verdict.correct, verdict.reward, verdict.parts) == (True, 1.0, {id: 1.0}), (reply, verdict.reason)
        assert ifeval(reply, answer, mode="loose").correct
    for reply, reason in broken:
        verdict = ifeval(reply, answer)
        assert (verdict.correct, verdict.reward, verdict.parts) == (False, 0.0, {id: 0.0}), reply
        assert verdict.reason.startswith(f"0 of 1 instructions hold; {id}: {reason}"), verdict.reason
    for nothing in ("", " \n\t ", "<think>a</think>", "<think>a b c"):
        assert ifeval(nothing, answer).correct is False
        assert ifeval(nothing, answer, mode="loose").parts == {id: 0.0}


def test_all_25_kinds_are_in_the_table() -> None:
    assert len(INSTRUCTIONS) == 25
    assert {case[0] for case in CASES} == set(INSTRUCTIONS)
    assert all(function.__doc__ for function in INSTRUCTIONS.values())


@pytest.mark.parametrize(
    ("id", "kwargs", "message"),
    [
        ("punctuation:no_commas", {}, "no instruction 'punctuation:no_commas'; did you mean 'punctuation:no_comma'?"),
        ("no_comma", {}, "no instruction 'no_comma'; did you mean 'punctuation:no_comma'?"),
        (7, {}, "no instruction 7; the instructions are keywords:existence"),
        ("punctuation:no_comma", None, "the kwargs of punctuation:no_comma must be an object, got NoneType"),
        ("punctuation:no_comma", {"x": 1}, "punctuation:no_comma has no field 'x'; its fields are none"),
        ("keywords:existence", {}, "keywords:existence needs the field 'keywords'"),
        ("keywords:existence", {"keywords": None}, "needs the field 'keywords'"),
        ("keywords:existence", {"keywords": "a"}, "keywords='a' must be a list, not empty, each text"),
        ("length_constraints:number_words", {"num_words": 3}, "needs the field 'relation'"),
        (
            "length_constraints:number_words",
            {"num_words": 3, "relation": "more"},
            "must be one of 'less than', 'at least'",
        ),
        ("length_constraints:number_words", {"num_words": 3.5, "relation": "at least"}, "must be a whole number"),
        (
            "keywords:letter_frequency",
            {"letter": "ab", "let_frequency": 1, "let_relation": "at least"},
            "one character",
        ),
        ("language:response_language", {"language": "klingon"}, "no language 'klingon'"),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 2, "nth_paragraph": 3, "first_word": "a"},
            "nth_paragraph=3 must be from 1 to num_paragraphs=2",
        ),
        ("startend:end_checker", {"end_phrase": " "}, "end_phrase is empty"),
    ],
)
def test_nothing_is_invented(id: object, kwargs: object, message: str) -> None:
    with pytest.raises(WrongAnswer, match=message):
        ifeval("a reply", {"instruction_id_list": [id], "kwargs": [kwargs]})
