"""Supervised fine-tuning on a task's own replies: the short warm-up that teaches a policy the form of an answer.

The loss is the token-mean of -log p over reply tokens, end token included (arXiv:2203.02155).

    warm_up(policy, task, steps=40, batch=128, lr=1e-3, seed=0)
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from verigym.tasks.problem import Problem
from verigym.tasks.supply import Task
from verigym.trainer.batch import Batch, micro_batches
from verigym.trainer.config import ConfigError, Optim, Warmup
from verigym.trainer.deal import passes
from verigym.trainer.logprobs import score_tokens
from verigym.trainer.objective.reductions import Denominators, weighted_sum
from verigym.trainer.optimizer import Optimizer, learning_rate
from verigym.trainer.policy import Policy
from verigym.trainer.ranks import ALONE, Ranks
from verigym.trainer.rollout import Rollout
from verigym.trainer.seeds import sample_seed
from verigym.trainer.shard import is_cut, within
from verigym.trainer.stream import ProblemStream
from verigym.verifiers.verdict import Verdict


def warm_up(
    policy: Policy,
    task: Task,
    warmup: Warmup,
    optim: Optim,
    *,
    optimizer: Optimizer,
    levels: Sequence[int],
    seed: int,
    report: Callable[[int, float], None],
    ranks: Ranks = ALONE,
) -> None:
    """Trains the policy on demonstrations from the training split, each rank on its share of every batch.
    `report(step, loss)` is called after each step. optimizer: the run's own, which holds the masters of bf16 weights;
    its moments are forgotten afterwards.

    Raises ConfigError where the task knows no replies to learn from."""
    stream = ProblemStream(task, split="train", levels=levels, seed=seed)
    settings = replace(
        optim,
        steps=warmup.sft_steps,
        lr=warmup.sft_lr,
        schedule="linear",
        warmup_steps=max(1, warmup.sft_steps // 10),
        min_lr=0.0,
    )
    for step in range(1, warmup.sft_steps + 1):
        first = (step - 1) * warmup.sft_batch
        places = [(first + i) % warmup.sft_demos for i in range(warmup.sft_batch)]
        examples = [_demonstration(policy, task, stream.at(place), warmup.sft_replies) for place in places]
        loss = _learn(policy, optimizer, examples, settings, ranks)
        optimizer.step(lr=learning_rate(settings, step), grad_clip=optim.grad_clip)
        report(step, loss)
    optimizer.forget()


def _demonstration(policy: Policy, task: Task, problem: Problem, kind: str) -> Rollout:
    """A reply of the task's own as if the policy had said it."""
    rng = random.Random(sample_seed("form", problem.address))
    reply = task.oracle(problem) if kind == "right" else task.form(problem, rng)
    if reply is None:
        mend = "give the environment an `oracle(problem)`" if kind == "right" else "set --sft-replies right"
        raise ConfigError(f"{task.id} knows no {kind!r} replies of its own to warm up on; set --sft-steps 0, or {mend}")
    prompt = policy.chat.start(problem.messages)
    tokens = (*policy.tokenizer(reply, add_special_tokens=False)["input_ids"], policy.tokenizer.eos_token_id)
    return Rollout(
        problem,
        0,
        0,
        prompt,
        tokens,
        (True,) * len(tokens),
        (0.0,) * len(tokens),
        "stop",
        0,
        (reply,),
        Verdict.right("demonstration"),
    )


def _learn(policy: Policy, optimizer: Optimizer, examples: Sequence[Rollout], settings: Optim, ranks: Ranks) -> float:
    """Gradients of one batch, and its loss."""
    batch = Batch.of(examples, [True] * len(examples), pad_id=policy.tokenizer.pad_token_id or 0)
    weights = Denominators.of("token-mean", batch.lengths).weights(batch.lengths)
    total = torch.zeros(1, dtype=torch.double)

    def plan(part: torch.Tensor) -> list[torch.Tensor]:
        return micro_batches(batch.widths, part, settings.micro_batch_tokens)

    level = is_cut(policy.model)
    for piece, counts in passes(batch.widths, torch.arange(len(examples)), ranks, plan, level=level):
        rows = batch.rows(piece)
        device = policy.model.device
        mask = rows.mask.to(device)
        scores = within(
            policy.model,
            score_tokens,
            rows.ids.to(device),
            rows.attention.to(device),
            rows.prompt_lengths.to(device),
            mask,
            temperature=1.0,
        )
        loss = weighted_sum(-scores.logp, mask, weights[piece].to(device))
        (loss if counts else 0 * loss).backward()
        optimizer.gather()
        total += float(loss.detach()) * counts
    return float(ranks.sum(total))
