"""vLLM in this process: samples beside the trainer, on the same GPU or CPU, and takes new weights without a restart.

The model is made from the policy's configuration and takes the policy's weights from memory, by the same way as every
update; a weight that does not arrive is an error. Random numbers come from each request's seed, so a sample does not
depend on its batch (but for the rounding of batched sums). The tokens of a reply that goes on after a cut
(`Request.start`) are fair, but not those that it would have had.

    engine = open_vllm(run.rollout, policy, options, version=0)
    engine.generate([Request((5, 6), seed=1)], Sampling(max_new_tokens=8))

On a CPU nothing is given back in `sleep`, and mixtures of experts and convolutions are refused. On a CPU vLLM puts
placeholders for `torch.cuda`'s streams in place for the life of the process.
"""

import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verigym.trainer.config import ConfigError
from verigym.trainer.engines.engine import (
    WAIT_S,
    Completion,
    Engine,
    EngineError,
    Finish,
    Request,
    Sampling,
    UnknownWeight,
    refuse_unservable,
)
from verigym.trainer.engines.options import VllmOptions
from verigym.trainer.engines.vllm_start import numbers_kept, quiet, reason, require_vllm, start, stop
from verigym.trainer.engines.vllm_worker import named
from verigym.trainer.seeds import sample_seed

if TYPE_CHECKING:
    from verigym.trainer.config import Rollout
    from verigym.trainer.policy import Policy

STOP_WINDOW = 32
"""Tokens at the end of a reply in which a stop string is looked for; a stop string is shorter than that."""
SEED_BITS = (1 << 63) - 1
COLDEST = 0.01
"""vLLM samples no colder than this, but for greedy replies."""
PARTS = ("weights", "kv_cache")
"""What vLLM gives back in its sleep."""


def open_vllm(rollout: "Rollout", policy: "Policy", options: VllmOptions, version: int) -> "VllmEngine":
    """The engine that a run asks for, on the policy's weights. Raises ConfigError where vLLM is missing, or cannot take
    such a model's weights; EngineError where it does not start."""
    require_vllm()
    return VllmEngine(policy, options, version=version)


