"""`verigym train --dry-run`: everything up to one small verified batch, and what the real thing would need.

Nothing is written to disk. The estimates are those of `verigym.trainer.needs`, with lengths as seen in the batch.

    rehearse(parse([], preset("countdown-tiny")))
"""

import contextlib
from collections.abc import Sequence

from verigym.envs.drive import Driver
from verigym.trainer.cli.requirements import requirements
from verigym.trainer.config import Run
from verigym.trainer.course import open_course
from verigym.trainer.display import title
from verigym.trainer.engines.engine import Sampling
from verigym.trainer.grading import open_driver
from verigym.trainer.needs import Lengths, this_device
from verigym.trainer.policy import Policy, load_policy
from verigym.trainer.rollout import Rollout
from verigym.trainer.seeds import sample_seed
from verigym.trainer.settings import to_toml
from verigym.trainer.shapes import shape_of
from verigym.trainer.stream import ProblemStream

PROBLEMS, SAMPLES = 4, 4
"""Size of the batch, where the run's own is not smaller."""

SHOWN = 400
"""Characters of a prompt or reply that are printed."""


def rehearse(run: Run, ranks: int = 1) -> None:
    """Prints the resolved settings, the objective, one verified batch, and estimates. Raises what training would
    raise."""
    from verigym.trainer.session import open_env, reward_of

    objective, reward = run.resolve(), reward_of(run)
    reward.check(objective)
    env = open_env(run)
    print(f"dry run: {title(run)}\n\n{to_toml(run)}")
    print(objective.describe(run.objective.objective, run.rollout.max_new_tokens) + reward.describe())
    policy = load_policy(run.policy.model, dtype=run.policy.dtype, device=run.policy.device, seed=run.keep.seed)
    print(f"policy: {policy.name}, {policy.parameters:,} weights, on {policy.device}, context {policy.context} tokens")
    with open_driver(env, run.rollout) as driver:
        rollouts = reward.shaped(_one_batch(run, policy, driver))
    print(f"\none batch, before any learning: {len(rollouts)} replies")
    print("\n".join(_seen(rollout) for rollout in rollouts[: 2 * SAMPLES : SAMPLES]))
    print(_tally(rollouts))
    shape = shape_of(policy.model.config, policy.parameters)
    device = this_device(policy.device, ranks)
    print(requirements(run, shape, _lengths(run, policy, rollouts), device, whose="this machine"))


def _one_batch(run: Run, policy: Policy, driver: Driver) -> list[Rollout]:
    """A few rollouts, sampled and verified as the first step would."""
    from verigym.trainer.collect import collect
    from verigym.trainer.engines.open import open_engine

    rollout = run.rollout
    course = open_course(run.problems, driver.env.task, seed=run.keep.seed)
    stream = ProblemStream(driver.env.task, split="train", levels=course.levels, seed=run.keep.seed)
    problems, _ = stream.planned(course.plan({})).take(min(PROBLEMS, rollout.problems_per_step), cursor=0)
    with contextlib.closing(open_engine(rollout, policy)) as engine:
        return collect(
            engine,
            policy.chat,
            driver,
            problems,
            min(SAMPLES, rollout.group_size),
            sampling=Sampling(rollout.max_new_tokens, rollout.temperature, stop=rollout.stop),
            seed=lambda problem, sample: sample_seed(run.keep.seed, 1, problem.address, sample),
            context=policy.context,
        )


def _seen(rollout: Rollout) -> str:
    verdict = rollout.verdict
    rows = {
        "prompt": _short(rollout.problem.text),
        "reply": _short(rollout.reply),
        "verdict": f"reward {verdict.reward:g}, {verdict.status}: {verdict.reason}",
        **({"parts": ", ".join(f"{name} {value:g}" for name, value in verdict.parts.items())} if verdict.parts else {}),
    }
    return "\n".join(
        [f"\n  problem {rollout.problem.address}", *(f"    {name:<8} {text}" for name, text in rows.items())]
    )


def _tally(rollouts: Sequence[Rollout]) -> str:
    right = sum(bool(rollout.verdict.correct) for rollout in rollouts)
    cut = sum(rollout.finish == "length" for rollout in rollouts)
    counts = {str(status): 0 for status in dict.fromkeys(rollout.verdict.status for rollout in rollouts)}
    for rollout in rollouts:
        counts[str(rollout.verdict.status)] += 1
    statuses = ", ".join(f"{count} {status}" for status, count in counts.items())
    return f"\n{right} of {len(rollouts)} right, {cut} cut at the length limit; verdicts: {statuses}"


def _lengths(run: Run, policy: Policy, rollouts: Sequence[Rollout]) -> Lengths:
    """As seen in a batch; the longest reply is the limit."""
    longest = max(len(r.prompt_ids) for r in rollouts) + run.rollout.max_new_tokens
    return Lengths(
        prompt=sum(len(r.prompt_ids) for r in rollouts) / len(rollouts),
        reply=sum(r.sampled_tokens for r in rollouts) / len(rollouts),
        longest=min(longest, policy.context),
    )


def _short(text: str) -> str:
    """A text in one line."""
    line = text.replace("\n", "\\n")
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}... ({len(line)} characters)"
