"""Which language a text is in, by script and stop words: the same answer every time, and no model.

    language_of("Der Hund und die Katze sind nicht im Haus.")        # "de"
    language_fault("Bonjour, je suis ici.", "de")                    # "the text reads as fr, not de"

First the script that most letters are of; where several languages share it, each word that is a stop word of a language
counts one for it, and a word with a letter of its own a half. 36 languages (`language_words.SCRIPTS`). Not covered:
telling a language that is not in the table from its nearest neighbour.
"""

from bisect import bisect_right
from collections import Counter

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.format.arguments import near
from verigym.verifiers.format.language_words import BLOCKS, LETTERS, SCRIPTS, STOP_WORDS

MOST = 0.5
"""share of the letters that must be in the script of the language"""
PLAIN = 0.95
"""share of ASCII letters with which a text of Latin letters without any stop word passes for English"""
_STARTS = [start for start, _, _ in BLOCKS]
_PUNCTUATION = "".join(map(chr, range(0x21, 0x41))) + "[]{}|\\^_`~«»“”„‘…—–¿¡。、，！？।॥؟،؛:;()*#"


def language_of(text: str) -> str:
    """The code of the language, or an empty text where nothing tells. Of languages that fit equally, the first in the
    table."""
    best = _best(text)
    return best[0] if best else ""


def language_fault(text: str, code: str) -> str:
    """What speaks against `text` being in the language `code`, or an empty text. Raises WrongAnswer for a code that is
    not in the table.

    English is also what has only plain letters and no stop word of any language: too short to tell.
    """
    check_code(code)
    scripts = script_counts(text)
    letters = sum(scripts.values())
    if not letters:
        return "the text holds no letters of a known script"
    inside = scripts[SCRIPTS[code]] + (scripts["Han"] if code == "ja" and scripts["Kana"] else 0)
    if inside < MOST * letters:
        return f"{inside} of {letters} letters are {SCRIPTS[code]}, the script of {code}"
    best = _best(text)
    if code in best:
        return ""
    if best:
        return f"the text reads as {best[0]}, not {code}"
    if code == "en" and sum(c.isascii() and c.isalpha() for c in text) >= PLAIN * letters:
        return ""
    return f"nothing in the text shows that it is {code}"


def check_code(code: str) -> None:
    """Raises WrongAnswer, with the nearest code, for one that is not in the table."""
    if code not in SCRIPTS:
        raise WrongAnswer(f"no language {code!r}; {near(code, SCRIPTS, 'the languages are')}")


def script_counts(text: str) -> Counter[str]:
    """How many letters of each script. Marks that stand above or below a letter count as letters of their script."""
    counts: Counter[str] = Counter()
    for character, number in Counter(text).items():
        block = BLOCKS[bisect_right(_STARTS, ord(character)) - 1] if character >= "A" else None
        if block and block[0] <= ord(character) <= block[1] and not character.isdigit():
            counts[block[2]] += number
    return counts


def _best(text: str) -> list[str]:
    """The languages that fit best, all with the same score; none where there is no evidence."""
    scripts = script_counts(text)
    if not scripts:
        return []
    script = max(scripts, key=lambda name: (scripts[name], name))
    if script == "Han" and scripts["Kana"] * 10 >= scripts["Han"]:
        script = "Kana"
    codes = [code for code, its in SCRIPTS.items() if its == script]
    if len(codes) == 1:
        return codes
    words = Counter(word.strip(_PUNCTUATION) for word in text.lower().replace("’", " ").replace("'", " ").split())
    scores = {code: _score(words, code) for code in codes}
    most = max(scores.values())
    return [code for code in codes if scores[code] == most] if most else []


def _score(words: Counter[str], code: str) -> float:
    hits = sum(number for word, number in words.items() if word in STOP_WORDS[code])
    own = set(LETTERS.get(code, ""))
    return hits + 0.5 * sum(number for word, number in words.items() if not own.isdisjoint(word))
