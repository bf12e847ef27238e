"""Every setting of a run: small frozen dataclasses, one per concern, composed in `Run`.

A field's name is its flag (`group_size` is `--group-size`) and its key in a TOML section named after the concern; its
docstring is its `--help`. Names are unique over all concerns. Derived numbers are properties, cross-checks live in
`__post_init__`.

    Run(problems=Problems(env="countdown"), optim=Optim(steps=10))
"""

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Literal

from verigym.trainer.curriculum import parse

if TYPE_CHECKING:
    from verigym.trainer.objective.table import Objective


class ConfigError(ValueError):
    """A setting that cannot work. The message says the value and the mend; the command line prints it and exits with
    2."""


class RunStopped(RuntimeError):
    """A run that had to stop through no fault of its settings. The message says what happened, what was saved and how
    to go on."""


def require(condition: bool, message: str) -> None:
    """Raises ConfigError(message) unless `condition` holds."""
    if not condition:
        raise ConfigError(message)


@dataclass(frozen=True)
class Problems:
    """What is to be solved."""

    env: str = "countdown"
    """environment: a built-in id, `my_env.py`, `package.module:Name`, or a file of rows (.jsonl, .jsonl.gz,
    .parquet)"""
    env_args: tuple[str, ...] = ()
    """options of the environment, each `key=value`, as in `style=terse`"""
    level: tuple[int, ...] = ()
    """levels to train on, the easiest first; none: the environment's default level; under staircase or bandit all"""
    curriculum: tuple[str, ...] = ()
    """which levels are drawn: fixed (the default: in turn; `fixed 1=0.2 2=0.8` in shares), `staircase up=0.8 down=0.1
    window=64 review=0.2` (by pass rate), `bandit signal=variance decay=0.9 temperature=0.25 floor=0.05` (where groups
    differ most)"""
    reward: tuple[str, ...] = ()
    """what becomes of the verifier's reward, in this order: gate:style=r1 (format first), cosine:max_tokens=1024,
    overlong:cache=256, lcpo:target=512 (told in the prompt; 100-4000 varies it, mode=max bounds it),
    repetition:weight=0.2,n=40, format:style=r1,weight=0.1, scale:by=0.9, clip:low=-1,high=1; none: as the verifier
    gave it"""
    max_error_share: float = 0.1
    """stop the run when more than this share of a step's verdicts is `error` (the grader failed, not the reply)"""

    def __post_init__(self) -> None:
        require(
            0 <= self.max_error_share <= 1,
            f"max_error_share={self.max_error_share} is not a share; set --max-error-share between 0 and 1",
        )
        for pair in self.env_args:
            require("=" in pair, f"env_args holds {pair!r}, which is not key=value; write --env-args {pair}=...")
        try:
            parse(self.curriculum)
        except ValueError as error:
            raise ConfigError(str(error)) from error


@dataclass(frozen=True)
class Policy:
    """The model that learns."""

    model: str = "tiny-llama"
    """a built-in tiny model (tiny-llama, tiny-qwen2: random weights), a run directory, a local directory or a Hub id"""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """of the weights and activations; log-probs are float32 in both"""
    device: str = "auto"
    """auto (GPU when there is one), cpu, cuda, cuda:1"""
    threads: int = 0
    """CPU threads for torch; 0 leaves torch's choice"""
    lora: tuple[str, ...] = ()
    """learn a low-rank adapter in place of the weights (pip install "verigym[lora]"): rank=16 alpha=32
    targets=all-linear"""
    fit: tuple[str, ...] = ()
    """how the update fits its memory: checkpoint (activations computed again), offload (optimizer on the CPU),
    adam=fp32|8bit|paged8bit, packing=auto|on|off, liger,
    shard=auto|ddp|fsdp|zero2|zero3|deepspeed2|deepspeed3 (over --ranks)"""

    def __post_init__(self) -> None:
        require(self.threads >= 0, f"threads={self.threads} is negative; set --threads 0 for torch's own choice")
        from verigym.trainer.fit import Fit
        from verigym.trainer.lora import Lora

        Fit.of(self.fit)
        Lora.of(self.lora)


