r"""A language model as the grader: scores a reply by a rubric, or compares it with a reference in both orders.

    verify("judge", reply, {"question": "Why is the sky blue?", "reference": "Rayleigh scattering"},
           url="http://localhost:8000/v1", model="qwen", scale=10).reward             # 0.7
    verify("judge", reply, answer, local="path/to/model", mode="compare").parts       # {"judge": 0.5, "swapped": 1.0}

A judge has an opinion, not a proof: `correct` stays None, so its rewards train a policy and never pass for accuracy,
unless `verifier=True` declares it a verifier (for rows: in the spec of `compose`). What a judge cannot say is no score:
an endpoint that is down, a spent budget or a judgement that is not of the form is `Verdict.error`, which is masked and
counted. `prompt.py` tells how a reply is kept from posing as instructions; what is inside may still persuade a judge.

Waiting is done in threads of its own for each setting (`concurrency` of them), so it delays no other verdict. Answers
are cached by model, messages and parameters; the cache and the budget belong to the process and the setting.
"""

import importlib.util
import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache as remembered
from typing import Any

from verigym.verifiers.convert import printable
from verigym.verifiers.extract import after_thinking
from verigym.verifiers.judge.asker import Asker, Where, shared_asker
from verigym.verifiers.judge.case import Case, read_case
from verigym.verifiers.judge.judgement import Unreadable, read_choice, read_scores
from verigym.verifiers.judge.prompt import compare_messages, nonce_for, score_messages
from verigym.verifiers.judge.store import Failed
from verigym.verifiers.verdict import Status, Verdict

DAY_S = 86_400
TRIES = 2
"""times that a vote is asked for when the judgement cannot be read"""


@dataclass(frozen=True)
class How:
    """How a reply is judged: options of `judge`."""

    mode: str
    scale: int
    form: str
    votes: int
    seed: int
    verifier: bool
    threshold: float
    wait_s: float


@dataclass(frozen=True)
class Plan:
    """A reply that is to be judged."""

    reply: str
    case: Case
    how: How
    where: Where

    @property
    def lane(self) -> Where:
        """Replies for one setting wait for each other only."""
        return self.where

    @property
    def most(self) -> int:
        """Replies that are judged at once."""
        return 1 if self.where.local else self.where.concurrency


@dataclass(frozen=True)
class Vote:
    """One opinion. reward: in [0, 1]; scores: by criterion; unlike: the two orders did not agree."""

    reward: float
    reason: str
    scores: tuple[int, ...] = ()
    unlike: bool = False


