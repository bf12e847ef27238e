"""What the conformance suite drives: one engine, opened on a small policy, and the trainer's own figures beside it.

rig = Rig(open_engine=lambda policy: TransformersEngine(...), bound=1e-5)
replies = rig.sample(rig.requests(), Sampling(12))
"""

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from verigym.trainer.chat import Chat
from verigym.trainer.engines.engine import Completion, Engine, Request, Sampling
from verigym.trainer.logprobs import score_tokens
from verigym.trainer.policy import Policy
from verigym.trainer.tiny import character_tokenizer

PROMPTS = ((5, 20), (5, 20, 21, 22, 6), (5, 20, 21, 22, 6), (7,), tuple(5 + i * 7 % 80 for i in range(60)))
"""Of different lengths, two alike."""

DEADLINE_S = 60.0
"""Longest that a case waits for an engine; seconds."""


def small_policy(seed: int = 11) -> Policy:
    """A Llama of 1 M random weights, tied, with grouped heads of width 32, on a CPU in fp32. Its distributions are
    neither flat nor sure: about 4.2 nats of at most 4.8 a token."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = character_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=1152,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        initializer_range=0.1,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config).eval()
    return Policy(model, tokenizer, Chat(tokenizer), "small", "cpu", 512)


@dataclass
class Rig:
    """open_engine: opens the engine under test on the policy's weights, with batch=8 or more. bound: how far its
    log-probs may be off the trainer's, nats. continues: a reply that goes on after a cut (`Request.start`) has the very
    tokens that it would have had. slack_s: how much longer than `wait_s` an `advance` may take. kill: ends a part of an
    engine that is in other processes, from outside, without warning; None where there is nothing of the kind."""

    open_engine: Callable[[Policy], Engine]
    bound: float = 1e-5
    continues: bool = True
    slack_s: float = 1.0
    kill: Callable[[Engine], None] | None = None
    policy: Policy = field(default_factory=small_policy)
    _engine: Engine | None = None
    _failed: str = ""
    _version: int = 0

    @property
    def engine(self) -> Engine:
        """The engine, opened where there is none. One that does not open is not tried again: every case after the
        first fails at once."""
        assert not self._failed, f"the engine did not open: {self._failed}"
        if self._engine is None:
            try:
                self._engine = self.open_engine(self.policy)
            except BaseException as error:
                self._failed = f"{type(error).__name__}: {error}"
                raise
        return self._engine

    def check(self, case: Callable[["Rig"], None]) -> None:
        """Runs a case. An engine that failed one, or was left with work under way, is closed, so that the next case has
        a new one."""
        try:
            case(self)
            left = 0 if self._engine is None else self._engine.busy
            assert left == 0, f"{left} requests are still under way"
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes the engine that is open; the next use opens another."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    def requests(self, seeds: Sequence[int] = (11, 12, 13, 14, 15)) -> list[Request]:
        """One for each of PROMPTS."""
        return [Request(prompt, seed) for prompt, seed in zip(PROMPTS, seeds, strict=True)]

    def sample(self, requests: Sequence[Request], sampling: Sampling) -> list[Completion]:
        """One completion a request, in order, within the deadline."""
        tickets = self.engine.add(requests, sampling)
        assert len(tickets) == len(requests)
        done = self.drain()
        assert sorted(done) == sorted(tickets)
        return [done[ticket] for ticket in tickets]

    def drain(self, done: dict[int, Completion] | None = None) -> dict[int, Completion]:
        """Advances until nothing is under way. Returns what ended by ticket, beside what is in `done`."""
        done, until = dict(done or {}), time.monotonic() + DEADLINE_S
        while self.engine.busy:
            for ticket, completion in self.engine.advance():
                assert ticket not in done, f"ticket {ticket} was returned twice"
                done[ticket] = completion
            assert time.monotonic() < until, f"{self.engine.busy} requests have not ended in {DEADLINE_S:.0f} s"
        return done

    def scores(
        self, requests: Sequence[Request], replies: Sequence[Completion], temperature: float, model: object = None
    ) -> list[torch.Tensor]:
        """The trainer's log-probs of the replies' tokens, as an update computes them, one tensor a reply."""
        rows = [(*request.prompt_ids, *reply.token_ids) for request, reply in zip(requests, replies, strict=True)]
        ids = torch.zeros((len(rows), max(map(len, rows))), dtype=torch.long)
        attention, mask = torch.zeros_like(ids), torch.zeros_like(ids, dtype=torch.bool)
        for i, (row, reply) in enumerate(zip(rows, replies, strict=True)):
            ids[i, : len(row)], attention[i, : len(row)] = torch.tensor(row), 1
            mask[i, : len(reply.token_ids)] = True
        lengths = torch.tensor([len(request.prompt_ids) for request in requests])
        mask = mask[:, : max(len(reply.token_ids) for reply in replies)]
        with torch.no_grad():
            found = score_tokens(model or self.policy.model, ids, attention, lengths, mask, temperature=temperature)
        return [found.logp[i, : len(reply.token_ids)] for i, reply in enumerate(replies)]

    def assert_scored(
        self, requests: Sequence[Request], replies: Sequence[Completion], temperature: float, model: object = None
    ) -> None:
        """The replies' log-probs are the trainer's, within the bound."""
        for reply, wanted in zip(replies, self.scores(requests, replies, temperature, model), strict=True):
            assert len(reply.logps) == len(reply.token_ids)
            off = (torch.tensor(reply.logps) - wanted).abs().max().item() if reply.logps else 0.0
            assert off <= self.bound, f"log-probs are off by {off:.2g} nats, more than {self.bound:g}"

    def logits(self, prompt: Sequence[int], model: object = None) -> torch.Tensor:
        """The trainer's logits [V] after a prompt, in fp32."""
        with torch.no_grad():
            return (model or self.policy.model)(input_ids=torch.tensor([list(prompt)])).logits[0, -1].float()

    def other(self, seed: int = 1, share: float = 0.2) -> torch.nn.Module:
        """A copy of the policy's model with other weights: noise of `share` of its own size on each."""
        model, rng = copy.deepcopy(self.policy.model), torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for weight in model.parameters():
                noise = torch.randn(weight.shape, generator=rng)
                weight.add_(share * noise * (weight.std() if weight.ndim > 1 else 1.0))
        return model

    def next_version(self) -> int:
        """A version that the engine has not had."""
        self._version = max(self._version, self.engine.version) + 1
        return self._version

    @contextmanager
    def loaded(self, weights: Mapping[str, torch.Tensor]) -> Iterator[int]:
        """The engine with other weights, of the version given; the policy's own come back at the end."""
        version = self.next_version()
        self.engine.load_weights(weights, version)
        yield version
        self.engine.load_weights(dict(self.policy.model.named_parameters()), self.next_version())
