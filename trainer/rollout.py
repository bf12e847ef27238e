"""One sampled episode as the trainer sees it: tokens in and out, log-probs, verdict.

Trained ids are the sampled ids; nothing is re-tokenised. In an environment of several turns the environment's own text
stands among the tokens with `sampled` False: it is context, never trained. Masks come from lengths and these flags,
never from token ids.
"""

from dataclasses import dataclass

from verigym.tasks.problem import Problem
from verigym.trainer.engines.engine import Finish
from verigym.verifiers.verdict import Verdict


@dataclass(frozen=True)
class Rollout:
    """One reply (or episode). `group` counts the problems of a step, `sample` the rollouts of a group; `token_ids`,
    `sampled` and `logps` run over the same positions after the prompt; `logps` is 0 where a token was not sampled;
    `version` is that of the oldest weights that sampled any of it; `versions` says it of every token, as runs of
    (version, sampled tokens) from the first on, and is left out where all are of `version`."""

    problem: Problem
    group: int
    sample: int
    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]
    sampled: tuple[bool, ...]
    logps: tuple[float, ...]
    finish: Finish
    version: int
    replies: tuple[str, ...]
    verdict: Verdict
    versions: tuple[tuple[int, int], ...] = ()

    @property
    def reply(self) -> str:
        """The last reply, as text."""
        return self.replies[-1] if self.replies else ""

    @property
    def sampled_tokens(self) -> int:
        """Tokens the policy emitted, the end token included."""
        return sum(self.sampled)

    @property
    def runs(self) -> tuple[tuple[int, int], ...]:
        """`versions`, also where they were left out."""
        return self.versions or ((self.version, self.sampled_tokens),)
