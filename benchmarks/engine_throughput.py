"""Tokens a second of our engines over the bare library at equal settings, in one run.

Both sides sample the same prompts to the same limits, with the same weights, batch and temperature, in rounds that take
turns, after one round that does not count. `even` replies are all of one length; `mixed` ones are long-tailed, which is
what real ones are: there `model.generate`, which decodes a batch to its end, is given the same per-row ends by a
stopping criterion. Ours also reports the log-prob of every token; `model.generate` is not asked to, `LLM.generate` is,
with the same seeds. `vllm-packed` is told beside it: vLLM's packed kernels for a CPU, which take no new weights, so no
engine of ours can use them. Seconds of the wall and of the processor are both told, the best round of each side. Not
covered: GPUs, several processes.

    python benchmarks/engine_throughput.py                                   # transformers
    python benchmarks/engine_throughput.py --engines vllm vllm-packed        # after `make engines`
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

WANTED = 0.95
"""Least share of the bare library's tokens a second, by processor time: a machine that others use too is no excuse."""

Sample = Callable[[], int]
"""Samples the whole workload, and returns how many tokens that were."""


@dataclass(frozen=True)
class Work:
    """prompts: token ids; limits: tokens of each reply, which nothing ends before; batch: most rows together."""

    name: str
    prompts: list[list[int]]
    limits: list[int]
    batch: int


@dataclass(frozen=True)
class Measured:
    """Of one side on one workload: tokens, and the best round's seconds of the wall and of the processor."""

    tokens: int
    wall: float
    processor: float


