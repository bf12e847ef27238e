"""Scores worked by hand: pass@k, votes, intervals, what leaves n, and the comparison of two checkpoints."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.trainer.config import ConfigError
from verigym.trainer.evaluation.scores import NoAccuracy, Sample, Scores, comparable, compare, maj_at, pass_at, pass_hat

Z = 1.959963984540054


def problem(name: str, right: int, wrong: int, *, errors: int = 0, family: str = "", level: int = 1) -> list[Sample]:
    """Samples of one problem; right ones answer `yes`, wrong ones `no`."""
    graded = [(True, "yes")] * right + [(False, "no")] * wrong
    samples = [
        Sample(name, i, correct, extracted=answer, family=family or name, level=level)
        for i, (correct, answer) in enumerate(graded)
    ]
    broken = [
        Sample(name, len(samples) + i, None, "error", reason="the grader died", family=family or name, level=level)
        for i in range(errors)
    ]
    return samples + broken


def scores(*problems: list[Sample]) -> Scores:
    return Scores(tuple(sample for samples in problems for sample in samples))


def test_pass_at_k_is_the_mean_of_the_unbiased_estimates_with_a_normal_interval():
    # n=4: c=2 -> pass@2 = 1 - C(2,2)/C(4,2) = 5/6; c=0 -> 0. Mean 5/12; s = 5/6/sqrt(2), SE = s/sqrt(2) = 5/12.
    found = pass_at(scores(problem("a", 2, 2), problem("b", 0, 4)), 2)
    assert found.value == pytest.approx(5 / 12)
    assert (found.low, found.high) == (0.0, 1.0)  # 5/12 -+ 1.96 * 5/12, cut to shares
    assert (found.method, found.problems, found.left_out) == ("normal", 2, 0)
    # c = 2, 0, 1, 1 of 4: means 0.5 0 0.25 0.25, mean 0.25, s^2 = (0.0625 * 2) / 3, SE = sqrt(0.125 / 3 / 4)
    found = pass_at(scores(*(problem(name, c, 4 - c) for name, c in (("a", 2), ("b", 0), ("c", 1), ("d", 1)))), 1)
    assert found.value == pytest.approx(0.25)
    assert found.high == pytest.approx(0.25 + Z * math.sqrt(0.125 / 12))


def test_one_try_a_problem_takes_wilson():
    # The golden numbers of Wilson's interval: 24 of 30 -> [0.626943, 0.904949].
    found = pass_at(scores(*(problem(f"p{i}", int(i < 24), int(i >= 24)) for i in range(30))), 1)
    assert found.value == pytest.approx(0.8)
    assert (found.low, found.high) == (pytest.approx(0.6269430), pytest.approx(0.9049489))
    assert found.method == "wilson"


def test_problems_that_all_fail_do_not_get_a_point_for_an_interval():
    # Wilson for 0 of 10: high = z^2 / (10 + z^2) = 3.841459 / 13.841459.
    found = pass_at(scores(*(problem(f"p{i}", 0, 4) for i in range(10))), 4)
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(3.841459 / 13.841459, abs=1e-6)


def test_families_that_repeat_are_clusters():
    # Means 1, 1, 0, 0 in families x, x, y, y: deviations 0.5 summed per family 1 and -1, SE = sqrt(2)/4 = 0.3536.
    part = [problem("a", 2, 0, family="x"), problem("b", 2, 0, family="x")]
    part += [problem("c", 0, 2, family="y"), problem("d", 1, 1, family="y")]
    # values 1 1 0 0.5, mean 0.625; families: 0.75 and -0.75, SE = sqrt(2 * 0.5625) / 4
    found = pass_at(scores(*part), 1)
    assert found.method == "clustered"
    assert found.low == pytest.approx(max(0.0, 0.625 - Z * math.sqrt(1.125) / 4))
    alone = pass_at(scores(problem("a", 1, 1, family="x"), problem("b", 2, 0, family="x")), 1)
    # One family says nothing of the next: Wilson for one try, 0.75 right, outwards to 0 and 1 of 1.
    assert (alone.method, alone.low, alone.high) == ("wilson", 0.0, 1.0)


def test_errors_leave_n_and_are_counted():
    found = scores(problem("a", 1, 1, errors=2), problem("b", 4, 0))
    # a: n=2, c=1 -> 0.5, not 1/4.
    assert pass_at(found, 1).value == pytest.approx(0.75)
    assert (found.errors, found.first_error) == (2, "the grader died")
    assert found.statuses == {"ok": 6, "error": 2}
    # At k=4 only b has four samples that count; a is left out and said to be.
    largest = pass_at(found, 4)
    assert (largest.value, largest.problems, largest.left_out) == (1.0, 1, 1)


def test_a_reward_without_correct_passes_nothing():
    partial = Scores((Sample("a", 0, False, reward=0.9), Sample("a", 1, True, reward=0.1)))
    assert pass_at(partial, 1).value == 0.5
    learned = Scores((Sample("a", 0, None, reward=0.9), Sample("b", 0, None, reward=0.7)))
    assert learned.unruled == 2
    with pytest.raises(NoAccuracy, match=r"none of 2 verdicts says right or wrong .*cannot be an accuracy"):
        pass_at(learned, 1)


def test_all_errors_say_the_first_reason():
    with pytest.raises(NoAccuracy, match=r"all 3 verdicts are errors.*the grader died"):
        pass_at(scores(problem("a", 0, 0, errors=3)), 1)


def test_k_beyond_n_says_how_many_there_are():
    with pytest.raises(
        ConfigError, match=r"k=3 needs 3 samples of a problem, and no problem has more than 2 that count"
    ):
        pass_at(scores(problem("a", 1, 1)), 3)
    with pytest.raises(ConfigError, match="nothing was sampled"):
        pass_at(Scores(()), 1)
    with pytest.raises(ConfigError, match="k=0 is too small"):
        pass_at(scores(problem("a", 1, 1)), 0)


def test_pass_hat_is_the_chance_that_all_succeed():
    # n=4, c=3, k=2: C(3,2)/C(4,2) = 3/6.
    assert pass_hat(scores(problem("a", 3, 1)), 2).value == pytest.approx(0.5)


def test_votes_share_ties_and_the_unparsable_do_not_vote():
    answers = [("42", True), ("41", False), ("42", True), ("7", False), ("41", False)]
    five = Scores(tuple(Sample("a", i, right, extracted=text) for i, (text, right) in enumerate(answers)))
    assert maj_at(five, 5).value == pytest.approx(0.5)  # 42 and 41 tie
    assert maj_at(five, 3).value == pytest.approx(0.43333333)  # the golden number of eval/voting
    # One right vote, two replies without an answer, one that was cut: the only vote wins whenever it is drawn, 2 of 4.
    quiet = [
        Sample("a", 0, True, extracted="1 2"),
        Sample("a", 1, False, "malformed"),
        Sample("a", 2, False, "malformed"),
    ]
    quiet += [Sample("a", 3, False, "truncated", extracted="9")]
    assert maj_at(Scores(tuple(quiet)), 2).value == pytest.approx(0.5)
    # Blanks do not make another answer.
    spaced = [
        Sample("a", 0, True, extracted="1 + 2"),
        Sample("a", 1, True, extracted="1+2"),
        Sample("a", 2, False, extracted="3"),
    ]
    assert maj_at(Scores(tuple(spaced)), 3).value == 1.0


def test_levels_are_apart():
    found = scores(problem("a", 2, 0, level=1), problem("b", 0, 2, level=2)).by_level()
    assert {level: pass_at(part, 1).value for level, part in found.items()} == {1: 1.0, 2: 0.0}


def test_comparison_of_shares_uses_paired_differences_and_sign_flips():
    # Golden eval/paired: difference 0.083333, SE 0.105409, sign-flip p 0.75.
    after = [1.0, 0.5, 0.75, 0.0, 1.0, 0.25]
    before = [0.75, 0.5, 0.25, 0.0, 1.0, 0.5]

    def of(means: list[float]) -> Scores:
        return scores(*(problem(f"p{i}", int(4 * mean), 4 - int(4 * mean)) for i, mean in enumerate(means)))

    found = compare(of(before), of(after))
    assert (found.difference, found.se) == (pytest.approx(1 / 12), pytest.approx(0.1054093))
    assert (found.p, found.test, found.problems) == (pytest.approx(0.75), "sign-flip", 6)
    assert found.low == pytest.approx(1 / 12 - Z * 0.10540926)


def test_comparison_of_single_tries_is_mcnemar():
    # 7 gained, 2 lost, 3 the same: exact p = 2 * (1 + 9 + 36) / 512 = 0.1796875.
    pairs = [(0, 1)] * 7 + [(1, 0)] * 2 + [(1, 1)] * 3
    before = scores(*(problem(f"p{i}", a, 1 - a) for i, (a, _) in enumerate(pairs)))
    after = scores(*(problem(f"p{i}", b, 1 - b) for i, (_, b) in enumerate(pairs)))
    found = compare(before, after)
    assert (found.test, found.p) == ("mcnemar", pytest.approx(0.1796875))
    assert found.difference == pytest.approx(5 / 12)


def test_comparison_refuses_other_problems_and_leaves_errors_out_of_both():
    with pytest.raises(ConfigError, match="of different problems: 2 were sampled for one of them only, such as a"):
        compare(scores(problem("a", 1, 0)), scores(problem("b", 1, 0)))
    before = scores(problem("a", 0, 1), problem("b", 0, 1), problem("c", 0, 1))
    after = scores(problem("a", 1, 0), problem("b", 0, 0, errors=1), problem("c", 0, 1))
    assert (compare(before, after).problems, compare(before, after).difference) == (2, 0.5)


def test_differences_without_spread_do_not_make_a_point():
    # Nothing changed on 10 problems: as far as Wilson's end for 0 of 10, 3.841459 / 13.841459.
    same = scores(*(problem(f"p{i}", 0, 1) for i in range(10)))
    found = compare(same, same)
    assert (found.difference, found.p) == (0.0, 1.0)
    assert (found.low, found.high) == (pytest.approx(-0.2775327), pytest.approx(0.2775327))
    # One problem, gained: 1 - 3.841459 / 4.841459, cut at 1.
    alone = compare(scores(problem("a", 0, 1)), scores(problem("a", 1, 0)))
    assert (alone.low, alone.high, alone.p) == (pytest.approx(1 - 0.7934506), 1.0, 1.0)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=6), st.randoms())
def test_order_of_samples_does_not_matter(counts, random):
    samples = [sample for i, (right, wrong) in enumerate(counts) for sample in problem(f"p{i}", right, wrong + 1)]
    shuffled = list(samples)
    random.shuffle(shuffled)
    first, second = pass_at(Scores(tuple(samples)), 1), pass_at(Scores(tuple(shuffled)), 1)
    assert first.value == pytest.approx(second.value)
    assert (first.low, first.high) == (pytest.approx(second.low), pytest.approx(second.high))
    assert 0 <= first.low <= first.value <= first.high <= 1


def test_scores_without_a_problem_in_common_are_not_comparable() -> None:
    before = scores(problem("a", 1, 1), problem("b", 0, 0, errors=2))
    after = scores(problem("a", 0, 1, errors=1), problem("b", 2, 0))
    assert (before.most, after.most, scores().most) == (2, 2, 0)
    assert comparable(before, after, 1)
    assert compare(before, after, 1).problems == 1
    assert not comparable(before, after, 2)  # a has two ruled samples before only, b after only
    with pytest.raises(ConfigError, match="no problem has k=2 samples that count in both scores"):
        compare(before, after, 2)
