"""8-bit moments by bitsandbytes, on a CPU."""

import pytest

pytest.importorskip("bitsandbytes")

import torch

from verigym.trainer.optimizer import Optimizer

pytestmark = pytest.mark.engines


def learned(steps, *, kind="8bit", restore_at=None, dtype=torch.float32):
    """A matrix large enough for 8 bits and a vector that is not, pulled towards 0."""
    torch.manual_seed(0)
    matrix, vector = (torch.nn.Parameter(torch.randn(shape).to(dtype)) for shape in ((96, 64), (64,)))

    def opened():
        named = [("matrix", matrix), ("vector", vector)]
        return Optimizer(named, betas=(0.9, 0.95), weight_decay=0.01, kind=kind)

    optimizer = opened()
    for step in range(steps):
        if step == restore_at:
            state = optimizer.state_dict()
            optimizer = opened()
            optimizer.load_state_dict(state)
        (matrix @ vector).float().square().mean().backward()
        optimizer.gather()
        optimizer.step(lr=1e-2, grad_clip=1.0)
    return matrix, optimizer


def test_eight_bits_move_the_weights_nearly_as_fp32_does():
    (found, optimizer), (wanted, _) = learned(20), learned(20, kind="fp32")
    start, _ = learned(0)
    assert optimizer.state_dict()["adam"]["matrix"]["state1"].dtype == torch.uint8
    assert optimizer.state_dict()["adam"]["vector"]["state1"].dtype == torch.float32
    with torch.no_grad():
        assert float((found - wanted).norm()) < 0.1 * float((wanted - start).norm())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_restored_optimizer_goes_on_bit_for_bit(dtype, tmp_path):
    assert torch.equal(learned(6, dtype=dtype)[0], learned(6, dtype=dtype, restore_at=3)[0])


def test_its_state_is_a_file_that_holds_no_code(tmp_path):
    _, optimizer = learned(2)
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    again = torch.load(tmp_path / "optimizer.pt", weights_only=True, mmap=True)
    _, other = learned(0)
    other.load_state_dict(again)
    assert other.adam.state[other.masters[0]]["step"] == 2


def test_a_warm_up_is_forgotten():
    _, optimizer = learned(2)
    optimizer.forget()
    assert optimizer.state_dict()["adam"] == {"matrix": {}, "vector": {}}
