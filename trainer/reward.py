"""What a run's reward is made of: the words of `--reward`, checked, told, and applied to the rollouts of a step.

    reward = Reward.of(("gate:style=r1", "cosine", "clip:low=-1,high=1"), limit=512)
    rollouts = reward.shaped(rollouts)          # `verdict.parts` holds what each stage added
    print(reward.describe())

A stage takes the reward that the one before it gave, in the order in which they are written. Lengths are sampled
tokens, of all turns together; the form is that of the last reply. `correct` is never touched, so accuracy, held-out
scores and dynamic sampling stay what the verifier says; held-out prompts ask for LCPO's length too.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from verigym.envs.wrapped import Told
from verigym.tasks.problem import Problem
from verigym.trainer.config import ConfigError, require
from verigym.trainer.seeds import sample_seed
from verigym.verifiers import shaping
from verigym.verifiers.table import function_of, verify_many
from verigym.verifiers.verdict import Verdict

if TYPE_CHECKING:
    from verigym.envs.env import Env
    from verigym.trainer.objective.table import Objective
    from verigym.trainer.rollout import Rollout

VERIFIED = "reward.verified"
"""Part: the reward of the verifier, before any stage. It and all other `reward.` parts add up to the reward."""

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Said:
    """What a stage may know of a reply beside its verdict. limit: the generation limit; target: the length that the
    prompt asks for; form: what the verifier `format` says, for a stage that asks it."""

    tokens: Sequence[int]
    limit: int
    target: int
    form: Verdict

    @property
    def length(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True)
class Kind:
    """A way to change a reward. options: name to default, or to a type where a value must be given; form: takes the
    options of the verifier `format` too; below: whether a reward may be below 0 after it, given whether it may before.
    """

    options: Values
    shape: Callable[[Verdict, Said, Values, str], Verdict]
    tell: Callable[[Values, int], str]
    below: Callable[[bool, Values], bool]
    form: bool = False


@dataclass(frozen=True)
class Stage:
    """One word of `--reward`. values: its options, all of them; form: options of the verifier `format`."""

    kind: str
    name: str
    values: Values
    form: Values = field(default_factory=dict)


def _cosine(verdict: Verdict, said: Said, v: Values, name: str) -> Verdict:
    ends: dict[str, Any] = {"right": (v["right"], v["right_long"]), "wrong": (v["wrong"], v["wrong_long"])}
    limit = v["max_tokens"] or said.limit
    return shaping.cosine(verdict, said.length, limit=limit, exceed=v["exceed"], name=name, **ends)


def _overlong(verdict: Verdict, said: Said, v: Values, name: str) -> Verdict:
    limit, cache = _overlong_ends(v, said.limit)
    return shaping.soft_overlong(verdict, said.length, limit=limit, cache=cache, weight=v["weight"], name=name)


def _overlong_ends(v: Values, limit: int) -> tuple[int, int]:
    limit = v["max_tokens"] or limit
    return limit, v["cache"] or max(1, limit // 5)


def _lcpo(verdict: Verdict, said: Said, v: Values, name: str) -> Verdict:
    if v["mode"] == "exact":
        return shaping.lcpo_exact(verdict, said.length, target=said.target, alpha=v["alpha"], name=name)
    return shaping.lcpo_max(verdict, said.length, target=said.target, alpha=v["alpha"], delta=v["delta"], name=name)


def _tell_lcpo(v: Values, _: int) -> str:
    how = f"R - {v['alpha']:g} |n* - n|"
    if v["mode"] == "max":
        how = f"R clip({v['alpha']:g} (n* - n) + {v['delta']:g}; 0, 1)"
    return f"{how}, n* = {v['target']} tokens{' by problem' if '-' in v['target'] else ''}, told in the prompt (LCPO)"


def _tell_cosine(v: Values, limit: int) -> str:
    ends = f"right {v['right']:g} to {v['right_long']:g}, wrong {v['wrong']:g} to {v['wrong_long']:g}"
    end = v["max_tokens"] or limit
    return f"in place of R, by a cosine of n from 0 to {end} tokens: {ends}; from {end} on {v['exceed']:g}"


def _tell_overlong(v: Values, limit: int) -> str:
    end, cache = _overlong_ends(v, limit)
    return f"R + {v['weight']:g} times: 0 up to {end - cache} tokens, then linear to -1 at {end} (soft overlong)"


KINDS: Mapping[str, Kind] = {
    "gate": Kind(
        {"otherwise": 0.0},
        lambda verdict, said, v, name: shaping.gate(verdict, said.form, name=name, **v),
        lambda v, _: f"R where the reply passes format({{form}}), else {v['otherwise']:g}",
        lambda below, v: below or v["otherwise"] < 0,
        form=True,
    ),
    "format": Kind(
        {"weight": 0.1},
        lambda verdict, said, v, name: shaping.add(verdict, said.form, name=name, **v),
        lambda v, _: f"R + {v['weight']:g} format({{form}})",
        lambda below, v: below or v["weight"] < 0,
        form=True,
    ),
    "cosine": Kind(
        {"max_tokens": 0, "right": 1.0, "right_long": 0.5, "wrong": -1.0, "wrong_long": -0.5, "exceed": -1.0},
        _cosine,
        _tell_cosine,
        lambda _, v: min(v[end] for end in ("right", "right_long", "wrong", "wrong_long", "exceed")) < 0,
    ),
    "overlong": Kind(
        {"max_tokens": 0, "cache": 0, "weight": 1.0},
        _overlong,
        _tell_overlong,
        lambda below, v: below or v["weight"] > 0,
    ),
    "lcpo": Kind(
        {"target": str, "mode": "exact", "alpha": 3e-4, "delta": 0.5},
        _lcpo,
        _tell_lcpo,
        lambda below, v: below or v["mode"] == "exact",
    ),
    "repetition": Kind(
        {"weight": 1.0, "n": 40},
        lambda verdict, said, v, name: shaping.repetition(verdict, said.tokens, name=name, **v),
        lambda v, _: f"R - {v['weight']:g} (share of {v['n']}-grams of tokens that stood earlier in the reply)",
        lambda below, v: below or v["weight"] > 0,
    ),
    "scale": Kind(
        {"by": float},
        lambda verdict, said, v, name: shaping.scale(verdict, v["by"], name=name),
        lambda v, _: f"{v['by']:g} R",
        lambda below, v: below or v["by"] < 0,
    ),
    "clip": Kind(
        {"low": 0.0, "high": 1.0},
        lambda verdict, said, v, name: shaping.clip(verdict, v["low"], v["high"], name=name),
        lambda v, _: f"R held between {v['low']:g} and {v['high']:g}",
        lambda below, v: (below and v["low"] < 0) or v["high"] < 0,
    ),
}
"""Name to what it does. 0 for max_tokens is the generation limit, 0 for cache a fifth of max_tokens."""

WORDS = {"exact": "\n\nThink for {n} tokens.", "max": "\n\nThink for at most {n} tokens."}
"""What LCPO adds to a prompt, by its mode."""

_OPTIONS = re.compile(r",(?=[A-Za-z_]+=)")  # a value may hold commas, as in a pattern
_TARGET = re.compile(r"([1-9][0-9]{0,6})(?:-([1-9][0-9]{0,6}))?")


@dataclass(frozen=True)
class Reward:
    """The stages of a run, in their order. limit: the generation limit, tokens."""

    stages: tuple[Stage, ...]
    limit: int

    @classmethod
    def of(cls, words: Sequence[str], limit: int) -> "Reward":
        """What the words of `--reward` stand for. Raises ConfigError with the nearest name, or the number that cannot
        be meant."""
        stages: list[Stage] = []
        for word in words:
            kind, _, rest = word.partition(":")
            require(
                kind in KINDS,
                f"reward holds {word!r}, and there is no {kind!r}{_near(kind, KINDS)}; a word is one of "
                f"{', '.join(KINDS)}, with options as in cosine:max_tokens=1024,wrong=-1",
            )
            again = sum(stage.kind == kind for stage in stages)
            require(not (again and kind == "lcpo"), "reward holds lcpo twice; a prompt can ask for one length only")
            stage = _stage(kind, f"{kind}-{again + 1}" if again else kind, rest)
            _try(stage, limit)
            stages.append(stage)
        return cls(tuple(stages), limit)

    def check(self, objective: "Objective") -> None:
        """Raises ConfigError where the objective takes the same penalty once more, or cannot take such rewards."""
        require(
            objective.overlong != "penalty" or all(stage.kind != "overlong" for stage in self.stages),
            "the reward holds overlong, and the objective has overlong=penalty: long replies would be charged twice; "
            "set --overlong none (or mask), or leave the word out of --reward",
        )
        below = False
        for stage in self.stages:
            below = KINDS[stage.kind].below(below, stage.values)
        require(
            not (below and objective.scale == "mean"),
            "the reward may be below 0, and scale=mean divides by the mean reward of a group, which must not; end "
            "--reward with clip:low=0, or set --scale group or none",
        )

    def told(self, env: "Env") -> "Env":
        """The environment, whose prompts end with the length that LCPO asks for; as it is without LCPO."""
        stage = next((stage for stage in self.stages if stage.kind == "lcpo"), None)
        if stage is None:
            return env
        words, found = WORDS[stage.values["mode"]], copy(env)
        found.task = Told(env.task, lambda problem: words.format(n=target_of(stage, problem)))
        return found

    def shaped(self, rollouts: Sequence["Rollout"]) -> list["Rollout"]:
        """The rollouts with the rewards that the stages make, and what each of them added in `parts`."""
        if not self.stages:
            return list(rollouts)
        verdicts = [
            replace(v, parts={**v.parts, VERIFIED: v.reward}) if v.scored else v for v in (r.verdict for r in rollouts)
        ]
        for stage in self.stages:
            kind = KINDS[stage.kind]
            forms = [_NO_FORM] * len(rollouts)
            if kind.form:
                forms = verify_many("format", [r.reply for r in rollouts], [None] * len(rollouts), **stage.form)
            verdicts = [
                kind.shape(verdict, _said(stage, rollout, form, self.limit), stage.values, f"reward.{stage.name}")
                for verdict, rollout, form in zip(verdicts, rollouts, forms, strict=True)
            ]
        return [replace(rollout, verdict=verdict) for rollout, verdict in zip(rollouts, verdicts, strict=True)]

    def describe(self) -> str:
        """The reward in words and symbols, one line a stage; nothing without stages."""
        if not self.stages:
            return ""
        lines = ["reward: R is the verifier's, n the sampled tokens of a reply; then, in this order"]
        for stage in self.stages:
            form = ", ".join(f"{key}={value}" for key, value in stage.form.items())
            told = KINDS[stage.kind].tell(stage.values, self.limit).replace("{form}", form)
            lines.append(f"  {stage.name:<12} {told}")
        return "\n".join(lines) + "\n"


def target_of(stage: Stage, problem: Problem) -> int:
    """The length that LCPO asks for in a problem, tokens: the same for all rollouts of a group and in every run."""
    low, high = _target_range(stage.values["target"])
    return low + sample_seed("lcpo", problem.address) % (high - low + 1)


_NO_FORM = Verdict.wrong("not asked")


def _said(stage: Stage, rollout: "Rollout", form: Verdict, limit: int) -> Said:
    tokens = [token for token, sampled in zip(rollout.token_ids, rollout.sampled, strict=True) if sampled]
    return Said(tokens, limit, target_of(stage, rollout.problem) if stage.kind == "lcpo" else 0, form)


def _stage(kind: str, name: str, rest: str) -> Stage:
    """A stage from what follows the colon. Raises ConfigError."""
    own = KINDS[kind].options
    forms: Values = (function_of("format").__kwdefaults__ or {}) if KINDS[kind].form else {}
    given: dict[str, Any] = {}
    for pair in _OPTIONS.split(rest) if rest else []:
        option, equals, text = pair.partition("=")
        require(bool(equals), f"reward: {kind}:{rest} holds {pair!r}, which is not option=value")
        known = {**forms, **own}
        require(
            option in known,
            f"reward: {kind} has no option {option!r}{_near(option, known)}; it has {', '.join(known)}",
        )
        require(option not in given, f"reward: {kind} is given {option} twice; keep one")
        given[option] = _read(kind, option, text, known[option])
    for option, default in own.items():
        require(
            option in given or not isinstance(default, type),
            f"reward: {kind} needs {option}, as in {kind}:{option}={'512' if default is str else '0.9'}",
        )
    values = {option: given.get(option, default) for option, default in own.items()}
    form = {option: value for option, value in given.items() if option not in own}
    return Stage(kind, name, values, {"style": "r1", **form} if KINDS[kind].form else {})


def _read(kind: str, option: str, text: str, default: Any) -> Any:
    """`text` as the type of an option. Raises ConfigError."""
    wanted = default if isinstance(default, type) else type(default)
    if wanted is bool:
        require(text.lower() in ("true", "false"), f"reward: {kind}: {option}={text!r} is neither true nor false")
        return text.lower() == "true"
    if wanted in (int, float):
        try:
            value = wanted(text)
        except ValueError:
            what = "a whole number" if wanted is int else "a number"
            raise ConfigError(f"reward: {kind}: {option}={text!r} is not {what}") from None
        require(math.isfinite(value) and abs(value) <= 1e9, f"reward: {kind}: {option}={text} is beyond all sense")
        return value
    return text


def _try(stage: Stage, limit: int) -> None:
    """Shapes one verdict, so that numbers of no sense are named before a run starts. Raises ConfigError."""
    kind, v = KINDS[stage.kind], stage.values
    if stage.kind == "lcpo":
        require(
            v["mode"] in WORDS, f"reward: lcpo: mode={v['mode']!r} is not known{_near(v['mode'], WORDS)}; exact or max"
        )
        _, longest = _target_range(v["target"])
        require(
            longest <= limit or v["mode"] == "max",
            f"reward: lcpo: target={v['target']} is beyond the limit of {limit} tokens, so no reply can be so long; "
            f"set --max-new-tokens {longest} or more, or a smaller target",
        )
    for option in ("max_tokens", "cache"):
        require(v.get(option, 0) >= 0, f"reward: {stage.kind}: {option}={v.get(option)} is negative; 0 is the default")
    try:
        if kind.form:
            function_of("format")("", None, **stage.form)
        kind.shape(Verdict.wrong(""), Said((), limit, 1, _NO_FORM), v, stage.name)
    except ValueError as error:
        raise ConfigError(f"reward: {stage.kind}: {error}") from error


def _target_range(text: str) -> tuple[int, int]:
    match = _TARGET.fullmatch(text)
    low, high = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    require(low <= high, f"reward: lcpo: target={text!r} is no length; write target=512, or target=100-4000 to vary it")
    return low, high


def _near(name: str, known: Mapping[str, Any]) -> str:
    found = get_close_matches(name, list(known), 1, 0.5)
    return f" (did you mean {found[0]}?)" if found else ""
