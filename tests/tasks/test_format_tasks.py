"""The tasks about form: oracles checked by hand, near misses refused, replies that do not look held to the chance."""

import json
import random
import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest

from verigym.tasks import Generated, Problem, load
from verigym.tasks.format import constraints, prose
from verigym.verifiers import verify_many

NAMES = ("json-record", "table", "outline", "citations", "constraints", "acrostic", "sentence-shape")
COUNT = 12


def tags(reply: str) -> str:
    inside = re.fullmatch(r"(?s).*<answer>(.*)</answer>", reply)
    assert inside is not None
    return inside[1].strip()


def asked(name: str, style: str = "words") -> list[tuple[Generated, Problem, str]]:
    """Problems of every level with the text in the tags of the oracle's reply."""
    task = load(name, style=style)
    assert isinstance(task, Generated)
    return [
        (task, problem, tags(task.oracle(problem) or ""))
        for level in task.levels
        for problem in task.problems(COUNT, split="train", level=level)
    ]


def right(problems: list[Problem], replies: list[str]) -> list[bool]:
    verdicts = verify_many("format", replies, [one.answer for one in problems], extract="answer_tag")
    assert all(verdict.scored for verdict in verdicts)
    return [bool(verdict.correct) for verdict in verdicts]


# What the oracle writes, by checks that share nothing with the verifiers.


@pytest.mark.parametrize("style", ["words", "terse"])
def test_json_records_hold_what_the_text_says(style: str) -> None:
    for _, problem, inside in asked("json-record", style):
        record = json.loads(inside)
        assert record == problem.meta["record"]
        for person in record.get("people", [record]):
            values = [value if isinstance(value, list) else [value] for value in person.values()]
            for value in (one for some in values for one in some if not isinstance(one, bool)):
                assert re.search(rf"\b{value}\b", problem.text)
        if style == "words" and "married" in record:
            assert ("is not married" in problem.text) != record["married"]
        if "people" in record:
            ages = [person["age"] for person in record["people"]]
            assert ages == sorted(set(ages), reverse=True)


@pytest.mark.parametrize("style", ["words", "terse"])
def test_tables_hold_the_records_in_order(style: str) -> None:
    for _, problem, inside in asked("table", style):
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in inside.split("\n")]
        assert rows[0] == problem.meta["columns"]
        assert rows[2:] == sorted(problem.meta["cells"])
        colons = [(cell[0] == ":", cell[-1] == ":") for cell in rows[1]]
        named = {(True, False): "left", (False, True): "right", (True, True): "center"}
        assert [named[one] for one in colons if one in named] == problem.meta["align"]
        assert all(cell in problem.text for row in rows[2:] for cell in row)


def test_outlines_have_their_headings_and_items() -> None:
    for _, problem, inside in asked("outline"):
        found: list[dict[str, object]] = []
        for line in inside.split("\n"):
            if line.startswith("#"):
                marks, _, title = line.partition(" ")
                found.append({"title": title, "level": len(marks), "bullets": 0, "numbered": 0})
            else:
                kind = "bullets" if line.startswith("- ") else "numbered"
                found[-1][kind] = int(str(found[-1][kind])) + 1
                assert len(line.split()) >= 5
        assert found == problem.meta["sections"]
        levels = [int(str(one["level"])) for one in found]
        assert all(after <= before + 1 for before, after in pairwise(levels))


def test_citations_lead_to_the_source_of_each_fact() -> None:
    for _, problem, inside in asked("citations"):
        said, _, listed = inside.partition("\n\n")
        sources = dict(re.fullmatch(r"\[(\d)\] (.+)", line).groups() for line in listed.split("\n"))
        assert list(sources) == [str(number) for number in range(1, len(sources) + 1)]
        facts = [
            [thing, int(weight), sources[number]]
            for thing, weight, number in re.findall(r"The (\w+) weighs (\d+) grams \[(\d)\]\.", said)
        ]
        assert facts == problem.meta["facts"]
        for thing, weight, source in facts:
            assert f"{source} gives the weight of the {thing} as {weight} grams" in problem.text


