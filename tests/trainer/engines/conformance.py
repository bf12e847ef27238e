"""The suite that every engine passes: what it owes the trainer, checked on weights of its own and figures of the
trainer's.

A test file of an engine opens it once, and ends whatever happens:

    @pytest.fixture(scope="module")
    def rig():
        rig = Rig(open_engine=..., bound=1e-5)
        yield rig
        rig.close()

    @pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
    def test_conforms(rig, case):
        rig.check(case)
"""

from replies import REPLIES
from rig import Rig, small_policy
from work import WORK

__all__ = ["CASES", "Rig", "small_policy"]

CASES = (*REPLIES, *WORK)
