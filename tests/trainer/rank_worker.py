"""One of several gloo processes that learn together; run by test_ranks.py and test_shard.py as
`rank_worker.py FOLDER PART`, with the environment that torchrun would set.

Each rank leaves PART-RANK.pt in FOLDER. Run alone, the same functions give what one process finds.
"""

import json
import math
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import torch

from verigym.tasks.problem import Problem
from verigym.trainer.checkpoint import TrainerState, load_state, save
from verigym.trainer.config import Evaluation, Keep, ObjectiveChoice, Optim, Policy, Problems, Run, Warmup
from verigym.trainer.config import Rollout as RolloutSettings
from verigym.trainer.fit import Fit
from verigym.trainer.loop import train
from verigym.trainer.memory import prepare
from verigym.trainer.objective.presets import PRESETS
from verigym.trainer.optimizer import Optimizer
from verigym.trainer.policy import load_policy
from verigym.trainer.ranks import Ranks
from verigym.trainer.rollout import Rollout
from verigym.trainer.shard import cut, full_weights, is_cut, whole
from verigym.trainer.update import Learner
from verigym.verifiers.verdict import Verdict

LIMIT = 12
OBJECTIVES = {
    "grpo": PRESETS["grpo"],
    "grpo with KL": replace(PRESETS["grpo"], kl_coef=0.1),
    "KL in the reward": replace(PRESETS["grpo"], kl_coef=0.1, kl_placement="reward", kl_estimator="k1"),
    "dr_grpo": PRESETS["dr_grpo"],
    "dapo": PRESETS["dapo"],
    "gspo": PRESETS["gspo"],
    "gspo_token": PRESETS["gspo_token"],
    "cispo": PRESETS["cispo"],
    "gmpo": PRESETS["gmpo"],
    "rloo": PRESETS["rloo"],
    "entropy": replace(PRESETS["dr_grpo"], entropy_coef=0.01),
    "tis": replace(PRESETS["grpo"], correction="tis-token", correction_max=2.0),
}
WAYS = {"ddp": 16384, "fsdp": 30, "zero2": 16384}
"""How the weights lie, and the tokens of a pass: few under fsdp, so that the ranks need unequal numbers of them. Under
zero2 activations are computed again, too."""
CASES = [
    (name, way) for way in WAYS for name in OBJECTIVES if way != "zero2" or name in ("grpo", "KL in the reward", "tis")
]


