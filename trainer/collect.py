"""Rollouts: the policy speaks with an environment until every episode has a verdict.

Episodes are independent. A reply that ends goes to its environment at once, while others are still being sampled; the
environment's answer opens the next turn, and an episode that is over leaves its place to others. The tokens the policy
emitted are kept as they were sampled, and the environment's text is laid between them.

    seed = lambda problem, sample: sample_seed(0, 1, problem.address, sample)
    rollouts = collect(engine, chat, driver, problems, 16, sampling=sampling, seed=seed, context=512)
"""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace

from verigym.envs.drive import Driver
from verigym.envs.env import Episode
from verigym.tasks.problem import Message, Problem
from verigym.trainer.chat import Chat
from verigym.trainer.engines.engine import WAIT_S, Completion, Engine, Finish, Request, Sampling
from verigym.trainer.rollout import Rollout
from verigym.trainer.seeds import sample_seed
from verigym.trainer.stopwatch import Stopwatch
from verigym.verifiers.verdict import Status, Verdict

LISTEN_S = 0.02
"""Longest that an engine is left to itself while an environment's answer is awaited; seconds."""

Seed = Callable[[Problem, int], int]
"""From a problem and the number of a sample to the seed of its random numbers."""


@dataclass
class _Group:
    """The episodes of one problem. number: of the group in its rollouts; open: how many are not over; graded: replies
    that were said, with their grading."""

    key: int
    number: int
    open: int
    talks: "list[_Talk]" = field(default_factory=list)
    graded: "dict[tuple[int, ...], tuple[str, Future[Verdict | None]]]" = field(default_factory=dict)


@dataclass
class _Talk:
    """An episode under way, with the tokens said so far. begun: tokens of the reply under way that are here already;
    most: tokens after which its next request is cut short, and goes on later."""

    problem: Problem
    group: _Group
    sample: int
    seed: int
    episode: Episode
    prompt_ids: tuple[int, ...]
    token_ids: list[int] = field(default_factory=list)
    sampled: list[bool] = field(default_factory=list)
    logps: list[float] = field(default_factory=list)
    versions: list[tuple[int, int]] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    finish: Finish = "stop"
    begun: int = 0
    most: int | None = None
    pending: "Future[Verdict | None] | None" = None
    verdict: Verdict | None = None

    def hear(self, ids: Sequence[int]) -> None:
        """The environment's tokens: context, not trained."""
        self.token_ids += ids
        self.sampled += [False] * len(ids)
        self.logps += [0.0] * len(ids)

    def say(self, completion: Completion) -> None:
        """The policy's tokens, as they were sampled."""
        n = len(completion.token_ids)
        self.token_ids += completion.token_ids
        self.sampled += [True] * n
        self.logps += completion.logps
        self.finish = completion.finish
        self.begun += n
        if self.versions and self.versions[-1][0] == completion.version:
            self.versions[-1] = (completion.version, self.versions[-1][1] + n)
        elif n or not self.versions:
            self.versions.append((completion.version, n))

    def room(self, limit: int, context: int) -> int:
        """Tokens that may still be sampled."""
        return min(limit - sum(self.sampled), context - len(self.prompt_ids) - len(self.token_ids))

    def request(self, limit: int, context: int) -> Request:
        """What the engine is asked for: the next reply, or what is left of the one under way."""
        room = self.room(limit, context)
        turn = len(self.replies)
        return Request(
            prompt_ids=self.prompt_ids + tuple(self.token_ids),
            seed=sample_seed(self.seed, turn) if turn else self.seed,
            max_new_tokens=room if self.most is None else min(room, self.most),
            start=self.begun,
        )

    def rollout(self, version: int) -> Rollout:
        """The episode as it stands. version: where no token was sampled."""
        return Rollout(
            problem=self.problem,
            group=self.group.number,
            sample=self.sample,
            prompt_ids=self.prompt_ids,
            token_ids=tuple(self.token_ids),
            sampled=tuple(self.sampled),
            logps=tuple(self.logps),
            finish=self.finish,
            version=min((one for one, _ in self.versions), default=version),
            replies=tuple(self.replies),
            verdict=self.verdict or Verdict.error("the episode is not over"),
            versions=tuple(self.versions) if len(self.versions) > 1 else (),
        )


