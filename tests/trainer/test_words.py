"""Settings made of words."""

from dataclasses import dataclass

import pytest

from verigym.trainer.config import ConfigError, ObjectiveChoice, Rollout
from verigym.trainer.engines.options import ServerOptions, options_of
from verigym.trainer.fit import Fit
from verigym.trainer.lag import Lag
from verigym.trainer.lora import Lora
from verigym.trainer.words import read


@dataclass(frozen=True)
class Words:
    size: int = 1
    share: float | None = None
    fast: bool = False
    url: tuple[str, ...] = ()


def test_words_become_fields() -> None:
    assert read(("fast", "size=3", "share=0.5", "url=a", "url=b"), Words, where="x") == Words(3, 0.5, True, ("a", "b"))
    assert read((), Words, where="x") == Words()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("sise=3",), r"x holds 'sise=3' \(did you mean size\?\); its words are size=N, share=X, fast, url=TEXT"),
        (("size=three",), "x holds 'size=three'; write size=N"),
        (("size",), "x holds 'size'; write size=N"),
        (("fast=1",), "x holds 'fast=1'; write fast"),
        (("url=",), "x holds 'url='; write url=TEXT"),
        (("size=1", "size=2"), "x holds size twice; keep one"),
    ],
)
def test_a_word_that_does_not_fit_is_named(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(words, Words, where="x")


@pytest.mark.parametrize(("words", "lag"), [((), Lag()), (("1",), Lag(1)), (("4", "partial"), Lag(4, True))])
def test_a_lag(words: tuple[str, ...], lag: Lag) -> None:
    assert Lag.of(words) == lag


@pytest.mark.parametrize(
    "words", [("x",), ("-1",), ("1", "2"), ("2", "partial", "partial"), ("0", "partial"), ("partial",)]
)
def test_what_is_no_lag(words: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="write --lag"):
        Lag.of(words)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Fit.of(("adam=4bit",)), "fit: adam=4bit is none of fp32, 8bit, paged8bit"),
        (lambda: Fit.of(("chekpoint",)), r"fit holds 'chekpoint' \(did you mean checkpoint\?\)"),
        (lambda: Lora.of(("rank=0",)), "lora: rank=0 is too small; write rank=16"),
        (lambda: Lora.of(("alpha=0",)), "lora: alpha=0.0 adds nothing"),
        (lambda: Rollout(engine_args=("batch=0",)), "engine_args of transformers: batch=0 is too small"),
        (lambda: Rollout(engine_args=("url=http://x",)), "engine_args of transformers holds 'url=http://x'"),
        (lambda: Rollout(engine_args=("canary_warn=0.1",)), "a warning comes before the stop"),
        (lambda: Rollout(lag=("soon",)), "lag='soon' is no lag"),
    ],
)
def test_settings_of_words_are_checked_where_they_are_made(make, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()


def test_servers_are_several() -> None:
    rollout = Rollout(engine="vllm-server", engine_args=("url=http://a:1", "url=http://b:2", "retry_s=5"))
    options = options_of(rollout)
    assert isinstance(options, ServerOptions) and options.url == ("http://a:1", "http://b:2") and options.retry_s == 5


def test_corrections_and_length_rules_hold_their_numbers() -> None:
    choice = ObjectiveChoice(correction=("mis-token", "min=0.5", "max=5"), overlong=("penalty", "cache=6"))
    objective = choice.resolve()
    assert (objective.correction, objective.correction_min, objective.correction_max) == ("mis-token", 0.5, 5.0)
    assert (objective.overlong, objective.overlong_cache) == ("penalty", 6)
    # another correction starts without the named objective's bounds
    assert ObjectiveChoice("grpo@trl", correction=("decoupled",)).resolve().correction_max is None
    with pytest.raises(ConfigError, match="correction holds 'mx=2'"):
        ObjectiveChoice(correction=("tis-token", "mx=2")).resolve()
