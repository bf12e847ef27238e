"""Tasks of words, dates and formulas: prompts read again and solved in another way."""

import re
from calendar import monthcalendar
from datetime import date, timedelta
from itertools import pairwise, permutations, product
from typing import Any

import pytest

from verigym.tasks import Problem, Task, load

COUNT = 12
STYLES = ["words", "terse"]


def asked(name: str, style: str) -> list[tuple[Task, Problem, str]]:
    """Problems of every level with the text in the tags of the oracle's reply."""
    task = load(name, style=style)
    found = []
    for level in task.levels:
        for problem in task.problems(COUNT, split="train", level=level):
            inside = re.fullmatch(r"(?s).*<answer>(.*)</answer>", task.oracle(problem))
            assert inside is not None
            found.append((task, problem, inside[1].strip()))
    return found


@pytest.mark.parametrize("style", STYLES)
def test_transitive_order(style: str) -> None:
    for _, problem, inside in asked("transitive-order", style):
        text = problem.text.partition("\n\n")[0]
        taller = re.findall(r"(\w+)(?: is taller than |>)(\w+)", text)
        taller += [(two, one) for one, two in re.findall(r"(\w+)(?: is shorter than |<)(\w+)", text)]
        options = dict(re.findall(r"([A-L])\) (\w+)", text))
        people = sorted(options.values())
        assert people == sorted({name for pair in taller for name in pair})
        # How many are taller than each, by following the pairs.
        above: dict[str, set[str]] = {name: set() for name in people}
        for _ in people:
            for one, other in taller:
                above[other] |= {one} | above[one]
        ranked = sorted(people, key=lambda name: len(above[name]))
        assert [len(above[name]) for name in ranked] == list(range(len(people)))
        words = ["", "second ", "third ", "fourth ", "fifth ", "sixth "]
        place, end = re.search(r"(?:the |\b)((?:\w+ )?)(tallest|shortest)\?", text).groups()
        place = place if place in words else ""
        assert options[inside] == (ranked if end == "tallest" else ranked[::-1])[words.index(place)]


def test_transitive_order_by_trying_all_orders() -> None:
    for problem in load("transitive-order").problems(6, split="train", level=1):
        taller = re.findall(r"(\w+) is taller than (\w+)", problem.text)
        taller += [(two, one) for one, two in re.findall(r"(\w+) is shorter than (\w+)", problem.text)]
        orders = [
            order
            for order in permutations(problem.answer["options"])
            if all(order.index(one) < order.index(other) for one, other in taller)
        ]
        assert orders == [tuple(problem.meta["order"])]


def value(formula: str, values: dict[str, bool]) -> bool:
    """The value of a formula in words: the outermost joint is found by counting brackets."""
    formula = formula.strip()
    depth = 0
    for match in re.finditer(r"[()]|\b(?:and|or|xor|implies)\b", formula):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth == 0 and match[0] not in "()":
            left, right = value(formula[: match.start()], values), value(formula[match.end() :], values)
            return {"and": left & right, "or": left | right, "xor": left ^ right, "implies": left <= right}[match[0]]
    if formula.startswith("not "):
        return not value(formula[4:], values)
    return value(formula[1:-1], values) if formula.startswith("(") else values[formula]


def test_truth_table() -> None:
    for _, problem, inside in asked("truth-table", "words"):
        formula = re.match(r"Take the formula (.*)", problem.text)[1]
        names = re.search(r"values of ([\w, ]+), which", problem.text)[1].split(", ")
        assert set(re.findall(r"\b[p-t]\b", formula)) == set(names)
        column = [
            value(formula, dict(zip(names, row, strict=True))) for row in product((True, False), repeat=len(names))
        ]
        assert inside == problem.answer == "".join("01"[one] for one in column)
        assert "0" in inside and "1" in inside


def test_truth_table_twins_are_one_family() -> None:
    from verigym.tasks.logic.truth_table import canonical, short, spoken

    formula = ("implies", ("and", "p", ("not", "q")), ("xor", "r", "p"))
    names = {name: name for name in "pqr"}
    assert short(formula) == "((p&!q)>(r^p))"
    assert spoken(formula) == "(p and not q) implies (r xor p)"
    assert canonical(formula, names) == canonical(("implies", ("and", ("not", "q"), "p"), ("xor", "p", "r")), names)
    assert canonical(formula, names) != canonical(("implies", ("xor", "p", "r"), ("and", "p", ("not", "q"))), names)


DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def day_number(year: int, month: int, day: int) -> int:
    """Days since the first of January of year 1, by counting leap years (not by `datetime`)."""
    lengths = [31, 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28, 31, 30, 31, 30, 31, 31, 30, 31]
    past = year - 1
    return past * 365 + past // 4 - past // 100 + past // 400 + sum([*lengths, 30, 31][: month - 1]) + day - 1


def read_dates(text: str) -> list[int]:
    months = [date(2000, month, 1).strftime("%B") for month in range(1, 13)]
    found = re.findall(rf"(\d+) ({'|'.join(months)}) (\d{{4}})", text)
    return [day_number(int(year), months.index(month) + 1, int(day)) for day, month, year in found]


