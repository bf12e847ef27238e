"""`verigym serve` and its client together, on loopback, with real processes of the transformers engine."""

import copy
import http.client
import json
import struct
import threading
import time

import pytest
import torch
from hosting import TOKEN, servers

from verigym.trainer.config import ConfigError, Rollout
from verigym.trainer.engines.door import open_door
from verigym.trainer.engines.engine import EngineError, Request, Sampling
from verigym.trainer.engines.fingerprint import Fingerprint
from verigym.trainer.engines.host import Host
from verigym.trainer.engines.link import LinkLost
from verigym.trainer.engines.open import open_engine
from verigym.trainer.engines.options import ServerOptions
from verigym.trainer.engines.parcel import Parcel
from verigym.trainer.engines.server import ServerLink, open_server
from verigym.trainer.engines.transformers import TransformersEngine
from verigym.trainer.engines.wire import pack, pack_requests
from verigym.trainer.loop import train
from verigym.trainer.policy import load_policy

WORDS = ("--engine", "transformers", "--engine-args", "batch=32", "--threads", "1")
DEADLINE_S = 30.0

pytestmark = pytest.mark.filterwarnings("ignore:engine ")


@pytest.fixture(scope="module")
def policy():
    return load_policy("tiny-llama", seed=3)


class Local:
    """A server in this process, of the same kind: quick, and enough for all that is said over the wire."""

    def __init__(self, policy):
        model = copy.deepcopy(policy.model).requires_grad_(False)
        engine = TransformersEngine(model, pad_id=policy.pad_id, batch=32, text=policy.chat.text, own_copy=True)
        self.host = Host(engine, Fingerprint.of(policy.model))
        vocabulary = policy.model.get_input_embeddings().weight.shape[0]
        self.listener = open_door(
            self.host, token=TOKEN, vocabulary=vocabulary, context=policy.context, address="127.0.0.1", port=0
        )
        self.url, self.port = self.listener.url, self.listener.server_address[1]
        self.threads = [
            threading.Thread(target=self.host.serve, daemon=True),
            threading.Thread(target=self.listener.serve_forever, args=(0.05,), daemon=True),
        ]
        for thread in self.threads:
            thread.start()

    def close(self):
        self.host.end()
        self.threads[0].join(20)
        self.listener.shutdown()
        self.listener.server_close()
        self.listener.hang_up()


@pytest.fixture(scope="module")
def locals_(policy):
    found = [Local(policy) for _ in range(2)]
    yield found
    for server in found:
        server.close()


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two servers of the policy's model, with other weights. A test that ends one starts it again."""
    with servers(2, model="tiny-llama", folder=tmp_path_factory.mktemp("servers"), words=WORDS) as found:
        yield found


@pytest.fixture
def both(pair):
    """Both, alive."""
    dead = [server for server in pair if not server.alive]
    for server in dead:
        server.begin()
    for server in dead:
        server.ready()
    return pair


@pytest.fixture
def fleet_of(policy, monkeypatch):
    """A function from servers to the fleet over them; all fleets are closed at the end."""
    opened = []
    monkeypatch.setenv("VERIGYM_ENGINE_TOKEN", TOKEN)

    def make(servers, **options):
        options = ServerOptions(url=tuple(server.url for server in servers), **{"retry_s": 10.0, **options})
        opened.append(open_server(Rollout(), policy, options, options_version))
        return opened[-1]

    options_version = 4
    yield make
    for fleet in opened:
        fleet.close()


def requests(count, first=0):
    return [Request((5 + i % 7, 20, 21), seed=first + i) for i in range(count)]


def finish(fleet, tickets, done=None, deadline_s=DEADLINE_S):
    """Everything under way, by ticket; nothing may come twice."""
    done, until = dict(done or {}), time.monotonic() + deadline_s
    while len(done) < len(tickets):
        assert time.monotonic() < until, f"{len(done)} of {len(tickets)} came back: {fleet.members}"
        for ticket, completion in fleet.advance(0.1):
            assert ticket not in done
            done[ticket] = completion
    return [done[ticket] for ticket in tickets]


def here(fleet, name, deadline_s=DEADLINE_S):
    until = time.monotonic() + deadline_s
    while not fleet.members[name].startswith("here"):
        assert time.monotonic() < until, fleet.members
        time.sleep(0.05)


def expected(policy, wanted, sampling):
    return [c.token_ids for c in TransformersEngine(policy.model, pad_id=policy.pad_id).generate(wanted, sampling)]


