"""Where a step's rollouts come from.

sampled = sample(session, step=3, watch=Stopwatch())
"""

from collections.abc import Sequence

from verigym.envs.drive import ErrorBudget, TooManyErrors
from verigym.tasks.problem import Problem
from verigym.trainer.collect import collect
from verigym.trainer.config import Run, RunStopped
from verigym.trainer.engines.engine import Sampling
from verigym.trainer.keeping import save_last_step
from verigym.trainer.rollout import Rollout
from verigym.trainer.seeds import sample_seed
from verigym.trainer.session import Session, reward_of
from verigym.trainer.step import Sampled, sample_groups
from verigym.trainer.stopwatch import Stopwatch


def sampling_of(run: Run) -> Sampling:
    """How rollouts are sampled in training."""
    return Sampling(run.rollout.max_new_tokens, run.rollout.temperature, stop=run.rollout.stop)


def sample(session: Session, step: int, watch: Stopwatch) -> Sampled:
    """The rollouts of a step. Raises RunStopped when too many verdicts are errors, with the step before saved."""
    run, reward = session.run, reward_of(session.run)

    def roll(problems: Sequence[Problem], first_group: int) -> list[Rollout]:
        rollouts = collect(
            session.engine,
            session.policy.chat,
            session.driver,
            problems,
            run.rollout.group_size,
            sampling=sampling_of(run),
            seed=lambda problem, sample: sample_seed(run.keep.seed, step, problem.address, sample),
            context=session.policy.context,
            first_group=first_group,
            watch=watch,
        )
        with watch("verify"):
            rollouts = reward.shaped(rollouts)
        try:
            ErrorBudget(run.problems.max_error_share).check([r.verdict for r in rollouts])
        except TooManyErrors as error:
            save_last_step(session)
            raise RunStopped(
                f"step {step}: {error} Mend the environment, then `verigym train --resume {session.directory.root}`"
            ) from error
        return rollouts

    dynamic = run.rollout.dynamic_rounds if session.learner.objective.dynamic_sampling else 0
    return sample_groups(
        session.planned,
        session.state.cursor,
        run.rollout.problems_per_step,
        run.rollout.group_size,
        roll,
        dynamic_rounds=dynamic,
    )
