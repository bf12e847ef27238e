"""vLLM in this process: what the conformance suite does not see. Heads without a kernel, weights that do not arrive,
what a start leaves behind, adapters, and a short run."""

import copy
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from rig import Rig, small_policy

pytest.importorskip("vllm")

from vllm.model_executor.layers import utils as layers

from verigym.trainer import adapters
from verigym.trainer.config import ConfigError
from verigym.trainer.engines import vllm_cpu, vllm_start
from verigym.trainer.engines.engine import EngineError, Request, Sampling
from verigym.trainer.engines.options import VllmOptions
from verigym.trainer.engines.vllm import VllmEngine, base_weights
from verigym.trainer.engines.vllm_start import require_vllm
from verigym.trainer.evaluation.evaluate import evaluate
from verigym.trainer.loop import train
from verigym.trainer.lora import Lora
from verigym.trainer.policy import load_policy

pytestmark = pytest.mark.engines

SMALL = VllmOptions(batch=16, memory=0.1)


@pytest.fixture(scope="module")
def rig():
    """A tiny model: its heads are 16 wide, for which vLLM has no kernel on a CPU."""
    rig = Rig(lambda policy: VllmEngine(policy, SMALL), policy=load_policy("tiny-llama", seed=3, device="cpu"))
    yield rig
    rig.close()


def own_model(rig):
    """vLLM's own model."""
    return rig.engine._llm.model_executor.driver_worker.worker.model_runner.get_model()


def test_heads_without_a_kernel_are_filled_up(rig):
    assert rig.policy.model.config.head_dim == 16
    assert {layer.attn.head_size for layer in (block.self_attn for block in own_model(rig).model.layers)} == {32}
    for temperature in (1.0, 0.7):
        replies = rig.sample(rig.requests(), Sampling(60, temperature=temperature))
        rig.assert_scored(rig.requests(), replies, temperature)


def test_an_update_leaves_the_very_bits_of_the_trainer(rig):
    other = rig.other()
    with rig.loaded(dict(other.named_parameters())):
        theirs = dict(own_model(rig).named_parameters())
        ours = dict(other.named_parameters())
        for name, weight in ours.items():
            if name in theirs:
                assert torch.equal(theirs[name][: len(weight)], weight)  # a vocabulary is filled up to 64
        for i in range(2):
            place = f"model.layers.{i}.self_attn"
            parts = [ours[f"{place}.{part}_proj.weight"] for part in "qkv"]
            assert torch.equal(theirs[f"{place}.qkv_proj.weight"], torch.cat(parts))


def test_a_weight_that_does_not_arrive_is_an_error(rig, monkeypatch):
    model = own_model(rig)
    load = model.load_weights
    monkeypatch.setattr(model, "load_weights", lambda weights: load(w for w in weights if "norm" not in w[0]))
    with pytest.raises(EngineError, match=r"did not reach model\.layers\.0\.input_layernorm\.weight.* and 2 more"):
        rig.engine.load_weights(dict(rig.policy.model.named_parameters()), rig.engine.version + 1)


def test_sampling_takes_none_of_the_trainers_random_numbers(rig):
    before = torch.get_rng_state()
    rig.sample(rig.requests(), Sampling(8))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_temperature_that_vllm_would_change_is_refused(rig):
    with pytest.raises(ValueError, match=r"no colder than 0\.01; set the temperature to 0"):
        rig.engine.add(rig.requests(), Sampling(4, temperature=0.001))
    with pytest.raises(ValueError, match="600 tokens, and the engine's context of 512"):
        rig.engine.add([Request((5,) * 600, 1)], Sampling(4))
    with pytest.raises(ValueError, match=r"vLLM takes no such request: .*top_p"):
        rig.engine.add(rig.requests(), Sampling(4, top_p=1.5))
    assert rig.engine.busy == 0
    assert len(rig.sample(rig.requests(), Sampling(4))) == 5


def test_a_start_leaves_the_process_as_it_was(rig):
    rig.close()
    torch.manual_seed(5)
    random.seed(5)
    environment, numbers, drawn = dict(os.environ), torch.get_rng_state(), random.getstate()
    setter, threads = torch.set_num_threads, torch.get_num_threads()
    assert rig.engine.busy == 0
    assert dict(os.environ) == environment
    assert torch.equal(torch.get_rng_state(), numbers) and random.getstate() == drawn
    assert torch.set_num_threads is setter and torch.get_num_threads() == threads
    rig.close()
    assert not torch.distributed.is_initialized()


def test_packed_weights_are_noticed(rig, monkeypatch):
    """vLLM as it is: it would sample from packed copies, and an update would change nothing."""
    rig.close()
    monkeypatch.setattr(vllm_cpu, "_keep_weight", layers.dispatch_cpu_unquantized_gemm)
    with pytest.raises(EngineError, match=r"packed copies of its weights in .*new weights would never be sampled from"):
        VllmEngine(rig.policy, SMALL)
    assert not vllm_start._open


def test_too_little_memory_says_which_word_to_change(rig):
    rig.close()
    with pytest.raises(EngineError, match=r"vLLM does not start: .*--engine-args memory="):
        VllmEngine(rig.policy, VllmOptions(batch=4, memory=0.0001))


def test_without_vllm_the_command_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(ConfigError, match=r'on a GPU run `pip install -e "\.\[vllm\]"`, on a CPU `make engines`'):
        require_vllm()


