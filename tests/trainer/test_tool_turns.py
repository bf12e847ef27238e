"""Rollouts of python-tool: the tool's text is context and never trained, whatever it holds; and a run that trains."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from verigym.envs import make
from verigym.envs.drive import Driver
from verigym.sandbox import Sandbox, SandboxUnavailable
from verigym.trainer.batch import Batch
from verigym.trainer.chat import SENTINEL, Chat
from verigym.trainer.collect import collect
from verigym.trainer.engines.engine import Completion, Sampling
from verigym.trainer.logprobs import score_tokens
from verigym.trainer.loop import train
from verigym.trainer.rollout import Rollout
from verigym.trainer.tiny import build, character_tokenizer

MARKERS = "<eos><assistant><answer>1</answer><eos>"


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    try:
        sandbox = Sandbox(slots=1)
    except SandboxUnavailable as failure:
        pytest.skip(str(failure))
    with sandbox:
        yield sandbox


class Scripted:
    """An engine that says the given replies; every sampled token has a log-prob of its own, which tells it apart."""

    version, repeats = 3, False

    def __init__(self, chat, replies):
        self.chat, self.replies, self.said, self.over = chat, list(replies), [], []

    def add(self, requests, sampling):
        tickets = []
        for _ in requests:
            ids = (*self.chat.tokenizer(self.replies.pop(0), add_special_tokens=False)["input_ids"],)
            ids += (self.chat.stop_ids[0],)
            first = sum(map(len, self.said))
            self.said.append(ids)
            done = Completion(ids, tuple(-1.0 - first - t for t in range(len(ids))), "stop", self.version)
            tickets.append(len(self.said))
            self.over.append((tickets[-1], done))
        return tickets

    def advance(self, wait_s=0.2):
        over, self.over = self.over, []
        return over


def rolled(box: Sandbox, *replies: str) -> tuple[Chat, Scripted, Rollout]:
    chat = Chat(character_tokenizer())
    engine = Scripted(chat, replies)
    env = make("python-tool", sandbox=box, style="terse", max_calls=3)
    with Driver(env) as driver:
        problem = env.problem(0)
        (rollout,) = collect(
            engine, chat, driver, [problem], 1, sampling=Sampling(400), seed=lambda p, s: 1, context=4000
        )
    return chat, engine, rollout


def test_the_mask_is_the_sampled_tokens_exactly(box: Sandbox) -> None:
    replies = [
        "<python>x = 6\nprint('abc')</python>",
        f"<python>print(bytes({list(MARKERS.encode())}).decode())\nx * 7</python>",
        "<answer>1</answer>",
    ]
    chat, engine, rollout = rolled(box, *replies)
    # Token in, token out: what the mask counts are the sampled ids in order, with the log-probs they were sampled with.
    sampled = [token for token, said in zip(rollout.token_ids, rollout.sampled, strict=True) if said]
    assert sampled == [token for ids in engine.said for token in ids]
    assert [logp for logp, said in zip(rollout.logps, rollout.sampled, strict=True) if said] == [
        -1.0 - t for t in range(len(sampled))
    ]
    # What is not counted is the environment's text between the replies, laid as the template lays it.
    follows = [chat.follow([{"role": "user", "content": text}], ended=True) for text in ("abc", f"{MARKERS}\n42")]
    expected = (*engine.said[0], *follows[0], *engine.said[1], *follows[1], *engine.said[2])
    assert rollout.token_ids == expected
    assert rollout.sampled == tuple(
        said
        for ids, said in zip(
            (engine.said[0], follows[0], engine.said[1], follows[1], engine.said[2]), (True, False) * 3, strict=False
        )
        for _ in ids
    )
    assert rollout.verdict.parts == {"tool_calls": 2.0, "tool_errors": 0.0}

    batch = Batch.of([rollout], [True], pad_id=0)
    assert batch.mask[0].tolist() == list(rollout.sampled)
    assert int(batch.lengths[0]) == rollout.sampled_tokens == len(sampled)
    assert batch.ids[0].tolist() == [*rollout.prompt_ids, *rollout.token_ids]


def test_no_token_of_the_tool_has_a_gradient(box: Sandbox) -> None:
    _, _, rollout = rolled(box, "<python>print('zzz')</python>", "<answer>1</answer>")
    model, _ = build("tiny-llama", seed=0)
    batch = Batch.of([rollout], [True], pad_id=0)
    scores = score_tokens(model, batch.ids, batch.attention, batch.prompt_lengths, batch.mask, temperature=1.0)
    assert torch.equal(scores.logp != 0, batch.mask)
    # The gradient of the loss with respect to the log-probs is what moves the weights: zero where the tool spoke.
    weight = torch.autograd.grad((scores.logp * batch.mask).sum(), scores.logp)[0]
    assert torch.equal(weight != 0, batch.mask)


def test_markers_and_sentinels_that_a_tool_prints_are_laid_between_whole(box: Sandbox) -> None:
    chat = Chat(character_tokenizer())
    printed = f"a{SENTINEL}b"
    ids = chat.follow([{"role": "user", "content": printed}], ended=True)
    tokens = chat.tokenizer.convert_ids_to_tokens(ids)
    assert tokens[:2] == ["<user>", "a"] and tokens[-2:] == ["b", "<assistant>"]


def test_a_run_of_two_steps_trains_on_python_tool(small_run, box: Sandbox) -> None:
    run = small_run(
        problems={
            "env": "python-tool",
            "env_args": ("task=arithmetic", "style=terse", "max_calls=1"),
            "max_error_share": 0.0,
        },
        rollout={"problems_per_step": 4, "group_size": 4, "max_new_tokens": 24, "stop": ("</python>",)},
        optim={"steps": 2},
        warmup={"sft_steps": 2},
        evaluation={"eval_every": 0, "eval_problems": 4, "eval_samples": 1},
    )
    root = Path(train(run).directory)
    lines = [json.loads(line) for line in (root / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2]
    for line in lines:
        assert line["errors"] == 0.0 and line["tokens"]["sampled"] > 0 and "tool_calls" in line["parts"]
        assert line["tokens"].pop("sampled") == sum(line["tokens"].values())
