"""The verifier `ifeval`: verifiable instructions, as in IFEval (arXiv:2311.07911), strict or loose.

    answer = {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
    ifeval("No commas here.", answer).parts                  # {"punctuation:no_comma": 1.0}

A prompt is right when all its instructions hold (prompt-level accuracy); `parts` holds each of them (their mean is the
instruction-level accuracy). Strict looks at the reply as it is. Loose lets an instruction hold in any of eight forms of
it: with or without its first line, its last line, and its asterisks.

It follows the reference checkers, and differs from them on purpose in this:

- Reasoning in <think> is no part of the reply; a reply that never closes it has no answer.
- Nothing is invented: a missing argument or an unknown kind raises, where the reference draws one at random and some
  ports count it as held. The letter `#` counts `#`.
- Keywords and markers are literal texts, not patterns.
- Language is told by script and stop words, the same every time (the reference: langdetect, unseeded). What holds no
  letters is in no language (the reference lets it pass); a short text of plain letters that nothing gives away passes
  for English only.
- Sentences are split by own rules (the reference: nltk punkt): the numbers of a list ("1.") and text without a letter
  or digit are no sentences.
- The n-th paragraph is the n-th that is not empty; the reference counts those and then indexes all.
- Empty placeholders `[ ]`, empty bullets and dividers such as `---` do not count; the asterisk of a bullet is not a
  mark of highlighting.
- "My answer is yes. My answer is no." is no answer: one of the options is wanted, not several.
- JSON is strict: no NaN, no name twice, at most 64 levels.
- "I'M" is one word in capitals (nltk: two).
- A reply of more than 200,000 characters fails all.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

from verigym.verifiers.answers import WrongAnswer, field
from verigym.verifiers.convert import printable
from verigym.verifiers.extract import after_thinking
from verigym.verifiers.format.arguments import bind, near
from verigym.verifiers.format.counting import words
from verigym.verifiers.format.instructions import INSTRUCTIONS
from verigym.verifiers.verdict import Status, Verdict

MAX_TEXT = 200_000
MODES = ("strict", "loose")
CREDITS = ("all", "share")

Instruction = tuple[str, Callable[..., str], dict[str, Any]]
"""Its name among the parts, its function and its arguments"""


def ifeval(reply: str, answer: Any, *, mode: str = "strict", credit: str = "all", min_words: int = 0) -> Verdict:
    """Whether `reply` follows every instruction.

    answer     {"instruction_id_list": ["length_constraints:number_words", ...], "kwargs": [{"relation": "at least",
               "num_words": 300}, ...], "prompt": "..."}, as in the data set; a None among the kwargs counts as not
               given, and the prompt is not looked at
    mode       "strict" or "loose"
    credit     the reward where not all hold: "all" gives 0, "share" the share of those that do
    min_words  a reply of fewer words fails all; 0 as in the reference, which lets "42" follow a quarter of all
               instructions. For training on prompts that do not ask for short replies

    An empty reply fails all. Raises ValueError for an unknown mode or credit, and WrongAnswer for an unknown kind, with
    the nearest one, and for arguments that are missing, unknown or of the wrong type.
    """
    for name, value, known in (("mode", mode, MODES), ("credit", credit, CREDITS)):
        if value not in known:
            raise ValueError(f"{name}={value!r} must be one of {', '.join(known)}")
    instructions = _cached(answer)
    text = after_thinking(reply)
    if fault := _no_text(text, min_words):
        return Verdict(0.0, False, Status.MALFORMED, fault, {name: 0.0 for name, _, _ in instructions})
    assert text is not None
    forms = variants(text) if mode == "loose" else [text]
    faults = {name: _fault(forms, function, given) for name, function, given in instructions}
    parts = {name: 0.0 if fault else 1.0 for name, fault in faults.items()}
    held = int(sum(parts.values()))
    if held == len(parts):
        return Verdict(1.0, True, reason=f"all {held} instructions hold", parts=parts)
    wrong = "; ".join(f"{name}: {fault}" for name, fault in faults.items() if fault)
    reason = printable(f"{held} of {len(parts)} instructions hold; {wrong}", 400)
    return Verdict(held / len(parts) if credit == "share" else 0.0, False, reason=reason, parts=parts)


def variants(text: str) -> list[str]:
    """The eight forms that loose scoring looks at, without repeats and without empty ones: all, without the first line,
    the last, both; and each without asterisks."""
    lines = text.split("\n")
    cut = ["\n".join(some).strip() for some in (lines[1:], lines[:-1], lines[1:-1])]
    forms = [one for form in (text, *cut) for one in (form, form.replace("*", ""))]
    return list(dict.fromkeys(form for form in forms if form.strip()))


def _fault(forms: Iterable[str], function: Callable[..., str], given: dict[str, Any]) -> str:
    """Why the first form does not hold, or an empty text when any of them does."""
    first = ""
    for form in forms:
        fault = function(form, **given)
        if not fault:
            return ""
        first = first or fault
    return first


def _no_text(text: str | None, min_words: int) -> str:
    """Why there is nothing to check, or an empty text."""
    if text is None:
        return "the reasoning is not closed: no </think> after the last <think>"
    if not text.strip():
        return "the reply is empty"
    if len(text) > MAX_TEXT:
        return f"the reply has {len(text)} characters; at most {MAX_TEXT} are read"
    count = len(words(text)) if min_words else 0
    return f"the reply has {count} words; at least {min_words} are wanted" if count < min_words else ""


def read_instructions(answer: Any) -> list[Instruction]:
    """The instructions of an answer, checked. Raises WrongAnswer."""
    ids = field(answer, "instruction_id_list", list, "ifeval")
    kwargs = field(answer, "kwargs", list, "ifeval")
    if not ids or len(ids) != len(kwargs):
        raise WrongAnswer(f"ifeval: {len(ids)} instructions and {len(kwargs)} kwargs; each instruction needs its own")
    read: list[Instruction] = []
    for id, given in zip(ids, kwargs, strict=True):
        if id not in INSTRUCTIONS:
            raise WrongAnswer(f"ifeval: no instruction {id!r}; {_nearest(id)}")
        if not isinstance(given, dict):
            raise WrongAnswer(f"ifeval: the kwargs of {id} must be an object, got {type(given).__name__}")
        bound = bind(INSTRUCTIONS[id], given, f"ifeval: {id}")
        INSTRUCTIONS[id]("", **bound)  # so that an argument that means nothing is named before any reply
        taken = sum(name == id or name.startswith(f"{id} ") for name, _, _ in read)
        read.append((f"{id} {taken + 1}" if taken else id, INSTRUCTIONS[id], bound))
    return read


def _nearest(id: Any) -> str:
    whole = [known for known in INSTRUCTIONS if known.partition(":")[2] == id]
    return f"did you mean {whole[0]!r}?" if whole else near(id, INSTRUCTIONS, "the instructions are")


def _cached(answer: Any) -> list[Instruction]:
    """`read_instructions`, once for each answer: a group of replies has the same one."""
    wanted = {name: answer[name] for name in answer if name != "prompt"} if isinstance(answer, dict) else answer
    try:
        key = json.dumps(wanted)
    except (TypeError, ValueError, RecursionError) as failure:
        raise WrongAnswer(f"ifeval: the answer is no plain JSON data: {failure}") from None
    if key not in _read:
        if len(_read) >= 4096:
            _read.clear()
        _read[key] = read_instructions(answer)
    return _read[key]


_read: dict[str, list[Instruction]] = {}