def judge(
    reply: str,
    answer: Any,
    *,
    url: str = "",
    model: str = "",
    local: str = "",
    device: str = "auto",
    key_env: str = "VERIGYM_JUDGE_KEY",
    mode: str = "score",
    rubric: Any = None,
    scale: int = 10,
    form: str = "json",
    votes: int = 1,
    temperature: float = 0.0,
    seed: int = 0,
    max_tokens: int = 1024,
    body: Any = None,
    verifier: bool = False,
    threshold: float = 0.75,
    thinking: bool = False,
    max_chars: int = 32_768,
    timeout_s: float = 60.0,
    wait_s: float = 300.0,
    retries: int = 5,
    concurrency: int = 8,
    cache: str = "",
    max_calls: int = 0,
    max_spent_tokens: int = 0,
    max_cost: float = 0.0,
    price_in: float = 0.0,
    price_out: float = 0.0,
) -> "Verdict | Plan":
    """The plan for judging `reply`, or `malformed` where there is nothing to judge. `verify` goes on with a plan.

    answer       the reference, or {"question": text, "reference": text, "rubric": ...}, some of them
    url, model   an OpenAI-compatible endpoint (up to /v1) and the model's name there; needs the extra `api`
    local        in their place a directory or Hub id for transformers: greedy, in this process, on `device` (auto, cpu,
                 cuda:1)
    key_env      the environment variable that holds the endpoint's key, if it wants one
    mode         score: a number from 0 to `scale`; compare: better, worse or no better than the reference, asked in
                 both orders. What depends on the order is a tie, 0.5, and counted in `parts["swapped"]`
    rubric       a text, or a list of {"criterion": text, "weight": 1, "points": 1}; the reward is then the weighted
                 mean of the shares of points, and `parts` holds each. A rubric of the answer wins
    form         of the judgement: json (one object and nothing else) or tag (thoughts, then one tag with a nonce)
    votes        an odd number of judgements with different seeds; the median counts, which is the majority if there is
                 one. More than half of them must be readable
    temperature, seed, max_tokens, body   of the request; body: further fields (a dict or JSON text; null drops a field)
    verifier     declare the judge a verifier: `correct` is then whether the reward is at least `threshold`
    thinking     show the judge the reasoning too; else what follows `</think>`
    max_chars    a longer reply is malformed: a cut would hide from the judge what the reader sees
    timeout_s    of one try; retries: further tries, with waits that double; wait_s: for all of one reply
    concurrency  replies judged at once
    cache        a file that keeps the answers, for later runs too; "" keeps them for this process
    max_calls, max_spent_tokens, max_cost   a budget, 0 for none. When it is spent verdicts are `error`
    price_in, price_out   of a million tokens, in the unit of max_cost

    Raises ValueError for a setting that cannot be meant, and WrongAnswer for an `answer` of another form.
    """
    how = How(mode, scale, form, votes, seed, verifier, threshold, wait_s)
    _check(how, temperature, max_chars)
    where = Where(
        url=url, model=model, local=local, device=device, key_env=key_env, temperature=temperature,
        max_tokens=max_tokens, body=_body(body), timeout_s=timeout_s, retries=retries, concurrency=concurrency,
        cache=cache, max_calls=max_calls, max_spent_tokens=max_spent_tokens, max_cost=max_cost, price_in=price_in,
        price_out=price_out,
    )  # fmt: skip
    if missing := _missing("httpx" if url else "transformers"):
        raise ValueError(missing)
    case = read_case(answer, rubric)
    if mode == "compare" and not case.reference:
        raise ValueError('judge: mode="compare" needs a reference in the answer')
    text = reply if thinking else after_thinking(reply)
    correct = False if verifier else None
    if text is None:
        return Verdict(
            0.0, correct, Status.MALFORMED, "the reasoning is not closed: no </think> after the last <think>"
        )
    if not any(character.isalnum() for character in text):
        return Verdict(0.0, correct, Status.MALFORMED, "the reply holds neither a letter nor a digit")
    if len(text) > max_chars:
        reason = f"the reply has {len(text)} characters; at most {max_chars} are judged"
        return Verdict(0.0, correct, Status.MALFORMED, reason)
    return Plan(text.strip(), case, how, where)


def run(plan: Plan, deadline_s: float | None) -> Verdict:
    """The verdict on a plan: waits for the judge, at most `wait_s` or `deadline_s`."""
    how = plan.how
    until = time.monotonic() + min(how.wait_s, deadline_s if deadline_s is not None else how.wait_s)
    votes: list[Vote] = []
    unreadable = ""
    try:
        asker = shared_asker(plan.where)
        for number in range(how.votes):
            try:
                votes.append(_vote(plan, asker, how.seed + number, until))
            except Unreadable as failure:
                unreadable = str(failure)
    except Failed as failure:
        return Verdict.error(printable(f"judge: {failure}", 400))
    if 2 * len(votes) <= how.votes:
        return Verdict.error(f"judge: {how.votes - len(votes)} of {how.votes} judgements cannot be read: {unreadable}")
    return conclude(plan, votes)


def conclude(plan: Plan, votes: list[Vote]) -> Verdict:
    """The verdict that votes make: their median."""
    reward = statistics.median_low([vote.reward for vote in votes])
    parts = {"judge": reward}
    for place, criterion in enumerate(plan.case.criteria if plan.how.mode == "score" else ()):
        share = statistics.median_low([vote.scores[place] / criterion.points for vote in votes])
        parts[f"{place + 1}. {printable(criterion.text, 40)}"] = share
    if plan.how.mode == "compare":
        parts["swapped"] = sum(vote.unlike for vote in votes) / len(votes)
    if plan.how.votes > 1:
        parts["agreement"] = sum(vote.reward == reward for vote in votes) / len(votes)
    correct = reward >= plan.how.threshold if plan.how.verifier else None
    told = next(vote for vote in votes if vote.reward == reward)
    return Verdict(reward, correct, Status.OK, printable(f"judged {reward:g}: {told.reason}", 300), parts)