@dataclass(frozen=True)
class Rollout:
    """How replies are sampled."""

    engine: Literal["transformers", "vllm", "vllm-server", "ray"] = "transformers"
    """what samples tokens: transformers (embedded), vllm (in this process), vllm-server (`verigym serve`, one or
    several, here or elsewhere), ray (a fleet of vLLM engines as Ray actors)"""
    engine_args: tuple[str, ...] = ()
    """words for the engine, as in batch=512 (sequences decoded together), memory=0.4, url=http://host:8100; and for the
    check that it samples from the trainer's weights: canary_warn=0.02 canary_stop=0.05; docs/engines.md lists them"""
    lag: tuple[str, ...] = ()
    """steps that sampling may run ahead of learning: 0 (the default, synchronous), 1 (one step off), N; `4 partial`
    carries replies under way over a weight update"""
    problems_per_step: int = 32
    """problems whose groups make one step"""
    group_size: int = 8
    """rollouts of each problem (G)"""
    max_new_tokens: int = 512
    """longest reply, in tokens; in an environment of several turns, of all turns together"""
    temperature: float = 1.0
    """sampling temperature; log-probs are taken at it"""
    stop: tuple[str, ...] = ()
    """texts that end a reply, beside the tokenizer's end token"""
    dynamic_rounds: int = 4
    """most rounds of sampling a step may take to fill its batch with groups that hold a signal (dynamic sampling)"""

    def __post_init__(self) -> None:
        for name in ("problems_per_step", "group_size", "max_new_tokens", "dynamic_rounds"):
            value = getattr(self, name)
            require(value >= 1, f"{name}={value} is too small; set --{name.replace('_', '-')} to 1 or more")
        require(
            self.temperature > 0, f"temperature={self.temperature} samples nothing to learn from; set --temperature 1.0"
        )
        from verigym.trainer.engines.options import options_of
        from verigym.trainer.lag import Lag

        options_of(self)
        Lag.of(self.lag)


@dataclass(frozen=True)
class ObjectiveChoice:
    """What is optimised: a named objective, and what you change in it. Unset fields are the named objective's own."""

    objective: str = "grpo"
    """grpo, dr_grpo, dapo, gspo, ..., or another project's default such as grpo@trl; printed in full when a run
    starts"""
    loss: str | None = None
    """per-token loss: ppo, reinforce, gspo, gspo_token, cispo, sapo, gmpo, rloo_clipped"""
    baseline: str | None = None
    """what is subtracted from a reward: group-mean, leave-one-out, none"""
    scale: str | None = None
    """what it is divided by: group (its std), mean (of the group, MaxRL), batch (std of the step), none, whiten"""
    reduction: str | None = None
    """how tokens make one number: token-mean, seq-mean-token-mean, seq-mean-token-sum, seq-mean-token-sum-norm,
    group-token-mean"""
    clip_low: float | None = None
    """ratio >= 1 - clip_low"""
    clip_high: float | None = None
    """ratio <= 1 + clip_high"""
    kl_coef: float | None = None
    """weight of the KL to the starting weights; 0 drops the reference model"""
    kl_placement: str | None = None
    """loss or reward"""
    kl_estimator: str | None = None
    """k1 (in the reward), k2, k3, k3_plus, k3_importance (in the loss)"""
    entropy_coef: float | None = None
    """weight of the entropy bonus"""
    correction: tuple[str, ...] = ()
    """for a sampler that differs from the trainer: none, tis-token, tis-sequence, mis-token, mis-sequence,
    mis-geometric, decoupled; with max= (cap, or upper edge of the band that is kept) and min= (lower edge), as in
    `mis-token min=0.5 max=5`"""
    overlong: tuple[str, ...] = ()
    """truncated replies: none (score as they are), mask (filter), penalty (soft; `penalty cache=256`: over the last 256
    tokens before the limit)"""
    dynamic_sampling: bool | None = None
    """sample again in place of groups that are all right or all wrong"""

    def resolve(self) -> "Objective":
        """The named objective with what was changed in it. Raises ConfigError for a name or a number that cannot be
        meant."""
        from verigym.trainer.objective.presets import PRESETS
        from verigym.trainer.objective.tensors import nearest

        require(
            self.objective in PRESETS, f"objective={self.objective!r} is not known: {nearest(self.objective, PRESETS)}"
        )
        named = ("objective", "correction", "overlong")
        changed = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in named}
        changed = {name: value for name, value in changed.items() if value not in (None, ())}
        try:
            return replace(PRESETS[self.objective], **changed | self._correction() | self._overlong())
        except ValueError as error:
            raise ConfigError(str(error)) from error

    def _correction(self) -> dict[str, object]:
        """What the words of `correction` change. Another correction than the named objective's starts without its
        bounds."""
        from verigym.trainer.words import Band, read

        if not self.correction:
            return {}
        band = read(self.correction[1:], Band, where="correction")
        return {"correction": self.correction[0], "correction_min": band.min, "correction_max": band.max}

    def _overlong(self) -> dict[str, object]:
        """What the words of `overlong` change."""
        from verigym.trainer.words import Overlong, read

        if not self.overlong:
            return {}
        return {
            "overlong": self.overlong[0],
            "overlong_cache": read(self.overlong[1:], Overlong, where="overlong").cache,
        }


