"""`verigym train --dry-run`: everything up to one small verified batch, and what the real thing would need.

Nothing is written to disk. The estimates are those of `verigym.trainer.estimate`, with lengths as seen in the batch.

    rehearse(parse([], preset("countdown-tiny")))
"""

from collections.abc import Sequence

from verigym.envs.drive import Driver
from verigym.trainer.config import Run
from verigym.trainer.course import open_course
from verigym.trainer.display import title
from verigym.trainer.engines.engine import Sampling
from verigym.trainer.engines.options import options_of
from verigym.trainer.estimate import engine_memory, readable, shape_of, step_tokens, table, trainer_memory
from verigym.trainer.policy import Policy, load_policy
from verigym.trainer.rollout import Rollout
from verigym.trainer.seeds import sample_seed
from verigym.trainer.settings import to_toml
from verigym.trainer.stream import ProblemStream

PROBLEMS, SAMPLES = 4, 4
"""Size of the batch, where the run's own is not smaller."""

SHOWN = 400
"""Characters of a prompt or reply that are printed."""


def rehearse(run: Run) -> None:
    """Prints the resolved settings, the objective, one verified batch, and estimates. Raises what training would
    raise."""
    from verigym.trainer.session import open_env, reward_of

    objective, reward = run.objective.resolve(), reward_of(run)
    reward.check(objective)
    env = open_env(run)
    print(f"dry run: {title(run)}\n\n{to_toml(run)}")
    print(objective.describe(run.objective.objective, run.rollout.max_new_tokens) + reward.describe())
    policy = load_policy(run.policy.model, dtype=run.policy.dtype, device=run.policy.device, seed=run.keep.seed)
    print(f"policy: {policy.name}, {policy.parameters:,} weights, on {policy.device}, context {policy.context} tokens")
    with Driver(env) as driver:
        rollouts = reward.shaped(_one_batch(run, policy, driver))
    print(f"\none batch, before any learning: {len(rollouts)} replies")
    print("\n".join(_seen(rollout) for rollout in rollouts[: 2 * SAMPLES : SAMPLES]))
    print(_tally(rollouts))
    print(_needs(run, policy, rollouts, reference=objective.needs_reference))


def _one_batch(run: Run, policy: Policy, driver: Driver) -> list[Rollout]:
    """A few rollouts, sampled and verified as the first step would."""
    from verigym.trainer.collect import collect
    from verigym.trainer.engines.open import open_engine

    rollout = run.rollout
    engine = open_engine(rollout, policy)
    course = open_course(run.problems, driver.env.task, seed=run.keep.seed)
    stream = ProblemStream(driver.env.task, split="train", levels=course.levels, seed=run.keep.seed)
    problems, _ = stream.planned(course.plan({})).take(min(PROBLEMS, rollout.problems_per_step), cursor=0)
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


def _needs(run: Run, policy: Policy, rollouts: Sequence[Rollout], *, reference: bool) -> str:
    """Tokens of a step and peak memory, estimated."""
    from verigym.trainer.logprobs import CELLS

    rollout = run.rollout
    prompt = sum(len(r.prompt_ids) for r in rollouts) / len(rollouts)
    reply = sum(r.sampled_tokens for r in rollouts) / len(rollouts)
    tokens = step_tokens(
        rollout.problems_per_step, rollout.group_size, prompt=prompt, reply=reply, max_new_tokens=rollout.max_new_tokens
    )
    shape = shape_of(policy.model.config, policy.parameters)
    value_bytes = 2 if run.policy.dtype == "bfloat16" else 4
    longest = min(max(len(r.prompt_ids) for r in rollouts) + rollout.max_new_tokens, policy.context)
    pass_tokens = max(longest, min(run.optim.micro_batch_tokens, tokens.sequences * longest))
    learning = trainer_memory(
        shape, value_bytes=value_bytes, pass_tokens=pass_tokens, logit_cells=CELLS, reference=reference
    )
    decoded = min(options_of(rollout).batch, tokens.sequences)
    sampling = engine_memory(shape, value_bytes=value_bytes, sequences=decoded, sequence_tokens=longest)
    kept = sum(learning[name] for name in ("weights", "master weights", "Adam", "reference"))
    peak = max(sum(learning.values()), kept + sum(sampling.values()))
    return "\n".join(
        [
            f"\na step: {tokens.sequences} replies, about {tokens.sampled:,} sampled tokens (at most {tokens.most:,}) "
            f"after {tokens.prompt:,} of prompts",
            table("trainer, at its peak", learning),
            table("engine, beside the weights", sampling),
            f"together, at the peak: about {readable(peak)}; leave a fifth more free",
        ]
    )


def _short(text: str) -> str:
    """A text in one line."""
    line = text.replace("\n", "\\n")
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}... ({len(line)} characters)"
