"""The verdict on an answer: our own reading first, then, for what that leaves open, their scorer in the sandbox.

    Scorer().submit(problem, "<answer>3 + 25 - 17</answer>").result()        # Verdict

The answer stands between `<answer>` and `</answer>` and nowhere else. What equals the gold answer is right; for the
rest see `rules.py`. Their full score alone counts (`partial=False`), or what they give below it is the reward and not
correct (`partial=True`), but nothing that our own check refused.

| their scorer                                  | verdict                                                             |
|-----------------------------------------------|---------------------------------------------------------------------|
| takes more than 5 s of processor time, 1 GiB  | timeout                                                             |
| raises, but not for the gold answer           | malformed: what it said of this answer                              |
| raises for the gold answer too                | error                                                               |
| gives no number, or more than 1               | error                                                               |
| is killed inside, by a crash of the library   | timeout: this answer cannot be scored                               |
"""

import hashlib
import math
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from verigym.envs.adapters.reasoning_gym import calls
from verigym.envs.adapters.reasoning_gym.rules import EVALUATE, RULES, Rule
from verigym.envs.env import FAILED
from verigym.envs.grading import Machines
from verigym.sandbox.job import Outcome, Result
from verigym.tasks.problem import Problem
from verigym.verifiers.boxes import NoSandbox
from verigym.verifiers.convert import printable
from verigym.verifiers.extract import extract
from verigym.verifiers.verdict import Status, Verdict

CPU_S = 5.0
"""seconds of processor time that their scorer may take"""
FULL = 1 - 1e-9
_TOO_DEAR = (Outcome.CPU_TIMEOUT, Outcome.WALL_TIMEOUT, Outcome.MEMORY, Outcome.SIGNAL)


@dataclass(frozen=True)
class Open:
    """An answer that their scorer is to look at. refused: our check said no, and only partial credit is left."""

    text: str
    refused: bool = False


class Scorer:
    """Grades the replies of one environment. partial: give what their scorer gives below its full score."""

    def __init__(self, partial: bool = False) -> None:
        self._partial = partial
        self._machines: Machines | None = None

    def submit(self, problem: Problem, reply: str) -> "Future[Verdict]":
        entry = problem.answer
        found = (
            Verdict.error(str(problem.meta.get(FAILED))) if entry is None else first_look(entry, reply, self._partial)
        )
        if isinstance(found, Verdict):
            done: Future[Verdict] = Future()
            done.set_result(found)
            return done
        if self._machines is not None:
            return self._machines.submit(ask, entry, found, self._partial)
        return ask(entry, found, self._partial)

    def open(self, workers: int, machines: Machines | None = None) -> None:
        """Raises NoSandbox where there is none: better at once than at each reply."""
        self._machines = machines
        if machines is not None:
            machines.everywhere(prepare)
        else:
            prepare()

    def close(self) -> None:
        self._machines = None


def prepare() -> None:
    """Starts the sandbox, on the machine that this is called on. Raises NoSandbox."""
    try:
        calls.bench()
    except ValueError as failure:
        raise NoSandbox(str(failure)) from None


def ask(entry: Mapping[str, Any], found: Open, partial: bool) -> "Future[Verdict]":
    """What their scorer says of an answer, in the sandbox of the machine that this is called on."""
    held = {"question": entry["question"], "answer": entry["oracle"], "metadata": entry["metadata"]}
    asked = (entry["generator"], entry["level"], entry["overrides"], held, found.text)
    key = hashlib.sha256(repr(asked).encode("utf-8", "surrogatepass")).digest()

    def work() -> Verdict:
        result = calls.bench().once(key, lambda: calls.run("score", *asked, cpu_s=CPU_S), None)
        return verdict_of(result, found, partial)

    return calls.bench().start(work)


def first_look(entry: Mapping[str, Any], reply: str, partial: bool = False) -> Verdict | Open:
    """The verdict that needs no scorer of theirs, or what is to be put to it. Never raises for a reply."""
    answer = extract(reply, "answer_tag")
    text = answer.text
    if text is None:
        return Verdict.malformed(answer.reason)
    if entry["oracle"] is not None and text == entry["oracle"].strip():
        return Verdict.right("the gold answer", text)
    rule = RULES.get(entry["generator"], Rule())
    if rule.form is not None and not rule.form.fullmatch(text):
        return Verdict.malformed(f"{printable(text, 40)!r} is not {rule.wanted}", text)
    said = rule.check(text, entry) if rule.check else None
    if said is None:
        return Open(text)
    if said is True:
        return Verdict.right("as good as the gold answer", text)
    if isinstance(said, str):
        return Verdict.malformed(said, text)
    if partial and entry["generator"] not in EVALUATE:
        return Open(text, refused=True)
    return Verdict.wrong(f"{printable(text, 40)!r} is not the answer", text)


def verdict_of(result: Result, found: Open, partial: bool) -> Verdict:
    """What their score, or its absence, means."""
    if result.outcome in _TOO_DEAR:
        return Verdict.timeout(f"this answer cannot be scored: {result.detail or result.outcome}")
    if not result.ok or not isinstance(result.value, list):
        return Verdict.error(f"the scorer of reasoning-gym failed: {result.detail or result.outcome}")
    if len(result.value) == 2:
        kind, text = map(str, result.value)
        if kind == "reply":
            return Verdict.malformed(f"their scorer cannot read this answer: {printable(text, 120)}", found.text)
        return Verdict.error(f"the scorer of reasoning-gym fails on the gold answer too: {printable(text, 120)}")
    score = result.value[0] if result.value else None
    if not isinstance(score, float) or not math.isfinite(score):
        return Verdict.error(f"the scorer of reasoning-gym gave {printable(repr(score), 40)}, which is no score")
    if score < FULL:
        reward = max(0.0, score) if partial else 0.0
        return Verdict(reward, False, Status.OK, f"scored {score:.3g}", {"score": score}, found.text)
    if found.refused:
        return Verdict.wrong("their scorer takes it for right, our check does not", found.text)
    if score > 2 - FULL:
        return Verdict.error(f"the scorer of reasoning-gym gave {score:.3g}, which is more than 1")
    return Verdict(1.0, True, Status.OK, "their scorer says so", {"score": 1.0}, found.text)
