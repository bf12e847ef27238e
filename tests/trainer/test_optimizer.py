import math

import pytest
import torch

from verigym.trainer.config import Optim
from verigym.trainer.optimizer import Optimizer, learning_rate


def weight(dtype=torch.float32):
    return torch.nn.Parameter(torch.ones(2, 2, dtype=dtype))


def test_linear_schedule_rises_over_the_warm_up_and_ends_at_the_minimum():
    optim = Optim(steps=6, lr=1.0, schedule="linear", warmup_steps=2, min_lr=0.1)
    found = [learning_rate(optim, step) for step in range(1, 7)]
    assert found == pytest.approx([0.5, 1.0, 1.0, 0.7, 0.4, 0.1])


def test_cosine_schedule_is_half_way_in_the_middle():
    optim = Optim(steps=5, lr=1.0, schedule="cosine")
    assert [learning_rate(optim, s) for s in (1, 3, 5)] == pytest.approx([1.0, 0.5, 0.0])


def test_constant_schedule():
    assert learning_rate(Optim(steps=5, lr=2e-4), 5) == 2e-4


def test_a_bf16_weight_takes_updates_too_small_for_bf16():
    p = weight(torch.bfloat16)
    optimizer = Optimizer([("w", p)], betas=(0.9, 0.95), weight_decay=0.0)
    for _ in range(16):
        p.grad = torch.ones_like(p)
        optimizer.gather()
        optimizer.step(lr=1e-3, grad_clip=math.inf)
    # Adam moves by about lr a step; 16 steps of 0.001 from 1 are 0.984. In bf16 alone, 1 - 0.001 is 1.
    assert p.float().mean().item() == pytest.approx(0.984, abs=0.004)


def test_gradients_of_micro_batches_are_summed_in_fp32():
    p = weight(torch.bfloat16)
    optimizer = Optimizer([("w", p)], betas=(0.9, 0.95), weight_decay=0.0)
    for value in (256.0, 1.0, 1.0):  # 256 + 1 is 256 in bf16
        p.grad = torch.full_like(p, value)
        optimizer.gather()
    assert optimizer.masters[0].grad.unique().tolist() == [258.0]
    assert p.grad is None


def test_the_norm_is_that_before_clipping():
    p = weight()
    optimizer = Optimizer([("w", p)], betas=(0.9, 0.95), weight_decay=0.0)
    p.grad = torch.full_like(p, 3.0)  # norm sqrt(4 * 9) = 6
    optimizer.gather()
    assert optimizer.step(lr=0.0, grad_clip=1.0) == pytest.approx(6.0)


def test_a_gradient_that_is_not_finite_moves_nothing_and_is_forgotten():
    p = weight()
    optimizer = Optimizer([("w", p)], betas=(0.9, 0.95), weight_decay=0.0)
    p.grad = torch.full_like(p, math.nan)
    optimizer.gather()
    assert math.isnan(optimizer.step(lr=0.1, grad_clip=1.0))
    assert p.tolist() == [[1.0, 1.0], [1.0, 1.0]] and p.grad is None


def test_matrices_decay_and_vectors_do_not():
    matrix, vector = weight(), torch.nn.Parameter(torch.ones(2))
    optimizer = Optimizer([("matrix", matrix), ("vector", vector)], betas=(0.9, 0.95), weight_decay=0.5)
    for p in (matrix, vector):
        p.grad = torch.zeros_like(p)
    optimizer.step(lr=0.1, grad_clip=1.0)
    assert matrix.unique().tolist() == pytest.approx([0.95]) and vector.unique().tolist() == [1.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_restored_optimizer_goes_on_bit_for_bit(dtype):
    def run(steps, restore_at):
        p = weight(dtype)
        optimizer = Optimizer([("w", p)], betas=(0.9, 0.95), weight_decay=0.01)
        for step in range(steps):
            if step == restore_at:
                state, kept = optimizer.state_dict(), p.detach().clone()
                p = torch.nn.Parameter(kept)
                optimizer = Optimizer([("w", p)], betas=(0.9, 0.95), weight_decay=0.01)
                optimizer.load_state_dict(state)
            p.grad = torch.full_like(p, 0.1 + step)
            optimizer.gather()
            optimizer.step(lr=1e-2, grad_clip=1.0)
        return p

    assert torch.equal(run(6, None), run(6, 3))
