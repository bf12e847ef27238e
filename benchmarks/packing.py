"""Tokens a second of the update, forward and backward: rows laid end to end against padded rows.

Long-tailed lengths with mean / max = 0.3, one model with random weights, one thread; the same log-probs and the same
gradient each way. Real tokens are counted, padding is not. Three ways: rows padded in the order in which they were
sampled, as most trainers do; rows padded after sorting them by length, as verigym does where nothing is packed; packed.

    python benchmarks/packing.py                 # both models, about 4 minutes
    python benchmarks/packing.py --models tiny
"""

import argparse
import os
import statistics
import sys
import time

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from verigym.trainer.logprobs import score_tokens
from verigym.trainer.packing import PADDED, Piece, find_packing
from verigym.trainer.policy import load_policy

WANTED = 1.5
"""Least tokens/s of packing over padding in sampled order."""
LONGEST, SHARE, PROMPT = 512, 0.3, 8


def mid_model() -> Qwen2ForCausalLM:
    """7 M weights with grouped queries."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=1000,
        hidden_size=384,
        intermediate_size=1024,
        num_hidden_layers=4,
        num_attention_heads=6,
        num_key_value_heads=2,
        max_position_embeddings=LONGEST,
    )
    return Qwen2ForCausalLM(config).eval()


MODELS = {"tiny": lambda: load_policy("tiny-llama", device="cpu").model, "mid": mid_model}


def long_tailed(rows: int, seed: int) -> torch.Tensor:
    """Lengths [rows] from an exponential tail, cut and scaled so that the longest is LONGEST and the mean SHARE of
    it."""
    generator = torch.Generator().manual_seed(seed)
    draws = torch.rand(rows, generator=generator).log().neg()
    lengths = torch.full((rows,), LONGEST)
    low, high = 0.0, 10.0 * LONGEST
    while high - low > 0.1:  # the scale at which the cut lengths have the wanted mean
        middle = (low + high) / 2
        lengths = (draws * middle).clamp(2 * PROMPT, LONGEST).long()
        low, high = (middle, high) if lengths.float().mean() < SHARE * LONGEST else (low, middle)
    lengths[draws.argmax()] = LONGEST
    return lengths


def learn(model: Qwen2ForCausalLM, lengths: torch.Tensor, pieces: list[Piece]) -> tuple[float, torch.Tensor]:
    """Seconds of the forward and backward passes, and the gradient."""
    places = torch.arange(LONGEST)
    ids = torch.randint(5, 90, (len(lengths), LONGEST), generator=torch.Generator().manual_seed(1))
    start = time.perf_counter()
    for piece, packed in pieces:
        width = int(lengths[piece].max())
        attention = (places[:width] < lengths[piece, None]).long()
        prompts = torch.full((len(piece),), PROMPT)
        mask = places[: width - PROMPT] < lengths[piece, None] - PROMPT
        scores = score_tokens(
            model, ids[piece, :width] * attention, attention, prompts, mask, temperature=1.0, packed=packed
        )
        scores.logp.sum().backward()
    seconds = time.perf_counter() - start
    gradient = torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None])
    model.zero_grad(set_to_none=True)
    return seconds, gradient


def compare(name: str, options: argparse.Namespace) -> float:
    """Prints the lines of one model; returns the ratio of packing to padding in sampled order."""
    model, lengths = MODELS[name](), long_tailed(options.rows, seed=0)
    every = torch.arange(len(lengths))
    packing = find_packing(model, "on")
    most = options.micro_batch_tokens
    plans = {
        "padded, as sampled": [Piece(part, False) for part in every.split(max(1, most // LONGEST))],
        "padded, sorted": PADDED.plan(lengths, every, most),
        "packed": packing.plan(lengths, every, most),
    }
    seconds: dict[str, list[float]] = {way: [] for way in plans}
    gradients = {}
    for turn in range(options.rounds + 1):  # the ways take turns, so that another load on the machine meets all
        for way, plan in plans.items():
            one, gradients[way] = learn(model, lengths, plan)
            if turn:
                seconds[way].append(one)
    tokens = int(lengths.sum())
    speed = {way: tokens / statistics.median(times) for way, times in seconds.items()}
    for way, plan in plans.items():
        cells = sum(int(lengths[p].sum()) if packed else len(p) * int(lengths[p].max()) for p, packed in plan)
        off = float((gradients[way] - gradients["packed"]).abs().max() / gradients["packed"].abs().max())
        ratio = speed["packed"] / speed[way]
        print(
            f"| {name} | {way} | {len(plan)} | {1 - tokens / cells:.0%} | {speed[way]:,.0f} | {ratio:.2f} | {off:.0e} |"
        )
    return speed["packed"] / speed["padded, as sampled"]


def main() -> int:
    """Measures every model, prints the table, and returns 1 where packing gains less than is wanted."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--rows", type=int, default=96)
    parser.add_argument("--micro-batch-tokens", type=int, default=16384)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    lengths = long_tailed(options.rows, seed=0).float()
    print(f"{options.rows} rows, mean / max = {float(lengths.mean() / lengths.max()):.2f}, longest {LONGEST},", end=" ")
    print(f"at most {options.micro_batch_tokens} tokens a pass, load at the start {os.getloadavg()[0]:.1f}\n")
    print("| model | way | passes | padding | tokens/s | packed is faster by | gradient differs by |")
    print("|---|---|---|---|---|---|---|")
    return int(min(compare(name, options) for name in options.models) < WANTED)


if __name__ == "__main__":
    sys.exit(main())
