"""Every name gets a value: by one solution, or by rules that several assignments may keep.

    assignment("<answer>Ann: knight, Bob: knave</answer>", {"solution": {"Ann": "knight", "Bob": "knave"}})
    assignment("<answer>Ann: 1, Bob: 3</answer>",
               {"names": ["Ann", "Bob"], "values": ["1", "2", "3"], "rules": [["less", "Ann", "Bob"]]})

Rules are plain data of a closed list of kinds; nothing is searched for, so checking takes microseconds.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from verigym.verifiers.answers import WrongAnswer, field
from verigym.verifiers.convert import printable
from verigym.verifiers.reading import pairs, plain, short
from verigym.verifiers.verdict import Verdict

Places = Mapping[str, int]
"""name -> the place of its value in the list of values"""

BETWEEN: dict[str, tuple[Callable[[int, int], bool], str]] = {
    "same": (lambda one, other: one == other, "{0} and {1} must have the same value"),
    "different": (lambda one, other: one != other, "{0} and {1} must have different values"),
    "less": (lambda one, other: one < other, "the value of {0} must come before that of {1}"),
    "next": (lambda one, other: other - one == 1, "the value of {0} must come just before that of {1}"),
    "adjacent": (lambda one, other: abs(one - other) == 1, "the values of {0} and {1} must be neighbours"),
}
"""Rules on two names: what must hold of the places of their values, and the same in words"""

NESTED = ("either", "not", "if")
KINDS = ("all-different", "equals", "not-equals", *BETWEEN, *NESTED)
MAX_DEPTH = 8


def assignment(reply: str, answer: Any, *, extract: str = "marked", strict: bool = True) -> Verdict:
    """Whether each name got its value, or values that keep all rules.

    answer  {"solution": {"Ann": "knight", "Bob": "knave"}}, or {"names": [...], "values": [...], "rules": [...]} with
            the values in their order (which "less", "next" and "adjacent" speak of) and rules of the forms

            ["all-different", NAME, ...] (all names when none is given), ["equals", NAME, VALUE],
            ["not-equals", NAME, VALUE], ["same" | "different" | "less" | "next" | "adjacent", NAME, NAME],
            ["either", RULE, RULE, ...], ["not", RULE], ["if", RULE, RULE]

    Read: `name: value` pairs (also `=`, `->`, "is a"), split at commas, semicolons, lines or "and"; case does not
    matter. Every name exactly once, and no other name. Raises ValueError when `answer` has another form.
    """
    wanted: dict[str, str] = {}
    ruled: tuple[list[str], list[str], list[Any]] | None = None
    if isinstance(answer, dict) and "rules" in answer and "solution" not in answer:
        ruled = _ruled(answer)
    else:
        wanted = _solution(answer)
    text, verdict = short(reply, extract, strict)
    if verdict:
        return verdict
    got, fault = pairs(text)
    if fault:
        return Verdict.malformed(fault, text)
    if fault := _names(got, ruled[0] if ruled else list(wanted)):
        return Verdict.wrong(fault, text)
    if ruled is None:
        wrong = [name for name in wanted if got[name] != wanted[name]]
        if wrong:
            return Verdict.wrong(f"{len(wrong)} of {len(wanted)} are wrong", text)
        return Verdict.right(f"all {len(wanted)} are right", text)
    names, values, rules = ruled
    for name in names:
        if got[name] not in values:
            return Verdict.wrong(f"{printable(got[name])!r} is not a value; the values are {', '.join(values)}", text)
    places = {name: values.index(got[name]) for name in names}
    for rule in rules:
        if not kept(rule, places, values):
            return Verdict.wrong(printable(f"a rule is broken: {spoken(rule)}", 200), text)
    return Verdict.right(f"all {len(rules)} rules are kept", text)


def kept(rule: Sequence[Any], places: Places, values: Sequence[str]) -> bool:
    """Whether the places keep a rule whose form was checked."""
    kind, *rest = rule
    if kind == "all-different":
        held = [places[plain(name)] for name in rest or places]
        return len(set(held)) == len(held)
    if kind in ("equals", "not-equals"):
        return (places[plain(rest[0])] == values.index(plain(rest[1]))) == (kind == "equals")
    if kind in BETWEEN:
        return BETWEEN[kind][0](places[plain(rest[0])], places[plain(rest[1])])
    if kind == "either":
        return any(kept(one, places, values) for one in rest)
    if kind == "not":
        return not kept(rest[0], places, values)
    return not kept(rest[0], places, values) or kept(rest[1], places, values)


def spoken(rule: Sequence[Any]) -> str:
    """A rule in words."""
    kind, *rest = rule
    if kind == "all-different":
        return f"{', '.join(rest) or 'all names'} must have different values"
    if kind in ("equals", "not-equals"):
        return f"{rest[0]} must {'' if kind == 'equals' else 'not '}be {rest[1]}"
    if kind in BETWEEN:
        return BETWEEN[kind][1].format(*rest)
    if kind == "not":
        return f"it must not be that {spoken(rest[0])}"
    return " or ".join(map(spoken, rest)) if kind == "either" else f"if {spoken(rest[0])}, then {spoken(rest[1])}"


def _names(got: Mapping[str, str], names: Sequence[str]) -> str:
    for name in got:
        if name not in names:
            return f"{printable(name)!r} is not one of the names"
    missing = [name for name in names if name not in got]
    return f"nothing is said of {', '.join(missing)}" if missing else ""


def _solution(answer: Any) -> dict[str, str]:
    solution = field(answer, "solution", dict, "assignment")
    if not solution or not all(isinstance(name, str) and isinstance(value, str) for name, value in solution.items()):
        raise WrongAnswer("assignment: answer['solution'] must be a dict of texts to texts")
    return {plain(name): plain(value) for name, value in solution.items()}


def _ruled(answer: Any) -> tuple[list[str], list[str], list[Any]]:
    rules = field(answer, "rules", list, "assignment")
    words: dict[str, list[str]] = {}
    for part in ("names", "values"):
        listed = field(answer, part, list, "assignment")
        if not listed or not all(isinstance(word, str) for word in listed):
            raise WrongAnswer(f"assignment: answer[{part!r}] must be a list of texts")
        words[part] = [plain(word) for word in listed]
        if len(set(words[part])) < len(listed):
            raise WrongAnswer(f"assignment: answer[{part!r}] holds a text twice")
    for rule in rules:
        _check(rule, words["names"], words["values"], 0)
    return words["names"], words["values"], rules


def _check(rule: Any, names: Sequence[str], values: Sequence[str], depth: int) -> None:
    """Raises WrongAnswer when a rule is not of the documented form."""
    if not isinstance(rule, list) or not rule or rule[0] not in KINDS or depth > MAX_DEPTH:
        raise WrongAnswer(f"assignment: {printable(str(rule))!r} is not a rule; the kinds are {', '.join(KINDS)}")
    kind, *rest = rule
    if kind in NESTED:
        if len(rest) != {"not": 1, "if": 2}.get(kind, max(2, len(rest))):
            raise WrongAnswer(f"assignment: the rule {kind!r} of {len(rest)} rules in {printable(str(rule))!r}")
        for one in rest:
            _check(one, names, values, depth + 1)
        return
    known = [names] * len(rest) if kind == "all-different" else [names, names if kind in BETWEEN else values]
    if len(rest) != len(known) or not all(
        isinstance(word, str) and plain(word) in words for word, words in zip(rest, known, strict=True)
    ):
        raise WrongAnswer(f"assignment: the rule {printable(str(rule))!r} speaks of other names or values")
