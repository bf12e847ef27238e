"""A fleet of Ray actors loses some of them: they are replaced; nothing is lost, doubled or sampled from old weights.

The engines inside are of transformers, whose numbers are counted: a request has the same reply whoever serves it.
"""

import copy
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("ray")

import ray
from local_ray import actor_of, holders, local_ray, wait_for
from rig import Rig, small_policy
from work import long_requests

from verigym.trainer.config import Rollout
from verigym.trainer.engines import ray as ray_engine
from verigym.trainer.engines import ray_cluster
from verigym.trainer.engines.engine import EngineError, Sampling
from verigym.trainer.engines.open import open_engine

pytestmark = [pytest.mark.engines, pytest.mark.filterwarnings("ignore:engine ")]

WORDS = ("engines=2", "inner=transformers", "batch=16", "retry_s=50")


def open_fleet(policy, *words):
    return open_engine(Rollout(engine="ray", engine_args=(*WORDS, *words)), policy)


@pytest.fixture(scope="module")
def rig():
    rig = Rig(open_fleet, slack_s=3.0)
    with local_ray(places=4):
        yield rig
        rig.close()


def all_here(fleet) -> bool:
    return all(words.startswith("here") for words in fleet.members.values())


def test_an_actor_that_is_killed_half_way_is_replaced(rig) -> None:
    """And the one in its place samples from the newest weights."""
    fleet, other = rig.engine, rig.other(seed=6)
    with rig.loaded(dict(other.named_parameters())) as version:
        requests = long_requests(12)
        wanted = rig.sample(requests, Sampling(120))
        resampled, first = fleet.resampled, actor_of(fleet)
        tickets = fleet.add(requests, Sampling(120))
        done = dict(fleet.advance(0.05))
        ray.kill(first)
        done = rig.drain(done)
        assert sorted(done) == sorted(tickets)
        assert [done[ticket].token_ids for ticket in tickets] == [reply.token_ids for reply in wanted]
        assert fleet.resampled > resampled
        wait_for(lambda: actor_of(fleet) not in (None, first) and all_here(fleet), "a new actor")
        fleet.drain("ray actor 1")  # so that the new one alone serves
        replies = rig.sample(rig.requests(), Sampling(8))
        fleet.drain("ray actor 1", on=False)
        assert {reply.version for reply in replies} == {version}
        rig.assert_scored(rig.requests(), replies, 1.0, other)


def test_both_die_at_once_and_all_is_sampled_again(rig) -> None:
    fleet, requests = rig.engine, long_requests(8)
    wanted = rig.sample(requests, Sampling(60))
    tickets = fleet.add(requests, Sampling(60))
    for actor in (actor_of(fleet, 0), actor_of(fleet, 1)):
        ray.kill(actor)
    done = rig.drain()
    assert [done[ticket].token_ids for ticket in tickets] == [reply.token_ids for reply in wanted]
    wait_for(lambda: all_here(fleet), "both actors")


def test_an_idle_actor_that_dies_is_replaced_too(rig) -> None:
    fleet, first = rig.engine, actor_of(rig.engine, 1)
    ray.kill(first)
    wait_for(lambda: actor_of(fleet, 1) not in (None, first) and all_here(fleet), "a new actor")
    rig.assert_scored(rig.requests(), rig.sample(rig.requests(), Sampling(8)), 1.0)


def test_an_engine_that_cannot_open_says_why(rig) -> None:
    """The cluster goes on for those who use it."""
    users = ray_cluster._here.users
    policy = small_policy()
    broken = replace(policy, model=copy.deepcopy(policy.model))
    broken.model.config.num_hidden_layers += 1
    with pytest.raises(EngineError, match=r"does not open: the weights are not those.*model\.layers\.\d+\."):
        open_fleet(broken)
    assert ray_cluster._here.users == users
    assert all_here(rig.engine)


def test_where_there_is_no_room_that_is_said(rig, monkeypatch) -> None:
    monkeypatch.setattr(ray_engine, "ROOM_S", 1.0)
    users = ray_cluster._here.users
    with pytest.raises(EngineError, match=r"no place for an actor of 1 CPU and 1 GPUs \(.*of 4 CPUs free, 0 of 0 GPUs"):
        open_engine(Rollout(engine="ray", engine_args=("engines=1", "gpus=1", "retry_s=5")), small_policy())
    assert ray_cluster._here.users == users


def test_closing_leaves_a_cluster_that_others_use(rig) -> None:
    fleet = rig.engine
    fleet.close()
    fleet.close()
    assert ray.is_initialized() and not ray_cluster._here.ended
    rig.close()


RUN = """
import sys
from verigym.trainer.cli.index import main
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("fails", [False, True], ids=["ends", "fails"])
def test_a_run_leaves_nothing_behind(tmp_path, fails) -> None:
    """Neither processes nor files of a local cluster, at its end and after an error in the middle."""
    (tmp_path / "own_env.py").write_text(
        "def problem(rng, level):\n    return str(rng.random()), 'yes'\n"
        f"def verify(problem, reply):\n    {'raise OSError(7)' if fails else 'return len(reply) % 2'}\n"
    )
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as short:
        words = ["train", "--env", str(tmp_path / "own_env.py"), "--out", str(tmp_path / "run"), "--steps", "2"]
        words += ["--problems-per-step", "2", "--group-size", "2", "--max-new-tokens", "6", "--eval-every", "0"]
        words += ["--eval-problems", "2", "--eval-samples", "1", "--threads", "1"]
        words += ["--engine", "ray", "--engine-args", "engines=1", "inner=transformers", "verifiers=1"]
        done = subprocess.run(
            [sys.executable, "-P", "-c", RUN, *words],
            env={**os.environ, "TMPDIR": short},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if fails:
            assert done.returncode == 1 and "verdicts are errors" in done.stderr, done.stderr
        else:
            assert done.returncode == 0, done.stderr
        wait_for(lambda: not holders(short), "the end of Ray's processes")
        assert not list(Path(short).glob("vgray*"))


def test_a_killed_run_takes_its_cluster_along(tmp_path) -> None:
    """kill -9 of the driver: Ray's processes end by themselves."""
    code = (
        "from verigym.trainer.engines.ray_cluster import join\n"
        "import time\n"
        "cluster = join('', cpus=1)\n"
        "print('here', flush=True)\n"
        "time.sleep(60)\n"
    )
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp", ignore_cleanup_errors=True) as short:
        command = [sys.executable, "-P", "-c", code]
        with subprocess.Popen(
            command, env={**os.environ, "TMPDIR": short}, stdout=subprocess.PIPE, text=True
        ) as driver:
            try:
                assert driver.stdout.readline() == "here\n"
                assert holders(short)
            finally:
                os.kill(driver.pid, signal.SIGKILL)
        wait_for(lambda: not holders(short), "the end of Ray's processes")
