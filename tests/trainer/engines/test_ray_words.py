"""What can be said of the Ray fleet without Ray: its words, what travels to an actor, and where replies are graded."""

import pickle
import sys
import time
import types

import pytest
import torch
from rig import small_policy

from verigym.envs import Env
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.trainer import ray_verifiers
from verigym.trainer.attention import use_packed_attention
from verigym.trainer.config import ConfigError, Rollout
from verigym.trainer.engines.engine import EngineError
from verigym.trainer.engines.open import open_engine
from verigym.trainer.engines.options import RayOptions, options_of
from verigym.trainer.engines.ray import inner_rollout, places
from verigym.trainer.engines.ray_actors import Setup, packed, unpacked
from verigym.trainer.grading import open_driver

TASK = Generated("one", lambda rng, level: Problem(f"Say {rng.random()}.", "yes"), {1: Level("", 10**6, 0.0)})


def ray_rollout(*words: str) -> Rollout:
    return Rollout(engine="ray", engine_args=words)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("inner=ray", r"inner='ray' is no engine for an actor; write inner=vllm or inner=transformers"),
        ("engines=0", r"engines=0 samples nothing; write engines=1 or more"),
        ("verifiers=-1", r"verifiers=-1 is negative; write verifiers=0"),
        ("gpus=1.5", r"gpus=1.5: an actor has a share of one GPU, or whole ones; write gpus=1"),
        ("tensor_parallel=2", r"tensor_parallel=2 needs as many GPUs for each actor; write gpus=2"),
    ],
)
def test_words_that_cannot_be_meant(word, said) -> None:
    with pytest.raises(ConfigError, match=said):
        ray_rollout(word)


def test_an_actor_is_told_the_words_that_its_engine_knows() -> None:
    rollout = ray_rollout("engines=3", "gpus=2", "tensor_parallel=2", "memory=0.7", "batch=9", "verifiers=4")
    options = options_of(rollout)
    assert isinstance(options, RayOptions) and places(options) == 8
    inner = inner_rollout(rollout, options)
    told = options_of(inner)
    assert inner.engine == "vllm"
    assert (told.batch, told.memory, told.tensor_parallel) == (9, 0.7, 2)
    plain = inner_rollout(rollout, options_of(ray_rollout("inner=transformers", "batch=9")))
    assert plain.engine == "transformers" and options_of(plain).batch == 9


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64])
def test_weights_travel_bit_for_bit(dtype) -> None:
    weights = {"a": torch.arange(6).reshape(2, 3).to(dtype), "b": torch.tensor(1.5).to(dtype), "c": torch.zeros(0, 4)}
    sent = pickle.loads(pickle.dumps(packed(weights)))
    for name, found in unpacked(sent).items():
        assert found.dtype == weights[name].dtype and found.shape == weights[name].shape
        assert torch.equal(found, weights[name])


def test_an_actor_builds_the_policy_from_its_configuration_and_weights() -> None:
    policy = small_policy()
    use_packed_attention(policy.model)  # the trainer's own, which another process does not have
    weights = packed(dict(policy.model.named_parameters()))
    setup = pickle.loads(pickle.dumps(Setup.of(policy, ray_rollout(), "cpu")))
    built = setup.build(weights)
    assert built.chat.stop_ids == policy.chat.stop_ids and built.context == policy.context
    assert built.model.lm_head.weight is built.model.model.embed_tokens.weight
    ids = torch.tensor([[5, 20, 21]])
    with torch.no_grad():
        assert torch.allclose(built.model(input_ids=ids).logits, small_policy().model(input_ids=ids).logits, atol=1e-5)
    weights.pop("model.norm.weight")
    with pytest.raises(EngineError, match=r"not those of the model's configuration: model\.norm\.weight"):
        setup.build(weights)


def test_without_ray_the_command_is_told(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r'Ray is not installed.*pip install -e "\.\[ray\]"'):
        open_engine(ray_rollout(), small_policy())
    with pytest.raises(ConfigError, match="Ray is not installed"):
        open_driver(Env(TASK, lambda problem, reply: True), ray_rollout("verifiers=1"))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", r"no Ray cluster at address=127\.0\.0\.1:1: .*refused.*`ray start --head`"),
        ("ray://127.0.0.1:10001", r"address=ray://127\.0\.0\.1:10001 is Ray's client.*`ray job submit`"),
    ],
)
def test_a_cluster_that_is_not_there_is_named_at_once(monkeypatch, address, said) -> None:
    monkeypatch.setitem(sys.modules, "ray", types.SimpleNamespace(is_initialized=lambda: False))
    started = time.monotonic()
    with pytest.raises(ConfigError, match=said):
        open_engine(ray_rollout(f"address={address}"), small_policy())
    assert time.monotonic() - started < 10


def test_replies_are_graded_by_ray_where_its_words_ask_for_it(monkeypatch) -> None:
    closed, opened = [], []

    class Machines:
        def close(self):
            closed.append(self)

    def open_verifiers(options):
        opened.append(options.verifiers)
        return Machines()

    monkeypatch.setattr(ray_verifiers, "open_verifiers", open_verifiers)
    env = Env(TASK, lambda problem, reply: reply == problem.answer)
    for rollout, here in ((Rollout(), False), (ray_rollout(), False), (ray_rollout("verifiers=3"), True)):
        with open_driver(env, rollout, here=here) as driver:
            assert driver.start(env.problem(0)).reply("yes").correct
    assert not opened
    with open_driver(env, ray_rollout("verifiers=3")) as driver:
        assert opened == [3] and not closed
        assert driver.start(env.problem(0)).reply("yes").correct
    assert len(closed) == 1

    class Refusing:
        def open(self, workers, machines=None):
            raise RuntimeError("no")

    env.grader = Refusing()
    with pytest.raises(RuntimeError, match="no"):
        open_driver(env, ray_rollout("verifiers=3"))
    assert len(closed) == 2
