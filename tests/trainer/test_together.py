import pytest

from verigym.trainer.config import Rollout, Run
from verigym.trainer.engines.elsewhere import Elsewhere
from verigym.trainer.engines.engine import Request, Sampling
from verigym.trainer.ranks import ALONE
from verigym.trainer.together import roll_shared, samples_everywhere


class Pretend:
    """Ranks of which this is one; what the others would say is known."""

    several = True

    def __init__(self, rank, count, others=()):
        self.rank, self.count, self.others = rank, count, list(others)

    def share(self, items):
        start, end = (len(items) * place // self.count for place in (self.rank, self.rank + 1))
        return items[start:end]

    def all(self, work):
        return [*self.others, *work()]

    def led(self, work):
        return work() if self.rank == 0 else self.others


def roll(problems, first_group):
    return [f"{problem}{group}" for group, problem in enumerate(problems, first_group)]


@pytest.mark.parametrize(
    ("rollout", "everywhere"),
    [
        (Rollout(), True),
        (Rollout(engine="vllm"), True),
        (Rollout(lag=("1",)), False),
        (Rollout(engine="vllm-server", engine_args=("url=http://h:1",)), False),
        (Rollout(engine="ray"), False),
    ],
)
def test_engines_in_process_sample_on_every_rank_and_others_on_the_lead(rollout, everywhere):
    assert samples_everywhere(Run(rollout=rollout)) is everywhere


def test_each_rank_rolls_its_share_under_the_groups_own_numbers():
    assert roll_shared(roll, "abc", 5, ALONE, everywhere=True) == ["a5", "b6", "c7"]
    second = Pretend(1, 2, others=["a5"])
    assert roll_shared(roll, "abc", 5, second, everywhere=True) == ["a5", "b6", "c7"]
    idle = Pretend(0, 4, others=["a5"])  # fewer problems than ranks
    assert roll_shared(roll, "a", 5, idle, everywhere=True) == ["a5"]


def test_what_the_lead_rolled_is_told_to_the_others():
    told = Pretend(1, 2, others=["a5", "b6"])
    assert roll_shared(lambda *_: pytest.fail("only the lead samples"), "ab", 5, told, everywhere=False) == ["a5", "b6"]
    assert roll_shared(roll, "ab", 5, Pretend(0, 2), everywhere=False) == ["a5", "b6"]


def test_an_engine_elsewhere_takes_weights_and_no_requests():
    engine = Elsewhere(version=3)
    engine.load_weights({"anything": None}, version=4)
    assert engine.version == 4 and engine.busy == 0 and engine.advance() == [] and engine.own_copy
    engine.cancel()
    engine.close()
    with pytest.raises(RuntimeError, match="only the lead's engine takes requests"):
        engine.add([Request((1,), seed=0)], Sampling(4))