class Odd(RuntimeError):
    """An error that cannot be sent as it is."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.held = lambda: number


def rollouts() -> list[Rollout]:
    """Four groups of three: mixed, mixed with a tool token, dead, mixed with a failed verdict and a cut reply."""
    generator = torch.Generator().manual_seed(1)

    def draw(n: int) -> tuple[int, ...]:
        return tuple(torch.randint(11, 100, (n,), generator=generator).tolist())

    made = []
    for group, values in enumerate([[1, 0, 0], [1, 0.25, 0.5], [1, 1, 1], [1, 0, 0]]):
        prompt = draw(3 + 2 * group)
        for sample, reward in enumerate(values):
            tokens = draw(2 + 3 * sample + group % 2)
            sampled = tuple(not (group == 1 and t == 1) for t in range(len(tokens)))
            verdict = Verdict.error("lost") if (group, sample) == (3, 2) else Verdict(reward, reward == 1)
            finish = "length" if (group, sample) == (3, 1) else "stop"
            logps = tuple(-4.6 + 0.1 * t if s else 0.0 for t, s in enumerate(sampled))
            made.append(
                Rollout(Problem("p", "a"), group, sample, prompt, tokens, sampled, logps, finish, 0, ("r",), verdict)
            )
    return made


def learn(name: str, way: str, ranks: Ranks) -> dict[str, object]:
    """The gradient and the record of one update."""
    objective, updates = OBJECTIVES[name], 2 if name == "grpo" else 1
    models = [load_policy("tiny-qwen2", seed=seed).model.double() for seed in (1, 2)]
    if way == "zero2":
        prepare(models[0], Fit(checkpoint=True, packing="off"), tell=print)
    if ranks.several and way != "ddp":
        models = [cut(model, ranks, half=False, stay=way == "zero2") for model in models]
    model, reference = models
    summed = ranks if not is_cut(model) else Ranks()
    optimizer = Optimizer(model.named_parameters(), betas=(0.9, 0.95), weight_decay=0.0, ranks=summed)
    gradients: list[torch.Tensor] = []

    def note() -> None:
        gradients.append(torch.cat([whole(weight.grad).flatten() for weight in optimizer.masters]))

    optimizer.adam.step = note
    learner = Learner(
        model,
        optimizer,
        objective,
        Optim(steps=1, grad_clip=math.inf, updates_per_step=updates, micro_batch_tokens=WAYS[way]),
        pad_id=0,
        temperature=1.0,
        limit=LIMIT,
        reference=reference if objective.needs_reference else None,
        ranks=ranks,
    )
    learned = learner.update(rollouts(), 1)
    return {
        "gradients": gradients,
        "norm": learned.grad_norm,
        "loss": learned.loss,
        "sums": learned.stats.sums,
        "largest": float(learned.stats.largest_mismatch),
        "counts": (learned.idle, learned.masked, learned.truncated, learned.groups.dead),
    }


def updates(ranks: Ranks) -> dict[tuple[str, str], dict[str, object]]:
    """Every objective, with the weights laid in every way."""
    return {(name, way): learn(name, way, ranks) for name, way in CASES}


def talk(ranks: Ranks) -> dict[str, object]:
    """What the ranks say to one another."""

    def fail() -> list[int]:
        if ranks.rank == 1:
            raise ValueError("rank 1 has a word to say")
        return [ranks.rank]

    def lead_fails() -> None:
        raise OSError("the disk is full")

    def odd() -> None:
        raise Odd(7)

    said = []
    for work in (lambda: ranks.all(fail), lambda: ranks.led(lead_fails), lambda: ranks.each(odd)):
        try:
            work()
        except (ValueError, OSError, RuntimeError) as error:
            said.append(f"{type(error).__name__}: {error}")
    return {
        "share": ranks.share(list("abcde")),
        "gather": ranks.gather([ranks.rank] * (ranks.rank + 1)),
        "tell": ranks.tell(f"from {ranks.rank}"),
        "led": ranks.led(lambda: ranks.rank),
        "all": ranks.all(lambda: [ranks.rank]),
        "sum": ranks.sum(torch.tensor([1.0, float(ranks.rank)])),
        "largest": ranks.largest(torch.tensor([float(ranks.rank)])),
        "errors": said,
    }


def steps(ranks: Ranks, folder: Path, start: Path | None, dtype: str, until: int) -> dict[str, object]:
    """Updates from the checkpoint `start`, or from new weights, up to step `until`, which is saved in `folder`."""
    policy = load_policy(str(start) if start else "tiny-qwen2", dtype=dtype, seed=1)
    if ranks.several:
        cut(policy.model, ranks, half=dtype == "bfloat16")
    optimizer = Optimizer(policy.model.named_parameters(), betas=(0.9, 0.95), weight_decay=0.01)
    state = load_state(start, optimizer) if start else TrainerState(0, 0, 0)
    learner = Learner(
        policy.model,
        optimizer,
        PRESETS["dr_grpo"],
        Optim(steps=9, lr=1e-3),
        pad_id=0,
        temperature=1.0,
        limit=LIMIT,
        ranks=ranks,
    )
    norms = [learner.update(rollouts(), step).grad_norm for step in range(state.step + 1, until + 1)]
    state = TrainerState(until, 7 * until, 100 * until, {"level": 2})
    saved = save(folder, policy, optimizer, state, keep=9, ranks=ranks)
    return {"norms": norms, "weights": dict(full_weights(policy.model)), "saved": str(saved)}


def checkpoints(ranks: Ranks, folder: Path) -> dict[str, object]:
    """Two ranks save; or, where two have, others go on."""
    name = f"by-{ranks.count}"
    found = {}
    for dtype in ("float32", "bfloat16"):
        start = folder / dtype / "by-2" / "step-000002" if ranks.count != 2 else None
        found[dtype] = steps(ranks, folder / dtype / name, start, dtype, 2 if ranks.count == 2 else 4)
    return found


def runs(ranks: Ranks, folder: Path) -> dict[str, object]:
    """Whole runs of three steps: sampled by everyone until enough groups have a signal, and ahead of learning by the
    lead."""
    env = folder / str(ranks.rank) / "digits.py"  # seeds are drawn from its name
    env.parent.mkdir()
    env.write_text(runpy.run_path(str(Path(__file__).parent / "conftest.py"))["OWN_ENV"])
    found = {}
    for name, fit, lag in (("dapo", "shard=ddp", "0"), ("grpo", "shard=fsdp", "1")):
        run = Run(
            Problems(env=str(env)),
            Policy(threads=1, fit=(fit,)),
            RolloutSettings(problems_per_step=4, group_size=4, max_new_tokens=6, dynamic_rounds=2, lag=(lag,)),
            ObjectiveChoice(objective=name),
            Optim(steps=3, lr=1e-3),
            Warmup(sft_steps=2, sft_batch=8, sft_demos=16),
            Evaluation(eval_every=0, eval_problems=4, eval_samples=1),
            Keep(out=str(folder / f"{name}-{ranks.count}")),
        )
        summary = train(run, ranks=ranks)
        lines = (summary.directory / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        found[name] = [json.loads(line) for line in lines]
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    place, part = Path(sys.argv[1]), sys.argv[2]
    here = Ranks.join("cpu")
    works = {
        "talk": talk,
        "updates": updates,
        "runs": lambda ranks: runs(ranks, place),
        "checkpoints": lambda ranks: checkpoints(ranks, place),
    }
    found = {name: works[name](here) for name in part.split("+")}
    torch.save(found, place / f"{part}-{here.count}-{here.rank}.pt")
    here.leave()
