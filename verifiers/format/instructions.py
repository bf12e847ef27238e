"""The 25 kinds of instructions of IFEval (arXiv:2311.07911), each a function of a reply and its arguments.

    number_words("one two", num_words=3, relation="at least")        # "2 words, not at least 3"

Every function gives what is wrong, or an empty text, in linear time. They follow the reference checkers
(google-research/google-research, instruction_following_eval, at 3f357bd) in what they count and how; where they differ
on purpose stands in `ifeval.py`.
"""

import re
from collections.abc import Callable
from typing import Literal

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.convert import printable
from verigym.verifiers.format.counting import capital_words, sentences, word_runs
from verigym.verifiers.format.language import language_fault
from verigym.verifiers.format.strict_json import read_json

Relation = Literal["less than", "at least"]
OPTIONS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")

_BULLET = re.compile(r"(?:-|\*(?!\*))[-*_\s]*[^-*_\s]")
_BULLET_MARK = re.compile(r"^[ \t]*\*[ \t]+", re.MULTILINE)
_SINGLE = re.compile(r"\*[^\n*]*\*")
_DOUBLE = re.compile(r"\*\*[^\n*]*\*\*")
_FENCE = re.compile(r"```(?:json)?", re.IGNORECASE)
_PS = {"P.S.": re.compile(r"p\.\s?s\."), "P.P.S": re.compile(r"p\.\s?p\.\s?s")}


def existence(text: str, *, keywords: list[str]) -> str:
    """Every keyword is there, whatever its case, also within a longer word."""
    low = text.lower()
    missing = [word for word in keywords if word.lower() not in low]
    return f"{printable(missing[0])!r} is missing" if missing else ""


def frequency(text: str, *, keyword: str, frequency: int, relation: Relation) -> str:
    """How often a keyword stands there, whatever its case, also within longer words."""
    count = text.lower().count(_filled(keyword.strip(), "keyword").lower())
    return _related(count, f"times {printable(keyword)!r}", relation, frequency)


def forbidden_words(text: str, *, forbidden_words: list[str]) -> str:
    """None of the words is there as a whole word, whatever its case."""
    for word in forbidden_words:
        if re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE):
            return f"{printable(word)!r} is there"
    return ""


def letter_frequency(text: str, *, letter: str, let_frequency: int, let_relation: Relation) -> str:
    """How often a character stands there, whatever its case."""
    if len(letter.strip()) != 1:
        raise WrongAnswer(f"letter={letter!r} must be one character")
    count = text.lower().count(letter.strip().lower())
    return _related(count, f"times {letter.strip()!r}", let_relation, let_frequency)


def response_language(text: str, *, language: str) -> str:
    """The whole reply reads as a language."""
    return language_fault(text, language)


def number_sentences(text: str, *, num_sentences: int, relation: Relation) -> str:
    """How many sentences."""
    return _related(len(sentences(text)), "sentences", relation, num_sentences)


def number_paragraphs(text: str, *, num_paragraphs: int) -> str:
    """How many paragraphs with `***` between them; one before the first or behind the last text is allowed."""
    return _exactly(_pieces(text, "***"), "paragraphs between ***", num_paragraphs)


def number_words(text: str, *, num_words: int, relation: Relation) -> str:
    r"""How many words, runs of `\w`."""
    return _related(len(word_runs(text)), "words", relation, num_words)


def nth_paragraph_first_word(text: str, *, num_paragraphs: int, nth_paragraph: int, first_word: str) -> str:
    """How many paragraphs with one empty line between them, and the first word of one of them."""
    if not 1 <= nth_paragraph <= num_paragraphs:
        raise WrongAnswer(f"nth_paragraph={nth_paragraph} must be from 1 to num_paragraphs={num_paragraphs}")
    found = [piece.strip() for piece in text.split("\n\n") if piece.strip()]
    if len(found) != num_paragraphs:
        return f"{len(found)} paragraphs, not {num_paragraphs}"
    first = found[nth_paragraph - 1].split()[0].lstrip("'").lstrip('"')
    begun = re.split(r"[.,?!'\"]", first, maxsplit=1)[0].lower()
    wanted = first_word.lower()
    return "" if begun == wanted else f"paragraph {nth_paragraph} begins with {printable(begun)!r}, not {wanted!r}"


def number_placeholders(text: str, *, num_placeholders: int) -> str:
    """At least so many placeholders such as [address], each on one line and not empty."""
    count = 0
    for line in text.split("\n"):
        opened = line.find("[")
        while opened >= 0 and (closed := line.find("]", opened)) >= 0:
            count += bool(line[opened + 1 : closed].strip("[ \t"))
            opened = line.find("[", closed)
    return _related(count, "placeholders", "at least", num_placeholders)


def postscript(text: str, *, postscript_marker: str) -> str:
    """A postscript, by its marker."""
    marker = _filled(postscript_marker.strip(), "postscript_marker")
    pattern = _PS.get(marker) or re.compile(re.escape(marker.lower()))
    return "" if pattern.search(text.lower()) else f"no postscript that begins with {marker!r}"


def number_bullet_lists(text: str, *, num_bullets: int) -> str:
    """Exactly so many bullet points: lines that begin with - or one *, and hold more than marks."""
    count = sum(_BULLET.match(line.lstrip()) is not None for line in text.split("\n"))
    return _exactly(count, "bullet points", num_bullets)


def constrained_response(text: str) -> str:
    """One of "My answer is yes.", "My answer is no." and "My answer is maybe."."""
    found = [option for option in OPTIONS if option in text]
    if len(found) > 1:
        return f"{len(found)} of the options at once"
    return "" if found else f"none of the options {', '.join(OPTIONS)}"


