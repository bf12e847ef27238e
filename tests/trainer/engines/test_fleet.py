"""Fleets over links that die at chosen moments, in threads of this process."""

import threading
import time
import warnings
from contextlib import contextmanager

import pytest
import torch

from verigym.trainer.engines import member
from verigym.trainer.engines.engine import Completion, EngineError, Request, Sampling, UnknownWeight
from verigym.trainer.engines.fleet import Fleet
from verigym.trainer.engines.link import Link, LinkLost

SAMPLING = Sampling(max_new_tokens=4)
DEADLINE_S = 10.0


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(member, "IDLE_S", 0.1)


pytestmark = pytest.mark.filterwarnings("ignore:engine ")


class FakeLink(Link):
    """An engine whose reply is its request's seed twice. faults: the call in which it dies next, and how many more of
    them it survives before; each poll ends at most `pace` requests."""

    def __init__(self, name, pace=2, delay_s=0.0):
        self.name, self.pace, self.delay_s = name, pace, delay_s
        self.reachable, self.refusal = True, ""
        self.faults, self.calls = {}, []
        self.under_way, self.served = {}, []
        self.version, self.weights, self.adapter, self.asleep = None, {}, None, False
        self.closed = False

    def _enter(self, call):
        self.calls.append(call)
        if call in self.faults:
            self.faults[call] -= 1
            if self.faults[call] < 0:
                del self.faults[call]
                self.reachable = False
        if not self.reachable:
            self.under_way.clear()
            raise LinkLost(f"{call}: nobody answers")

    def start(self):
        if self.refusal:
            raise EngineError(self.refusal)
        self._enter("start")
        self.under_way.clear()
        self.version, self.asleep = None, False

    def submit(self, items, sampling):
        self._enter("submit")
        for ticket, request in items:
            if request.seed == 666:
                raise EngineError("no engine serves seed 666")
            self.under_way[ticket] = request
            self.served.append(request.seed)

    def poll(self, wait_s):
        self._enter("poll")
        time.sleep(self.delay_s if self.under_way else 0)
        ended = [t for t in list(self.under_way) if self.under_way[t].seed < 10**6][: self.pace]
        return [
            (t, Completion((self.under_way.pop(t).seed,) * 2, (-1.0, -1.0), "stop", self.version)) for t in ended
        ] + self._cancelled()

    def cancel(self, tickets):
        self._enter("cancel")
        self.aborted = list(self.under_way if tickets is None else tickets)

    def _cancelled(self):
        gone, self.aborted = getattr(self, "aborted", []), []
        return [
            (t, Completion((7,), (-1.0,), "abort", self.version))
            for t in gone
            if self.under_way.pop(t, None) is not None
        ]

    def load_weights(self, weights, version):
        self._enter("load_weights")
        self.weights |= {name: tensor.clone() for name, tensor in weights.items()}
        self.version = version

    def load_adapter(self, folder, version):
        self._enter("load_adapter")
        self.adapter, self.version = (folder / "adapter.txt").read_text(), version

    def sleep(self):
        self._enter("sleep")
        self.asleep = True

    def wake(self):
        self._enter("wake")
        self.asleep = False

    def close(self):
        self.closed = True


@contextmanager
def fleet_of(*links, **options):
    """A fleet with short pauses, closed whatever happens."""
    fleet = Fleet(links, weights={"w": torch.zeros(2)}, vocabulary=100, **{"version": 0, "retry_s": 2.0, **options})
    try:
        yield fleet
    finally:
        fleet.close()


def pair(**options):
    return FakeLink("a", **options), FakeLink("b", **options)


def requests(count, first=0):
    return [Request((5, 6, i), seed=first + i) for i in range(count)]


def run(fleet, wanted, deadline_s=DEADLINE_S):
    """As `generate`, with a deadline, and noticing what comes twice."""
    tickets = fleet.add(wanted, SAMPLING)
    done, until = {}, time.monotonic() + deadline_s
    while len(done) < len(tickets):
        assert time.monotonic() < until, f"{len(done)} of {len(tickets)} came back; {fleet.members}"
        for ticket, completion in fleet.advance(0.05):
            assert ticket not in done
            done[ticket] = completion
    assert fleet.busy == 0
    return [done[ticket] for ticket in tickets]