class Collector:
    """Episodes under way with one engine, of which new ones may be started at any time.

    sampling: of the policy; context: longest sequence, in tokens; reacts: whether what is started next depends on how
    episodes end; repeats: whether the same run must give the same bits again, where the engine does; watch: is told the
    seconds of `sample` and `verify`.

    An answer is taken as soon as it is there. Not so where a run repeats and answers lead to more sampling: the
    engine's batches would depend on the clock, and the last bits of its log-probs with them. Environments are then
    heard at moments that the tokens alone decide: when half of those that spoke have ended, and when all have.
    """

    def __init__(
        self,
        engine: Engine,
        chat: Chat,
        driver: Driver,
        *,
        sampling: Sampling,
        context: int,
        reacts: bool = False,
        repeats: bool = True,
        watch: Stopwatch | None = None,
    ) -> None:
        self.engine = engine
        self.chat = chat
        self.driver = driver
        self.sampling = replace(sampling, stop_ids=chat.stop_ids)
        self.context = context
        self.watch = watch or Stopwatch()
        self._by_tokens = repeats and engine.repeats and (reacts or driver.env.play is not None)
        self._ready: list[_Talk] = []
        self._speaking: dict[int, _Talk] = {}
        self._answering: list[_Talk] = []
        self._half = 0
        self._over: list[tuple[int, list[Rollout]]] = []

    @property
    def busy(self) -> bool:
        """Whether any group is not over, or has not been returned."""
        return bool(self._speaking or self._answering or self._ready or self._over)

    def start(self, key: int, problem: Problem, n: int, seed: Seed, number: int | None = None) -> None:
        """Starts `n` episodes of a problem, as the group `key`, which their rollouts call `number`. A prompt that
        leaves no room for a reply gives `error` verdicts that name its length, and so does an environment that
        fails."""
        group = _Group(key, key if number is None else number, n)
        shown: list[Message] | None = None
        prompt_ids: tuple[int, ...] = ()
        for sample in range(n):
            episode = self.driver.start(problem)
            if episode.verdict is None and episode.observation != shown:
                shown, prompt_ids = episode.observation, self.chat.start(episode.observation)
            talk = _Talk(problem, group, sample, seed(problem, sample), episode, prompt_ids, verdict=episode.verdict)
            group.talks.append(talk)
            if talk.verdict is None and talk.room(self.sampling.max_new_tokens, self.context) < 1:
                talk.verdict = Verdict.error(
                    f"the prompt of {problem.address} has {len(prompt_ids)} tokens, and the model's context is "
                    f"{self.context}: no room for a reply; leave such problems out, or take a model with a longer "
                    "context"
                )
            if talk.verdict is None:
                self._ready.append(talk)
            else:
                self._end(talk)

    def advance(self) -> list[tuple[int, list[Rollout]]]:
        """Goes on with everything under way, for a moment. Returns the groups that are over, each with its rollouts in
        order. Raises EngineError where the engine cannot go on."""
        self._speak()
        ended = self._listen(LISTEN_S if self._answering and not self._by_tokens else WAIT_S)
        with self.watch("verify"):
            for talk in self._answered(ended):
                self._hear(talk)
        over, self._over = self._over, []
        return over

    def interrupt(self) -> None:
        """Stops every reply under way where it is. Each goes on with the next `advance`, with its tokens kept, under
        whatever weights the engine has by then."""
        if self._speaking:
            self.engine.cancel()
        while self._speaking:
            self._listen(WAIT_S)
        self._ready.sort(key=lambda talk: (talk.group.key, talk.sample))

    def probe(self, rows: int, tokens: int) -> list[Rollout]:
        """Lets a few of those that wait to speak say their next tokens, alone, and returns these episodes as they then
        stand; they go on later. Nothing may be under way in the engine. Fewer are returned where fewer wait."""
        chosen = self._ready[:: max(1, len(self._ready) // rows)][:rows]
        left = {id(talk) for talk in chosen}
        others = [talk for talk in self._ready if id(talk) not in left]
        for talk in chosen:
            talk.most = tokens
        self._ready = chosen
        self._speak()
        while self._speaking:
            self._listen(WAIT_S)
        for talk in chosen:
            talk.most = None
        self._ready = sorted([*self._ready, *others], key=lambda talk: (talk.group.key, talk.sample))
        return [talk.rollout(self.engine.version) for talk in chosen]

    def _speak(self) -> None:
        """Hands the engine everyone who may speak."""
        if self._ready:
            talks, self._ready = self._ready, []
            requests = [talk.request(self.sampling.max_new_tokens, self.context) for talk in talks]
            self._speaking.update(zip(self.engine.add(requests, self.sampling), talks, strict=True))
            self._half = len(self._speaking) // 2

    def _listen(self, wait_s: float) -> bool:
        """Takes the replies that have ended to their environments; whether there were any."""
        if not self._speaking:
            return False
        with self.watch("sample"):
            ended = self.engine.advance(wait_s)
            for ticket, completion in ended:
                self._said(self._speaking.pop(ticket), completion)
        return bool(ended)

    def _said(self, talk: _Talk, completion: Completion) -> None:
        """A reply, or a part of one that goes on later.

        A verifier is a pure function of the reply and the answer, so a reply that a group says twice is graded once. A
        conversation has a state of its own, and every reply in one goes to its environment.
        """
        talk.say(completion)
        cut = talk.most is not None and talk.room(self.sampling.max_new_tokens, self.context) >= 1
        if completion.finish == "abort" or (completion.finish == "length" and cut):
            self._ready.append(talk)
            return
        said = tuple(talk.token_ids[-talk.begun :]) if talk.begun > len(completion.token_ids) else completion.token_ids
        graded = talk.group.graded
        if said not in graded or self.driver.env.play is not None:
            text = self.chat.text(said)
            with self.watch("verify"):
                graded[said] = text, self.driver.submit(talk.episode, text, truncated=completion.finish == "length")
        text, talk.pending = graded[said]
        talk.replies.append(text)
        talk.begun = 0
        self._answering.append(talk)

    def _answered(self, ended: bool) -> list[_Talk]:
        """Those whose environment is heard now."""
        if not self._answering:
            return []
        silent = not self._speaking and not self._ready
        if self._by_tokens:
            if not silent and not (ended and len(self._speaking) <= self._half):
                return []
            heard, self._answering = self._answering, []
            self._half = len(self._speaking) // 2
            return heard
        if silent:
            wait([talk.pending for talk in self._answering if talk.pending], return_when=FIRST_COMPLETED)
        heard = []
        still: list[_Talk] = []
        for talk in self._answering:
            (heard if talk.pending and talk.pending.done() else still).append(talk)
        self._answering = still
        return heard

    def _hear(self, talk: _Talk) -> None:
        """Takes the environment's answer to the last reply: the end of the episode, or the next turn."""
        assert talk.pending is not None
        talk.verdict = talk.pending.result()
        if talk.verdict is None:
            ended = bool(talk.token_ids) and talk.token_ids[-1] in self.chat.stop_ids
            talk.hear(self.chat.follow(talk.episode.observation, ended=ended))
            if talk.finish != "length" and talk.room(self.sampling.max_new_tokens, self.context) >= 1:
                self._ready.append(talk)
                return
            talk.finish = "length"
            talk.episode.close()
            talk.verdict = Verdict(0.0, False, Status.TRUNCATED, "no room left for another turn")
        self._end(talk)

    def _end(self, talk: _Talk) -> None:
        group = talk.group
        group.open -= 1
        if not group.open:
            self._over.append((group.key, [one.rollout(self.engine.version) for one in group.talks]))


def collect(
    engine: Engine,
    chat: Chat,
    driver: Driver,
    problems: Sequence[Problem],
    n: int,
    *,
    sampling: Sampling,
    seed: Seed,
    context: int,
    first_group: int = 0,
    watch: Stopwatch | None = None,
) -> list[Rollout]:
    """`n` rollouts of each problem, side by side in the order of the problems.

    seed(problem, sample) seeds one rollout; context: longest sequence, in tokens; first_group: number of the first
    group; watch: is told the seconds of `sample` and `verify`. Verdicts are as of `Collector.start`.
    """
    collector = Collector(engine, chat, driver, sampling=sampling, context=context, watch=watch)
    for key, problem in enumerate(problems, first_group):
        collector.start(key, problem, n, seed)
    groups: dict[int, list[Rollout]] = {}
    while collector.busy:
        groups.update(collector.advance())
    return [rollout for key in sorted(groups) for rollout in groups[key]]
