"""pass@k, voting and best-of-n: by hand, and against plain enumeration of every subset."""

import itertools
import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.trainer.evaluation import passk


def subsets(n: int, k: int) -> list[tuple[int, ...]]:
    return list(itertools.combinations(range(n), k))


@pytest.mark.parametrize("n", range(1, 8))
def test_the_family_equals_enumeration_for_every_count(n: int) -> None:
    for c, k in itertools.product(range(n + 1), range(1, n + 1)):
        hits = [sum(place < c for place in chosen) for chosen in subsets(n, k)]
        assert passk.pass_at_k(n, c, k) == pytest.approx(sum(h >= 1 for h in hits) / len(hits), abs=1e-12)
        assert passk.pass_hat_k(n, c, k) == pytest.approx(sum(h == k for h in hits) / len(hits), abs=1e-12)
        for tau in (0.0, 0.25, 1 / 3, 0.5, 1.0):
            need = max(1, math.ceil(tau * k))
            expected = sum(h >= need for h in hits) / len(hits)
            assert passk.g_pass_at_k(n, c, k, tau) == pytest.approx(expected, abs=1e-12), (c, k, tau)


def test_by_hand_and_far_out() -> None:
    assert passk.pass_at_k(8, 3, 2) == pytest.approx(1 - (5 * 4) / (8 * 7))
    assert passk.pass_at_k(32, 1, 32) == 1.0
    assert passk.pass_at_k(32, 4, 8) == pytest.approx(0.7045, abs=1e-3)
    assert passk.pass_at_k(1000, 500, 400) == pytest.approx(1.0)
    assert passk.g_pass_at_k(10, 5, 5, 3 * 0.2) == passk.g_pass_at_k(10, 5, 5, 0.6)
    assert passk.mg_pass_at_k(4, 4, 4) == 1.0


@pytest.mark.parametrize(("n", "c", "k"), [(4, 5, 1), (4, -1, 1), (4, 2, 5), (4, 2, 0)])
def test_impossible_counts_are_errors(n: int, c: int, k: int) -> None:
    for run in (passk.pass_at_k, passk.pass_hat_k, passk.mg_pass_at_k):
        with pytest.raises(
            ValueError, match=r"must lie in 0\.\.n|draw at least k samples a problem, or ask for a smaller k"
        ):
            run(n, c, k)
    with pytest.raises(ValueError, match=r"tau=1.5 is a share of k"):
        passk.g_pass_at_k(4, 2, 2, 1.5)


def test_votes_tie_within_rounding_and_unparsable_answers_do_not_vote() -> None:
    assert passk.winners(["a", None, "b", "b", None, None, "a"]) == ["a", "b"]
    assert passk.winners(["a", "b", "b"], [0.3, 0.1, 0.2]) == ["a", "b"]
    assert passk.winners([None, None]) == [] and passk.vote_credit([None], {"a"}) == 0.0
    assert passk.vote_credit(["a", "b", "c"], {"a", "c"}) == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="2 weights for 1 answers"):
        passk.winners(["a"], [1.0, 2.0])


@given(
    st.lists(st.sampled_from(["a", "b", "c", "d", None]), min_size=1, max_size=8),
    st.sets(st.sampled_from(["a", "b", "c"])),
    st.data(),
)
def test_maj_at_k_is_the_mean_credit_over_every_subset(
    answers: Sequence[str | None], right: set[str], data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, len(answers)))
    credits = [passk.vote_credit([answers[place] for place in chosen], right) for chosen in subsets(len(answers), k)]
    assert passk.maj_at_k(answers, right, k) == pytest.approx(sum(credits) / len(credits), abs=1e-12)


def test_maj_at_k_of_many_samples_is_quick_and_sharpens() -> None:
    answers = ["right"] * 26 + [f"wrong {i}" for i in range(38)]
    values = [passk.maj_at_k(answers, {"right"}, k) for k in (1, 4, 16, 64)]
    assert values[0] == pytest.approx(26 / 64) and values[-1] == 1.0
    assert values == sorted(values)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=6), st.data())
def test_best_of_n_is_the_mean_over_every_subset(pairs: list[tuple[int, int]], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(pairs)))
    values = []
    for chosen in subsets(len(pairs), k):
        top = max(pairs[place][0] for place in chosen)
        best = [pairs[place][1] for place in chosen if pairs[place][0] == top]
        values.append(sum(best) / len(best))
    found = passk.best_of_n([proxy for proxy, _ in pairs], [gold for _, gold in pairs], k)
    assert found == pytest.approx(sum(values) / len(values), abs=1e-9)


def test_best_of_n_needs_both_scores_of_each_sample() -> None:
    with pytest.raises(ValueError, match="2 proxy scores for 1 gold scores"):
        passk.best_of_n([1.0, 2.0], [1.0], 1)
