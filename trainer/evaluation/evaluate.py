"""pass@k of a model on held-out problems: `evaluate` loads everything, `score` samples with an engine that is already
there.

    report = evaluate("runs/first", env="countdown", k=(1, 8), n=8, problems=256)
    report.pass_at[8]            # Estimate(value=0.81, low=0.77, high=0.85, ...)

Each sample's seed is a hash of the seed, the problem's address and the sample's number: a result does not depend on
batches or order, and two checkpoints are compared on the same random numbers. It does not train, and it does not
compare models: see `scores.compare`."""

import contextlib
import dataclasses
import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verigym.tasks.problem import Problem
from verigym.tasks.supply import Task
from verigym.trainer.config import ConfigError, require
from verigym.trainer.config import Rollout as RolloutSettings
from verigym.trainer.evaluation.samples import SampleStore
from verigym.trainer.evaluation.scores import Estimate, Sample, Scores, maj_at, pass_at, pass_hat
from verigym.trainer.safety import refuse_unsafe

if TYPE_CHECKING:
    from verigym.envs.drive import Driver
    from verigym.envs.env import Env
    from verigym.trainer.chat import Chat
    from verigym.trainer.engines.engine import Engine
    from verigym.trainer.policy import Policy
    from verigym.trainer.rollout import Rollout

GENERATED_PROBLEMS = 256
"""Problems taken from a generator, which has no end, unless a number is asked for."""

KEEP_EVERY = 256
"""Samples of one round of sampling, after which finished problems are written to disk."""

Progress = Callable[[Scores, int], None]
"""Told of the scores so far and of the number of samples there will be."""


@dataclass(frozen=True)
class Report:
    """What an evaluation found. pass_at, maj_at, pass_hat: an Estimate for each k; settings: what decided the
    samples; seconds: of this call, without samples that lay on disk; out: where the samples are, or None."""

    settings: Mapping[str, Any]
    scores: Scores
    pass_at: Mapping[int, Estimate]
    maj_at: Mapping[int, Estimate]
    pass_hat: Mapping[int, Estimate]
    seconds: float
    out: Path | None

    def levels(self) -> dict[int, Mapping[int, Estimate]]:
        """pass@k apart by level, for the k that the level has samples for."""
        return {level: _where_possible(pass_at, part, self.pass_at) for level, part in self.scores.by_level().items()}

    def summary(self) -> dict[str, Any]:
        """Everything as plain data: what summary.json holds."""

        def table(estimates: Mapping[int, Estimate]) -> dict[str, Any]:
            return {str(k): dataclasses.asdict(estimate) for k, estimate in estimates.items()}

        scores = self.scores
        return {
            "settings": dict(self.settings),
            "problems": len(scores.tallies),
            "samples": len(scores.samples),
            "pass@k": table(self.pass_at),
            "maj@k": table(self.maj_at),
            "pass^k": table(self.pass_hat),
            "levels": {str(level): table(estimates) for level, estimates in self.levels().items()},
            "statuses": scores.statuses,
            "errors": scores.errors,
            "first_error": scores.first_error,
            "unruled": scores.unruled,
            "truncated": scores.truncated,
            "mean_tokens": scores.length,
            "seconds": round(self.seconds, 3),
        }


