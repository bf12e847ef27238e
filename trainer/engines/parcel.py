"""Weights on their way over HTTP: the layout of a safetensors file, then four bytes of CRC-32 over all of it.

    parcel = Parcel(weights)                      # .length bytes, sent by parcel.pieces()
    received = receive(read_into, length, shapes)

Nothing is copied on the sender's side, and what is received goes straight into new tensors, which are returned only
when all of them have come and the checksum fits. bfloat16 stays what it is.
"""

import json
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
PIECE = 1 << 20
"""bytes sent or read at once"""
LONGEST_HEAD = 64 << 20
"""bytes"""

Shapes = Mapping[str, tuple[int, ...]]


def shapes_of(weights: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Names to shapes, by which two sides know that they mean the same model."""
    return {name: tuple(weight.shape) for name, weight in weights.items()}


def most_bytes(shapes: Shapes) -> int:
    """Of a parcel that holds these weights."""
    return 12 + LONGEST_HEAD + sum(8 * torch.Size(shape).numel() for shape in shapes.values())


def checksum(weight: torch.Tensor) -> int:
    """CRC-32 of a tensor's bytes."""
    return zlib.crc32(_bytes_of(weight.detach().cpu().contiguous()))


class Parcel:
    """Tensors on the CPU, ready to be sent. length: bytes of the whole."""

    def __init__(self, weights: Mapping[str, torch.Tensor]) -> None:
        self._weights = {name: weight.detach().contiguous() for name, weight in weights.items()}
        head, end = {}, 0
        for name, weight in self._weights.items():
            start, end = end, end + weight.numel() * weight.element_size()
            head[name] = {"dtype": NAMES[weight.dtype], "shape": list(weight.shape), "data_offsets": [start, end]}
        text = json.dumps(head).encode()
        self._head = struct.pack("<Q", len(text)) + text
        self.length = len(self._head) + end + 4

    def pieces(self) -> Iterator[bytes | memoryview]:
        """The bytes, in pieces of at most PIECE."""
        sum_ = zlib.crc32(self._head)
        yield self._head
        for weight in self._weights.values():
            data = _bytes_of(weight)
            for start in range(0, len(data), PIECE):
                piece = data[start : start + PIECE]
                sum_ = zlib.crc32(piece, sum_)
                yield piece
        yield struct.pack("<I", sum_)


def receive(read_into: Callable[[memoryview], None], length: int, shapes: Shapes) -> dict[str, torch.Tensor]:
    """The tensors of a parcel of `length` bytes. read_into fills a buffer, or raises. Only names and shapes of `shapes`
    are taken. Raises ValueError for what is no parcel, or of another model; nothing is allocated for it."""
    first = _read(read_into, 8) if length >= 8 else b""
    size = struct.unpack("<Q", first)[0] if first else 0
    if not first or size > min(LONGEST_HEAD, length - 8):
        raise ValueError("no weights: their head is missing")
    text = _read(read_into, size)
    plan = _plan(text, shapes)
    if 8 + size + sum(n * dtype.itemsize for _, dtype, _, n in plan) + 4 != length:
        raise ValueError("weights of another length than their head says")
    sum_ = zlib.crc32(text, zlib.crc32(first))
    found = {}
    for name, dtype, shape, _ in plan:
        tensor = torch.empty(shape, dtype=dtype)
        data = _bytes_of(tensor)
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE]
            read_into(piece)
            sum_ = zlib.crc32(piece, sum_)
        found[name] = tensor
    if struct.unpack("<I", _read(read_into, 4))[0] != sum_:
        raise ValueError("weights that were damaged on their way: the checksum differs")
    return found


def _plan(text: bytes, shapes: Shapes) -> list[tuple[str, torch.dtype, tuple[int, ...], int]]:
    """Name, dtype, shape and number of values of each tensor, in the order of their bytes."""
    try:
        head = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("no weights: their head is no JSON") from error
    plan, place = [], 0
    for name, entry in head.items() if type(head) is dict else ():
        if name not in shapes:
            raise ValueError(f"the engine's model has no weight {name[:200]!r}")
        shape = shapes[name]
        if type(entry) is not dict or entry.get("dtype") not in DTYPES:
            raise ValueError(f"the weight {name!r} is of no known dtype")
        if entry.get("shape") != list(shape):
            raise ValueError(f"the weight {name!r} is {str(entry.get('shape'))[:80]} there and {list(shape)} here")
        dtype, count = DTYPES[entry["dtype"]], torch.Size(shape).numel()
        end = place + count * dtype.itemsize
        if entry.get("data_offsets") != [place, end]:
            raise ValueError(f"the weight {name!r} does not lie where its head says")
        place = end
        plan.append((name, dtype, shape, count))
    return plan


def _read(read_into: Callable[[memoryview], None], count: int) -> bytes:
    data = bytearray(count)
    read_into(memoryview(data))
    return bytes(data)


def _bytes_of(tensor: torch.Tensor) -> memoryview:
    """The memory of a contiguous tensor."""
    return memoryview(tensor.reshape(-1).view(torch.uint8).numpy())