def ask(server, path, body=b"", *, token=TOKEN, headers=None):
    """Status and text of one answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(
            "GET" if path == "/health" else "POST",
            path,
            body,
            {"Authorization": f"Bearer {token}", "Verigym-Protocol": "1", **(headers or {})},
        )
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def link_to(server, policy, run="a run", token=TOKEN):
    return ServerLink(server.url, token, run, Fingerprint.of(policy.model))


def test_a_fleet_samples_from_the_trainers_weights(policy, locals_, fleet_of):
    fleet, sampling = fleet_of(locals_), Sampling(20)
    found = finish(fleet, fleet.add(requests(24), sampling))
    assert [c.token_ids for c in found] == expected(policy, requests(24), sampling)
    assert {c.version for c in found} == {4}
    assert all(text.startswith("here") for text in fleet.members.values())


def test_the_engine_of_a_run_is_opened_by_its_words(policy, locals_, tmp_path):
    words = tuple(f"url={server.url}" for server in locals_)
    (tmp_path / "token").write_text(TOKEN + "\n")
    rollout = Rollout(engine="vllm-server", engine_args=(*words, f"token_file={tmp_path / 'token'}"))
    engine = open_engine(rollout, policy, version=2)
    try:
        assert len(engine.generate(requests(4), Sampling(5))) == 4
    finally:
        engine.close()


def test_new_weights_are_in_the_very_next_sample(policy, locals_, fleet_of):
    fleet, sampling = fleet_of(locals_), Sampling(20)
    other = load_policy("tiny-llama", seed=9)
    fleet.load_weights(dict(other.model.named_parameters()), version=5)
    found = finish(fleet, fleet.add(requests(24), sampling))
    assert [c.token_ids for c in found] == expected(other, requests(24), sampling)
    assert {c.version for c in found} == {5}


def test_a_wrong_token_is_refused(policy, locals_):
    assert ask(locals_[0], "/health", token="another token than theirs")[0] == 401
    assert ask(locals_[0], "/poll", token="")[0] == 401
    with pytest.raises(EngineError, match="show the token"):
        link_to(locals_[0], policy, token="another token than theirs").start()


def test_another_model_is_refused_with_both_shapes(locals_):
    with pytest.raises(EngineError, match=r"serves another model: its '.*' is \[\d+.*, the trainer's model has none"):
        link_to(locals_[0], load_policy("tiny-qwen2", seed=0)).start()
    small = load_policy("tiny-llama", seed=0)
    small.model.model.norm.weight = torch.nn.Parameter(torch.ones(7))
    with pytest.raises(EngineError, match=r"'model.norm.weight' is \[\d\d+\], the trainer's model has \[7\]"):
        link_to(locals_[0], small).start()
    turned = load_policy("tiny-llama", seed=0)
    turned.model.config.num_attention_heads = 1
    with pytest.raises(EngineError, match=r"its num_attention_heads is \d, that of the trainer's model 1"):
        link_to(locals_[0], turned).start()


def test_a_server_serves_one_run_at_a_time(policy, locals_, monkeypatch):
    monkeypatch.setattr("verigym.trainer.engines.server.PATIENCE_S", 0.2)
    first, second = link_to(locals_[0], policy), link_to(locals_[0], policy, run="another run")
    first.start()
    with pytest.raises(LinkLost, match=r"samples for another run \(.*process \d+\), last heard of 0.\d s ago"):
        second.start()
    time.sleep(0.3)
    first.poll(0)
    with pytest.raises(EngineError, match="serves one at a time"):
        second.start()
    first.close()
    second.start()
    with pytest.raises(LinkLost):
        first.poll(0)
    again = link_to(locals_[0], policy, run="another run")
    again.start()  # the same run, on a new connection: it has lost the one before
    with pytest.raises(LinkLost, match="session has ended"):
        second.poll(0)
    again.close()


def test_weights_come_whole_or_not_at_all(policy, locals_):
    link = link_to(locals_[0], policy)
    link.start()
    good = dict(policy.model.named_parameters())
    link.load_weights(good, 7)
    data = b"".join(
        bytes(piece) for piece in Parcel(dict(load_policy("tiny-llama", seed=9).model.named_parameters())).pieces()
    )
    session = {"Verigym-Session": link._key}
    flipped = data[:-2000] + bytes([data[-2000] ^ 1]) + data[-1999:]
    for body, why in (
        (flipped, "damaged on their way"),
        (data[: len(data) // 2], "another length"),
        (b"", "head is missing"),
        (struct.pack("<Q", 1 << 60) + b"x" * 40, "head is missing"),
        (struct.pack("<Q", 2) + b"[]", "another length"),
        (struct.pack("<Q", 4) + b"\xff\xfe[]", "no JSON"),
        (b"".join(bytes(p) for p in Parcel({"other": torch.zeros(2)}).pieces()), "no weight 'other'"),
        (b"".join(bytes(p) for p in Parcel({"model.norm.weight": torch.zeros(3)}).pieces()), r"is \[3\] there"),
    ):
        status, text = ask(locals_[0], "/weights?version=8", body, headers=session)
        assert status == 400 and why.replace("\\", "") in text, (status, text)
    assert "version 7" in ask(locals_[0], "/health")[1]
    wanted, sampling = requests(3), Sampling(10)
    link.submit(list(enumerate(wanted)), sampling)
    done, until = {}, time.monotonic() + 20
    while len(done) < 3 and time.monotonic() < until:
        done |= dict(link.poll(0.5))
    assert [done[i].token_ids for i in range(3)] == expected(policy, wanted, sampling)
    link.close()


def test_hostile_requests_are_refused_and_survived(policy, locals_):
    link = link_to(locals_[0], policy)
    link.start()
    session = {"Verigym-Session": link._key}
    good = json.loads(pack_requests([(0, Request((5, 6), 1))], Sampling(4)))
    for path, body, status in (
        ("/submit", b"\x80\x04pickle", 400),
        ("/submit", b"[" * 100_000, 400),
        ("/submit", pack([]), 400),
        ("/submit", pack({**good, "prompts": [[5, 10**6]]}), 400),
        ("/submit", pack({**good, "prompts": [[5] * 100_000]}), 400),
        ("/submit", pack({**good, "prompts": [[]]}), 400),
        ("/submit", pack({**good, "requests": [[0, 5, 1, None, 0]]}), 400),
        ("/submit", pack({**good, "requests": [[0, 0, -1, None, 0]]}), 400),
        ("/submit", pack({**good, "requests": [[0, 0, 1, 10**12, 0]]}), 400),
        ("/submit", pack({**good, "requests": [[0, 0, 1, None, 9]]}), 400),
        ("/submit", pack({**good, "sampling": {**good["sampling"], "temperature": -1}}), 400),
        ("/submit", pack({**good, "sampling": {}}), 400),
        ("/poll", pack({"wait_s": "long"}), 400),
        ("/cancel", pack({"tickets": ["x"]}), 400),
        ("/weights?version=-1", b"", 400),
        ("/weights?version=1", None, 400),
        ("/adapter?version=1", b"xxxx", 400),
        ("/start", pack({"run": "x", "by": "y", "model": {}}), 400),
        ("/nothing", b"", 404),
    ):
        assert ask(locals_[0], path, body, headers=session)[0] == status, (path, body and body[:80])
    assert ask(locals_[0], "/poll", pack({"wait_s": 0}), headers={"Verigym-Session": "guessed"})[0] == 409
    assert ask(locals_[0], "/poll", b"x", headers={**session, "Content-Length": str(1 << 40)})[0] == 413
    assert ask(locals_[0], "/poll", b"", headers={**session, "Verigym-Protocol": "0"})[0] == 412
    assert link.poll(0) == []
    link.close()


def test_a_client_that_hangs_up_half_way_disturbs_nobody(policy, locals_):
    link = link_to(locals_[0], policy)
    link.start()
    link.load_weights(dict(policy.model.named_parameters()), 1)
    for _ in range(3):
        connection = http.client.HTTPConnection("127.0.0.1", locals_[0].port, timeout=10)
        connection.putrequest("POST", "/weights?version=2")
        for name, value in (
            ("Authorization", f"Bearer {TOKEN}"),
            ("Verigym-Protocol", "1"),
            ("Verigym-Session", link._key),
            ("Content-Length", "5000"),
        ):
            connection.putheader(name, value)
        connection.endheaders(b"x" * 100)
        connection.close()
    assert link.poll(0) == []
    assert "version 1" in ask(locals_[0], "/health")[1]
    link.close()


def test_a_server_that_nobody_uses_ends_at_once(policy):
    server = Local(policy)
    started = time.monotonic()
    server.close()
    assert not server.threads[0].is_alive() and time.monotonic() - started < 5


def test_what_is_missing_is_said(policy, monkeypatch, tmp_path):
    monkeypatch.delenv("VERIGYM_ENGINE_TOKEN", raising=False)
    with pytest.raises(ConfigError, match="verigym serve MODEL"):
        open_server(Rollout(), policy, ServerOptions(), 0)
    with pytest.raises(ConfigError, match="VERIGYM_ENGINE_TOKEN"):
        open_server(Rollout(), policy, ServerOptions(url=("http://127.0.0.1:1",)), 0)
    with pytest.raises(ConfigError, match="give a file"):
        open_server(Rollout(), policy, ServerOptions(url=("http://127.0.0.1:1",), token_file=str(tmp_path / "no")), 0)
    monkeypatch.setenv("VERIGYM_ENGINE_TOKEN", TOKEN)
    with pytest.raises(ConfigError, match="is no address"):
        open_server(Rollout(), policy, ServerOptions(url=("ftp://somewhere",)), 0)
    with pytest.raises(EngineError, match="Connection refused"):
        open_server(Rollout(), policy, ServerOptions(url=("http://127.0.0.1:1",), retry_s=0.3), 0)


def test_a_server_killed_half_way_costs_nothing_and_joins_again(policy, both, fleet_of):
    fleet, sampling = fleet_of(both), Sampling(200)
    tickets = fleet.add(requests(40), sampling)
    done = dict(fleet.advance(0.3))
    both[0].kill()
    found = finish(fleet, tickets, done)
    assert [c.token_ids for c in found] == expected(policy, requests(40), sampling)
    assert fleet.members[both[0].url].startswith("away") and fleet.resampled > 0
    other = load_policy("tiny-llama", seed=9)
    fleet.load_weights(dict(other.model.named_parameters()), version=5)
    both[0].begin()
    both[0].ready()
    here(fleet, both[0].url)
    fleet.drain(both[1].url)
    found = finish(fleet, fleet.add(requests(8), Sampling(20)))
    assert [c.token_ids for c in found] == expected(other, requests(8), Sampling(20))


def test_a_run_outlives_a_server(both, small_run, monkeypatch):
    """One is killed after the third of 8 steps: every step is there once, with every rollout, by the weights of the
    step before."""
    monkeypatch.setenv("VERIGYM_ENGINE_TOKEN", TOKEN)
    asked = []

    def kill_one():
        asked.append(None)
        if len(asked) == 3:
            threading.Timer(0.05, both[1].kill).start()
        return False

    words = (*(f"url={server.url}" for server in both), "retry_s=30")
    run = small_run(
        rollout={"engine": "vllm-server", "engine_args": words},
        optim={"steps": 8},
        evaluation={"eval_every": 0},
        keep={"checkpoint_every": 8, "rollouts_kept": 1000},
    )
    summary = train(run, should_stop=kill_one)
    assert summary.finished and not both[1].alive
    steps = [json.loads(line) for line in (summary.directory / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in steps] == list(range(1, 9))
    for line in steps:
        sampled = line["tokens"].pop("sampled")
        assert sum(line["tokens"].values()) == sampled
        text = (summary.directory / "rollouts" / f"step-{line['step']:06d}.jsonl").read_text()
        rollouts = [json.loads(row) for row in text.splitlines()]
        places = sorted((one["group"], one["sample"]) for one in rollouts)
        assert places == [(group, sample) for group in range(4) for sample in range(4)]
        assert {one["version"] for one in rollouts} == {line["step"] - 1}


def test_servers_that_end_finish_what_they_have_and_none_left_is_said(policy, both, fleet_of):
    fleet, sampling = fleet_of(both, retry_s=1.0), Sampling(60)
    tickets = fleet.add(requests(12), sampling)
    done = dict(fleet.advance(0.1))
    assert both[0].terminate() == 0
    assert "stopped" in both[0].said()
    found = finish(fleet, tickets, done)
    assert [c.token_ids for c in found] == expected(policy, requests(12), sampling)
    assert fleet.resampled == 0
    tickets = fleet.add(requests(40), Sampling(200))
    both[1].kill()
    started = time.monotonic()
    with pytest.raises(EngineError) as caught:
        finish(fleet, tickets)
    assert time.monotonic() - started < 10
    text = str(caught.value)
    assert both[0].url in text and both[1].url in text
    assert "`verigym serve MODEL" in text and "verigym train --resume RUN" in text