def evaluate(
    model: str | Path,
    *,
    env: "str | Env",
    split: str = "test",
    k: Sequence[int] = (1,),
    n: int = 1,
    problems: int | None = None,
    level: int | Sequence[int] | None = None,
    temperature: float = 1.0,
    top_p: float = 1.0,
    top_k: int = 0,
    max_new_tokens: int = 512,
    stop: Sequence[str] = (),
    seed: int = 0,
    greedy: bool = False,
    out: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    dtype: str = "float32",
    device: str = "auto",
    engine: str = "transformers",
    engine_args: Sequence[str] = (),
    progress: Progress | None = None,
) -> Report:
    """Sample `n` replies to each held-out problem and report pass@k, pass^k and maj@k with 95 % intervals over
    problems.

    model         a run directory (its newest checkpoint), one in Hugging Face layout, a Hub id or a built-in tiny name
    env           an environment's name with its `options`, or an `Env`
    k             each at most n;  greedy: temperature 0, one sample a problem
    problems      how many, shared equally among levels; None: all rows of a data set, 256 of a generator
    level         one or several; None: all rows of a data set, a generator's default level
    out           directory for samples.jsonl, settings.json and summary.json; the same call goes on where it was
                  killed; `{id}` in its name becomes a hash of the settings
    engine        what samples, with words of its own in `engine_args`, as in batch=64 (sequences decoded together, on
                  which samples do not depend but for the rounding of batched sums); another one draws other samples,
                  but for greedy replies

    Raises ConfigError for settings that cannot work, EnvError for the environment's, EngineError for an engine that
    does not go on, NoAccuracy when no verdict rules right or wrong."""
    ks = _checked(
        k=k,
        n=n,
        temperature=temperature,
        top_p=top_p,
        top_k=top_k,
        max_new_tokens=max_new_tokens,
        greedy=greedy,
    )
    sampler = _sampler(engine, engine_args)
    from verigym.envs import make
    from verigym.trainer.engines.open import open_engine
    from verigym.trainer.grading import open_driver

    started = time.monotonic()
    refuse_unsafe("evaluation", options or {})
    gym = make(env, split=split, **(options or {})) if isinstance(env, str) else env
    levels = (level,) if isinstance(level, int) else tuple(level or ())
    chosen = held_out(gym, split, levels, problems)
    policy = _load(str(model), dtype, device, seed, own_copy=engine != "transformers")
    heat = 0.0 if greedy else float(temperature)
    sampling = {
        "n": n,
        "temperature": heat,
        "top_p": float(top_p),
        "top_k": top_k,
        "max_new_tokens": max_new_tokens,
        "stop": tuple(stop),
        "seed": seed,
    }
    settings = {
        "model": str(model),
        "weights": fingerprint(policy.model),
        "dtype": dtype,
        "engine": engine,
        "env": env if isinstance(env, str) else gym.id,
        "options": {name: str(value) for name, value in sorted((options or {}).items())},
        "task_version": gym.task.version,
        "split": split,
        "levels": list(levels),
        "problems": len(chosen),
        "problem_set": _digest("\n".join(f"{name_of(problem)} {problem.key}" for problem in chosen)),
        **sampling,
    }
    store = (
        SampleStore.open(Path(str(out).replace("{id}", _digest(repr(settings))[:8])), settings)
        if out is not None
        else None
    )
    finished = store.finished(n) if store else {}
    kept = [sample for problem in chosen for sample in finished.get(name_of(problem), ())]
    total = n * len(chosen)

    def keep(samples: Sequence[Sample]) -> None:
        kept.extend(samples)
        if store:
            store.append(samples)
        if progress:
            progress(Scores(tuple(kept)), total)

    left = [problem for problem in chosen if name_of(problem) not in finished]
    with open_driver(gym, sampler) as driver, contextlib.ExitStack() as opened:
        score(
            opened.enter_context(contextlib.closing(open_engine(sampler, policy))),
            policy.chat,
            driver,
            left,
            samples=n,
            temperature=heat,
            top_p=top_p,
            top_k=top_k,
            max_new_tokens=max_new_tokens,
            stop=stop,
            seed=seed,
            context=policy.context,
            round_size=KEEP_EVERY,
            keep=keep,
        )
    scores = Scores(tuple(kept))
    pass_at(scores, ks[0])  # raises where nothing can be said; a larger k that errors leave no samples for is left out
    report = Report(
        settings=settings,
        scores=scores,
        pass_at=_where_possible(pass_at, scores, ks),
        maj_at=_where_possible(maj_at, scores, ks),
        pass_hat=_where_possible(pass_hat, scores, ks),
        seconds=time.monotonic() - started,
        out=store.root if store else None,
    )
    if store:
        store.write_summary(report.summary())
    return report


