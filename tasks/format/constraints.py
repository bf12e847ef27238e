"""Write a short text that keeps several constraints at once, all of which a program can check.

answer       {"rules": [{"kind": "sentences", "exact": 4}, {"kind": "present", "words": ["door", "river"]}, ...]}
             (verifier `format`): what the prompt says, and `content`, which keeps filler out
in the tags  the text alone
meta         {"plan": {...}}: what was drawn, from which the oracle writes

Every problem asks for a shape (so many sentences, bullet points, numbered items or paragraphs), for keywords and for a
number of words within bounds; the level says how many constraints of other kinds come to them. They are drawn so that
one text can keep all. The key is the plan.

    print(problem(random.Random(0), 1, style="terse").prompt)
"""

import random
from collections.abc import Callable
from math import comb
from typing import Any

from verigym.tasks.format.prose import NOUNS, lengths, sentence, spray_chance
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.tasks.wording import answered, ask

Plan = dict[str, Any]
"""shape, pieces, least, keywords, and for each extra constraint its own entry"""

SHAPES = {
    "sentences": "sentences, all on one line",
    "bullets": "bullet points of three words or more, each beginning with a dash, and nothing else",
    "numbered": "items of three words or more in a numbered list (1., 2., ...), and nothing else",
    "paragraphs": "paragraphs of prose with an empty line between them",
}
PIECES = range(3, 7)
PER_PIECE = range(7, 11)
"""words for each piece, at least"""
SLACK = 8
"""how many words more are allowed"""
COMMON = ("the", "this", "that", "every", "and", "with", "of")
FIRST = ("The", "This", "That", "Every")
LAST = ("Nothing more was ever said.", "So the long day ended.", "Nobody knows quite why.", "That was all we saw.")
EXTRAS = ("lower", "upper", "absent", "first", "last", "frequency", "quoted", "no_commas")
CLASH = {
    "upper": ("lower",),
    "quoted": ("first", "last"),
    "first": ("absent",),
    "last": ("absent",),
}
"""what cannot be asked for beside an extra constraint, or would give it away"""
KEYWORDS = {1: 2, 2: 2, 3: 3, 4: 3}

LEVELS = {
    level: Level(
        f"a shape, a length, {asked} keywords" + (f" and {level - 1} more" if level > 1 else ""),
        space=comb(len(NOUNS), asked) * len(SHAPES) * len(PIECES) * len(PER_PIECE),
        # The best reply that does not look has one shape and as many keywords as it may have words.
        chance=spray_chance(PER_PIECE[-1] * PIECES[-1] + SLACK, asked) / (len(SHAPES) * len(PIECES)),
    )
    for level, asked in KEYWORDS.items()
}


