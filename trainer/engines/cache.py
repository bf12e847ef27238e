"""A key-value cache that grows in steps, in place of the library's, which copies everything it holds for every new
token; and whose rows leave and are joined by others. Rows end at the same place: a shorter one is padded on the left.

    cache = growing_cache(model.config)
    model(input_ids=ids, past_key_values=cache, use_cache=True)
"""

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

ROOM = 32
"""Positions that are made at least, when a layer runs out of them; a quarter of what it holds if that is more."""


class GrowingLayer(DynamicLayer):
    """One layer's keys and values [B, heads, positions, width], views of buffers with room behind them."""

    def __init__(self) -> None:
        super().__init__()
        self._buffers: list[torch.Tensor] = []

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Adds positions and returns all of them."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start = self.get_seq_length()
        end = start + key_states.shape[-2]
        if not self._buffers or self._buffers[0].shape[-2] < end:
            self._grow(start, end, key_states, value_states)
        self.keys, self.values = (buffer[..., :end, :] for buffer in self._buffers)
        self.keys[..., start:, :] = key_states
        self.values[..., start:, :] = value_states
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keeps some rows, in the order of `indices`; a row may be taken more than once."""
        if self._buffers:
            end = self.get_seq_length()
            # Whole buffers: their rows lie in one piece each, and the room goes with them.
            self._buffers = [buffer.index_select(0, indices) for buffer in self._buffers]
            self.keys, self.values = (buffer[..., :end, :] for buffer in self._buffers)

    def cut(self, positions: int) -> None:
        """Forgets the first `positions` of every row."""
        self._buffers = [buffer[..., positions:, :].contiguous() for buffer in self._buffers]
        end = self.get_seq_length() - positions
        self.keys, self.values = (buffer[..., :end, :] for buffer in self._buffers)

    def join(self, other: "GrowingLayer") -> None:
        """Takes the rows of `other` behind its own."""
        rows, end = self.keys.shape[0], max(self.get_seq_length(), other.get_seq_length())
        buffers = []
        for ours, theirs in ((self.keys, other.keys), (self.values, other.values)):
            _, heads, _, width = ours.shape
            # Zeros, not whatever lies there: a place that is masked still enters a product.
            buffer = ours.new_zeros((rows + theirs.shape[0], heads, end + _room(end), width))
            buffer[:rows, :, end - ours.shape[2] : end] = ours
            buffer[rows:, :, end - theirs.shape[2] : end] = theirs
            buffers.append(buffer)
        self._buffers = buffers
        self.keys, self.values = (buffer[..., :end, :] for buffer in buffers)

    def reset(self) -> None:
        """Forgets everything."""
        super().reset()
        self._buffers = []

    def _grow(self, start: int, end: int, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        buffers = []
        for held, new in ((self.keys, key_states), (self.values, value_states)):
            batch, heads, _, width = new.shape
            buffer = new.new_empty((batch, heads, end + _room(end), width))
            if start:
                buffer[..., :start, :] = held
            buffers.append(buffer)
        self._buffers = buffers


def _room(end: int) -> int:
    """Positions made beyond `end`."""
    return max(ROOM, end // 4)


def joinable(cache: DynamicCache) -> bool:
    """Whether rows may join: all layers grow (none forgets, or keeps a state of another kind)."""
    return all(type(layer) is GrowingLayer for layer in cache.layers)


def join(cache: DynamicCache, other: DynamicCache) -> None:
    """Takes the rows of `other` behind those of `cache`; both are joinable."""
    for ours, theirs in zip(cache.layers, other.layers, strict=True):
        ours.join(theirs)


def cut(cache: DynamicCache, positions: int) -> None:
    """Forgets the first `positions` of a joinable cache, which no row looks at."""
    for layer in cache.layers:
        layer.cut(positions)


def growing_cache(config: Any) -> DynamicCache:
    """The cache of a model: growing layers where it attends to everything, the library's own for sliding windows and
    the like."""
    cache = DynamicCache(config=config)
    cache.layers = [GrowingLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache
