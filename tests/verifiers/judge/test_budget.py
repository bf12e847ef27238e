"""Budget and cache: bounds that hold with many calls at once, and answers that are kept."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from verigym.verifiers.judge import store as store_module
from verigym.verifiers.judge.budget import Budget
from verigym.verifiers.judge.store import Failed, Said, Store, key_of


def test_tokens_and_money_by_hand() -> None:
    budget = Budget(max_cost=1.0, price_in=2.0, price_out=10.0)
    with budget.call(prompt=100_000, completion=50_000) as held:
        assert budget.spent == pytest.approx(0.2 + 0.5)  # what it may come to is held back
        held.cost(50_000, 10_000)
    assert (budget.calls, budget.spent) == (1, pytest.approx(0.1 + 0.1))
    with pytest.raises(Failed, match=r"max_cost=1; raise it, or judge less"), budget.call(100_000, 70_000):
        pass
    assert (budget.calls, budget.spent) == (1, pytest.approx(0.2))


def test_a_call_that_fails_costs_a_call_and_no_tokens() -> None:
    budget = Budget(max_calls=1, max_tokens=100)
    with pytest.raises(KeyError), budget.call(50, 50):
        raise KeyError("x")
    assert (budget.calls, budget.prompt, budget.completion) == (1, 0, 0)
    with pytest.raises(Failed, match="max_calls=1"), budget.call(1, 1):
        pass


def test_calls_at_the_same_time_cannot_pass_the_bound_together() -> None:
    budget, together = Budget(max_tokens=1000), threading.Barrier(10, timeout=10)

    def one(_: int) -> bool:
        together.wait()
        try:
            with budget.call(100, 200) as held:
                held.cost(100, 200)
            return True
        except Failed:
            return False

    with ThreadPoolExecutor(10) as threads:
        done = list(threads.map(one, range(10)))
    assert sum(done) == 3 and budget.prompt + budget.completion == 900


def test_keys_look_at_everything_but_the_order_of_fields() -> None:
    request: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "ü\ud800"}], "seed": 0}
    assert key_of(request) == key_of(dict(reversed(request.items())))
    others = [request | {"seed": 1}, request | {"model": "n"}, request | {"messages": []}, request | {"top_p": 1}]
    assert len({key_of(one) for one in [request, *others]}) == 5


def test_what_is_put_is_got_by_another_process_too(tmp_path: Any) -> None:
    path = str(tmp_path / "cache.sqlite")
    first, second = Store(path), Store(path)
    assert first.get("a") is None
    first.put("a", Said("text\n½", 3, 4))
    first.put("a", Said("newer", 5, 6))
    assert second.get("a") == Said("newer", 5, 6) and Store("").get("a") is None
    with pytest.raises(Failed, match=r"cannot be used: unable to open database file; name another file with cache="):
        Store(str(tmp_path / "no" / "such" / "folder.sqlite"))


def test_the_cache_in_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "MOST_IN_MEMORY", 10)
    store = Store("")
    for n in range(25):
        store.put(str(n), Said(str(n), 0, 0))
    assert [n for n in range(25) if store.get(str(n))] == list(range(15, 25))
