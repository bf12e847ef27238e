"""One of several gloo processes that learn together under deepspeed; run by test_deepspeed.py as
`deepspeed_worker.py FOLDER WAY`. Run alone, `learn` and `steps` give what one process finds without it.
"""

import math
import runpy
import sys
from pathlib import Path

import torch

from verigym.trainer.checkpoint import OPTIMIZER, TrainerState, load_state, save
from verigym.trainer.config import Evaluation, Keep, ObjectiveChoice, Optim, Policy, Problems, Run, Warmup
from verigym.trainer.config import Rollout as RolloutSettings
from verigym.trainer.fit import Fit
from verigym.trainer.loop import train
from verigym.trainer.memory import prepare
from verigym.trainer.objective.presets import PRESETS
from verigym.trainer.optimizer import Optimizer
from verigym.trainer.policy import load_policy
from verigym.trainer.ranks import Ranks
from verigym.trainer.shard import full_weights, within
from verigym.trainer.update import Learner
from verigym.trainer.zero import ZeroOptimizer, lay_out

RANKS = runpy.run_path(str(Path(__file__).parents[1] / "rank_worker.py"))
NAMES = ("grpo", "grpo with KL", "tis")
"""Two updates a step; a reference; and the sampler's own log-probs. Activations of the second are computed again."""
TOKENS = {"deepspeed2": 16384, "deepspeed3": 30}
"""Of a pass: few under stage 3, so that the ranks need unequal numbers of them."""


def run_of(sharding: str, dtype: str = "float32") -> Run:
    """Settings of a run; only those that lay weights out are read."""
    return Run(Problems(), Policy(dtype=dtype, fit=(f"shard={sharding}",)), optim=Optim(weight_decay=0.01))


def open_optimizer(way: str, model, reference, ranks: Ranks, dtype: str = "float32"):
    """The optimizer of a model laid out in a way; alone, the plain one."""
    run = run_of(way, dtype)
    if ranks.several:
        return lay_out(way, model, ranks, run, reference=reference)
    return Optimizer(model.named_parameters(), betas=run.optim.betas, weight_decay=run.optim.weight_decay)


def watch(optimizer, found: list[torch.Tensor]) -> None:
    """Notes the whole gradient of each step, just before it is taken."""
    from deepspeed.utils import safe_get_full_grad

    zero = optimizer.engine.optimizer
    step = zero.step

    def note() -> None:
        found.append(torch.cat([safe_get_full_grad(weight).flatten() for weight in optimizer.weights]))
        step()

    zero.step = note


def learn(name: str, way: str, ranks: Ranks, *, again: bool = False) -> dict[str, object]:
    """The gradient and the record of one update, in which the weights stay where they are. again: activations are
    computed again in the backward pass."""
    objective, updates = RANKS["OBJECTIVES"][name], 2 if name == "grpo" else 1
    model, reference = (load_policy("tiny-qwen2", seed=seed).model for seed in (1, 2))
    if again:
        prepare(model, Fit(checkpoint=True, packing="off"), tell=print)
    optimizer = open_optimizer(way, model, reference, ranks)
    found: list[torch.Tensor] = []
    if isinstance(optimizer, ZeroOptimizer):
        watch(optimizer, found)
    else:
        optimizer.adam.step = lambda: found.append(torch.cat([w.grad.flatten() for w in optimizer.masters]))
    learner = Learner(
        model,
        optimizer,
        objective,
        Optim(steps=1, lr=1e-30, grad_clip=math.inf, updates_per_step=updates, micro_batch_tokens=TOKENS[way]),
        pad_id=0,
        temperature=1.0,
        limit=RANKS["LIMIT"],
        reference=reference if objective.needs_reference else None,
        ranks=ranks,
    )
    learned = learner.update(RANKS["rollouts"](), 1)
    return {
        "gradients": found,
        "norm": learned.grad_norm,
        "loss": learned.loss,
        "sums": learned.stats.sums,
        "largest": float(learned.stats.largest_mismatch),
        "counts": (learned.idle, learned.masked, learned.truncated, learned.groups.dead),
        "held": sum(weight.numel() for weight in model.parameters()),
    }


