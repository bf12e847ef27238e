"""Rollouts: the policy speaks with an environment until every episode has a verdict.

All episodes of a step go forward together, one turn at a time; grading starts the moment a reply ends, while others are
still being sampled. The tokens the policy emitted are kept as they were sampled, and the environment's text is laid
between them.

    seed = lambda problem, sample: sample_seed(0, 1, problem.address, sample)
    rollouts = collect(engine, chat, driver, problems, 16, sampling=sampling, seed=seed, context=512)
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from verigym.envs.drive import Driver
from verigym.envs.env import Episode
from verigym.tasks.problem import Message, Problem
from verigym.trainer.chat import Chat
from verigym.trainer.engines.engine import Completion, Engine, Finish, Request, Sampling
from verigym.trainer.rollout import Rollout
from verigym.trainer.seeds import sample_seed
from verigym.trainer.stopwatch import Stopwatch
from verigym.verifiers.verdict import Status, Verdict


@dataclass
class _Talk:
    """An episode under way, with the tokens said so far."""

    problem: Problem
    group: int
    sample: int
    seed: int
    episode: Episode
    prompt_ids: tuple[int, ...]
    token_ids: list[int] = field(default_factory=list)
    sampled: list[bool] = field(default_factory=list)
    logps: list[float] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    finish: Finish = "stop"
    version: int | None = None
    pending: "Future[Verdict | None] | None" = None
    verdict: Verdict | None = None

    def hear(self, ids: Sequence[int]) -> None:
        """The environment's tokens: context, not trained."""
        self.token_ids += ids
        self.sampled += [False] * len(ids)
        self.logps += [0.0] * len(ids)

    def say(self, completion: Completion, text: str) -> None:
        """The policy's tokens, as they were sampled."""
        self.token_ids += completion.token_ids
        self.sampled += [True] * len(completion.token_ids)
        self.logps += completion.logps
        self.replies.append(text)
        self.finish = completion.finish
        self.version = completion.version if self.version is None else min(self.version, completion.version)

    def room(self, limit: int, context: int) -> int:
        """Tokens that may still be sampled."""
        return min(limit - sum(self.sampled), context - len(self.prompt_ids) - len(self.token_ids))

    def rollout(self, version: int) -> Rollout:
        """The finished episode."""
        assert self.verdict is not None
        return Rollout(
            problem=self.problem,
            group=self.group,
            sample=self.sample,
            prompt_ids=self.prompt_ids,
            token_ids=tuple(self.token_ids),
            sampled=tuple(self.sampled),
            logps=tuple(self.logps),
            finish=self.finish,
            version=version if self.version is None else self.version,
            replies=tuple(self.replies),
            verdict=self.verdict,
        )


def collect(
    engine: Engine,
    chat: Chat,
    driver: Driver,
    problems: Sequence[Problem],
    n: int,
    *,
    sampling: Sampling,
    seed: Callable[[Problem, int], int],
    context: int,
    first_group: int = 0,
    watch: Stopwatch | None = None,
) -> list[Rollout]:
    """`n` rollouts of each problem, side by side in the order of the problems.

    seed(problem, sample) seeds one rollout; context: longest sequence, in tokens; first_group: number of the first
    group; watch: is told the seconds of `sample` and `verify`. A prompt that leaves no room for a reply gives `error`
    verdicts that name its length, and so does an environment that fails.
    """
    talks = []
    shown: list[Message] = []
    prompt_ids: tuple[int, ...] = ()
    for group, problem in enumerate(problems, first_group):
        for sample in range(n):
            episode = driver.env.start(problem)
            if episode.verdict is None and episode.observation != shown:
                shown, prompt_ids = episode.observation, chat.start(episode.observation)  # a group is shown the same
            talks.append(
                _Talk(problem, group, sample, seed(problem, sample), episode, prompt_ids, verdict=episode.verdict)
            )
    for talk in talks:
        if talk.verdict is None and talk.room(sampling.max_new_tokens, context) < 1:
            talk.verdict = Verdict.error(
                f"the prompt of {talk.problem.address} has {len(talk.prompt_ids)} tokens, and the model's context is "
                f"{context}: no room for a reply; leave such problems out, or take a model with a longer context"
            )
    live = [talk for talk in talks if talk.verdict is None]
    watch = watch or Stopwatch()
    turn = 0
    while live:
        with watch("sample"):
            _speak(engine, chat, driver, live, sampling=sampling, context=context, turn=turn, watch=watch)
        with watch("verify"):
            live = [talk for talk in live if not _heard(talk, chat, sampling, context)]
        turn += 1
    return [talk.rollout(engine.version) for talk in talks]


def _speak(
    engine: Engine,
    chat: Chat,
    driver: Driver,
    live: Sequence[_Talk],
    *,
    sampling: Sampling,
    context: int,
    turn: int,
    watch: Stopwatch,
) -> None:
    """One reply from every live episode, handed to its environment as soon as it ends.

    A verifier is a pure function of the reply and the answer, so a reply that a group says twice is graded once. A
    conversation has a state of its own, and every reply in one goes to its environment.
    """
    graded: dict[tuple[int, tuple[int, ...]], tuple[str, Future[Verdict | None]]] = {}

    def on_done(i: int, completion: Completion) -> None:
        talk = live[i]
        said = (talk.group, completion.token_ids)
        if said not in graded or driver.env.play is not None:
            text = chat.text(completion.token_ids)
            with watch("verify"):
                graded[said] = text, driver.submit(talk.episode, text, truncated=completion.finish == "length")
        text, talk.pending = graded[said]
        talk.say(completion, text)

    requests = [
        Request(
            prompt_ids=talk.prompt_ids + tuple(talk.token_ids),
            seed=talk.seed if turn == 0 else sample_seed(talk.seed, turn),
            max_new_tokens=talk.room(sampling.max_new_tokens, context),
        )
        for talk in live
    ]
    engine.generate(requests, replace(sampling, stop_ids=chat.stop_ids), on_done)


def _heard(talk: _Talk, chat: Chat, sampling: Sampling, context: int) -> bool:
    """Takes the environment's answer to the last reply; True when the episode is over."""
    assert talk.pending is not None
    talk.verdict = talk.pending.result()
    if talk.verdict is not None:
        return True
    ended = bool(talk.token_ids) and talk.token_ids[-1] in chat.stop_ids
    talk.hear(chat.follow(talk.episode.observation, ended=ended))
    if talk.finish == "length" or talk.room(sampling.max_new_tokens, context) < 1:
        talk.finish = "length"
        talk.episode.close()
        talk.verdict = Verdict(0.0, False, Status.TRUNCATED, "no room left for another turn")
        return True
    return False