@dataclass(frozen=True)
class Optim:
    """How weights move."""

    steps: int = 100
    """rollout batches to learn from"""
    lr: float = 1e-6
    """peak learning rate"""
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """of the learning rate after warm-up, down to min_lr at the last step"""
    warmup_steps: int = 0
    """steps over which the learning rate rises from 0"""
    min_lr: float = 0.0
    """learning rate at the end of a linear or cosine schedule"""
    betas: tuple[float, float] = (0.9, 0.95)
    """of AdamW"""
    weight_decay: float = 0.0
    """of AdamW, on matrices"""
    grad_clip: float = 1.0
    """largest gradient norm; larger ones are scaled down"""
    updates_per_step: int = 1
    """mini-batches (optimizer steps) a rollout batch is cut into; 1 is exactly on-policy"""
    micro_batch_tokens: int = 16384
    """most tokens in one forward pass of a rank, padding included where rows are padded; the gradient does not depend
    on it"""

    def __post_init__(self) -> None:
        for name in ("steps", "updates_per_step", "micro_batch_tokens"):
            value = getattr(self, name)
            require(value >= 1, f"{name}={value} is too small; set --{name.replace('_', '-')} to 1 or more")
        require(self.lr > 0, f"lr={self.lr} learns nothing; set --lr to a positive number such as 1e-6")
        require(
            self.grad_clip > 0,
            f"grad_clip={self.grad_clip} stops every update; set --grad-clip to 1.0, or to inf for none",
        )


@dataclass(frozen=True)
class Warmup:
    """A short supervised warm-up on the task's own replies, before the first rollout."""

    sft_steps: int = 0
    """steps of the warm-up; 0 for none"""
    sft_batch: int = 128
    """demonstrations a step"""
    sft_lr: float = 1e-3
    """its learning rate"""
    sft_demos: int = 4096
    """distinct demonstrations drawn from the training split"""
    sft_replies: Literal["right", "form"] = "right"
    """what is demonstrated: right replies, or replies that have the right form and are wrong (countdown has them)"""


@dataclass(frozen=True)
class Evaluation:
    """Held-out score while training, on the validation split, and at both ends on the test split."""

    eval_every: int = 20
    """steps between evaluations on the validation split; 0 for none"""
    eval_problems: int = 256
    """held-out problems"""
    eval_samples: int = 8
    """sampled replies a problem in the evaluations before and after training; pass@k is printed for k = 1 and this"""

    def __post_init__(self) -> None:
        require(
            self.eval_problems >= 1,
            f"eval_problems={self.eval_problems} is too small; set --eval-problems to 1 or more",
        )
        require(
            self.eval_samples >= 1, f"eval_samples={self.eval_samples} is too small; set --eval-samples to 1 or more"
        )


@dataclass(frozen=True)
class Keep:
    """What a run leaves on disk."""

    name: str = ""
    """name of the run; the environment's id and the date by default"""
    out: str = ""
    """directory of the run, in place of runs/NAME"""
    seed: int = 0
    """of everything random in the run"""
    checkpoint_every: int = 50
    """steps between checkpoints; the last step always makes one"""
    checkpoints_kept: int = 2
    """newest checkpoints kept"""
    rollouts_kept: int = 16
    """rollouts written a step, whole groups, for reading"""

    def __post_init__(self) -> None:
        require(
            self.checkpoint_every >= 1,
            f"checkpoint_every={self.checkpoint_every} is too small; set --checkpoint-every to 1 or more",
        )
        require(self.checkpoints_kept >= 1, f"checkpoints_kept={self.checkpoints_kept}: at least 1 is needed to resume")


@dataclass(frozen=True)
class Run:
    """A whole run."""

    problems: Problems = field(default_factory=Problems)
    policy: Policy = field(default_factory=Policy)
    rollout: Rollout = field(default_factory=Rollout)
    objective: ObjectiveChoice = field(default_factory=ObjectiveChoice)
    optim: Optim = field(default_factory=Optim)
    warmup: Warmup = field(default_factory=Warmup)
    evaluation: Evaluation = field(default_factory=Evaluation)
    keep: Keep = field(default_factory=Keep)

    def __post_init__(self) -> None:
        groups, updates = self.rollout.problems_per_step, self.optim.updates_per_step
        require(
            groups % updates == 0,
            f"problems_per_step={groups} cannot be cut into updates_per_step={updates} mini-batches of whole groups; "
            f"set --problems-per-step {groups - groups % updates or updates} or --updates-per-step 1",
        )
        if self.problems.reward:
            from verigym.trainer.reward import Reward

            Reward.of(self.problems.reward, self.rollout.max_new_tokens)

    def resolve(self) -> "Objective":
        """What is optimised: the objective, and where rollouts are older than the weights (--lag) a correction for
        that, unless one is named. Raises ConfigError."""
        from verigym.trainer.lag import Lag

        objective = self.objective.resolve()
        unsaid = not self.objective.correction and objective.correction == "none"
        if Lag.of(self.rollout.lag).steps and unsaid:
            return replace(objective, correction="tis-token", correction_max=2.0)
        return objective