def number_highlighted_sections(text: str, *, num_highlights: int) -> str:
    """At least so many *highlighted* or **highlighted** texts, each on one line."""
    bare = _BULLET_MARK.sub("", text)
    count = sum(bool(one.strip("*").strip()) for one in _SINGLE.findall(bare))
    count += sum(bool(one.strip("*").strip()) for one in _DOUBLE.findall(bare))
    return _related(count, "highlighted sections", "at least", num_highlights)


def multiple_sections(text: str, *, section_spliter: str, num_sections: int) -> str:
    """At least so many sections, each begun by the splitter and a number ("Section 1")."""
    splitter = _filled(section_spliter.strip(), "section_spliter")
    count = len(re.findall(rf"{re.escape(splitter)}\s?[0-9]+", text))
    return _related(count, f"sections begun by {splitter!r} and a number", "at least", num_sections)


def json_format(text: str) -> str:
    """The whole reply is JSON, maybe between ``` marks."""
    text = text.strip()
    if opening := _FENCE.match(text):
        text = text[opening.end() :]
    return read_json(text.removesuffix("```"))[1]


def title(text: str) -> str:
    """A title in double angular brackets, such as <<poem of joy>>, on one line."""
    for line in text.split("\n"):
        opened, closed = line.find("<<"), line.rfind(">>")
        if 0 <= opened < closed and line[opened:closed].strip("<> \t\r"):
            return ""
    return "no title in << >>"


def two_responses(text: str) -> str:
    """Two different responses with `******` between them."""
    count = _pieces(text, "******")
    if count != 2:
        return _exactly(count, "responses between ******", 2)
    first, second = (piece.strip() for piece in text.split("******") if piece.strip())
    return "the two responses are the same" if first == second else ""


def repeat_prompt(text: str, *, prompt_to_repeat: str) -> str:
    """The reply begins with the request, whatever the case."""
    wanted = _filled(prompt_to_repeat.strip(), "prompt_to_repeat").lower()
    return "" if text.strip().lower().startswith(wanted) else "it does not begin with the request, word for word"


def end_checker(text: str, *, end_phrase: str) -> str:
    """The reply ends with a phrase, whatever the case; double quotation marks around the reply do not count."""
    wanted = _filled(end_phrase.strip(), "end_phrase").lower()
    return "" if text.strip().strip('"').lower().endswith(wanted) else f"it does not end with {printable(wanted)!r}"


def quotation(text: str) -> str:
    """The whole reply stands between double quotation marks."""
    text = text.strip()
    return "" if len(text) > 1 and text[0] == text[-1] == '"' else "it does not stand between double quotation marks"


def capital_word_frequency(text: str, *, capital_frequency: int, capital_relation: Relation) -> str:
    """How many words are all in capital letters; a word with hyphens is one."""
    return _related(len(capital_words(text)), "words in capitals", capital_relation, capital_frequency)


def english_capital(text: str) -> str:
    """English, without a lower-case letter."""
    return "not all letters are capitals" if not text.isupper() else language_fault(text, "en")


def english_lowercase(text: str) -> str:
    """English, without a capital letter."""
    return "not all letters are lower case" if not text.islower() else language_fault(text, "en")


def no_comma(text: str) -> str:
    """No comma."""
    return "a comma" if "," in text else ""


def _filled(value: str, name: str) -> str:
    if not value:
        raise WrongAnswer(f"{name} is empty")
    return value


def _pieces(text: str, separator: str) -> int:
    """How many texts between separators; -1 where there is none between two of them."""
    pieces = [piece.strip() for piece in text.split(separator)]
    return sum(map(bool, pieces)) if all(pieces[1:-1]) else -1


def _related(count: int, what: str, relation: Relation, threshold: int) -> str:
    held = count < threshold if relation == "less than" else count >= threshold
    return "" if held else f"{count} {what}, not {relation} {threshold}"


def _exactly(count: int, what: str, wanted: int) -> str:
    if count < 0:
        return f"nothing stands between two marks; {wanted} {what} are wanted"
    return "" if count == wanted else f"{count} {what}, not {wanted}"


INSTRUCTIONS: dict[str, Callable[..., str]] = {
    "keywords:existence": existence,
    "keywords:frequency": frequency,
    "keywords:forbidden_words": forbidden_words,
    "keywords:letter_frequency": letter_frequency,
    "language:response_language": response_language,
    "length_constraints:number_sentences": number_sentences,
    "length_constraints:number_paragraphs": number_paragraphs,
    "length_constraints:number_words": number_words,
    "length_constraints:nth_paragraph_first_word": nth_paragraph_first_word,
    "detectable_content:number_placeholders": number_placeholders,
    "detectable_content:postscript": postscript,
    "detectable_format:number_bullet_lists": number_bullet_lists,
    "detectable_format:constrained_response": constrained_response,
    "detectable_format:number_highlighted_sections": number_highlighted_sections,
    "detectable_format:multiple_sections": multiple_sections,
    "detectable_format:json_format": json_format,
    "detectable_format:title": title,
    "combination:two_responses": two_responses,
    "combination:repeat_prompt": repeat_prompt,
    "startend:end_checker": end_checker,
    "startend:quotation": quotation,
    "change_case:capital_word_frequency": capital_word_frequency,
    "change_case:english_capital": english_capital,
    "change_case:english_lowercase": english_lowercase,
    "punctuation:no_comma": no_comma,
}
"""Instruction id, as in the data set, to its function; the signature says which arguments it needs"""
