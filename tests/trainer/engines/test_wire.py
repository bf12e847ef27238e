"""What travels between a trainer and a host comes out as it went in, and nothing else is taken."""

import io
import math

import pytest
import torch

from verigym.trainer.engines.engine import Completion, Request, Sampling
from verigym.trainer.engines.parcel import Parcel, receive, shapes_of
from verigym.trainer.engines.wire import pack, pack_done, pack_requests, unpack_done, unpack_requests


def test_requests_come_out_as_they_went_in():
    sampling = Sampling(9, temperature=0.7, top_p=0.9, top_k=5, stop_ids=(3, 4), stop=("ab", "é"))
    items = [
        (0, Request((5, 6, 7), 2**63 - 1)),
        (7, Request((5, 6, 7), 1, max_new_tokens=3)),
        (2**40, Request((8,), 0, start=1)),
    ]
    data = pack_requests(items, sampling)
    assert unpack_requests(data, vocabulary=10, context=3) == (items, sampling)
    assert data.count(b"[5,6,7]") == 1
    with pytest.raises(ValueError, match="context is 2"):
        unpack_requests(data, vocabulary=10, context=2)
    with pytest.raises(ValueError, match="out of range: 8"):
        unpack_requests(data, vocabulary=8, context=3)


def test_log_probs_come_out_to_the_last_bit():
    logps = (-0.1, -1e-300, math.nextafter(-2.5, 0), float(torch.tensor(-1 / 3)), -math.inf)
    done = [(4, Completion((1, 2, 3, 4, 5), logps, "length", 12)), (5, Completion((), (), "abort", 0))]
    assert unpack_done(pack_done(done, leaving=True)) == (done, True)
    assert unpack_done(pack_done([], leaving=False)) == ([], False)


@pytest.mark.parametrize(
    "row",
    [
        [1, [1], [], "stop", 0],
        [1, [1], [-1.0], "tired", 0],
        [1, [-1], [-1.0], "stop", 0],
        [1, [1], ["x"], "stop", 0],
        [True, [1], [-1.0], "stop", 0],
        [1, [1], [-1.0], "stop"],
        "stop",
    ],
)
def test_replies_that_are_none_are_refused(row):
    with pytest.raises(ValueError):
        unpack_done(pack({"leaving": 0, "done": [row]}))


def received(data, shapes):
    stream = io.BytesIO(data)

    def read_into(buffer):
        assert stream.readinto(buffer) == len(buffer)

    return receive(read_into, len(data), shapes)


def test_weights_come_out_as_they_went_in():
    weights = {
        "a": torch.randn(300, 5).T,
        "b": torch.randn(7).bfloat16(),
        "c": torch.tensor(2.5, dtype=torch.float64),
        "d": torch.zeros(0, 4).half(),
    }
    parcel = Parcel(weights)
    data = b"".join(bytes(piece) for piece in parcel.pieces())
    assert len(data) == parcel.length
    found = received(data, shapes_of(weights))
    assert found.keys() == weights.keys()
    for name, tensor in found.items():
        assert tensor.dtype is weights[name].dtype and torch.equal(tensor, weights[name])
    for place in (3, 40, len(data) // 2, len(data) - 1):
        damaged = bytearray(data)
        damaged[place] ^= 4
        with pytest.raises(ValueError):
            received(bytes(damaged), shapes_of(weights))
