"""trainer/curriculum.py: what words mean, and where each kind leads a learner that is simulated."""

import json
import math
import random

import pytest

from verigym.trainer.curriculum import Bandit, Fixed, Outcome, Staircase, parse


def group(place, right, size):
    return Outcome(place, (1.0,) * right + (0.0,) * (size - right))


def learner(kind, rates, steps, *, groups=24, size=8, seed=0, learns=None):
    """The share of each level in each step, for a learner with a pass rate by level. `learns(rates, shares)` may move
    the rates between steps."""
    rng, n = random.Random(seed), len(rates)
    state, history = kind.start(n), []
    for _ in range(steps):
        shares = kind.shares(state, n)
        history.append(shares)
        places = rng.choices(range(n), shares, k=groups)
        outcomes = [Outcome(p, tuple(float(rng.random() < rates[p]) for _ in range(size))) for p in places]
        state = json.loads(json.dumps(kind.learn(state, n, outcomes)))  # what a checkpoint keeps is enough
        if learns:
            rates = learns(rates, shares)
    return history


def level_of(shares):
    return max(range(len(shares)), key=lambda place: shares[place])


def test_words_become_a_curriculum():
    assert parse(()) == parse(("fixed",)) == Fixed()
    assert parse(("fixed", "1=0.2", "2=0.8")) == Fixed(((1, 0.2), (2, 0.8)))
    assert parse(("staircase", "up=0.9", "window=32")) == Staircase(up=0.9, window=32)
    assert parse(("bandit signal=mixed floor=0",)) == Bandit(signal="mixed", floor=0.0)  # as one text of a TOML file


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("stairs",), "curriculum='stairs' is not known; did you mean 'staircase'?"),
        (("zzz",), "curriculum='zzz' is not known; the curricula are fixed, staircase, bandit"),
        (("staircase", "upp=0.8"), "curriculum staircase: no option 'upp'; did you mean 'up'?"),
        (
            ("staircase", "zzz=1"),
            "curriculum staircase: no option 'zzz'; the options are up, down, window, review",
        ),
        (
            ("staircase", "0.8"),
            "curriculum staircase: '0.8' is not key=value; write --curriculum staircase up=0.8",
        ),
        (("staircase", "up=high"), "curriculum staircase: up=high does not fit; wanted: a number"),
        (("staircase", "window=6.5"), "curriculum staircase: window=6.5 does not fit; wanted: a whole number"),
        (("staircase", "up=0.05"), "curriculum staircase: down=0.1 up=0.05: wanted 0 <= down < up <= 1"),
        (("staircase", "up=nan"), "curriculum staircase: down=0.1 up=nan: wanted 0 <= down < up <= 1"),
        (("staircase", "window=0"), "curriculum staircase: window=0 is too small; set window to 1 or more"),
        (("staircase", "review=0.7"), "curriculum staircase: review=0.7: wanted a share from 0 to below 0.5"),
        (("staircase", "up=0.8", "up=0.9"), "curriculum staircase: up is given twice; keep one"),
        (("bandit", "signal=varience"), "curriculum bandit: signal='varience' is not known; did you mean 'variance'?"),
        (("bandit", "decay=1"), "curriculum bandit: decay=1: wanted 0 <= decay < 1"),
        (("bandit", "temperature=0"), "curriculum bandit: temperature=0: wanted a positive number"),
        (("bandit", "floor=-0.1"), "curriculum bandit: floor=-0.1: wanted a share from 0 to 0.5"),
        (("fixed", "one=1"), "curriculum fixed: 'one' is not a level; write --curriculum fixed 1=0.2 2=0.8"),
        (("fixed", "1=-1"), "curriculum fixed: the weight 1=-1 is not a positive number; leave the level out"),
        (("fixed", "1=inf"), "curriculum fixed: the weight 1=inf is not a positive number; leave the level out"),
    ],
)
def test_wrong_words_are_named_with_their_mend(words, message):
    with pytest.raises(ValueError) as caught:
        parse(words)
    assert str(caught.value) == message


def test_fixed_weights_are_scaled_and_never_move():
    assert learner(Fixed(((1, 1.0), (2, 3.0))), [0.5, 0.5], 3) == [(0.25, 0.75)] * 3


def test_a_staircase_moves_by_the_last_window_and_forgets_it_with_the_level():
    kind = Staircase(up=0.75, down=0.25, window=8, review=0.2)
    assert kind.shares(kind.start(3), 3) == (1.0, 0.0, 0.0)
    seven = kind.learn(kind.start(3), 3, [group(0, 7, 7)])  # not yet eight
    assert seven["place"] == 0 and kind.learn(seven, 3, [])["place"] == 0
    up = kind.learn(seven, 3, [group(0, 0, 1)])  # 7 of 8
    assert up == {"place": 1, "recent": [], "seen": 0, "fell": -1, "wait": 1}
    assert kind.shares(up, 3) == (0.2, 0.8, 0.0)
    assert kind.learn(up, 3, [group(0, 0, 100)]) == up  # review decides nothing
    held = kind.learn(up, 3, [group(1, 0, 4), group(1, 4, 8)])  # the last eight: 4 right
    assert held["place"] == 1 and len(held["recent"]) == 8
    assert kind.learn(held, 3, [group(1, 2, 8)])["place"] == 0  # 2 of 8: down
    top = {**up, "place": 2}
    assert kind.learn(top, 3, [group(2, 8, 8)])["place"] == 2
    assert kind.shares(top, 3) == pytest.approx((0.1, 0.1, 0.8))
    assert kind.learn(kind.start(3), 3, [group(0, 0, 8)])["place"] == 0