class VllmEngine(Engine):
    """Implements `Engine` on vLLM's engine in this process."""

    def __init__(self, policy: "Policy", options: VllmOptions, *, version: int = 0) -> None:
        self.version = version
        self._text, self._context = policy.chat.text, policy.context
        self._on_gpu = policy.device != "cpu"
        self._apart = options.tensor_parallel > 1
        self.nccl = options.nccl and self._on_gpu
        self.workers = options.tensor_parallel
        weights = base_weights(policy.model)
        if not self._on_gpu:
            _refuse_packed(weights)
        self._shapes = {name: weight.shape for name, weight in weights.items()}
        self._each_once = set(base_weights(policy.model, twice=False))
        self._vocabulary = int(policy.model.get_input_embeddings().weight.shape[0])
        self._rows: dict[int, _Row] = {}
        self._ended: list[tuple[int, Completion]] = []
        self._tickets = 0
        self._adapter: Any = None
        self._asleep: set[str] = set()
        rank = lora_rank(policy.model)
        with tempfile.TemporaryDirectory(prefix="verigym-vllm-") as folder:
            _lay_out(policy.model, Path(folder), with_weights=rank > 0)
            self._llm: Any = start(policy, options, Path(folder), lora_rank=rank)
        if not rank:
            try:
                self._receive(weights, whole=True)
            except BaseException:
                self.close()
                raise

    def add(self, requests: Sequence[Request], sampling: Sampling) -> list[int]:
        refuse_unservable(requests, self._vocabulary)
        for request in requests:
            if len(request.prompt_ids) >= self._context:
                raise ValueError(
                    f"a request has {len(request.prompt_ids)} tokens, and the engine's context of {self._context} "
                    "leaves no room for a reply"
                )
        if 0 < sampling.temperature < COLDEST:
            raise ValueError(f"vLLM samples no colder than {COLDEST}; set the temperature to 0 for greedy replies")
        self.wake()
        tickets = list(range(self._tickets, self._tickets + len(requests)))
        self._tickets += len(requests)
        try:
            with quiet():
                for ticket, request in zip(tickets, requests, strict=True):
                    row = self._rows[ticket] = _Row.of(request, sampling)
                    self._llm.add_request(str(ticket), _prompt(request), row.parameters(), lora_request=self._adapter)
        except Exception as error:
            taken = [ticket for ticket in tickets if self._rows.pop(ticket, None)]
            self._llm.abort_request([str(ticket) for ticket in taken])
            raise ValueError(f"vLLM takes no such request: {reason(error)}") from error
        return tickets

    def advance(self, wait_s: float = WAIT_S) -> list[tuple[int, Completion]]:
        until = time.monotonic() + wait_s
        while not self._ended and self._rows:
            self._step()
            if time.monotonic() >= until:
                break
        ended, self._ended = self._ended, []
        return ended

    def cancel(self, tickets: Iterable[int] | None = None) -> None:
        gone = list(self._rows) if tickets is None else [ticket for ticket in tickets if ticket in self._rows]
        self._llm.abort_request([str(ticket) for ticket in gone])
        for ticket in gone:
            self._end(ticket, "abort")

    @property
    def busy(self) -> int:
        return len(self._rows) + len(self._ended)

    def load_weights(self, weights: Mapping[str, Any], version: int) -> None:
        if self.busy:
            raise RuntimeError(f"{self.busy} requests are under way; let them end, or cancel them, before new weights")
        for name, tensor in weights.items():
            if name not in self._shapes:
                raise UnknownWeight(f"the engine's model has no weight {name!r}")
            if tensor.shape != self._shapes[name]:
                raise UnknownWeight(
                    f"the weight {name!r} has the shape {tuple(tensor.shape)}, and the engine's model wants "
                    f"{tuple(self._shapes[name])}"
                )
        self._wake("weights")
        self._receive(weights, whole=self._each_once <= weights.keys())
        self.version = version

    def load_adapter(self, folder: Path, version: int) -> None:
        """Takes a LoRA adapter; vLLM keeps one at a time, and each is a new one to it."""
        if self.busy:
            raise RuntimeError(f"{self.busy} requests are under way; let them end, or cancel them, before an adapter")
        from vllm.lora.request import LoRARequest

        self._wake("weights")
        number = self._adapter.lora_int_id + 1 if self._adapter else 1
        adapter = LoRARequest(f"version-{version}-{number}", number, str(folder))
        try:
            if self._adapter:
                self._llm.remove_lora(self._adapter.lora_int_id)
            taken = self._llm.add_lora(adapter)
        except Exception as error:
            raise EngineError(f"vLLM does not take the adapter in {folder}: {reason(error)}") from error
        if not taken:
            raise EngineError(f"vLLM did not take the adapter in {folder}")
        self._adapter = adapter
        self._forget()
        self.version = version

    def sleep(self) -> None:
        """On a GPU weights move to the machine's memory and the key-value cache is given back; on a CPU nothing is."""
        if self.busy:
            raise RuntimeError(f"{self.busy} requests are under way; let them end, or cancel them, before sleep")
        if self._on_gpu and not self._asleep:
            self._llm.sleep(level=1)
            self._asleep = set(PARTS)

    def wake(self) -> None:
        self._wake(*PARTS)

    def close(self) -> None:
        self._rows.clear()
        self._ended.clear()
        llm, self._llm = self._llm, None
        if llm is not None:
            stop(llm)

    def transfer(self, method: str, arguments: Mapping[str, Any]) -> None:
        """One step of vLLM's own way to take weights (`nccl.py`), on all its workers."""
        self._wake("weights")
        self._llm.collective_rpc(method, kwargs=dict(arguments))
        if method == "finish_weight_update":
            self._forget()

    def _step(self) -> None:
        """One step of vLLM: a token more for every row that is sampled now."""
        try:
            with numbers_kept():
                outputs = self._llm.step()
        except Exception as error:  # vLLM's own have no root, and most are plain ones
            if type(error).__name__ == "OutOfMemoryError":
                raise
            raise EngineError(
                f"vLLM stopped: {reason(error)}. What it was sampling is lost, nothing that was trained is; go on with "
                "`verigym train --resume RUN`"
            ) from error
        for output in outputs:
            ticket = int(output.request_id)
            if ticket in self._rows:
                self._hear(ticket, output.outputs[0], output.finished)

    def _hear(self, ticket: int, new: Any, finished: bool) -> None:
        """Takes the new tokens of a row, up to the one that completes a stop string."""
        row = self._rows[ticket]
        for token, chances in zip(new.token_ids, new.logprobs or (), strict=True):
            row.ids.append(token)
            row.logps.append(chances[token].logprob)
            if row.sampling.stop and self._stopped(row):
                if not finished:
                    self._llm.abort_request([str(ticket)])
                self._end(ticket, "stop")
                return
        if finished:
            self._end(ticket, "stop" if row.ids and row.ids[-1] in row.sampling.stop_ids else "length")

    def _stopped(self, row: "_Row") -> bool:
        tail = self._text(row.ids[-STOP_WINDOW:])
        return any(text in tail for text in row.sampling.stop)

    def _end(self, ticket: int, finish: Finish) -> None:
        row = self._rows.pop(ticket)
        ids = tuple(row.ids[row.request.start :])
        self._ended.append((ticket, Completion(ids, tuple(row.logps), finish, self.version)))

    def _receive(self, weights: Mapping[str, Any], *, whole: bool) -> None:
        """Copies weights into vLLM's model and forgets what was read under the old ones. whole: all of them, so that
        every weight of vLLM's must have been among them. Raises EngineError where it does not take them."""
        items = [(name, weight.detach().cpu() if self._apart else weight.detach()) for name, weight in weights.items()]
        try:
            missing = self._llm.collective_rpc("receive_weights", args=(items,))[0] if items else []
        except Exception as error:
            raise EngineError(
                f"vLLM does not take the trainer's weights: {reason(error)}. Its model may now hold a part of them; "
                "take another --engine for this model"
            ) from error
        if whole and missing:
            raise EngineError(
                f"the trainer's weights did not reach {named(missing)} of vLLM's model, which would go on with old "
                "ones; take another --engine for this model"
            )
        self._forget()

    def _forget(self) -> None:
        """Empties the prefix cache, which vLLM refuses as long as it is not done with what was cancelled."""
        for _ in range(3):
            if self._llm.reset_prefix_cache():
                return
            self._llm.step()
        raise EngineError(
            "vLLM keeps a prefix cache that was read under old weights; nothing may be under way when they change"
        )

    def _wake(self, *parts: str) -> None:
        asleep = [part for part in parts if part in self._asleep]
        if asleep:
            self._llm.wake_up(tags=asleep)
            self._asleep -= set(asleep)