def test_texts_keep_their_constraints() -> None:
    met: Counter[str] = Counter()
    for _, problem, inside in asked("constraints"):
        plan = problem.meta["plan"]
        met.update(list(plan))
        lines = [line for line in inside.split("\n") if line]
        pieces = {
            "sentences": inside.count("."),
            "bullets": sum(line.startswith("- ") for line in lines),
            "numbered": sum(line.startswith(f"{number}. ") for number, line in enumerate(lines, 1)),
            "paragraphs": len(inside.split("\n\n")),
        }
        assert pieces[plan["shape"]] == plan["pieces"]
        bare = re.findall(r"[a-z]+", inside.lower())
        assert plan["least"] <= len(bare) <= plan["least"] + constraints.SLACK
        assert set(plan["keywords"]) <= set(bare)
        assert not set(plan.get("absent", ())) & set(bare)
        assert "lower" not in plan or inside == inside.lower()
        assert "upper" not in plan or inside == inside.upper()
        assert "quoted" not in plan or inside[0] == inside[-1] == '"'
        assert bare[0] == plan["first"].lower() if "first" in plan else True
        assert inside.lower().endswith(plan.get("last", "").lower())
        assert "," not in inside
        if "frequency" in plan:
            assert bare.count(plan["frequency"][0]) == plan["frequency"][1]
    assert {"lower", "absent", "first", "last", "frequency", "quoted"} <= set(met)


def test_first_letters_spell_the_word() -> None:
    for _, problem, inside in asked("acrostic"):
        lines = inside.split("\n")
        assert "".join(line[0] for line in lines).lower() == problem.meta["word"]
        assert all(len(line.split()) >= 3 for line in lines)
        assert set(problem.meta["keywords"]) <= set(re.findall(r"[a-z]+", inside))


def test_sentences_have_their_lengths() -> None:
    for _, problem, inside in asked("sentence-shape"):
        said = inside.removesuffix(".").split(". ")
        assert [len(sentence.split()) for sentence in said] == problem.meta["words"]
        assert set(problem.meta["keywords"]) <= set(re.findall(r"[a-z]+", inside.lower()))


# Near misses.

MISSES: list[tuple[str, Callable[[str], str]]] = [
    ("json-record", lambda text: text + " {}"),
    ("json-record", lambda text: re.sub(r"\d+", lambda one: str(int(one[0]) + 1), text, count=1)),
    ("json-record", lambda text: re.sub(r": (\d+)", r': "\1"', text, count=1)),
    ("json-record", lambda text: text[:-1] + ', "more": 1}'),
    ("json-record", lambda text: text.replace("{", "[").replace("}", "]")),
    ("json-record", lambda text: text.replace('"age"', '"Age"')),
    ("table", lambda text: text.rpartition("\n")[0]),
    ("table", lambda text: text + "\n\nDone."),
    ("table", lambda text: "\n".join([*text.split("\n")[:2], *text.split("\n")[:1:-1]])),
    ("table", lambda text: text.replace("name", "Name", 1)),
    ("table", lambda text: f"```\n{text}\n```"),
    ("outline", lambda text: text + "\n- one item too many for it"),
    ("outline", lambda text: text.replace("## ", "### ", 1)),
    ("outline", lambda text: re.sub(r"(?m)^(-|\d+\.) .*$", r"\1 a b c d", text)),
    ("outline", lambda text: re.sub(r"(?m)^(-|\d+\.) .*$", r"\1 so", text)),
    ("citations", lambda text: text.replace("[1]", "[3]")),
    ("citations", lambda text: re.sub(r"\[(\d)\]\.", "[1].", text)),
    ("citations", lambda text: text.partition("\n\n")[0]),
    ("citations", lambda text: re.sub(r"(\d{3}) grams", "999999 grams", text, count=1)),
    ("citations", lambda text: ". ".join(reversed(text.partition("\n\n")[0].removesuffix(".").split(". ")))),
    ("constraints", lambda text: f"{text}\n\n{text}"),
    ("constraints", lambda text: " ".join(["word"] * len(text.split()))),
    ("constraints", lambda text: text.rpartition(" ")[0].rpartition(".")[0]),
    ("acrostic", lambda text: text.rpartition("\n")[0]),
    ("acrostic", lambda text: "\n".join(reversed(text.split("\n"))) + "\nxs xs xs"),
    ("acrostic", lambda text: re.sub(r"(?m)^(\w).*$", r"\1a aa aaa", text)),
    ("sentence-shape", lambda text: text.replace(" ", " so ", 1)),
    ("sentence-shape", lambda text: text.replace(". ", " ")),
    ("sentence-shape", lambda text: text + " Done now."),
]


@pytest.mark.parametrize(("name", "spoil"), MISSES)
def test_near_misses_are_refused(name: str, spoil: Callable[[str], str]) -> None:
    cases = [(problem, f"<answer>{spoil(inside)}</answer>") for _, problem, inside in asked(name)]
    assert not any(right([problem for problem, _ in cases], [reply for _, reply in cases]))