def _vote(plan: Plan, asker: Asker, seed: int, until: float) -> Vote:
    """One vote. Raises Unreadable when no try could be read, and Failed."""
    for attempt in range(TRIES):
        try:
            one = _compared if plan.how.mode == "compare" else _scored
            return one(plan, asker, seed + 1_000_003 * attempt, until)
        except Unreadable as failure:
            last = failure
    raise last


def _scored(plan: Plan, asker: Asker, seed: int, until: float) -> Vote:
    case, how = plan.case, plan.how
    nonce = nonce_for(seed, plan.reply, case.question, case.reference)
    messages = score_messages(case, plan.reply, scale=how.scale, form=how.form, nonce=nonce)
    most = [criterion.points for criterion in case.criteria] or [how.scale]

    def read(text: str) -> tuple[list[int], str]:
        return read_scores(text, most, form=how.form, nonce=nonce, single=not case.criteria)

    scores, reason = asker.ask(messages, seed=seed, until=until, read=read)
    weights = [criterion.weight for criterion in case.criteria] or [1.0]
    shares = [score / points for score, points in zip(scores, most, strict=True)]
    reward = sum(weight * share for weight, share in zip(weights, shares, strict=True)) / sum(weights)
    return Vote(min(1.0, reward), reason, tuple(scores))


def _compared(plan: Plan, asker: Asker, seed: int, until: float) -> Vote:
    """Asked in both orders; a preference that the order decides is none."""
    case, how = plan.case, plan.how
    found: list[tuple[float, str]] = []
    for ours in ("A", "B"):
        pair = (plan.reply, case.reference) if ours == "A" else (case.reference, plan.reply)
        nonce = nonce_for(seed, *pair, case.question)
        messages = compare_messages(case, *pair, form=how.form, nonce=nonce)
        read = _choice_reader(how.form, nonce)
        choice, reason = asker.ask(messages, seed=seed, until=until, read=read)
        found.append((0.5 if choice == "tie" else float(choice == ours), reason))
    (first, reason), (second, _) = found
    if first != second:
        return Vote(0.5, f"the two orders disagree; {reason}", unlike=True)
    return Vote(first, reason)


def _choice_reader(form: str, nonce: str) -> Callable[[str], tuple[str, str]]:
    return lambda text: read_choice(text, form=form, nonce=nonce)


def _check(how: How, temperature: float, max_chars: int) -> None:
    """Raises ValueError for a setting that cannot be meant."""
    for name, known in (("mode", ("score", "compare")), ("form", ("json", "tag"))):
        if getattr(how, name) not in known:
            raise ValueError(f"judge has no {name} {getattr(how, name)!r}; give one of {', '.join(known)}")
    if not 1 <= how.scale <= 1000:
        raise ValueError(f"judge: scale={how.scale} must be from 1 to 1000")
    if how.votes < 1 or how.votes % 2 == 0:
        raise ValueError(f"judge: votes={how.votes} must be an odd number, so that there is a middle one")
    if how.votes > 1 and not temperature:
        raise ValueError(f"judge: votes={how.votes} at temperature 0 are one opinion; set temperature, such as 0.7")
    if not 0.0 <= how.threshold <= 1.0:
        raise ValueError(f"judge: threshold={how.threshold} must be from 0 to 1")
    if not 0 < how.wait_s <= DAY_S:
        raise ValueError(f"judge: wait_s={how.wait_s} must be above 0 and at most {DAY_S}, a day")
    if max_chars < 1:
        raise ValueError(f"judge: max_chars={max_chars} must be 1 or more")


def _body(body: Any) -> str:
    """Further fields of the request, as JSON text. Raises ValueError."""
    try:
        found = json.loads(body) if isinstance(body, str) and body else body or {}
        if not isinstance(found, Mapping) or "messages" in found:
            raise ValueError("it must be a dict of further fields, without messages")
        return json.dumps(dict(found), sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as failure:
        raise ValueError(f"judge: body={body!r:.80} cannot be sent: {failure}") from None


@remembered
def _missing(package: str) -> str:
    """What to install, where a package is not there."""
    if importlib.util.find_spec(package) is not None:
        return ""
    extra = {"httpx": "api", "transformers": "train"}[package]
    return f'judge needs {package}, which is not installed; run: pip install "verigym[{extra}]"'
