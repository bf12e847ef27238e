"""How long a run will take on machines that nobody has at hand: operations and bytes, over rates that are stated.

Learning is bound by arithmetic: 6 operations for each weight and token (2 forward, 4 backward), 6 T for each layer and
query width in attention, over a share of the GPU's peak (`LEARNING`). Sampling is bound by memory: each new token reads
all weights once for the whole batch, and each sequence's keys and values, over a share of the GPU's bandwidth
(`SAMPLING`); a step lasts at least as long as its longest reply. Not counted: grading, held-out scores, checkpoints,
the exchange of gradients between machines, and a long tail of replies. The shares are assumptions until
`benchmarks/gpu.py` has measured them on the machine in question.

    step_time(run, shape_named("Qwen/Qwen2.5-1.5B"), lengths, Hardware.of("1xH100")).seconds
"""

import re
from dataclasses import dataclass

from verigym.trainer.config import ConfigError, Run
from verigym.trainer.engines.options import options_of
from verigym.trainer.estimate import cache_token
from verigym.trainer.fit import Fit
from verigym.trainer.lag import Lag
from verigym.trainer.needs import GIB, Device, Lengths
from verigym.trainer.shapes import Shape

LEARNING = 0.4
"""Share of the peak rate of bf16 arithmetic that an update reaches."""

SAMPLING = {"transformers": 0.1, "vllm": 0.6, "vllm-server": 0.6, "ray": 0.6}
"""Share of the memory's bandwidth that an engine reaches while it decodes; the embedded one starts each small kernel by
itself."""

NETWORK = 50.0
"""GB/s that one GPU of a machine of eight receives from other machines, at 400 Gbit/s for each."""

CHECKPOINTED = 4 / 3
"""A forward pass more beside one forward and two of backward."""


@dataclass(frozen=True)
class Gpu:
    """Of one GPU: memory, GiB; dense bf16 rate with fp32 sums, TFLOP/s; bandwidth of its memory, GB/s; as its maker
    states them."""

    memory: int
    rate: float
    bandwidth: float


GPUS = {
    "H200": Gpu(141, 989, 4800),
    "H100": Gpu(80, 989, 3350),
    "A100": Gpu(80, 312, 2039),
    "A100-40": Gpu(40, 312, 1555),
    "L40S": Gpu(48, 362, 864),
    "RTX4090": Gpu(24, 165, 1008),
    "A10": Gpu(24, 125, 600),
    "L4": Gpu(24, 121, 300),
}


@dataclass(frozen=True)
class Hardware:
    """Some GPUs of one kind."""

    name: str
    count: int = 1

    @classmethod
    def of(cls, text: str) -> "Hardware":
        """`8xH100`, `8 x H100`, or `H100`. Raises ConfigError for a GPU that is not in the table."""
        match = re.fullmatch(r"(?:(\d+)\s*x\s*)?([A-Za-z][\w-]*)", text.strip())
        if match is None or match[2].upper() not in GPUS or match[1] == "0":
            raise ConfigError(f"hardware {text!r} is not known; write COUNTxGPU, as in 8xH100, of {', '.join(GPUS)}")
        return cls(match[2].upper(), int(match[1] or 1))

    def __str__(self) -> str:
        return f"{self.count} x {self.name} ({self.gpu.memory} GB)"

    @property
    def gpu(self) -> Gpu:
        """One of them."""
        return GPUS[self.name]

    @property
    def device(self) -> Device:
        """What each process of a run has: a GPU, and one process for each."""
        return Device(on_cpu=False, memory=self.gpu.memory * GIB, ranks=self.count)


@dataclass(frozen=True)
class StepTime:
    """Seconds of a step. wait: of the slower one alone where sampling runs beside learning, else their sum."""

    sampling: float
    learning: float
    seconds: float


def learning_flops(shape: Shape, length: float, *, checkpoint: bool = False, lora: bool = False) -> float:
    """Operations that an update spends on one token of a sequence of `length` tokens: forward and backward. Beside
    frozen weights their own gradient is left out."""
    matrices = (4 if lora else 6) * shape.body
    attention = 6 * length * shape.layers * shape.queries  # half of the [T, T] products is masked and not computed
    return (matrices + attention) * (CHECKPOINTED if checkpoint else 1)


def scoring_flops(shape: Shape, length: float) -> float:
    """Operations of one token's forward pass."""
    return 2 * shape.body + 2 * length * shape.layers * shape.queries


def decode_seconds(shape: Shape, sequences: float, context: float, gpu: Gpu, share: float) -> float:
    """Seconds of one new token for each of some sequences of one GPU, whose mean length is `context`: all weights and
    all keys and values are read once, or the arithmetic is done, whichever takes longer."""
    read = 2 * shape.body + cache_token(shape, 2) * sequences * context
    return max(
        read / (share * gpu.bandwidth * 1e9), sequences * scoring_flops(shape, context) / (share * gpu.rate * 1e12)
    )


def exchange_seconds(shape: Shape, passes: int, *, bandwidth: float = NETWORK) -> float:
    """Seconds in which a GPU receives what weights cut over many (FSDP) cost for some forward and backward passes: all
    weights in bf16 for each of the two, and as many bytes of gradients. It goes on beside the arithmetic, and costs
    time only where it takes longer."""
    return passes * 3 * 2 * shape.parameters / (bandwidth * 1e9)


def step_time(run: Run, shape: Shape, lengths: Lengths, hardware: Hardware) -> StepTime:
    """Seconds of one step on `hardware`, all of whose GPUs sample and learn."""
    rollout, fit, gpu = run.rollout, Fit.of(run.policy.fit), hardware.gpu
    rows = rollout.problems_per_step * rollout.group_size
    length = lengths.prompt + lengths.reply
    a_token = learning_flops(shape, length, checkpoint=fit.checkpoint, lora=bool(run.policy.lora))
    more = run.resolve().needs_reference + (run.optim.updates_per_step > 1 or Lag.of(rollout.lag).steps > 0)
    a_token += more * scoring_flops(shape, length)
    learning = rows * length * a_token / (LEARNING * gpu.rate * 1e12 * hardware.count)
    sampling = _sampling(run, shape, lengths, hardware)
    beside = Lag.of(rollout.lag).steps > 0
    return StepTime(sampling, learning, max(sampling, learning) if beside else sampling + learning)


def _sampling(run: Run, shape: Shape, lengths: Lengths, hardware: Hardware) -> float:
    """Seconds of sampling: prompts are read once, then new tokens come in turns, a token of each sequence that is still
    going; there are as many turns as the longest reply has tokens, more where not all sequences fit in one batch."""
    rollout, gpu = run.rollout, hardware.gpu
    rows = rollout.problems_per_step * rollout.group_size / hardware.count
    turns = max(lengths.longest - lengths.prompt, rows * lengths.reply / options_of(rollout).batch)
    context = lengths.prompt + lengths.reply / 2
    going = rows * lengths.reply / turns
    decoding = turns * decode_seconds(shape, going, context, gpu, SAMPLING[rollout.engine])
    read = rows / rollout.group_size * lengths.prompt
    return decoding + read * scoring_flops(shape, lengths.prompt) / (LEARNING * gpu.rate * 1e12)
