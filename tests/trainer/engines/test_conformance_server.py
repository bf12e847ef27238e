"""Two vLLM servers as one engine keep what every engine owes; one of them is killed half-way, and comes back."""

import pytest

pytest.importorskip("vllm")

from conformance import CASES, Rig, small_policy
from hosting import TOKEN, servers

from verigym.trainer.config import Rollout
from verigym.trainer.engines.options import ServerOptions
from verigym.trainer.engines.server import open_server

pytestmark = [pytest.mark.engines, pytest.mark.filterwarnings("ignore:engine ")]

START_S, AGAIN_S = 90.0, 60.0


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two servers of the suite's model, started side by side."""
    folder, policy = tmp_path_factory.mktemp("servers"), small_policy()
    policy.model.save_pretrained(folder / "model")
    policy.tokenizer.save_pretrained(folder / "model")
    words = ("--engine", "vllm", "--engine-args", "memory=0.2", "batch=16", "--threads", "1")
    with servers(2, model=str(folder / "model"), folder=folder, words=words, start_s=START_S) as found:
        yield found


@pytest.fixture(scope="module")
def rig(pair):
    def open_engine(policy):
        """A case that finds a dead server starts it again, once and within a deadline."""
        for server in pair:
            if not server.alive:
                server.begin()
        for server in pair:
            server.ready(AGAIN_S)
        options = ServerOptions(url=tuple(server.url for server in pair), batch=16, retry_s=20.0)
        return open_server(Rollout(), policy, options, 0)

    rig = Rig(open_engine, bound=1e-5, continues=False, slack_s=3.0, kill=lambda _: pair[0].kill())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VERIGYM_ENGINE_TOKEN", TOKEN)
        yield rig
        rig.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_conforms(rig, pair, case):
    try:
        rig.check(case)
    finally:
        if not all(server.alive for server in pair):
            rig.close()  # the next case opens a fleet over both again