def wait_until(condition, deadline_s=DEADLINE_S):
    until = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.01)


def seeds_of(completions):
    return [completion.token_ids[0] for completion in completions]


def test_requests_are_shared_out_and_come_back_in_order():
    a, b = pair()
    with fleet_of(a, b) as fleet:
        assert seeds_of(run(fleet, requests(20))) == list(range(20))
        assert sorted(a.served + b.served) == list(range(20))
        assert abs(len(a.served) - len(b.served)) <= 1
        assert fleet.resampled == 0
    assert a.closed and b.closed


def test_samples_of_one_prompt_stay_together_while_the_shares_are_even():
    a, b = pair()
    with fleet_of(a, b) as fleet:
        run(fleet, [Request((5, problem), seed=10 * problem + sample) for problem in range(4) for sample in range(4)])
        assert {seed // 10 for seed in a.served}.isdisjoint(seed // 10 for seed in b.served)
        run(fleet, [Request((9,), seed=100 + sample) for sample in range(64)])
    assert abs(len(a.served) - len(b.served)) <= 16


@pytest.mark.parametrize("call", ["submit", "poll", "start", "load_weights"])
def test_what_a_lost_member_had_is_sampled_elsewhere_once(call):
    a, b = pair(pace=1)
    with fleet_of(a, b) as fleet:
        a.faults[call] = 2 if call == "poll" else 0
        assert seeds_of(run(fleet, requests(20))) == list(range(20))
        if call in ("submit", "poll"):
            assert fleet.members["a"].startswith("away") and fleet.resampled > 0
            assert fleet.members["b"].startswith("here")


def test_a_member_lost_while_it_takes_new_weights_is_dropped_and_joins_with_them():
    a, b = pair()
    with fleet_of(a, b) as fleet:
        a.faults["load_weights"] = 0
        fleet.load_weights({"w": torch.ones(2)}, version=1)
        assert fleet.members["a"].startswith("away") and b.version == 1
        assert {c.version for c in run(fleet, requests(6))} == {1}
        a.reachable = True
        wait_until(lambda: fleet.members["a"].startswith("here"))
        assert a.version == 1 and torch.equal(a.weights["w"], torch.ones(2))
        fleet.load_weights({"w": torch.full((2,), 2.0)}, version=2)
        assert a.version == b.version == 2


def test_two_lost_at_once_and_one_comes_back():
    a, b = pair(pace=1)
    with fleet_of(a, b, retry_s=8.0) as fleet:
        a.faults["poll"] = b.faults["poll"] = 3
        back = threading.Timer(0.5, lambda: setattr(b, "reachable", True))
        back.start()
        assert seeds_of(run(fleet, requests(30))) == list(range(30))
        assert fleet.resampled > 0
        back.join()


def test_none_left_says_what_became_of_each_and_how_to_go_on():
    a, b = pair(pace=1)
    with fleet_of(a, b, retry_s=0.5, mend="start a server with `verigym serve MODEL`") as fleet:
        a.faults["poll"] = b.faults["poll"] = 1
        started = time.monotonic()
        with pytest.raises(EngineError) as caught:
            run(fleet, requests(30))
        assert time.monotonic() - started < 5
    text = str(caught.value)
    assert "a is away: " in text and "b is away: " in text and "nobody answers" in text
    assert "`verigym serve MODEL`" in text and "verigym train --resume RUN" in text


def test_tries_in_between_do_not_put_the_end_off(monkeypatch):
    monkeypatch.setattr(member, "LONGEST_PAUSE_S", 0.1)
    a, b = pair(pace=1)
    with fleet_of(a, b, retry_s=1.0) as fleet:
        a.faults["poll"] = b.faults["poll"] = 1
        started = time.monotonic()
        with pytest.raises(EngineError, match="no engine is left after 1 s"):
            run(fleet, requests(30))
        assert time.monotonic() - started < 5


def test_a_slow_member_gets_fewer_requests():
    quick, slow = FakeLink("quick", pace=4), FakeLink("slow", pace=1, delay_s=0.05)
    with fleet_of(quick, slow, room=4) as fleet:
        assert seeds_of(run(fleet, requests(60))) == list(range(60))
    assert len(slow.served) < 20 < len(quick.served)


def test_a_drained_member_ends_its_work_and_takes_no_more():
    a, b = pair(pace=1)
    with fleet_of(a, b) as fleet:
        tickets = fleet.add(requests(8), SAMPLING)
        fleet.drain("a")
        had = 4
        done = {}
        wait_until(lambda: done.update(fleet.advance(0.05)) or len(done) == len(tickets))
        run(fleet, requests(10, first=50))
        assert len(a.served) == had and fleet.members["a"] == "draining, 0 left" and fleet.resampled == 0
        fleet.drain("a", on=False)
        run(fleet, requests(10, first=80))
        assert len(a.served) == had + 5


def test_a_member_that_leaves_is_given_no_more_and_found_again():
    a, b = pair(pace=1)
    with fleet_of(a, b) as fleet:
        a.leaving = True
        assert seeds_of(run(fleet, requests(10))) == list(range(10))
        assert a.served == [] and fleet.resampled == 0
        wait_until(lambda: a.calls.count("start") == 2 and fleet.members["a"].startswith("here"))
        run(fleet, requests(10))
        assert a.served


def test_cancelled_requests_come_back_wherever_they_are():
    a, b = pair(pace=1)
    endless = 10**6
    with fleet_of(a, b, room=2) as fleet:
        tickets = fleet.add(requests(8, first=endless), SAMPLING)
        wait_until(lambda: len(a.under_way) == len(b.under_way) == 2)
        fleet.cancel(tickets[:6])
        done = {}
        wait_until(lambda: done.update(fleet.advance(0.05)) or len(done) == 6)
        assert sorted(done) == tickets[:6] and {c.finish for c in done.values()} == {"abort"}
        assert sorted(c.token_ids for c in done.values()) == [(), (), (7,), (7,), (7,), (7,)]
        wait_until(lambda: len(a.under_way) + len(b.under_way) == 2)
        fleet.cancel()
        wait_until(lambda: done.update(fleet.advance(0.05)) or len(done) == 8)
        fleet.cancel(tickets)
        assert fleet.busy == 0 and fleet.advance(0.0) == []


def test_a_cancelled_request_of_a_lost_member_is_not_sampled_again():
    a, b = pair(pace=1)
    with fleet_of(a, b) as fleet:
        tickets = fleet.add(requests(2, first=10**6), SAMPLING)
        wait_until(lambda: a.under_way and b.under_way)
        a.faults["cancel"] = b.faults["cancel"] = 0
        fleet.cancel()
        done = {}
        wait_until(lambda: done.update(fleet.advance(0.05)) or len(done) == 2)
        assert sorted(done) == tickets and {c.finish for c in done.values()} == {"abort"}
        assert fleet.resampled == 0


def test_weights_that_somebody_else_changed_are_noticed_and_loaded_again():
    a, b = pair(pace=1)
    with fleet_of(a, b) as fleet:
        a.version = 41
        assert {c.version for c in run(fleet, requests(10))} == {0}
        wait_until(lambda: fleet.members["a"].startswith("here"))
        assert a.version == 0 and a.calls.count("start") == 2


def test_weights_are_copied_when_they_are_handed_over():
    a = FakeLink("a")
    moving = torch.ones(2)
    with fleet_of(a) as fleet:
        fleet.load_weights({"w": moving}, version=1)
        moving.zero_()
        a.faults["poll"] = 0
        wait_until(lambda: fleet.members["a"].startswith("away"))
        a.weights, a.reachable = {}, True
        wait_until(lambda: fleet.members["a"].startswith("here"))
        assert torch.equal(a.weights["w"], torch.ones(2))


@pytest.mark.parametrize("weights", [{"other": torch.zeros(2)}, {"w": torch.zeros(3)}, {"w": torch.zeros(1, 2)}])
def test_weights_that_the_model_lacks_are_refused_before_anything_is_sent(weights):
    a = FakeLink("a")
    with fleet_of(a) as fleet:
        with pytest.raises(UnknownWeight):
            fleet.load_weights(weights, version=1)
        assert a.version == fleet.version == 0 and a.calls.count("load_weights") == 1


def test_nothing_is_loaded_while_requests_are_under_way():
    with fleet_of(FakeLink("a")) as fleet:
        fleet.add(requests(1, first=10**6), SAMPLING)
        with pytest.raises(RuntimeError, match="1 requests are under way"):
            fleet.load_weights({}, version=1)
        with pytest.raises(RuntimeError, match="under way"):
            fleet.sleep()


def test_an_adapter_reaches_those_that_join_later(tmp_path):
    a, b = pair()
    with fleet_of(a, b) as fleet:
        a.reachable = False
        wait_until(lambda: fleet.members["a"].startswith("away"))
        (tmp_path / "adapter.txt").write_text("first")
        fleet.load_adapter(tmp_path, version=1)
        (tmp_path / "adapter.txt").write_text("spoilt")
        a.reachable = True
        wait_until(lambda: fleet.members["a"].startswith("here"))
        assert (a.adapter, b.adapter, a.version, b.version) == ("first", "first", 1, 1)


def test_sleep_and_wake_reach_every_member_and_those_that_join():
    a, b = pair()
    with fleet_of(a, b) as fleet:
        fleet.sleep()
        assert a.asleep and b.asleep
        a.faults["poll"] = 0
        wait_until(lambda: fleet.members["a"].startswith("away"))
        a.reachable = True
        wait_until(lambda: fleet.members["a"].startswith("here"))
        assert a.asleep
        fleet.wake()
        assert not a.asleep and not b.asleep


def test_a_member_that_refuses_us_stops_the_opening():
    a, b = pair()
    b.refusal = "b serves another model"
    with pytest.raises(EngineError, match="b serves another model"):
        Fleet((a, b), weights={}, vocabulary=100, retry_s=2.0)
    wait_until(lambda: a.closed and b.closed)


def test_a_member_that_is_away_at_the_opening_joins_later():
    a, b = pair()
    b.reachable = False
    with fleet_of(a, b) as fleet:
        assert fleet.members["b"].startswith("away")
        b.reachable = True
        wait_until(lambda: fleet.members["b"].startswith("here"))


def test_nobody_at_the_opening_is_told_in_time():
    a = FakeLink("a")
    a.reachable = False
    started = time.monotonic()
    with pytest.raises(EngineError, match="no engine is left after"):
        Fleet((a,), weights={}, vocabulary=100, retry_s=0.3)
    assert time.monotonic() - started < 3


def test_a_request_that_no_engine_serves_is_heard_of():
    with fleet_of(*pair()) as fleet, pytest.raises(EngineError, match="seed 666"):
        run(fleet, [Request((5,), seed=666)])
    with fleet_of(FakeLink("a")) as fleet, pytest.raises(ValueError, match="without prompt ids"):
        fleet.add([Request((), seed=1)], SAMPLING)


def test_a_fault_of_a_link_reaches_the_caller():
    a = FakeLink("a")
    with fleet_of(a) as fleet:
        a.poll = None
        with pytest.raises(TypeError):
            run(fleet, requests(4))


def test_the_loss_of_a_member_is_told():
    a, b = pair(pace=1)
    with warnings.catch_warnings(record=True) as told, fleet_of(a, b) as fleet:
        warnings.simplefilter("always")
        a.faults["poll"] = 0
        run(fleet, requests(8))
        wait_until(lambda: fleet.members["a"].startswith("away") and told)
    assert "engine a is away: poll: nobody answers" in [str(one.message) for one in told]


def test_random_deaths_lose_nothing_and_double_nothing():
    rng = torch.Generator().manual_seed(5)
    links = [FakeLink(str(i), pace=1, delay_s=0.01) for i in range(3)]
    over = threading.Event()

    def chaos():
        while not over.wait(0.1):
            call = ("poll", "submit", "load_weights")[int(torch.randint(3, (1,), generator=rng))]
            links[int(torch.randint(3, (1,), generator=rng))].faults[call] = 0
            over.wait(0.05)
            for link in links:
                link.reachable = True

    with fleet_of(*links, room=8, retry_s=8.0) as fleet:
        thread = threading.Thread(target=chaos)
        thread.start()
        try:
            for version in range(1, 6):
                fleet.load_weights({"w": torch.full((2,), float(version))}, version)
                done = run(fleet, requests(60, first=100 * version), deadline_s=20)
                assert seeds_of(done) == list(range(100 * version, 100 * version + 60))
                assert {c.version for c in done} == {version}
        finally:
            over.set()
            thread.join()
        assert fleet.resampled > 0