def test_experts_are_refused_on_a_cpu():
    model = torch.nn.Module()
    model.experts = torch.nn.Parameter(torch.zeros(2, 3, 4))
    policy = SimpleNamespace(model=model, device="cpu", context=8, chat=SimpleNamespace(text=str))
    with pytest.raises(ConfigError, match=r"vLLM on a CPU packs 'experts'.*set --engine transformers"):
        VllmEngine(policy, SMALL)


def test_sleep_on_a_gpu_wakes_what_is_needed(rig):
    """Without a GPU: the calls that vLLM gets."""
    calls = []
    llm = SimpleNamespace(
        sleep=lambda level: calls.append(("sleep", level)),
        wake_up=lambda tags: calls.append(("wake", *tags)),
        collective_rpc=lambda *call, args: [[]],
        reset_prefix_cache=lambda: True,
    )
    engine = copy.copy(rig.engine)
    engine._llm, engine._on_gpu, engine._asleep = llm, True, set()
    engine.sleep()
    engine.sleep()
    engine.load_weights(dict(rig.policy.model.named_parameters()), 5)
    engine.wake()
    engine.wake()
    assert calls == [("sleep", 1), ("wake", "weights"), ("wake", "kv_cache")]


def test_an_adapter_is_sampled_from_and_each_version_is_a_new_one(tmp_path):
    pytest.importorskip("peft")
    policy = small_policy()
    adapters.attach(policy.model, Lora(rank=4), seed=1)
    rig = Rig(lambda policy: VllmEngine(policy, SMALL), bound=3e-5, policy=policy)
    rng = torch.Generator().manual_seed(1)
    try:
        rig.assert_scored(rig.requests(), rig.sample(rig.requests(), Sampling(12)), 1.0)
        for version in (1, 2):
            with torch.no_grad():
                for name, weight in policy.model.named_parameters():
                    if ".lora_B." in name:
                        weight.add_(0.1 * torch.randn(weight.shape, generator=rng))
            before = rig.sample(rig.requests(), Sampling(12))
            adapters.write(policy, tmp_path / str(version))
            rig.engine.load_adapter(tmp_path / str(version), version)
            replies = rig.sample(rig.requests(), Sampling(12))
            assert {reply.version for reply in replies} == {version}
            assert [reply.token_ids for reply in replies] != [reply.token_ids for reply in before]
            rig.assert_scored(rig.requests(), replies, 1.0)
        assert set(base_weights(policy.model)) == set(base_weights(small_policy().model))
        with pytest.raises(EngineError, match="vLLM does not take the adapter in"):
            rig.engine.load_adapter(tmp_path / "nothing", 3)
    finally:
        rig.close()


GLOO_RANK = """
import sys
from datetime import timedelta

import torch
import torch.distributed as dist

torch.set_num_threads(1)
rank, store, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2, timeout=timedelta(seconds=50))
sys.path.insert(0, folder)

from rig import Rig

from verigym.trainer.engines.engine import Sampling
from verigym.trainer.engines.options import VllmOptions
from verigym.trainer.engines.vllm import VllmEngine

group = dist.group.WORLD
if rank == 0:  # on the lead alone
    rig = Rig(lambda policy: VllmEngine(policy, VllmOptions(batch=8, memory=0.05)))
    replies = rig.sample(rig.requests(), Sampling(8))
    rig.assert_scored(rig.requests(), replies, 1.0)
told = torch.tensor([float(rank)])
dist.all_reduce(told)
assert told.item() == 1.0 and dist.get_world_size() == 2 and dist.group.WORLD is group
if rank == 0:
    rig.close()
part = dist.new_group([0, 1])
dist.all_reduce(told, group=part)
assert told.item() == 2.0 and dist.get_rank() == rank
print("done", flush=True)
dist.barrier()
sys.stdout.flush()
import os
os._exit(0)
"""


def test_ranks_keep_their_process_group(tmp_path):
    """Two ranks, an engine on the lead alone: it neither waits for the other nor takes the group apart."""
    folder = str(Path(__file__).parent)
    command = [sys.executable, "-P", "-c", GLOO_RANK]
    ranks = [
        subprocess.Popen([*command, str(rank), str(tmp_path / "store"), folder], stdout=subprocess.PIPE, text=True)
        for rank in range(2)
    ]
    try:
        told = [rank.communicate(timeout=60)[0] for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
            rank.wait()
    assert [rank.returncode for rank in ranks] == [0, 0]
    assert all("done" in text for text in told)


@pytest.mark.parametrize("lag", [(), ("1", "partial")], ids=["in step", "ahead"])
def test_a_short_run_samples_from_the_weights_that_it_learns(small_run, lag):
    words = {"engine": "vllm", "engine_args": ("batch=16", "memory=0.05"), "lag": lag}
    before = dict(vllm_start._open)
    summary = train(small_run(rollout=words, optim={"steps": 3}))
    assert summary.finished
    lines = [json.loads(line) for line in (summary.directory / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3]
    for line in lines:
        assert line["canary"] < 1e-4  # share by which a mean probability ratio is off
        assert line["mismatch_max"] < 1e-4 or lag  # nats of one token
        assert line["grad_norm"] > 0 and line["tokens"]["sampled"] > 0
    assert vllm_start._open == before


def test_evaluation_gives_the_scores_of_the_embedded_engine():
    settings = {"env": "reverse", "greedy": True, "problems": 12, "max_new_tokens": 8, "device": "cpu"}
    ours = evaluate("tiny-qwen2", engine="vllm", engine_args=("batch=16", "memory=0.05"), **settings)
    theirs = evaluate("tiny-qwen2", **settings)
    assert [s.reply for s in ours.scores.samples] == [s.reply for s in theirs.scores.samples]
    assert ours.pass_at == theirs.pass_at and ours.settings["engine"] == "vllm"
