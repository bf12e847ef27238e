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
from verigym.trainer.logprobs import score_tokens
from verigym.trainer.objective.reductions import Denominators, weighted_sum
from verigym.trainer.optimizer import Optimizer, learning_rate
from verigym.trainer.policy import Policy
from verigym.trainer.rollout import Rollout
from verigym.trainer.seeds import sample_seed
from verigym.trainer.stream import ProblemStream
from verigym.verifiers.verdict import Verdict


def warm_up(
    policy: Policy,
    task: Task,
    warmup: Warmup,
    optim: Optim,
    *,
    levels: Sequence[int],
    seed: int,
    report: Callable[[int, float], None],
) -> None:
    """Trains the policy on demonstrations from the training split. `report(step, loss)` is called after each step.

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
    optimizer = Optimizer(policy.model.parameters(), betas=optim.betas, weight_decay=optim.weight_decay)
    for step in range(1, warmup.sft_steps + 1):
        first = (step - 1) * warmup.sft_batch
        places = [(first + i) % warmup.sft_demos for i in range(warmup.sft_batch)]
        examples = [_demonstration(policy, task, stream.at(place), warmup.sft_replies) for place in places]
        loss = _learn(policy, optimizer, examples, settings)
        optimizer.step(lr=learning_rate(settings, step), grad_clip=optim.grad_clip)
        report(step, loss)


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


def _learn(policy: Policy, optimizer: Optimizer, examples: Sequence[Rollout], settings: Optim) -> float:
    """Gradients of one batch, and its loss."""
    batch = Batch.of(examples, [True] * len(examples), pad_id=policy.tokenizer.pad_token_id or 0)
    weights = Denominators.of("token-mean", batch.lengths).weights(batch.lengths)
    total = 0.0
    for piece in micro_batches(batch.widths, torch.arange(len(examples)), settings.micro_batch_tokens):
        rows = batch.rows(piece)
        device = policy.model.device
        mask = rows.mask.to(device)
        scores = score_tokens(
            policy.model,
            rows.ids.to(device),
            rows.attention.to(device),
            rows.prompt_lengths.to(device),
            mask,
            temperature=1.0,
        )
        loss = weighted_sum(-scores.logp, mask, weights[piece].to(device))
        loss.backward()
        optimizer.gather()
        total += float(loss.detach())
    return total