@dataclass
class _Row:
    """One request under way. ids: of the reply so far, with those that it goes on from, `start` of them, in front."""

    request: Request
    sampling: Sampling
    ids: list[int]
    logps: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, request: Request, sampling: Sampling) -> "_Row":
        return cls(request, sampling, list(request.prompt_ids[len(request.prompt_ids) - request.start :]))

    def parameters(self) -> Any:
        """How vLLM samples this one. Stop strings are looked for on this side, in the policy's own text."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        request, sampling = self.request, self.sampling
        seed = sample_seed(request.seed, "start", request.start) if request.start else request.seed
        return SamplingParams(
            max_tokens=min(sampling.max_new_tokens, request.max_new_tokens or sampling.max_new_tokens),
            temperature=sampling.temperature,
            top_p=sampling.top_p if sampling.temperature else 1.0,
            top_k=sampling.top_k if sampling.temperature else 0,
            seed=seed & SEED_BITS,
            stop_token_ids=list(sampling.stop_ids),
            ignore_eos=True,
            logprobs=0,
            detokenize=False,
            output_kind=RequestOutputKind.DELTA,
        )


def base_weights(model: Any, *, twice: bool = True) -> dict[str, Any]:
    """The weights of a model by name; of a model with adapters those beneath them, by the names that they had before.
    twice: tied ones under both names."""
    return {
        name.replace(".base_layer.", "."): weight
        for name, weight in _base(model).named_parameters(remove_duplicate=not twice)
        if ".lora_" not in name
    }


def lora_rank(model: Any) -> int:
    """The largest rank of a model's adapters; 0 where it has none."""
    return max((int(config.r) for config in getattr(model, "peft_config", {}).values()), default=0)


def _prompt(request: Request) -> Any:
    from vllm.inputs import tokens_input

    return tokens_input(list(request.prompt_ids))


def _refuse_packed(weights: Mapping[str, Any]) -> None:
    odd = next((name for name, weight in weights.items() if weight.ndim > 2), None)
    if odd is not None:
        raise ConfigError(
            f"vLLM on a CPU packs {odd!r} (experts, or a convolution) and takes no new weights for it; set --engine "
            "transformers, or use a GPU"
        )


def _lay_out(model: Any, folder: Path, *, with_weights: bool) -> None:
    """Writes what vLLM makes a model from: its configuration, and its weights where adapters come on top of them, under
    which vLLM cannot change them later."""
    _base(model).config.save_pretrained(folder)
    if with_weights:
        from safetensors.torch import save_file

        weights = {name: weight.detach().contiguous() for name, weight in base_weights(model, twice=False).items()}
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _base(model: Any) -> Any:
    return model.get_base_model() if hasattr(model, "get_base_model") else model