def test_calendar() -> None:
    for _, problem, inside in asked("calendar", "words"):
        text = problem.text.partition("\n\n")[0]
        dates = read_dates(text)
        level = problem.address.level
        if level == 1:
            today = DAYS.index(re.match(r"Today is (\w+)\.", text)[1])
            steps = int(re.search(r"(\d+) days", text)[1]) * (1 if "will it be" in text else -1)
            assert inside == DAYS[(today + steps) % 7]
        elif level == 2:
            steps = int(re.match(r"What date is (\d+) days?", text)[1]) * (1 if " after " in text else -1)
            assert day_number(*map(int, inside.split("-"))) == dates[0] + steps
        elif level == 3:
            assert int(inside) == dates[1] - dates[0] > 0
        elif level == 4:
            known = DAYS.index(re.search(r"is a (\w+)\.", text)[1])
            assert (dates[0]) % 7 == known  # the first day of year 1 was a Monday
            assert inside == DAYS[dates[1] % 7]
        else:
            year, first, ordinal, day, month = re.match(
                r"The year (\d+) begins on a (\w+)\. What date is the (\w+) (\w+) in (\w+) of", text
            ).groups()
            assert day_number(int(year), 1, 1) % 7 == DAYS.index(first)
            found = date.fromisoformat(inside)
            assert (found.year, found.strftime("%B")) == (int(year), month)
            weeks = [week for week in monthcalendar(found.year, found.month) if week[DAYS.index(day)]]
            assert weeks[["first", "second", "third", "fourth"].index(ordinal)][DAYS.index(day)] == found.day


def test_the_own_count_of_days_is_that_of_datetime() -> None:
    for offset in range(0, 72_000, 97):
        day = date(1901, 1, 1) + timedelta(offset)
        assert day_number(day.year, day.month, day.day) == day.toordinal() - 1


@pytest.mark.parametrize("style", STYLES)
def test_letter_count(style: str) -> None:
    for _, problem, inside in asked("letter-count", style):
        if style == "terse":
            word, *letters = problem.text.split(" ")
        else:
            found = re.match(r"How often does each of the letters ([\w, ]+) stand in this word\? (\w+)\n", problem.text)
            letters, word = found[1].split(", "), found[2]
        assert inside.split(", ") == problem.answer == [str(sum(one == letter for one in word)) for letter in letters]


def follow(word: str, rule: str) -> str:
    """A rule of the prompt, by its words."""
    letters = list(word)
    if rule == "Reverse the word.":
        letters.reverse()
    elif rule == "Move the first letter to the end.":
        letters.append(letters.pop(0))
    elif rule == "Move the last letter to the front.":
        letters.insert(0, letters.pop())
    elif rule == "Exchange the first and the last letter.":
        letters[0], letters[-1] = letters[-1], letters[0]
    elif rule.startswith("Exchange the first and the second half"):
        half = len(letters) // 2
        middle = letters[half : len(letters) - half]
        letters = letters[len(letters) - half :] + middle + letters[:half]
    elif rule == "Write the last letter once more at the end.":
        letters.append(letters[-1])
    elif rule == "Keep only the letters at odd places, counted from 1.":
        letters = [letter for place, letter in enumerate(letters, 1) if place % 2]
    elif rule == "Sort the letters by the alphabet.":
        letters.sort()
    elif found := re.fullmatch(r"Delete every (\w)\.", rule):
        letters = [letter for letter in letters if letter != found[1]]
    elif found := re.fullmatch(r"Replace every (\w) by (\w)\.", rule):
        letters = [found[2] if letter == found[1] else letter for letter in letters]
    elif found := re.fullmatch(r"Put (\w) behind every (\w)\.", rule):
        letters = [one for letter in letters for one in (letter, *([found[1]] if letter == found[2] else []))]
    else:
        found = re.fullmatch(r"Move all letters (\w) to the end\.", rule)
        assert found, rule
        letters.sort(key=lambda letter: letter == found[1])
    return "".join(letters)


def test_string_rules() -> None:
    met = set()
    for task, problem, inside in asked("string-rules", "words"):
        word = start = re.match(r"Start with the word (\w+) and", problem.text)[1]
        rules = re.findall(r"^\d+\. (.*)$", problem.text, flags=re.M)
        steps = [word]
        for rule in rules:
            word = follow(word, rule)
            steps.append(word)
            met.add(re.sub(r"\b[a-h]\b", "x", rule))
        assert inside == problem.answer == word != start
        assert steps == problem.meta["steps"] and all(one != other for one, other in pairwise(steps))
        assert task.levels[problem.address.level].description == f"{len(start)} letters, {len(rules)} rules"
    assert len(met) == 12


@pytest.mark.parametrize("style", STYLES)
def test_set_operations(style: str) -> None:
    for _, problem, inside in asked("set-operations", style):
        sets: dict[str, Any] = {
            name: {int(number) for number in members.split(", ")}
            for name, members in re.findall(r"([A-F]) = \{([\d, ]+)\}", problem.text)
        }
        if style == "terse":
            result = sets["A"]
            for sign, name in re.findall(r"([-|&^])([B-F])", problem.text.rpartition("; ")[2]):
                result = eval(f"one {sign} other", {"one": result, "other": sets[name]})  # a sign of the test's own
        else:
            for line in re.findall(r"^Let .*\.$", problem.text, flags=re.M):
                after, one, joint, other = re.match(
                    r"Let (\w) be (?:the union of |the intersection of |the elements that are in just one of )?(\w) "
                    r"(and|without the elements of) (\w)\.",
                    line,
                ).groups()
                left, right = sets[one], sets[other]
                both = {x for x in left if x in right}
                if joint != "and":
                    sets[after] = {x for x in left if x not in right}
                elif "union" in line:
                    sets[after] = left | right
                else:
                    sets[after] = both if "intersection" in line else {x for x in left | right if x not in both}
            result = sets[re.search(r"Which elements has (\w)\?", problem.text)[1]]
        assert len(result) > 1
        assert [int(number) for number in inside.split(", ")] == sorted(result)