def works(count: int, longest: int, batch: int) -> list[Work]:
    """The workloads, drawn with a firm seed."""
    rng = random.Random(0)
    prompts = [[rng.randrange(3, 4000) for _ in range(rng.randrange(8, 48))] for _ in range(count)]
    tail = [max(4, min(longest, int(longest / 8 * rng.paretovariate(1.2)))) for _ in range(count)]
    return [Work("even", prompts, [longest // 2] * count, batch), Work("mixed", prompts, tail, batch)]


def small_policy(width: int, layers: int, vocabulary: int) -> Any:
    """A Llama of random weights, and what is needed to speak with it."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from verigym.trainer.chat import Chat
    from verigym.trainer.policy import Policy
    from verigym.trainer.tiny import character_tokenizer

    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        num_key_value_heads=width // 128,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=0,
    )
    torch.manual_seed(0)
    tokenizer = character_tokenizer()
    return Policy(LlamaForCausalLM(config).eval(), tokenizer, Chat(tokenizer), "small", "cpu", 1024)


def transformers_pair(policy: Any, work: Work) -> tuple[Sample, Sample]:
    """Our embedded engine, and `model.generate` on batch after batch in the order of the prompts."""
    import torch
    from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList

    from verigym.trainer.engines.engine import Request, Sampling
    from verigym.trainer.engines.transformers import TransformersEngine

    engine = TransformersEngine(policy.model, pad_id=0, batch=work.batch)
    requests = [
        Request(tuple(prompt), seed, limit)
        for seed, (prompt, limit) in enumerate(zip(work.prompts, work.limits, strict=True))
    ]

    def ours() -> int:
        replies = engine.generate(requests, Sampling(max(work.limits)))
        return sum(len(reply.token_ids) for reply in replies)

    class Limits(StoppingCriteria):
        """Ends each row at a limit of its own."""

        def __init__(self, width: int, limits: list[int]) -> None:
            self.ends = width + torch.tensor(limits)

        def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
            return input_ids.shape[1] >= self.ends

    def bare() -> int:
        tokens = 0
        for start in range(0, len(work.prompts), work.batch):
            prompts, limits = work.prompts[start : start + work.batch], work.limits[start : start + work.batch]
            width = max(map(len, prompts))
            ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts])
            mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
            settings = GenerationConfig(do_sample=True, top_k=0, top_p=1.0, max_new_tokens=max(limits), pad_token_id=0)
            stops = StoppingCriteriaList([Limits(width, limits)])
            policy.model.generate(ids, attention_mask=mask, generation_config=settings, stopping_criteria=stops)
            tokens += sum(limits)
        return tokens

    return ours, bare


def vllm_pair(policy: Any, work: Work, packed: bool = False) -> tuple[Sample, Sample]:
    """Our engine, and `LLM.generate` of a second one: with the same layers and settings, or with packed layers."""
    from verigym.trainer.engines.engine import Request, Sampling

    engine, llm = vllm_engines(policy, work.batch, packed)
    items = list(enumerate(zip(work.prompts, work.limits, strict=True)))
    requests = [Request(tuple(prompt), seed, limit) for seed, (prompt, limit) in items]

    def ours() -> int:
        replies = engine.generate(requests, Sampling(max(work.limits)))
        return sum(len(reply.token_ids) for reply in replies)

    def bare() -> int:
        from vllm import SamplingParams
        from vllm.inputs import TokensPrompt

        prompts = [TokensPrompt(prompt_token_ids=prompt) for prompt in work.prompts]
        settings = [
            SamplingParams(seed=seed, max_tokens=limit, logprobs=0, detokenize=False, ignore_eos=True)
            for seed, (_, limit) in items
        ]
        replies = llm.generate(prompts, settings, use_tqdm=False)
        return sum(len(reply.outputs[0].token_ids) for reply in replies)

    return ours, bare


def vllm_engines(policy: Any, batch: int, packed: bool, held: dict[tuple[int, bool], Any] = {}) -> Any:  # noqa: B006
    """Our engine and a bare one, made once; this process keeps them to its end."""
    if (batch, packed) not in held:
        import tempfile

        from verigym.trainer.engines import vllm_start
        from verigym.trainer.engines.options import VllmOptions
        from verigym.trainer.engines.vllm import VllmEngine

        options = VllmOptions(batch=batch, memory=0.25)
        engine = VllmEngine(policy, options)
        with tempfile.TemporaryDirectory() as folder, vllm_start.kept(), vllm_start.quiet():
            from vllm import LLM

            os.environ.update(vllm_start.ENVIRONMENT)
            policy.model.config.save_pretrained(folder)
            settings = vllm_start.arguments(policy, options, folder)
            if packed:
                del settings["worker_cls"]
            held[batch, packed] = engine, LLM(**settings)
    return held[batch, packed]


PAIRS: dict[str, tuple[str, Callable[[Any, Work], tuple[Sample, Sample]]]] = {
    "transformers": ("model.generate", transformers_pair),
    "vllm": ("LLM.generate", vllm_pair),
    "vllm-packed": ("LLM.generate, packed", partial(vllm_pair, packed=True)),
}
"""Engine to the name of the bare side, and what opens both."""

BESIDE = ("vllm-packed",)
"""Told, and held to nothing."""


def measure(sides: Sequence[Sample], rounds: int) -> list[Measured]:
    """The best of some rounds in which the sides take turns."""
    tokens = [side() for side in sides]
    best = [(float("inf"), float("inf"))] * len(sides)
    for _ in range(rounds):
        for i, side in enumerate(sides):
            wall, processor = time.perf_counter(), time.process_time()
            side()
            spent = time.perf_counter() - wall, time.process_time() - processor
            best[i] = (min(best[i][0], spent[0]), min(best[i][1], spent[1]))
    return [Measured(count, *seconds) for count, seconds in zip(tokens, best, strict=True)]


def row(engine: str, against: str, work: Work, ours: Measured, bare: Measured) -> tuple[str, float]:
    """A line of the table, and the ratio that counts."""
    if ours.tokens != bare.tokens:
        raise RuntimeError(f"different work: {ours.tokens} and {bare.tokens} tokens")
    ratio = bare.processor / ours.processor
    line = (
        f"| {engine} | {against} | {work.name} | {ours.tokens} | {ours.tokens / ours.wall:.0f} "
        f"| {bare.tokens / bare.wall:.0f} | {bare.wall / ours.wall:.2f} | {ratio:.2f} |"
    )
    return line, ratio


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", nargs="+", choices=sorted(PAIRS), default=["transformers"])
    parser.add_argument("--requests", type=int, default=64)
    parser.add_argument("--longest", type=int, default=128, help="tokens of the longest reply")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--width", type=int, default=256, help="of the model")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--vocabulary", type=int, default=16384)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args(words)
    import torch

    torch.set_num_threads(given.threads)
    policy = small_policy(given.width, given.layers, given.vocabulary)
    print(
        f"{policy.parameters / 1e6:.1f} M weights, fp32, {given.threads} thread of {os.cpu_count()}, "
        f"{given.requests} requests, batch {given.batch}; torch {torch.__version__}, "
        f"transformers {version('transformers')}\n"
    )
    print("| engine | against | replies | tokens | ours, tokens/s | bare, tokens/s | ratio, wall | ratio, processor |")
    print("|---|---|---|---|---|---|---|---|")
    ratios = []
    for engine in given.engines:
        against, pair = PAIRS[engine]
        for work in works(given.requests, given.longest, given.batch):
            line, ratio = row(engine, against, work, *measure(pair(policy, work), given.rounds))
            print(line, flush=True)
            ratios += [] if engine in BESIDE else [ratio]
    short = sum(ratio < WANTED for ratio in ratios)
    print(f"\nwanted: at least {WANTED:.2f} by processor time; {f'{short} are below' if short else 'all are'}")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
