"""Two vLLM engines as Ray actors keep what every engine owes; one of them is killed half-way, and replaced."""

import pytest

pytest.importorskip("ray")
pytest.importorskip("vllm")

import ray
from conformance import CASES, Rig
from local_ray import actor_of, local_ray

from verigym.trainer.config import Rollout
from verigym.trainer.engines.open import open_engine

pytestmark = [pytest.mark.engines, pytest.mark.filterwarnings("ignore:engine ")]

FAILURES = 3
"""After so many failed cases the others are not tried: each would open a fleet of its own."""


@pytest.fixture(scope="module")
def rig():
    words = ("engines=2", "inner=vllm", "batch=16", "memory=0.1", "retry_s=50")

    def kill(fleet) -> None:
        ray.kill(actor_of(fleet))

    # Numbers are drawn one after the other: a reply that goes on does so in other tokens.
    rig = Rig(
        lambda policy: open_engine(Rollout(engine="ray", engine_args=words), policy),
        continues=False,
        slack_s=3.0,
        kill=kill,
    )
    with local_ray(places=4):
        yield rig
        rig.close()


failed: list[str] = []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_conforms(rig, case):
    if len(failed) >= FAILURES:
        pytest.fail(f"not tried: {', '.join(failed)} failed")
    try:
        rig.check(case)
    except Exception:
        failed.append(case.__name__)
        raise