def test_a_staircase_stands_where_the_pass_rate_crosses():
    # Levels 0 and 1 are mastered, level 2 is neither, levels 3 and 4 are too hard.
    history = learner(Staircase(), [0.95, 0.9, 0.55, 0.2, 0.05], 60)
    assert [level_of(shares) for shares in history[:4]] == [0, 1, 2, 2]
    assert {level_of(shares) for shares in history[5:]} == {2}
    # From a hard level between two: it goes to and fro around the crossing, not away from it.
    around = [level_of(shares) for shares in learner(Staircase(), [0.95, 0.9, 0.02, 0.0], 60)]
    assert set(around[5:]) == {1, 2}


def test_a_level_that_is_far_too_hard_is_tried_ever_more_rarely():
    levels = [level_of(shares) for shares in learner(Staircase(), [0.95, 0.0], 120)]  # three windows a step
    assert levels[:6] == [0, 1, 0, 1, 0, 0]
    assert sum(levels[60:]) / 60 <= 0.2
    kind = Staircase(window=4, up=0.75, down=0.25)
    low = {"place": 0, "recent": [], "seen": 0, "fell": 1, "wait": 8}
    assert kind.learn(low, 3, [group(0, 28, 28)])["place"] == 0  # seven windows
    high = kind.learn(low, 3, [group(0, 32, 32)])
    assert (high["place"], high["fell"], high["wait"]) == (1, 1, 8)
    again = kind.learn(high, 3, [group(1, 0, 4)])
    assert (again["place"], again["wait"]) == (0, 16)
    assert kind.learn({**high, "wait": 16}, 3, [group(1, 0, 4)])["wait"] == 16
    held = kind.learn(high, 3, [group(1, 2, 4)])
    assert (held["place"], held["fell"], held["wait"]) == (1, -1, 1)
    assert kind.learn(high, 3, [group(1, 4, 4)])["place"] == 2  # mastered at once: no reason to wait


def test_a_staircase_climbs_with_a_learner_that_learns():
    def learns(rates, shares):
        return [min(0.98, rate + 0.06 * share) for rate, share in zip(rates, shares, strict=True)]

    history = learner(Staircase(), [0.4, 0.35, 0.31, 0.3], 120, learns=learns)
    levels = [level_of(shares) for shares in history]
    assert levels[0] == 0 and levels[-1] == 3
    assert all(sum(shares) == pytest.approx(1.0) for shares in history)


@pytest.mark.parametrize("signal", ["variance", "mixed"])
def test_a_bandit_prefers_levels_near_one_half_and_starves_none(signal):
    kind = parse(("bandit", f"signal={signal}"))
    history = learner(kind, [0.99, 0.5, 0.02, 0.0], 80)
    assert history[0] == pytest.approx((0.25,) * 4)
    late = [sum(column) / 40 for column in zip(*history[40:], strict=True)]
    assert late[1] > 0.7 and max(late) == late[1]
    assert all(share >= kind.floor - 1e-12 for shares in history for share in shares)
    assert all(math.fsum(shares) == pytest.approx(1.0) for shares in history)


def test_a_bandit_with_variance_tells_a_half_from_a_tenth_where_every_group_is_mixed():
    # With 64 rollouts nearly every group is mixed at p = 0.1: only the variance still tells the levels apart.
    history = learner(Bandit(), [0.9, 0.5, 0.1], 60, size=64)
    assert min(shares[1] for shares in history[20:]) > 0.6


def test_a_bandit_follows_a_learner_to_harder_levels():
    def learns(rates, shares):
        return [min(0.99, rate + 0.03 * share) for rate, share in zip(rates, shares, strict=True)]

    best = [level_of(shares) for shares in learner(Bandit(), [0.5, 0.2, 0.05], 70, learns=learns)]
    assert best[5] == 0 and best[-1] == 2
    assert 1 in best[10:60]


def test_a_bandit_finds_the_one_level_where_anything_is_right():
    history = learner(Bandit(), [0.05, 0.0, 0.0, 0.0, 0.0, 0.0], 40, groups=16)
    assert sum(shares[0] for shares in history[10:]) / 30 > 0.5


def test_the_signal_of_a_group_is_unbiased_in_its_size():
    # E[4 s^2] = 4 p (1 - p): enumerated over all replies of a group of three at p = 1/4.
    kind, p = Bandit(decay=0.0), 0.25
    expected = 0.0
    for right in range(4):
        chance = math.comb(3, right) * p**right * (1 - p) ** (3 - right)
        expected += chance * kind.learn(kind.start(1), 1, [group(0, right, 3)])["signal"][0]
    assert expected == pytest.approx(4 * p * (1 - p))


def test_groups_that_show_nothing_are_left_out():
    kind = Bandit()
    assert kind.learn(kind.start(2), 2, [Outcome(0, ()), Outcome(1, (1.0,))]) == kind.start(2)
    staircase = Staircase()
    assert staircase.learn(staircase.start(2), 2, [Outcome(0, ())]) == staircase.start(2)


def test_a_floor_that_cannot_be_held_is_refused():
    with pytest.raises(ValueError, match=r"floor=0\.3 for each of 4 levels is more than there is; set floor to 0\.25"):
        Bandit(floor=0.3).start(4)
