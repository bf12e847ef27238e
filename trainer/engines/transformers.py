"""The embedded engine: samples with a transformers model in this process, on CPU or GPU, with a key-value cache.

It may hold the very model that is trained, and then new weights need no copying. Identical prompts are read once; rows
that have ended leave the batch; random numbers come from each request's own seed by counting, so a sample does not
depend on its batch. What it does not do: continuous batching (a batch is decoded to its end before the next one
starts).

    TransformersEngine(model, pad_id=0).generate([Request((5, 6), seed=1)], Sampling(max_new_tokens=8))
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from verigym.trainer.engines.cache import growing_cache
from verigym.trainer.engines.engine import WAIT_S, Completion, Engine, Finish, Request, Sampling, UnknownWeight

KEEP_SHARE = 0.75
"""A batch is compacted once fewer than this share of its rows is still going."""

STOP_WINDOW = 32
"""Tokens at the end of a reply in which a stop string is looked for; a stop string is shorter than that."""

GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)
CELLS = 1 << 24
"""Most probabilities made cumulative in float64 at once."""


def uniforms(seeds: np.ndarray, position: int) -> np.ndarray:
    """One number in (0, 1) for each seed at a position: SplitMix64 (Steele et al. 2014), a counter-based generator, so
    no state is kept. seeds [B] uint64; returns [B] float64."""
    with np.errstate(over="ignore"):
        z = seeds + np.uint64(position + 1) * GOLDEN_GAMMA
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def truncate_distribution(logits: torch.Tensor, top_p: float, top_k: int) -> torch.Tensor:
    """Logits [B, V] with everything outside the top k tokens, and outside the smallest set of probability top_p, at
    -inf."""
    if top_k > 0:
        kth = logits.topk(min(top_k, logits.shape[-1]), dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < kth, -torch.inf)
    if top_p < 1.0:
        ordered, order = logits.sort(dim=-1, descending=True)
        before = ordered.softmax(-1).cumsum(-1) - ordered.softmax(-1)
        outside = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, before >= top_p)
        logits = logits.masked_fill(outside, -torch.inf)
    return logits


def draw(logits: torch.Tensor, sampling: Sampling, uniform: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """A token for each row by inverting the cumulative distribution, and its log-prob. logits [B, V] fp32; uniform [B]
    in (0, 1); returns ids [B] and log-probs [B]. Temperature 0 takes the likeliest token and reports its log-prob at
    temperature 1."""
    if sampling.temperature == 0:
        ids = logits.argmax(-1)
        return ids, logits.log_softmax(-1).gather(-1, ids[:, None])[:, 0]
    logits = truncate_distribution(logits / sampling.temperature, sampling.top_p, sampling.top_k)
    logp = logits.log_softmax(-1)
    numbers = torch.from_numpy(uniform).to(logits.device)
    rows = max(1, CELLS // logits.shape[-1])
    chosen = []
    for start in range(0, len(logp), rows):
        cumulative = logp[start : start + rows].exp().double().cumsum(-1)
        wanted = numbers[start : start + rows, None] * cumulative[:, -1:]
        chosen.append(torch.searchsorted(cumulative, wanted, right=True)[:, 0])
    ids = torch.cat(chosen).clamp_(max=logits.shape[-1] - 1)
    return ids, logp.gather(-1, ids[:, None])[:, 0]


@dataclass
class _Row:
    """One request being decoded."""

    request: int
    seed: int
    limit: int
    ids: list[int] = field(default_factory=list)
    logps: list[float] = field(default_factory=list)
    ended: bool = False


class TransformersEngine(Engine):
    """Implements `Engine` on a transformers causal language model. text: decodes ids, needed only for stop strings;
    batch: most rows decoded together."""

    def __init__(
        self,
        model: Any,
        *,
        pad_id: int,
        batch: int = 512,
        text: Callable[[Sequence[int]], str] | None = None,
        version: int = 0,
    ) -> None:
        self.model = model
        self.pad_id = pad_id
        self.batch = batch
        self.text = text
        self.version = version
        self._tickets = 0
        self._waiting: deque[tuple[int, Request, Sampling]] = deque()
        self._ended: list[tuple[int, Completion]] = []

    def add(self, requests: Sequence[Request], sampling: Sampling) -> list[int]:
        if sampling.stop and self.text is None:
            raise ValueError("stop strings need an engine that can decode: pass text= to TransformersEngine")
        tickets = list(range(self._tickets, self._tickets + len(requests)))
        self._tickets += len(requests)
        # Prompts of like length are read together; equal lengths keep their order, so groups stay side by side.
        order = sorted(zip(tickets, requests, strict=True), key=lambda pair: -len(pair[1].prompt_ids))
        self._waiting.extend((ticket, request, sampling) for ticket, request in order)
        return tickets

    def advance(self, wait_s: float = WAIT_S) -> list[tuple[int, Completion]]:
        if self._waiting:
            sampling = self._waiting[0][2]
            chunk: list[tuple[int, Request, Sampling]] = []
            while self._waiting and len(chunk) < self.batch and self._waiting[0][2] == sampling:
                chunk.append(self._waiting.popleft())
            with torch.inference_mode():
                self._decode([request for _, request, _ in chunk], [t for t, _, _ in chunk], sampling, self._finish)
        ended, self._ended = self._ended, []
        return ended

    def cancel(self, tickets: Iterable[int] | None = None) -> None:
        gone = None if tickets is None else set(tickets)
        kept: deque[tuple[int, Request, Sampling]] = deque()
        for item in self._waiting:
            if gone is None or item[0] in gone:
                self._ended.append((item[0], Completion((), (), "abort", self.version)))
            else:
                kept.append(item)
        self._waiting = kept

    @property
    def busy(self) -> int:
        return len(self._waiting) + len(self._ended)

    def _finish(self, row: "_Row", reason: Finish) -> None:
        self._ended.append((row.request, Completion(tuple(row.ids), tuple(row.logps), reason, self.version)))

    def load_weights(self, weights: Mapping[str, Any], version: int) -> None:
        """Copies tensors into the model by name; tensors that already are the model's own cost nothing.
        Raises UnknownWeight for a name the model lacks."""
        if self.busy:
            raise RuntimeError(f"{self.busy} requests are under way; let them end, or cancel them, before new weights")
        own = dict(self.model.named_parameters(remove_duplicate=False))
        with torch.no_grad():
            for name, tensor in weights.items():
                if name not in own:
                    raise UnknownWeight(f"the engine's model has no weight {name!r}")
                if own[name].data_ptr() != tensor.data_ptr():
                    own[name].copy_(tensor)
        self.version = version

    def close(self) -> None:
        """Nothing is held beyond the model."""

    def _decode(
        self,
        requests: Sequence[Request],
        indices: Sequence[int],
        sampling: Sampling,
        finish: Callable[[_Row, Finish], None],
    ) -> None:
        device = self.model.device
        rows: list[_Row] = []
        prompts: dict[tuple[int, ...], int] = {}
        which: list[int] = []
        for index, request in zip(indices, requests, strict=True):
            limit = min(sampling.max_new_tokens, request.max_new_tokens or sampling.max_new_tokens)
            rows.append(_Row(index, request.seed, limit))
            which.append(prompts.setdefault(request.prompt_ids, len(prompts)))
        logits, cache, mask = self._read(list(prompts), device)
        take = torch.tensor(which, device=device)
        logits, next_position = logits[take], mask.sum(-1)[take]
        mask = mask[take]
        cache.batch_select_indices(take)
        padded = not bool(mask.all())
        seeds = np.array([row.seed for row in rows], dtype=np.uint64)
        for step in range(sampling.max_new_tokens):
            ids, logps = draw(logits, sampling, uniforms(seeds, step))
            going = self._extend(rows, ids.tolist(), logps.tolist(), sampling, finish)
            if not going:
                return
            if len(going) < KEEP_SHARE * len(rows):
                take = torch.tensor(going, device=device)
                rows, seeds = [rows[i] for i in going], seeds[going]
                ids, mask, next_position = ids[take], mask[take], next_position[take]
                cache.batch_select_indices(take)
            mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
            output = self.model(
                input_ids=ids[:, None],
                attention_mask=mask if padded else None,
                position_ids=next_position[:, None],
                past_key_values=cache,
                use_cache=True,
            )
            logits = output.logits[:, -1].float()
            next_position = next_position + 1

    def _extend(
        self,
        rows: Sequence[_Row],
        ids: Sequence[int],
        logps: Sequence[float],
        sampling: Sampling,
        finish: Callable[[_Row, Finish], None],
    ) -> list[int]:
        """Adds a token to each row that has not ended, reports the ones that end with it, and returns the places of the
        others."""
        going = []
        for place, row in enumerate(rows):
            if row.ended:
                continue
            row.ids.append(ids[place])
            row.logps.append(logps[place])
            stopped = ids[place] in sampling.stop_ids or self._stopped(row, sampling.stop)
            row.ended = stopped or len(row.ids) >= row.limit
            if row.ended:
                finish(row, "stop" if stopped else "length")
            else:
                going.append(place)
        return going

    def _stopped(self, row: _Row, stop: Sequence[str]) -> bool:
        if not stop or self.text is None:
            return False
        tail = self.text(row.ids[-STOP_WINDOW:])
        return any(text in tail for text in stop)

    def _read(self, prompts: Sequence[tuple[int, ...]], device: torch.device) -> tuple[torch.Tensor, Any, torch.Tensor]:
        """Reads left-padded prompts. Returns the logits after each [B, V], the filled cache, and the mask [B, P]."""
        longest = max(map(len, prompts))
        ids = torch.full((len(prompts), longest), self.pad_id, device=device)
        mask = torch.zeros((len(prompts), longest), dtype=torch.long, device=device)
        for i, prompt in enumerate(prompts):
            ids[i, longest - len(prompt) :] = torch.tensor(prompt, device=device)
            mask[i, longest - len(prompt) :] = 1
        cache = growing_cache(self.model.config)
        output = self.model(
            input_ids=ids,
            attention_mask=None if bool(mask.all()) else mask,
            position_ids=(mask.cumsum(-1) - 1).clamp(min=0),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1].float(), cache, mask
