"""The Gymnasium adapter passes Gymnasium's own checker."""

import sys
import warnings

import pytest

from verigym.envs import EnvError, make
from verigym.envs.gym import gymnasium_env

gymnasium = pytest.importorskip("gymnasium")


@pytest.mark.parametrize("id", ["countdown", "sudoku", "guess-the-number"])
def test_gymnasiums_checker_passes(id: str) -> None:
    from gymnasium.utils.env_checker import check_env

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium_env(make(id)), skip_render_check=True)


def test_text_in_and_text_out() -> None:
    env = make("countdown", style="terse")
    wrapped = gymnasium_env(env)
    observation, info = wrapped.reset(seed=3, options={"level": 2, "index": 5})
    problem = env.problem(5, level=2)
    assert (observation, info) == (problem.text, {"address": str(problem.address)})
    observation, reward, terminated, truncated, info = wrapped.step(env.oracle(problem))
    assert (observation, reward, terminated, truncated) == ("", 1.0, True, False)
    assert info["status"] == "ok" and info["correct"] is True and info["reason"]
    assert observation in wrapped.observation_space and "日本語 \U0001f600" in wrapped.action_space


def test_seeds_decide_the_sequence() -> None:
    def three(seed: int) -> list[str]:
        wrapped = gymnasium_env(make("countdown"))
        return [wrapped.reset(seed=seed)[0], wrapped.reset()[0], wrapped.reset()[0]]

    assert three(1) == three(1)
    assert len({*three(1), *three(2)}) == 6


def test_without_gymnasium_the_mend_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(EnvError, match="the Gymnasium adapter needs gymnasium: pip install gymnasium"):
        gymnasium_env(make("countdown"))
