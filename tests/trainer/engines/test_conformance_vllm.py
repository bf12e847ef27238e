"""vLLM in this process keeps what every engine owes."""

import pytest

pytest.importorskip("vllm")

from conformance import CASES, Rig

from verigym.trainer.engines.options import VllmOptions
from verigym.trainer.engines.vllm import VllmEngine

pytestmark = pytest.mark.engines


@pytest.fixture(scope="module")
def rig():
    # Numbers are not counted but drawn one after the other: a reply that goes on does so in other tokens.
    rig = Rig(lambda policy: VllmEngine(policy, VllmOptions(batch=16, memory=0.1)), continues=False)
    yield rig
    rig.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_conforms(rig, case):
    rig.check(case)
