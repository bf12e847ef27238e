"""Citations such as [1] and the list of sources they lead to; and markdown links.

    citations("Bees dance [1].\\n\\n[1] von Frisch, 1927")        # ""

A line that begins with `[1]`, or `[1]:`, or `- [1]`, and goes on with text lists a source; every other [1] cites one,
also as [1, 2] and [1-3]. Code does not count. Linear time.
"""

import re
from typing import Any

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.convert import printable
from verigym.verifiers.format.arguments import bind
from verigym.verifiers.format.blocks import heading, plain_lines
from verigym.verifiers.format.counting import amount, sentences
from verigym.verifiers.format.wording import occurrences

_SOURCE = re.compile(r"[ \t]{0,8}(?:[-*][ \t]{1,4})?\[([0-9]{1,4})\][:.]?[ \t]*(.*)$")
_CITATION = re.compile(r"\[([0-9]{1,4}(?:[ \t]{0,2}[,;–-][ \t]{0,2}[0-9]{1,4}){0,20})\](?!\()")
_BEHIND = re.compile(r"([.!?])([ \t]{0,4}\[[0-9][0-9 ,;–-]{0,80}\])")
_LINK = re.compile(r"(?<!!)\[([^\[\]\n]{0,300})\]\(([^()\s]{0,2000})\)")
_CODE = re.compile(r"`[^`\n]*`")
_WEB = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:[/?#]\S*)?")
_SPAN = 50
"""sources that one range such as [1-3] may name"""


def read(text: str) -> tuple[list[int], list[tuple[int, str]], str]:
    """The ids cited, in order; the sources listed, as id and text; and the text without the list."""
    cited: list[int] = []
    listed: list[tuple[int, str]] = []
    body: list[str] = []
    for line in plain_lines(text):
        source = _SOURCE.match(line)
        if source:
            listed.append((int(source[1]), source[2].strip()))
            continue
        body.append(line)
        if heading(line) is None:
            for mark in _CITATION.finditer(_CODE.sub("", line)):
                cited += _ids(mark[1])
    return cited, listed, "\n".join(body)


def _ids(inside: str) -> list[int]:
    found: list[int] = []
    for part in re.split(r"[,;]", inside):
        ends = [int(one) for one in re.split(r"[–-]", part) if one.strip()]
        if len(ends) == 2 and 0 <= ends[1] - ends[0] <= _SPAN:
            found += range(ends[0], ends[1] + 1)
        else:
            found += ends
    return found


def citations(
    text: str,
    *,
    sources: list[str] | None = None,
    ordered: bool = True,
    every_sentence: bool = False,
    claims: list[dict[str, Any]] | None = None,
    min: int | None = None,
    max: int | None = None,
    exact: int | None = None,
) -> str:
    """Every citation leads to a listed source, every listed source has a text and is cited, and none is listed twice.

    sources         texts, one for each source: each is listed with its text in it, and nothing else is
    ordered         the ids are 1, 2, 3 in the order of their first use, and the list is in that order too
    every_sentence  each sentence outside the list cites something
    claims          what each sentence outside the list says and where it has it from, in order: {"says": ["412"],
                    "source": "Moreau"}: the words are in it, and it cites that source alone
    min, max, exact how many citations there are
    """
    cited, listed, body = read(text)
    titles: dict[int, str] = {}
    used = list(dict.fromkeys(cited))
    if not cited:
        return "nothing is cited"
    for number, title in listed:
        if number in titles:
            return f"[{number}] is listed twice"
        if not title:
            return f"[{number}] is listed without a text"
        titles[number] = title
    if missing := [one for one in used if one not in titles]:
        return f"[{missing[0]}] is cited and not listed"
    met = set(cited)
    if idle := [one for one in titles if one not in met]:
        return f"[{idle[0]}] is listed and not cited"
    if ordered and (used != list(range(1, len(used) + 1)) or list(titles) != used):
        return f"the ids stand as {', '.join(map(str, used[:8]))}, not in order of first use from 1"
    if sources is not None and (fault := _source_fault(list(titles.values()), sources)):
        return fault
    if every_sentence and (fault := _uncited(body)):
        return fault
    if claims is not None and (fault := _claim_fault(body, titles, claims)):
        return fault
    return "" if (min, max, exact) == (None, None, None) else amount(len(cited), "citations", min, max, exact)


def _source_fault(listed: list[str], wanted: list[str]) -> str:
    if len(listed) != len(wanted):
        return f"{len(listed)} sources are listed, not {len(wanted)}"
    shown = [" ".join(title.split()).casefold() for title in listed]
    for source in wanted:
        if not any(" ".join(source.split()).casefold() in title for title in shown):
            return f"the source {printable(source)!r} is not listed"
    return ""


def _said(body: str) -> list[str]:
    """The sentences outside the list and the headings. "Bees dance. [1]" is one, as "Bees dance [1]." is."""
    return sentences(_BEHIND.sub(r"\2\1", "\n".join(line for line in body.split("\n") if heading(line) is None)))


def _uncited(body: str) -> str:
    for sentence in _said(body):
        if not _CITATION.search(sentence):
            return f"the sentence {printable(sentence, 50)!r} cites nothing"
    return ""


def _claim_fault(body: str, titles: dict[int, str], claims: list[dict[str, Any]]) -> str:
    wanted = [bind(_claim, claim, f"claim {number}") for number, claim in enumerate(claims, 1)]
    said = _said(body)
    if len(said) != len(wanted):
        return f"{len(said)} sentences, not {len(wanted)}"
    for number, (sentence, claim) in enumerate(zip(said, wanted, strict=True), 1):
        cited = {one for mark in _CITATION.finditer(sentence) for one in _ids(mark[1])}
        bare = _CITATION.sub(" ", sentence)
        for word in claim["says"]:
            if not occurrences(bare, word):
                return f"sentence {number} does not say {printable(word, 40)!r}"
        if len(cited) != 1 or claim["source"].casefold() not in titles[min(cited)].casefold():
            return f"sentence {number} does not cite {printable(claim['source'], 40)!r} alone"
    return ""


def _claim(text: str, *, says: list[str], source: str) -> str:
    """The fields of one claim; see `citations`."""
    return ""


def links(
    text: str,
    *,
    hosts: list[str] | None = None,
    min: int | None = None,
    max: int | None = None,
    exact: int | None = None,
) -> str:
    """How many markdown links [text](https://...), all with a text and a web address; hosts: where they may lead."""
    found = [one for line in plain_lines(text) for one in _LINK.finditer(_CODE.sub("", line))]
    for link in found:
        if not link[1].strip():
            return f"the link to {printable(link[2], 40)!r} has no text"
        if not _WEB.fullmatch(link[2]):
            return f"the link {printable(link[1], 40)!r} has no web address"
        host = link[2].split("://", 1)[1].split("/", 1)[0].split("?", 1)[0].split("#", 1)[0].split(":", 1)[0].lower()
        if hosts is not None and not any(host == one or host.endswith("." + one) for one in hosts):
            return f"the link {printable(link[1], 40)!r} leads to {printable(host, 40)}"
    if (min, max, exact) == (None, None, None):
        if hosts is None:
            raise WrongAnswer("links needs min, max, exact or hosts")
        return "" if found else "no links"
    return amount(len(found), "links", min, max, exact)
