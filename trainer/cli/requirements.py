"""What both dry runs end with: tokens of a step, and peak memory beside what there is.

print(requirements(run, shape, lengths, this_device("cpu"), whose="this machine"))
"""

from verigym.trainer.config import Run
from verigym.trainer.estimate import readable, step_tokens, table
from verigym.trainer.knobs import knobs
from verigym.trainer.needs import Device, Lengths, needs
from verigym.trainer.shapes import Shape

ROOM = 0.8
"""Share of the memory that an estimate may fill; the rest is for what it does not count."""


def requirements(run: Run, shape: Shape, lengths: Lengths, device: Device, *, whose: str) -> str:
    """Tokens of a step and peak memory, estimated, beside what there is; where that is too little, the knobs."""
    rollout = run.rollout
    tokens = step_tokens(
        rollout.problems_per_step,
        rollout.group_size,
        prompt=lengths.prompt,
        reply=lengths.reply,
        max_new_tokens=rollout.max_new_tokens,
    )
    found = needs(run, shape, lengths, device)
    lines = [
        f"\na step: {tokens.sequences:,} replies, about {tokens.sampled:,} sampled tokens (at most {tokens.most:,}) "
        f"after {tokens.prompt:,} of prompts",
        *(table(f"memory, {moment}", parts) for moment, parts in found.moments.items()),
    ]
    if found.host:
        lines.append(table("on the CPU beside it", found.host))
    there = f"; {whose} has {readable(device.memory)}" if device.memory else ""
    lines.append(f"at the peak, {found.moment}: about {readable(found.peak)}{there}; leave a fifth free")
    if device.memory and found.peak > ROOM * device.memory:
        lines.append("that is too much. What brings it down, by the same estimate, each alone:")
        turned = knobs(run, shape, lengths, device)
        lines += [f"  {knob}" for knob in turned] or ["  nothing that leaves the objective alone; take a smaller model"]
    return "\n".join(lines)