def steps(
    ranks: Ranks, way: str, folder: Path, start: Path | None = None, *, dtype: str, until: int
) -> dict[str, object]:
    """Updates from the checkpoint `start`, or from new weights, up to step `until`, which is saved in `folder`."""
    policy = load_policy(str(start) if start else "tiny-qwen2", dtype=dtype, seed=1)
    optimizer = open_optimizer(way, policy.model, None, ranks, dtype)
    state = load_state(start, optimizer) if start else TrainerState(0, 0, 0)
    learner = Learner(
        policy.model,
        optimizer,
        PRESETS["dr_grpo"],
        Optim(steps=9, lr=1e-3, grad_clip=0.01),
        pad_id=0,
        temperature=1.0,
        limit=RANKS["LIMIT"],
        ranks=ranks,
    )
    norms = [learner.update(RANKS["rollouts"](), step).grad_norm for step in range(state.step + 1, until + 1)]
    saved = save(folder, policy, optimizer, TrainerState(until, 0, 0), keep=9, ranks=ranks)
    masters = torch.load(saved / OPTIMIZER, weights_only=True)["masters"]
    return {"norms": norms, "masters": masters or dict(full_weights(policy.model)), "saved": str(saved)}


def not_finite(way: str, ranks: Ranks, dtype: str) -> dict[str, object]:
    """What a step does with a gradient that is not finite, and whether the one after it is as ever."""
    model = load_policy("tiny-qwen2", dtype=dtype, seed=1).model
    optimizer = open_optimizer(way, model, None, ranks, dtype)
    before, norms = dict(full_weights(model)), []
    for factor in (math.inf, 1.0):
        loss = within(model, lambda model: model(input_ids=torch.tensor([[11, 12, 13]])).logits.square().mean())
        (factor * loss).backward()
        norms.append(optimizer.step(lr=1e-3, grad_clip=1.0))
        if factor == math.inf:
            stayed = all(torch.equal(before[name], weight) for name, weight in full_weights(model).items())
    return {"norms": norms, "stayed": stayed}


def whole_run(ranks: Ranks, way: str, folder: Path) -> list[str]:
    """The lines of a run of three steps, warmed up before, with its reference and checkpoints."""
    env = folder / f"{way}-{ranks.count}-{ranks.rank}" / "digits.py"
    env.parent.mkdir()
    env.write_text(runpy.run_path(str(Path(__file__).parents[1] / "conftest.py"))["OWN_ENV"])
    run = Run(
        Problems(env=str(env)),
        Policy(threads=1, fit=(f"shard={way}",)),
        RolloutSettings(problems_per_step=4, group_size=4, max_new_tokens=6),
        ObjectiveChoice(objective="grpo", kl_coef=0.01),
        Optim(steps=3, lr=1e-3),
        Warmup(sft_steps=2, sft_batch=8, sft_demos=16),
        Evaluation(eval_every=0, eval_problems=4, eval_samples=1),
        Keep(out=str(folder / f"run-{way}-{ranks.count}")),
    )
    summary = train(run, ranks=ranks)
    return (summary.directory / "metrics.jsonl").read_text(encoding="utf-8").splitlines()


def everything(way: str, ranks: Ranks, folder: Path) -> dict[object, object]:
    """All of it, by what and how."""
    found: dict[object, object] = {("learn", name): learn(name, way, ranks, again="KL" in name) for name in NAMES}
    for dtype in ("float32", "bfloat16"):
        place = folder / dtype
        found["first", dtype] = first = steps(ranks, way, place / "two", dtype=dtype, until=2)
        found["again", dtype] = steps(ranks, way, place / "again", Path(first["saved"]), dtype=dtype, until=4)
        found["not finite", dtype] = not_finite(way, ranks, dtype)
    found["run"] = whole_run(ranks, way, folder)
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    place, here = Path(sys.argv[1]), Ranks.join("cpu")
    torch.save(everything(sys.argv[2], here, place), place / f"found-{here.rank}.pt")
    here.leave()