# Replies that do not look at the problem.


def sprayed(words: int, per_sentence: int, ending: str) -> str:
    """As many different nouns as there may be words."""
    nouns = list(prose.NOUNS[:words])
    return ending.join(" ".join(nouns[at : at + per_sentence]) for at in range(0, words, per_sentence))


@pytest.mark.parametrize("name", NAMES)
def test_replies_that_do_not_look_stay_at_the_declared_chance(name: str) -> None:
    task = load(name)
    assert isinstance(task, Generated)
    fixed = ["", "42", "<answer></answer>", "<answer>{}</answer>", "<answer>- a b c\n- d e f</answer>"]
    fixed += [f"<answer>{sprayed(words, 8, ending)}.</answer>" for words in (24, 45) for ending in (". ", ".\n\n- ")]
    for level, about in task.levels.items():
        problems = task.problems(40, split="test", level=level)
        others = [task.oracle(one) or "" for one in problems[1:] + problems[:1]]
        floors = [[reply] * len(problems) for reply in fixed]
        floors += [others, [one.text for one in problems], [f"<answer>{one.text}</answer>" for one in problems]]
        for replies in floors:
            hits = sum(right(problems, replies))
            assert hits <= len(problems) * about.chance + 4 * (len(problems) * about.chance) ** 0.5, (level, replies[0])


@pytest.mark.parametrize("name", ["constraints", "sentence-shape", "acrostic"])
def test_the_best_spray_is_no_better_than_declared(name: str) -> None:
    # A text of the commonest shape that is all nouns: it keeps every rule but the keywords by luck.
    rng, n = random.Random(5), 1500
    task = load(name)
    assert isinstance(task, Generated)
    problems = [task.make_problem(rng, 1) for _ in range(n)]
    if name == "constraints":
        spray = sprayed(40, 10, ". ").capitalize() + "."
    elif name == "sentence-shape":
        spray = f"{sprayed(12, 12, '. ')}. {' '.join(prose.NOUNS[40:52])}."
    else:
        word = problems[0].meta["word"]
        chunks = [prose.NOUNS[number * 8 : number * 8 + 8] for number in range(len(word))]
        spray = "\n".join(f"{letter}x {' '.join(chunk)}" for letter, chunk in zip(word, chunks, strict=True))
    hits = sum(right(problems, [f"<answer>{spray}</answer>"] * n))
    chance = task.levels[1].chance
    assert hits <= n * chance + 4 * (n * chance) ** 0.5


# Spaces.


def test_the_space_of_the_smallest_level_is_counted() -> None:
    # n draws from s equally likely problems meet about s (1 - exp(-n / s)) different ones.
    rng, n = random.Random(1), 6000
    task = load("json-record")
    assert isinstance(task, Generated)
    met = len({task.make_problem(rng, 1).key for _ in range(n)})
    space = task.levels[1].space
    assert space == 40 * 72 * 40
    assert met == pytest.approx(space * (1 - 2.718281828 ** (-n / space)), rel=0.03)


@pytest.mark.parametrize("name", NAMES)
def test_larger_spaces_give_no_problem_twice(name: str) -> None:
    task, rng = load(name), random.Random(3)
    assert isinstance(task, Generated)
    for level, about in list(task.levels.items())[1:]:
        n = 400
        met = len({task.make_problem(rng, level).key for _ in range(n)})
        assert met >= n - 4 - 4 * n * n / (2 * about.space)


def test_words_are_distinct_and_sentences_have_the_length_that_is_asked_for() -> None:
    assert len(set(prose.NOUNS)) == len(prose.NOUNS) > 300
    rng = random.Random(0)
    for count in range(prose.SHORTEST, 25):
        said = prose.sentence(rng, count, ["river", "door"], avoid=("the", "every"))
        words = said.removesuffix(".").lower().split()
        assert len(words) == count and {"river", "door"} <= set(words) and not {"the", "every"} & set(words)
        assert len(set(words) & set(prose.NOUNS)) == 2  # no noun that a problem could ask for comes in unasked
    assert sorted(prose.lengths(rng, 3, 20)) == [6, 7, 7]
    with pytest.raises(ValueError, match="14 words are too few for 3 sentences of at least 5"):
        prose.lengths(rng, 3, 14)
    assert prose.spray_chance(len(prose.NOUNS), 3) == 1.0
