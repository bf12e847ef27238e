"""guess-the-number: bisection wins at every level, and nothing else is rewarded."""

import pytest

from verigym.envs import guess, make
from verigym.tasks.problem import Problem
from verigym.verifiers.verdict import Status

FIVE_TO_ELEVEN = Problem("5-11", answer=9, meta={"low": 5, "high": 11, "guesses": 5})


def test_bisection_by_hand() -> None:
    # 5..11: 8 is too low; 9..11: 10 is too high; 9 is left.
    episode = make("guess-the-number").start(FIVE_TO_ELEVEN)
    said = []
    while episode.verdict is None:
        said.append(guess.bisect(FIVE_TO_ELEVEN, episode.messages))
        episode.reply(said[-1] or "")
    assert said == ["<answer>8</answer>", "<answer>10</answer>", "<answer>9</answer>"]
    assert [m["content"] for m in episode.messages if m["role"] == "user"] == ["5-11", "higher", "lower"]
    assert episode.verdict.reason == "guessed 9 in 3 of 5 guesses"


@pytest.mark.parametrize("level", guess.LEVELS)
def test_bisection_needs_no_more_guesses_than_the_level_says(level: int) -> None:
    env = make("guess-the-number", split="test")
    for index in range(40):
        episode = env.start(env.problem(index, level=level))
        while episode.verdict is None:
            episode.reply(env.oracle(episode.problem, episode.messages) or "")
        assert episode.verdict.correct is True and episode.verdict.reward == 1.0
        assert len(episode.replies) <= guess.BITS[level]


def test_replies_without_a_guess_cost_guesses_and_are_malformed() -> None:
    episode = make("guess-the-number").start(FIVE_TO_ELEVEN)
    for _ in range(4):
        assert episode.reply("is it nine?") is None
        assert episode.observation == [{"role": "user", "content": guess.NO_GUESS}]
    verdict = episode.reply("9")
    assert verdict is not None
    assert (verdict.status, verdict.reward, verdict.correct) == (Status.MALFORMED, 0.0, False)


def test_wrong_guesses_to_the_end_are_wrong() -> None:
    episode = make("guess-the-number").start(FIVE_TO_ELEVEN)
    for _ in range(4):
        assert episode.reply("<answer>99</answer>") is None
        assert episode.observation[0]["content"] == "lower"
    verdict = episode.reply("<answer>1e1</answer>")
    assert verdict is not None and (verdict.status, verdict.reward) == (Status.OK, 0.0)
    assert verdict.reason == "not guessed in 5 replies, 4 of them a guess; it was 9"


def test_the_prompt_says_the_range_in_both_styles_and_never_the_number() -> None:
    words, terse = make("guess-the-number"), make("guess-the-number", style="terse")
    problem = words.problem(3, level=5)
    assert f"from {problem.meta['low']} to {problem.meta['high']}" in problem.text
    assert terse.problem(3, level=5).text == f"{problem.meta['low']}-{problem.meta['high']}"
    assert problem.meta["low"] <= problem.answer <= problem.meta["high"]