def score(
    engine: "Engine",
    chat: "Chat",
    driver: "Driver",
    problems: Sequence[Problem],
    *,
    samples: int = 1,
    temperature: float = 0.0,
    top_p: float = 1.0,
    top_k: int = 0,
    max_new_tokens: int,
    stop: Sequence[str] = (),
    seed: int = 0,
    context: int,
    round_size: int | None = None,
    keep: Callable[[Sequence[Sample]], None] | None = None,
) -> Scores:
    """Sample and grade `samples` replies to each problem with an engine that is loaded already; temperature 0 is
    greedy.

    context: longest sequence, in tokens; round_size: about how many samples go out together (all of them by default);
    `keep` is given the samples of whole problems after each round, so that they can be written down. Verdicts of
    status `error` stay in the scores' samples, marked as such."""
    from verigym.trainer.collect import collect
    from verigym.trainer.engines.engine import Sampling
    from verigym.trainer.seeds import sample_seed

    sampling = Sampling(max_new_tokens, temperature, top_p, top_k, chat.stop_ids, tuple(stop))

    def seed_of(problem: Problem, sample: int) -> int:
        return sample_seed(seed, "eval", name_of(problem), sample)

    per_round = max(1, len(problems) if round_size is None else round_size // samples)
    found: list[Sample] = []
    for start in range(0, len(problems), per_round):
        part = problems[start : start + per_round]
        rollouts = collect(engine, chat, driver, part, samples, sampling=sampling, seed=seed_of, context=context)
        fresh = [as_sample(rollout, seed_of(rollout.problem, rollout.sample)) for rollout in rollouts]
        found += fresh
        if keep:
            keep(fresh)
    return Scores(tuple(found))


def held_out(env: "Env", split: str, levels: Sequence[int], problems: int | None) -> list[Problem]:
    """The problems to be solved: distinct within a level, the same in every process. Raises ConfigError for a number
    below 1, EnvError for an unknown split or level, SpaceTooSmall where there are fewer."""
    require(problems is None or problems >= 1, f"problems={problems} is too few; ask for 1 or more")
    task: Task = env.task
    for level in levels or (None,):
        env.problem(0, split=split, level=level)  # names a wrong split or level, with what there is
    size = task.size(split)
    wanted = GENERATED_PROBLEMS if problems is None and size is None else problems
    if not levels:
        return task.problems(wanted, split=split)
    require(
        wanted is None or wanted >= len(levels),
        f"problems={wanted} are too few for {len(levels)} levels; ask for {len(levels)} or more",
    )
    shares = [
        None if wanted is None else wanted // len(levels) + (i < wanted % len(levels)) for i in range(len(levels))
    ]
    return [
        problem
        for level, share in zip(levels, shares, strict=True)
        for problem in task.problems(share, split=split, level=level)
    ]


def name_of(problem: Problem) -> str:
    """What tells a problem from others: its address, or its key where it has none."""
    return str(problem.address) if problem.address else problem.key


def as_sample(rollout: "Rollout", seed: int) -> Sample:
    """A rollout as a line of samples.jsonl."""
    problem, verdict = rollout.problem, rollout.verdict
    return Sample(
        problem=name_of(problem),
        sample=rollout.sample,
        correct=verdict.correct,
        status=str(verdict.status),
        extracted=verdict.extracted,
        reward=verdict.reward,
        reason=verdict.reason,
        reply=rollout.reply,
        earlier=rollout.replies[:-1],
        tokens=rollout.sampled_tokens,
        finish=rollout.finish,
        seed=seed,
        level=problem.address.level if problem.address else 0,
        key=problem.key,
        family=problem.family,
    )


def fingerprint(model: Any) -> str:
    """A short hash of a model's weights, from 64 values of each tensor: enough to tell two checkpoints apart, quick
    for any size."""
    digest = hashlib.sha256()
    for name, weight in sorted(model.state_dict().items()):
        flat = weight.detach().reshape(-1)
        picked = flat[:: max(1, flat.numel() // 64)].float().cpu().numpy()
        digest.update(f"{name}{tuple(weight.shape)}".encode() + picked.tobytes())
    return digest.hexdigest()[:16]


def _checked(
    *,
    k: Sequence[int],
    n: int,
    temperature: float,
    top_p: float,
    top_k: int,
    max_new_tokens: int,
    greedy: bool,
) -> list[int]:
    """The k in rising order, each once. Raises ConfigError for settings that cannot work."""
    ks = sorted(set(k))
    require(n >= 1, f"n={n} is too small; set -n to 1 or more samples a problem")
    require(bool(ks) and ks[0] >= 1, f"k={list(k)} names no number of samples; set --k to 1 or more, as in --k 1,4")
    if ks[-1] > n:
        raise ConfigError(
            f"k={ks[-1]} needs at least {ks[-1]} samples a problem, and n={n}; set -n {ks[-1]}, or leave that k out"
        )
    require(temperature >= 0, f"temperature={temperature} is negative; set --temperature 1.0, or 0 for greedy replies")
    require(
        n == 1 or (not greedy and temperature > 0),
        f"greedy replies are all alike, so n={n} of them say no more than one; set -n 1, or a --temperature above 0",
    )
    require(0 < top_p <= 1, f"top_p={top_p} is not a share; set --top-p above 0 and at most 1")
    require(top_k >= 0, f"top_k={top_k} is negative; set --top-k 0 for no limit")
    require(max_new_tokens >= 1, f"max_new_tokens={max_new_tokens} is too small; set --max-new-tokens to 1 or more")
    return ks


def _sampler(engine: str, engine_args: Sequence[str]) -> RolloutSettings:
    """What the engine is opened by. Raises ConfigError for an engine or words that are none."""
    from verigym.trainer.engines.options import OPTIONS
    from verigym.trainer.objective.tensors import nearest

    require(engine in OPTIONS, f"engine={engine!r} is not known: {nearest(engine, OPTIONS)}")
    return RolloutSettings(engine=engine, engine_args=tuple(engine_args))  # type: ignore[arg-type]


def _load(model: str, dtype: str, device: str, seed: int, *, own_copy: bool) -> "Policy":
    """The policy; on the CPU where an engine takes a copy of its weights to the device."""
    from verigym.trainer.policy import load_policy, pick_device

    policy = load_policy(model, dtype=dtype, device="cpu" if own_copy else device, seed=seed)
    return dataclasses.replace(policy, device=pick_device(device))


def _where_possible(
    measure: Callable[[Scores, int], Estimate], scores: Scores, ks: Iterable[int]
) -> dict[int, Estimate]:
    return {k: measure(scores, k) for k in ks if k <= scores.most}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]