def problem(rng: random.Random, level: int, style: str = "words") -> Problem:
    """Shape, counts, keywords and extra constraints evenly drawn."""
    plan: Plan = {"shape": rng.choice(list(SHAPES)), "pieces": rng.choice(PIECES)}
    plan["least"] = plan["pieces"] * rng.choice(PER_PIECE)
    nouns = rng.sample(NOUNS, KEYWORDS[level] + 1)
    plan["keywords"] = sorted(nouns[1:])
    for extra in _extras(rng, level - 1, plan["shape"]):
        plan[extra] = _drawn(rng, extra, nouns[0], plan["pieces"])
    asked = _asked(plan)
    words = "Write a text about anything you like that keeps all of these:\n\n" + "\n".join(
        f"- {words}" for words, _, _ in asked
    )
    terse = ";".join(short for _, short, _ in asked)
    least = plan["least"]
    content = {"kind": "content", "min_words": least, "min_distinct": least // 2, "max_share": 25}
    return Problem(
        prompt=ask(style, words, terse, form="<answer>...</answer>"),
        answer={"rules": [*(rule for _, _, rules in asked for rule in rules), content]},
        key=terse,
        family=f"{plan['shape']}:{','.join(plan['keywords'])}",
        meta={"plan": plan},
    )


def _extras(rng: random.Random, count: int, shape: str) -> list[str]:
    """So many kinds of extra constraints that one text can keep together."""
    found: list[str] = []
    for extra in rng.sample(EXTRAS, len(EXTRAS)):
        barred = extra in ("first", "last", "quoted") and shape in ("bullets", "numbered")
        clash = any(other in CLASH.get(extra, ()) or extra in CLASH.get(other, ()) for other in found)
        if not barred and not clash and len(found) < count:
            found.append(extra)
    return sorted(found)


def _drawn(rng: random.Random, extra: str, noun: str, pieces: int) -> Any:
    if extra == "absent":
        return sorted(rng.sample(COMMON, 2))
    if extra == "first":
        return rng.choice(FIRST)
    if extra == "last":
        return rng.choice(LAST)
    return [noun, rng.randint(2, pieces)] if extra == "frequency" else True


Asked = tuple[str, str, list[dict[str, Any]]]
"""A constraint in words, in short, and as rules"""


def _asked(plan: Plan) -> list[Asked]:
    shape, pieces, keywords = plan["shape"], plan["pieces"], plan["keywords"]
    least, most = plan["least"], plan["least"] + SLACK
    found: list[Asked] = [
        (f"It has exactly {pieces} {SHAPES[shape]}.", f"{shape}={pieces}", _shape_rules(shape, pieces)),
        (
            f"It uses the words {_listed(keywords)}.",
            f"has={','.join(keywords)}",
            [{"kind": "present", "words": keywords}],
        ),
        (
            f"It has from {least} to {most} words, and most of them differ.",
            f"words={least}-{most}",
            [{"kind": "words", "min": least, "max": most}],
        ),
    ]
    return found + [_EXTRA[extra](plan[extra]) for extra in EXTRAS if extra in plan]


def _shape_rules(shape: str, pieces: int) -> list[dict[str, Any]]:
    """No text has two of the shapes."""
    if shape == "sentences":
        return [{"kind": "sentences", "exact": pieces}, {"kind": "lines", "exact": 1}]
    if shape == "bullets":
        return [{"kind": "bullets", "exact": pieces, "min_words": 3, "only": True}]
    if shape == "numbered":
        return [{"kind": "numbered", "exact": pieces, "min_words": 3}, {"kind": "lines", "exact": pieces}]
    return [
        {"kind": "paragraphs", "exact": pieces},
        {"kind": "bullets", "exact": 0},
        {"kind": "numbered", "exact": 0},
    ]


_EXTRA: dict[str, Callable[[Any], Asked]] = {
    "lower": lambda _: ("All letters are lower case.", "lower", [{"kind": "case", "style": "lower"}]),
    "upper": lambda _: ("All letters are capitals.", "upper", [{"kind": "case", "style": "upper"}]),
    "absent": lambda words: (
        f"The words {_listed(words)} do not occur.",
        f"not={','.join(words)}",
        [{"kind": "absent", "words": words}],
    ),
    "first": lambda word: (
        f'It begins with the word "{word}".',
        f"first={word}",
        [{"kind": "starts_with", "text": f"{word} ", "ignore_case": True}],
    ),
    "last": lambda phrase: (
        f'It ends with the sentence "{phrase}"',
        f"last={phrase}",
        [{"kind": "ends_with", "text": phrase, "ignore_case": True}],
    ),
    "frequency": lambda asked: (
        f'The word "{asked[0]}" occurs exactly {asked[1]} times.',
        f"{asked[0]}*{asked[1]}",
        [{"kind": "frequency", "word": asked[0], "exact": asked[1]}],
    ),
    "quoted": lambda _: (
        "The whole text stands between double quotation marks.",
        "quoted",
        [{"kind": "quoted"}],
    ),
    "no_commas": lambda _: (
        "There is no comma in it.",
        "commas=0",
        [{"kind": "frequency", "word": ",", "exact": 0, "whole": False}],
    ),
}
"""Extra constraint -> how what was drawn for it is asked for"""


def oracle(problem: Problem, style: str = "words") -> str:
    """A text of sentences of the right lengths, with the keywords in the first ones, in the shape that is asked for."""
    plan = problem.meta["plan"]
    rng = random.Random(problem.key)
    written = plan["pieces"] - ("last" in plan)
    total = plan["least"] + SLACK // 2 - len(plan.get("last", "").split())
    must: list[list[str]] = [[] for _ in range(written)]
    for number, keyword in enumerate(plan["keywords"]):
        must[number % written].append(keyword)
    noun, times = plan.get("frequency", ("", 0))
    for number in range(times):
        must[-1 - number % written].append(noun)
    pieces = [
        sentence(rng, count, nouns, plan.get("absent", ()), plan.get("first", "") if number == 0 else "")
        for number, (count, nouns) in enumerate(zip(lengths(rng, written, total, 7), must, strict=True))
    ]
    pieces += [plan["last"]] if "last" in plan else []
    text = _shaped(plan["shape"], pieces)
    text = text.upper() if "upper" in plan else text.lower() if "lower" in plan else text
    return answered(style, f'"{text}"' if "quoted" in plan else text)


def _shaped(shape: str, pieces: list[str]) -> str:
    if shape == "bullets":
        return "\n".join(f"- {piece}" for piece in pieces)
    if shape == "numbered":
        return "\n".join(f"{number}. {piece}" for number, piece in enumerate(pieces, 1))
    return ("\n\n" if shape == "paragraphs" else " ").join(pieces)


def _listed(words: list[str]) -> str:
    return ", ".join(f'"{word}"' for word in words[:-1]) + f' and "{words[-1]}"'


TASK = Generated("constraints", problem, LEVELS, oracle)
