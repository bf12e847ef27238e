"""The embedded engine: samples with a transformers model in this process, on CPU or GPU, with a key-value cache.

It may hold the very model that is trained, and then new weights need no copying. Batching is continuous: rows that have
ended leave, and waiting requests join as places come free (not where the model keeps anything but keys and values of
all positions: then a batch is decoded to its end). Identical prompts that join together are read once. Random numbers
come from each request's own seed by counting, so a sample does not depend on its batch.

    TransformersEngine(model, pad_id=0).generate([Request((5, 6), seed=1)], Sampling(max_new_tokens=8))
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from verigym.trainer.engines.cache import cut, growing_cache, join, joinable
from verigym.trainer.engines.draw import draw, uniforms
from verigym.trainer.engines.engine import (
    WAIT_S,
    Completion,
    Engine,
    Finish,
    Request,
    Sampling,
    UnknownWeight,
    refuse_unservable,
)

KEEP_SHARE = 0.75
"""A batch is compacted once fewer than this share of its rows is still going, and cut on the left once its longest row
is shorter than this share of it."""

JOIN_SHARE = 0.25
"""Waiting requests join once this share of the places is free (or all that wait have one): a join copies the cache."""

READ_TOKENS = 1 << 16
"""Most prompt tokens read together, padding included."""

STOP_WINDOW = 32
"""Tokens at the end of a reply in which a stop string is looked for; a stop string is shorter than that."""


@dataclass
class _Row:
    """One request, waiting or being decoded. ids: of the reply so far, with those that it goes on from, `start` of
    them, in front."""

    ticket: int
    request: Request
    sampling: Sampling
    limit: int
    ids: list[int]
    logps: list[float] = field(default_factory=list)
    ended: bool = False

    @classmethod
    def of(cls, ticket: int, request: Request, sampling: Sampling) -> "_Row":
        limit = min(sampling.max_new_tokens, request.max_new_tokens or sampling.max_new_tokens)
        first = len(request.prompt_ids) - request.start
        return cls(ticket, request, sampling, request.start + limit, list(request.prompt_ids[first:]))


@dataclass
class _Live:
    """What is being decoded: rows with their cache. ids [B]: the newest token of each row, not read yet; None once
    logits [B, V] hold what comes after it. mask [B, P]: which positions of the cache are a row's own; position [B]: of
    the token that comes next."""

    rows: list[_Row]
    cache: Any
    mask: torch.Tensor
    position: torch.Tensor
    logits: torch.Tensor
    ids: torch.Tensor | None = None
    padded: bool = True
    seeds: np.ndarray = field(init=False)
    kinds: list[tuple[Sampling, list[int]]] = field(init=False)

    def __post_init__(self) -> None:
        self.settle()

    def settle(self) -> None:
        """Draws up what follows from the rows: their seeds, and their places by way of sampling."""
        self.seeds = np.array([row.request.seed for row in self.rows], dtype=np.uint64)
        kinds: dict[Sampling, list[int]] = {}
        for place, row in enumerate(self.rows):
            kinds.setdefault(row.sampling, []).append(place)
        self.kinds = list(kinds.items())

    def keep(self, places: list[int]) -> None:
        """Lets all other rows go."""
        take = torch.tensor(places, device=self.mask.device)
        self.rows = [self.rows[place] for place in places]
        self.mask, self.position = self.mask[take], self.position[take]
        if self.ids is None:
            self.logits = self.logits[take]
        else:
            self.ids = self.ids[take]
        self.cache.batch_select_indices(take)
        spare = self.mask.shape[1] - int(self.mask.sum(-1).max()) if joinable(self.cache) else 0
        if spare > (1 - KEEP_SHARE) * self.mask.shape[1]:
            cut(self.cache, spare)
            self.mask = self.mask[:, spare:]
        self.settle()

    def join(self, new: "_Live") -> None:
        """Takes rows that have been read, beside rows whose logits are there."""
        join(self.cache, new.cache)
        uneven = self.mask.shape[1] != new.mask.shape[1]
        width = max(self.mask.shape[1], new.mask.shape[1])
        masks = [torch.nn.functional.pad(mask, (width - mask.shape[1], 0)) for mask in (self.mask, new.mask)]
        self.mask = torch.cat(masks)
        self.position, self.logits = torch.cat([self.position, new.position]), torch.cat([self.logits, new.logits])
        self.rows = self.rows + new.rows
        self.padded = self.padded or new.padded or uneven
        self.settle()


class TransformersEngine(Engine):
    """Implements `Engine` on a transformers causal language model. text: decodes ids, needed only for stop strings;
    batch: most rows decoded together; own_copy: the model is not the one that is trained."""

    repeats = True

    def __init__(
        self,
        model: Any,
        *,
        pad_id: int,
        batch: int = 512,
        text: Callable[[Sequence[int]], str] | None = None,
        version: int = 0,
        own_copy: bool = False,
    ) -> None:
        self.model = model
        self.pad_id = pad_id
        self.batch = batch
        self.text = text
        self.version = version
        self.own_copy = own_copy
        self._tickets = 0
        self._waiting: deque[_Row] = deque()
        self._live: _Live | None = None
        self._under_way = 0
        self._ended: list[tuple[int, Completion]] = []

    def add(self, requests: Sequence[Request], sampling: Sampling) -> list[int]:
        if sampling.stop and self.text is None:
            raise ValueError("stop strings need an engine that can decode: pass text= to TransformersEngine")
        refuse_unservable(requests, self.model.get_input_embeddings().weight.shape[0])
        tickets = list(range(self._tickets, self._tickets + len(requests)))
        self._tickets += len(requests)
        # Prompts of like length are read together; equal lengths keep their order, so groups stay side by side.
        order = sorted(zip(tickets, requests, strict=True), key=lambda pair: -len(pair[1].prompt_ids))
        self._waiting.extend(_Row.of(ticket, request, sampling) for ticket, request in order)
        self._under_way += len(tickets)
        return tickets

    def advance(self, wait_s: float = WAIT_S) -> list[tuple[int, Completion]]:
        until = time.monotonic() + wait_s
        with torch.inference_mode():
            while not self._ended and (self._waiting or self._live):
                self._decode()
                if time.monotonic() >= until:
                    break
        ended, self._ended = self._ended, []
        self._under_way -= len(ended)
        return ended

    def cancel(self, tickets: Iterable[int] | None = None) -> None:
        gone = None if tickets is None else set(tickets)
        rows = [*self._waiting, *(self._live.rows if self._live else ())]
        for row in rows:
            if not row.ended and (gone is None or row.ticket in gone):
                self._finish(row, "abort")
        self._waiting = deque(row for row in self._waiting if not row.ended)
        if self._live and all(row.ended for row in self._live.rows):
            self._live = None

    @property
    def busy(self) -> int:
        return self._under_way

    def load_weights(self, weights: Mapping[str, Any], version: int) -> None:
        """Copies tensors into the model by name; tensors that already are the model's own cost nothing."""
        if self.busy:
            raise RuntimeError(f"{self.busy} requests are under way; let them end, or cancel them, before new weights")
        own = dict(self.model.named_parameters(remove_duplicate=False))
        for name, tensor in weights.items():
            if name not in own:
                raise UnknownWeight(f"the engine's model has no weight {name!r}")
            if own[name].shape != tensor.shape:
                raise UnknownWeight(
                    f"the weight {name!r} has the shape {tuple(tensor.shape)}, and the engine's model wants "
                    f"{tuple(own[name].shape)}"
                )
        with torch.no_grad():
            for name, tensor in weights.items():
                if own[name].data_ptr() != tensor.data_ptr():
                    own[name].copy_(tensor)
        self.version = version

    def close(self) -> None:
        """Forgets what is under way; nothing else is held beyond the model."""
        self._waiting.clear()
        self._live, self._under_way, self._ended = None, 0, []

    def _finish(self, row: _Row, reason: Finish) -> None:
        row.ended = True
        ids = tuple(row.ids[row.request.start :])
        self._ended.append((row.ticket, Completion(ids, tuple(row.logps), reason, self.version)))

    def _decode(self) -> None:
        """One token more for every row, after those that may have joined."""
        if self._live and self._live.ids is not None:
            self._read_newest(self._live)
        while self._waiting and (self._live is None or self._may_join(self._live)):
            self._take_in()
        live = self._live
        assert live is not None
        ids, logps = self._draw(live)
        going = self._extend(live.rows, ids.tolist(), logps.tolist())
        live.ids = ids
        if not going:
            self._live = None
        elif len(going) < KEEP_SHARE * len(live.rows):
            live.keep(going)

    def _draw(self, live: _Live) -> tuple[torch.Tensor, torch.Tensor]:
        """The next token of every row and its log-prob, each [B]."""
        numbers = uniforms(live.seeds, np.array([len(row.ids) for row in live.rows]))
        if len(live.kinds) == 1:
            return draw(live.logits, live.kinds[0][0], numbers)
        ids = torch.empty(len(live.rows), dtype=torch.long, device=live.logits.device)
        logps = torch.empty(len(live.rows), device=live.logits.device)
        for sampling, places in live.kinds:
            ids[places], logps[places] = draw(live.logits[places], sampling, numbers[places])
        return ids, logps

    def _extend(self, rows: Sequence[_Row], ids: Sequence[int], logps: Sequence[float]) -> list[int]:
        """Adds a token to each row that has not ended, ends those that end with it, and returns the places of the
        others."""
        going = []
        for place, row in enumerate(rows):
            if row.ended:
                continue
            row.ids.append(ids[place])
            row.logps.append(logps[place])
            if ids[place] in row.sampling.stop_ids or self._stopped(row):
                self._finish(row, "stop")
            elif len(row.ids) >= row.limit:
                self._finish(row, "length")
            else:
                going.append(place)
        return going

    def _stopped(self, row: _Row) -> bool:
        if not row.sampling.stop or self.text is None:
            return False
        tail = self.text(row.ids[-STOP_WINDOW:])
        return any(text in tail for text in row.sampling.stop)

    def _may_join(self, live: _Live) -> bool:
        free = self.batch - sum(not row.ended for row in live.rows)
        return free >= min(len(self._waiting), max(1, JOIN_SHARE * self.batch)) and joinable(live.cache)

    def _take_in(self) -> None:
        """Reads the next waiting rows, as many as there are places and as may be read together."""
        live = self._live
        if live and any(row.ended for row in live.rows):
            live.keep([place for place, row in enumerate(live.rows) if not row.ended])
        free = self.batch - (len(live.rows) if live else 0)
        rows: list[_Row] = []
        prompts: dict[tuple[int, ...], int] = {}
        longest = 0
        while self._waiting and len(rows) < free:
            prompt = self._waiting[0].request.prompt_ids
            longest = max(longest, len(prompt))
            if rows and prompt not in prompts and longest * (len(prompts) + 1) > READ_TOKENS:
                break
            prompts.setdefault(prompt, len(prompts))
            rows.append(self._waiting.popleft())
        new = self._read(rows, list(prompts), [prompts[row.request.prompt_ids] for row in rows])
        if live:
            live.join(new)
        else:
            self._live = new

    def _read(self, rows: list[_Row], prompts: Sequence[tuple[int, ...]], which: list[int]) -> _Live:
        """Reads left-padded prompts and gives each row a copy of its own, `prompts[which[row]]`."""
        device = self.model.device
        longest = max(map(len, prompts))
        ids = torch.full((len(prompts), longest), self.pad_id, device=device)
        mask = torch.zeros((len(prompts), longest), dtype=torch.long, device=device)
        for i, prompt in enumerate(prompts):
            ids[i, longest - len(prompt) :] = torch.tensor(prompt, device=device)
            mask[i, longest - len(prompt) :] = 1
        cache = growing_cache(self.model.config)
        padded = not bool(mask.all())
        output = self.model(
            input_ids=ids,
            attention_mask=mask if padded else None,
            position_ids=(mask.cumsum(-1) - 1).clamp(min=0),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        take = torch.tensor(which, device=device)
        cache.batch_select_indices(take)
        logits = output.logits[:, -1].float()[take]
        return _Live(rows, cache, mask[take], mask.sum(-1)[take], logits, padded=padded)

    def _read_newest(self, live: _Live) -> None:
        """Reads the newest token of every row."""
        assert live.ids is not None
        live.mask = torch.cat([live.mask, live.mask.new_ones(len(live.rows), 1)], dim=1)
        output = self.model(
            input_ids=live.ids[:, None],
            attention_mask=live.mask if live.padded else None,
            position_ids=live.position[:, None],
            past_key_values=live.cache,
            use_cache=True,
        )
        live.logits = output.logits[:, -1].float()
        live.position = live.position + 1
        live.ids = None
