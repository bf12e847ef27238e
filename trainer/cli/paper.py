"""`verigym train --dry-run --meta [GPUS]`: a run on paper. The real configuration, its model on the meta device (all
weights, none of their bytes), nothing downloaded and no GPU: the objective, tokens of a step, memory of each GPU, and
how long the whole will take at rates that are stated.

GPUS is `8xH100`; left out, it is what the preset's header says after `# Hardware:`. Prompts are measured where problems
are generated and assumed where they are rows of a data set; replies are assumed to take half of their limit.

    on_paper(parse([], preset("gsm8k-qwen2.5-1.5b")), Hardware.of("1xA100"))
"""

import re
from pathlib import Path

from verigym.trainer.cli.requirements import requirements
from verigym.trainer.config import ConfigError, Run
from verigym.trainer.cost import LEARNING, SAMPLING, Hardware, learning_flops, step_time
from verigym.trainer.display import title
from verigym.trainer.fit import Fit
from verigym.trainer.needs import ALONE, Lengths
from verigym.trainer.settings import to_toml
from verigym.trainer.shapes import Shape, config_of, on_meta, shape_of

ROW_PROMPT = 160
"""Tokens of a prompt that is a row of a data set, template included: assumed."""

TEMPLATE, TOKEN = 30, 3.5
"""Of a real model's prompt: tokens of the chat template, and characters of a token of text: assumed."""

REPLY = 0.5
"""Share of the limit that a reply takes on the mean: assumed."""

PROMPTS = 32
"""Generated problems that are looked at."""


def stated_hardware(source: Path | None) -> Hardware | None:
    """The GPUs that a preset's header names, `# Hardware: 8 x H100 ...`; None where it names none."""
    text = source.read_text(encoding="utf-8") if source else ""
    match = re.search(r"^# Hardware: (\d+ x [A-Z][\w-]*)", text, re.MULTILINE)
    return Hardware.of(match[1]) if match else None


def on_paper(run: Run, hardware: Hardware | None) -> None:
    """Prints all of it. hardware: None for a CPU, whose hours are not estimated. Raises ConfigError for settings that
    cannot work."""
    from verigym.trainer.session import reward_of

    objective, reward = run.resolve(), reward_of(run)
    try:
        objective.check_group_size(run.rollout.group_size)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    reward.check(objective)
    config = config_of(run.policy.model)
    model = on_meta(config)
    shape = shape_of(config, sum(weight.numel() for weight in model.parameters()))
    lengths = lengths_of(run, int(getattr(config, "max_position_embeddings", 0) or 4096))
    print(f"on paper, on {hardware or 'a CPU'}: {title(run)}\n\n{to_toml(run)}")
    print(objective.describe(run.objective.objective, run.rollout.max_new_tokens) + reward.describe())
    print(
        f"policy: {run.policy.model}, {shape.parameters:,} weights in {shape.layers} layers, on the meta device: "
        "nothing was downloaded"
    )
    print(f"lengths: prompts of {lengths.prompt:.0f} tokens, replies of {lengths.reply:.0f} (assumed)")
    device = hardware.device if hardware else ALONE
    whose = f"each of the {hardware}" if hardware and hardware.count > 1 else f"the {hardware}" if hardware else ""
    print(requirements(run, shape, lengths, device, whose=whose))
    if hardware:
        print(hours(run, shape, lengths, hardware))


def hours(run: Run, shape: Shape, lengths: Lengths, hardware: Hardware) -> str:
    """How long a run takes, and at which rates."""
    step, gpu = step_time(run, shape, lengths, hardware), hardware.gpu
    length = lengths.prompt + lengths.reply
    flops = learning_flops(shape, length, checkpoint=Fit.of(run.policy.fit).checkpoint, lora=bool(run.policy.lora))
    rate = LEARNING * gpu.rate * 1e12 / flops
    return (
        f"\na step: {step.seconds:.0f} s ({step.sampling:.0f} s sampling, {step.learning:.0f} s learning); "
        f"{run.optim.steps} steps: {run.optim.steps * step.seconds / 3600:.1f} hours\n"
        f"at stated rates: learning at {LEARNING:.0%} of {gpu.rate:g} TFLOP/s ({rate:,.0f} tokens/s a GPU), sampling "
        f"at {SAMPLING[run.rollout.engine]:.0%} of {gpu.bandwidth:g} GB/s; grading, held-out scores and checkpoints "
        "come on top"
    )


def lengths_of(run: Run, context: int) -> Lengths:
    """Tokens of prompts and replies of a run that nobody has started."""
    prompt, most = _prompts(run)
    limit = run.rollout.max_new_tokens
    return Lengths(prompt, REPLY * limit, min(round(most) + limit, context))


def _prompts(run: Run) -> tuple[float, float]:
    """Mean and longest prompt, in tokens."""
    from verigym.envs import builtin
    from verigym.trainer.session import open_env
    from verigym.trainer.tiny import TINY_MODELS

    entry = builtin.TABLE.get(run.problems.env)
    if entry is None or entry.rows:
        return ROW_PROMPT, 2 * ROW_PROMPT
    task = open_env(run).task
    levels = run.problems.level or (None,)
    problems = [task.problem(i, split="train", level=levels[i % len(levels)]) for i in range(PROMPTS)]
    a_token, around = (1.0, 4) if run.policy.model in TINY_MODELS else (TOKEN, TEMPLATE)
    counts = [around + len(problem.text) / a_token for problem in problems]
    return sum(counts) / len(counts), max(counts)
