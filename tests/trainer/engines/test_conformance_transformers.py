"""The embedded engine keeps what every engine owes."""

import copy

import pytest
from conformance import CASES, Rig

from verigym.trainer.engines.transformers import TransformersEngine


def open_engine(policy):
    model = copy.deepcopy(policy.model).requires_grad_(False)
    return TransformersEngine(model, pad_id=policy.pad_id, batch=16, text=policy.chat.text, own_copy=True)


@pytest.fixture(scope="module")
def rig():
    rig = Rig(open_engine)
    yield rig
    rig.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_conforms(rig, case):
    rig.check(case)
